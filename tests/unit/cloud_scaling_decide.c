/* cloud/scaling_decide.h: arithmetic. What follows from it: cloud_scaling_days.c. */
#include "tests/unit/unit.h"

#include "base/clock.h"
#include "cloud/scaling_decide.h"
#include <math.h>

static const CapacityRange wide = {0, 100};

static void adjustments_stay_in_range(void **state)
{
    const CapacityRange narrow = {2, 5};
    assert_int_equal(capacity_adjust(3, ADJUST_BY, 1, 0, narrow), 4);
    assert_int_equal(capacity_adjust(3, ADJUST_BY, 9, 0, narrow), 5);
    assert_int_equal(capacity_adjust(3, ADJUST_BY, -9, 0, narrow), 2);
    assert_int_equal(capacity_adjust(3, ADJUST_TO, 4, 0, narrow), 4);
    assert_int_equal(capacity_adjust(3, ADJUST_BY, INT64_MAX, 0, wide), 100);
}

static void percentages_are_rounded_as_aws_does(void **state)
{
    assert_int_equal(capacity_adjust(10, ADJUST_BY_PERCENT, 127, 0, wide), 22); /* 12.7 → 12 */
    assert_int_equal(capacity_adjust(10, ADJUST_BY_PERCENT, 5, 0, wide), 11);   /* 0.5 → 1 */
    assert_int_equal(capacity_adjust(10, ADJUST_BY_PERCENT, -5, 0, wide), 9);   /* -0.5 → -1 */
    assert_int_equal(capacity_adjust(10, ADJUST_BY_PERCENT, -67, 0, wide), 4);  /* -6.7 → -6 */
    assert_int_equal(capacity_adjust(10, ADJUST_BY_PERCENT, 10, 3, wide), 13);
    assert_int_equal(capacity_adjust(10, ADJUST_BY_PERCENT, -10, 3, wide), 7);
    assert_int_equal(capacity_adjust(0, ADJUST_BY_PERCENT, 50, 0, wide), 0);
}

static void steps_hold_their_bounds(void **state)
{
    const ScalingStep steps[] = {{-INFINITY, -10, -2}, {-10, 0, -1}, {0, 10, 1}, {10, INFINITY, 3}};
    assert_int_equal(step_choose(steps, 4, 0)->amount, 1);
    assert_int_equal(step_choose(steps, 4, 9.9)->amount, 1);
    assert_int_equal(step_choose(steps, 4, 10)->amount, 3);
    assert_int_equal(step_choose(steps, 4, -0.1)->amount, -1);
    assert_int_equal(step_choose(steps, 4, -10)->amount, -2);
    assert_null(step_choose(&steps[2], 1, 12));
    assert_null(steps_problem(steps, 4));
}

static void wrong_steps_are_told(void **state)
{
    const ScalingStep overlap[] = {{0, 10, 1}, {5, INFINITY, 2}};
    const ScalingStep gap[] = {{0, 10, 1}, {20, INFINITY, 2}};
    const ScalingStep backwards[] = {{10, 0, 1}};
    const ScalingStep two_open[] = {{0, INFINITY, 1}, {10, INFINITY, 2}};
    assert_non_null(steps_problem(overlap, 2));
    assert_non_null(steps_problem(gap, 2));
    assert_non_null(steps_problem(backwards, 1));
    assert_non_null(steps_problem(two_open, 2));
}

static void what_warms_up_counts_towards_a_step(void **state)
{
    assert_int_equal(capacity_step(4, 0, ADJUST_BY, 2, 0, wide), 6);
    assert_int_equal(capacity_step(6, 2, ADJUST_BY, 2, 0, wide), 6); /* the same breach again */
    assert_int_equal(capacity_step(6, 2, ADJUST_BY, 3, 0, wide), 7); /* a larger one */
    assert_int_equal(capacity_step(6, 2, ADJUST_BY, -1, 0, wide), 6);
    assert_int_equal(capacity_step(6, 0, ADJUST_BY, -1, 0, wide), 5);
}

static void tracking_wants_what_brings_the_target(void **state)
{
    assert_int_equal(capacity_track(4, 4, 50, 75, true, wide), 6);
    assert_int_equal(capacity_track(4, 4, 50, 76, true, wide), 7);
    assert_int_equal(capacity_track(8, 4, 50, 75, true, wide), 8); /* more are on their way */
    assert_int_equal(capacity_track(4, 4, 50, 25, false, wide), 2);
    assert_int_equal(capacity_track(4, 4, 50, 25, true, wide), 4);
    assert_int_equal(capacity_track(4, 4, 50, 75, false, wide), 4);
    assert_int_equal(capacity_track(4, 4, 50, 1000, true, (CapacityRange){1, 9}), 9);
    assert_int_equal(capacity_track(4, 4, 50, 0, false, (CapacityRange){1, 9}), 1);
    assert_int_equal(capacity_track(2, 0, 50, 100, true, wide), 2); /* nobody serves: who knows */
}

