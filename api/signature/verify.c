/* Verification: key, time, signature, in this order; and the words for each refusal.
 *
 * Invariant: true only if some reading of the request, among the few that real clients make,
 * yields exactly the signature sent; signatures are compared in constant time. */
#include "api/signature/verify.h"

#include "api/signature/canonical.h"
#include "api/signature/dates.h"
#include "api/signature/sigv1.h"
#include "api/signature/sigv2.h"
#include "api/signature/verifier.h"
#include "base/fault.h"
#include <openssl/crypto.h>
#include <string.h>

/* What a refusal is called, by protocol. */
typedef struct Refusal {
    Fault fault;
    const char *before; /* the message; the claim's detail follows it */
} Refusal;

#define WRONG_SIGNATURE                                                                            \
    "The request signature we calculated does not match the signature you provided. Check your "   \
    "AWS Secret Access Key and signing method. Consult the service documentation for details."

static const Refusal refusals[SIGNATURE_PROBLEMS][2] = {
    [SIGNATURE_MISSING] =
        {[PROTOCOL_EC2] = {FAULT_MISSING_PARAMETER,
                           "The request must contain the parameter AWSAccessKeyId"},
         [PROTOCOL_QUERY] = {FAULT_MISSING_AUTHENTICATION_TOKEN,
                             "Request is missing Authentication Token"}},
    [SIGNATURE_MISSING_PARAMETER] =
        {[PROTOCOL_EC2] = {FAULT_MISSING_PARAMETER, "The request must contain the parameter "},
         [PROTOCOL_QUERY] = {FAULT_MISSING_PARAMETER, "The request must contain the parameter "}},
    [SIGNATURE_INCOMPLETE] = {[PROTOCOL_EC2] = {FAULT_INCOMPLETE_SIGNATURE, ""},
                              [PROTOCOL_QUERY] = {FAULT_INCOMPLETE_SIGNATURE, ""}},
    [SIGNATURE_UNKNOWN_KEY] =
        {[PROTOCOL_EC2] = {FAULT_AUTH_FAILURE,
                           "AWS was not able to validate the provided access credentials"},
         [PROTOCOL_QUERY] = {FAULT_INVALID_CLIENT_TOKEN_ID,
                             "The security token included in the request is invalid."}},
    [SIGNATURE_WRONG] = {[PROTOCOL_EC2] = {FAULT_SIGNATURE_DOES_NOT_MATCH, WRONG_SIGNATURE},
                         [PROTOCOL_QUERY] = {FAULT_SIGNATURE_DOES_NOT_MATCH, WRONG_SIGNATURE}},
    [SIGNATURE_EXPIRED] = {[PROTOCOL_EC2] = {FAULT_REQUEST_EXPIRED, "Request has expired. "},
                           [PROTOCOL_QUERY] = {FAULT_SIGNATURE_DOES_NOT_MATCH, ""}},
    [SIGNATURE_NOT_YET] = {[PROTOCOL_EC2] = {FAULT_REQUEST_EXPIRED, ""},
                           [PROTOCOL_QUERY] = {FAULT_SIGNATURE_DOES_NOT_MATCH, ""}},
};

static bool refuse(SignatureProblem problem, const char *detail, Protocol protocol, GError **error)
{
    const Refusal *refusal = &refusals[problem][protocol];
    return fault_set(error, refusal->fault, "%s%s", refusal->before, detail ? detail : "");
}

Verifier *verifier_new(const KeySource *keys, Clock *clock)
{
    Verifier *verifier = g_new0(Verifier, 1);
    verifier->keys = *keys;
    verifier->clock = clock;
    verifier->cache = key_cache_new();
    return verifier;
}

void verifier_free(Verifier *verifier)
{
    if (!verifier)
        return;
    key_cache_free(verifier->cache);
    g_free(verifier);
}

static SignatureProblem expired(Arena *arena, const char *signed_at, int64_t limit, int64_t now,
                                const char **ret_detail)
{
    char now_text[BASIC_TIME_SIZE], limit_text[BASIC_TIME_SIZE];
    *ret_detail =
        arena_printf(arena, "Signature expired: %s is now earlier than %s (%s - %d min.)",
                     signed_at, basic_time_format(limit, limit_text),
                     basic_time_format(now, now_text), (int)((now - limit) / CLOCK_SECOND / 60));
    return SIGNATURE_EXPIRED;
}

