/* Who claims to have signed a request to S3, with S3's words for what is wrong with it. Pure. */
#pragma once

#include "api/signature/signature.h"

/* *ret_claim: form SIGNATURE_NONE when nobody does; SIGNATURE_V2 (in the URL if expires is set, in
 * a header otherwise; time is when it ends or was signed), SIGNATURE_V4_HEADER, SIGNATURE_V4_QUERY;
 * its problem is SIGNATURE_FINE or SIGNATURE_MISSING. Faults AuthorizationHeaderMalformed,
 * AuthorizationQueryParametersError, InvalidArgument, AccessDenied. */
bool s3_claim_read(Arena *arena, const SignedRequest *request, Claim *ret_claim, List *details,
                   GError **error);

/* Adds an element to the refusal's document. The texts must live as long as the arena. */
void signature_detail(List *details, Arena *arena, const char *name, const char *value);
