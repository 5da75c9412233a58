/* Who signed a request to S3, in any of its forms: Version 4 in a header, in the URL (presigned),
 * in a form (POST); Version 2 in a header ("AWS key:signature") and in the URL; or nobody. Version
 * 4 covers the body through x-amz-content-sha256, so that all is known before the body comes.
 *
 * Sources: "Authenticating Requests (AWS Signature Version 4)", "Signing and authenticating REST
 * requests" (Version 2), "Browser-based uploads using POST" (Amazon S3 API Reference). What real
 * clients do differently is handled here and in canonical.c. */
#pragma once

#include "api/signature/verify.h"

/* What SignatureDoesNotMatch says, of requests, forms and chunks. */
#define S3_WRONG_SIGNATURE                                                                         \
    "The request signature we calculated does not match the signature you provided. Check your "   \
    "key and signing method."

/* The SHA-256 of nothing. */
#define EMPTY_HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

typedef enum S3Payload {
    S3_PAYLOAD_UNSIGNED,          /* not covered: UNSIGNED-PAYLOAD, Version 2, anonymous */
    S3_PAYLOAD_HASH,              /* the body has this SHA-256 */
    S3_PAYLOAD_STREAMING,         /* aws-chunked, each chunk signed */
    S3_PAYLOAD_STREAMING_TRAILER, /* and a signed trailer */
    S3_PAYLOAD_UNSIGNED_TRAILER,  /* aws-chunked, unsigned, with a trailer */
} S3Payload;

typedef struct S3Signature {
    bool anonymous;
    Caller caller; /* valid unless anonymous */
    SignatureForm form;
    bool version2;
    S3Payload payload;
    const char *payload_hash; /* S3_PAYLOAD_HASH: lower-case hexadecimal */
    /* For the chunks of a streaming payload. */
    uint8_t key[SHA256_SIZE];
    const char *seed; /* the request's own signature */
    const char *timestamp, *scope;
    int64_t time; /* when it was signed, µs; 0 unknown */
    /* What policies ask about it. */
    const char *auth_type; /* "REST-HEADER", "REST-QUERY-STRING", "POST" */
    const char *version;   /* "AWS4-HMAC-SHA256", "AWS" */
} S3Signature;

/* What bucket and path the client took for signed: Version 2 signs "/bucket/key". */
typedef struct S3Target {
    const char *virtual_bucket; /* from the Host header; NULL: path style */
    /* Whether that query parameter makes another operation of a request. To a URL of Version 2 such
     * a one cannot be added by who got it. */
    bool (*selects_operation)(const char *name);
} S3Target;

/* An element of the refusal's error document. */
typedef struct SignatureDetail {
    const char *name, *value;
} SignatureDetail;

/* Believes the request's signature, or finds that there is none. Faults, with S3's words:
 * InvalidAccessKeyId, SignatureDoesNotMatch (*details gets AWSAccessKeyId, StringToSign,
 * SignatureProvided, StringToSignBytes, CanonicalRequest, CanonicalRequestBytes),
 * RequestTimeTooSkewed (RequestTime, ServerTime, MaxAllowedSkewMilliseconds), AccessDenied
 * (expired, not yet valid), AuthorizationHeaderMalformed, AuthorizationQueryParametersError,
 * InvalidArgument, InvalidRequest, MissingSecurityHeader … Details live in the arena. */
bool verifier_check_s3(Verifier *verifier, Arena *arena, const SignedRequest *request,
                       const S3Target *target, S3Signature *ret_signature, List *details,
                       GError **error);

/* The same of a POST form's fields (names in lower case): policy, x-amz-signature … or
 * AWSAccessKeyId and signature. The policy document itself is the caller's to check; *ret_policy is
 * its JSON, NULL without one (then nobody signed). */
bool verifier_check_form(Verifier *verifier, Arena *arena, const Params *fields,
                         S3Signature *ret_signature, const char **ret_policy, GError **error);
