/* What runs, and what it uses: hypervisor.h's list() and stats(). */
#pragma once

#include "backends/libvirt/state.h"

/* Names of all machines that run. Those that are not in the books yet (an earlier daemon's) are
 * noted there. */
bool listing_names(Hypervisor *hypervisor, Arena *arena, List *ret_names, GError **error);
/* A machine that is so busy starting or ending that nothing is known of it is left out. */
bool listing_stats(Hypervisor *hypervisor, Arena *arena, List *ret_stats, GError **error);
