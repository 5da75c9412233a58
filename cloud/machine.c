/* From an instance's records to its machine.
 *
 * Invariant: nothing here is remembered: names of taps, paths of disks and directories follow from
 * the records, so that starting again after a crash meets what was made before. */
#include "cloud/machine.h"

#include "base/fault.h"
#include "base/file.h"
#include "cloud/addresses.h"
#include "cloud/instance_disks.h"
#include "cloud/layers.h"
#include <string.h>

#define GIB (INT64_C(1) << 30)

typedef struct Parts {
    Image *image, *kernel, *ramdisk;
    InstanceType *type;
    List enis, volumes, disks;
} Parts;

static bool load_parts(Cloud *cloud, Arena *arena, const Instance *instance, Parts *parts,
                       GError **error)
{
    g_autoptr(Txn) txn = NULL;
    if (!txn_begin_read(cloud->config.store, &txn, error) ||
        !image_get(txn, arena, instance->image_id, &parts->image, error) ||
        (instance->kernel_id &&
         !image_get(txn, arena, instance->kernel_id, &parts->kernel, error)) ||
        (instance->ramdisk_id &&
         !image_get(txn, arena, instance->ramdisk_id, &parts->ramdisk, error)) ||
        !instance_type_get(txn, arena, instance->type, &parts->type, error) ||
        !record_query(txn, arena, QUERY_ENIS_OF_INSTANCE, &parts->enis, error, instance->id) ||
        !record_query(txn, arena, QUERY_VOLUMES_OF_INSTANCE, &parts->volumes, error,
                      instance->id) ||
        !record_query(txn, arena, QUERY_DISKS_OF_INSTANCE, &parts->disks, error, instance->id))
        return false;
    if (!parts->type)
        return trouble_set(error, "instance type %s is not known any more", instance->type);
    return true;
}

static const char *state_path(Cloud *cloud, Arena *arena, const char *path)
{
    return path ? arena_printf(arena, "%s/%s", cloud->config.state_dir, path) : NULL;
}

/* As Nitro's disks show it: without the dash. */
static const char *volume_serial(Arena *arena, const char *id)
{
    return arena_printf(arena, "vol%s", id + strlen("vol-"));
}

static const char *volume_device_name(const char *device)
{
    return g_str_has_prefix(device, "/dev/") ? device + strlen("/dev/") : device;
}

char *instance_directory(Arena *arena, Cloud *cloud, const char *instance_id)
{
    return arena_printf(arena, "%s/instances/%s", cloud->config.state_dir, instance_id);
}

MachineDisk machine_disk(Cloud *cloud, Arena *arena, const Volume *volume)
{
    return (MachineDisk){
        .path = state_path(cloud, arena, volume->path),
        .serial = volume_serial(arena, volume->id),
        .device = volume_device_name(volume->device),
    };
}

/* The root first. */
static void add_disk(Arena *arena, const Instance *instance, const char *device, MachineDisk disk,
                     MachineSpec *spec)
{
    bool root = g_strcmp0(device, instance->root_device_name) == 0;
    if (root)
        disk.device = NULL;
    list_add(&spec->disks, arena, arena_memdup(arena, &disk, sizeof(disk)));
    void **items = spec->disks.items;
    size_t last = spec->disks.n - 1;
    if (root && last > 0) {
        void *own = items[last];
        memmove(items + 1, items, last * sizeof(*items));
        items[0] = own;
    }
}

static bool make_disks(Cloud *cloud, Arena *arena, const Parts *parts, const Instance *instance,
                       MachineSpec *spec, GError **error)
{
    LIST_EACH (const Volume *, volume, &parts->volumes) {
        if (!layer_make(cloud, volume->path, volume->size_gib * GIB, error))
            return false;
        add_disk(arena, instance, volume->device, machine_disk(cloud, arena, volume), spec);
    }
    LIST_EACH (const InstanceDisk *, disk, &parts->disks) {
        if (!layer_make(cloud, disk->path, disk->size, error))
            return false;
        MachineDisk own = {
            .path = state_path(cloud, arena, disk->path),
            .serial = disk->virtual_name ? disk->virtual_name : "root",
            .device = volume_device_name(disk->device),
        };
        add_disk(arena, instance, disk->device, own, spec);
    }
    bool rooted = spec->disks.n > 0 && !((MachineDisk *)list_at(&spec->disks, 0))->device;
    return rooted || trouble_set(error, "it has no root volume");
}

