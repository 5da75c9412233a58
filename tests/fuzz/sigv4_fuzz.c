/* Version 4: reading a claim, canonicalising, verifying; the input is a request as text. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/verifier.h"
#include "api/signature/canonical.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(Clock) clock = fuzz_clock();
    g_autoptr(Verifier) verifier = fuzz_verifier(clock);
    SignedRequest request = {.http = fuzz_request(arena, data, size)};
    Claim claim;
    Caller caller;

    g_auto(Buffer) path = {0};
    canonical_path(&path, arena, request.http->path);
    g_assert(path.size > 0 && path.data[0] == '/' && !memmem(path.data, path.size, "//", 2));

    if (!params_decode(&request.params, arena, request.http->query, strlen(request.http->query),
                       NULL))
        return 0;
    request.n_query = request.params.n;
    claim_read(arena, &request, &claim);
    g_autoptr(GError) error = NULL;
    if (!verifier_check(verifier, arena, &request, &claim, PROTOCOL_EC2, &caller, &error))
        g_assert(error);
    return 0;
}
