/* scaler/sample.h: how what was counted is spread over minutes. */
#include "tests/unit/unit.h"
#include "base/clock.h"
#include "scaler/sample.h"
#include <math.h>

#define MINUTE (60 * CLOCK_SECOND)
#define MOST 4

static void check_part(double part, double expected)
{
    assert_true(fabs(part - expected) < 1e-9);
}

static void within_a_minute_it_is_one_part(void **state)
{
    int64_t times[MOST];
    double parts[MOST];
    assert_int_equal(sample_spread(MINUTE + 5, MINUTE + 10, MOST, times, parts), 1);
    assert_true(times[0] == MINUTE + 5);
    check_part(parts[0], 1);
}

static void over_minutes_each_has_its_part(void **state)
{
    int64_t times[MOST];
    double parts[MOST];
    assert_int_equal(sample_spread(MINUTE / 2, 2 * MINUTE + MINUTE / 2, MOST, times, parts), 3);
    check_part(parts[0], 0.25);
    check_part(parts[1], 0.5);
    check_part(parts[2], 0.25);
    assert_true(times[1] == MINUTE);
    assert_true(times[2] == 2 * MINUTE);
}

static void a_whole_minute_does_not_reach_into_the_next(void **state)
{
    int64_t times[MOST];
    double parts[MOST];
    assert_int_equal(sample_spread(MINUTE, 2 * MINUTE, MOST, times, parts), 1);
    check_part(parts[0], 1);
}

static void what_is_too_much_goes_to_the_last(void **state)
{
    int64_t times[MOST];
    double parts[MOST];
    assert_int_equal(sample_spread(0, 10 * MINUTE, MOST, times, parts), MOST);
    check_part(parts[0] + parts[1] + parts[2] + parts[3], 1);
    check_part(parts[3], 0.7);
}

static void no_time_has_no_parts(void **state)
{
    int64_t times[MOST];
    double parts[MOST];
    assert_int_equal(sample_spread(MINUTE, MINUTE, MOST, times, parts), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(within_a_minute_it_is_one_part),
        cmocka_unit_test(over_minutes_each_has_its_part),
        cmocka_unit_test(a_whole_minute_does_not_reach_into_the_next),
        cmocka_unit_test(what_is_too_much_goes_to_the_last),
        cmocka_unit_test(no_time_has_no_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
