/* A listener of the balancer "farm" with three targets: i-1 and i-2 in zone a, i-3 in zone b. */
#pragma once

#include "tests/unit/lb_fixture.h"

enum { TARGETS = 3 };

typedef struct Farm {
    Fixture fixture;
    LbListener *listener;
    LbTarget *targets[TARGETS];
    int servers[TARGETS];
} Farm;

/* That protocol is spoken on both sides; one thread. */
void farm_open(Farm *farm, LbProtocol protocol);
void farm_close(Farm *farm);
/* Which server a new connection or request comes to; *ret_served is its end. */
int farm_accept(const Farm *farm, int *ret_served);
