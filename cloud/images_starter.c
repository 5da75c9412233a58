/* Registers the images that the recipes of guest/ built: what <state>/images/NAME/image.json says.
 *
 * Invariant: files are named by their content and never change, so an image record, once made,
 * keeps meaning the same bytes; another build is another image. What has no image.json any more, or
 * another one now, is no longer offered. */
#include "cloud/seed.h"

#include "base/fault.h"
#include "base/id.h"
#include "cloud/catalog.h"
#include "cloud/images.h"
#include "cloud/site.h"
#include <jansson.h>
#include <string.h>

#define DIRECTORY "images"
#define STARTER "micro"
#define MANIFEST "image.json"
#define BUILT_MAX 1000
#define GIB (INT64_C(1) << 30)
#define FAKE_SIZE (INT64_C(64) << 20)
#define ROOT_DEVICE "/dev/xvda"

typedef struct json_t Json;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Json, json_decref)

/* An image directory. */
typedef struct Built {
    const char *name; /* below DIRECTORY */
    Json *manifest;
} Built;

static void built_free(void *data)
{
    Built *built = data;
    json_decref(built->manifest);
    g_free(built);
}

/* The manifest's member, copied into the arena; NULL without. */
static const char *text(Arena *arena, const Built *built, const char *name)
{
    return arena_strdup(arena, json_string_value(json_object_get(built->manifest, name)));
}

static int64_t number(const Built *built, const char *name)
{
    return json_integer_value(json_object_get(built->manifest, name));
}

static const char *path_of(Arena *arena, const Built *built, const char *name)
{
    const char *file = json_string_value(json_object_get(built->manifest, name));
    return file ? arena_printf(arena, DIRECTORY "/%s/%s", built->name, file) : NULL;
}

static Image *new_image(Context *context, const Built *built, const char *prefix, const char *kind,
                        const char *name)
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
        .recipe = text(context->arena, built, "recipe"),
        .created = cloud_now(context->cloud),
    };
    return image;
}

static bool register_file(Context *context, Txn *txn, const Built *built, const char *prefix,
                          const char *kind, const char **ret_id, GError **error)
{
    Arena *arena = context->arena;
    const char *name = text(arena, built, arena_printf(arena, "%s_name", kind));
    Image *image = new_image(context, built, prefix, kind, name ? name : kind);
    image->root_device_type = "instance-store";
    image->path = path_of(arena, built, kind);
    image->format = "raw";
    image->size = number(built, arena_printf(arena, "%s_size", kind));
    *ret_id = image->id;
    return image_insert(txn, image, error);
}

/* A disk that starts by itself has neither. */
static bool register_kernel(Context *context, Txn *txn, const Built *built, Image *image,
                            GError **error)
{
    if (!json_object_get(built->manifest, "kernel_name"))
        return true;
    image->kernel_arguments = text(context->arena, built, "kernel_arguments");
    return register_file(context, txn, built, "aki", "kernel", &image->kernel_id, error) &&
           register_file(context, txn, built, "ari", "ramdisk", &image->ramdisk_id, error);
}

/* What instances of it get, and what others may make volumes of. */
static bool register_disk(Context *context, Txn *txn, const Image *image, GError **error)
{
    Snapshot snapshot = {
        .id = image->snapshot_id,
        .account_id = image->account_id,
        .owner_alias = image->owner_alias,
        .size_gib = MAX((image->size + GIB - 1) / GIB, 1),
        .state = SNAPSHOT_COMPLETED,
        .description = arena_printf(context->arena, "Disk of %s", image->id),
        .path = image->path,
        .format = image->format,
        .started = image->created,
        .completed = image->created,
    };
    SnapshotPermission permission = {.snapshot_id = snapshot.id, .account_id = "all"};
    ImageMapping mapping = {
        .image_id = image->id,
        .device = image->root_device_name,
        .snapshot_id = snapshot.id,
        .size_gib = snapshot.size_gib,
        .type = "gp2",
        .delete_on_termination = true,
    };
    return snapshot_insert(txn, &snapshot, error) &&
           snapshot_permission_insert(txn, &permission, error) &&
           image_mapping_insert(txn, &mapping, error);
}

static bool register_machine(Context *context, Txn *txn, const Built *built, Image **ret_image,
                             GError **error)
{
    Arena *arena = context->arena;
    const char *name = text(arena, built, "name");
    Image *image = new_image(context, built, "ami", "machine", name ? name : built->name);
    image->description = text(arena, built, "description");
    image->root_device_type = "ebs";
    image->root_device_name = ROOT_DEVICE;
    image->path = path_of(arena, built, "root");
    image->format = text(arena, built, "root_format");
    image->size = number(built, "root_size");
    image->snapshot_id = id_new(arena, "snap");
    image->ena_support = true;
    *ret_image = image;
    return register_kernel(context, txn, built, image, error) && image_insert(txn, image, error) &&
           register_disk(context, txn, image, error);
}

