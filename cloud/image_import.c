/* Images that come from a file of the user's.
 *
 * Invariant: what is registered is one qcow2 file without a backing file and without a data file,
 * so neither the daemon nor a machine is ever led to another file of the host by it. */
#include "cloud/image_import.h"

#include "base/fault.h"
#include "base/file.h"
#include "base/id.h"
#include "cloud/image_parts.h"
#include "cloud/layers.h"
#include "cloud/volumes.h"
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define GIB (INT64_C(1) << 30)
#define QCOW2_MAGIC 0x514649fbu
#define QCOW2_EXTERNAL_DATA (UINT64_C(1) << 2)

/* The beginning of a qcow2 file (docs/interop/qcow2.txt of QEMU); big-endian. The features are
 * those of version 3 and later. */
typedef struct __attribute__((packed)) Qcow2Header {
    uint32_t magic, version;
    uint64_t backing_file_offset;
    uint32_t backing_file_size, cluster_bits;
    uint64_t size;
    uint32_t encryption, l1_size;
    uint64_t l1_offset, refcount_offset;
    uint32_t refcount_clusters, snapshots;
    uint64_t snapshots_offset;
    uint64_t incompatible_features;
} Qcow2Header;

static bool refuse(const char *file, const char *why, GError **error)
{
    return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                     "The file %.200s cannot be registered: %s", file, why);
}

static bool check_header(const char *file, const Qcow2Header *header, int64_t *ret_size,
                         GError **error)
{
    uint64_t size = be64toh(header->size);
    if (be32toh(header->magic) != QCOW2_MAGIC || be32toh(header->version) < 2)
        return refuse(file, "it is no qcow2 file", error);
    if (header->backing_file_offset != 0)
        return refuse(file, "it is built upon another file", error);
    if (be32toh(header->version) > 2 &&
        (be64toh(header->incompatible_features) & QCOW2_EXTERNAL_DATA))
        return refuse(file, "its data lie in another file", error);
    if (header->encryption != 0)
        return refuse(file, "it is encrypted", error);
    if (size == 0 || size > (uint64_t)VOLUME_MAX_GIB * GIB)
        return refuse(file, "its disk is empty or larger than a volume can be", error);
    *ret_size = (int64_t)size;
    return true;
}

static bool check_file_name(const char *file, GError **error)
{
    if (!g_str_has_prefix(file, IMAGE_IMPORT_PREFIX) ||
        !g_str_has_suffix(file, IMAGE_IMPORT_SUFFIX) || strchr(file, '/'))
        return refuse(file, "it is not named " IMAGE_IMPORT_PREFIX "…" IMAGE_IMPORT_SUFFIX, error);
    return true;
}

static bool check_file(Cloud *cloud, Arena *arena, const char *file, int64_t *ret_size,
                       GError **error)
{
    const char *path = layer_file(arena, cloud, arena_printf(arena, LAYERS_DIRECTORY "/%s", file));
    autofd fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0)
        return refuse(file, g_strerror(errno), error);
    if (!S_ISREG(status.st_mode) || status.st_nlink != 1)
        return refuse(file, "it is no ordinary file of its own", error);
    Qcow2Header header;
    if (pread(fd, &header, sizeof(header), 0) != sizeof(header))
        return refuse(file, "it is no qcow2 file", error);
    return check_header(file, &header, ret_size, error);
}

static bool check_wanted(Context *context, Txn *txn, const ImageImport *import, GError **error)
{
    static const char *const known[] = {"i386", "x86_64", NULL};
    if (!g_strv_contains(known, import->architecture))
        return fault_set(
            error, FAULT_INVALID_PARAMETER_VALUE,
            "Value (%.100s) for parameter architecture is invalid. Valid values: i386, "
            "x86_64",
            import->architecture);
    return image_check_name(context, txn, import->name, error);
}

