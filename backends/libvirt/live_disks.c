/* Disks of machines that run.
 *
 * Invariant: what a machine has is what libvirt shows of it at the moment; nothing is remembered,
 * so a call that is repeated, after whatever became of the first, looks and does what is left to
 * do.
 *
 * No layer is ever folded back into the one below: that below may be an image, or a snapshot. */
#include "backends/libvirt/live_disks.h"
#include "backends/libvirt/connection.h"
#include "backends/libvirt/monitor.h"
#include "backends/libvirt/trouble.h"
#include "base/fault.h"
#include "base/faultpoint.h"

#include <stdlib.h>
#include <string.h>

#define ATTACH_TRIES 5
#define CLOSE_TRIES 100
#define CLOSE_PAUSE_MS 20
#define AGENT_ANSWER_SECONDS 2
#define AGENT_FREEZE_SECONDS 20 /* the guest writes out what it has in memory */
#define THAW_TRIES 3

/* The domain of a running machine, and its disks (DomainDisk *). */
static bool find_disks(Hypervisor *hypervisor, const char *name, Arena *arena,
                       virDomainPtr *ret_domain, List *ret_disks, GError **error)
{
    g_autoptr(virDomain) domain = NULL;
    DomainParts parts;
    if (!libvirt_connection_find_running(hypervisor, name, &domain, error))
        return false;
    char *xml = virDomainGetXMLDesc(domain, 0);
    if (!xml)
        return libvirt_trouble(error, "cannot look at machine %s", name);
    bool described = domain_xml_read(xml, arena, &parts, error);
    free(xml);
    if (!described)
        return false;
    *ret_domain = g_steal_pointer(&domain);
    *ret_disks = parts.disks;
    return true;
}

static const DomainDisk *disk_of_serial(const List *disks, const char *serial)
{
    LIST_EACH (const DomainDisk *, disk, disks) {
        if (g_strcmp0(disk->serial, serial) == 0)
            return disk;
    }
    return NULL;
}

static const DomainDisk *disk_at_path(const List *disks, const char *path)
{
    LIST_EACH (const DomainDisk *, disk, disks) {
        if (g_strcmp0(disk->path, path) == 0)
            return disk;
    }
    return NULL;
}

static bool is_taken(const List *disks, unsigned place)
{
    g_autofree char *target = domain_disk_target(place);
    LIST_EACH (const DomainDisk *, disk, disks) {
        if (strcmp(disk->target, target) == 0)
            return true;
    }
    return false;
}

/* Places go round, so that a guest which still takes leave of a disk does not meet the next one at
 * the same address. */
static bool choose_place(Hypervisor *hypervisor, const List *disks, unsigned *ret_place)
{
    unsigned first = (unsigned)g_atomic_int_add(&hypervisor->next_place, 1);
    for (unsigned i = 0; i < DOMAIN_DISK_PLACES; i++) {
        unsigned place = (first + i) % DOMAIN_DISK_PLACES;
        if (!is_taken(disks, place)) {
            *ret_place = place;
            return true;
        }
    }
    return false;
}

static bool remove_device_at(virDomainPtr domain, const char *path, GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    List real = {0};
    if (!monitor_disks(domain, arena, &real, error))
        return false;
    const MonitorDisk *disk = monitor_disk_at_path(&real, path);
    if (disk)
        monitor_remove(domain, disk->device, NULL); /* or it has gone meanwhile */
    return true;
}

/* Has QEMU close a file that no disk writes to any more, or with_device: the disk that libvirt does
 * not know as well (monitor.h). QEMU is done with a device some milliseconds after it has said so,
 * and may still be about to make one that it was told of before. */
static bool close_file(virDomainPtr domain, const char *path, bool with_device, GError **error)
{
    bool closed = false;
    for (unsigned i = 0; i < CLOSE_TRIES && !closed; i++) {
        if (i > 0)
            g_usleep(CLOSE_PAUSE_MS * 1000);
        if ((with_device && !remove_device_at(domain, path, error)) ||
            !monitor_close(domain, path, &closed, error))
            return false;
    }
    return true; /* whoever needs the file next says what keeps it open */
}

static bool remove_unknown(Hypervisor *hypervisor, const char *name, const char *path,
                           GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(virDomain) domain = NULL;
    List disks = {0};
    if (!find_disks(hypervisor, name, arena, &domain, &disks, error))
        return false;
    return disk_at_path(&disks, path) || close_file(domain, path, true, error);
}

