/* aws-chunked bodies. The signed examples are published: "Signature calculations for the
 * Authorization header: Transferring payload in multiple chunks" and "… trailing headers" (Amazon
 * S3 API Reference). */
#include "tests/unit/unit.h"
#include "api/s3/chunked.h"
#include "api/signature/sigv4.h"
#include "base/fault.h"

#define TOTAL 66560
#define SEED "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
#define FIRST "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"
#define SECOND "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"
#define LAST "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"

#define TRAILER_SEED "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"
#define TRAILER_FIRST "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2"
#define TRAILER_SECOND "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7"
#define TRAILER_LAST "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992"
#define TRAILER_SIGNATURE "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435"

static const Claim claim = {.date = "20130524", .region = "us-east-1", .service = "s3"};

static S3Signature signature_of(S3Payload payload, const char *seed)
{
    S3Signature signature = {.payload = payload,
                             .seed = seed,
                             .timestamp = "20130524T000000Z",
                             .scope = "20130524/us-east-1/s3/aws4_request"};
    sigv4_derive_key("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", &claim, signature.key);
    return signature;
}

static void add_chunk(Buffer *out, size_t size, const char *signature)
{
    g_autofree char *head = signature
                                ? g_strdup_printf("%zx;chunk-signature=%s\r\n", size, signature)
                                : g_strdup_printf("%zx\r\n", size);
    buffer_add_text(out, head);
    if (size > 0) {
        memset(buffer_reserve(out, size), 'a', size);
        out->size += size;
        buffer_add_text(out, "\r\n");
    }
}

/* The published body. */
static void add_published(Buffer *out)
{
    add_chunk(out, 65536, FIRST);
    add_chunk(out, 1024, SECOND);
    add_chunk(out, 0, LAST);
    buffer_add_text(out, "\r\n");
}

static void add_published_trailer(Buffer *out)
{
    add_chunk(out, 65536, TRAILER_FIRST);
    add_chunk(out, 1024, TRAILER_SECOND);
    add_chunk(out, 0, TRAILER_LAST);
    buffer_add_text(out, "x-amz-checksum-crc32c:sOO8/Q==\r\n"
                         "x-amz-trailer-signature:" TRAILER_SIGNATURE "\r\n\r\n");
}

static void collect(void *data, const char *bytes, size_t size)
{
    buffer_add(data, bytes, size);
}

/* The body in two pieces, and what came out of it. */
static bool decode(const S3Signature *signature, int64_t length, const Buffer *body, size_t split,
                   Buffer *out, GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(ChunkDecoder) decoder = chunk_decoder_new(arena, signature, length, collect, out);
    return chunk_decoder_feed(decoder, body->data, split, error) &&
           chunk_decoder_feed(decoder, body->data + split, body->size - split, error) &&
           chunk_decoder_finish(decoder, error);
}

static void assert_decodes(const S3Signature *signature, int64_t length, const Buffer *body)
{
    g_autoptr(GError) error = NULL;
    g_auto(Buffer) out = {0};
    decode(signature, length, body, body->size / 2, &out, &error);
    assert_no_error(error);
}

static void assert_refuses(const S3Signature *signature, int64_t length, const Buffer *body,
                           Fault fault)
{
    for (size_t split = 0; split < 2; split++) {
        g_autoptr(GError) error = NULL;
        g_auto(Buffer) out = {0};
        assert_false(decode(signature, length, body, split * body->size / 2, &out, &error));
        assert_non_null(error);
        assert_string_equal(fault_code((Fault)error->code), fault_code(fault));
        assert_true(fault_is(error, fault));
    }
}

static void assert_refuses_text(S3Payload payload, int64_t length, const char *text, Fault fault)
{
    const S3Signature signature = signature_of(payload, SEED);
    g_auto(Buffer) body = {0};
    buffer_add_text(&body, text);
    assert_refuses(&signature, length, &body, fault);
}

/* At every split point of the lines, and some within the data. */
static void assert_decodes_in_pieces(const S3Signature *signature, const Buffer *body)
{
    for (size_t split = 0; split <= body->size; split++) {
        if (split == 200)
            split = 65500;
        if (split == 65800)
            split = 66600;
        g_autoptr(GError) error = NULL;
        g_auto(Buffer) out = {0};
        decode(signature, TOTAL, body, split, &out, &error);
        assert_no_error(error);
        assert_int_equal(out.size, TOTAL);
        assert_true(strspn(buffer_text(&out), "a") == TOTAL);
    }
}

static void published_body_is_decoded(void **state)
{
    const S3Signature signature = signature_of(S3_PAYLOAD_STREAMING, SEED);
    g_auto(Buffer) body = {0};
    add_published(&body);
    assert_int_equal(body.size, 66824); /* the published Content-Length */
    assert_decodes_in_pieces(&signature, &body);
    assert_decodes(&signature, -1, &body);
}

