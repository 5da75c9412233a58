/* Versions 1 and 2: the strings to sign, and their verification; the input is a form. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/verifier.h"
#include "api/signature/sigv1.h"
#include "api/signature/sigv2.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(Clock) clock = fuzz_clock();
    g_autoptr(Verifier) verifier = fuzz_verifier(clock);
    static const Header host = {"Host", "LocalHost:4566"};
    const HttpRequest http = {
        .method = "GET", .path = "/", .query = "", .headers = &host, .n_headers = 1};
    SignedRequest request = {.http = &http};
    Claim claim;
    Caller caller;
    if (!params_decode(&request.params, arena, (const char *)data, size, NULL))
        return 0;

    g_auto(Buffer) v2 = {0}, v1 = {0};
    sigv2_string_to_sign(&v2, arena, &request, host.value);
    sigv1_string_to_sign(&v1, arena, &request);
    g_assert(g_str_has_prefix(buffer_text(&v2), "GET\nlocalhost:4566\n/\n"));
    for (size_t i = 0; i < v2.size; i++)
        g_assert(v2.data[i] == '\n' || (v2.data[i] > ' ' && v2.data[i] < 127));

    g_autoptr(GError) error = NULL;
    claim_read(arena, &request, &claim);
    if (!verifier_check(verifier, arena, &request, &claim, PROTOCOL_QUERY, &caller, &error))
        g_assert(error);
    return 0;
}
