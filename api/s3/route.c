/* One request to S3, from its headers to its reply.
 *
 * Invariants: a body is taken only after the signature was right and access was given, or hangs on
 * a document, which then is decided before it does anything; nothing here waits but `work`; what
 * reads and has no body is decided and answered in one transaction. */
#include "api/s3/route.h"

#include "api/s3/access.h"
#include "api/s3/address.h"
#include "api/s3/control.h"
#include "api/s3/cors.h"
#include "api/s3/recall.h"
#include "api/s3/error.h"
#include "api/s3/intake.h"
#include "api/s3/operations.h"
#include "api/s3/website.h"
#include "base/digest.h"
#include "base/fault.h"
#include <stdatomic.h>
#include <string.h>

#define HOST_ID "cumulet"

typedef struct S3Exchange {
    S3Call call;
    Intake *intake; /* NULL: the body is ignored */
} S3Exchange;

static const S3Route *owner_of(const Exchange *exchange)
{
    return ROUTE_OWNER(S3Route, exchange->route);
}

static bool match(const Route *route, const HttpRequest *request)
{
    return s3_is_meant(request);
}

/* ---- reading the headers ---- */

/* 16 characters, as S3's are; never the same twice. */
static const char *next_request_id(const S3Route *route, Arena *arena)
{
    static atomic_uint_least64_t requests;
    uint64_t n = atomic_fetch_add(&requests, 1);
    return arena_printf(arena, "%016" G_GINT64_MODIFIER "X",
                        route->seed ^ n * UINT64_C(0x9e3779b97f4a7c15));
}

static S3Exchange *open_exchange(Exchange *exchange)
{
    const S3Route *route = owner_of(exchange);
    S3Exchange *s3 = arena_new_struct(exchange->arena, S3Exchange);
    S3Call *call = &s3->call;
    *call = (S3Call){
        .s3 = &route->config,
        .arena = exchange->arena,
        .http = &exchange->request,
        .reply = &exchange->reply,
        .request_id = next_request_id(route, exchange->arena),
        .host_id = HOST_ID,
    };
    call->reply->request_id = call->request_id;
    exchange->state = s3;
    return s3;
}

static bool read_params(S3Call *call, GError **error)
{
    return params_decode(&call->params, call->arena, call->http->query, strlen(call->http->query),
                         NULL) ||
           fault_set(error, FAULT_INVALID_URI, "Couldn't parse the specified URI.");
}

static bool read_control_address(S3Call *call, GError **error)
{
    S3ControlAddress *address = arena_new_struct(call->arena, S3ControlAddress);
    call->control = address;
    if (!s3_control_address_read(call->arena, call->http, address, error))
        return false;
    call->bucket_name = address->bucket;
    return read_params(call, error);
}

static bool read_address(S3Call *call, GError **error)
{
    S3Address address;
    if (s3_control_is_meant(call->http))
        return read_control_address(call, error);
    if (!s3_address_read(call->arena, call->http, &address, error) || !read_params(call, error))
        return false;
    call->bucket_name = address.bucket;
    call->key = address.key;
    call->virtual_host = address.virtual_host;
    call->website = address.website;
    call->version_id = s3_param(call, "versionId");
    return true;
}

/* Of a presigned URL: a header that the signer put into the query. Checksums are not taken from
 * there: signers that do not know the body put that of an empty one. */
static bool stands_for_header(const Param *param)
{
    static const char *const others[] = {"algorithm",     "credential", "date",          "expires",
                                         "signedheaders", "signature",  "security-token"};
    if (g_ascii_strncasecmp(param->name, "x-amz-", 6) != 0)
        return false;
    const char *name = param->name + 6;
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
        if (g_ascii_tolower(*name) == others[i][0] && g_ascii_strcasecmp(name, others[i]) == 0)
            return false;
    }
    return g_ascii_strncasecmp(name, "checksum-", 9) != 0 &&
           g_ascii_strncasecmp(name, "sdk-", 4) != 0;
}

/* Real headers come first and win. */
static void adopt_query_headers(S3Call *call)
{
    size_t n = 0;
    for (size_t i = 0; i < call->params.n; i++)
        n += stands_for_header(&call->params.items[i]);
    if (n == 0)
        return;
    HttpRequest *http = arena_memdup(call->arena, call->http, sizeof(*http));
    Header *headers = arena_alloc(call->arena, (http->n_headers + n) * sizeof(*headers));
    memcpy(headers, http->headers, http->n_headers * sizeof(*headers));
    for (size_t i = 0; i < call->params.n; i++) {
        const Param *param = &call->params.items[i];
        if (stands_for_header(param))
            headers[http->n_headers++] = (Header){param->name, param->value};
    }
    http->headers = headers;
    call->http = http;
}

