/* Who may use a listener, where it leads and how: a copy of that part of a snapshot. Immutable, but
 * for the turn. */
#pragma once

#include "lb/balancer.h"

typedef struct RuleTarget {
    Target *target;
    bool out_of_service, draining;
} RuleTarget;

typedef struct Rules {
    unsigned allowed_n, targets_n;
    LbCidr *allowed;
    RuleTarget *targets; /* in the snapshot's order */
    unsigned open_n, zones_n;
    Target **open;   /* those in service, zone by zone */
    unsigned *zones; /* where each zone begins in open; zones_n + 1 of them */
    TlsContext *tls;
    unsigned idle_seconds; /* as given: 0 is the crew's */
    uint32_t idle_ms, drain_ms;
    bool zonal, proxy_protocol;
    LbStickiness stickiness;
    unsigned sticky_seconds;
    char *sticky_cookie;
    unsigned target_connections, surge_queue;
    char *log_name;
} Rules;

/* NULL: its TLS options are of no use. before: rules that it follows, whose TLS context it shares
 * if that still fits; may be NULL. */
Rules *rules_new(Balancer *balancer, const LbListener *listener, const Rules *before,
                 GError **error);
void rules_free(Rules *rules); /* NULL is fine */
/* Whether they are what rules_new(listener) would make; order counts. */
bool rules_match(const Rules *rules, const LbListener *listener);
/* Tells the rules' targets that they are named still. */
void rules_name_targets(const Rules *rules);
/* client in host byte order. */
bool rules_allow(const Rules *rules, uint32_t client);
/* In service or not, but not draining. */
bool rules_have_target(const Rules *rules, const Target *target);
