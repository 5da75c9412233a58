/* The admin route. Invariant: one row an action; all of them run on a worker, after the signature
 * was verified (an open action verifies its own). */
#include "api/admin.h"

#include "base/fault.h"
#include "base/id.h"
#include "cloud/certificate_login.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "/_cumulet/"
#define MAX_BODY 65536

typedef struct AdminAction {
    const char *name;
    const char *method;
    bool (*run)(const AdminRoute *admin, Exchange *exchange, GError **error);
    bool open; /* for who has no access key */
} AdminAction;

static const AdminRoute *admin_of(const Exchange *exchange)
{
    return ROUTE_OWNER(AdminRoute, exchange->route);
}

/* ---- replies ---- */

static void answer(Exchange *exchange, unsigned status, const char *json)
{
    HttpReply *reply = &exchange->reply;
    reply->status = status;
    reply->content_type = "application/json";
    reply->request_id = id_new_uuid(exchange->arena);
    buffer_add_text(&reply->body, json);
    buffer_add_char(&reply->body, '\n');
}

static void answer_error(Exchange *exchange, const GError *error)
{
    bool is_fault = error->domain == FAULT_DOMAIN;
    Fault fault = is_fault ? (Fault)error->code : FAULT_INTERNAL_ERROR;
    json_t *object = json_pack("{s:s, s:s}", "Code", fault_code(fault), "Message",
                               is_fault ? error->message : "An internal error has occurred");
    char *text = object ? json_dumps(object, 0) : NULL;
    answer(exchange, fault_status(fault), text ? text : "{}");
    free(text);
    json_decref(object);
}

/* ---- actions ---- */

static bool run_reset(const AdminRoute *admin, Exchange *exchange, GError **error)
{
    if (!admin->hooks.allow_reset)
        return fault_set(error, FAULT_BLOCKED,
                         "This cloud may not be reset: start the daemon with --allow-reset for it");
    if (!admin->hooks.reset(admin->hooks.data, error))
        return false;
    answer(exchange, 200, "{}");
    return true;
}

static bool run_status(const AdminRoute *admin, Exchange *exchange, GError **error)
{
    const char *json;
    if (!admin->hooks.status_json(admin->hooks.data, exchange->arena, &json, error))
        return false;
    answer(exchange, 200, json);
    return true;
}

static bool run_accounts(const AdminRoute *admin, Exchange *exchange, GError **error)
{
    const char *json;
    if (!admin->hooks.accounts_json(admin->hooks.data, exchange->arena, &json, error))
        return false;
    answer(exchange, 200, json);
    return true;
}

/* A member of an object, copied into the arena; NULL without. */
static const char *member(Arena *arena, const json_t *object, const char *name)
{
    return arena_strdup(arena, json_string_value(json_object_get(object, name)));
}

static bool run_account(const AdminRoute *admin, Exchange *exchange, GError **error)
{
    const HttpRequest *request = &exchange->request;
    const char *json;
    json_t *body = request->body ? json_loadb(request->body, request->body_size, 0, NULL) : NULL;
    const char *name = member(exchange->arena, body, "name");
    bool certificate = json_is_true(json_object_get(body, "certificate"));
    json_decref(body);
    if (!name)
        return fault_set(error, FAULT_VALIDATION_ERROR, "The body must be {\"name\": …}");
    if (!admin->hooks.create_account(admin->hooks.data, exchange->arena, name, certificate, &json,
                                     error))
        return false;
    answer(exchange, 200, json);
    return true;
}

static bool run_images(const AdminRoute *admin, Exchange *exchange, GError **error)
{
    const char *json;
    if (!admin->hooks.refresh_images(admin->hooks.data, exchange->arena, &json, error))
        return false;
    answer(exchange, 200, json);
    return true;
}

static bool run_import(const AdminRoute *admin, Exchange *exchange, GError **error)
{
    const HttpRequest *request = &exchange->request;
    Arena *arena = exchange->arena;
    json_t *body = request->body ? json_loadb(request->body, request->body_size, 0, NULL) : NULL;
    const AdminImport import = {
        .file = member(arena, body, "file"),
        .name = member(arena, body, "name"),
        .description = member(arena, body, "description"),
        .architecture = member(arena, body, "architecture"),
    };
    json_decref(body);
    const char *json;
    if (!import.name || !import.architecture)
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "The body must be {\"file\": …, \"name\": …, \"architecture\": …}");
    if (!admin->hooks.import_image(admin->hooks.data, arena, &import, &json, error))
        return false;
    answer(exchange, 200, json);
    return true;
}

static bool run_certificates(const AdminRoute *admin, Exchange *exchange, GError **error)
{
    const char *json;
    bool replace = strcmp(exchange->request.method, "POST") == 0;
    if (!admin->hooks.certificates_json(admin->hooks.data, exchange->arena, replace, &json, error))
        return false;
    answer(exchange, 200, json);
    return true;
}

static bool run_clock(const AdminRoute *admin, Exchange *exchange, GError **error)
{
    const HttpRequest *request = &exchange->request;
    const char *json;
    double speed = 0;
    if (strcmp(request->method, "POST") == 0) {
        json_t *body =
            request->body ? json_loadb(request->body, request->body_size, 0, NULL) : NULL;
        speed = json_number_value(json_object_get(body, "speed"));
        json_decref(body);
        if (!(speed > 0))
            return fault_set(error, FAULT_VALIDATION_ERROR, "The body must be {\"speed\": …}");
    }
    if (!admin->hooks.clock_json(admin->hooks.data, exchange->arena, speed, &json, error))
        return false;
    answer(exchange, 200, json);
    return true;
}

