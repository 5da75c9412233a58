/* RegisterImage of a bundle: what can be told from its manifest is told at once; the rest is work
 * (cloud/image_unpack.h).
 *
 * Invariant: the record keeps the manifest that was checked, so that the work, whenever it is done
 * and however often it is begun, is upon that one. */
#include "cloud/image_parts.h"

#include "base/fault.h"
#include "base/id.h"
#include "cloud/bundle_objects.h"
#include "cloud/certificates.h"
#include "cloud/long_work.h"
#include "cloud/layers.h"
#include "cloud/volumes.h"
#include <string.h>

#define SUFFIX ".manifest.xml"
/* What a derived name may have, so that an id has room behind it. */
#define DERIVED_NAME_MAX 100

typedef struct Registration {
    Context *context;
    const ImageSpec *spec;
    const ObjectAccess *access;
    BundleLocation location;
    const char *text; /* of the manifest */
    BundleManifest *manifest;
    Image *image;
} Registration;

/* ---- the manifest ---- */

/* What is wrong with a bundle is the client's mistake. */
static bool refuse(GError **error, GError *reason)
{
    if (reason->domain == BUNDLE_ERROR) {
        fault_set(error, FAULT_INVALID_MANIFEST, "%s", reason->message);
        g_error_free(reason);
    } else {
        g_propagate_error(error, reason);
    }
    return false;
}

/* "1111-2222-3333" is 111122223333. */
static bool is_account(const char *user, const char *account_id)
{
    for (; *user; user++) {
        if (*user == '-')
            continue;
        if (*user != *account_id)
            return false;
        account_id++;
    }
    return *account_id == '\0';
}

static bool check_signer(Registration *registration, GError **error)
{
    Context *context = registration->context;
    g_autoptr(GError) reason = NULL;
    List certificates = {0};
    Ec2Key own;
    BundleKey key;
    const BundleManifest *manifest = registration->manifest;
    if (!certificates_of(context->cloud, context->arena, context->caller.account_id, &certificates,
                         error) ||
        !certificates_ec2(context->cloud, context->arena, &own, error))
        return false;
    list_add(&certificates, context->arena, own.certificate_pem); /* BundleInstance's */
    if (!is_account(manifest->user, context->caller.account_id))
        return fault_set(error, FAULT_AUTH_FAILURE,
                         "The bundle is of the account %.20s: only that may register it",
                         manifest->user);
    return bundle_manifest_verify(manifest, (const char *const *)certificates.items, certificates.n,
                                  NULL, &reason) &&
                   bundle_key_unwrap(manifest->ec2_encrypted_key, manifest->ec2_encrypted_iv,
                                     own.private_key_pem, &key, &reason)
               ? true
               : refuse(error, g_steal_pointer(&reason));
}

static bool check_parts(Registration *registration, GError **error)
{
    Context *context = registration->context;
    g_autoptr(Txn) txn = NULL;
    if (!txn_begin_read(cloud_store(context->cloud), &txn, error))
        return false;
    LIST_EACH (const BundlePart *, part, &registration->manifest->parts) {
        Object *object;
        if (!bundle_find_object(
                context, txn, registration->access, &registration->location,
                bundle_part_key(context->arena, &registration->location, part->filename), &object,
                error))
            return false;
    }
    return true;
}

static bool read_manifest(Registration *registration, GError **error)
{
    g_autoptr(GError) reason = NULL;
    Context *context = registration->context;
    size_t size;
    if (!bundle_fetch_manifest(context, registration->access, &registration->location,
                               &registration->text, &size, error))
        return false;
    if (!bundle_manifest_read(context->arena, registration->text, size, &registration->manifest,
                              &reason))
        return refuse(error, g_steal_pointer(&reason));
    return check_signer(registration, error) && check_parts(registration, error);
}

/* ---- the image ---- */

