/* Verification of requests to S3: key, body's claim, time, signature, in this order; and S3's words
 * for each refusal.
 *
 * Invariant: true only if the request is anonymous or some reading of it, among the few that real
 * clients make, yields exactly the signature sent; signatures are compared in constant time. */
#include "api/signature/s3_signature.h"

#include "api/signature/canonical.h"
#include "api/signature/s3_claim.h"
#include "api/signature/s3_v2.h"
#include "api/signature/verifier.h"
#include "base/fault.h"
#include <string.h>

#define UNSIGNED "UNSIGNED-PAYLOAD"
#define UNSIGNED_TRAILER "STREAMING-UNSIGNED-PAYLOAD-TRAILER"

typedef struct PayloadName {
    const char *name;
    S3Payload payload;
} PayloadName;

static const PayloadName payload_names[] = {
    {UNSIGNED, S3_PAYLOAD_UNSIGNED},
    {"STREAMING-AWS4-HMAC-SHA256-PAYLOAD", S3_PAYLOAD_STREAMING},
    {"STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", S3_PAYLOAD_STREAMING_TRAILER},
    {UNSIGNED_TRAILER, S3_PAYLOAD_UNSIGNED_TRAILER},
};

/* A check under way. */
typedef struct Check {
    Verifier *verifier;
    Arena *arena;
    const SignedRequest *request;
    const S3Target *target;
    Claim claim;
    const Credential *credential;
    S3Signature signature;
    const char *hashes[3]; /* Version 4: what may stand in the canonical request's last line */
    size_t n_hashes;
    List *details;
} Check;

static void detail(Check *check, const char *name, const char *value)
{
    signature_detail(check->details, check->arena, name, value);
}

/* "2017-07-20T04:18:45Z" */
static char *seconds_text(Arena *arena, int64_t time)
{
    char text[CLOCK_TEXT_SIZE];
    return arena_printf(arena, "%.19sZ", clock_format(time, text));
}

static bool is_v4(const Check *check)
{
    return check->claim.form == SIGNATURE_V4_HEADER || check->claim.form == SIGNATURE_V4_QUERY;
}

/* ---- the body ---- */

static bool is_sha256(const char *text)
{
    return strlen(text) == 2 * SHA256_SIZE && strspn(text, "0123456789abcdefABCDEF") == 64;
}

static bool read_hash(Check *check, const char *sent, GError **error)
{
    S3Signature *signature = &check->signature;
    if (is_sha256(sent)) {
        char *hash = arena_strdup(check->arena, sent);
        for (char *c = hash; *c; c++)
            *c = g_ascii_tolower(*c);
        signature->payload = S3_PAYLOAD_HASH;
        signature->payload_hash = hash;
        return true;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(payload_names); i++) {
        if (strcmp(sent, payload_names[i].name) != 0)
            continue;
        signature->payload = payload_names[i].payload;
        if (!is_v4(check) && g_str_has_prefix(sent, "STREAMING-AWS4"))
            return fault_set(error, FAULT_INVALID_REQUEST,
                             "The value of x-amz-content-sha256 header is invalid.");
        return true;
    }
    detail(check, "ArgumentName", "x-amz-content-sha256");
    detail(check, "ArgumentValue", sent);
    return fault_set(error, FAULT_INVALID_ARGUMENT,
                     "x-amz-content-sha256 must be " UNSIGNED ", " UNSIGNED_TRAILER ", "
                     "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, "
                     "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.");
}

static bool has_body(const HttpRequest *http)
{
    const char *length = http_header(http, "content-length");
    return http->body_size > 0 || http_header(http, "transfer-encoding") ||
           (length && length[strspn(length, "0 ")]);
}

