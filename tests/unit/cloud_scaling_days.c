/* cloud/scaling_decide.h and cloud/alarm_decide.h together: days of load, minute by minute, and the
 * capacity that each way of scaling has at every minute of them.
 *
 * The load is in percent of one instance and spreads evenly; what is measured of a minute is known
 * at its end, and what is decided then holds from the next minute on. Expected capacities are said
 * as functions of the minute that are reckoned on paper: next to each is how. */
#include "tests/unit/unit.h"

#include "cloud/alarm_decide.h"
#include "cloud/scaling_decide.h"
#include <math.h>

enum {
    DAY = 24 * 60,
    NOON = DAY / 2,
    DAYS = 3,
    MINUTES = DAYS * DAY,
    BREACH = 5,   /* of the trigger */
    COOLDOWN = 3, /* of the trigger */
    PAUSE = 5,    /* the cooldown of simple policies */
    WARMUP = 3,   /* of step policies and target tracking */
};

typedef double (*LoadFn)(int minute);

typedef struct Days {
    LoadFn load;
    CapacityRange range;
    int64_t capacity[MINUTES + 1]; /* during each minute */
    double cpu[MINUTES];           /* average of the group */
    int quiet_until;               /* the cooldown's end */
} Days;

/* What a way of scaling wants after this minute. */
typedef int64_t (*DecideFn)(Days *days, int minute);

static void live(Days *days, DecideFn decide)
{
    for (int minute = 0; minute < MINUTES; minute++) {
        days->cpu[minute] = MIN(100, days->load(minute) / (double)MAX(days->capacity[minute], 1));
        days->capacity[minute + 1] = decide(days, minute);
    }
}

/* ---- ways of scaling ---- */

/* Below 40 and above 80 percent for five minutes: one less, one more; a cooldown of 3 minutes. */
static int64_t by_trigger(Days *days, int minute)
{
    int64_t capacity = days->capacity[minute];
    size_t n = (size_t)MIN(minute + 1, BREACH);
    TriggerStatus status = trigger_judge(&days->cpu[minute + 1 - (int)n], n, BREACH, 40, 80);
    if (minute + 1 < days->quiet_until || (status != TRIGGER_HIGH && status != TRIGGER_LOW))
        return capacity;
    int64_t wanted =
        capacity_adjust(capacity, ADJUST_BY, status == TRIGGER_HIGH ? 1 : -1, 0, days->range);
    if (wanted != capacity)
        days->quiet_until = minute + 1 + COOLDOWN;
    return wanted;
}

/* Whether an alarm that wants n of n minutes is in the state ALARM at the end of a minute. */
static bool alarmed(const Days *days, int minute, size_t n, const char *comparison,
                    double threshold)
{
    const AlarmRule rule = {n, n, comparison, threshold, ALARM_MISSING_MISSING};
    double values[32];
    AlarmDecision decision;
    size_t looked_at = n + ALARM_MORE_PERIODS;
    for (size_t i = 0; i < looked_at; i++) {
        int when = minute + 1 - (int)(looked_at - i);
        values[i] = when >= 0 ? days->cpu[when] : NAN;
    }
    alarm_decide(&rule, values, looked_at, &decision);
    return decision.state == ALARM_STATE_ALARM;
}

static bool is_above(const Days *days, int minute, size_t n, double threshold)
{
    return alarmed(days, minute, n, "GreaterThanThreshold", threshold);
}

static bool is_below(const Days *days, int minute, size_t n, double threshold)
{
    return alarmed(days, minute, n, "LessThanThreshold", threshold);
}

/* Two more after 2 minutes above 70 percent, one less after 10 below 30; a cooldown of 5. */
static int64_t by_simple_policies(Days *days, int minute)
{
    int64_t capacity = days->capacity[minute], amount = 0;
    if (is_above(days, minute, 2, 70))
        amount = 2;
    else if (is_below(days, minute, 10, 30))
        amount = -1;
    if (minute + 1 < days->quiet_until || amount == 0)
        return capacity;
    int64_t wanted = capacity_adjust(capacity, ADJUST_BY, amount, 0, days->range);
    if (wanted != capacity)
        days->quiet_until = minute + 1 + PAUSE;
    return wanted;
}