bool live_disks_attach(Hypervisor *hypervisor, const char *name, const MachineDisk *disk,
                       GError **error)
{
    g_assert(disk->serial && disk->device);
    g_autoptr(Arena) arena = arena_new();
    for (unsigned i = 0;; i++) {
        g_autoptr(virDomain) domain = NULL;
        g_autofree char *xml = NULL;
        List disks = {0};
        unsigned place = 0;
        if (!find_disks(hypervisor, name, arena, &domain, &disks, error))
            return false;
        if (disk_of_serial(&disks, disk->serial))
            return true;
        if (!choose_place(hypervisor, &disks, &place))
            return trouble_set(error, "machine %s has no place for one more disk", name);
        if (!domain_xml_write_disk(disk, place, &xml, error))
            return false;
        if (virDomainAttachDeviceFlags(domain, xml, VIR_DOMAIN_AFFECT_LIVE) == 0)
            return true;
        /* Another call may have taken the place, or one that was broken off has left something. */
        if (i + 1 == ATTACH_TRIES)
            return libvirt_trouble(error, "cannot attach disk %s to machine %s", disk->serial,
                                   name);
        if (!remove_unknown(hypervisor, name, disk->path, error))
            return false;
    }
}

/* Has QEMU close what no disk writes to any more; libvirt does so with what it knows of. */
static bool close_left(virDomainPtr domain, Arena *arena, const List *before, GError **error)
{
    List now = {0};
    if (!monitor_disks(domain, arena, &now, error))
        return false;
    LIST_EACH (const MonitorDisk *, disk, before) {
        if (!monitor_disk_at_path(&now, disk->path) &&
            !close_file(domain, disk->path, false, error))
            return false;
    }
    return true;
}

bool live_disks_detach(Hypervisor *hypervisor, const char *name, const char *serial, bool force,
                       bool *ret_gone, GError **error)
{
    /* A SCSI disk goes at once, whatever the guest has to say: there is nothing more to force. */
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(virDomain) domain = NULL, same = NULL;
    List disks = {0}, real = {0};
    if (!find_disks(hypervisor, name, arena, &domain, &disks, error))
        return false;
    const DomainDisk *disk = disk_of_serial(&disks, serial);
    if (!disk) {
        *ret_gone = true;
        return true;
    }
    if (!g_str_has_prefix(disk->target, "sd"))
        return trouble_set(error, "machine %s boots from disk %s: it cannot be detached", name,
                           serial);
    if (!monitor_disks(domain, arena, &real, error))
        return false;
    if (virDomainDetachDeviceFlags(domain, disk->xml, VIR_DOMAIN_AFFECT_LIVE) < 0)
        return libvirt_trouble(error, "cannot detach disk %s from machine %s", serial, name);
    if (!close_left(domain, arena, &real, error))
        return false;
    if (!find_disks(hypervisor, name, arena, &same, &disks, error))
        return false;
    *ret_gone = !disk_of_serial(&disks, serial);
    return true;
}

static bool ask_size(virDomainPtr domain, const DomainDisk *disk, uint64_t *ret_size,
                     GError **error)
{
    virDomainBlockInfo info;
    if (virDomainGetBlockInfo(domain, disk->target, &info, 0) < 0)
        return libvirt_trouble(error, "cannot ask for the size of the disk %s", disk->path);
    *ret_size = info.capacity;
    return true;
}

bool live_disks_grow(Hypervisor *hypervisor, const char *name, const char *serial,
                     uint64_t size_bytes, GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(virDomain) domain = NULL;
    List disks = {0};
    uint64_t now = 0;
    if (!find_disks(hypervisor, name, arena, &domain, &disks, error))
        return false;
    const DomainDisk *disk = disk_of_serial(&disks, serial);
    if (!disk)
        return trouble_set(error, "machine %s has no disk %s", name, serial);
    if (!ask_size(domain, disk, &now, error))
        return false;
    if (now < size_bytes &&
        virDomainBlockResize(domain, disk->target, size_bytes, VIR_DOMAIN_BLOCK_RESIZE_BYTES) < 0)
        return libvirt_trouble(error, "cannot grow disk %s of machine %s", serial, name);
    return true;
}

/* Those whose new file the machine does not use yet, as DomainFork *. QEMU decides what is used;
 * what libvirt does not know of it cannot be forked. */
static bool find_left(const char *name, Arena *arena, const List *forks, const List *disks,
                      const List *real, List *ret_left, GError **error)
{
    List left = {0};
    LIST_EACH (const DiskFork *, fork, forks) {
        const DomainDisk *disk = disk_at_path(disks, fork->path);
        if (monitor_disk_at_path(real, fork->new_path))
            continue;
        if (!monitor_disk_at_path(real, fork->path))
            return trouble_set(error, "machine %s has no disk at %s", name, fork->path);
        if (!disk)
            return trouble_set(error,
                               "libvirt lost track of the disk %s of machine %s when an earlier "
                               "fork was broken off: stop and start the machine, or detach and "
                               "attach the disk",
                               fork->path, name);
        DomainFork *wanted = arena_new_struct(arena, DomainFork);
        *wanted = (DomainFork){.target = disk->target, .new_path = fork->new_path};
        list_add(&left, arena, wanted);
    }
    *ret_left = left;
    return true;
}

