/* The thread that does what no event tells of: it cuts consoles and logs, misses machines that
 * vanished, ends broken ones, resumes stalled ones, and connects again to a libvirtd that was
 * restarted. It looks every few seconds while machines run, and sleeps while none does. */
#pragma once

#include "backends/libvirt/state.h"

/* Once the connection is open. */
void keeper_start(Hypervisor *hypervisor);
void keeper_stop(Hypervisor *hypervisor); /* not started is fine */
/* Has it look at once. */
void keeper_wake(Hypervisor *hypervisor);
