/* nftables in the network's namespace: what guests may send at all (table bridge), and the
 * security groups with the way out (table ip). Each call is one child `nft` and one transaction:
 * all of it holds, or nothing of it. All functions run on the worker inside. */
#pragma once

#include "backends/netns/nics.h"
#include "backends/netns/rules.h"

typedef struct Firewall Firewall;

/* Makes the tables that are missing: with no groups, so that guests reach nobody. Rules of an
 * earlier daemon stay in force until the first firewall_set. */
bool firewall_open(const Plan *plan, const Nics *nics, Firewall **ret_firewall, GError **error);
void firewall_free(Firewall *firewall); /* NULL is fine; leaves the tables */

/* Lets the tap send with its own MAC and IPv4 address only. */
bool firewall_admit(Firewall *firewall, const Nic *nic, GError **error);
/* Takes that back, and cuts the connections of the address. */
bool firewall_dismiss(Firewall *firewall, const Nic *nic, GError **error);

/* See NetworkOps.set_firewall. */
bool firewall_set(Firewall *firewall, const List *groups, GError **error);
