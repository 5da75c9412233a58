/* DHCP and DNS for the guests: one dnsmasq a network, which outlives the daemon. Leases are fixed
 * by MAC; names resolve from the moment that an interface is plugged. All functions run on the
 * worker inside, which passes on the capabilities that dnsmasq needs. */
#pragma once

#include "backends/netns/nics.h"

/* Makes the files say what nics says, and dnsmasq run with the configuration that the plan gives;
 * one that runs with another configuration is replaced. outside: names that are not ours are asked
 * for over the way out, else they are refused at once. */
bool dns_open(const Plan *plan, const Nics *nics, bool outside, GError **error);
/* Starts it again if it has died. Cheap when it has not. */
bool dns_ensure(const Plan *plan, GError **error);
bool dns_end(const Plan *plan, GError **error);

/* Names besides those of interfaces and endpoints, complete: NetworkName *. They outlive the
 * daemon, too. */
bool dns_set_names(const Plan *plan, const List *names, GError **error);

bool dns_add(const Plan *plan, const Nic *nic, GError **error);
/* Forgets the lease too, so that the address can be given to another interface. */
bool dns_remove(const Plan *plan, const Nic *nic, GError **error);
