/* Signature Version 1, as clients of 2009 made it: keys and values one behind the other, sorted by
 * key without regard to case. It covers neither host nor path. Pure. */
#pragma once

#include "api/signature/signature.h"

void sigv1_string_to_sign(Buffer *out, Arena *arena, const SignedRequest *request);
