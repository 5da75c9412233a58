/* The dispatcher.
 *
 * Invariant: nothing is told to, or done for, a request whose signature was not verified, but its
 * refusal; and what is our own trouble is logged here, once, and is InternalError to the client. */
#include "api/dispatch.h"

#include "api/answer.h"
#include "api/bind.h"
#include "api/document.h"
#include "api/inflate.h"
#include "api/pieces.h"
#include "api/query.h"
#include "api/reply_cache.h"
#include "api/service.h"
#include "api/soap.h"
#include "api/soap_params.h"
#include "base/fault.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define REMEMBERED_LEAST 4096 /* bytes of a reply */

/* Of a body that came compressed. */
#define INFLATED_MOST (4 * 1024 * 1024)

struct Dispatcher {
    DispatchConfig config;
    Verifier *verifier;
    SoapVerifier *soap;  /* NULL: there is no SOAP */
    ReplyCache *replies; /* NULL: they are not remembered */
    PieceCache *pieces;  /* likewise */
    uint64_t seed;
    atomic_uint_least64_t requests;
};

struct Dispatch {
    Call call;
    WireForm form;
    const void *request;
};

/* What is known of a request while it is being looked at. */
typedef struct Incoming {
    Dispatcher *dispatcher;
    Arena *arena;
    SignedRequest request;
    Claim claim;
    DocumentTarget target;
    SoapRequest soap;
    const char *body; /* inflated */
    size_t body_size;
    const Service *service; /* NULL: not recognised */
    const char *action, *version, *request_id;
} Incoming;

Dispatcher *dispatcher_new(const DispatchConfig *config)
{
    Dispatcher *dispatcher = g_new0(Dispatcher, 1);
    dispatcher->config = *config;
    dispatcher->verifier = verifier_new(&config->keys, config->clock);
    if (config->certificates.find)
        dispatcher->soap = soap_verifier_new(&config->certificates, config->clock);
    if (config->version) {
        dispatcher->replies = reply_cache_new(REMEMBERED_LEAST, true);
        dispatcher->pieces = piece_cache_new();
    }
    random_bytes(&dispatcher->seed, sizeof(dispatcher->seed));
    return dispatcher;
}

void dispatcher_free(Dispatcher *dispatcher)
{
    if (!dispatcher)
        return;
    reply_cache_free(dispatcher->replies);
    piece_cache_free(dispatcher->pieces);
    verifier_free(dispatcher->verifier);
    soap_verifier_free(dispatcher->soap);
    g_free(dispatcher);
}

/* Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators" (2014): a bijection. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* In the form of a UUID. Not secret, never the same twice, and made without asking the kernel,
 * which would cost as much as an HMAC. */
static const char *next_request_id(Dispatcher *dispatcher, Arena *arena)
{
    uint64_t n = atomic_fetch_add(&dispatcher->requests, 1);
    uint64_t halves[2] = {mix(dispatcher->seed + n), mix(~dispatcher->seed - n)};
    char hex[2 * sizeof(halves) + 1];
    hex_encode((const uint8_t *)halves, sizeof(halves), hex);
    char *id = arena_alloc(arena, sizeof("00000000-0000-4000-8000-000000000000"));
    static const uint8_t parts[] = {8, 4, 4, 4, 12};
    char *to = id;
    const char *from = hex;
    for (size_t i = 0; i < G_N_ELEMENTS(parts); from += parts[i++]) {
        if (i > 0)
            *to++ = '-';
        memcpy(to, from, parts[i]);
        to += parts[i];
    }
    id[14] = '4';
    id[19] = '8';
    return id;
}

/* ---- reading ---- */

/* libcloud's path says the version as well: "/2012-06-01/". */
static const char *version_of_path(Arena *arena, const char *path)
{
    size_t size = strcspn(path + 1, "/");
    return size == strlen("2012-06-01") ? arena_strndup(arena, path + 1, size) : NULL;
}

static bool is_form(const HttpRequest *request)
{
    if (strcmp(request->method, "POST") != 0)
        return false;
    const char *type = http_header(request, "content-type");
    return !type || g_ascii_strncasecmp(type, "application/x-www-form-urlencoded", 33) == 0;
}

