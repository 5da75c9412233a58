/* S3's Signature Version 2: the string to sign. Pure. Source: "Signing and authenticating REST
 * requests" (Amazon S3 User Guide). */
#pragma once

#include "api/signature/s3_signature.h"

/* Where clients differ from what they send. */
typedef struct S3V2Reading {
    const char *path; /* "/bucket/key" as they took it for signed, without the virtual bucket */
    bool bare_flags;  /* sub-resources without value were signed without the "=" that was sent */
} S3V2Reading;

void s3_v2_string_to_sign(Buffer *out, Arena *arena, const SignedRequest *request,
                          const Claim *claim, const S3Target *target, const S3V2Reading *reading);

/* Whether some reading fits the claim's signature, with that secret. */
bool s3_v2_is_right(Arena *arena, const SignedRequest *request, const Claim *claim,
                    const S3Target *target, const char *secret);