static bool make_overlays(virDomainPtr domain, const List *left, const List *disks, GError **error)
{
    LIST_EACH (const DomainFork *, fork, left) {
        LIST_EACH (const DomainDisk *, disk, disks) {
            uint64_t size = 0;
            if (strcmp(disk->target, fork->target) == 0 &&
                (!close_file(domain, fork->new_path, false, error) ||
                 !ask_size(domain, disk, &size, error) ||
                 !disk_overlay(fork->new_path, disk->path, size, error)))
                return false;
        }
    }
    return true;
}

static bool freeze_layers(const List *forks, GError **error)
{
    LIST_EACH (const DiskFork *, fork, forks) {
        if (!disk_freeze(fork->path, error))
            return false;
    }
    return true;
}

/* Lets the guest's file systems go on. Asked of an agent that froze nothing, it is the question
 * whether there is one. */
static bool thaw(virDomainPtr domain)
{
    return virDomainAgentSetResponseTimeout(domain, AGENT_ANSWER_SECONDS, 0) == 0 &&
           virDomainFSThaw(domain, NULL, 0, 0) >= 0;
}

/* One instant for all of them: QEMU switches the disks over in one transaction. */
static bool switch_over(virDomainPtr domain, const char *xml, unsigned more_flags)
{
    unsigned flags = VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY | VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA |
                     VIR_DOMAIN_SNAPSHOT_CREATE_ATOMIC | VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT;
    faultpoint("disk-fork");
    virDomainSnapshotPtr snapshot = virDomainSnapshotCreateXML(domain, xml, flags | more_flags);
    if (snapshot)
        virDomainSnapshotFree(snapshot);
    return snapshot != NULL;
}

/* libvirt numbers what it tells QEMU, and one that was killed forgets what it had numbered: the
 * next one finds the numbers taken, one a try. */
static bool switch_over_at_last(virDomainPtr domain, const char *xml, size_t forks)
{
    bool done = switch_over(domain, xml, 0);
    for (size_t i = 0; i < 2 * forks && !done && libvirt_says_duplicate(); i++)
        done = switch_over(domain, xml, 0);
    return done;
}

/* With the guest's help; false if it has no agent, or that fails. */
static bool switch_over_quietly(virDomainPtr domain, const char *xml)
{
    if (!thaw(domain))
        return false;
    virDomainAgentSetResponseTimeout(domain, AGENT_FREEZE_SECONDS, 0);
    if (switch_over(domain, xml, VIR_DOMAIN_SNAPSHOT_CREATE_QUIESCE))
        return true;
    /* The agent may have frozen them after libvirt had lost patience. */
    for (unsigned i = 0; i < THAW_TRIES && !thaw(domain); i++)
        continue;
    return false;
}

/* Forks what is left to be; *ret_consistent says that all of it was, with the guest's help. */
static bool fork_left(Hypervisor *hypervisor, const char *name, const List *forks, bool quietly,
                      bool *ret_consistent, GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(virDomain) domain = NULL;
    g_autofree char *xml = NULL;
    List disks = {0}, real = {0}, left = {0};
    if (!find_disks(hypervisor, name, arena, &domain, &disks, error) ||
        !monitor_disks(domain, arena, &real, error) ||
        !find_left(name, arena, forks, &disks, &real, &left, error))
        return false;
    *ret_consistent = false;
    if (left.n == 0) {
        thaw(domain); /* an earlier call may have got no further */
        return true;
    }
    if (!make_overlays(domain, &left, &disks, error) ||
        !domain_xml_write_forks(&left, &disks, &xml, error))
        return false;
    if (!quietly)
        return switch_over_at_last(domain, xml, left.n) ||
               libvirt_trouble(error, "cannot fork the disks of machine %s", name);
    *ret_consistent = switch_over_quietly(domain, xml) && left.n == forks->n;
    return true;
}

bool live_disks_fork(Hypervisor *hypervisor, const char *name, const List *forks,
                     bool *ret_consistent, GError **error)
{
    bool consistent = false, ignored;
    if (!fork_left(hypervisor, name, forks, true, &consistent, error) ||
        (!consistent && !fork_left(hypervisor, name, forks, false, &ignored, error)) ||
        !freeze_layers(forks, error))
        return false;
    *ret_consistent = consistent;
    return true;
}
