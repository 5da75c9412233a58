/* A real server on an ephemeral loopback port over the fake services. */
#pragma once

#include "tests/unit/api_client.h"
#include "tests/unit/api_fixture.h"
#include "api/admin.h"
#include "api/query_route.h"
#include "api/server.h"
#include <stdatomic.h>

/* A route that takes bodies piece by piece: PUT /stream; a body "stop" is refused. */
typedef struct StreamRoute {
    Route route;
    atomic_size_t bytes, ended;
} StreamRoute;

typedef struct Site {
    Clock *clock;
    Dispatcher *dispatcher;
    AdminRoute admin;
    QueryRoute query;
    StreamRoute stream;
    const Route *routes[4];
    Server *server;
    unsigned port;
    atomic_uint resets;
} Site;

typedef struct SiteOptions {
    unsigned workers, max_queued;
    bool allow_reset;
} SiteOptions;

Site *site_open(SiteOptions options);
void site_close(Site *site);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Site, site_close)

/* Another listener of the same server; its port. */
unsigned site_listen(Site *site);

/* Signed now, for the service "fake". Free with g_free. */
char *site_sign(const char *method, const char *path, const char *body);
