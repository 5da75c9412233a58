/* What the files of this backend share: one connection to libvirt, its threads, and the books of
 * the machines that run on it.
 *
 * Threads. Callers' threads make all calls. The event thread runs libvirt's event loop, in which
 * its events arrive. The keeper (keeper.h) does what is due from time to time. QEMU is forked by
 * the thread that starts it, and lives in that thread's network namespace.
 *
 * Locks, in this order: connection_lock, then machines.lock; delivery alone. None is held during a
 * call to libvirt, except that connection_lock is while a lost connection is made anew. */
#pragma once

#include "backends/hypervisor.h"
#include "backends/libvirt/disk.h"
#include "backends/libvirt/domain_xml.h"
#include "backends/libvirt/embedded.h"
#include "backends/libvirt/machines.h"

#include <libvirt/libvirt.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(virDomain, virDomainFree)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virConnect, virConnectClose)

enum { CALLBACKS = 3 }; /* life cycle, reboot, trouble with QEMU's monitor */

struct Hypervisor {
    void (*enter)(void *data);
    void (*on_event)(void *data, const MachineEvent *event);
    void *data;

    bool is_embedded;
    EmbeddedRoot embedded; /* empty unless is_embedded */
    char *uri;
    DomainPlatform platform;
    char *emulator;           /* backs platform.emulator */
    char *accelerator_reason; /* one clause */
    DiskMaker *disks;
    int next_place; /* atomic: where the next disk to be attached may go (live_disks.c) */
    Machines machines;

    GMutex connection_lock;
    virConnectPtr connection;
    int callbacks[CALLBACKS];

    GMutex delivery; /* events are delivered one at a time */

    GThread *event_thread;
    int stop_timer; /* libvirt's, in the event thread */
    bool stopping;  /* the event thread's own */

    GThread *keeper;
    GMutex keeper_lock; /* of the two below */
    GCond keeper_wake;
    bool keeper_wanted; /* has something to do now */
    bool keeper_closing;
};