static bool read_signature(S3Call *call, GError **error)
{
    const SignedRequest request = {
        .http = call->http, .params = call->params, .n_query = call->params.n};
    const S3Target target = {.virtual_bucket = call->virtual_host ? call->bucket_name : NULL,
                             .selects_operation = s3_is_subresource};
    List details = {0};
    bool ok = verifier_check_s3(call->s3->verifier, call->arena, &request, &target,
                                &call->signature, &details, error);
    LIST_EACH (const SignatureDetail *, detail, &details)
        s3_detail(call, detail->name, detail->value);
    if (ok && call->signature.form == SIGNATURE_V4_QUERY)
        adopt_query_headers(call);
    return ok;
}

/* ---- access ---- */

static bool creates_bucket(const S3Call *call)
{
    return call->operation->handle == s3_create_bucket;
}

/* Finds bucket and caller without a look at the store, if they are known, which saves a small write
 * a fifth of its work. Writes find the bucket anew in the transaction that changes it. */
static bool recall_call(S3Call *call, GError **error)
{
    KnownRecords *records = cloud_known_records(call->s3->cloud);
    void *account, *bucket;
    const char *id = call->signature.caller.account_id;
    if (id && !call->signature.anonymous) {
        if (!known_record_get(records, call->arena, account_record_type(), id, &account, error))
            return false;
        s3_identity_of(account, id, &call->caller_id, &call->caller_name);
    }
    if (!call->bucket_name || creates_bucket(call))
        return true;
    if (!known_record_get(records, call->arena, bucket_record_type(), call->bucket_name, &bucket,
                          error))
        return false;
    call->bucket = bucket;
    return true;
}

static bool find_identity(S3Call *call, Txn *txn, GError **error)
{
    return call->signature.anonymous || call->caller_id ||
           s3_account_identity(call, txn, call->signature.caller.account_id, &call->caller_id,
                               &call->caller_name, error);
}

static bool find_bucket(S3Call *call, Txn *txn, GError **error)
{
    if (!call->bucket_name || creates_bucket(call))
        return true;
    s3_detail(call, "BucketName", call->bucket_name);
    if (!call->bucket && !bucket_find(txn, call->arena, call->bucket_name, &call->bucket, error))
        return false;
    call->details = (List){0};
    if (call->control)
        return s3_control_check_bucket(call, error);
    const char *owner = s3_header(call, "x-amz-expected-bucket-owner");
    return !owner || strcmp(owner, call->bucket->account_id) == 0 ||
           fault_set(error, FAULT_ACCESS_DENIED, "Access Denied");
}

/* A version that is not there is not told before access was checked. */
static bool find_object(S3Call *call, Txn *txn, GError **error)
{
    if (call->operation->acl_of != S3_ACL_OBJECT)
        return true;
    if (object_find(txn, call->arena, call->bucket, call->key, call->version_id, &call->object,
                    &call->object_error))
        return true;
    if (call->object_error->domain == FAULT_DOMAIN)
        return true;
    g_propagate_error(error, g_steal_pointer(&call->object_error));
    return false;
}

static bool tell_missing_object(S3Call *call, GError **error)
{
    if (!call->object_error)
        return true;
    s3_detail(call, "Key", call->key);
    s3_detail(call, "VersionId", call->version_id);
    g_propagate_error(error, g_steal_pointer(&call->object_error));
    return false;
}

static bool check_access(S3Call *call, Txn *txn, GError **error)
{
    return find_identity(call, txn, error) && find_bucket(call, txn, error) &&
           (!call->key || object_check_key(call->key, error)) && find_object(call, txn, error) &&
           s3_check_access(call, txn, error) && tell_missing_object(call, error);
}

/* ---- the steps ---- */

static bool is_read(const S3Call *call)
{
    return call->operation->kind == READ;
}

static bool open_intake(S3Exchange *s3, Exchange *exchange, GError **error)
{
    S3Call *call = &s3->call;
    return call->operation->body == S3_NO_BODY || intake_new(call, exchange, &s3->intake, error);
}

static bool begin_write(S3Exchange *s3, Exchange *exchange, GError **error)
{
    S3Call *call = &s3->call;
    g_autoptr(Txn) txn = NULL;
    if (!recall_call(call, error) || !txn_begin_read(cloud_store(call->s3->cloud), &txn, error))
        return false;
    /* Who sends a form, and what he asks, only its fields tell: s3_post_begin(). */
    bool later = call->operation->body == S3_FORM;
    if (later ? !find_bucket(call, txn, error) : !check_access(call, txn, error))
        return false;
    call->txn = txn;
    bool ok = !call->operation->prepare || call->operation->prepare(call, error);
    call->txn = NULL;
    return ok && open_intake(s3, exchange, error);
}

