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
    SIGNATURE_V4_FORM, /* the fields of a POST form sign its policy: S3 only */
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

/* What SIGNATURE_INCOMPLETE means, for services with sentences of their own (S3). */
typedef enum SignatureFlaw {
    FLAW_OTHER,
    FLAW_ALGORITHM,     /* unknown */
    FLAW_COMPONENT,     /* of the Authorization header, or a parameter: absent */
    FLAW_CREDENTIAL,    /* not of five parts */
    FLAW_TERMINATOR,    /* of the credential: not aws4_request */
    FLAW_TIMESTAMP,     /* absent, or not of the right form */
    FLAW_DATE,          /* the credential's is not the timestamp's */
    FLAW_HOST_UNSIGNED, /* Host is not among the signed headers */
    FLAW_EXPIRES_TEXT,  /* X-Amz-Expires is not a number … */
    FLAW_EXPIRES_SIGN,  /* … is negative … */
    FLAW_EXPIRES_RANGE, /* … is more than a week */
} SignatureFlaw;

typedef struct Claim {
    SignatureForm form;
    SignatureProblem problem;
    const char *detail;
    SignatureFlaw flaw;
    const char *flawed;        /* the text that is wrong; NULL: none */
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

/* The claim of a POST form's fields (names in lower case) that sign with Version 4. */
void claim_read_form(Arena *arena, const Params *fields, Claim *ret_claim);
