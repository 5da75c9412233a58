/* The daemon's listeners inside the guests' networks: the metadata service and the endpoint. */
#pragma once

#include "api/endpoint.h"
#include "api/imds/identity.h"
#include "daemon/https.h"

typedef struct Inside Inside;

typedef struct InsideConfig {
    Cloud *cloud;
    Endpoint *endpoint;
    unsigned port; /* that the endpoint has outside */
    Https *https;
    const Identity *identity;
    const Authority *authority;
} InsideConfig;

/* Listens in the network of every VPC, those that come later included. What config points to is
 * borrowed. */
bool inside_open(const InsideConfig *config, Inside **ret_inside, GError **error);
void inside_close(Inside *inside); /* NULL is fine */