static void triggers_need_every_data_point(void **state)
{
    const double high[] = {90, 81, 100}, mixed[] = {90, 80, 100}, low[] = {1, 2, 39.9};
    assert_int_equal(trigger_judge(high, 3, 3, 40, 80), TRIGGER_HIGH);
    assert_int_equal(trigger_judge(mixed, 3, 3, 40, 80), TRIGGER_NOT_BREACHING);
    assert_int_equal(trigger_judge(low, 3, 3, 40, 80), TRIGGER_LOW);
    assert_int_equal(trigger_judge(high, 3, 5, 40, 80), TRIGGER_NOT_BREACHING);
    assert_int_equal(trigger_judge(NULL, 0, 5, 40, 80), TRIGGER_NO_DATA);
}

static void increments_are_numbers_or_percent(void **state)
{
    int64_t amount;
    bool percent;
    assert_true(increment_parse("-1", &amount, &percent) && amount == -1 && !percent);
    assert_true(increment_parse("+2", &amount, &percent) && amount == 2 && !percent);
    assert_true(increment_parse("10%", &amount, &percent) && amount == 10 && percent);
    static const char *const bad[] = {"",     " 1", "x",   "1x",
                                      "10%%", "%",  "1.5", "99999999999999999999"};
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        assert_false(increment_parse(bad[i], &amount, &percent));
}

/* ---- which one ---- */

static List policies_of(Arena *arena, const char *policy)
{
    List policies = {0};
    list_add(&policies, arena, policy);
    return policies;
}

static void victims_are_chosen(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    List oldest = policies_of(arena, "OldestInstance"),
         newest = policies_of(arena, "NewestInstance"), standard = policies_of(arena, "Default");
    Candidate three[] = {
        {.id = "a", .zone = "z1", .launched = 10, .configuration_made = 5, .is_current = true},
        {.id = "b", .zone = "z1", .launched = 30, .configuration_made = 1},
        {.id = "c", .zone = "z2", .launched = 1, .configuration_made = 1},
    };
    assert_int_equal(victim_choose(three, 3, &oldest, 100), 0); /* of the fullest zone */
    assert_int_equal(victim_choose(three, 3, &newest, 100), 1);
    assert_int_equal(victim_choose(three, 3, &standard, 100), 1); /* the older configuration */
    three[0].spared = three[1].spared = true;
    assert_int_equal(victim_choose(three, 3, &newest, 100), 2);
    three[2].spared = true;
    assert_int_equal(victim_choose(three, 3, &newest, 100), 3);
}

static void outdated_templates_go_first(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    List standard = policies_of(arena, "Default"),
         templates = policies_of(arena, "OldestLaunchTemplate");
    Candidate four[] = {
        {.id = "a",
         .zone = "z",
         .launched = 1,
         .by_template = true,
         .configuration_made = 9,
         .is_current = true},
        {.id = "b", .zone = "z", .launched = 2, .by_template = true, .configuration_made = 5},
        {.id = "c", .zone = "z", .launched = 3, .by_template = true, .configuration_made = 7},
        {.id = "d", .zone = "z", .launched = 4, .configuration_made = 8},
    };
    assert_int_equal(victim_choose(four, 3, &templates, 100), 1);
    assert_int_equal(victim_choose(four, 3, &standard, 100), 1);
    assert_int_equal(victim_choose(four, 4, &standard, 100), 3); /* by a configuration */
    four[1].spared = four[2].spared = true;
    assert_int_equal(victim_choose(four, 3, &templates, 100), 0);
}

static void zones_fill_evenly(void **state)
{
    unsigned counts[3] = {0};
    for (unsigned i = 0; i < 100; i++) {
        counts[zone_choose(counts, 3)]++;
        assert_false(zones_differ(counts, 3));
    }
    counts[1]--;
    counts[0]++;
    assert_true(zones_differ(counts, 3));
    assert_false(zones_differ(counts, 1));
}

static void backing_off_grows_and_ends(void **state)
{
    assert_int_equal(launch_backoff(0), 0);
    for (int64_t i = 1; i < 100; i++)
        assert_true(launch_backoff(i + 1) >= launch_backoff(i));
    assert_int_equal(launch_backoff(1), 5 * CLOCK_SECOND);
    assert_int_equal(launch_backoff(1000), 900 * CLOCK_SECOND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adjustments_stay_in_range),
        cmocka_unit_test(percentages_are_rounded_as_aws_does),
        cmocka_unit_test(steps_hold_their_bounds),
        cmocka_unit_test(wrong_steps_are_told),
        cmocka_unit_test(what_warms_up_counts_towards_a_step),
        cmocka_unit_test(tracking_wants_what_brings_the_target),
        cmocka_unit_test(triggers_need_every_data_point),
        cmocka_unit_test(increments_are_numbers_or_percent),
        cmocka_unit_test(victims_are_chosen),
        cmocka_unit_test(outdated_templates_go_first),
        cmocka_unit_test(zones_fill_evenly),
        cmocka_unit_test(backing_off_grows_and_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
