/* Disks of machines that run: see attach_disk, detach_disk, grow_disk and fork_disks in
 * backends/hypervisor.h. */
#pragma once

#include "backends/libvirt/state.h"

bool live_disks_attach(Hypervisor *hypervisor, const char *name, const MachineDisk *disk,
                       GError **error);
bool live_disks_detach(Hypervisor *hypervisor, const char *name, const char *serial, bool force,
                       bool *ret_gone, GError **error);
bool live_disks_grow(Hypervisor *hypervisor, const char *name, const char *serial,
                     uint64_t size_bytes, GError **error);
bool live_disks_fork(Hypervisor *hypervisor, const char *name, const List *forks,
                     bool *ret_consistent, GError **error);
