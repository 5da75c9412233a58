/* RegisterImage of snapshots.
 *
 * Invariant: as of cloud/image_create.c. */
#include "cloud/image_parts.h"

#include "base/fault.h"
#include "cloud/snapshots.h"
#include "cloud/volumes.h"

#define GIB (INT64_C(1) << 30)

static bool check_one_of(const char *value, const char *parameter, const char *const *values,
                         GError **error)
{
    if (!value || g_strv_contains(values, value))
        return true;
    return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                     "Value (%.100s) for parameter %s is invalid.", value, parameter);
}

static bool map_root(Context *context, Txn *txn, const ImageSpec *spec, Image *image,
                     GError **error)
{
    const RunVolume *root = image_find_wanted(&spec->mappings, image->root_device_name);
    Snapshot *snapshot;
    if (!root || !root->snapshot_id)
        return fault_set(error, FAULT_INVALID_BLOCK_DEVICE_MAPPING,
                         "The root device '%s' is mapped to no snapshot", image->root_device_name);
    if (!snapshot_resolve(context, txn, root->snapshot_id, &snapshot, error))
        return false;
    image->snapshot_id = snapshot->id;
    image->size = MAX(snapshot->size_gib, root->size_gib) * GIB;
    bool missing;
    if (!image_choose_kernel(context->cloud, txn, context->arena, snapshot->path, snapshot->format,
                             image, &missing, error))
        return false;
    return !missing || fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                                 "The snapshot %s holds a file system without a partition table: a "
                                 "kernel is needed",
                                 snapshot->id);
}

bool image_register(Context *context, const ImageSpec *spec, const char **ret_id, GError **error)
{
    static const char *const architectures[] = {"x86_64", NULL};
    static const char *const virtualizations[] = {"hvm", "paravirtual", NULL};
    static const char *const boot_modes[] = {"legacy-bios", NULL};
    g_autoptr(Txn) txn = NULL;
    Image *image = image_new(context, spec);
    image->root_device_name = spec->root_device_name ? spec->root_device_name : IMAGE_ROOT_DEVICE;
    image->boot_mode = spec->boot_mode;
    image->ena_support = spec->ena_support;
    if (spec->virtualization_type)
        image->virtualization_type = spec->virtualization_type;
    if (!check_one_of(spec->architecture, "architecture", architectures, error) ||
        !check_one_of(spec->virtualization_type, "virtualizationType", virtualizations, error) ||
        !check_one_of(spec->boot_mode, "bootMode", boot_modes, error) ||
        !volume_check_device(image->root_device_name, error) ||
        !tags_check(&spec->image_tags, error) ||
        !txn_begin(cloud_store(context->cloud), &txn, error) ||
        !image_check_name(context, txn, spec->name, error) ||
        !image_use_kernels(context, txn, spec->kernel_id, spec->ramdisk_id, image, error) ||
        !map_root(context, txn, spec, image, error))
        return false;
    LIST_EACH (const RunVolume *, wanted, &spec->mappings)
        if (!image_add_wanted(context, txn, image, wanted, error))
            return false;
    *ret_id = image->id;
    return image_insert(txn, image, error) && image_record_tags(context, txn, image, spec, error) &&
           txn_commit(&txn, error);
}