static const char *path_of(Arena *arena, const char *id)
{
    return arena_printf(arena, LAYERS_DIRECTORY "/%s.raw", id);
}

static bool choose_architecture(const Registration *registration, const char **ret_architecture,
                                GError **error)
{
    static const char *const known[] = {"i386", "x86_64", NULL};
    const char *wanted = registration->spec->architecture;
    const char *own = registration->manifest->architecture;
    if (wanted && !g_strv_contains(known, wanted))
        return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                         "Value (%.100s) for parameter architecture is invalid.", wanted);
    if (!wanted && !g_strv_contains(known, own))
        return fault_set(error, FAULT_INVALID_AMI_ATTRIBUTE_ITEM_VALUE,
                         "The architecture '%.100s' in the manifest is not i386 or x86_64", own);
    *ret_architecture = wanted ? wanted : own;
    return true;
}

static const char *device_path(Arena *arena, const char *device)
{
    return *device == '/' ? device : arena_printf(arena, "/dev/%s", device);
}

/* RootDeviceName, or what the manifest says; /dev/sda1 if that is no name of a disk here. */
static const char *root_device(const Registration *registration)
{
    if (registration->spec->root_device_name)
        return registration->spec->root_device_name;
    LIST_EACH (const BundleMapping *, mapping, &registration->manifest->mappings) {
        const char *device = device_path(registration->context->arena, mapping->device);
        if (strcmp(mapping->virtual_name, "root") == 0 && volume_check_device(device, NULL))
            return device;
    }
    return IMAGE_ROOT_DEVICE;
}

static const char *id_prefix(const char *type)
{
    return strcmp(type, "kernel") == 0 ? "aki" : strcmp(type, "ramdisk") == 0 ? "ari" : "ami";
}

static bool make_image(Registration *registration, GError **error)
{
    Arena *arena = registration->context->arena;
    const BundleManifest *manifest = registration->manifest;
    Image *image = image_new(registration->context, registration->spec);
    image->id = id_new(arena, id_prefix(manifest->type));
    image->kind = manifest->type;
    image->location =
        arena_printf(arena, "%s/%s", registration->location.bucket, registration->location.key);
    image->state = IMAGE_PENDING;
    image->root_device_type = "instance-store";
    image->path = path_of(arena, image->id);
    image->format = "raw";
    image->size = (int64_t)manifest->size;
    image->ena_support = registration->spec->ena_support;
    image->work = registration->text;
    if (registration->spec->virtualization_type)
        image->virtualization_type = registration->spec->virtualization_type;
    if (strcmp(image->kind, "machine") == 0)
        image->root_device_name = root_device(registration);
    registration->image = image;
    return choose_architecture(registration, &image->architecture, error) &&
           (!image->root_device_name || volume_check_device(image->root_device_name, error));
}

/* As "bucket/prefix", in the letters that names may have. */
static const char *derive_name(Arena *arena, const char *location)
{
    char *name = arena_strdup(arena, location);
    if (g_str_has_suffix(name, SUFFIX))
        name[strlen(name) - strlen(SUFFIX)] = '\0';
    if (strlen(name) > DERIVED_NAME_MAX)
        name[DERIVED_NAME_MAX] = '\0';
    for (char *c = name; *c; c++) {
        if (!g_ascii_isalnum(*c) && !strchr("()[] ./-'@_", *c))
            *c = '-';
    }
    return name;
}

/* Tools of 2008 give none, and register the same bundle twice if they like. */
static bool choose_name(Registration *registration, Txn *txn, GError **error)
{
    Context *context = registration->context;
    Image *image = registration->image;
    g_autoptr(GError) taken = NULL;
    if (image->name)
        return image_check_name(context, txn, image->name, error);
    image->name = derive_name(context->arena, image->location);
    if (image_check_name(context, txn, image->name, &taken))
        return true;
    if (!fault_is(taken, FAULT_INVALID_AMI_NAME_DUPLICATE)) {
        g_propagate_error(error, g_steal_pointer(&taken));
        return false;
    }
    image->name = arena_printf(context->arena, "%s (%s)", image->name, image->id);
    return true;
}