static SignatureProblem not_yet(Arena *arena, const char *signed_at, int64_t now,
                                const char **ret_detail)
{
    char now_text[BASIC_TIME_SIZE], limit_text[BASIC_TIME_SIZE];
    *ret_detail = arena_printf(
        arena, "Signature not yet current: %s is still later than %s (%s + 15 min.)", signed_at,
        basic_time_format(now + SIGNATURE_SKEW, limit_text), basic_time_format(now, now_text));
    return SIGNATURE_NOT_YET;
}

static SignatureProblem check_v4_time(Arena *arena, const Claim *claim, int64_t now,
                                      const char **ret_detail)
{
    int64_t lifetime = claim->form == SIGNATURE_V4_QUERY ? claim->lifetime * CLOCK_SECOND
                                                         : (int64_t)SIGNATURE_SKEW;
    if (claim->time > now + SIGNATURE_SKEW)
        return not_yet(arena, claim->timestamp, now, ret_detail);
    if (claim->time + lifetime < now)
        return expired(arena, claim->timestamp, now - lifetime, now, ret_detail);
    return SIGNATURE_FINE;
}

static SignatureProblem check_v2_time(Arena *arena, const Claim *claim, int64_t now,
                                      const char **ret_detail)
{
    const char *text = claim->expires ? claim->expires : claim->sent;
    int64_t time;
    if (!clock_parse(text, &time)) {
        *ret_detail = arena_printf(arena, "%s '%.50s' is not an ISO 8601 time.",
                                   claim->expires ? "Expires" : "Timestamp", text);
        return SIGNATURE_INCOMPLETE;
    }
    if (claim->expires && time < now) {
        *ret_detail = arena_printf(arena, "Expires date is %.50s", text);
        return SIGNATURE_EXPIRED;
    }
    if (!claim->expires && time + SIGNATURE_SKEW < now) {
        *ret_detail = arena_printf(arena, "Timestamp date is %.50s", text);
        return SIGNATURE_EXPIRED;
    }
    if (!claim->expires && time > now + SIGNATURE_SKEW)
        return not_yet(arena, text, now, ret_detail);
    return SIGNATURE_FINE;
}

static bool is_v4(const Claim *claim)
{
    return claim->form == SIGNATURE_V4_HEADER || claim->form == SIGNATURE_V4_QUERY;
}

/* The body's hash; NULL when the client names another. */
static const char *payload_hash(Arena *arena, const HttpRequest *http)
{
    uint8_t hash[SHA256_SIZE];
    char *hex = arena_alloc(arena, 2 * SHA256_SIZE + 1);
    digest(DIGEST_SHA256, http->body ? http->body : "", http->body_size, hash);
    hex_encode(hash, sizeof(hash), hex);
    const char *sent = http_header(http, "x-amz-content-sha256");
    return !sent || g_ascii_strcasecmp(sent, hex) == 0 ? (sent ? sent : hex) : NULL;
}

static bool v4_reading_is_right(Arena *arena, const SignedRequest *request, const Claim *claim,
                                const SigV4Reading *reading, const uint8_t key[SHA256_SIZE])
{
    g_auto(Buffer) text = {0};
    sigv4_canonical_request(&text, arena, request, claim, reading);
    /* The string to sign goes behind the canonical request, which is hashed before that. */
    size_t size = text.size;
    sigv4_string_to_sign(&text, claim, text.data, size);
    return sigv4_is_mac(claim->signature, key, text.data + size, text.size - size);
}

/* The header values as they are, and as they were if the client did not join white space. */
static bool v4_is_right_for(Arena *arena, const SignedRequest *request, const Claim *claim,
                            SigV4Reading *reading, const uint8_t key[SHA256_SIZE])
{
    reading->keep_whitespace = false;
    if (v4_reading_is_right(arena, request, claim, reading, key))
        return true;
    reading->keep_whitespace = true;
    return sigv4_has_runs(request, claim) &&
           v4_reading_is_right(arena, request, claim, reading, key);
}