static bool read_signed(Arena *arena, const HttpRequest *http, SignedRequest *request,
                        const char **ret_body, size_t *ret_size, GError **error)
{
    request->http = http;
    if (!params_decode(&request->params, arena, http->query, strlen(http->query), error))
        return false;
    request->n_query = request->params.n;
    return http_body_inflate(arena, http, INFLATED_MOST, ret_body, ret_size, error) &&
           (!*ret_body || !is_form(http) ||
            params_decode(&request->params, arena, *ret_body, *ret_size, error));
}

static void find_service(Incoming *in)
{
    const HttpRequest *http = in->request.http;
    const ServiceHints hints = {
        .scope = in->claim.service,
        .host = http_header(http, "host"),
        .action = in->action,
        .version = in->version,
    };
    in->service = service_find(in->dispatcher->config.services, &hints);
}

static void read_document_target(Incoming *in)
{
    in->service = document_service(in->dispatcher->config.services, in->target.service);
    in->action = in->target.action;
    for (const char *const *known = in->service ? in->service->versions : NULL; known && *known;
         known++)
        in->version = *known;
}

static bool read_soap(Incoming *in, GError **error)
{
    if (!soap_read(in->arena, in->body, in->body_size, &in->soap, error))
        return false;
    in->action = in->soap.action;
    in->service =
        soap_service(in->dispatcher->config.services, in->arena, in->soap.xmlns, &in->version);
    return true;
}

static Answer answer_to(const Incoming *in)
{
    return (Answer){in->arena, in->target.form, in->service, in->version, in->request_id};
}

static void incoming_clear(Incoming *in)
{
    soap_request_clear(&in->soap);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Incoming, incoming_clear)

/* Fills *in as far as the request can be read; it is to be cleared in any case. */
static bool read_incoming(Dispatcher *dispatcher, Arena *arena, const HttpRequest *http,
                          Incoming *in, GError **error)
{
    *in = (Incoming){.dispatcher = dispatcher, .arena = arena, .request.http = http};
    in->request_id = next_request_id(dispatcher, arena);
    bool ok = read_signed(arena, http, &in->request, &in->body, &in->body_size, error);
    document_target(arena, http, &in->target);
    if (dispatcher->soap && in->target.form == WIRE_QUERY && soap_is_meant(http)) {
        in->target.form = WIRE_SOAP;
        return ok && read_soap(in, error);
    }
    if (in->target.form != WIRE_QUERY) {
        read_document_target(in);
        if (ok)
            claim_read(arena, &in->request, &in->claim);
        return ok;
    }
    in->action = params_get(&in->request.params, "Action");
    in->version = params_get(&in->request.params, "Version");
    if (!in->version && *http->path)
        in->version = version_of_path(arena, http->path);
    if (ok)
        claim_read(arena, &in->request, &in->claim);
    find_service(in);
    return ok;
}

/* ---- checking ---- */

static bool check_method(const HttpRequest *http, GError **error)
{
    return strcmp(http->method, "GET") == 0 || strcmp(http->method, "POST") == 0 ||
           fault_set(error, FAULT_METHOD_NOT_ALLOWED,
                     "The specified method is not allowed against this resource.");
}

static Protocol protocol_of(const Service *service)
{
    return service ? service->protocol : PROTOCOL_QUERY;
}

static bool find_document_action(const Incoming *in, const Action **ret_action, GError **error)
{
    const Action *action = in->service && in->action
                               ? service_find_action(in->service, in->action, in->version)
                               : NULL;
    if (!action)
        return fault_set(error, FAULT_UNKNOWN_OPERATION,
                         "The operation %.200s is not one of this service.",
                         in->action ? in->action : "");
    *ret_action = action;
    return true;
}

/* A namespace of the WSDLs that there were. */
static bool check_soap_version(const Incoming *in, GError **error)
{
    const SoapNames *soap = in->service ? in->service->soap : NULL;
    return (soap && strcmp(in->version, soap->since) >= 0 &&
            strcmp(in->version, soap->until) <= 0) ||
           fault_set(error, FAULT_NO_SUCH_VERSION, "There is no service of the namespace %.100s",
                     in->soap.xmlns);
}

