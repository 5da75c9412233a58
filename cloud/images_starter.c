/* Registers the starter image: what guest/micro built in <state>/images/micro.
 *
 * Invariant: files are named by their content and never change, so an image record, once made,
 * keeps meaning the same bytes; another build is another image. */
#include "cloud/seed.h"

#include "base/fault.h"
#include "base/id.h"
#include "cloud/images.h"
#include "cloud/site.h"
#include <jansson.h>
#include <string.h>

#define STARTER "images/micro"
#define FAKE_SIZE (INT64_C(64) << 20)
#define ROOT_DEVICE "/dev/xvda"

typedef struct json_t Json;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Json, json_decref)

/* The manifest's member, copied into the arena; NULL without. */
static const char *text(Arena *arena, const Json *manifest, const char *name)
{
    return arena_strdup(arena, json_string_value(json_object_get(manifest, name)));
}

static const char *path_of(Arena *arena, const Json *manifest, const char *name)
{
    const char *file = json_string_value(json_object_get(manifest, name));
    return file ? arena_printf(arena, STARTER "/%s", file) : NULL;
}

static Image *new_image(Context *context, const Json *manifest, const char *prefix,
                        const char *kind, const char *name)
{
    Image *image = arena_new_struct(context->arena, Image);
    *image = (Image){
        .id = id_new(context->arena, prefix),
        .account_id = IMAGES_AMAZON_ACCOUNT,
        .owner_alias = IMAGES_AMAZON_ALIAS,
        .kind = kind,
        .name = name,
        .location = arena_printf(context->arena, IMAGES_AMAZON_ALIAS "/%s", name),
        .architecture = "x86_64",
        .state = IMAGE_AVAILABLE,
        .is_public = true,
        .virtualization_type = "hvm",
        .recipe = text(context->arena, manifest, "recipe"),
        .created = cloud_now(context->cloud),
    };
    return image;
}

static bool register_file(Context *context, Txn *txn, const Json *manifest, const char *prefix,
                          const char *kind, const char **ret_id, GError **error)
{
    const char *name =
        text(context->arena, manifest, arena_printf(context->arena, "%s_name", kind));
    Image *image = new_image(context, manifest, prefix, kind, name ? name : kind);
    image->root_device_type = "instance-store";
    image->path = path_of(context->arena, manifest, kind);
    image->format = "raw";
    image->size = json_integer_value(
        json_object_get(manifest, arena_printf(context->arena, "%s_size", kind)));
    *ret_id = image->id;
    return image_insert(txn, image, error);
}

static bool register_machine(Context *context, Txn *txn, const Json *manifest, GError **error)
{
    Arena *arena = context->arena;
    const char *name = text(arena, manifest, "name");
    Image *image = new_image(context, manifest, "ami", "machine", name ? name : "cumulet-micro");
    image->description = text(arena, manifest, "description");
    image->kernel_arguments = text(arena, manifest, "kernel_arguments");
    image->root_device_type = "ebs";
    image->root_device_name = ROOT_DEVICE;
    image->path = path_of(arena, manifest, "root");
    image->format = text(arena, manifest, "root_format");
    image->size = json_integer_value(json_object_get(manifest, "root_size"));
    image->snapshot_id = id_new(arena, "snap");
    return register_file(context, txn, manifest, "aki", "kernel", &image->kernel_id, error) &&
           register_file(context, txn, manifest, "ari", "ramdisk", &image->ramdisk_id, error) &&
           image_insert(txn, image, error);
}

/* An older build is no longer offered; instances of it go on. */
static bool deregister_others(Context *context, Txn *txn, const char *recipe, GError **error)
{
    List images = {0};
    if (!record_query(txn, context->arena, QUERY_STARTER_IMAGES, &images, error))
        return false;
    LIST_EACH (Image *, image, &images) {
        if (strcmp(image->recipe, recipe) == 0 || image->state != IMAGE_AVAILABLE)
            continue;
        state_move(&image_machine, image->id, &image->state, IMAGE_DEREGISTERED);
        if (!image_put(txn, image, error))
            return false;
    }
    return true;
}

/* What the fake back end needs no files for. */
static Json *fake_manifest(void)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I}", "name", "cumulet-micro", "description",
                     "Cumulet micro (the fake back end boots nothing)", "kernel_name",
                     "cumulet-linux", "ramdisk_name", "cumulet-ramdisk", "root_format", "qcow2",
                     "recipe", "fake", "root_size", (json_int_t)FAKE_SIZE);
}

static bool read_manifest(Context *context, Json **ret_manifest, GError **error)
{
    Cloud *cloud = context->cloud;
    if (cloud->config.hypervisor->pretends) {
        *ret_manifest = fake_manifest();
        return true;
    }
    const char *path =
        arena_printf(context->arena, "%s/" STARTER "/image.json", cloud->config.state_dir);
    *ret_manifest = NULL;
    if (!g_file_test(path, G_FILE_TEST_EXISTS))
        return true;
    json_error_t why;
    Json *manifest = json_load_file(path, 0, &why);
    if (!json_is_object(manifest) || !json_is_string(json_object_get(manifest, "recipe")) ||
        !json_is_string(json_object_get(manifest, "root"))) {
        json_decref(manifest);
        return trouble_set(error,
                           "%s is damaged (%s): build the starter image again with "
                           "guest/micro/build --force",
                           path, why.text[0] ? why.text : "members are missing");
    }
    *ret_manifest = manifest;
    return true;
}

bool images_register_starter(Context *context, Txn *txn, GError **error)
{
    g_autoptr(Json) manifest = NULL;
    if (!read_manifest(context, &manifest, error))
        return false;
    if (!manifest)
        return true;
    const char *recipe = text(context->arena, manifest, "recipe");
    List known = {0};
    if (!deregister_others(context, txn, recipe, error) ||
        !record_query(txn, context->arena, QUERY_IMAGES_BY_RECIPE, &known, error, recipe))
        return false;
    return known.n > 0 || register_machine(context, txn, manifest, error);
}
