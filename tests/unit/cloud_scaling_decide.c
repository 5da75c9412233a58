/* cloud/scaling_decide.h: arithmetic, and days of load with the capacity that follows from it at
 * every minute. */
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

/* ---- days of load ---- */

enum { DAY = 24 * 60, BREACH = 5, COOLDOWN = 3, LOW = 40, HIGH = 80 };

typedef double (*LoadFn)(int minute); /* in percent of one instance */

typedef struct Day {
    LoadFn load;
    CapacityRange range;
    int64_t capacity[DAY + 1]; /* at the beginning of each minute */
    double cpu[DAY];           /* average of the group */
    unsigned changes;
} Day;

static void measure(Day *day, int minute)
{
    day->cpu[minute] = MIN(100, day->load(minute) / (double)MAX(day->capacity[minute], 1));
}

static void set_capacity(Day *day, int minute, int64_t capacity)
{
    day->changes += capacity != day->capacity[minute] ? 1 : 0;
    day->capacity[minute + 1] = capacity;
}

/* A trigger of 40 and 80 percent, increments of 1, five minutes of breach. */
static void run_trigger(Day *day)
{
    int quiet_until = 0;
    for (int minute = 0; minute < DAY; minute++) {
        int64_t capacity = day->capacity[minute];
        measure(day, minute);
        size_t n = (size_t)MIN(minute + 1, BREACH);
        TriggerStatus status = trigger_judge(&day->cpu[minute + 1 - (int)n], n, BREACH, LOW, HIGH);
        if (minute + 1 >= quiet_until && (status == TRIGGER_HIGH || status == TRIGGER_LOW))
            capacity = capacity_adjust(capacity, ADJUST_BY, status == TRIGGER_HIGH ? 1 : -1, 0,
                                       day->range);
        if (capacity != day->capacity[minute])
            quiet_until = minute + 1 + COOLDOWN;
        set_capacity(day, minute, capacity);
    }
}

static bool all_beyond(const Day *day, int minute, int periods, double threshold, bool above)
{
    for (int i = 0; i < periods; i++) {
        if (minute < i ||
            (above ? day->cpu[minute - i] <= threshold : day->cpu[minute - i] >= threshold))
            return false;
    }
    return true;
}

/* Target tracking of 50 percent: alarms after 3 minutes above and 15 below nine tenths of it. */
static void run_tracking(Day *day)
{
    for (int minute = 0; minute < DAY; minute++) {
        int64_t capacity = day->capacity[minute];
        measure(day, minute);
        if (all_beyond(day, minute, 3, 50, true))
            capacity = capacity_track(capacity, capacity, 50, day->cpu[minute], true, day->range);
        else if (all_beyond(day, minute, 15, 45, false))
            capacity = capacity_track(capacity, capacity, 50, day->cpu[minute], false, day->range);
        set_capacity(day, minute, capacity);
    }
}

static double step_load(int minute)
{
    return minute >= 100 && minute < 800 ? 600 : 100;
}

/* Up from 2 at the end of five breaching minutes, one each three minutes, until 600 / n <= 80: 8;
 * down in the same way, until 100 / n >= 40: 2. */
static int64_t step_expected(int minute)
{
    if (minute < 105)
        return 2;
    if (minute < 805)
        return MIN(8, 3 + (minute - 105) / COOLDOWN);
    return MAX(2, 7 - (minute - 805) / COOLDOWN);
}

static void a_step_is_followed_minute_by_minute(void **state)
{
    g_autofree Day *day = g_new0(Day, 1);
    *day = (Day){.load = step_load, .range = {2, 10}, .capacity = {2}};
    run_trigger(day);
    for (int minute = 0; minute < DAY; minute++)
        assert_int_equal(day->capacity[minute], step_expected(minute));
}

static double ramp_load(int minute)
{
    return minute <= DAY / 2 ? (double)minute : (double)(DAY - minute);
}