/* How many of those that run in this minute warm up still when it ends. */
static int64_t count_warming(const Days *days, int minute)
{
    int64_t capacity = days->capacity[minute], least = capacity;
    for (int i = 0; i < WARMUP && minute - i >= 0; i++)
        least = MIN(least, days->capacity[minute - i]);
    return capacity - least;
}

/* 2 minutes above 60 percent: one more, three from 20 percent over that on; 5 minutes below 30:
 * one less, two from 20 percent under that on. */
static int64_t by_step_policies(Days *days, int minute)
{
    static const ScalingStep up[] = {{0, 20, 1}, {20, INFINITY, 3}};
    static const ScalingStep down[] = {{-INFINITY, -20, -2}, {-20, 0, -1}};
    bool high = is_above(days, minute, 2, 60), low = is_below(days, minute, 5, 30);
    if (!high && !low)
        return days->capacity[minute];
    const ScalingStep *step =
        step_choose(high ? up : down, 2, days->cpu[minute] - (high ? 60 : 30));
    return capacity_step(days->capacity[minute], count_warming(days, minute), ADJUST_BY,
                         step->amount, 0, days->range);
}

/* A target of 50 percent: 3 minutes above it, 15 below nine tenths of it. */
static int64_t by_tracking(Days *days, int minute)
{
    int64_t capacity = days->capacity[minute], warming = count_warming(days, minute);
    bool high = is_above(days, minute, 3, 50), low = is_below(days, minute, 15, 45);
    if (!high && (!low || warming > 0))
        return capacity;
    return capacity_track(capacity, capacity - warming, 50, days->cpu[minute], high, days->range);
}

/* ---- comparing ---- */

/* A capacity that begins at a minute of a day, and holds until the next. */
typedef struct Since {
    int minute;
    int64_t capacity;
} Since;

/* Of a table that ends with the minute DAY. */
static int64_t look_up(const Since *table, int minute)
{
    while (table[1].minute <= minute)
        table++;
    return table->capacity;
}

typedef int64_t (*ExpectFn)(int minute);

static void check(LoadFn load, DecideFn decide, int64_t first, CapacityRange range, ExpectFn expect)
{
    g_autofree Days *days = g_new0(Days, 1);
    *days = (Days){.load = load, .range = range, .capacity = {first}};
    live(days, decide);
    for (int minute = 0; minute < MINUTES; minute++)
        if (days->capacity[minute] != expect(minute))
            fail_msg("minute %d of day %d: %d, not %d", minute % DAY, minute / DAY,
                     (int)days->capacity[minute], (int)expect(minute));
}

/* ---- a step: 6 instances' load from minute 100 to 800 of each day, that of one otherwise ---- */

static double step_load(int minute)
{
    int of_day = minute % DAY;
    return of_day >= 100 && of_day < 800 ? 600 : 100;
}

/* One more each cooldown until 600 / n is at most 80: 8; down until 100 / n is at least 40: 2. */
static int64_t step_by_trigger(int minute)
{
    int of_day = minute % DAY;
    if (of_day < 105)
        return 2;
    if (of_day < 805)
        return MIN(8, 3 + (of_day - 105) / COOLDOWN);
    return MAX(2, 7 - (of_day - 805) / COOLDOWN);
}

/* Two more each cooldown until 600 / n is at most 70; one less until 100 / n is at least 30, which
 * is so of 3: there the next day begins, with 33 percent, and goes up from 3 to 9. */
static int64_t step_by_simple_policies(int minute)
{
    int of_day = minute % DAY, start = minute < DAY ? 2 : 3, top = minute < DAY ? 10 : 9;
    if (of_day < 102)
        return start;
    if (of_day < 810)
        return MIN(top, start + 2 * (1 + (of_day - 102) / PAUSE));
    return MAX(3, top - 1 - (of_day - 810) / PAUSE);
}

/* Three more for all the time that they warm up; then, at 75 and 67 percent, one more twice, until
 * it is 60. Down by two at 10 percent, then by one each minute until it is 33. The days after the
 * first begin with 3: 6, 9 (67 percent), 10. */