static bool find_action(const Incoming *in, const Action **ret_action, GError **error)
{
    if (in->target.form == WIRE_SOAP && !check_soap_version(in, error))
        return false;
    if (in->target.form == WIRE_JSON || in->target.form == WIRE_CBOR)
        return find_document_action(in, ret_action, error);
    if (!in->action || !*in->action)
        return fault_set(error, FAULT_MISSING_ACTION,
                         "The request must contain the parameter Action");
    if (!in->service)
        return fault_set(error, FAULT_INVALID_ACTION,
                         "The action %.200s is not valid for this web service.", in->action);
    if (!in->version || !*in->version)
        return fault_set(error, FAULT_MISSING_PARAMETER,
                         "The request must contain the parameter Version");
    if (!service_has_version(in->service, in->version))
        return fault_set(error, FAULT_NO_SUCH_VERSION,
                         "The requested version (%.50s) of service %s does not exist", in->version,
                         in->service->protocol == PROTOCOL_EC2 ? "AmazonEC2" : in->service->name);
    const Action *action = service_find_action(in->service, in->action, in->version);
    if (!action)
        return fault_set(error, FAULT_INVALID_ACTION,
                         "The action %.200s is not valid for this web service.", in->action);
    *ret_action = action;
    return true;
}

/* Each protocol refuses in its own words. */
static bool check_permission(const Incoming *in, const Caller *caller, GError **error)
{
    const DispatchConfig *config = &in->dispatcher->config;
    const Attempt attempt = {
        .caller = caller,
        .service = in->service,
        .action = in->action,
        .params = &in->request.params,
        .http = in->request.http,
        .region = config->region,
        .request_id = in->request_id,
    };
    bool may = true;
    if (config->authorize && !config->authorize(config->cloud, in->arena, &attempt, &may, error))
        return false;
    if (may)
        return true;
    if (in->service->protocol == PROTOCOL_EC2)
        return fault_set(error, FAULT_UNAUTHORIZED_OPERATION,
                         "You are not authorized to perform this operation.");
    return fault_set(error, FAULT_ACCESS_DENIED,
                     "User: %s is not authorized to perform: %s:%s because no identity-based "
                     "policy allows the %s:%s action",
                     caller->arn, service_prefix(in->service), in->action,
                     service_prefix(in->service), in->action);
}

/* EC2: everything but the permission to do it for real is in order. */
static bool check_dry_run(const Incoming *in, ParamNode *root, GError **error)
{
    if (in->service->protocol != PROTOCOL_EC2)
        return true;
    ParamNode *node = param_node_find(root, "DryRun");
    int dry = 0;
    if (node && node->value && *node->value && !bind_bool(node->value, &dry))
        return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                         "Value (%.50s) for parameter dryRun is invalid. It must be true or false.",
                         node->value);
    return !dry || fault_set(error, FAULT_DRY_RUN_OPERATION,
                             "Request would have succeeded, but DryRun flag is set.");
}

/* ---- idempotency ---- */

/* Parameters that differ although a request is repeated. */
static bool is_of_the_attempt(const char *name)
{
    static const char *const names[] = {"AWSAccessKeyId",   "ClientToken", "Expires",
                                        "SecurityToken",    "Signature",   "SignatureMethod",
                                        "SignatureVersion", "Timestamp"};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    return g_ascii_strncasecmp(name, "X-Amz-", 6) == 0;
}

static int compare_params(const void *one, const void *other)
{
    const Param *a = *(const Param *const *)one, *b = *(const Param *const *)other;
    int order = strcmp(a->name, b->name);
    return order ? order : strcmp(a->value, b->value);
}

