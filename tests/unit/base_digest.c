/* base/digest.h: published test vectors, and what strict base64 refuses. */
#include "tests/unit/unit.h"
#include "base/digest.h"

#include <string.h>

static void assert_digest(DigestKind kind, const char *text, const char *expected)
{
    uint8_t out[SHA256_SIZE];
    char hex[2 * SHA256_SIZE + 1];
    digest(kind, text, strlen(text), out);
    hex_encode(out, digest_size(kind), hex);
    assert_string_equal(hex, expected);
}

static void assert_hmac(DigestKind kind, const void *key, size_t key_size, const char *text,
                        const char *expected)
{
    uint8_t out[SHA256_SIZE];
    char hex[2 * SHA256_SIZE + 1];
    digest_hmac(kind, key, key_size, text, strlen(text), out);
    hex_encode(out, digest_size(kind), hex);
    assert_string_equal(hex, expected);
}

static void digests_match_their_vectors(void **state)
{
    assert_digest(DIGEST_MD5, "", "d41d8cd98f00b204e9800998ecf8427e");
    assert_digest(DIGEST_MD5, "abc", "900150983cd24fb0d6963f7d28e17f72");
    assert_digest(DIGEST_SHA1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d");
    assert_digest(DIGEST_SHA256, "",
                  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_digest(DIGEST_SHA256, "abc",
                  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

/* RFC 2202 and RFC 4231, case 2. */
static void hmacs_match_their_vectors(void **state)
{
    const char *text = "what do ya want for nothing?";
    assert_hmac(DIGEST_MD5, "Jefe", 4, text, "750c783e6ab0b503eaa86e310a5db738");
    assert_hmac(DIGEST_SHA1, "Jefe", 4, text, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
    assert_hmac(DIGEST_SHA256, "Jefe", 4, text,
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

/* RFC 4231, case 6. */
static void long_hmac_key_is_digested_first(void **state)
{
    uint8_t key[131];
    memset(key, 0xaa, sizeof(key));
    assert_hmac(DIGEST_SHA256, key, sizeof(key),
                "Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void empty_hmac_has_a_value(void **state)
{
    assert_hmac(DIGEST_SHA256, NULL, 0, "",
                "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void *digest_many_times(void *unused)
{
    for (int i = 0; i < 1000; i++)
        hmacs_match_their_vectors(NULL);
    return NULL;
}

static void threads_do_not_disturb_each_other(void **state)
{
    GThread *threads[4];
    for (int i = 0; i < 4; i++)
        threads[i] = g_thread_new("digest", digest_many_times, NULL);
    for (int i = 0; i < 4; i++)
        g_thread_join(threads[i]);
}

static void equal_strings_are_equal(void **state)
{
    assert_true(constant_time_equal("secret", "secret"));
    assert_true(constant_time_equal("", ""));
    assert_false(constant_time_equal("secret", "secreT"));
    assert_false(constant_time_equal("secret", "secre"));
}

static void null_equals_nothing(void **state)
{
    assert_false(constant_time_equal(NULL, NULL));
    assert_false(constant_time_equal("a", NULL));
    assert_false(constant_time_equal(NULL, "a"));
}

static void assert_decodes(const char *text, const char *expected, size_t n)
{
    g_autofree uint8_t *data = NULL;
    size_t size = 0;
    assert_true(base64_decode(text, strlen(text), &data, &size));
    assert_int_equal(size, n);
    assert_memory_equal(data, expected, n);
}

static void base64_is_decoded(void **state)
{
    assert_decodes("", "", 0);
    assert_decodes("Zg==", "f", 1);
    assert_decodes("Zm8=", "fo", 2);
    assert_decodes("Zm9v", "foo", 3);
    assert_decodes("+/8A", "\xfb\xff\x00", 3);
    assert_decodes(" Zm9v\r\nYmE=\n", "fooba", 5);
}

static void odd_base64_is_refused(void **state)
{
    static const char *const texts[] = {"Z",    "Zg",    "Zg=",      "Zg===",    "=",   "====",
                                        "Z===", "Zm9v=", "Zg==Zg==", "Zh==",     "Zm9", "Z-9v",
                                        "Zm9_", "Zm9v!", "Zg=v",     "Zm9vZg==="};
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        uint8_t *data = NULL;
        size_t size = 42;
        assert_false(base64_decode(texts[i], strlen(texts[i]), &data, &size));
        assert_null(data);
        assert_int_equal(size, 42);
    }
}

static void base64_decodes_what_glib_encodes(void **state)
{
    uint8_t random[100];
    random_bytes(random, sizeof(random));
    for (size_t n = 0; n < sizeof(random); n++) {
        g_autofree char *text = g_base64_encode(random, n);
        assert_decodes(text, (const char *)random, n);
    }
}

static void random_bytes_differ(void **state)
{
    uint8_t a[32], b[32];
    random_bytes(a, sizeof(a));
    random_bytes(b, sizeof(b));
    assert_memory_not_equal(a, b, sizeof(a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_match_their_vectors),
        cmocka_unit_test(hmacs_match_their_vectors),
        cmocka_unit_test(long_hmac_key_is_digested_first),
        cmocka_unit_test(empty_hmac_has_a_value),
        cmocka_unit_test(threads_do_not_disturb_each_other),
        cmocka_unit_test(equal_strings_are_equal),
        cmocka_unit_test(null_equals_nothing),
        cmocka_unit_test(base64_is_decoded),
        cmocka_unit_test(odd_base64_is_refused),
        cmocka_unit_test(base64_decodes_what_glib_encodes),
        cmocka_unit_test(random_bytes_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