/* The signed header is not there. Version 4 wants it; the others have no need to. */
static bool assume_hash(Check *check, GError **error)
{
    const HttpRequest *http = check->request->http;
    const char *encoding = http_header(http, "content-encoding");
    if (check->claim.form == SIGNATURE_V4_HEADER) {
        if (has_body(http))
            return fault_set(error, FAULT_INVALID_REQUEST,
                             "Missing required header for this request: x-amz-content-sha256");
        return read_hash(check, EMPTY_HASH, error);
    }
    /* SDKs without credentials frame their streams all the same. */
    check->signature.payload = encoding && strstr(encoding, "aws-chunked")
                                   ? S3_PAYLOAD_UNSIGNED_TRAILER
                                   : S3_PAYLOAD_UNSIGNED;
    return true;
}

static const char *hash_parameter(const SignedRequest *request)
{
    for (size_t i = 0; i < request->n_query; i++) {
        if (g_ascii_strcasecmp(request->params.items[i].name, "x-amz-content-sha256") == 0)
            return request->params.items[i].value;
    }
    return NULL;
}

static bool leaves_body_open(const char *parameter)
{
    return strcmp(parameter, UNSIGNED) == 0 || strcmp(parameter, UNSIGNED_TRAILER) == 0;
}

static void add_hash(Check *check, const char *hash)
{
    for (size_t i = 0; i < check->n_hashes; i++) {
        if (strcmp(check->hashes[i], hash) == 0)
            return;
    }
    check->hashes[check->n_hashes++] = hash;
}

/* Who got a URL may send the header without having it signed, so it must not loosen what the URL's
 * own parameter, which is signed, says of the body. */
static bool read_payload(Check *check, GError **error)
{
    bool in_url = check->claim.form == SIGNATURE_V4_QUERY;
    const char *header = http_header(check->request->http, "x-amz-content-sha256");
    const char *parameter = in_url ? hash_parameter(check->request) : NULL;
    const char *sent = parameter && (!header || !leaves_body_open(parameter)) ? parameter : header;
    if (sent ? !read_hash(check, sent, error) : !assume_hash(check, error))
        return false;
    if (sent)
        add_hash(check, sent);
    else if (check->claim.form == SIGNATURE_V4_HEADER)
        add_hash(check, EMPTY_HASH);
    if (in_url && header)
        add_hash(check, header);
    if (in_url && parameter)
        add_hash(check, parameter);
    if (in_url)
        add_hash(check, UNSIGNED);
    return true;
}

/* ---- time ---- */

static bool check_skew(Check *check, int64_t now, const char *sent, GError **error)
{
    if (check->claim.time >= now - SIGNATURE_SKEW && check->claim.time <= now + SIGNATURE_SKEW)
        return true;
    detail(check, "RequestTime", sent);
    detail(check, "ServerTime", seconds_text(check->arena, now));
    detail(check, "MaxAllowedSkewMilliseconds",
           arena_printf(check->arena, "%d", (int)(SIGNATURE_SKEW * 1000 / CLOCK_SECOND)));
    return fault_set(error, FAULT_REQUEST_TIME_TOO_SKEWED,
                     "The difference between the request time and the current time is too large.");
}

static bool check_expiry(Check *check, int64_t end, int64_t now, GError **error)
{
    if (now <= end)
        return true;
    if (check->claim.form == SIGNATURE_V4_QUERY)
        detail(check, "X-Amz-Expires",
               arena_printf(check->arena, "%" G_GINT64_FORMAT, (gint64)check->claim.lifetime));
    detail(check, "Expires", seconds_text(check->arena, end));
    detail(check, "ServerTime", seconds_text(check->arena, now));
    return fault_set(error, FAULT_ACCESS_DENIED, "Request has expired");
}

static bool check_time(Check *check, GError **error)
{
    const Claim *claim = &check->claim;
    int64_t now = clock_now(check->verifier->clock);
    if (claim->form == SIGNATURE_V4_HEADER)
        return check_skew(check, now, claim->timestamp, error);
    if (claim->form == SIGNATURE_V2)
        return claim->expires ? check_expiry(check, claim->time, now, error)
                              : check_skew(check, now, claim->sent, error);
    int64_t end = claim->time + claim->lifetime * CLOCK_SECOND;
    if (claim->time > now + SIGNATURE_SKEW) {
        detail(check, "X-Amz-Date",
               arena_printf(check->arena, "%" G_GINT64_FORMAT, (gint64)claim->time / 1000));
        detail(check, "Expires", seconds_text(check->arena, end));
        detail(check, "ServerTime", seconds_text(check->arena, now));
        return fault_set(error, FAULT_ACCESS_DENIED, "Request is not yet valid");
    }
    return check_expiry(check, end, now, error);
}

