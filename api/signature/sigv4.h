/* Signature Version 4: canonical request, string to sign, signing key. Pure.
 * Source: "Create a signed AWS API request" (IAM User Guide). */
#pragma once

#include "api/signature/signature.h"

/* Where clients differ from what they send. */
typedef struct SigV4Reading {
    const char *host;         /* what they took for the host header */
    bool keep_whitespace;     /* runs of spaces in header values were not joined */
    const char *path;         /* in its canonical form; NULL: what canonical_path makes of it */
    const char *payload_hash; /* what x-amz-content-sha256 says, or the body's SHA-256 */
} SigV4Reading;

void sigv4_canonical_request(Buffer *out, Arena *arena, const SignedRequest *request,
                             const Claim *claim, const SigV4Reading *reading);

void sigv4_string_to_sign(Buffer *out, const Claim *claim, const char *canonical_request,
                          size_t size);

/* Whether signature is the text's HMAC in hexadecimal; in constant time. NULL is not. */
bool sigv4_is_mac(const char *signature, const uint8_t key[SHA256_SIZE], const char *text,
                  size_t size);

void sigv4_derive_key(const char *secret, const Claim *claim, uint8_t ret_key[SHA256_SIZE]);

/* Whether a header that the claim signs has a run of white space inside its value. */
bool sigv4_has_runs(const SignedRequest *request, const Claim *claim);