static void published_trailer_is_decoded(void **state)
{
    const S3Signature signature = signature_of(S3_PAYLOAD_STREAMING_TRAILER, TRAILER_SEED);
    g_auto(Buffer) body = {0};
    add_published_trailer(&body);
    assert_decodes_in_pieces(&signature, &body);

    g_autoptr(Arena) arena = arena_new();
    g_auto(Buffer) out = {0};
    g_autoptr(ChunkDecoder) decoder = chunk_decoder_new(arena, &signature, TOTAL, collect, &out);
    for (size_t i = 0; i < body.size; i++)
        assert_true(chunk_decoder_feed(decoder, body.data + i, 1, NULL));
    assert_true(chunk_decoder_finish(decoder, NULL));
    assert_int_equal(chunk_decoder_trailer(decoder)->n, 1);
    assert_string_equal(params_get(chunk_decoder_trailer(decoder), "x-amz-checksum-crc32c"),
                        "sOO8/Q==");
}

static void changed_bytes_are_refused(void **state)
{
    static const size_t changed[] = {30, 1000, 65700, 66000, 66790};
    const S3Signature signature = signature_of(S3_PAYLOAD_STREAMING, SEED);
    for (size_t i = 0; i < G_N_ELEMENTS(changed); i++) {
        g_auto(Buffer) body = {0};
        add_published(&body);
        body.data[changed[i]] ^= 1;
        assert_refuses(&signature, TOTAL, &body, FAULT_SIGNATURE_DOES_NOT_MATCH);
    }
    const S3Signature other = signature_of(S3_PAYLOAD_STREAMING, TRAILER_SEED);
    g_auto(Buffer) body = {0};
    add_published(&body);
    assert_refuses(&other, TOTAL, &body, FAULT_SIGNATURE_DOES_NOT_MATCH);
}

static void changed_trailer_is_refused(void **state)
{
    const S3Signature signature = signature_of(S3_PAYLOAD_STREAMING_TRAILER, TRAILER_SEED);
    g_auto(Buffer) body = {0};
    add_published_trailer(&body);
    char *value = memmem(body.data, body.size, "sOO8", 4);
    *value = 'S';
    assert_refuses(&signature, TOTAL, &body, FAULT_SIGNATURE_DOES_NOT_MATCH);
    *value = 's';
    char *name = memmem(body.data, body.size, "x-amz-trailer-", 14);
    *name = 'y';
    assert_refuses(&signature, TOTAL, &body, FAULT_MALFORMED_TRAILER);
}

static void cut_body_is_refused_wherever_it_ends(void **state)
{
    const S3Signature signature = signature_of(S3_PAYLOAD_STREAMING, SEED);
    g_auto(Buffer) body = {0};
    add_published(&body);
    while (body.size > 66500) {
        body.size--;
        assert_refuses(&signature, TOTAL, &body, FAULT_INCOMPLETE_BODY);
    }
}

static void bytes_behind_the_end_are_refused(void **state)
{
    assert_refuses_text(S3_PAYLOAD_UNSIGNED_TRAILER, 1, "1\r\na\r\n0\r\n\r\nx",
                        FAULT_INCOMPLETE_BODY);
}

static void unsigned_body_is_decoded_at_every_split(void **state)
{
    const S3Signature signature = {.payload = S3_PAYLOAD_UNSIGNED_TRAILER};
    g_auto(Buffer) body = {0};
    add_chunk(&body, 8192, NULL);
    buffer_add_text(&body, "0E\r\nhello\r\n\r\n0\r\n\r\n\r\n0\r\n"
                           "X-Amz-Checksum-CRC32: AAAAAA==\r\nother:\r\n\r\n");
    for (size_t split = 0; split <= body.size; split++) {
        g_autoptr(GError) error = NULL;
        g_auto(Buffer) out = {0};
        decode(&signature, 8206, &body, split, &out, &error);
        assert_no_error(error);
        assert_int_equal(out.size, 8206);
        assert_memory_equal(out.data + 8192, "hello\r\n\r\n0\r\n\r\n", 14);
    }
}

static void trailer_names_are_lower_case(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    g_auto(Buffer) out = {0};
    const S3Signature signature = {.payload = S3_PAYLOAD_UNSIGNED_TRAILER};
    g_autoptr(ChunkDecoder) decoder = chunk_decoder_new(arena, &signature, 0, collect, &out);
    const char text[] = "0\r\nX-Amz-Checksum-CRC32 :  AAAAAA== \r\n\r\n";
    assert_true(chunk_decoder_feed(decoder, text, strlen(text), NULL));
    assert_true(chunk_decoder_finish(decoder, NULL));
    assert_string_equal(params_get(chunk_decoder_trailer(decoder), "x-amz-checksum-crc32"),
                        "AAAAAA==");
}

