/* Checksums: known answers, the two ways of computing a CRC, combining, texts. */
#include "tests/unit/unit.h"

#include "base/digest.h"
#include "imagestore/checksum_crc.h"
#include <stdlib.h>
#include <zlib.h>

#define DATA_SIZE 5000

static uint8_t *some_data(void)
{
    uint8_t *data = g_malloc(DATA_SIZE);
    for (size_t i = 0; i < DATA_SIZE; i++)
        data[i] = (uint8_t)(i * 131 + i / 256 * 7);
    return data;
}

/* In hexadecimal. */
static void assert_checksum(ChecksumKind kind, const char *text, const char *expected)
{
    uint8_t value[CHECKSUM_MAX_SIZE];
    char hex[2 * CHECKSUM_MAX_SIZE + 1];
    g_autoptr(Checksum) checksum = checksum_new(kind);
    checksum_add(checksum, text, strlen(text));
    checksum_end(checksum, value);
    hex_encode(value, checksum_size(kind), hex);
    assert_string_equal(hex, expected);
}

static void known_answers(void **state)
{
    const char *digits = "123456789";
    assert_checksum(CHECKSUM_CRC32, digits, "cbf43926");
    assert_checksum(CHECKSUM_CRC32C, digits, "e3069283");
    assert_checksum(CHECKSUM_CRC64NVME, digits, "ae8b14860a799888");
    assert_checksum(CHECKSUM_SHA1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d");
    assert_checksum(CHECKSUM_SHA256, "abc",
                    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_checksum(CHECKSUM_CRC32, "", "00000000");
    assert_checksum(CHECKSUM_CRC64NVME, "", "0000000000000000");
}

static void every_length_gives_the_same_by_folding_and_by_tables(void **state)
{
    g_autofree uint8_t *data = some_data();
    for (unsigned kind = 0; kind <= CHECKSUM_CRC64NVME; kind++) {
        for (size_t size = 0; size < 700; size++)
            assert_int_equal(crc_add(kind, 0, data + size % 17, size),
                             crc_add_by_tables(kind, 0, data + size % 17, size));
    }
    assert_int_equal(crc_add(CHECKSUM_CRC32, 0, data, DATA_SIZE), crc32(0, data, DATA_SIZE));
}

static void pieces_give_what_the_whole_gives(void **state)
{
    g_autofree uint8_t *data = some_data();
    for (unsigned kind = 0; kind < CHECKSUM_KINDS; kind++) {
        uint8_t whole[CHECKSUM_MAX_SIZE], pieces[CHECKSUM_MAX_SIZE];
        g_autoptr(Checksum) one = checksum_new(kind);
        g_autoptr(Checksum) many = checksum_new(kind);
        checksum_add(one, data, DATA_SIZE);
        checksum_add(many, NULL, 0);
        for (size_t done = 0, n; done < DATA_SIZE; done += n) {
            n = MIN(DATA_SIZE - done, done % 301 + 1);
            checksum_add(many, data + done, n);
        }
        checksum_end(one, whole);
        checksum_end(many, pieces);
        assert_memory_equal(whole, pieces, checksum_size(kind));
    }
}

static void combining_gives_what_the_whole_gives(void **state)
{
    g_autofree uint8_t *data = some_data();
    for (unsigned kind = 0; kind <= CHECKSUM_CRC64NVME; kind++) {
        uint64_t whole = crc_add(kind, 0, data, DATA_SIZE);
        for (size_t a = 0; a <= DATA_SIZE; a += 625)
            assert_int_equal(crc_combine(kind, crc_add(kind, 0, data, a),
                                         crc_add(kind, 0, data + a, DATA_SIZE - a), DATA_SIZE - a),
                             whole);
    }
    uint64_t zeros = crc32_combine64(0x12345678, 0x9abcdef0, INT64_C(5) << 30);
    assert_int_equal(crc_combine(CHECKSUM_CRC32, 0x12345678, 0x9abcdef0, UINT64_C(5) << 30), zeros);
}

static void combine_may_write_over_its_input(void **state)
{
    uint8_t a[4] = {0xcb, 0xf4, 0x39, 0x26}, nothing[4] = {0};
    checksum_combine(CHECKSUM_CRC32, a, nothing, 0, a);
    assert_memory_equal(a, ((uint8_t[]){0xcb, 0xf4, 0x39, 0x26}), 4);
}

static void names_are_read_in_any_case(void **state)
{
    ChecksumKind kind;
    for (unsigned i = 0; i < CHECKSUM_KINDS; i++) {
        g_autofree char *lower = g_ascii_strdown(checksum_name(i), -1);
        assert_true(checksum_parse(lower, &kind));
        assert_int_equal(kind, i);
    }
    assert_false(checksum_parse("MD5", &kind));
    assert_false(checksum_parse("", &kind));
}

static void text_goes_there_and_back(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    uint8_t value[] = {0xcb, 0xf4, 0x39, 0x26}, read[CHECKSUM_MAX_SIZE];
    assert_string_equal(checksum_text(arena, CHECKSUM_CRC32, value), "y/Q5Jg==");
    assert_true(checksum_read(CHECKSUM_CRC32, "y/Q5Jg==", read));
    assert_memory_equal(read, value, 4);
}

static void text_that_is_no_value_is_refused(void **state)
{
    uint8_t value[CHECKSUM_MAX_SIZE];
    assert_false(checksum_read(CHECKSUM_CRC32, "", value));
    assert_false(checksum_read(CHECKSUM_CRC32, "y/Q5", value));
    assert_false(checksum_read(CHECKSUM_CRC32, "y/Q5JgAA", value));
    assert_false(checksum_read(CHECKSUM_CRC32, "y/Q5J===", value));
    assert_false(checksum_read(CHECKSUM_CRC32, " y/Q5Jg==", value));
    assert_false(checksum_read(CHECKSUM_CRC64NVME, "y/Q5Jg==", value));
    assert_false(checksum_read(CHECKSUM_SHA1, "y/Q5Jg==", value));
}

static void claim_goes_there_and_back(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    const char *const texts[] = {"CRC32 y/Q5Jg== FULL_OBJECT", "SHA256 - COMPOSITE",
                                 "CRC32C AAAAAA==-3 COMPOSITE"};
    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++) {
        ChecksumClaim claim = checksum_claim(arena, texts[i]);
        assert_string_equal(checksum_record(arena, &claim), texts[i]);
    }
    ChecksumClaim unknown = checksum_claim(arena, "SHA1 COMPOSITE");
    assert_int_equal(unknown.kind, CHECKSUM_SHA1);
    assert_true(unknown.composite);
    assert_null(unknown.value);
}

static void no_claim_is_none(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    ChecksumClaim claim = checksum_claim(arena, NULL);
    assert_int_equal(claim.kind, CHECKSUM_NONE);
    assert_null(checksum_record(arena, &claim));
    assert_int_equal(checksum_claim(arena, "MD5 x FULL_OBJECT").kind, CHECKSUM_NONE);
    assert_int_equal(checksum_claim(arena, "").kind, CHECKSUM_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(every_length_gives_the_same_by_folding_and_by_tables),
        cmocka_unit_test(pieces_give_what_the_whole_gives),
        cmocka_unit_test(combining_gives_what_the_whole_gives),
        cmocka_unit_test(combine_may_write_over_its_input),
        cmocka_unit_test(names_are_read_in_any_case),
        cmocka_unit_test(text_goes_there_and_back),
        cmocka_unit_test(text_that_is_no_value_is_refused),
        cmocka_unit_test(claim_goes_there_and_back),
        cmocka_unit_test(no_claim_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