/* The machine image of this build, or NULL when it is not registered. */
static bool find_machine(Context *context, Txn *txn, const char *recipe, Image **ret_image,
                         GError **error)
{
    List known = {0};
    if (!record_query(txn, context->arena, QUERY_IMAGES_BY_RECIPE, &known, error, recipe))
        return false;
    *ret_image = NULL;
    LIST_EACH (Image *, image, &known)
        if (image->state == IMAGE_AVAILABLE && strcmp(image->kind, "machine") == 0)
            *ret_image = image;
    return true;
}

static bool is_built(const GPtrArray *all, const char *recipe)
{
    for (unsigned i = 0; i < all->len; i++) {
        const Built *built = all->pdata[i];
        if (g_strcmp0(json_string_value(json_object_get(built->manifest, "recipe")), recipe) == 0)
            return true;
    }
    return false;
}

/* An older build is no longer offered; instances of it go on. */
static bool deregister_others(Context *context, Txn *txn, const GPtrArray *all, GError **error)
{
    List images = {0};
    if (!record_query(txn, context->arena, QUERY_STARTER_IMAGES, &images, error))
        return false;
    LIST_EACH (Image *, image, &images) {
        if (image->state != IMAGE_AVAILABLE || is_built(all, image->recipe))
            continue;
        state_move(&image_machine, image->id, &image->state, IMAGE_DEREGISTERED);
        if (!image_put(txn, image, error))
            return false;
    }
    return true;
}

/* ---- manifests ---- */

static void add_built(GPtrArray *all, const char *name, Json *manifest)
{
    Built *built = g_new(Built, 1);
    *built = (Built){.name = name, .manifest = manifest};
    g_ptr_array_add(all, built);
}

/* The starter image of the fake back end, which needs no files. */
static Json *fake_manifest(void)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I}", "name", "cumulet-micro", "description",
                     "Cumulet micro (the fake back end boots nothing)", "kernel_name",
                     "cumulet-linux", "ramdisk_name", "cumulet-ramdisk", "root_format", "qcow2",
                     "recipe", "fake", "root_size", (json_int_t)FAKE_SIZE);
}

static bool read_manifest(const char *path, const char *name, Json **ret_manifest, GError **error)
{
    json_error_t why;
    Json *manifest = json_load_file(path, 0, &why);
    if (!json_is_object(manifest) || !json_is_string(json_object_get(manifest, "recipe")) ||
        !json_is_string(json_object_get(manifest, "root"))) {
        json_decref(manifest);
        return trouble_set(error,
                           "%s is damaged (%s): build the image again with "
                           "'cumulet image build %s --force', or remove its directory",
                           path, why.text[0] ? why.text : "members are missing", name);
    }
    *ret_manifest = manifest;
    return true;
}

static bool is_known(const GPtrArray *all, const char *name)
{
    for (unsigned i = 0; i < all->len; i++)
        if (strcmp(((const Built *)all->pdata[i])->name, name) == 0)
            return true;
    return false;
}

/* Adds what every directory of that path has; the names live in the arena. */
static bool read_manifests(Arena *arena, const char *path, GPtrArray *all, GError **error)
{
    g_autoptr(GDir) directory = g_dir_open(path, 0, NULL);
    const char *entry;
    while (directory && (entry = g_dir_read_name(directory)) && all->len < BUILT_MAX) {
        const char *file = arena_printf(arena, "%s/%s/" MANIFEST, path, entry);
        Json *manifest;
        if (is_known(all, entry) || !g_file_test(file, G_FILE_TEST_EXISTS))
            continue;
        if (!read_manifest(file, entry, &manifest, error))
            return false;
        add_built(all, arena_strdup(arena, entry), manifest);
    }
    return true;
}

static bool read_all(Context *context, GPtrArray *all, GError **error)
{
    const CloudConfig *config = &context->cloud->config;
    if (config->hypervisor->pretends)
        add_built(all, STARTER, fake_manifest());
    const char *path = arena_printf(context->arena, "%s/" DIRECTORY, config->state_dir);
    return read_manifests(context->arena, path, all, error);
}

/* ---- both ---- */

bool images_register_built(Context *context, Txn *txn, List *ret_images, GError **error)
{
    g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(built_free);
    if (!read_all(context, all, error) || !deregister_others(context, txn, all, error))
        return false;
    for (unsigned i = 0; i < all->len; i++) {
        const Built *built = all->pdata[i];
        Image *image;
        if (!find_machine(context, txn, text(context->arena, built, "recipe"), &image, error) ||
            (!image && !register_machine(context, txn, built, &image, error)))
            return false;
        list_add(ret_images, context->arena, image);
    }
    return true;
}

bool images_refresh(Cloud *cloud, Arena *arena, List *ret_images, GError **error)
{
    Context context = {.cloud = cloud, .arena = arena, .region = HOME_REGION};
    g_autoptr(Txn) txn = NULL;
    return txn_begin(cloud_store(cloud), &txn, error) &&
           images_register_built(&context, txn, ret_images, error) && txn_commit(&txn, error);
}
