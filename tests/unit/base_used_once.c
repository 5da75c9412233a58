/* base/used_once.h: once, for as long as it says, and no more words than it may. */
#include "tests/unit/unit.h"

#include "base/clock.h"
#include "base/used_once.h"

#define NOW (INT64_C(1700000000) * CLOCK_SECOND)

static void a_word_is_used_once(void **state)
{
    UsedOnce *used = used_once_new(10);
    assert_int_equal(used_once_take(used, "a", NOW, NOW + CLOCK_SECOND), USED_ONCE_FRESH);
    assert_int_equal(used_once_take(used, "a", NOW, NOW + CLOCK_SECOND), USED_ONCE_AGAIN);
    assert_int_equal(used_once_take(used, "b", NOW, NOW + CLOCK_SECOND), USED_ONCE_FRESH);
    used_once_free(used);
}

static void a_word_is_remembered_through_its_end(void **state)
{
    UsedOnce *used = used_once_new(10);
    int64_t end = NOW + CLOCK_SECOND / 2;
    assert_int_equal(used_once_take(used, "a", NOW, end), USED_ONCE_FRESH);
    assert_int_equal(used_once_take(used, "a", end, end), USED_ONCE_AGAIN);
    /* Though what is past was not swept yet. */
    assert_int_equal(used_once_take(used, "a", end + 1, end + 10), USED_ONCE_FRESH);
    assert_int_equal(used_once_take(used, "a", end + 10, end + 10), USED_ONCE_AGAIN);
    used_once_free(used);
}

static void a_full_table_believes_nobody_until_something_is_past(void **state)
{
    UsedOnce *used = used_once_new(2);
    assert_int_equal(used_once_take(used, "a", NOW, NOW + CLOCK_SECOND), USED_ONCE_FRESH);
    assert_int_equal(used_once_take(used, "b", NOW, NOW + 3 * CLOCK_SECOND), USED_ONCE_FRESH);
    assert_int_equal(used_once_take(used, "c", NOW, NOW + CLOCK_SECOND), USED_ONCE_FULL);
    int64_t later = NOW + 2 * CLOCK_SECOND;
    assert_int_equal(used_once_take(used, "c", later, later), USED_ONCE_FRESH);
    assert_int_equal(used_once_take(used, "b", later, later), USED_ONCE_AGAIN);
    assert_int_equal(used_once_take(used, "d", later, later), USED_ONCE_FULL);
    used_once_free(used);
}

static void a_clock_that_is_set_back_forgets_nothing(void **state)
{
    UsedOnce *used = used_once_new(10);
    assert_int_equal(used_once_take(used, "a", NOW, NOW + CLOCK_SECOND), USED_ONCE_FRESH);
    assert_int_equal(used_once_take(used, "a", NOW - 60 * CLOCK_SECOND, NOW), USED_ONCE_AGAIN);
    used_once_free(used);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_word_is_used_once),
        cmocka_unit_test(a_word_is_remembered_through_its_end),
        cmocka_unit_test(a_full_table_believes_nobody_until_something_is_past),
        cmocka_unit_test(a_clock_that_is_set_back_forgets_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
