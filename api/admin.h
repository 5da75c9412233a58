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
 *     POST /_cumulet/import     {"file", "name", "description", "architecture"} registers a disk
 *                               that was placed in STATE/volumes (cloud/image_import.h): {"id",
 *                               "name"}. Without "file" it only says whether that could be
 *     GET  /_cumulet/clock      the clock of metrics and scaling: {"speed", "ahead_seconds"}
 *     POST /_cumulet/clock      {"speed"} makes it so many times as fast: the same
 *     POST /_cumulet/load       {"instance_id", "percent"} makes the vCPUs of a machine of the fake
 *                               back end so busy: {}
 *     GET  /_cumulet/certificates   the first account's: {"certificates": [{"id", "status",
 *                               "private_key", "certificate"}], "ec2_certificate"}, where the
 *                               last three are paths
 *     POST /_cumulet/certificates   makes a new one in the place of that which the cloud made
 *                               before: the same
 *
 * They are for the root of the first account alone. One more is for everybody who has a signing
 * certificate, and is signed by that (cloud/certificate_login.h):
 *
 *     POST /_cumulet/access-key {"certificate", "time", "nonce", "signature"}: the user's
 *                               {"access_key_id", "secret_access_key"} */
#pragma once

#include "api/dispatch.h"
#include "api/route.h"

/* What POST import says; only file may be NULL, and description. */
typedef struct AdminImport {
    const char *file, *name, *description, *architecture;
} AdminImport;

/* What POST access-key says: cloud/certificate_login.h's CertificateLogin. */
struct CertificateLogin;

/* What the daemon gives. Called on workers. */
typedef struct AdminHooks {
    /* A JSON object, in the arena. */
    bool (*status_json)(void *data, Arena *arena, const char **ret_json, GError **error);
    bool (*reset)(void *data, GError **error);
    void *data;
    bool allow_reset;
    const char *account_id; /* whose root may all this; NULL: whoever signs */
    bool (*accounts_json)(void *data, Arena *arena, const char **ret_json, GError **error);
    /* certificate: with an X.509 pair for its root. */
    bool (*create_account)(void *data, Arena *arena, const char *name, bool certificate,
                           const char **ret_json, GError **error);
    bool (*refresh_images)(void *data, Arena *arena, const char **ret_json, GError **error);
    bool (*import_image)(void *data, Arena *arena, const AdminImport *import, const char **ret_json,
                         GError **error);
    /* speed 0: as it is. Fault ValidationError: it is no speed. */
    bool (*clock_json)(void *data, Arena *arena, double speed, const char **ret_json,
                       GError **error);
    /* Faults InvalidInstanceID.NotFound: no such machine; UnsupportedOperation: real ones. */
    bool (*set_load)(void *data, const char *instance_id, double percent, GError **error);
    bool (*certificates_json)(void *data, Arena *arena, bool replace, const char **ret_json,
                              GError **error);
    bool (*access_key_json)(void *data, Arena *arena, const struct CertificateLogin *login,
                            const char **ret_json, GError **error);
} AdminHooks;

typedef struct AdminRoute {
    Route route;
    Dispatcher *dispatcher;
    AdminHooks hooks;
} AdminRoute;

/* dispatcher is borrowed, hooks are copied. */
void admin_route_init(AdminRoute *admin, Dispatcher *dispatcher, const AdminHooks *hooks);
