/* What a request says about who signed it: the claim, read but not yet believed.
 *
 * Forms: Version 4 in the Authorization header or in the URL (presigned); Version 2 (HmacSHA256,
 * HmacSHA1) and Version 1 as parameters. Reading is pure and never fails: what is wrong is kept in
 * the claim, since the words for it depend on the service, which may be known only through the
 * claim's scope. */
#pragma once

#include "api/http.h"
#include "api/query.h"
#include "base/digest.h"

typedef struct SignedRequest {
    const HttpRequest *http;
    Params params;  /* of the URL, then of the body's form */
    size_t n_query; /* the first so many are the URL's */
} SignedRequest;

typedef enum SignatureForm {
    SIGNATURE_NONE,
    SIGNATURE_V1,
    SIGNATURE_V2,
    SIGNATURE_V4_HEADER,
    SIGNATURE_V4_QUERY,
} SignatureForm;

/* What can be wrong. See api/signature/verify.c for what each service says to it. */
typedef enum SignatureProblem {
    SIGNATURE_FINE,
    SIGNATURE_MISSING,           /* none at all */
    SIGNATURE_MISSING_PARAMETER, /* detail: its name */
    SIGNATURE_INCOMPLETE,        /* detail: a sentence */
    SIGNATURE_UNKNOWN_KEY,
    SIGNATURE_WRONG,
    SIGNATURE_EXPIRED, /* detail: a sentence */
    SIGNATURE_NOT_YET, /* detail: a sentence */
    SIGNATURE_PROBLEMS,
} SignatureProblem;

typedef struct Claim {
    SignatureForm form;
    SignatureProblem problem;
    const char *detail;
    const char *access_key_id; /* NULL when missing */
    const char *signature;     /* hexadecimal (V4) or base64 */

    /* V4 */
    const char *scope; /* "20150830/us-east-1/iam/aws4_request", as sent */
    const char *date, *region, *service;
    const char *timestamp;           /* "20150830T123600Z" */
    int64_t time;                    /* the same, read */
    const char *const *signed_names; /* in the order sent, in lower case; ends with NULL */
    const char *signed_headers;      /* as sent: "host;x-amz-date" */
    int64_t lifetime;                /* presigned: X-Amz-Expires, seconds */

    /* V1 and V2 */
    DigestKind digest;
    const char *expires; /* one of both */
    const char *sent;    /* Timestamp */
} Claim;

void claim_read(Arena *arena, const SignedRequest *request, Claim *ret_claim);
