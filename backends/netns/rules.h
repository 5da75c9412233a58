/* The rules of all security groups at one moment: parsed once, then compared with another moment
 * to give nft commands, and asked whether a connection is allowed. Both come from the same parsed
 * form, so what nft lets pass is what stays uncut. Pure: no system calls, no threads. */
#pragma once

#include "backends/network.h"

typedef struct Rules Rules;

/* The table that the commands are for; it has the chains "ingress" and "egress" already. */
#define RULES_TABLE "ip vpc"

/* groups: of FirewallGroup *. Everything is copied. A rule whose peer group is not there matches
 * nothing. */
bool rules_parse(const List *groups, Rules **ret_rules, GError **error);
void nft_rules_free(Rules *rules); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Rules, nft_rules_free)

/* Appends the commands of one transaction that leads from before (NULL: no group was there) to
 * after; as much text as there is change. True when something that was allowed may not be now. */
bool rules_append_change(const Rules *before, const Rules *after, GString *commands);

typedef struct Flow {
    uint32_t source, destination; /* host byte order, as the first packet had them */
    uint8_t protocol;
    uint16_t port; /* destination port of tcp and udp */
    uint8_t icmp_type, icmp_code;
} Flow;

/* Whether a guest with this address may begin the flow, and may receive it. */
bool rules_allow_out(const Rules *rules, const Flow *flow);
bool rules_allow_in(const Rules *rules, const Flow *flow);