static void a_ramp_is_followed_up_and_down(void **state)
{
    g_autofree Day *day = g_new0(Day, 1);
    *day = (Day){.load = ramp_load, .range = {1, 20}, .capacity = {1}};
    run_trigger(day);
    for (int minute = 0; minute < DAY; minute++) {
        int64_t before = day->capacity[minute], after = day->capacity[minute + 1];
        assert_true(minute < DAY / 2 ? after >= before : after <= before + 1);
        /* Never busier than the threshold for longer than it takes to notice. */
        assert_true(day->cpu[minute] <= HIGH + BREACH + COOLDOWN);
    }
    assert_in_range(day->capacity[DAY / 2], 9, 10);
    assert_in_range(day->capacity[DAY], 1, 2);
}

static double noisy_load(int minute)
{
    return minute % 3 == 0 ? 100 : 250; /* 50 and more than 80 percent of two, never five on end */
}

static void noise_moves_nothing(void **state)
{
    g_autofree Day *day = g_new0(Day, 1);
    *day = (Day){.load = noisy_load, .range = {1, 10}, .capacity = {2}};
    run_trigger(day);
    assert_int_equal(day->changes, 0);
}

static double spiky_load(int minute)
{
    return minute % 60 < BREACH - 1 ? 1000 : 120;
}

static void spikes_shorter_than_the_breach_move_nothing(void **state)
{
    g_autofree Day *day = g_new0(Day, 1);
    *day = (Day){.load = spiky_load, .range = {1, 10}, .capacity = {2}};
    run_trigger(day);
    assert_int_equal(day->changes, 0);
}

static void tracking_goes_where_the_target_is_and_stays(void **state)
{
    g_autofree Day *day = g_new0(Day, 1);
    *day = (Day){.load = step_load, .range = {1, 20}, .capacity = {2}};
    run_tracking(day);
    for (int minute = 0; minute < DAY; minute++)
        assert_in_range(day->capacity[minute], 2, 12);
    /* 600 / 50 in two leaps, since a group that is wholly busy does not tell how much it lacks. */
    assert_int_equal(day->capacity[102], 2);
    assert_int_equal(day->capacity[103], 4);
    for (int minute = 110; minute < 814; minute++)
        assert_int_equal(day->capacity[minute], 12);
    for (int minute = 816; minute < DAY; minute++)
        assert_int_equal(day->capacity[minute], 2);
}

static void tracking_follows_a_ramp_without_swinging(void **state)
{
    g_autofree Day *day = g_new0(Day, 1);
    *day = (Day){.load = ramp_load, .range = {1, 20}, .capacity = {1}};
    run_tracking(day);
    unsigned turns = 0;
    int64_t direction = 1;
    for (int minute = 0; minute < DAY; minute++) {
        int64_t change = day->capacity[minute + 1] - day->capacity[minute];
        if (change * direction < 0) {
            turns++;
            direction = -direction;
        }
    }
    assert_int_equal(turns, 1); /* at noon */
    assert_in_range(day->capacity[DAY / 2], 14, 15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adjustments_stay_in_range),
        cmocka_unit_test(percentages_are_rounded_as_aws_does),
        cmocka_unit_test(steps_hold_their_bounds),
        cmocka_unit_test(wrong_steps_are_told),
        cmocka_unit_test(what_warms_up_counts_towards_a_step),
        cmocka_unit_test(triggers_need_every_data_point),
        cmocka_unit_test(increments_are_numbers_or_percent),
        cmocka_unit_test(victims_are_chosen),
        cmocka_unit_test(zones_fill_evenly),
        cmocka_unit_test(backing_off_grows_and_ends),
        cmocka_unit_test(a_step_is_followed_minute_by_minute),
        cmocka_unit_test(a_ramp_is_followed_up_and_down),
        cmocka_unit_test(noise_moves_nothing),
        cmocka_unit_test(spikes_shorter_than_the_breach_move_nothing),
        cmocka_unit_test(tracking_goes_where_the_target_is_and_stays),
        cmocka_unit_test(tracking_follows_a_ramp_without_swinging),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