static int64_t step_by_step_policies(int minute)
{
    static const Since first[] = {{0, 2},   {102, 5}, {105, 8}, {108, 9}, {111, 10}, {805, 8},
                                  {806, 7}, {807, 6}, {808, 5}, {809, 4}, {810, 3},  {DAY, 0}};
    static const Since later[] = {{0, 3},   {102, 6}, {105, 9}, {108, 10}, {805, 8}, {806, 7},
                                  {807, 6}, {808, 5}, {809, 4}, {810, 3},  {DAY, 0}};
    return look_up(minute < DAY ? first : later, minute % DAY);
}

/* A group that is wholly busy does not tell how much it lacks: twice as many, twice as many, and
 * then, at 75 percent, what the load wants: 600 / 50. */
static int64_t step_by_tracking(int minute)
{
    static const Since day[] = {{0, 2}, {103, 4}, {106, 8}, {109, 12}, {815, 2}, {DAY, 0}};
    return look_up(day, minute % DAY);
}

static void a_step_is_followed(void **state)
{
    const CapacityRange ten = {1, 10}, twenty = {1, 20};
    check(step_load, by_trigger, 2, ten, step_by_trigger);
    check(step_load, by_simple_policies, 2, ten, step_by_simple_policies);
    check(step_load, by_step_policies, 2, ten, step_by_step_policies);
    check(step_load, by_tracking, 2, twenty, step_by_tracking);
}

/* ---- a ramp: from nothing to 7.2 instances' load at noon and back ---- */

static double ramp_load(int minute)
{
    int of_day = minute % DAY;
    return of_day <= NOON ? (double)of_day : (double)(DAY - of_day);
}

/* n are busier than 80 percent from minute 80 n + 1 on, which is sure five minutes later: 9 at
 * noon. They are below 40 from minute 1441 - 40 n on. */
static int64_t ramp_by_trigger(int minute)
{
    int of_day = minute % DAY;
    int64_t n = 1;
    for (int i = 1; i <= 8; i++)
        n += of_day >= 80 * i + 6;
    for (int i = 2; i <= 9; i++)
        n -= of_day >= 1446 - 40 * i;
    return n;
}

/* 3 come at minute 73 (2 minutes above 70 percent) and are too many: 24 percent. From 2 on each
 * pair comes at 70 n + 3: 143, 283, 423, 563, 703. n are below 30 for ten minutes at 1451 - 30 n.
 */
static int64_t ramp_by_simple_policies(int minute)
{
    static const Since up[] = {{0, 1},   {73, 3},   {83, 2},   {143, 4}, {283, 6},
                               {423, 8}, {563, 10}, {703, 12}, {DAY, 0}};
    int of_day = minute % DAY;
    int64_t n = look_up(up, of_day);
    for (int i = 2; i <= 12; i++)
        n -= of_day >= 1451 - 30 * i;
    return n;
}

/* One more at 60 n + 3, never three: it is noticed too early for that. One less at 1446 - 30 n. */
static int64_t ramp_by_step_policies(int minute)
{
    int of_day = minute % DAY;
    int64_t n = 1;
    for (int i = 1; i <= 11; i++)
        n += of_day >= 60 * i + 3;
    for (int i = 2; i <= 12; i++)
        n -= of_day >= 1446 - 30 * i;
    return n;
}

/* One more at 50 n + 4. One less when n have been below 45 percent for 15 minutes, the load being
 * 45 n - 15 then, and n - 1 are enough for 50 percent. */
static int64_t ramp_by_tracking(int minute)
{
    int of_day = minute % DAY;
    int64_t n = 1;
    for (int i = 1; i <= 14; i++)
        n += of_day >= 50 * i + 4;
    for (int i = 2; i <= 15; i++)
        n -= of_day >= 1441 - MIN(45 * i - 15, 50 * (i - 1));
    return n;
}

static void a_ramp_is_followed_up_and_down(void **state)
{
    const CapacityRange twenty = {1, 20};
    check(ramp_load, by_trigger, 1, twenty, ramp_by_trigger);
    check(ramp_load, by_simple_policies, 1, twenty, ramp_by_simple_policies);
    check(ramp_load, by_step_policies, 1, twenty, ramp_by_step_policies);
    check(ramp_load, by_tracking, 1, twenty, ramp_by_tracking);
}