/* ---- signature ---- */

static bool is_named(const char *const *names, const char *name)
{
    for (; *names; names++) {
        if (g_ascii_strcasecmp(*names, name) == 0)
            return true;
    }
    return false;
}

/* Version 4 wants every x-amz- header signed: whoever gets a URL must not add an ACL to it. The
 * body's hash is in the canonical request anyway. */
static bool check_headers(Check *check, GError **error)
{
    const HttpRequest *http = check->request->http;
    for (size_t i = 0; i < http->n_headers; i++) {
        const Header *header = &http->headers[i];
        if (g_ascii_strncasecmp(header->name, "x-amz-", strlen("x-amz-")) == 0 &&
            !http_header_is(header, "x-amz-content-sha256") &&
            !is_named(check->claim.signed_names, header->name)) {
            detail(check, "HeadersNotSigned", header->name);
            return fault_set(error, FAULT_ACCESS_DENIED,
                             "There were headers present in the request which were not signed");
        }
    }
    return true;
}

/* "47 45 54" */
static char *bytes_text(Arena *arena, const char *bytes, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    char *text = arena_alloc(arena, 3 * size + 1);
    for (size_t i = 0; i < size; i++) {
        text[3 * i] = digits[(uint8_t)bytes[i] >> 4];
        text[3 * i + 1] = digits[(uint8_t)bytes[i] & 15];
        text[3 * i + 2] = i + 1 < size ? ' ' : '\0';
    }
    return text;
}

/* canonical NULL: there is none (Version 2). */
static bool refuse_signature(Check *check, const Buffer *text, const Buffer *canonical,
                             GError **error)
{
    Arena *arena = check->arena;
    detail(check, "AWSAccessKeyId", check->claim.access_key_id);
    detail(check, "StringToSign", arena_strndup(arena, text->data, text->size));
    detail(check, "SignatureProvided", check->claim.signature);
    detail(check, "StringToSignBytes", bytes_text(arena, text->data, text->size));
    if (canonical) {
        detail(check, "CanonicalRequest", arena_strndup(arena, canonical->data, canonical->size));
        detail(check, "CanonicalRequestBytes", bytes_text(arena, canonical->data, canonical->size));
    }
    return fault_set(error, FAULT_SIGNATURE_DOES_NOT_MATCH, S3_WRONG_SIGNATURE);
}

/* The path decoded and encoded again; with its escaped slashes; as it was sent. */
static void list_paths(Check *check, SigV4Candidates *candidates)
{
    const char *sent = *check->request->http->path ? check->request->http->path : "/";
    bool has_escaped = strcasestr(sent, "%2f");
    for (int escaped = 0; escaped <= has_escaped; escaped++) {
        g_auto(Buffer) path = {0};
        if (canonical_s3_path(&path, sent, escaped))
            candidates->paths[candidates->n_paths++] =
                arena_strdup(check->arena, buffer_text(&path));
    }
    candidates->paths[candidates->n_paths++] = sent;
    /* They rarely differ, and each costs a hash. */
    size_t n = 1;
    for (size_t i = 1; i < candidates->n_paths; i++) {
        if (strcmp(candidates->paths[i], candidates->paths[n - 1]) != 0)
            candidates->paths[n++] = candidates->paths[i];
    }
    candidates->n_paths = n;
}

