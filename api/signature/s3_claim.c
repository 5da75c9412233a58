/* Reading S3's claims. Invariant: pure, total; a claim that leaves here has all members that its
 * form needs. */
#include "api/signature/s3_claim.h"

#include "api/signature/dates.h"
#include "api/signature/s3_signature.h"
#include "base/fault.h"

#define EXPECTED_CREDENTIAL "expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\"."
#define NO_DATE "AWS authentication requires a valid Date or x-amz-date header"

void signature_detail(List *details, Arena *arena, const char *name, const char *value)
{
    SignatureDetail *detail = arena_new_struct(arena, SignatureDetail);
    *detail = (SignatureDetail){name, value};
    list_add(details, arena, detail);
}

static bool refuse_authorization(Arena *arena, const char *authorization, const char *sentence,
                                 List *details, GError **error)
{
    signature_detail(details, arena, "ArgumentName", "Authorization");
    signature_detail(details, arena, "ArgumentValue", authorization);
    return fault_set(error, FAULT_INVALID_ARGUMENT, "%s", sentence);
}

static bool refuse_unsigned_host(Arena *arena, List *details, GError **error)
{
    signature_detail(details, arena, "HeadersNotSigned", "host");
    return fault_set(error, FAULT_ACCESS_DENIED,
                     "There were headers present in the request which were not signed");
}

#define MALFORMED(...)                                                                             \
    fault_set(error, FAULT_AUTHORIZATION_HEADER_MALFORMED,                                         \
              "The authorization header is malformed; " __VA_ARGS__)

static bool refuse_header(Arena *arena, const Claim *claim, List *details, GError **error)
{
    switch (claim->flaw) {
    case FLAW_CREDENTIAL:
        return MALFORMED("the Credential is mal-formed; " EXPECTED_CREDENTIAL);
    case FLAW_TERMINATOR:
        return MALFORMED("incorrect terminator \"%.100s\". This endpoint belongs to "
                         "\"aws4_request\".",
                         claim->flawed);
    case FLAW_DATE:
        return MALFORMED("Invalid credential date \"%.50s\". This date is not the same as "
                         "X-Amz-Date: \"%.8s\".",
                         claim->flawed, claim->timestamp);
    case FLAW_TIMESTAMP:
        return fault_set(error, FAULT_ACCESS_DENIED, NO_DATE);
    case FLAW_HOST_UNSIGNED:
        return refuse_unsigned_host(arena, details, error);
    case FLAW_COMPONENT:
        return MALFORMED("the authorization header requires three components: Credential, "
                         "SignedHeaders, and Signature.");
    default:
        return MALFORMED("%s", claim->detail);
    }
}

#define BAD_QUERY(...) fault_set(error, FAULT_AUTHORIZATION_QUERY_PARAMETERS, __VA_ARGS__)

