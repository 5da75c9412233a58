/* CreateImage and CopyImage.
 *
 * Invariant: an image is its records: what its instances' disks begin as are snapshots, which are
 * kept while it is registered. */
#include "cloud/images.h"

#include "base/fault.h"
#include "base/id.h"
#include "cloud/disk_controller.h"
#include "cloud/image_parts.h"
#include "cloud/instances.h"
#include "cloud/layers.h"
#include "cloud/snapshots.h"
#include "cloud/volumes.h"
#include <string.h>

#define GIB (INT64_C(1) << 30)

/* ---- of an instance ---- */

static bool map_volume(Context *context, Txn *txn, Image *image, const Instance *instance,
                       const Volume *volume, const RunVolume *wanted, GError **error)
{
    bool root = g_strcmp0(volume->device, instance->root_device_name) == 0;
    Snapshot *snapshot;
    if (wanted && wanted->no_device)
        return !root || fault_set(error, FAULT_INVALID_BLOCK_DEVICE_MAPPING,
                                  "The root device '%s' cannot be suppressed", volume->device);
    const char *description =
        arena_printf(context->arena, "Created by CreateImage(%s) for %s", instance->id, image->id);
    if (!snapshot_record(context, txn, volume, description, &snapshot, error))
        return false;
    ImageMapping mapping = {
        .image_id = image->id,
        .device = volume->device,
        .snapshot_id = snapshot->id,
        .size_gib = volume->size_gib,
        .type = volume->type,
        .iops = volume->iops,
        .throughput = volume->throughput,
        .encrypted = volume->encrypted,
        .delete_on_termination = volume->delete_on_termination,
    };
    if (!image_apply_wanted(context, wanted, &mapping, error))
        return false;
    if (root) {
        image->snapshot_id = snapshot->id;
        image->size = mapping.size_gib * GIB;
    }
    return image_mapping_insert(txn, &mapping, error);
}

static bool map_instance(Context *context, Txn *txn, Image *image, const Instance *instance,
                         const List *wanted, GError **error)
{
    List volumes = {0}, disks = {0};
    g_autoptr(GHashTable) mapped = g_hash_table_new(g_str_hash, g_str_equal);
    if (!record_query(txn, context->arena, QUERY_VOLUMES_OF_INSTANCE, &volumes, error,
                      instance->id) ||
        !record_query(txn, context->arena, QUERY_DISKS_OF_INSTANCE, &disks, error, instance->id))
        return false;
    LIST_EACH (const Volume *, volume, &volumes) {
        g_hash_table_add(mapped, (char *)volume_place(volume->device));
        if (!map_volume(context, txn, image, instance, volume,
                        image_find_wanted(wanted, volume->device), error))
            return false;
    }
    LIST_EACH (const InstanceDisk *, disk, &disks) {
        ImageMapping mapping = {
            .image_id = image->id, .device = disk->device, .virtual_name = disk->virtual_name};
        if (!image_find_wanted(wanted, disk->device) && !image_mapping_insert(txn, &mapping, error))
            return false;
    }
    LIST_EACH (const RunVolume *, one, wanted)
        if (!g_hash_table_contains(mapped, volume_place(one->device)) &&
            !image_add_wanted(context, txn, image, one, error))
            return false;
    return image->snapshot_id || fault_set(error, FAULT_INCORRECT_STATE,
                                           "The instance '%s' has no root volume", instance->id);
}

static bool check_source(const Instance *instance, GError **error)
{
    if (!instance_can_stop(instance))
        return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                         "The instance '%s' does not have an 'ebs' root device type: bundle it",
                         instance->id);
    if (instance->state != INSTANCE_RUNNING && instance->state != INSTANCE_STOPPED)
        return fault_set(error, FAULT_INCORRECT_INSTANCE_STATE,
                         "The instance '%s' is not in a state from which an image can be made: %s",
                         instance->id, state_name(&instance_machine, instance->state));
    return true;
}

