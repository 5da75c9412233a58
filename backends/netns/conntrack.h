/* The connections that the kernel tracks in the calling thread's namespace, over ctnetlink. */
#pragma once

#include "backends/netns/rules.h"

/* Whether a tracked connection may go on. */
typedef bool (*ConntrackKeepFn)(void *data, const Flow *flow);

/* Asks for each IPv4 connection and deletes those that may not go on: their next packet is a
 * stranger's. *ret_cut (may be NULL) is how many. */
bool conntrack_cut(ConntrackKeepFn keep, void *data, unsigned *ret_cut, GError **error);
