/* Who has spoken on the bridge. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Whether the kernel knows the machine behind an address of the calling thread's network: it has
 * sent or answered something lately. */
bool neighbour_is_known(const char *address, bool *ret_known, GError **error);
