/* From an instance's records to its machine.
 *
 * Invariant: nothing here is remembered: names of taps, paths of disks and directories follow from
 * the records, so that starting again after a crash meets what was made before. */
#include "cloud/machine.h"

#include "base/fault.h"
#include "base/file.h"
#include "cloud/addresses.h"
#include <errno.h>
#include <string.h>

#define GIB (UINT64_C(1) << 30)

typedef struct Parts {
    Image *image, *kernel, *ramdisk;
    InstanceType *type;
    List enis, volumes;
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
        !record_query(txn, arena, QUERY_VOLUMES_OF_INSTANCE, &parts->volumes, error, instance->id))
        return false;
    if (!parts->type)
        return trouble_set(error, "instance type %s is not known any more", instance->type);
    return true;
}

static const char *state_path(Cloud *cloud, Arena *arena, const char *path)
{
    return path ? arena_printf(arena, "%s/%s", cloud->config.state_dir, path) : NULL;
}

char *instance_directory(Arena *arena, Cloud *cloud, const char *instance_id)
{
    return arena_printf(arena, "%s/instances/%s", cloud->config.state_dir, instance_id);
}

static bool make_disks(Site *site, Arena *arena, const Parts *parts, const char *root_device,
                       MachineSpec *spec, GError **error)
{
    Cloud *cloud = site->cloud;
    unsigned extra = 0;
    for (size_t i = 0; i < parts->volumes.n; i++) {
        const Volume *volume = list_at(&parts->volumes, i);
        bool root = strcmp(volume->device, root_device) == 0;
        MachineDisk *disk = arena_new_struct(arena, MachineDisk);
        disk->path = state_path(cloud, arena, volume->path);
        /* The guest names disks in order; the root is the first whatever AWS calls its device. */
        disk->target = root ? "vda" : arena_printf(arena, "vd%c", 'b' + (char)extra++);
        disk->serial = volume->id;
        const char *base = NULL, *format = NULL;
        if (root && parts->image) {
            base = state_path(cloud, arena, parts->image->path);
            format = parts->image->format;
        }
        if (!cloud->config.hypervisor->create_disk(cloud->hypervisor, disk->path, base, format,
                                                   (uint64_t)volume->size_gib * GIB, error))
            return false;
        list_add(&spec->disks, arena, disk);
        if (root && spec->disks.n > 1) { /* first in the machine, too */
            memmove(spec->disks.items + 1, spec->disks.items, (spec->disks.n - 1) * sizeof(void *));
            spec->disks.items[0] = disk;
        }
    }
    return true;
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
           make_disks(site, arena, &parts, instance->root_device_name, &spec, error) &&
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

bool machine_remove_volumes(Cloud *cloud, Arena *arena, const Instance *instance, GError **error)
{
    List volumes = {0};
    g_autoptr(Txn) txn = NULL;
    if (!txn_begin_read(cloud->config.store, &txn, error) ||
        !record_query(txn, arena, QUERY_VOLUMES_OF_INSTANCE, &volumes, error, instance->id) ||
        !txn_commit(&txn, error))
        return false;
    LIST_EACH (const Volume *, volume, &volumes) {
        if (!volume->delete_on_termination)
            continue;
        const char *path = state_path(cloud, arena, volume->path);
        if (unlink(path) != 0 && errno != ENOENT)
            return trouble_set_errno(error, errno, "cannot remove %s", path);
    }
    return true;
}