static const char *digest_of(Arena *arena, const Params *params)
{
    const Param **sorted = arena_alloc(arena, (params->n + 1) * sizeof(Param *));
    size_t n = 0;
    for (size_t i = 0; i < params->n; i++) {
        if (!is_of_the_attempt(params->items[i].name))
            sorted[n++] = &params->items[i];
    }
    qsort(sorted, n, sizeof(Param *), compare_params);
    g_auto(Buffer) text = {0};
    for (size_t i = 0; i < n; i++) {
        /* With their NULs: no two lists of parameters give the same text. */
        buffer_add(&text, sorted[i]->name, strlen(sorted[i]->name) + 1);
        buffer_add(&text, sorted[i]->value, strlen(sorted[i]->value) + 1);
    }
    uint8_t hash[SHA256_SIZE];
    char *hex = arena_alloc(arena, 2 * SHA256_SIZE + 1);
    digest(DIGEST_SHA256, text.data, text.size, hash);
    hex_encode(hash, sizeof(hash), hex);
    return hex;
}

/* ---- the two steps ---- */

/* From there on it is as if they had come by Query. */
static bool read_soap_parameters(Incoming *in, const Action *action, ParamNode **ret_root,
                                 GError **error)
{
    Params *params = &in->request.params;
    Param *first = arena_alloc(in->arena, 2 * sizeof(*first));
    first[0] = (Param){"Action", in->action};
    first[1] = (Param){"Version", in->version};
    *params = (Params){first, 2};
    return soap_params(in->arena, in->service->soap, action->request(), in->version,
                       in->soap.operation, params, error) &&
           params_tree(params, in->arena, ret_root, error);
}

/* The request as a tree of parameters, whatever it is written in. */
static bool read_parameters(Incoming *in, const Action *action, ParamNode **ret_root,
                            GError **error)
{
    Value value;
    if (in->target.form == WIRE_QUERY)
        return params_tree(&in->request.params, in->arena, ret_root, error);
    if (in->target.form == WIRE_SOAP)
        return read_soap_parameters(in, action, ret_root, error);
    bool ok = in->target.form == WIRE_JSON
                  ? json_read(in->arena, in->body, in->body_size, &value, error)
                  : cbor_read(in->arena, in->body, in->body_size, &value, error);
    return ok &&
           document_params(in->arena, action->request(), in->version, &value, ret_root, error);
}

static bool authenticate(Incoming *in, Caller *ret_caller, GError **error)
{
    Dispatcher *dispatcher = in->dispatcher;
    return in->target.form == WIRE_SOAP
               ? soap_verifier_check(dispatcher->soap, in->arena, &in->soap, ret_caller, error)
               : verifier_check(dispatcher->verifier, in->arena, &in->request, &in->claim,
                                protocol_of(in->service), ret_caller, error);
}

/* Documents have no parameters to tell a repeated request by. */
static bool wants_digest(const Incoming *in, const Action *action)
{
    if (action->kind == WRITE)
        return in->target.form == WIRE_QUERY || in->target.form == WIRE_SOAP;
    return in->target.form == WIRE_QUERY && in->dispatcher->replies;
}

static bool prepare(Incoming *in, Dispatch **ret_dispatch, GError **error)
{
    Dispatcher *dispatcher = in->dispatcher;
    Arena *arena = in->arena;
    Caller caller;
    if (!check_method(in->request.http, error) || !authenticate(in, &caller, error))
        return false;

    const Action *action = NULL;
    ParamNode *root;
    void *request;
    if (!find_action(in, &action, error) || !read_parameters(in, action, &root, error))
        return false;
    if (!bind_request(arena, action->request(), root, in->service->protocol, in->version, &request,
                      error) ||
        !bind_check_unknown(root, in->service->protocol, error) ||
        !check_permission(in, &caller, error) || !check_dry_run(in, root, error))
        return false;

    Dispatch *dispatch = arena_new_struct(arena, Dispatch);
    dispatch->request = request;
    dispatch->form = in->target.form;
    dispatch->call = (Call){
        .context = {.cloud = dispatcher->config.cloud,
                    .arena = arena,
                    .caller = caller,
                    .region = dispatcher->config.region,
                    .request_id = in->request_id},
        .service = in->service,
        .action = action,
        .version = in->version,
        .source_ip = in->request.http->source_ip,
        .digest = wants_digest(in, action) ? digest_of(arena, &in->request.params) : NULL,
        .pieces = {.cache = dispatcher->pieces, .arena = arena},
    };
    *ret_dispatch = dispatch;
    return true;
}

