/* cloud/names.h: where load balancers are for guests. */
#include "tests/unit/unit.h"
#include "cloud/names.h"

static void assert_block(const char *pool, const char *vpc, const char *wanted)
{
    g_autoptr(Arena) arena = arena_new();
    const char *block = names_inside_block(arena, pool, vpc);
    if (wanted)
        assert_string_equal(block, wanted);
    else
        assert_null(block);
}

static void a_pool_has_a_block_of_its_size_inside(void **state)
{
    assert_block("127.77.0.0/16", "172.31.0.0/16", "100.77.0.0/16");
    assert_block("192.168.7.64/26", "172.31.0.0/16", "100.104.7.64/26");
    assert_block("127.64.0.0/10", "172.31.0.0/16", "100.64.0.0/10");
}

static void a_vpc_that_has_some_of_it_goes_without(void **state)
{
    assert_block("127.77.0.0/16", "100.77.0.0/16", NULL);
    assert_block("127.77.0.0/16", "100.77.5.0/24", NULL);
    assert_block("127.77.0.0/16", "100.64.0.0/10", NULL);
    assert_block("127.77.0.0/16", "100.78.0.0/16", "100.77.0.0/16");
    assert_block("nonsense", "100.78.0.0/16", NULL);
}

static void each_public_address_has_one_inside(void **state)
{
    assert_int_equal(name_inside_address(0x7f4d0005), 0x644d0005); /* 127.77.0.5, 100.77.0.5 */
    assert_int_equal(name_inside_address(0xc0a80740), 0x64680740);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pool_has_a_block_of_its_size_inside),
        cmocka_unit_test(a_vpc_that_has_some_of_it_goes_without),
        cmocka_unit_test(each_public_address_has_one_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
