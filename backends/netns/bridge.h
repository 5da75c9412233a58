/* The bridge of a network and the taps on it. All functions run on the worker inside. */
#pragma once

#include "backends/netns/plan.h"

/* Makes the bridge with the routers' addresses, or completes what is there. */
bool bridge_set_up(int rtnl, const Plan *plan, GError **error);

/* The tap's name for an interface id: "tap" and the last characters of the id. */
#define TAP_PREFIX "tap"
char *tap_name(Arena *arena, const char *nic_id);
/* Makes the persistent tap that the daemon's own user may open; success when it is there. */
bool tap_make(const char *tap, GError **error);
/* Connects it to the bridge, isolated, and sets it up; mac is that of the guest behind it. */
bool tap_connect(int rtnl, const char *tap, const char *mac, GError **error);
