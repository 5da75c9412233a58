/* CreateImage, RegisterImage and CopyImage.
 *
 * Invariant: an image is its records: what its instances' disks begin as are snapshots, which are
 * kept while it is registered. */
#include "cloud/images.h"

#include "base/fault.h"
#include "base/id.h"
#include "cloud/disk_controller.h"
#include "cloud/instances.h"
#include "cloud/layers.h"
#include "cloud/snapshots.h"
#include "cloud/volumes.h"
#include <string.h>

#define GIB (INT64_C(1) << 30)
#define NAME_MIN 3
#define NAME_MAX_LENGTH 128
#define ROOT_DEVICE "/dev/sda1"

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

static const RunVolume *find_wanted(const List *mappings, const char *device)
{
    LIST_EACH (const RunVolume *, wanted, mappings) {
        if (strcmp(volume_place(wanted->device), volume_place(device)) == 0)
            return wanted;
    }
    return NULL;
}

/* What the request says of a device goes over what is there. */
static bool apply_wanted(Context *context, const RunVolume *wanted, ImageMapping *mapping,
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
static bool add_wanted(Context *context, Txn *txn, const Image *image, const RunVolume *wanted,
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
    return apply_wanted(context, wanted, &mapping, error) &&
           image_mapping_put(txn, &mapping, error);
}

static bool record_tags(Context *context, Txn *txn, const Image *image, const ImageSpec *spec,
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

static Image *new_image(Context *context, const ImageSpec *spec)
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
    if (!apply_wanted(context, wanted, &mapping, error))
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
        if (!map_volume(context, txn, image, instance, volume, find_wanted(wanted, volume->device),
                        error))
            return false;
    }
    LIST_EACH (const InstanceDisk *, disk, &disks) {
        ImageMapping mapping = {
            .image_id = image->id, .device = disk->device, .virtual_name = disk->virtual_name};
        if (!find_wanted(wanted, disk->device) && !image_mapping_insert(txn, &mapping, error))
            return false;
    }
    LIST_EACH (const RunVolume *, one, wanted)
        if (!g_hash_table_contains(mapped, volume_place(one->device)) &&
            !add_wanted(context, txn, image, one, error))
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
    Image *image = new_image(context, spec);
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
    if (!image_insert(txn, image, error) || !record_tags(context, txn, image, spec, error) ||
        !txn_commit(&txn, error))
        return false;
    cloud_wake_instance(context->cloud, instance->vpc_id, instance->id);
    cloud_wake_disks(context->cloud);
    *ret_id = image->id;
    return true;
}

/* ---- of snapshots ---- */

static bool check_one_of(const char *value, const char *parameter, const char *const *values,
                         GError **error)
{
    if (!value || g_strv_contains(values, value))
        return true;
    return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                     "Value (%.100s) for parameter %s is invalid.", value, parameter);
}

static bool use_kernels(Context *context, Txn *txn, const ImageSpec *spec, Image *image,
                        GError **error)
{
    Image *kernel = NULL, *ramdisk = NULL;
    if ((spec->kernel_id &&
         !image_resolve(context, txn, spec->kernel_id, "kernel", &kernel, error)) ||
        (spec->ramdisk_id &&
         !image_resolve(context, txn, spec->ramdisk_id, "ramdisk", &ramdisk, error)))
        return false;
    image->kernel_id = kernel ? kernel->id : NULL;
    image->ramdisk_id = ramdisk ? ramdisk->id : NULL;
    return true;
}

/* A bare file system starts with the starter image's kernel and ramdisk; a disk with a partition
 * table by itself. */
static bool find_kernels(Context *context, Txn *txn, const Snapshot *snapshot, Image *image,
                         GError **error)
{
    bool partitioned;
    void *found;
    if (image->kernel_id)
        return true;
    if (!disk_is_partitioned(context->cloud, snapshot->path, snapshot->format, &partitioned, error))
        return false;
    if (partitioned)
        return true;
    if (!record_query_one(txn, context->arena, QUERY_STARTER_IMAGE_WITH_KERNEL, &found, error))
        return false;
    const Image *starter = found;
    if (!starter)
        return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                         "The snapshot %s holds a file system without a partition table: a kernel "
                         "is needed",
                         snapshot->id);
    image->kernel_id = starter->kernel_id;
    image->ramdisk_id = starter->ramdisk_id;
    image->kernel_arguments = starter->kernel_arguments;
    return true;
}

static bool map_root(Context *context, Txn *txn, const ImageSpec *spec, Image *image,
                     GError **error)
{
    const RunVolume *root = find_wanted(&spec->mappings, image->root_device_name);
    Snapshot *snapshot;
    if (!root || !root->snapshot_id)
        return fault_set(error, FAULT_INVALID_BLOCK_DEVICE_MAPPING,
                         "The root device '%s' is mapped to no snapshot", image->root_device_name);
    if (!snapshot_resolve(context, txn, root->snapshot_id, &snapshot, error))
        return false;
    image->snapshot_id = snapshot->id;
    image->size = MAX(snapshot->size_gib, root->size_gib) * GIB;
    return find_kernels(context, txn, snapshot, image, error);
}

bool image_register(Context *context, const ImageSpec *spec, const char **ret_id, GError **error)
{
    static const char *const architectures[] = {"x86_64", NULL};
    static const char *const virtualizations[] = {"hvm", "paravirtual", NULL};
    static const char *const boot_modes[] = {"legacy-bios", NULL};
    g_autoptr(Txn) txn = NULL;
    Image *image = new_image(context, spec);
    image->root_device_name = spec->root_device_name ? spec->root_device_name : ROOT_DEVICE;
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
        !use_kernels(context, txn, spec, image, error) ||
        !map_root(context, txn, spec, image, error))
        return false;
    LIST_EACH (const RunVolume *, wanted, &spec->mappings)
        if (!add_wanted(context, txn, image, wanted, error))
            return false;
    *ret_id = image->id;
    return image_insert(txn, image, error) && record_tags(context, txn, image, spec, error) &&
           txn_commit(&txn, error);
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

static bool copy_tags_of(Context *context, Txn *txn, const Image *source, const Image *copy,
                         GError **error)
{
    g_autoptr(GHashTable) table = NULL;
    List ids = {0}, pairs = {0};
    list_add(&ids, context->arena, source->id);
    if (!tags_of(context, txn, &ids, &table, error))
        return false;
    const List *tags = g_hash_table_lookup(table, source->id);
    for (size_t i = 0; tags && i < tags->n; i++) {
        const Tag *tag = list_at(tags, i);
        TagPair *pair = arena_new_struct(context->arena, TagPair);
        *pair = (TagPair){.key = tag->key, .value = tag->value};
        list_add(&pairs, context->arena, pair);
    }
    return tags_put(context, txn, copy->id, "image", &pairs, error);
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
    Image *fresh = new_image(context, spec),
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
           (!copy_tags || copy_tags_of(context, txn, source, image, error)) &&
           record_tags(context, txn, image, spec, error) && txn_commit(&txn, error);
}
