/* The connection to libvirt and the thread in which its events arrive. */
#pragma once

#include "backends/libvirt/state.h"

/* Starts the event thread and connects. */
bool libvirt_connection_open(Hypervisor *hypervisor, GError **error);
/* Disconnects and ends the event thread; no event arrives afterwards. Half-open is fine. */
void libvirt_connection_close(Hypervisor *hypervisor);

/* A reference to the connection; the caller's virConnectClose gives it back. */
bool libvirt_connection_get(Hypervisor *hypervisor, virConnectPtr *ret_connection, GError **error);
/* Connects again when libvirtd went away; the embedded driver never does. */
bool libvirt_connection_keep(Hypervisor *hypervisor, GError **error);

/* The domain of a running machine. False with no error (*ret_domain NULL) is none; with error, it
 * could not be asked for. */
bool libvirt_connection_find(Hypervisor *hypervisor, const char *name, virDomainPtr *ret_domain,
                             GError **error);
/* The same; that there is none is an error too. */
bool libvirt_connection_find_running(Hypervisor *hypervisor, const char *name,
                                     virDomainPtr *ret_domain, GError **error);
