/* MD5 in lanes gives what OpenSSL's gives, however the streams come. */
#include "tests/unit/unit.h"

#include "base/digest.h"
#include "imagestore/md5_lanes.h"

#define DATA_SIZE 20000
#define STREAMS_MOST 20

static uint8_t *some_data(void)
{
    uint8_t *data = g_malloc(DATA_SIZE);
    for (size_t i = 0; i < DATA_SIZE; i++)
        data[i] = (uint8_t)(i * 197 + i / 256 * 11);
    return data;
}

static void assert_md5(const Md5 *md5, const void *data, size_t size)
{
    uint8_t ours[16], theirs[16];
    md5_end(md5, ours);
    digest(DIGEST_MD5, data, size, theirs);
    assert_memory_equal(ours, theirs, 16);
}

static void known_answers(void **state)
{
    const char *const answers[][2] = {
        {"", "d41d8cd98f00b204e9800998ecf8427e"},
        {"abc", "900150983cd24fb0d6963f7d28e17f72"},
        {"12345678901234567890123456789012345678901234567890123456789012345678901234567890",
         "57edf4a22be3c955ac49da2e2107b67a"},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(answers); i++) {
        Md5 md5;
        uint8_t out[16];
        char hex[33];
        md5_init(&md5);
        md5_add(&(Md5Feed){&md5, (const uint8_t *)answers[i][0], strlen(answers[i][0])}, 1);
        md5_end(&md5, out);
        hex_encode(out, 16, hex);
        assert_string_equal(hex, answers[i][1]);
    }
}

static void every_length_around_blocks_is_right(void **state)
{
    g_autofree uint8_t *data = some_data();
    for (size_t size = 0; size < 200; size++) {
        Md5 md5;
        md5_init(&md5);
        md5_add(&(Md5Feed){&md5, data, size}, 1);
        assert_md5(&md5, data, size);
    }
}

static void any_number_of_streams_of_any_length_are_right(void **state)
{
    g_autofree uint8_t *data = some_data();
    for (size_t n = 0; n <= STREAMS_MOST; n++) {
        Md5 md5s[STREAMS_MOST];
        Md5Feed feeds[STREAMS_MOST];
        for (size_t i = 0; i < n; i++) {
            md5_init(&md5s[i]);
            feeds[i] = (Md5Feed){&md5s[i], data + i, i * i * 37 % (DATA_SIZE - 100)};
        }
        md5_add(feeds, n);
        for (size_t i = 0; i < n; i++)
            assert_md5(&md5s[i], data + i, i * i * 37 % (DATA_SIZE - 100));
    }
}

/* Each stream comes in pieces of another size, so that lanes begin and end at different times. */
static void pieces_are_right(void **state)
{
    g_autofree uint8_t *data = some_data();
    Md5 md5s[MD5_LANES];
    size_t done[MD5_LANES] = {0};
    for (unsigned i = 0; i < MD5_LANES; i++)
        md5_init(&md5s[i]);
    for (unsigned round = 0; round < 40; round++) {
        Md5Feed feeds[MD5_LANES];
        for (unsigned i = 0; i < MD5_LANES; i++) {
            size_t size = (round * 61 + i * 129) % 450;
            feeds[i] = (Md5Feed){&md5s[i], data + done[i], size};
            done[i] += size;
        }
        md5_add(feeds, MD5_LANES);
    }
    for (unsigned i = 0; i < MD5_LANES; i++)
        assert_md5(&md5s[i], data, done[i]);
}

static void ending_leaves_it_as_it_was(void **state)
{
    uint8_t out[16];
    Md5 md5;
    md5_init(&md5);
    md5_add(&(Md5Feed){&md5, (const uint8_t *)"ab", 2}, 1);
    md5_end(&md5, out);
    md5_add(&(Md5Feed){&md5, (const uint8_t *)"c", 1}, 1);
    assert_md5(&md5, "abc", 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(every_length_around_blocks_is_right),
        cmocka_unit_test(any_number_of_streams_of_any_length_are_right),
        cmocka_unit_test(pieces_are_right),
        cmocka_unit_test(ending_leaves_it_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
