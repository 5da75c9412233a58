/* Reads the claim of a request, in whichever of the forms it was signed. Invariant: pure, total:
 * any request gives a claim, and one without problem has every member that its form needs. */
#include "api/signature/signature.h"

#include "api/signature/dates.h"
#include <string.h>

#define ALGORITHM "AWS4-HMAC-SHA256"
#define MAX_LIFETIME (7 * 24 * 3600) /* seconds: "Authenticating Requests: Query Parameters" */
#define MAX_SIGNED_HEADERS 100

static void set_problem(Claim *claim, SignatureProblem problem, const char *detail)
{
    if (claim->problem == SIGNATURE_FINE) {
        claim->problem = problem;
        claim->detail = detail;
    }
}

static void set_flaw(Claim *claim, SignatureFlaw flaw, const char *flawed, const char *sentence)
{
    if (claim->problem == SIGNATURE_FINE) {
        claim->flaw = flaw;
        claim->flawed = flawed;
    }
    set_problem(claim, SIGNATURE_INCOMPLETE, sentence);
}

/* "AKID/20150830/us-east-1/iam/aws4_request" */
static void read_credential(Arena *arena, const char *credential, Claim *claim)
{
    char *parts = arena_strdup(arena, credential);
    const char *tail[4]; /* date, region, service, terminator */
    for (size_t i = G_N_ELEMENTS(tail); i-- > 0;) {
        char *slash = strrchr(parts, '/');
        if (!slash) {
            set_flaw(claim, FLAW_CREDENTIAL, credential,
                     arena_printf(arena,
                                  "Credential must have at least 5 slash-delimited elements, "
                                  "got '%.200s'.",
                                  credential));
            return;
        }
        tail[i] = slash + 1;
        *slash = '\0';
    }
    claim->access_key_id = parts;
    claim->scope = credential + strlen(parts) + 1;
    claim->date = tail[0];
    claim->region = tail[1];
    claim->service = tail[2];
    if (strcmp(tail[3], "aws4_request") != 0)
        set_flaw(claim, FLAW_TERMINATOR, tail[3],
                 arena_printf(arena,
                              "Credential should be scoped with a valid terminator: "
                              "'aws4_request', not '%.100s'.",
                              tail[3]));
}

static void read_signed_headers(Arena *arena, const char *names, Claim *claim)
{
    claim->signed_headers = names;
    size_t most = 1;
    for (const char *c = names; *c; c++)
        most += *c == ';';
    if (most > MAX_SIGNED_HEADERS)
        set_flaw(claim, FLAW_OTHER, NULL, "Too many headers are signed.");
    const char **list = arena_alloc(arena, (most + 1) * sizeof(*list));
    size_t n = 0;
    bool has_host = false;
    for (char *rest = arena_strdup(arena, names), *name; (name = strsep(&rest, ";"));) {
        for (char *c = name; *c; c++)
            *c = g_ascii_tolower(*c);
        has_host |= strcmp(name, "host") == 0;
        list[n++] = name;
    }
    claim->signed_names = list;
    if (!has_host)
        set_flaw(claim, FLAW_HOST_UNSIGNED, NULL,
                 "'Host' must be a 'SignedHeader' in the AWS Authorization.");
}

static void read_timestamp(Arena *arena, const char *timestamp, Claim *claim)
{
    claim->timestamp = timestamp;
    if (!basic_time_parse(timestamp, &claim->time))
        set_flaw(claim, FLAW_TIMESTAMP, timestamp,
                 arena_printf(arena,
                              "Date must be in ISO-8601 'basic format'. Got '%.100s'. See "
                              "http://en.wikipedia.org/wiki/ISO_8601",
                              timestamp));
    else if (claim->date && (strlen(claim->date) != 8 || strncmp(claim->date, timestamp, 8) != 0))
        set_flaw(claim, FLAW_DATE, claim->date,
                 arena_printf(arena,
                              "Date in Credential scope does not match YYYYMMDD from ISO-8601 "
                              "version of date from HTTP: '%.100s' != '%.8s', from '%s'.",
                              claim->date, timestamp, timestamp));
}

