/* Who may use a listener and where it leads: a copy of that part of a snapshot. Immutable. */
#pragma once

#include "lb/lb.h"
#include <stdbool.h>

typedef struct Rules {
    unsigned allowed_n, targets_n;
    LbTarget *targets; /* both point behind this struct */
    LbCidr *allowed;
} Rules;

/* Free with g_free. */
Rules *rules_new(const LbListener *listener);
/* Whether they are what rules_new(listener) would return; order counts. */
bool rules_match(const Rules *rules, const LbListener *listener);
/* client in host byte order. */
bool rules_allow(const Rules *rules, uint32_t client);
bool rules_have_target(const Rules *rules, LbTarget target);
