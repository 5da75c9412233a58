/* Signature Version 4: canonical request, string to sign, signing key. Pure.
 * Source: "Create a signed AWS API request" (IAM User Guide). */
#pragma once

#include "api/signature/signature.h"

/* Where clients differ from what they send. */
typedef struct SigV4Reading {
    const char *host;     /* what they took for the host header */
    bool keep_whitespace; /* runs of spaces in header values were not joined */
} SigV4Reading;

/* payload_hash is the last line: what x-amz-content-sha256 says, or the body's SHA-256. */
void sigv4_canonical_request(Buffer *out, Arena *arena, const SignedRequest *request,
                             const Claim *claim, const SigV4Reading *reading,
                             const char *payload_hash);

void sigv4_string_to_sign(Buffer *out, const Claim *claim, const char *canonical_request,
                          size_t size);

void sigv4_derive_key(const char *secret, const Claim *claim, uint8_t ret_key[SHA256_SIZE]);

/* Whether a header that the claim signs has a run of white space inside its value. */
bool sigv4_has_runs(const SignedRequest *request, const Claim *claim);
