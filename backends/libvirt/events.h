/* From libvirt's domain events to machine events. */
#pragma once

#include "backends/libvirt/state.h"

/* Whether a domain is a machine of this backend: by its UUID, which begins "ec2". On a libvirt that
 * others use too there may be domains of theirs. */
bool event_domain_is_ours(virDomainPtr domain);

/* Pure: what a STOPPED event with this detail (virDomainEventStoppedDetailType) is, of a machine
 * that was marked so. */
MachineEventKind event_of_stop(int detail, const MachineEnd *end);

/* Subscribes to connection's events, with their numbers in hypervisor->callbacks. */
bool events_subscribe(Hypervisor *hypervisor, virConnectPtr connection, GError **error);
void events_unsubscribe(Hypervisor *hypervisor, virConnectPtr connection);

/* Tells the owner. */
void event_deliver(Hypervisor *hypervisor, const char *name, MachineEventKind kind);
