/* See the header. */
#include "cloud/image_unpack.h"

#include "base/fault.h"
#include "base/faultpoint.h"
#include "base/workqueue.h"
#include "cloud/bundle_objects.h"
#include "cloud/certificates.h"
#include "cloud/image_parts.h"
#include "cloud/layers.h"
#include "cloud/long_work.h"
#include <string.h>

#define RETRY_AFTER (5 * CLOCK_SECOND)
/* How often an image says how far it is. */
#define TELL_EVERY CLOCK_SECOND

typedef struct Unpacking {
    Cloud *cloud;
    Arena *arena;
    Image *image;
    BundleReader reader;
    int64_t told; /* when */
} Unpacking;

static bool waits(const Image *image)
{
    return image && image->state == IMAGE_PENDING && image->work;
}

static bool load(Cloud *cloud, Arena *arena, const char *id, Image **ret_image, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    return txn_begin_read(cloud_store(cloud), &txn, error) &&
           image_get(txn, arena, id, ret_image, error);
}

/* ---- how far it is ---- */

static bool note_progress(Unpacking *unpacking, unsigned percent, bool *ret_waits, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    g_autoptr(Arena) arena = arena_new();
    Image *image;
    if (!txn_begin(cloud_store(unpacking->cloud), &txn, error) ||
        !image_get(txn, arena, unpacking->image->id, &image, error))
        return false;
    *ret_waits = waits(image);
    if (!*ret_waits)
        return true;
    image->state_reason = arena_printf(arena, "pending: %u%% of the bundle is unpacked", percent);
    return image_put(txn, image, error) && txn_commit(&txn, error);
}

/* False: the image was deregistered meanwhile, or the cloud is being closed. */
static bool on_progress(void *data, uint64_t done, uint64_t total)
{
    Unpacking *unpacking = data;
    g_autoptr(GError) error = NULL;
    bool goes_on = true;
    int64_t now = cloud_now(unpacking->cloud);
    if (!long_work_goes_on(unpacking->cloud))
        return false;
    if (now < unpacking->told + TELL_EVERY)
        return true;
    unpacking->told = now;
    if (!note_progress(unpacking, total ? (unsigned)(done * 100 / total) : 0, &goes_on, &error))
        g_warning("%s: %s", unpacking->image->id, error->message);
    return goes_on;
}

/* ---- done ---- */

typedef bool (*Edit)(Unpacking *unpacking, Txn *txn, Image *image, const void *data, List *files,
                     GError **error);

/* Writes down how it ended. Of an image that nobody waits for any more the file goes: its record is
 * gone already. */
static bool finish(Unpacking *unpacking, Edit edit, const void *data, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Image *image;
    List files = {0};
    faultpoint("unpack-record");
    if (!txn_begin(cloud_store(unpacking->cloud), &txn, error) ||
        !image_get(txn, unpacking->arena, unpacking->image->id, &image, error))
        return false;
    if (waits(image)) {
        image->work = image->state_reason = NULL;
        if (!edit(unpacking, txn, image, data, &files, error) || !image_put(txn, image, error) ||
            !txn_commit(&txn, error))
            return false;
    } else {
        list_add(&files, unpacking->arena, (void *)unpacking->image->path);
    }
    layers_remove(unpacking->cloud, &files);
    return true;
}

static bool edit_available(Unpacking *unpacking, Txn *txn, Image *image, const void *data,
                           List *files, GError **error)
{
    const Image *chosen = data;
    image->kernel_id = chosen->kernel_id;
    image->ramdisk_id = chosen->ramdisk_id;
    image->kernel_arguments = chosen->kernel_arguments;
    state_move(&image_machine, image->id, &image->state, IMAGE_AVAILABLE);
    return true;
}

