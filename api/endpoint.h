/* The endpoint: every service that the daemon speaks, behind one server. What daemon/ opens.
 *
 *     endpoint = endpoint_new(&config);
 *     server_listen("127.0.0.1", port, &fd, error) &&
 *         server_add_listener(endpoint_server(endpoint), fd, 0, 0, error)
 *     …
 *     endpoint_free(endpoint);      before the cloud is closed */
#pragma once

#include "api/admin.h"
#include "api/server.h"
#include "cloud/cloud.h"
#include "imagestore/blobs.h"

typedef struct EndpointConfig {
    Cloud *cloud;
    Blobs *blobs; /* of S3's objects */
    Clock *clock; /* the real time, not a faster one: clients date signatures with theirs */
    const char *region;
    AdminHooks admin;
    unsigned idle_seconds; /* 0: SERVER_IDLE_SECONDS */
} EndpointConfig;

typedef struct Endpoint Endpoint;

/* What config points to must outlive it. */
Endpoint *endpoint_new(const EndpointConfig *config);
/* Where all listeners are added; see api/server.h. Borrowed. */
Server *endpoint_server(Endpoint *endpoint);
/* Finishes what runs. NULL is fine. */
void endpoint_free(Endpoint *endpoint);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Endpoint, endpoint_free)