/* How the instance starts, its images will. */
static bool take_kernel(Context *context, Txn *txn, const Instance *instance, Image *image,
                        GError **error)
{
    Image *source = NULL;
    if (instance->image_id && !image_get(txn, context->arena, instance->image_id, &source, error))
        return false;
    image->kernel_id = instance->kernel_id;
    image->ramdisk_id = instance->ramdisk_id;
    image->kernel_arguments = source ? source->kernel_arguments : NULL;
    image->boot_mode = source ? source->boot_mode : NULL;
    image->root_device_name = instance->root_device_name;
    image->architecture = instance->architecture;
    image->source_instance_id = instance->id;
    image->state = IMAGE_PENDING;
    return true;
}

bool image_create(Context *context, const char *instance_id, bool reboot, const ImageSpec *spec,
                  const char **ret_id, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Instance *instance;
    Image *image = image_new(context, spec);
    if (!tags_check(&spec->image_tags, error) || !tags_check(&spec->snapshot_tags, error) ||
        !txn_begin(cloud_store(context->cloud), &txn, error) ||
        !instance_find_one(context, txn, instance_id, &instance, error) ||
        !check_source(instance, error) || !image_check_name(context, txn, spec->name, error) ||
        !take_kernel(context, txn, instance, image, error) ||
        !map_instance(context, txn, image, instance, &spec->mappings, error))
        return false;
    if (reboot && instance->state == INSTANCE_RUNNING) {
        image->reboot_instance = true;
        instance->reboot_wanted = cloud_now(context->cloud);
        if (!instance_put(txn, instance, error))
            return false;
    }
    if (!image_insert(txn, image, error) || !image_record_tags(context, txn, image, spec, error) ||
        !txn_commit(&txn, error))
        return false;
    cloud_wake_instance(context->cloud, instance->vpc_id, instance->id);
    cloud_wake_disks(context->cloud);
    *ret_id = image->id;
    return true;
}

/* ---- of another image ---- */

static bool copy_mapping(Context *context, Txn *txn, const ImageMapping *mapping, Image *image,
                         GError **error)
{
    ImageMapping copy = *mapping;
    Snapshot *snapshot = NULL;
    copy.image_id = image->id;
    if (mapping->snapshot_id &&
        !snapshot_get(txn, context->arena, mapping->snapshot_id, &snapshot, error))
        return false;
    if (snapshot) {
        Snapshot *own = arena_memdup(context->arena, snapshot, sizeof(*snapshot));
        own->id = id_new(context->arena, "snap");
        own->account_id = context->caller.account_id;
        own->owner_alias = NULL;
        own->description =
            arena_printf(context->arena, "Copied for %s from %s", image->id, mapping->snapshot_id);
        own->started = own->completed = image->created;
        copy.snapshot_id = own->id;
        if (g_strcmp0(image->snapshot_id, mapping->snapshot_id) == 0)
            image->snapshot_id = own->id;
        if (!snapshot_insert(txn, own, error))
            return false;
    }
    return image_mapping_insert(txn, &copy, error);
}

bool image_copy(Context *context, const char *source_id, const ImageSpec *spec, bool copy_tags,
                const char **ret_id, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Image *source;
    List mappings = {0};
    if (!tags_check(&spec->image_tags, error) ||
        !txn_begin(cloud_store(context->cloud), &txn, error) ||
        !image_resolve(context, txn, source_id, "machine", &source, error) ||
        !image_check_name(context, txn, spec->name, error) ||
        !record_query(txn, context->arena, QUERY_MAPPINGS_OF_IMAGE, &mappings, error, source->id))
        return false;
    Image *fresh = image_new(context, spec),
          *image = arena_memdup(context->arena, source, sizeof(*source));
    image->id = fresh->id;
    image->account_id = fresh->account_id;
    image->owner_alias = image->recipe = image->source_instance_id = NULL;
    image->name = spec->name;
    image->description = spec->description ? spec->description : source->description;
    image->location = fresh->location;
    image->is_public = false;
    image->created = fresh->created;
    image->deprecated = 0;
    LIST_EACH (const ImageMapping *, mapping, &mappings)
        if (!copy_mapping(context, txn, mapping, image, error))
            return false;
    *ret_id = image->id;
    return image_insert(txn, image, error) &&
           (!copy_tags || tags_copy(context, txn, source->id, image->id, "image", error)) &&
           image_record_tags(context, txn, image, spec, error) && txn_commit(&txn, error);
}
