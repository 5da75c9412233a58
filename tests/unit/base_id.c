/* base/id.h: AWS's forms, and what is none. */
#include "tests/unit/unit.h"
#include "base/id.h"

#include <string.h>

static void new_id_is_valid_under_its_prefix_only(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    const char *id = id_new(arena, "i");
    assert_int_equal(strlen(id), 19);
    assert_true(id_is_valid(id, "i"));
    assert_false(id_is_valid(id, "vol"));
}

static void new_ids_differ(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    assert_string_not_equal(id_new(arena, "i"), id_new(arena, "i"));
}

static void short_ids_of_old_are_valid(void **state)
{
    assert_true(id_is_valid("ami-0123abcd", "ami"));
}

static void malformed_ids_are_invalid(void **state)
{
    static const char *const ids[] = {"",           "i",           "i-",          "i-0123abc",
                                      "i-0123ABCD", "i_0123abcd",  "i-0123abcdg", "i-0123abcd0",
                                      "0123abcd",   "i-0123abcd\n"};
    for (size_t i = 0; i < G_N_ELEMENTS(ids); i++)
        assert_false(id_is_valid(ids[i], "i"));
    assert_false(id_is_valid(NULL, "i"));
}

static void uuid_is_a_random_one_in_lower_case(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    for (int i = 0; i < 100; i++) {
        const char *uuid = id_new_uuid(arena);
        assert_true(g_uuid_string_is_valid(uuid));
        assert_int_equal(uuid[14], '4');
        assert_non_null(strchr("89ab", uuid[19]));
        assert_int_equal(strcspn(uuid, "ABCDEF"), 36);
    }
}

static void base32_has_its_length_and_alphabet(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    const char *text = id_new_base32(arena, 16);
    assert_int_equal(strlen(text), 16);
    assert_int_equal(strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"), 16);
    assert_string_equal(id_new_base32(arena, 0), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_id_is_valid_under_its_prefix_only),
        cmocka_unit_test(new_ids_differ),
        cmocka_unit_test(short_ids_of_old_are_valid),
        cmocka_unit_test(malformed_ids_are_invalid),
        cmocka_unit_test(uuid_is_a_random_one_in_lower_case),
        cmocka_unit_test(base32_has_its_length_and_alphabet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
