/* The daemon's own actions, below /_cumulet/: signed like everything else, with any scope; replies
 * and errors are JSON ({"Code": …, "Message": …}).
 *
 *     GET  /_cumulet/status     what `cumulet status` shows
 *     POST /_cumulet/reset      back to a fresh start, where the daemon allows it
 *     GET  /_cumulet/accounts   the accounts: {"accounts": [{"id", "name", "canonical_id"}]}
 *     POST /_cumulet/account    {"name"} makes one: the same with "access_key_id" and
 *                               "secret_access_key"
 *     POST /_cumulet/images     registers what was built in STATE/images meanwhile: the images of
 *                               there, {"images": [{"id", "name"}]}
 *
 * They are for the root of the first account alone. */
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
    const char *account_id; /* whose root may all this; NULL: whoever signs */
    bool (*accounts_json)(void *data, Arena *arena, const char **ret_json, GError **error);
    bool (*create_account)(void *data, Arena *arena, const char *name, const char **ret_json,
                           GError **error);
    bool (*refresh_images)(void *data, Arena *arena, const char **ret_json, GError **error);
} AdminHooks;

typedef struct AdminRoute {
    Route route;
    Dispatcher *dispatcher;
    AdminHooks hooks;
} AdminRoute;

/* dispatcher is borrowed, hooks are copied. */
void admin_route_init(AdminRoute *admin, Dispatcher *dispatcher, const AdminHooks *hooks);
