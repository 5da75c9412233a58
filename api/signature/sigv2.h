/* Signature Version 2: the string to sign. Pure. Source: "Signature Version 2" (AWS General
 * Reference of its time). host is what the client took for it; it is signed in lower case. */
#pragma once

#include "api/signature/signature.h"

void sigv2_string_to_sign(Buffer *out, Arena *arena, const SignedRequest *request,
                          const char *host);
