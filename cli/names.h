/* What the running daemon says of names. */
#pragma once

#include "cli/dns_forwarders.h"
#include "cli/target.h"

#include <jansson.h>

/* Fails when it has no DNS server, and says how to have one. Everything in the call's arena, and
 * checked: addresses are addresses, domains are plain. */
bool names_fetch_server(Call *call, DnsServerFacts *ret_facts, GError **error);

/* Letters, digits and hyphens with dots between: fit for files that give other bytes a meaning. */
bool name_is_plain(const char *name);

/* Appends a line "ADDRESS NAME…" for the endpoint, each balancer and each instance that a status
 * tells of; what is not plain is left out. Pure. */
void names_append_hosts(const json_t *status, GString *text);