/* The parameters of an Authorization header: name=value, commas and maybe spaces between. */
static void read_authorization(Arena *arena, const char *text, Claim *claim)
{
    const char *credential = NULL, *names = NULL;
    for (char *rest = arena_strdup(arena, text), *part; (part = strsep(&rest, ","));) {
        part = g_strstrip(part);
        if (g_str_has_prefix(part, "Credential="))
            credential = strchr(part, '=') + 1;
        else if (g_str_has_prefix(part, "SignedHeaders="))
            names = strchr(part, '=') + 1;
        else if (g_str_has_prefix(part, "Signature="))
            claim->signature = strchr(part, '=') + 1;
    }
    const char *absent = !credential         ? "Credential"
                         : !claim->signature ? "Signature"
                         : !names            ? "SignedHeaders"
                                             : NULL;
    if (absent)
        set_flaw(claim, FLAW_COMPONENT, absent,
                 arena_printf(arena, "Authorization header requires '%s' parameter.", absent));
    if (credential)
        read_credential(arena, credential, claim);
    if (names)
        read_signed_headers(arena, names, claim);
}

/* The Date header, which is signed in basic form whichever of its forms it has. */
static const char *date_header(Arena *arena, const HttpRequest *http)
{
    const char *date = http_header(http, "date");
    int64_t time;
    return date && http_date_parse(date, &time)
               ? basic_time_format(time, arena_alloc(arena, BASIC_TIME_SIZE))
               : date;
}

static void read_v4_header(Arena *arena, const SignedRequest *request, const char *authorization,
                           Claim *claim)
{
    claim->form = SIGNATURE_V4_HEADER;
    read_authorization(arena, authorization + strlen(ALGORITHM), claim);
    const char *timestamp = http_header(request->http, "x-amz-date");
    if (!timestamp)
        timestamp = date_header(arena, request->http);
    if (timestamp)
        read_timestamp(arena, timestamp, claim);
    else
        set_flaw(claim, FLAW_TIMESTAMP, NULL,
                 "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' "
                 "header.");
}

static const char *need(const SignedRequest *request, const char *name, Claim *claim)
{
    const char *value = params_get(&request->params, name);
    if (!value || !*value)
        set_problem(claim, SIGNATURE_MISSING_PARAMETER, name);
    return value;
}

static const char *need_v4(Arena *arena, const SignedRequest *request, const char *name,
                           Claim *claim)
{
    const char *value = params_get(&request->params, name);
    if (!value || !*value)
        set_flaw(claim, FLAW_COMPONENT, name,
                 arena_printf(arena, "AWS query-string parameters must include '%s'.", name));
    return value;
}

static void read_lifetime(const char *expires, Claim *claim)
{
    gint64 seconds;
    if (!g_ascii_string_to_signed(expires, 10, -(gint64)G_MAXUINT32, G_MAXUINT32, &seconds, NULL))
        set_flaw(claim, FLAW_EXPIRES_TEXT, expires, "X-Amz-Expires should be a number");
    else if (seconds < 0)
        set_flaw(claim, FLAW_EXPIRES_SIGN, expires, "X-Amz-Expires must be non-negative");
    else if (seconds > MAX_LIFETIME)
        set_flaw(claim, FLAW_EXPIRES_RANGE, expires,
                 "X-Amz-Expires must be less than a week (in seconds); that is, the given "
                 "X-Amz-Expires must be less than 604800 seconds");
    else
        claim->lifetime = seconds;
}

static void read_v4_query(Arena *arena, const SignedRequest *request, const char *algorithm,
                          Claim *claim)
{
    claim->form = SIGNATURE_V4_QUERY;
    if (strcmp(algorithm, ALGORITHM) != 0)
        set_flaw(claim, FLAW_ALGORITHM, algorithm,
                 arena_printf(arena, "Unsupported AWS 'algorithm': '%.100s'.", algorithm));
    const char *credential = need_v4(arena, request, "X-Amz-Credential", claim);
    const char *timestamp = need_v4(arena, request, "X-Amz-Date", claim);
    const char *expires = need_v4(arena, request, "X-Amz-Expires", claim);
    const char *names = need_v4(arena, request, "X-Amz-SignedHeaders", claim);
    claim->signature = need_v4(arena, request, "X-Amz-Signature", claim);
    if (credential)
        read_credential(arena, credential, claim);
    if (timestamp)
        read_timestamp(arena, timestamp, claim);
    if (names)
        read_signed_headers(arena, names, claim);
    if (expires)
        read_lifetime(expires, claim);
}