/* Browsers ask without signing whether they may ask. */
static bool is_preflight(const S3Call *call)
{
    return call->bucket_name && !call->control && strcmp(call->http->method, "OPTIONS") == 0;
}

static bool find_operation(S3Call *call, GError **error)
{
    if (is_preflight(call) || call->website) {
        call->signature.anonymous = true;
        call->operation = call->website ? &s3_website_operation : &s3_preflight_operation;
        return true;
    }
    if (!read_signature(call, error))
        return false;
    call->operation = s3_operation_find(call, error);
    return call->operation != NULL;
}

static bool begin_call(S3Exchange *s3, Exchange *exchange, GError **error)
{
    S3Call *call = &s3->call;
    if (!read_address(call, error) || !find_operation(call, error))
        return false;
    return is_read(call) || begin_write(s3, exchange, error);
}

/* The reply is decided: true, or error tells why not. */
static void answer(S3Call *call, bool ok, const GError *error)
{
    if (!ok && call->website)
        s3_website_answer_error(call, error);
    else if (!ok)
        s3_answer_error(call, error);
    g_assert(call->reply->status != 0);
    s3_reply_header(call, "x-amz-id-2", call->host_id);
    if (ok && call->charged)
        s3_reply_header(call, "x-amz-request-charged", "requester");
    if (call->bucket_name && !call->control && s3_header(call, "origin") && !is_preflight(call))
        s3_cors_decorate(call);
}

static void begin(Exchange *exchange)
{
    S3Exchange *s3 = open_exchange(exchange);
    g_autoptr(GError) error = NULL;
    if (!begin_call(s3, exchange, &error))
        answer(&s3->call, false, error);
}

static void chunk(Exchange *exchange, const char *data, size_t size)
{
    S3Exchange *s3 = exchange->state;
    g_autoptr(GError) error = NULL;
    if (s3->intake && !intake_take(s3->intake, data, size, &error))
        answer(&s3->call, false, error);
}

static bool run_read(S3Call *call, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    if (!txn_begin_read(cloud_store(call->s3->cloud), &txn, error))
        return false;
    call->txn = txn;
    bool ok = check_access(call, txn, error) && call->operation->handle(call, error);
    call->txn = NULL;
    return ok;
}

static RouteNext finish(Exchange *exchange)
{
    S3Exchange *s3 = exchange->state;
    if (!is_read(&s3->call))
        return ROUTE_WORK;
    g_autoptr(GError) error = NULL;
    ReplyCache *replies = owner_of(exchange)->replies;
    uint64_t version = cloud_version(s3->call.s3->cloud);
    const char *key = recall_key(&s3->call);
    bool found = key && recall_find(replies, key, version, &s3->call);
    bool ok = found || run_read(&s3->call, &error);
    if (ok && !found && key)
        recall_add(replies, key, version, &s3->call);
    answer(&s3->call, ok, error);
    return ROUTE_REPLY;
}

static bool check_body(S3Call *call, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    return !call->undecided || (txn_begin_read(cloud_store(call->s3->cloud), &txn, error) &&
                                s3_check_access_of_body(call, txn, error));
}

static void work(Exchange *exchange)
{
    S3Exchange *s3 = exchange->state;
    g_autoptr(GError) error = NULL;
    bool ok = (!s3->intake || intake_finish(s3->intake, &error)) && check_body(&s3->call, &error) &&
              s3->call.operation->handle(&s3->call, &error);
    answer(&s3->call, ok, error);
}

static void refuse(Exchange *exchange, const GError *why)
{
    S3Exchange *s3 = exchange->state ? exchange->state : open_exchange(exchange);
    answer(&s3->call, false, why);
}

static void end(Exchange *exchange)
{
    S3Exchange *s3 = exchange->state;
    if (!s3)
        return;
    intake_free(s3->intake);
    blob_writer_free(s3->call.writer);
    g_clear_error(&s3->call.object_error);
}

void s3_route_init(S3Route *route, const S3Config *config)
{
    *route = (S3Route){
        .route = {.name = "s3",
                  .match = match,
                  .begin = begin,
                  .chunk = chunk,
                  .finish = finish,
                  .work = work,
                  .refuse = refuse,
                  .end = end},
        .config = *config,
        .replies = recall_new(),
    };
    random_bytes(&route->seed, sizeof(route->seed));
}

void s3_route_clear(S3Route *route)
{
    reply_cache_free(route->replies);
}
