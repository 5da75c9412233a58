/* Believes a claim, or says why not. Thread-safe. */
#pragma once

#include "api/action.h"
#include "api/signature/signature.h"
#include "base/clock.h"

/* Whose key an access key id is. */
typedef struct Credential {
    const char *secret;
    Caller caller;
} Credential;

/* Where access keys come from. find leaves *ret_credential NULL when there is no active key of
 * that id; everything lives in the arena. Called from event threads: only reads. */
typedef struct KeySource {
    bool (*find)(void *data, Arena *arena, const char *access_key_id,
                 const Credential **ret_credential, GError **error);
    void *data;
} KeySource;

typedef struct Verifier Verifier;

/* clock tells the real time, since clients sign with theirs. Borrowed. */
Verifier *verifier_new(const KeySource *keys, Clock *clock);
void verifier_free(Verifier *verifier); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Verifier, verifier_free)

/* *ret_caller lives in the arena. Faults are worded as a service of that protocol words them. */
bool verifier_check(Verifier *verifier, Arena *arena, const SignedRequest *request,
                    const Claim *claim, Protocol protocol, Caller *ret_caller, GError **error);