/* What its instances' root disks begin as. */
static bool record_disk(Context *context, Txn *txn, const Image *image, const char *path,
                        GError **error)
{
    const Snapshot snapshot = {
        .id = image->snapshot_id,
        .account_id = image->account_id,
        .size_gib = MAX((image->size + GIB - 1) / GIB, 1),
        .state = SNAPSHOT_COMPLETED,
        .description = arena_printf(context->arena, "Imported for %s", image->id),
        .path = path,
        .format = "qcow2",
        .started = image->created,
        .completed = image->created,
    };
    const ImageMapping mapping = {
        .image_id = image->id,
        .device = image->root_device_name,
        .snapshot_id = snapshot.id,
        .size_gib = snapshot.size_gib,
        .type = "gp2",
        .delete_on_termination = true,
    };
    return layer_add_whole(txn, path, "qcow2", image->created, error) &&
           snapshot_insert(txn, &snapshot, error) && image_mapping_insert(txn, &mapping, error);
}

static bool record_image(Context *context, Txn *txn, const ImageImport *import, int64_t size,
                         const char **ret_id, GError **error)
{
    Arena *arena = context->arena;
    const ImageSpec spec = {.name = import->name, .description = import->description};
    const char *path = arena_printf(arena, LAYERS_DIRECTORY "/%s", import->file);
    Image *image = image_new(context, &spec);
    image->architecture = import->architecture;
    image->root_device_name = IMAGE_ROOT_DEVICE;
    image->snapshot_id = id_new(arena, "snap");
    image->size = size;
    bool missing;
    if (!image_choose_kernel(context->cloud, txn, arena, path, "qcow2", image, &missing, error))
        return false;
    if (missing)
        return refuse(import->file,
                      "it holds a file system without a partition table, and there is no starter "
                      "image whose kernel could boot it",
                      error);
    *ret_id = image->id;
    return image_insert(txn, image, error) && record_disk(context, txn, image, path, error);
}

/* Reading a large file for the first time takes seconds, in which others may write. */
static bool look_early(Context *context, const char *file, GError **error)
{
    bool partitioned;
    const char *path = arena_printf(context->arena, LAYERS_DIRECTORY "/%s", file);
    return disk_is_partitioned(context->cloud, path, "qcow2", &partitioned, error);
}

/* Whether a record has the file. */
static bool is_registered(Context *context, Txn *txn, const char *file, bool *ret_registered,
                          GError **error)
{
    Layer *layer;
    const char *path = arena_printf(context->arena, LAYERS_DIRECTORY "/%s", file);
    if (!layer_get(txn, context->arena, path, &layer, error))
        return false;
    *ret_registered = layer != NULL;
    return true;
}

/* Within a transaction, lest somebody registers it meanwhile. */
static void discard(Context *context, const char *file)
{
    g_autoptr(Txn) txn = NULL;
    g_autoptr(GError) error = NULL;
    bool registered = true;
    if (!txn_begin(cloud_store(context->cloud), &txn, &error) ||
        !is_registered(context, txn, file, &registered, &error))
        g_warning("the file of a failed import, %s, stays: %s", file, error->message);
    if (!registered)
        unlink(layer_file(context->arena, context->cloud,
                          arena_printf(context->arena, LAYERS_DIRECTORY "/%s", file)));
}

static bool register_file(Context *context, const ImageImport *import, const char **ret_id,
                          GError **error)
{
    g_autoptr(Txn) txn = NULL;
    bool registered;
    int64_t size;
    if (!check_file(context->cloud, context->arena, import->file, &size, error) ||
        !look_early(context, import->file, error) ||
        !txn_begin(cloud_store(context->cloud), &txn, error) ||
        !is_registered(context, txn, import->file, &registered, error))
        return false;
    if (registered)
        return refuse(import->file, "it is an image's already", error);
    return check_wanted(context, txn, import, error) &&
           record_image(context, txn, import, size, ret_id, error) && txn_commit(&txn, error);
}

static bool see_whether(Context *context, const ImageImport *import, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    return txn_begin_read(cloud_store(context->cloud), &txn, error) &&
           check_wanted(context, txn, import, error);
}

bool image_import(Context *context, const ImageImport *import, const char **ret_id, GError **error)
{
    const char *id = NULL;
    if (!import->file) {
        if (!see_whether(context, import, error))
            return false;
    } else if (!check_file_name(import->file, error)) {
        return false;
    } else if (!register_file(context, import, &id, error)) {
        discard(context, import->file);
        return false;
    }
    *ret_id = id;
    return true;
}
