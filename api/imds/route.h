/* The route of the metadata service, for a server of its own in a VPC's network. */
#pragma once

#include "api/imds/imds.h"
#include "api/route.h"

typedef struct ImdsRoute {
    Route route;
    Imds *imds;
} ImdsRoute;

/* imds is borrowed. */
void imds_route_init(ImdsRoute *route, Imds *imds);
