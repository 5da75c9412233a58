/* base/cidr.h: what is a block, and its one form. */
#include "base/cidr.h"

#include "tests/unit/unit.h"

static const char *const bad[] = {
    "",
    "1.2.3.4",
    "1.2.3.4/",
    "1.2.3.4/33",
    "1.2.3/8",
    "1.2.3.4/08",
    "1.2.3.4/+8",
    "1.2.3.4/-1",
    "1.2.3.4/8 ",
    " 1.2.3.4/8",
    "256.1.1.1/8",
    "::/0",
    "01.2.3.4/8",
    "/8",
    "1.2.3.4//8",
    "1.2.3.4/8/8",
    "1111111111111111111111111111111111111111111111111111/8",
};

static void blocks_have_one_form(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    assert_string_equal(cidr_canonical(arena, "0.0.0.0/0"), "0.0.0.0/0");
    assert_string_equal(cidr_canonical(arena, "192.168.77.129/25"), "192.168.77.128/25");
    assert_string_equal(cidr_canonical(arena, "1.2.3.4/32"), "1.2.3.4/32");
    assert_string_equal(cidr_canonical6(arena, "2001:DB8::1/32"), "2001:db8::/32");
    assert_string_equal(cidr_canonical6(arena, "0:0:0:0:0:0:0:0/0"), "::/0");
    assert_string_equal(cidr_canonical6(arena, "2001:db8::ff/127"), "2001:db8::fe/127");
}

static void what_is_no_block_is_refused(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    uint32_t network = 1, mask = 2;
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        if (cidr_canonical(arena, bad[i]) || cidr_parse(bad[i], &network, &mask))
            fail_msg("'%s' was taken", bad[i]);
    }
    assert_int_equal(network, 1);
    assert_int_equal(mask, 2);
    assert_null(cidr_canonical6(arena, "10.0.0.0/8"));
    assert_null(cidr_canonical6(arena, "::/129"));
}

static void blocks_are_numbers_too(void **state)
{
    static const struct {
        const char *text;
        uint32_t network, mask;
    } rows[] = {
        {"10.1.2.3/8", 0x0a000000, 0xff000000},
        {"172.31.0.0/20", 0xac1f0000, 0xfffff000},
        {"255.255.255.255/0", 0, 0},
        {"1.2.3.4/32", 0x01020304, 0xffffffff},
        {"1.2.3.5/31", 0x01020304, 0xfffffffe},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        uint32_t network, mask;
        assert_true(cidr_parse(rows[i].text, &network, &mask));
        assert_int_equal(network, rows[i].network);
        assert_int_equal(mask, rows[i].mask);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_have_one_form),
        cmocka_unit_test(what_is_no_block_is_refused),
        cmocka_unit_test(blocks_are_numbers_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
