/* The daemon's own actions, below /_cumulet/: signed like everything else, with any scope; replies
 * and errors are JSON ({"Code": …, "Message": …}).
 *
 *     GET  /_cumulet/status   what `cumulet status` shows
 *     POST /_cumulet/reset    back to a fresh start, where the daemon allows it */
#pragma once

#include "api/dispatch.h"
#include "api/route.h"

/* What the daemon gives. Called on workers. */
typedef struct AdminHooks {
    /* A JSON object, in the arena. */
    bool (*status_json)(void *data, Arena *arena, const char **ret_json, GError **error);
    bool (*reset)(void *data, GError **error);
    void *data;
    bool allow_reset;
} AdminHooks;

typedef struct AdminRoute {
    Route route;
    Dispatcher *dispatcher;
    AdminHooks hooks;
} AdminRoute;

/* dispatcher is borrowed, hooks are copied. */
void admin_route_init(AdminRoute *admin, Dispatcher *dispatcher, const AdminHooks *hooks);
