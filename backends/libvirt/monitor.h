/* QEMU's own word on its disks, past libvirt.
 *
 * libvirt notes what it has told QEMU after QEMU has done it. When the daemon is killed in between,
 * a millisecond, the next one's libvirt knows nothing of it, and only QEMU can be asked. */
#pragma once

#include "backends/libvirt/state.h"

typedef struct MonitorDisk {
    const char *device; /* QEMU's name of the device that the guest sees */
    const char *path;   /* of the layer that is written to */
} MonitorDisk;

/* MonitorDisk * of all of a machine's, in arena. */
bool monitor_disks(virDomainPtr domain, Arena *arena, List *ret_disks, GError **error);
/* NULL: no device writes to that file. */
const MonitorDisk *monitor_disk_at_path(const List *disks, const char *path);

/* Takes a device away. */
bool monitor_remove(virDomainPtr domain, const char *device, GError **error);
/* Has a file closed that was opened for a disk and is none's; one that is in use stays, and
 * *ret_closed is false. */
bool monitor_close(virDomainPtr domain, const char *path, bool *ret_closed, GError **error);
