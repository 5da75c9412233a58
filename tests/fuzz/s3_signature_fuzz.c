/* Who signed a request to S3; the input is a request as text. What is said of a refusal is text. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/verifier.h"
#include "api/signature/s3_signature.h"

static bool selects_operation(const char *name)
{
    return *name == 'a';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(Clock) clock = fuzz_clock();
    g_autoptr(Verifier) verifier = fuzz_verifier(clock);
    SignedRequest request = {.http = fuzz_request(arena, data, size)};
    if (!params_decode(&request.params, arena, request.http->query, strlen(request.http->query),
                       NULL))
        return 0;
    request.n_query = request.params.n;

    const S3Target target = {.virtual_bucket = size % 2 ? "bucket" : NULL,
                             .selects_operation = selects_operation};
    S3Signature signature;
    const char *policy;
    List details = {0};
    g_autoptr(GError) error = NULL;
    g_autoptr(GError) form_error = NULL;
    if (verifier_check_s3(verifier, arena, &request, &target, &signature, &details, &error))
        g_assert(signature.payload != S3_PAYLOAD_HASH || strlen(signature.payload_hash) == 64);
    else
        g_assert(error);
    LIST_EACH (const SignatureDetail *, detail, &details)
        g_assert(detail->name && detail->value);
    if (!verifier_check_form(verifier, arena, &request.params, &signature, &policy, &form_error))
        g_assert(form_error);
    return 0;
}
