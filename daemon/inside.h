/* The daemon's listeners inside the guests' networks: the metadata service and the endpoint. */
#pragma once

#include "api/endpoint.h"
#include "api/imds/identity.h"

typedef struct Inside Inside;

/* Listens in the network of every VPC, those that come later included. identity and endpoint are
 * borrowed. */
bool inside_open(Cloud *cloud, Endpoint *endpoint, unsigned port, const Identity *identity,
                 Inside **ret_inside, GError **error);
void inside_close(Inside *inside); /* NULL is fine */