static void length_must_be_as_said(void **state)
{
    const char *text = "5\r\nhello\r\n0\r\n\r\n";
    assert_refuses_text(S3_PAYLOAD_UNSIGNED_TRAILER, 4, text, FAULT_INCOMPLETE_BODY);
    assert_refuses_text(S3_PAYLOAD_UNSIGNED_TRAILER, 6, text, FAULT_INCOMPLETE_BODY);
}

/* Of a chunk that is one 'a', the first of its body. */
static void sign_small_chunk(const S3Signature *signature, char hex[2 * SHA256_SIZE + 1])
{
    char empty[2 * SHA256_SIZE + 1], letter[2 * SHA256_SIZE + 1];
    uint8_t hash[SHA256_SIZE];
    digest(DIGEST_SHA256, "", 0, hash);
    hex_encode(hash, sizeof(hash), empty);
    digest(DIGEST_SHA256, "a", 1, hash);
    hex_encode(hash, sizeof(hash), letter);
    g_autofree char *text =
        g_strdup_printf("AWS4-HMAC-SHA256-PAYLOAD\n%s\n%s\n%s\n%s\n%s", signature->timestamp,
                        signature->scope, signature->seed, empty, letter);
    digest_hmac(DIGEST_SHA256, signature->key, SHA256_SIZE, text, strlen(text), hash);
    hex_encode(hash, sizeof(hash), hex);
}

static void only_the_last_signed_chunk_may_be_small(void **state)
{
    S3Signature signature = signature_of(S3_PAYLOAD_STREAMING, FIRST);
    char small[2 * SHA256_SIZE + 1];
    sign_small_chunk(&signature, small);
    g_auto(Buffer) body = {0};
    add_chunk(&body, 1, small);
    add_chunk(&body, 1, SECOND);
    assert_refuses(&signature, 2, &body, FAULT_INVALID_CHUNK_SIZE);
}

static void unsigned_chunks_have_any_size(void **state)
{
    const S3Signature signature = signature_of(S3_PAYLOAD_UNSIGNED_TRAILER, NULL);
    g_auto(Buffer) body = {0};
    for (size_t size = 3; size > 0; size--)
        add_chunk(&body, size, NULL);
    add_chunk(&body, 0, NULL);
    buffer_add_text(&body, "\r\n");
    assert_decodes(&signature, 6, &body);
}

static void broken_frames_are_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "\r\n",
        "x\r\n",
        "-1\r\na\r\n",
        "1 \n",
        "1\na\n0\n\n",
        "1\r\nab\r\n0\r\n\r\n",
        "1\r\na0\r\n\r\n",
        "0\r\n",
        "1000000000000000\r\n",
        "ffffffffffffffffffffffffff\r\n",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
        assert_refuses_text(S3_PAYLOAD_UNSIGNED_TRAILER, -1, texts[i], FAULT_INCOMPLETE_BODY);
    assert_refuses_text(S3_PAYLOAD_STREAMING, 0, "0\r\n\r\n", FAULT_INCOMPLETE_BODY);
    assert_refuses_text(S3_PAYLOAD_STREAMING, 0, "0;chunk-signature=ab\r\n\r\n",
                        FAULT_INCOMPLETE_BODY);
    assert_refuses_text(S3_PAYLOAD_UNSIGNED_TRAILER, 0, "0\r\nno colon\r\n\r\n",
                        FAULT_MALFORMED_TRAILER);
}

static void lines_are_bounded(void **state)
{
    const S3Signature signature = {.payload = S3_PAYLOAD_UNSIGNED_TRAILER};
    g_auto(Buffer) body = {0};
    buffer_add_text(&body, "0;");
    for (int i = 0; i < 2000; i++)
        buffer_add_char(&body, 'x');
    assert_refuses(&signature, 0, &body, FAULT_INCOMPLETE_BODY);

    static const char *const fields[] = {"x-amz-trailer-signature:0\r\n", "a:b\r\n"};
    for (size_t field = 0; field < G_N_ELEMENTS(fields); field++) {
        g_auto(Buffer) trailer = {0};
        buffer_add_text(&trailer, "0\r\n");
        for (int i = 0; i < 20; i++)
            buffer_add_text(&trailer, fields[field]);
        assert_refuses(&signature, 0, &trailer, FAULT_MALFORMED_TRAILER);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_body_is_decoded),
        cmocka_unit_test(published_trailer_is_decoded),
        cmocka_unit_test(changed_bytes_are_refused),
        cmocka_unit_test(changed_trailer_is_refused),
        cmocka_unit_test(cut_body_is_refused_wherever_it_ends),
        cmocka_unit_test(bytes_behind_the_end_are_refused),
        cmocka_unit_test(unsigned_body_is_decoded_at_every_split),
        cmocka_unit_test(trailer_names_are_lower_case),
        cmocka_unit_test(length_must_be_as_said),
        cmocka_unit_test(only_the_last_signed_chunk_may_be_small),
        cmocka_unit_test(unsigned_chunks_have_any_size),
        cmocka_unit_test(broken_frames_are_refused),
        cmocka_unit_test(lines_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
