/* POST forms: the first byte says in which pieces the body comes; whole or in pieces, the outcome
 * is the same. The field "policy" is checked as if it were JSON. */
#include "tests/fuzz/fuzz.h"
#include "api/s3/form.h"
#include "api/s3/post_policy.h"

typedef struct Result {
    bool ok;
    int code;
    unsigned begun;
    size_t fields;
    Buffer out;
} Result;

static bool begin(void *data, GError **error)
{
    ((Result *)data)->begun++;
    return true;
}

static void collect(void *data, const char *bytes, size_t size)
{
    Result *result = data;
    g_assert(result->begun == 1 && size > 0);
    buffer_add(&result->out, bytes, size);
}

static void check_policy(Arena *arena, const Params *fields)
{
    PostPolicySize range;
    g_autoptr(GError) error = NULL;
    const char *policy = params_get(fields, "policy");
    if (policy &&
        !post_policy_check(arena, policy, fields, "b", INT64_C(1795339805000000), &range, &error))
        g_assert(error);
}

static Result decode(const char *body, size_t size, size_t piece)
{
    static const FormEvents events = {begin, collect};
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(GError) error = NULL;
    Result result = {.ok = true};
    FormDecoder *decoder = NULL;
    bool made = form_decoder_new(arena, "multipart/form-data; boundary=X", &events, &result,
                                 &decoder, NULL);
    g_assert(made);
    for (size_t at = 0; at < size && result.ok; at += piece)
        result.ok = form_decoder_feed(decoder, body + at, MIN(piece, size - at), &error);
    result.ok = result.ok && form_decoder_finish(decoder, &error);
    g_assert(result.ok == !error && (!result.ok || result.begun == 1));
    const Params *fields = form_decoder_fields(decoder);
    for (size_t i = 0; i < fields->n; i++)
        g_assert(g_utf8_validate(fields->items[i].value, -1, NULL));
    check_policy(arena, fields);
    result.code = error ? error->code : 0;
    result.fields = fields->n;
    form_decoder_free(decoder);
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    Result whole = decode((const char *)data + 1, size - 1, size);
    Result pieces = decode((const char *)data + 1, size - 1, 1 + data[0]);
    g_assert(whole.ok == pieces.ok && whole.code == pieces.code);
    g_assert(whole.begun == pieces.begun && whole.fields == pieces.fields);
    g_assert(whole.out.size == pieces.out.size);
    g_assert(whole.out.size == 0 || memcmp(whole.out.data, pieces.out.data, whole.out.size) == 0);
    buffer_clear(&whole.out);
    buffer_clear(&pieces.out);
    return 0;
}