static bool check_v4(Check *check, GError **error)
{
    SigV4Candidates candidates = {.n_hashes = check->n_hashes};
    memcpy(candidates.hashes, check->hashes, sizeof(candidates.hashes));
    list_paths(check, &candidates);
    if (verifier_v4_is_right(check->verifier, check->arena, check->request, &check->claim,
                             check->credential->secret, &candidates))
        return true;
    g_auto(Buffer) canonical = {0}, text = {0};
    const char *host = http_header(check->request->http, "host");
    const SigV4Reading reading = {.host = host ? host : "",
                                  .path = candidates.paths[0],
                                  .payload_hash = candidates.hashes[0]};
    sigv4_canonical_request(&canonical, check->arena, check->request, &check->claim, &reading);
    sigv4_string_to_sign(&text, &check->claim, canonical.data, canonical.size);
    return refuse_signature(check, &text, &canonical, error);
}

static bool check_v2(Check *check, GError **error)
{
    const SignedRequest *request = check->request;
    if (s3_v2_is_right(check->arena, request, &check->claim, check->target,
                       check->credential->secret))
        return true;
    g_auto(Buffer) text = {0};
    const S3V2Reading reading = {.path = *request->http->path ? request->http->path : "/"};
    s3_v2_string_to_sign(&text, check->arena, request, &check->claim, check->target, &reading);
    return refuse_signature(check, &text, NULL, error);
}

/* ---- all of it ---- */

static bool find_credential(Check *check, GError **error)
{
    const KeySource *keys = &check->verifier->keys;
    const char *id = check->claim.access_key_id;
    if (!keys->find(keys->data, check->arena, id, &check->credential, error))
        return false;
    if (!check->credential) {
        detail(check, "AWSAccessKeyId", id);
        return fault_set(error, FAULT_INVALID_ACCESS_KEY_ID,
                         "The AWS Access Key Id you provided does not exist in our records.");
    }
    /* There are no temporary credentials, so no token can be right. */
    const char *token = http_header(check->request->http, "x-amz-security-token");
    for (size_t i = 0; i < check->request->n_query && !token; i++) {
        const Param *param = &check->request->params.items[i];
        if (g_ascii_strcasecmp(param->name, "x-amz-security-token") == 0)
            token = param->value;
    }
    if (!token)
        return true;
    detail(check, "Token-0", token);
    return fault_set(error, FAULT_S3_INVALID_TOKEN,
                     "The provided token is malformed or otherwise invalid.");
}

static bool check_signed(Check *check, GError **error)
{
    return find_credential(check, error) && read_payload(check, error) &&
           check_time(check, error) &&
           (is_v4(check) ? check_headers(check, error) && check_v4(check, error)
                         : check_v2(check, error));
}

static void describe(Check *check)
{
    const Claim *claim = &check->claim;
    S3Signature *signature = &check->signature;
    bool in_header = is_v4(check) ? claim->form == SIGNATURE_V4_HEADER : !claim->expires;
    signature->caller = check->credential->caller;
    signature->form = claim->form;
    signature->version2 = !is_v4(check);
    signature->auth_type = in_header ? "REST-HEADER" : "REST-QUERY-STRING";
    signature->version = is_v4(check) ? "AWS4-HMAC-SHA256" : "AWS";
    signature->time = is_v4(check) || in_header ? claim->time : 0;
    signature->seed = claim->signature;
    signature->timestamp = claim->timestamp;
    signature->scope = claim->scope;
    if (signature->payload == S3_PAYLOAD_STREAMING ||
        signature->payload == S3_PAYLOAD_STREAMING_TRAILER)
        key_cache_get(check->verifier->cache, check->arena, claim, check->credential->secret,
                      signature->key);
}

bool verifier_check_s3(Verifier *verifier, Arena *arena, const SignedRequest *request,
                       const S3Target *target, S3Signature *ret_signature, List *details,
                       GError **error)
{
    Check check = {.verifier = verifier,
                   .arena = arena,
                   .request = request,
                   .target = target,
                   .details = details};
    if (!s3_claim_read(arena, request, &check.claim, details, error))
        return false;
    if (check.claim.form == SIGNATURE_NONE) {
        check.signature.anonymous = true;
        if (!read_payload(&check, error))
            return false;
    } else {
        if (!check_signed(&check, error))
            return false;
        describe(&check);
    }
    *ret_signature = check.signature;
    return true;
}
