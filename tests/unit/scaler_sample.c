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

static void check_cpu(unsigned vcpus, uint64_t ran_ms, uint64_t waited_ms, double expected)
{
    const uint64_t ms = 1000000;
    const MachineStats before = {.cpu_ns = 7 * ms, .wait_ns = 9 * ms, .vcpus = vcpus};
    const MachineStats now = {
        .cpu_ns = (7 + ran_ms) * ms, .wait_ns = (9 + waited_ms) * ms, .vcpus = vcpus};
    double percent = sample_cpu_percent(&before, &now, 5 * CLOCK_SECOND);
    assert_true(fabs(percent - expected) < 1e-9);
}

static void cpu_is_a_share_of_what_all_processors_could_have_had(void **state)
{
    check_cpu(1, 0, 0, 0);
    check_cpu(1, 1000, 0, 20);
    check_cpu(2, 1000, 0, 10);
    check_cpu(1, 5000, 0, 100);
}

static void time_that_the_host_did_not_give_counts_neither_way(void **state)
{
    check_cpu(1, 2500, 2500, 100); /* a busy loop that has half a processor */
    check_cpu(1, 100, 4000, 10);   /* an idle one on a busy host */
    check_cpu(2, 2500, 5000, 50);  /* one of two is busy */
}

static void cpu_is_never_more_than_all(void **state)
{
    check_cpu(1, 5100, 0, 100);
    check_cpu(1, 2500, 2600, 100);
    check_cpu(1, 1, 6000, 100);
    check_cpu(0, 1000, 0, 0);
}

static void no_time_has_no_load(void **state)
{
    const MachineStats stats = {.cpu_ns = 1, .vcpus = 1};
    const MachineStats later = {.cpu_ns = 2, .vcpus = 1};
    assert_true(sample_cpu_percent(&stats, &later, 0) < 1e-9);
    assert_true(sample_cpu_percent(&later, &stats, CLOCK_SECOND) < 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(within_a_minute_it_is_one_part),
        cmocka_unit_test(over_minutes_each_has_its_part),
        cmocka_unit_test(a_whole_minute_does_not_reach_into_the_next),
        cmocka_unit_test(what_is_too_much_goes_to_the_last),
        cmocka_unit_test(no_time_has_no_parts),
        cmocka_unit_test(cpu_is_a_share_of_what_all_processors_could_have_had),
        cmocka_unit_test(time_that_the_host_did_not_give_counts_neither_way),
        cmocka_unit_test(cpu_is_never_more_than_all),
        cmocka_unit_test(no_time_has_no_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