static bool plug_nics(Site *site, Arena *arena, const Parts *parts, MachineSpec *spec,
                      GError **error)
{
    const NetworkOps *network = site->cloud->config.network;
    LIST_EACH (const Eni *, eni, &parts->enis) {
        NetworkNic nic = {
            .id = eni->id,
            .mac = eni->mac,
            .address = eni->private_ip,
            .hostname = address_private_host(arena, eni->private_ip),
        };
        MachineNic *plugged = arena_new_struct(arena, MachineNic);
        plugged->mac = eni->mac;
        if (!network->plug(site->network, arena, &nic, &plugged->tap, error))
            return false;
        list_add(&spec->nics, arena, plugged);
    }
    return true;
}

bool machine_start(Site *site, Arena *arena, const Instance *instance, GError **error)
{
    Cloud *cloud = site->cloud;
    Parts parts = {0};
    if (!load_parts(cloud, arena, instance, &parts, error))
        return false;

    char *directory = instance_directory(arena, cloud, instance->id);
    bool real = !cloud->config.hypervisor->pretends;
    MachineSpec spec = {
        .name = instance->id,
        .uuid = instance->uuid,
        .type = instance->type,
        .vcpus = (unsigned)parts.type->vcpus,
        .memory_mib = (uint64_t)parts.type->memory_mib,
        .kernel = parts.kernel ? state_path(cloud, arena, parts.kernel->path) : NULL,
        .ramdisk = parts.ramdisk ? state_path(cloud, arena, parts.ramdisk->path) : NULL,
        .kernel_arguments = parts.image ? parts.image->kernel_arguments : NULL,
        .console_path = arena_printf(arena, "%s/console.log", directory),
        .run_dir = directory,
    };
    return (!real || file_make_directory(directory, error)) &&
           plug_nics(site, arena, &parts, &spec, error) &&
           make_disks(cloud, arena, &parts, instance, &spec, error) &&
           cloud->config.hypervisor->start(cloud->hypervisor, &spec, error);
}

bool machine_detach(Site *site, Arena *arena, const Instance *instance, GError **error)
{
    List enis = {0};
    g_autoptr(Txn) txn = NULL;
    if (!txn_begin_read(site->cloud->config.store, &txn, error) ||
        !record_query(txn, arena, QUERY_ENIS_OF_INSTANCE, &enis, error, instance->id) ||
        !txn_commit(&txn, error))
        return false;
    LIST_EACH (const Eni *, eni, &enis)
        if (!site->cloud->config.network->unplug(site->network, eni->id, error))
            return false;
    return true;
}

bool machine_remove_disks(Cloud *cloud, Arena *arena, const Instance *instance, GError **error)
{
    List files = {0};
    g_autoptr(Txn) txn = NULL;
    if (!txn_begin(cloud->config.store, &txn, error) ||
        !instance_disks_forget(txn, arena, instance, &files, error) || !txn_commit(&txn, error))
        return false;
    layers_remove(cloud, &files);
    return true;
}

bool machine_empty_disks(Cloud *cloud, Arena *arena, const Instance *instance, GError **error)
{
    List disks = {0}, files = {0};
    g_autoptr(Txn) txn = NULL;
    if (!txn_begin_read(cloud->config.store, &txn, error) ||
        !record_query(txn, arena, QUERY_DISKS_OF_INSTANCE, &disks, error, instance->id) ||
        !txn_commit(&txn, error))
        return false;
    LIST_EACH (const InstanceDisk *, disk, &disks)
        list_add(&files, arena, (void *)disk->path);
    layers_remove(cloud, &files);
    return true;
}