static bool run_load(const AdminRoute *admin, Exchange *exchange, GError **error)
{
    const HttpRequest *request = &exchange->request;
    json_t *body = request->body ? json_loadb(request->body, request->body_size, 0, NULL) : NULL;
    const char *id = member(exchange->arena, body, "instance_id");
    const json_t *load = json_object_get(body, "percent");
    double percent = json_is_number(load) ? json_number_value(load) : -1;
    json_decref(body);
    if (!id || !(percent >= 0 && percent <= 100))
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "The body must be {\"instance_id\": …, \"percent\": 0 to 100}");
    if (!admin->hooks.set_load(admin->hooks.data, id, percent, error))
        return false;
    answer(exchange, 200, "{}");
    return true;
}

static bool run_access_key(const AdminRoute *admin, Exchange *exchange, GError **error)
{
    const HttpRequest *request = &exchange->request;
    Arena *arena = exchange->arena;
    json_t *body = request->body ? json_loadb(request->body, request->body_size, 0, NULL) : NULL;
    const CertificateLogin login = {
        .certificate = member(arena, body, "certificate"),
        .time = json_integer_value(json_object_get(body, "time")),
        .nonce = member(arena, body, "nonce"),
        .signature = member(arena, body, "signature"),
    };
    json_decref(body);
    const char *json;
    if (!login.certificate || !login.nonce || !login.signature)
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "The body must be {\"certificate\": …, \"time\": …, \"nonce\": …, "
                         "\"signature\": …}");
    if (!admin->hooks.access_key_json(admin->hooks.data, arena, &login, &json, error))
        return false;
    answer(exchange, 200, json);
    return true;
}

/* Rows of one name stand together. */
static const AdminAction actions[] = {
    {"access-key", "POST", run_access_key, .open = true},
    {"account", "POST", run_account},
    {"accounts", "GET", run_accounts},
    {"certificates", "GET", run_certificates},
    {"certificates", "POST", run_certificates},
    {"clock", "GET", run_clock},
    {"clock", "POST", run_clock},
    {"images", "POST", run_images},
    {"import", "POST", run_import},
    {"load", "POST", run_load},
    {"reset", "POST", run_reset},
    {"status", "GET", run_status},
};

/* Of that name and method, or else of that name. */
static const AdminAction *find_action(const HttpRequest *request)
{
    const char *name = request->path + strlen(PREFIX);
    const AdminAction *found = NULL;
    for (size_t i = 0; i < G_N_ELEMENTS(actions); i++) {
        if (strcmp(actions[i].name, name) == 0 &&
            (!found || strcmp(actions[i].method, request->method) == 0))
            found = &actions[i];
    }
    return found;
}

/* For the header Allow. */
static const char *methods_of(Arena *arena, const char *name)
{
    const char *methods = NULL;
    for (size_t i = 0; i < G_N_ELEMENTS(actions); i++) {
        if (strcmp(actions[i].name, name) == 0)
            methods = methods ? arena_printf(arena, "%s, %s", methods, actions[i].method)
                              : actions[i].method;
    }
    return methods;
}

/* ---- the route ---- */

static bool match(const Route *route, const HttpRequest *request)
{
    return g_str_has_prefix(request->path, PREFIX);
}

/* Who may sign for one account may not see, or end, what belongs to another. */
static bool check_admin(const AdminRoute *admin, const Caller *caller, GError **error)
{
    const char *account_id = admin->hooks.account_id;
    return !account_id ||
           (strcmp(account_id, caller->account_id) == 0 && !caller_user_name(caller)) ||
           fault_set(error, FAULT_ACCESS_DENIED,
                     "Only the root of the cloud's first account may do this");
}

static bool check(Exchange *exchange, GError **error)
{
    const HttpRequest *request = &exchange->request;
    const AdminAction *action = find_action(request);
    Caller caller;
    bool open = action && action->open;
    if (!open && (!dispatch_authenticate(admin_of(exchange)->dispatcher, exchange->arena, request,
                                         &caller, error) ||
                  !check_admin(admin_of(exchange), &caller, error)))
        return false;
    if (!action)
        return fault_set(error, FAULT_NOT_FOUND, "There is no %.100s here", request->path);
    if (strcmp(action->method, request->method) != 0) {
        exchange->reply.allow = methods_of(exchange->arena, action->name);
        return fault_set(error, FAULT_METHOD_NOT_ALLOWED, "Use %s for %s", exchange->reply.allow,
                         request->path);
    }
    exchange->state = (void *)action;
    return true;
}

static RouteNext finish(Exchange *exchange)
{
    g_autoptr(GError) error = NULL;
    if (check(exchange, &error))
        return ROUTE_WORK;
    if (error->domain != FAULT_DOMAIN)
        g_warning("%s could not be looked at: %s", exchange->request.path, error->message);
    answer_error(exchange, error);
    return ROUTE_REPLY;
}

static void work(Exchange *exchange)
{
    const AdminAction *action = exchange->state;
    g_autoptr(GError) error = NULL;
    if (action->run(admin_of(exchange), exchange, &error))
        return;
    if (error->domain != FAULT_DOMAIN)
        g_warning("%s failed: %s", exchange->request.path, error->message);
    answer_error(exchange, error);
}

void admin_route_init(AdminRoute *admin, Dispatcher *dispatcher, const AdminHooks *hooks)
{
    *admin = (AdminRoute){
        .route = {.name = "admin",
                  .match = match,
                  .max_body = MAX_BODY,
                  .finish = finish,
                  .work = work,
                  .refuse = answer_error},
        .dispatcher = dispatcher,
        .hooks = *hooks,
    };
}