bool verifier_v4_is_right(Verifier *verifier, Arena *arena, const SignedRequest *request,
                          const Claim *claim, const char *secret, const SigV4Candidates *candidates)
{
    const char *sent_host = http_header(request->http, "host");
    if (!sent_host)
        sent_host = "";
    const char *hosts[] = {sent_host, canonical_host_without_port(arena, sent_host)};

    uint8_t key[SHA256_SIZE];
    bool cached = key_cache_get(verifier->cache, arena, claim, secret, key);
    bool right = false;
    SigV4Reading reading;
    for (size_t hash = 0; hash < candidates->n_hashes && !right; hash++) {
        for (size_t path = 0; path < candidates->n_paths && !right; path++) {
            for (size_t i = 0; i < G_N_ELEMENTS(hosts) && hosts[i] && !right; i++) {
                reading = (SigV4Reading){.host = hosts[i],
                                         .path = candidates->paths[path],
                                         .payload_hash = candidates->hashes[hash]};
                right = v4_is_right_for(arena, request, claim, &reading, key);
            }
        }
    }
    if (right && !cached)
        key_cache_put(verifier->cache, arena, claim, secret, key);
    OPENSSL_cleanse(key, sizeof(key));
    return right;
}

static bool v4_is_right(Verifier *verifier, Arena *arena, const SignedRequest *request,
                        const Claim *claim, const char *secret)
{
    const char *hash = payload_hash(arena, request->http);
    const SigV4Candidates candidates = {
        .paths = {NULL}, .n_paths = 1, .hashes = {hash}, .n_hashes = 1};
    return hash && verifier_v4_is_right(verifier, arena, request, claim, secret, &candidates);
}

bool signature_is_mac(const Claim *claim, const char *secret, const char *text, size_t size)
{
    uint8_t mac[SHA256_SIZE];
    digest_hmac(claim->digest, secret, strlen(secret), text, size, mac);
    g_autofree char *base64 = g_base64_encode(mac, digest_size(claim->digest));
    return constant_time_equal(base64, claim->signature);
}

static bool v2_is_right(Arena *arena, const SignedRequest *request, const Claim *claim,
                        const char *secret)
{
    const char *sent_host = http_header(request->http, "host");
    if (!sent_host)
        sent_host = "";
    const char *hosts[] = {sent_host, canonical_host_without_port(arena, sent_host)};
    for (size_t i = 0; i < G_N_ELEMENTS(hosts) && hosts[i]; i++) {
        g_auto(Buffer) text = {0};
        sigv2_string_to_sign(&text, arena, request, hosts[i]);
        if (signature_is_mac(claim, secret, text.data, text.size))
            return true;
    }
    return false;
}

static bool v1_is_right(Arena *arena, const SignedRequest *request, const Claim *claim,
                        const char *secret)
{
    g_auto(Buffer) text = {0};
    sigv1_string_to_sign(&text, arena, request);
    return signature_is_mac(claim, secret, text.data, text.size);
}

static bool is_right(Verifier *verifier, Arena *arena, const SignedRequest *request,
                     const Claim *claim, const char *secret)
{
    switch (claim->form) {
    case SIGNATURE_V1:
        return v1_is_right(arena, request, claim, secret);
    case SIGNATURE_V2:
        return v2_is_right(arena, request, claim, secret);
    case SIGNATURE_V4_HEADER:
    case SIGNATURE_V4_QUERY:
        return v4_is_right(verifier, arena, request, claim, secret);
    case SIGNATURE_V4_FORM: /* verifier_check_form has those */
    case SIGNATURE_NONE:
        break;
    }
    return false;
}

bool verifier_check(Verifier *verifier, Arena *arena, const SignedRequest *request,
                    const Claim *claim, Protocol protocol, Caller *ret_caller, GError **error)
{
    if (claim->problem != SIGNATURE_FINE)
        return refuse(claim->problem, claim->detail, protocol, error);

    const Credential *credential = NULL;
    if (!verifier->keys.find(verifier->keys.data, arena, claim->access_key_id, &credential, error))
        return false;
    if (!credential)
        return refuse(SIGNATURE_UNKNOWN_KEY, NULL, protocol, error);

    const char *detail = NULL;
    int64_t now = clock_now(verifier->clock);
    SignatureProblem problem = is_v4(claim) ? check_v4_time(arena, claim, now, &detail)
                                            : check_v2_time(arena, claim, now, &detail);
    if (problem != SIGNATURE_FINE)
        return refuse(problem, detail, protocol, error);
    if (!is_right(verifier, arena, request, claim, credential->secret))
        return refuse(SIGNATURE_WRONG, NULL, protocol, error);
    *ret_caller = credential->caller;
    return true;
}