static bool refuse_query(Arena *arena, const Claim *claim, List *details, GError **error)
{
    switch (claim->flaw) {
    case FLAW_CREDENTIAL:
        return BAD_QUERY("Error parsing the X-Amz-Credential parameter; the Credential is "
                         "mal-formed; " EXPECTED_CREDENTIAL);
    case FLAW_TERMINATOR:
        return BAD_QUERY("Error parsing the X-Amz-Credential parameter; incorrect terminator "
                         "\"%.100s\". This endpoint belongs to \"aws4_request\".",
                         claim->flawed);
    case FLAW_DATE:
        return BAD_QUERY("Invalid credential date \"%.50s\". This date is not the same as "
                         "X-Amz-Date: \"%.8s\".",
                         claim->flawed, claim->timestamp);
    case FLAW_TIMESTAMP:
        return BAD_QUERY("X-Amz-Date must be in the ISO8601 Long Format "
                         "\"yyyyMMdd'T'HHmmss'Z'\"");
    case FLAW_ALGORITHM:
        return BAD_QUERY("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"");
    case FLAW_HOST_UNSIGNED:
        return refuse_unsigned_host(arena, details, error);
    case FLAW_COMPONENT:
        return BAD_QUERY("Query-string authentication version 4 requires the X-Amz-Algorithm, "
                         "X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and "
                         "X-Amz-Expires parameters.");
    default: /* the three of X-Amz-Expires are S3's own words */
        return BAD_QUERY("%s", claim->detail);
    }
}

static bool read_v4(Arena *arena, const SignedRequest *request, Claim *ret_claim, List *details,
                    GError **error)
{
    Claim claim;
    claim_read(arena, request, &claim);
    if (claim.problem != SIGNATURE_FINE)
        return claim.form == SIGNATURE_V4_HEADER ? refuse_header(arena, &claim, details, error)
                                                 : refuse_query(arena, &claim, details, error);
    if (!*claim.access_key_id && claim.form == SIGNATURE_V4_HEADER)
        return MALFORMED("a non-empty Access Key (AKID) must be provided in the credential.");
    if (!*claim.access_key_id)
        return BAD_QUERY("a non-empty Access Key (AKID) must be provided in the credential.");
    *ret_claim = claim;
    return true;
}

/* "AWS AKIAIOSFODNN7EXAMPLE:base64" */
static bool read_v2_header(Arena *arena, const SignedRequest *request, const char *authorization,
                           Claim *ret_claim, List *details, GError **error)
{
    Claim claim = {.form = SIGNATURE_V2, .digest = DIGEST_SHA1};
    const char *id = authorization + strlen("AWS ");
    id += strspn(id, " ");
    const char *colon = strrchr(id, ':');
    if (!colon || colon == id || !colon[1])
        return refuse_authorization(arena, authorization,
                                    "AWS authorization header is invalid.  Expected "
                                    "AwsAccessKeyId:signature",
                                    details, error);
    claim.access_key_id = arena_strndup(arena, id, (size_t)(colon - id));
    claim.signature = colon + 1;
    claim.sent = http_header(request->http, "x-amz-date");
    if (!claim.sent)
        claim.sent = http_header(request->http, "date");
    if (!claim.sent ||
        !(http_date_parse(claim.sent, &claim.time) || clock_parse(claim.sent, &claim.time)))
        return fault_set(error, FAULT_ACCESS_DENIED, NO_DATE);
    *ret_claim = claim;
    return true;
}

static bool read_v2_query(const SignedRequest *request, Claim *ret_claim, GError **error)
{
    const Params *params = &request->params;
    gint64 seconds;
    Claim claim = {.form = SIGNATURE_V2,
                   .digest = DIGEST_SHA1,
                   .access_key_id = params_get(params, "AWSAccessKeyId"),
                   .signature = params_get(params, "Signature"),
                   .expires = params_get(params, "Expires")};
    if (!claim.access_key_id || !claim.signature || !claim.expires)
        return fault_set(error, FAULT_ACCESS_DENIED,
                         "Query-string authentication requires the Signature, Expires and "
                         "AWSAccessKeyId parameters");
    if (!g_ascii_string_to_signed(claim.expires, 10, 0, G_MAXINT64 / CLOCK_SECOND, &seconds, NULL))
        return fault_set(error, FAULT_ACCESS_DENIED,
                         "Invalid date (should be seconds since epoch): %.100s", claim.expires);
    claim.time = seconds * CLOCK_SECOND;
    *ret_claim = claim;
    return true;
}

bool s3_claim_read(Arena *arena, const SignedRequest *request, Claim *ret_claim, List *details,
                   GError **error)
{
    /* A form in the body is an object like any other. */
    SignedRequest url = *request;
    url.params.n = request->n_query;
    const char *authorization = http_header(url.http, "authorization");
    bool in_url_v4 = params_get(&url.params, "X-Amz-Algorithm") ||
                     params_get(&url.params, "X-Amz-Credential") ||
                     params_get(&url.params, "X-Amz-Signature");
    bool in_url_v2 =
        params_get(&url.params, "AWSAccessKeyId") || params_get(&url.params, "Signature");

    if (authorization && (in_url_v4 || in_url_v2))
        return refuse_authorization(arena, authorization,
                                    "Only one auth mechanism allowed; only the X-Amz-Algorithm "
                                    "query parameter, Signature query string parameter or the "
                                    "Authorization header should be specified",
                                    details, error);
    if (authorization && g_str_has_prefix(authorization, "AWS "))
        return read_v2_header(arena, &url, authorization, ret_claim, details, error);
    /* A server cuts the space off when nothing follows it. */
    if (g_strcmp0(authorization, "AWS4-HMAC-SHA256") == 0)
        return refuse_header(arena, &(Claim){.flaw = FLAW_COMPONENT}, details, error);
    if (authorization && !g_str_has_prefix(authorization, "AWS4-HMAC-SHA256 "))
        return refuse_authorization(arena, authorization, "Unsupported Authorization Type", details,
                                    error);
    if (in_url_v4 && !params_get(&url.params, "X-Amz-Algorithm"))
        return refuse_query(arena, &(Claim){.flaw = FLAW_COMPONENT}, details, error);
    if (authorization || in_url_v4)
        return read_v4(arena, &url, ret_claim, details, error);
    if (in_url_v2)
        return read_v2_query(&url, ret_claim, error);
    *ret_claim = (Claim){.problem = SIGNATURE_MISSING};
    return true;
}