/* ---- noise: every other minute anything from nothing to four instances' load ---- */

static double noisy_load(int minute)
{
    uint32_t noise = (uint32_t)minute * 2654435761u;
    return minute % 2 == 0 ? 100 : (double)((noise >> 16) % 401);
}

static int64_t two(int minute)
{
    return 2;
}

static void noise_moves_nothing(void **state)
{
    const CapacityRange twenty = {1, 20};
    check(noisy_load, by_trigger, 2, twenty, two);
    check(noisy_load, by_simple_policies, 2, twenty, two);
    check(noisy_load, by_step_policies, 2, twenty, two);
    check(noisy_load, by_tracking, 2, twenty, two);
}

/* ---- spikes: 10 instances' load for some minutes of every four hours ---- */

enum { SPIKES_EVERY = 240, SPIKE = 100, SPIKE_ENDS = 110 };

static double spiky_load(int minute)
{
    int of_spike = minute % SPIKES_EVERY;
    return of_spike >= SPIKE && of_spike < SPIKE_ENDS ? 1000 : 100;
}

static double short_spikes(int minute)
{
    return minute % SPIKES_EVERY == SPIKE ? 1000 : 100;
}

/* The third would come at 111, when it is over. */
static int64_t spikes_by_trigger(int minute)
{
    static const Since spike[] = {{0, 2}, {105, 3}, {108, 4}, {115, 3}, {118, 2}, {DAY, 0}};
    return look_up(spike, minute % SPIKES_EVERY);
}

/* 3 are not too many for what is left. */
static int64_t spikes_by_simple_policies(int minute)
{
    static const Since first[] = {{0, 2},   {102, 4}, {107, 6}, {120, 5},
                                  {125, 4}, {130, 3}, {DAY, 0}};
    static const Since later[] = {{0, 3},   {102, 5}, {107, 7}, {120, 6},
                                  {125, 5}, {130, 4}, {135, 3}, {DAY, 0}};
    return look_up(minute < SPIKES_EVERY ? first : later, minute % SPIKES_EVERY);
}

static int64_t spikes_by_step_policies(int minute)
{
    static const Since first[] = {{0, 2},   {102, 5}, {105, 8}, {108, 10}, {115, 8}, {116, 7},
                                  {117, 6}, {118, 5}, {119, 4}, {120, 3},  {DAY, 0}};
    static const Since later[] = {{0, 3},   {102, 6}, {105, 9}, {108, 10}, {115, 8}, {116, 7},
                                  {117, 6}, {118, 5}, {119, 4}, {120, 3},  {DAY, 0}};
    return look_up(minute < SPIKES_EVERY ? first : later, minute % SPIKES_EVERY);
}

static int64_t spikes_by_tracking(int minute)
{
    static const Since spike[] = {{0, 2}, {103, 4}, {106, 8}, {109, 16}, {125, 2}, {DAY, 0}};
    return look_up(spike, minute % SPIKES_EVERY);
}

static void spikes_are_followed_and_forgotten(void **state)
{
    const CapacityRange ten = {1, 10}, twenty = {1, 20};
    check(spiky_load, by_trigger, 2, ten, spikes_by_trigger);
    check(spiky_load, by_simple_policies, 2, ten, spikes_by_simple_policies);
    check(spiky_load, by_step_policies, 2, ten, spikes_by_step_policies);
    check(spiky_load, by_tracking, 2, twenty, spikes_by_tracking);
}

static void spikes_shorter_than_any_breach_move_nothing(void **state)
{
    const CapacityRange twenty = {1, 20};
    check(short_spikes, by_trigger, 2, twenty, two);
    check(short_spikes, by_simple_policies, 2, twenty, two);
    check(short_spikes, by_step_policies, 2, twenty, two);
    check(short_spikes, by_tracking, 2, twenty, two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_is_followed),
        cmocka_unit_test(a_ramp_is_followed_up_and_down),
        cmocka_unit_test(noise_moves_nothing),
        cmocka_unit_test(spikes_are_followed_and_forgotten),
        cmocka_unit_test(spikes_shorter_than_any_breach_move_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