/* Those that the request names must be there; those of the manifest count if they are. */
static bool choose_kernels(Registration *registration, Txn *txn, GError **error)
{
    const ImageSpec *spec = registration->spec;
    const BundleManifest *manifest = registration->manifest;
    Context *context = registration->context;
    g_autoptr(GError) missing = NULL;
    if (!registration->image->root_device_name)
        return true;
    if (spec->kernel_id || spec->ramdisk_id)
        return image_use_kernels(context, txn, spec->kernel_id, spec->ramdisk_id,
                                 registration->image, error);
    if (!manifest->kernel_id ||
        image_use_kernels(context, txn, manifest->kernel_id, manifest->ramdisk_id,
                          registration->image, &missing) ||
        missing->domain == FAULT_DOMAIN)
        return true;
    g_propagate_error(error, g_steal_pointer(&missing));
    return false;
}

static bool map_ephemeral(Registration *registration, Txn *txn, const BundleMapping *mapping,
                          GError **error)
{
    const char *device = device_path(registration->context->arena, mapping->device);
    if (!g_str_has_prefix(mapping->virtual_name, "ephemeral") ||
        image_find_wanted(&registration->spec->mappings, device))
        return true;
    if (!volume_check_device(device, NULL))
        return fault_set(error, FAULT_INVALID_AMI_ATTRIBUTE_ITEM_VALUE,
                         "The block device mapping of the manifest names the device '%.100s'",
                         mapping->device);
    ImageMapping kept = {
        .image_id = registration->image->id,
        .device = device,
        .virtual_name = mapping->virtual_name,
    };
    return image_mapping_put(txn, &kept, error);
}

static bool map_devices(Registration *registration, Txn *txn, GError **error)
{
    const Image *image = registration->image;
    const List *wanted = &registration->spec->mappings;
    if (!image->root_device_name)
        return wanted->n == 0 || fault_set(error, FAULT_INVALID_BLOCK_DEVICE_MAPPING,
                                           "A %s has no block devices", image->kind);
    if (image_find_wanted(wanted, image->root_device_name))
        return fault_set(error, FAULT_INVALID_BLOCK_DEVICE_MAPPING,
                         "The root device '%s' is the bundle's", image->root_device_name);
    LIST_EACH (const BundleMapping *, mapping, &registration->manifest->mappings)
        if (!map_ephemeral(registration, txn, mapping, error))
            return false;
    LIST_EACH (const RunVolume *, one, wanted)
        if (!image_add_wanted(registration->context, txn, image, one, error))
            return false;
    return true;
}

static bool record(Registration *registration, GError **error)
{
    Context *context = registration->context;
    g_autoptr(Txn) txn = NULL;
    return txn_begin(cloud_store(context->cloud), &txn, error) &&
           choose_name(registration, txn, error) && choose_kernels(registration, txn, error) &&
           map_devices(registration, txn, error) &&
           layer_add_whole(txn, registration->image->path, registration->image->format,
                           registration->image->created, error) &&
           image_insert(txn, registration->image, error) &&
           image_record_tags(context, txn, registration->image, registration->spec, error) &&
           txn_commit(&txn, error);
}

bool image_register_bundle(Context *context, const char *location, const ImageSpec *spec,
                           const ObjectAccess *access, const char **ret_id, GError **error)
{
    Registration registration = {.context = context, .spec = spec, .access = access};
    if (!tags_check(&spec->image_tags, error) ||
        !bundle_location_read(context->arena, location, &registration.location, error) ||
        !read_manifest(&registration, error) || !make_image(&registration, error) ||
        !record(&registration, error))
        return false;
    cloud_wake_bundles(context->cloud, registration.image->id);
    *ret_id = registration.image->id;
    return true;
}
