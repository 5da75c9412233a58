/* aws-chunked bodies: the first byte says which form and where the body is split; whole or in
 * pieces, the outcome is the same. */
#include "tests/fuzz/fuzz.h"
#include "api/s3/chunked.h"

typedef struct Result {
    bool ok;
    int code;
    size_t trailer;
    Buffer out;
} Result;

static void collect(void *data, const char *bytes, size_t size)
{
    buffer_add(data, bytes, size);
}

static Result decode(const S3Signature *signature, const char *body, size_t size, size_t piece)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(GError) error = NULL;
    Result result = {.ok = true};
    g_autoptr(ChunkDecoder) decoder = chunk_decoder_new(arena, signature, -1, collect, &result.out);
    for (size_t at = 0; at < size && result.ok; at += piece)
        result.ok = chunk_decoder_feed(decoder, body + at, MIN(piece, size - at), &error);
    result.ok = result.ok && chunk_decoder_finish(decoder, &error);
    g_assert(result.ok == !error);
    result.code = error ? error->code : 0;
    result.trailer = chunk_decoder_trailer(decoder)->n;
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const S3Payload payloads[] = {S3_PAYLOAD_STREAMING, S3_PAYLOAD_STREAMING_TRAILER,
                                         S3_PAYLOAD_UNSIGNED_TRAILER};
    if (size == 0)
        return 0;
    const S3Signature signature = {.payload = payloads[data[0] % G_N_ELEMENTS(payloads)],
                                   .seed = "seed",
                                   .timestamp = "20130524T000000Z",
                                   .scope = "20130524/us-east-1/s3/aws4_request"};
    Result whole = decode(&signature, (const char *)data + 1, size - 1, size);
    Result pieces = decode(&signature, (const char *)data + 1, size - 1, 1 + data[0] / 3);
    g_assert(whole.ok == pieces.ok && whole.trailer == pieces.trailer);
    g_assert(!whole.ok || (whole.out.size == pieces.out.size && whole.out.size < size));
    g_assert(whole.code == pieces.code);
    buffer_clear(&whole.out);
    buffer_clear(&pieces.out);
    return 0;
}