static void read_v1_or_v2(Arena *arena, const SignedRequest *request, Claim *claim)
{
    const char *version = params_get(&request->params, "SignatureVersion");
    claim->form = g_strcmp0(version, "2") == 0 ? SIGNATURE_V2 : SIGNATURE_V1;
    claim->digest = DIGEST_SHA1;
    claim->access_key_id = need(request, "AWSAccessKeyId", claim);
    claim->signature = need(request, "Signature", claim);
    need(request, "SignatureVersion", claim);
    if (version && strcmp(version, "1") != 0 && strcmp(version, "2") != 0)
        set_problem(claim, SIGNATURE_INCOMPLETE,
                    arena_printf(arena,
                                 "SignatureVersion '%.20s' is not supported here: use 1, 2 or an "
                                 "Authorization header.",
                                 version));
    if (claim->form == SIGNATURE_V2) {
        const char *method = need(request, "SignatureMethod", claim);
        if (g_strcmp0(method, "HmacSHA256") == 0)
            claim->digest = DIGEST_SHA256;
        else if (method && strcmp(method, "HmacSHA1") != 0)
            set_problem(claim, SIGNATURE_INCOMPLETE,
                        "SignatureMethod must be HmacSHA256 or HmacSHA1.");
    }
    claim->expires = params_get(&request->params, "Expires");
    claim->sent = params_get(&request->params, "Timestamp");
    if (!claim->expires && !claim->sent)
        set_problem(claim, SIGNATURE_MISSING_PARAMETER, "Timestamp or Expires");
    else if (claim->expires && claim->sent)
        set_problem(claim, SIGNATURE_INCOMPLETE,
                    "A request has either a Timestamp or an Expires parameter, not both.");
}

void claim_read(Arena *arena, const SignedRequest *request, Claim *ret_claim)
{
    Claim claim = {0};
    const char *authorization = http_header(request->http, "authorization");
    const char *algorithm = params_get(&request->params, "X-Amz-Algorithm");
    if (authorization && g_str_has_prefix(authorization, ALGORITHM " "))
        read_v4_header(arena, request, authorization, &claim);
    else if (algorithm)
        read_v4_query(arena, request, algorithm, &claim);
    else if (params_get(&request->params, "AWSAccessKeyId") ||
             params_get(&request->params, "Signature"))
        read_v1_or_v2(arena, request, &claim);
    else if (authorization)
        set_flaw(&claim, FLAW_ALGORITHM, authorization,
                 arena_printf(arena, "Unsupported Authorization header: '%.50s'.", authorization));
    else
        set_problem(&claim, SIGNATURE_MISSING, NULL);
    *ret_claim = claim;
}

void claim_read_form(Arena *arena, const Params *fields, Claim *ret_claim)
{
    Claim claim = {.form = SIGNATURE_V4_FORM};
    const char *algorithm = params_get(fields, "x-amz-algorithm");
    const char *credential = params_get(fields, "x-amz-credential");
    const char *timestamp = params_get(fields, "x-amz-date");
    claim.signature = params_get(fields, "x-amz-signature");
    const char *absent = !algorithm         ? "X-Amz-Algorithm"
                         : !credential      ? "X-Amz-Credential"
                         : !timestamp       ? "X-Amz-Date"
                         : !claim.signature ? "X-Amz-Signature"
                                            : NULL;
    if (absent)
        set_flaw(&claim, FLAW_COMPONENT, absent, "A form signs with four fields.");
    else if (strcmp(algorithm, ALGORITHM) != 0)
        set_flaw(&claim, FLAW_ALGORITHM, algorithm, "The algorithm is unknown.");
    if (credential)
        read_credential(arena, credential, &claim);
    if (timestamp)
        read_timestamp(arena, timestamp, &claim);
    *ret_claim = claim;
}
