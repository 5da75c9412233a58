/* Links, addresses and bridge ports by rtnetlink: a microsecond a change, where a child process
 * `ip` costs milliseconds. A descriptor belongs to the network namespace of the thread that
 * opened it and to one thread at a time. Everything is idempotent. */
#pragma once

#include "base/arena.h"
#include <stdint.h>

bool rtnl_open(int *ret_fd, GError **error);

/* Without STP and multicast snooping; mac is 6 bytes. */
bool rtnl_add_bridge(int fd, const char *name, const uint8_t *mac, GError **error);
bool rtnl_set_up(int fd, const char *name, GError **error);
/* Makes a link a port of the bridge which other isolated ports cannot reach, and to which goes
 * only broadcast and what is for the stations that rtnl_add_station names. */
bool rtnl_set_isolated_port(int fd, const char *name, const char *bridge, GError **error);
bool rtnl_add_station(int fd, const char *port, const uint8_t *mac, GError **error);
/* address is in host byte order. */
bool rtnl_add_address(int fd, const char *name, uint32_t address, unsigned prefix, GError **error);
/* Every address of the block becomes one of this namespace, by which nobody else is reached. */
bool rtnl_add_local_block(int fd, uint32_t network, unsigned prefix, GError **error);
/* Success when there is none. */
bool rtnl_remove_link(int fd, const char *name, GError **error);
/* All that rtnl_set_isolated_port made a port, at once: the kernel waits tens of milliseconds for
 * each removal, however many links it removes. */
bool rtnl_remove_ports(int fd, GError **error);
/* Names (const char *) of all links. */
bool rtnl_list_links(int fd, Arena *arena, List *ret_names, GError **error);

/* A descriptor that becomes readable when links or IPv4 routes of the namespace change. */
bool rtnl_open_monitor(int *ret_fd, GError **error);
/* Whether a default route leads over the link; false also when asking fails. */
bool rtnl_has_default_route(int fd, const char *name);
