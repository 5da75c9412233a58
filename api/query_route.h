/* The route of the Query services (EC2, STS, …): takes every request that no other route took. */
#pragma once

#include "api/dispatch.h"
#include "api/route.h"

/* A body of form data; AWS's own limit is of this order. */
#define QUERY_MAX_BODY (1024 * 1024)

typedef struct QueryRoute {
    Route route;
    Dispatcher *dispatcher;
} QueryRoute;

/* dispatcher is borrowed. */
void query_route_init(QueryRoute *query, Dispatcher *dispatcher);
