/* What the verifications of api/signature/ share; for them only. */
#pragma once

#include "api/signature/key_cache.h"
#include "api/signature/sigv4.h"
#include "api/signature/verify.h"

#define SIGNATURE_SKEW (15 * 60 * CLOCK_SECOND) /* how far a client's clock may be off */

struct Verifier {
    KeySource keys;
    Clock *clock;
    KeyCache *cache;
};

/* Which forms of path and payload hash a client may have signed, the likeliest first. */
typedef struct SigV4Candidates {
    const char *paths[3]; /* canonical; NULL: what canonical_path makes of it */
    size_t n_paths;
    const char *hashes[3];
    size_t n_hashes;
} SigV4Candidates;

/* Whether some reading of a Version 4 request fits its signature. Keeps the key in the cache then.
 * The claim has no problem. */
bool verifier_v4_is_right(Verifier *verifier, Arena *arena, const SignedRequest *request,
                          const Claim *claim, const char *secret,
                          const SigV4Candidates *candidates);

/* Whether the claim's signature is the text's HMAC in base64 (Version 1 and 2); in constant time.
 */
bool signature_is_mac(const Claim *claim, const char *secret, const char *text, size_t size);
