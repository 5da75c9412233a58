/* A verifier that knows one key, whatever its id, at a fixed time. */
#pragma once

#include "api/signature/verify.h"

static inline bool fuzz_find_key(void *data, Arena *arena, const char *access_key_id,
                                 const Credential **ret_credential, GError **error)
{
    static const Credential credential = {.secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"};
    *ret_credential = &credential;
    return true;
}

static inline Clock *fuzz_clock(void)
{
    return clock_new_manual(INT64_C(1795339805000000));
}

static inline Verifier *fuzz_verifier(Clock *clock)
{
    return verifier_new(&(KeySource){fuzz_find_key, NULL}, clock);
}