static bool edit_failed(Unpacking *unpacking, Txn *txn, Image *image, const void *data, List *files,
                        GError **error)
{
    const char *path = image->path;
    image->state_reason = data;
    image->path = NULL;
    state_move(&image_machine, image->id, &image->state, IMAGE_FAILED);
    return image_put(txn, image, error) && layer_drop(txn, unpacking->arena, path, files, error);
}

/* ---- the work ---- */

static bool read_part(void *data, size_t part, void *buffer, size_t size, size_t *ret_read,
                      GError **error)
{
    Unpacking *unpacking = data;
    faultpoint("unpack-read");
    return bundle_reader_read(&unpacking->reader, part, buffer, size, ret_read, error);
}

static bool extract(Unpacking *unpacking, GError **error)
{
    Image *image = unpacking->image;
    BundleManifest *manifest;
    BundleKey key;
    Ec2Key own;
    BundleSource source = {.read = read_part, .progress = on_progress, .data = unpacking};
    if (!bundle_manifest_read(unpacking->arena, image->work, strlen(image->work), &manifest,
                              error) ||
        !bundle_location_read(unpacking->arena, image->location, &unpacking->reader.location,
                              error) ||
        !certificates_ec2(unpacking->cloud, unpacking->arena, &own, error) ||
        !bundle_key_unwrap(manifest->ec2_encrypted_key, manifest->ec2_encrypted_iv,
                           own.private_key_pem, &key, error))
        return false;
    unpacking->reader.manifest = manifest;
    faultpoint("unpack-begin");
    bool ok = bundle_extract(manifest, &key, &source,
                             layer_file(unpacking->arena, unpacking->cloud, image->path), error);
    bundle_reader_clear(&unpacking->reader);
    return ok;
}

/* A file system without a kernel that it would start with fails. */
static bool choose_kernel(Unpacking *unpacking, GError **error)
{
    Image *image = unpacking->image;
    g_autoptr(Txn) txn = NULL;
    bool missing;
    if (!image->root_device_name)
        return true;
    if (!txn_begin_read(cloud_store(unpacking->cloud), &txn, error) ||
        !image_choose_kernel(unpacking->cloud, txn, unpacking->arena, image->path, image->format,
                             image, &missing, error))
        return false;
    return !missing || bundle_error_set(error, BUNDLE_ERROR_ARCHIVE,
                                        "it is a file system without a partition table, which "
                                        "needs a kernel, and there is none");
}

/* What whoever registered it is told; troubles, which he cannot do anything about, are the log's.
 */
static const char *reason_of(Unpacking *unpacking, const GError *error)
{
    if (error->domain == BUNDLE_ERROR)
        return arena_printf(unpacking->arena, BUNDLE_CODE ": %s", error->message);
    g_warning("%s cannot be unpacked: %s", unpacking->image->id, error->message);
    return "Server.InternalError: The bundle could not be unpacked";
}

int64_t image_unpack_step(Cloud *cloud, const char *image_id)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(GError) error = NULL;
    g_autoptr(GError) trouble = NULL;
    Unpacking unpacking = {.cloud = cloud, .arena = arena, .reader = {cloud, arena}};
    if (!load(cloud, arena, image_id, &unpacking.image, &trouble)) {
        g_warning("%s: %s", image_id, trouble->message);
        return cloud_now(cloud) + RETRY_AFTER;
    }
    if (!waits(unpacking.image))
        return WORK_DONE;
    bool ok = extract(&unpacking, &error) && choose_kernel(&unpacking, &error);
    if (!ok && g_error_matches(error, BUNDLE_ERROR, BUNDLE_ERROR_CANCELLED))
        return WORK_DONE; /* the next start goes on, or the image is gone */
    if (ok ? !finish(&unpacking, edit_available, unpacking.image, &trouble)
           : !finish(&unpacking, edit_failed, reason_of(&unpacking, error), &trouble)) {
        g_warning("%s: %s; will try again", image_id, trouble->message);
        return cloud_now(cloud) + RETRY_AFTER;
    }
    return WORK_DONE;
}