static Answer answer_of(const Dispatch *dispatch)
{
    const Call *call = &dispatch->call;
    return (Answer){call->context.arena, dispatch->form, call->service, call->version,
                    call->context.request_id};
}

void dispatch_run(Dispatch *dispatch, HttpReply *reply)
{
    Call *call = &dispatch->call;
    void *object = shape_new(call->context.arena, call->action->reply());
    const Answer to = answer_of(dispatch);
    g_autoptr(GError) error = NULL;

    if (call->action->handle(call, dispatch->request, object, &error)) {
        answer_with_object(&to, call->action, object, reply);
        pieces_end(&call->pieces, &reply->body);
        return;
    }
    g_assert(error);
    pieces_end(&call->pieces, NULL);
    if (error->domain != FAULT_DOMAIN)
        g_warning("%s %s failed, request %s: %s", call->service->name, call->action->name,
                  call->context.request_id, error->message);
    answer_with_error(&to, error, reply);
}

/* All that a READ action's reply depends on, but for the store. */
static const char *reply_key(const Call *call)
{
    const Caller *caller = &call->context.caller;
    return arena_printf(call->context.arena, "%s %s %s %s %s", caller->arn, call->service->name,
                        call->version, call->action->name, call->digest);
}

static void run_read(Dispatcher *dispatcher, Dispatch *dispatch, HttpReply *reply)
{
    const Call *call = &dispatch->call;
    /* Documents do not show their request's id, so their replies are not remembered; nor are those
     * of SOAP, which is seldom. */
    if (!dispatcher->replies || dispatch->form != WIRE_QUERY) {
        dispatch_run(dispatch, reply);
        return;
    }
    /* Before anything is read: a write that comes meanwhile makes the reply one of the past. */
    uint64_t version = dispatcher->config.version(dispatcher->config.cloud);
    const char *key = reply_key(call);
    if (reply_cache_find(dispatcher->replies, call->context.arena, key, version, reply)) {
        const Answer to = answer_of(dispatch);
        answer_head(&to, 200, reply);
        return;
    }
    reply_cache_lend(dispatcher->replies, &reply->body);
    dispatch_run(dispatch, reply);
    reply_cache_fit(dispatcher->replies, &reply->body);
    if (reply->status == 200)
        reply_cache_add(dispatcher->replies, key, version, reply);
}

void dispatch_begin(Dispatcher *dispatcher, Arena *arena, const HttpRequest *request,
                    HttpReply *reply, Dispatch **ret_dispatch)
{
    g_autoptr(GError) error = NULL;
    g_auto(Incoming) in = {0};
    Dispatch *dispatch = NULL;
    *ret_dispatch = NULL;
    if (!read_incoming(dispatcher, arena, request, &in, &error) ||
        !prepare(&in, &dispatch, &error)) {
        if (error->domain != FAULT_DOMAIN)
            g_warning("request %s could not be looked at: %s", in.request_id, error->message);
        const Answer to = answer_to(&in);
        answer_with_error(&to, error, reply);
    } else if (dispatch->call.action->kind == READ) {
        run_read(dispatcher, dispatch, reply);
    } else {
        *ret_dispatch = dispatch;
    }
}

void dispatch_refuse(Dispatcher *dispatcher, Arena *arena, const HttpRequest *request,
                     const GError *why, HttpReply *reply)
{
    g_auto(Incoming) in = {0};
    read_incoming(dispatcher, arena, request, &in, NULL);
    const Answer to = answer_to(&in);
    answer_with_error(&to, why, reply);
}

bool dispatch_authenticate(Dispatcher *dispatcher, Arena *arena, const HttpRequest *request,
                           Caller *ret_caller, GError **error)
{
    SignedRequest signed_request = {0};
    Claim claim;
    const char *body;
    size_t size;
    if (!read_signed(arena, request, &signed_request, &body, &size, error))
        return false;
    claim_read(arena, &signed_request, &claim);
    return verifier_check(dispatcher->verifier, arena, &signed_request, &claim, PROTOCOL_QUERY,
                          ret_caller, error);
}
