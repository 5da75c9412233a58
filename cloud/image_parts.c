/* See the header. */
#include "cloud/image_parts.h"

#include "base/fault.h"
#include "base/id.h"
#include "cloud/layers.h"
#include "cloud/snapshots.h"
#include "cloud/volumes.h"
#include <string.h>

#define NAME_MIN 3
#define NAME_MAX_LENGTH 128
/* Of a kernel of which nothing is known. */
#define KERNEL_ARGUMENTS "console=ttyS0 root=/dev/vda rw"

bool image_check_name(Context *context, Txn *txn, const char *name, GError **error)
{
    size_t length = g_utf8_strlen(name, -1);
    bool ok = length >= NAME_MIN && length <= NAME_MAX_LENGTH;
    for (const char *c = name; *c; c++)
        ok = ok && (g_ascii_isalnum(*c) || strchr("()[] ./-'@_", *c));
    if (!ok)
        return fault_set(error, FAULT_INVALID_AMI_NAME_MALFORMED,
                         "AMI names must be between 3 and 128 characters long, and may contain "
                         "letters, numbers, '(', ')', '.', '-', '/' and '_'");
    void *found;
    if (!record_query_one(txn, context->arena, QUERY_IMAGE_BY_NAME, &found, error,
                          context->caller.account_id, name))
        return false;
    return !found ||
           fault_set(error, FAULT_INVALID_AMI_NAME_DUPLICATE,
                     "AMI name %s is already in use by AMI %s", name, ((const Image *)found)->id);
}

const RunVolume *image_find_wanted(const List *mappings, const char *device)
{
    LIST_EACH (const RunVolume *, wanted, mappings) {
        if (strcmp(volume_place(wanted->device), volume_place(device)) == 0)
            return wanted;
    }
    return NULL;
}

/* What the request says of a device goes over what is there. */
bool image_apply_wanted(Context *context, const RunVolume *wanted, ImageMapping *mapping,
                        GError **error)
{
    int64_t least = mapping->size_gib;
    if (wanted) {
        mapping->size_gib = wanted->size_gib ? wanted->size_gib : mapping->size_gib;
        if (wanted->type) {
            mapping->type = wanted->type;
            mapping->iops = mapping->throughput = 0;
        }
        mapping->iops = wanted->iops ? wanted->iops : mapping->iops;
        mapping->throughput = wanted->throughput ? wanted->throughput : mapping->throughput;
        mapping->encrypted = mapping->encrypted || wanted->encrypted;
        if (wanted->delete_on_termination >= 0)
            mapping->delete_on_termination = wanted->delete_on_termination;
    }
    if (mapping->size_gib == 0)
        return fault_set(error, FAULT_MISSING_PARAMETER,
                         "The request must contain the parameter size or snapshotId");
    if (mapping->size_gib < least)
        return fault_set(error, FAULT_INVALID_BLOCK_DEVICE_MAPPING,
                         "Volume of size %" G_GINT64_FORMAT "GB is smaller than snapshot, "
                         "expect size >= %" G_GINT64_FORMAT "GB",
                         mapping->size_gib, least);
    return volume_check_kind(context->arena, &mapping->type, mapping->size_gib, &mapping->iops,
                             &mapping->throughput, error);
}

/* A device that only the request names. */
bool image_add_wanted(Context *context, Txn *txn, const Image *image, const RunVolume *wanted,
                      GError **error)
{
    Snapshot *snapshot = NULL;
    ImageMapping mapping = {
        .image_id = image->id,
        .device = wanted->device,
        .virtual_name = wanted->virtual_name,
        .delete_on_termination = true,
    };
    if (!volume_check_device(wanted->device, error))
        return false;
    if (wanted->no_device)
        return true;
    if (wanted->virtual_name)
        return image_mapping_put(txn, &mapping, error);
    if (wanted->snapshot_id) {
        if (!snapshot_resolve(context, txn, wanted->snapshot_id, &snapshot, error))
            return false;
        mapping.snapshot_id = snapshot->id;
        mapping.size_gib = snapshot->size_gib;
        mapping.encrypted = snapshot->encrypted;
    }
    return image_apply_wanted(context, wanted, &mapping, error) &&
           image_mapping_put(txn, &mapping, error);
}

bool image_record_tags(Context *context, Txn *txn, const Image *image, const ImageSpec *spec,
                       GError **error)
{
    List mappings = {0};
    if (!tags_put(context, txn, image->id, "image", &spec->image_tags, error))
        return false;
    if (spec->snapshot_tags.n == 0)
        return true;
    if (!record_query(txn, context->arena, QUERY_MAPPINGS_OF_IMAGE, &mappings, error, image->id))
        return false;
    LIST_EACH (const ImageMapping *, mapping, &mappings)
        if (mapping->snapshot_id &&
            !tags_put(context, txn, mapping->snapshot_id, "snapshot", &spec->snapshot_tags, error))
            return false;
    return true;
}

Image *image_new(Context *context, const ImageSpec *spec)
{
    Image *image = arena_new_struct(context->arena, Image);
    *image = (Image){
        .id = id_new(context->arena, "ami"),
        .account_id = context->caller.account_id,
        .kind = "machine",
        .name = spec->name,
        .description = spec->description,
        .location = arena_printf(context->arena, "%s/%s", context->caller.account_id, spec->name),
        .architecture = "x86_64",
        .state = IMAGE_AVAILABLE,
        .root_device_type = "ebs",
        .virtualization_type = "hvm",
        .ena_support = true,
        .created = cloud_now(context->cloud),
    };
    return image;
}

bool image_use_kernels(Context *context, Txn *txn, const char *kernel_id, const char *ramdisk_id,
                       Image *image, GError **error)
{
    Image *kernel = NULL, *ramdisk = NULL;
    void *known = NULL;
    if ((kernel_id && !image_resolve(context, txn, kernel_id, "kernel", &kernel, error)) ||
        (ramdisk_id && !image_resolve(context, txn, ramdisk_id, "ramdisk", &ramdisk, error)))
        return false;
    image->kernel_id = kernel ? kernel->id : NULL;
    image->ramdisk_id = ramdisk ? ramdisk->id : NULL;
    /* What that kernel needs to be told, an image that starts with it knows. */
    if (kernel &&
        !record_query_one(txn, context->arena, QUERY_IMAGE_WITH_KERNEL, &known, error, kernel->id))
        return false;
    if (kernel)
        image->kernel_arguments =
            known ? ((const Image *)known)->kernel_arguments : KERNEL_ARGUMENTS;
    return true;
}

bool image_choose_kernel(Cloud *cloud, Txn *txn, Arena *arena, const char *path, const char *format,
                         Image *image, bool *ret_missing, GError **error)
{
    bool partitioned;
    void *found;
    *ret_missing = false;
    if (image->kernel_id)
        return true;
    if (!disk_is_partitioned(cloud, path, format, &partitioned, error))
        return false;
    if (partitioned)
        return true;
    if (!record_query_one(txn, arena, QUERY_STARTER_IMAGE_WITH_KERNEL, &found, error))
        return false;
    const Image *starter = found;
    *ret_missing = !starter;
    if (!starter)
        return true;
    image->kernel_id = starter->kernel_id;
    image->ramdisk_id = starter->ramdisk_id;
    image->kernel_arguments = starter->kernel_arguments;
    return true;
}
