/* cloud/metrics.h: what is put and sampled is read back by period, survives a daemon that is
 * killed, and is rolled up with age; statistics by their names. */
#include "tests/unit/unit.h"
#include "base/file.h"
#include "cloud/metric_block.h"
#include "cloud/metrics.h"
#include "store/store.h"
#include <math.h>

#define START (INT64_C(1900000000) / 3600 * 3600 * CLOCK_SECOND) /* a whole hour */
#define MINUTE (60 * CLOCK_SECOND)
#define HOUR (60 * MINUTE)
#define DAY CLOCK_DAY

typedef struct World {
    char *directory;
    Clock *clock;
    Metrics *metrics;
    Arena *arena;
} World;

static void open_metrics(World *world)
{
    g_autoptr(GError) error = NULL;
    metrics_open(world->directory, world->clock, &world->metrics, &error);
    assert_no_error(error);
}

static int set_up(void **state)
{
    World *world = g_new0(World, 1);
    world->directory = scratch_directory();
    world->clock = clock_new_manual(START);
    world->arena = arena_new();
    open_metrics(world);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    World *world = *state;
    metrics_close(world->metrics);
    clock_free(world->clock);
    arena_free(world->arena);
    file_remove_tree(world->directory, NULL);
    g_free(world->directory);
    g_free(world);
    return 0;
}

static void restart(World *world)
{
    metrics_close(world->metrics);
    open_metrics(world);
}

/* As if it was killed: what was not written is gone. The old one is never freed, as a killed
 * process frees nothing. */
static void kill_and_restart(World *world)
{
    static GPtrArray *killed;
    if (!killed)
        killed = g_ptr_array_new();
    g_ptr_array_add(killed, world->metrics);
    open_metrics(world);
}

static void tidy(World *world)
{
    g_autoptr(GError) error = NULL;
    metrics_tidy(world->metrics, &error);
    assert_no_error(error);
}

static MetricKey key_of(const char *name, const char *unit)
{
    return (MetricKey){.account_id = "000000000001", .space = "Own", .name = name, .unit = unit};
}

static void put_at(World *world, int64_t time, const MetricDatum *datum)
{
    g_autoptr(GError) error = NULL;
    MetricDatum timed = *datum;
    List data = {0};
    timed.time = time;
    list_add(&data, world->arena, &timed);
    metrics_put(world->metrics, &data, &error);
    assert_no_error(error);
}

static void put(World *world, const char *name, int64_t time, double value)
{
    const MetricDatum datum = {.key = key_of(name, NULL), .stat = metric_value(value)};
    put_at(world, time, &datum);
}

static List read_range(World *world, const char *name, int64_t start, int64_t end, int64_t period)
{
    g_autoptr(GError) error = NULL;
    MetricKey key = key_of(name, NULL);
    const MetricRange range = {.start = start, .end = end, .period = period};
    List points = {0};
    metrics_read(world->metrics, world->arena, &key, &range, &points, &error);
    assert_no_error(error);
    return points;
}

static const MetricPoint *point_at(const List *points, size_t i)
{
    return list_at(points, i);
}

static void assert_number(double value, double expected)
{
    if (!(fabs(value - expected) < 1e-9))
        fail_msg("%g is not %g", value, expected);
}

static void values_of_a_minute_become_its_statistics(void **state)
{
    World *world = *state;
    put(world, "m", START + CLOCK_SECOND, 4);
    put(world, "m", START + 59 * CLOCK_SECOND, 8);
    put(world, "m", START + MINUTE, 100);
    List points = read_range(world, "m", START, START + HOUR, 60);
    assert_int_equal(points.n, 2);
    const MetricPoint *first = point_at(&points, 0);
    assert_true(first->time == START);
    assert_number(first->stat.count, 2);
    assert_number(first->stat.sum, 12);
    assert_number(first->stat.min, 4);
    assert_number(first->stat.max, 8);
    assert_true(point_at(&points, 1)->time == START + MINUTE);
}

static void longer_periods_begin_where_the_range_does(void **state)
{
    World *world = *state;
    for (int i = 0; i < 10; i++)
        put(world, "m", START + i * MINUTE, i);
    List points = read_range(world, "m", START + 2 * MINUTE, START + 10 * MINUTE, 300);
    assert_int_equal(points.n, 2);
    assert_true(point_at(&points, 0)->time == START + 2 * MINUTE);
    assert_number(point_at(&points, 0)->stat.sum, 2 + 3 + 4 + 5 + 6);
    assert_true(point_at(&points, 1)->time == START + 7 * MINUTE);
    assert_number(point_at(&points, 1)->stat.sum, 7 + 8 + 9);
}

static void units_can_be_told_apart(void **state)
{
    World *world = *state;
    g_autoptr(GError) error = NULL;
    MetricDatum datum = {.key = key_of("m", "Bytes"), .stat = metric_value(1)};
    put_at(world, START, &datum);
    datum.key.unit = "Count";
    put_at(world, START, &datum);
    MetricKey key = key_of("m", NULL);
    MetricRange range = {.start = START, .end = START + HOUR, .period = 60, .by_unit = true};
    List apart = {0}, bytes = {0};
    metrics_read(world->metrics, world->arena, &key, &range, &apart, &error);
    key.unit = "Bytes";
    metrics_read(world->metrics, world->arena, &key, &range, &bytes, &error);
    assert_no_error(error);
    assert_int_equal(apart.n, 2);
    assert_int_equal(bytes.n, 1);
    assert_string_equal(point_at(&bytes, 0)->unit, "Bytes");
    List together = read_range(world, "m", START, START + HOUR, 60);
    assert_int_equal(together.n, 1);
    assert_number(point_at(&together, 0)->stat.count, 2);
}

static void high_resolution_keeps_seconds(void **state)
{
    World *world = *state;
    put(world, "m", START, 1); /* a block of minutes becomes one of seconds */
    MetricDatum datum = {
        .key = key_of("m", NULL), .stat = metric_value(5), .high_resolution = true};
    put_at(world, START + 61 * CLOCK_SECOND, &datum);
    put_at(world, START + 62 * CLOCK_SECOND, &datum);
    List points = read_range(world, "m", START, START + HOUR, 1);
    assert_int_equal(points.n, 3);
    assert_true(point_at(&points, 1)->time == START + 61 * CLOCK_SECOND);
    points = read_range(world, "m", START, START + HOUR, 60);
    assert_int_equal(points.n, 2);
    assert_number(point_at(&points, 1)->stat.count, 2);
}

static void late_values_find_their_minute(void **state)
{
    World *world = *state;
    put(world, "m", START + 5 * MINUTE, 5);
    put(world, "m", START + MINUTE, 1);
    put(world, "m", START + 5 * MINUTE, 7);
    put(world, "m", START - 30 * HOUR, 9);
    List points = read_range(world, "m", START - 2 * DAY, START + HOUR, 60);
    assert_int_equal(points.n, 3);
    assert_number(point_at(&points, 0)->stat.sum, 9);
    assert_number(point_at(&points, 1)->stat.sum, 1);
    assert_number(point_at(&points, 2)->stat.sum, 12);
}

static void what_was_put_survives_a_kill(void **state)
{
    World *world = *state;
    put(world, "m", START, 3);
    put(world, "other", START + MINUTE, 4);
    kill_and_restart(world);
    List points = read_range(world, "m", START, START + HOUR, 60);
    assert_int_equal(points.n, 1);
    assert_number(point_at(&points, 0)->stat.sum, 3);
    put(world, "m", START, 4);
    kill_and_restart(world);
    points = read_range(world, "m", START, START + HOUR, 60);
    assert_int_equal(points.n, 1);
    assert_number(point_at(&points, 0)->stat.sum, 7);
    points = read_range(world, "other", START, START + HOUR, 60);
    assert_int_equal(points.n, 1);
}

static void sample_one(World *world, const char *name, int64_t time, double value)
{
    const MetricKey key = key_of(name, NULL);
    const MetricSample sample = {metrics_series(world->metrics, &key), metric_value(value)};
    metrics_sample(world->metrics, metrics_generation(world->metrics), time, &sample, 1);
}

static void samples_count_at_once_and_are_kept_when_their_minute_ended(void **state)
{
    World *world = *state;
    sample_one(world, "cpu", START, 10);
    sample_one(world, "cpu", START + 30 * CLOCK_SECOND, 20);
    List points = read_range(world, "cpu", START, START + HOUR, 60);
    assert_int_equal(points.n, 1);
    assert_number(point_at(&points, 0)->stat.sum, 30);
    assert_true(metrics_sampled_until(world->metrics) == START);
    clock_advance(world->clock, MINUTE);
    assert_true(metrics_sampled_until(world->metrics) == START + 30 * CLOCK_SECOND);
    tidy(world);
    kill_and_restart(world);
    points = read_range(world, "cpu", START, START + HOUR, 60);
    assert_int_equal(points.n, 1);
    assert_number(point_at(&points, 0)->stat.count, 2);
}

static void a_stop_loses_nothing(void **state)
{
    World *world = *state;
    sample_one(world, "cpu", START, 10);
    restart(world);
    sample_one(world, "cpu", START + 30 * CLOCK_SECOND, 20);
    restart(world);
    List points = read_range(world, "cpu", START, START + HOUR, 60);
    assert_int_equal(points.n, 1);
    assert_number(point_at(&points, 0)->stat.sum, 30);
}

/* Two minutes in each of the hours, then so much later. */
static void age_by(World *world, int64_t age)
{
    for (int i = 0; i < 60; i++)
        put(world, "m", START + i * MINUTE, i);
    clock_advance(world->clock, age);
    tidy(world); /* begins to count the hours */
    clock_advance(world->clock, HOUR);
    tidy(world); /* writes blocks */
    for (int i = 0; i < 4; i++)
        tidy(world); /* an age at a time */
}

static void minutes_become_five_after_15_days(void **state)
{
    World *world = *state;
    age_by(world, 15 * DAY + 2 * HOUR);
    List points = read_range(world, "m", START, START + HOUR, 60);
    assert_int_equal(points.n, 12);
    assert_number(point_at(&points, 1)->stat.sum, 5 + 6 + 7 + 8 + 9);
    assert_number(point_at(&points, 1)->stat.max, 9);
    assert_true(point_at(&points, 1)->time == START + 5 * MINUTE);
}

static void fives_become_an_hour_after_63_days(void **state)
{
    World *world = *state;
    age_by(world, 63 * DAY + 2 * HOUR);
    List points = read_range(world, "m", START, START + HOUR, 60);
    assert_int_equal(points.n, 1);
    assert_number(point_at(&points, 0)->stat.count, 60);
    assert_number(point_at(&points, 0)->stat.max, 59);
}

static void nothing_is_left_after_455_days(void **state)
{
    World *world = *state;
    age_by(world, 455 * DAY + 2 * HOUR);
    assert_int_equal(read_range(world, "m", START, START + HOUR, 60).n, 0);
}

static void seconds_become_minutes_after_three_hours(void **state)
{
    World *world = *state;
    MetricDatum datum = {
        .key = key_of("fine", NULL), .stat = metric_value(5), .high_resolution = true};
    put_at(world, START + CLOCK_SECOND, &datum);
    put_at(world, START + 2 * CLOCK_SECOND, &datum);
    age_by(world, 4 * HOUR);
    List points = read_range(world, "fine", START, START + HOUR, 1);
    assert_int_equal(points.n, 1);
    assert_number(point_at(&points, 0)->stat.count, 2);
}

static List search(World *world, const MetricSearch *wanted, int64_t *ret_after)
{
    List keys = {0};
    metrics_list(world->metrics, world->arena, wanted, &keys, ret_after);
    return keys;
}

static void lists_by_name_dimension_and_activity(void **state)
{
    World *world = *state;
    MetricDimension dimension = {"Host", "a"};
    MetricDatum datum = {.key = key_of("m", NULL), .stat = metric_value(1)};
    int64_t after;
    list_add(&datum.key.dimensions, world->arena, &dimension);
    put_at(world, START, &datum);
    put(world, "m", START - HOUR, 1);
    put(world, "n", START - 4 * HOUR, 1);
    MetricSearch wanted = {.account_id = "000000000001"};
    assert_int_equal(search(world, &wanted, &after).n, 3);
    wanted.active_since = START - 3 * HOUR;
    assert_int_equal(search(world, &wanted, &after).n, 2);
    wanted.active_since = 0;
    wanted.name = "m";
    assert_int_equal(search(world, &wanted, &after).n, 2);
    MetricDimension any = {"Host", NULL};
    list_add(&wanted.dimensions, world->arena, &any);
    List keys = search(world, &wanted, &after);
    assert_int_equal(keys.n, 1);
    const MetricKey *key = list_at(&keys, 0);
    assert_string_equal(((MetricDimension *)list_at(&key->dimensions, 0))->value, "a");
    any.value = "b";
    assert_int_equal(search(world, &wanted, &after).n, 0);
    wanted = (MetricSearch){.account_id = "000000000002"};
    assert_int_equal(search(world, &wanted, &after).n, 0);
}

static void lists_in_pages(void **state)
{
    World *world = *state;
    for (int i = 0; i < METRIC_PAGE + 7; i++) {
        const MetricKey key = key_of(arena_printf(world->arena, "m%d", i), NULL);
        metrics_series(world->metrics, &key);
    }
    MetricSearch wanted = {.account_id = "000000000001"};
    assert_int_equal(search(world, &wanted, &wanted.after).n, METRIC_PAGE);
    assert_true(wanted.after > 0);
    assert_int_equal(search(world, &wanted, &wanted.after).n, 7);
    assert_true(wanted.after == 0);
}

static void a_reset_forgets_everything(void **state)
{
    World *world = *state;
    g_autoptr(GError) error = NULL;
    put(world, "m", START, 1);
    sample_one(world, "cpu", START, 1);
    unsigned generation = metrics_generation(world->metrics);
    metrics_clear(world->metrics, &error);
    assert_no_error(error);
    assert_true(metrics_generation(world->metrics) != generation);
    metrics_sample(world->metrics, generation, START, NULL, 0);
    assert_int_equal(read_range(world, "m", START, START + HOUR, 60).n, 0);
    put(world, "m", START, 2);
    kill_and_restart(world);
    List points = read_range(world, "m", START, START + HOUR, 60);
    assert_number(point_at(&points, 0)->stat.sum, 2);
}

/* ---- statistics ---- */

static MetricPoint point_of(World *world, const double *values, size_t n)
{
    MetricPoint point;
    metric_point_of_values(world->arena, values, NULL, n, &point);
    return point;
}

static void percentiles_need_the_values(void **state)
{
    World *world = *state;
    double values[100];
    for (int i = 0; i < 100; i++)
        values[i] = 100 - i; /* 1 to 100, not in order */
    MetricPoint point = point_of(world, values, 100);
    assert_number(metric_point_value(&point, "p0"), 1);
    assert_number(metric_point_value(&point, "p50"), 50.5);
    assert_number(metric_point_value(&point, "p100"), 100);
    assert_number(metric_point_value(&point, "tc(10:20)"), 10);
    assert_number(metric_point_value(&point, "ts(:10)"), 55);
    assert_number(metric_point_value(&point, "tm(10%:90%)"), 50.5);
    assert_number(metric_point_value(&point, "TM90"), 45.5);
    assert_number(metric_point_value(&point, "IQM"), 50.5);
    assert_number(metric_point_value(&point, "pr(:25)"), 25);
    assert_number(metric_point_value(&point, "wm(10%:90%)"), 50.5);
    const MetricStat two = {2, 3, 1, 2}, one = {5, 10, 2, 2};
    metric_point_of_stat(world->arena, &two, &point);
    assert_true(isnan(metric_point_value(&point, "p50")));
    assert_number(metric_point_value(&point, "Average"), 1.5);
    metric_point_of_stat(world->arena, &one, &point);
    assert_number(metric_point_value(&point, "p99"), 2);
}

static void names_of_statistics_are_checked(void **state)
{
    static const char *const good[] = {"Average",     "Sum",      "Minimum", "Maximum",
                                       "SampleCount", "p99",      "p99.9",   "tm90",
                                       "TM(2%:98%)",  "PR(:300)", "IQM",     "wm(15:85)"};
    static const char *const bad[] = {"",        "average",   "p",      "p101",       "p-1",
                                      "p99x",    "tm",        "TM()",   "TM(:)",      "TM(5%:90)",
                                      "TM(9:1)", "PR(1%:2%)", "p(1:2)", "TM(0%:101%)"};
    for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
        if (!metric_statistic_is_known(good[i]))
            fail_msg("%s is none", good[i]);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        if (metric_statistic_is_known(bad[i]))
            fail_msg("%s is one", bad[i]);
    }
    assert_false(metric_statistic_is_extended("Average"));
    assert_true(metric_statistic_is_extended("p50"));
}

static void values_survive_being_merged_and_kept(void **state)
{
    World *world = *state;
    const double values[] = {1, 2, 3}, counts[] = {1, 1, 8};
    const MetricDatum datum = {
        .key = key_of("m", NULL), .n_values = 3, .values = values, .counts = counts};
    put_at(world, START, &datum);
    put_at(world, START + MINUTE, &datum);
    restart(world);
    List points = read_range(world, "m", START, START + HOUR, 300);
    assert_int_equal(points.n, 1);
    assert_number(point_at(&points, 0)->stat.count, 20);
    assert_number(metric_point_value(point_at(&points, 0), "p50"), 3);
    assert_number(metric_point_value(point_at(&points, 0), "p0"), 1);
}

static void many_values_are_kept_to_a_percent(void **state)
{
    World *world = *state;
    MetricPoint all = {0};
    for (int i = 0; i < 50; i++) {
        double values[100];
        for (int j = 0; j < 100; j++)
            values[j] = 1 + (i * 100 + j) * 37 % 5000;
        MetricPoint some = point_of(world, values, 100);
        metric_point_merge(world->arena, &all, &some);
    }
    assert_true(all.n_values > 0 && all.n_values <= METRIC_VALUES_KEPT);
    assert_number(all.stat.count, 5000);
    double median = metric_point_value(&all, "p50"), high = metric_point_value(&all, "p99");
    assert_true(fabs(median - 2500) < 2500 * 0.05);
    assert_true(fabs(high - 4950) < 4950 * 0.05);
}

/* ---- bytes ---- */

static void blocks_come_back_bit_for_bit(void **state)
{
    World *world = *state;
    static const double odd[] = {0, -0.0, 1, 0.1, -1e300, 5e-324, 12345678.9, 1e15, 3};
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    BlockEnd end = {0};
    for (int i = 0; i < 60; i++) {
        double value = odd[i % G_N_ELEMENTS(odd)];
        const MetricPoint point = {.stat = {i % 3 ? 2.5 : i, value, -value, value * 2}};
        block_append(bytes, &end, i * 2, &point);
    }
    List points = {0};
    block_read(world->arena, bytes->data, bytes->len, 3600, 10, &points, NULL);
    assert_int_equal(points.n, 60);
    for (int i = 0; i < 60; i++) {
        double value = odd[i % G_N_ELEMENTS(odd)];
        const MetricStat expected = {i % 3 ? 2.5 : i, value, -value, value * 2};
        assert_true(point_at(&points, (size_t)i)->time == (3600 + i * 20) * CLOCK_SECOND);
        assert_memory_equal(&point_at(&points, (size_t)i)->stat, &expected, sizeof(expected));
    }
}

static void damaged_blocks_end_early(void **state)
{
    World *world = *state;
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    BlockEnd end = {0};
    const double values[] = {1, 2, 3};
    MetricPoint point = point_of(world, values, 3);
    for (int i = 0; i < 5; i++)
        block_append(bytes, &end, i, &point);
    for (guint cut = 0; cut < bytes->len; cut++) {
        List points = {0};
        block_read(world->arena, bytes->data, cut, 0, 60, &points, NULL);
        assert_true(points.n < 5);
    }
    for (guint i = 0; i < bytes->len; i++) {
        bytes->data[i] ^= 0xff;
        List points = {0};
        block_read(world->arena, bytes->data, bytes->len, 0, 60, &points, NULL);
        bytes->data[i] ^= 0xff;
    }
}

static void idle_minutes_take_little_room(void **state)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    BlockEnd end = {0};
    for (int i = 0; i < 60; i++) {
        const MetricPoint point = {.stat = {12, 0, 0, 0}};
        block_append(bytes, &end, i, &point);
    }
    assert_true(bytes->len <= 121);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(values_of_a_minute_become_its_statistics),
        TEST(longer_periods_begin_where_the_range_does),
        TEST(units_can_be_told_apart),
        TEST(high_resolution_keeps_seconds),
        TEST(late_values_find_their_minute),
        TEST(what_was_put_survives_a_kill),
        TEST(samples_count_at_once_and_are_kept_when_their_minute_ended),
        TEST(a_stop_loses_nothing),
        TEST(minutes_become_five_after_15_days),
        TEST(fives_become_an_hour_after_63_days),
        TEST(nothing_is_left_after_455_days),
        TEST(seconds_become_minutes_after_three_hours),
        TEST(lists_by_name_dimension_and_activity),
        TEST(lists_in_pages),
        TEST(a_reset_forgets_everything),
        TEST(percentiles_need_the_values),
        TEST(names_of_statistics_are_checked),
        TEST(values_survive_being_merged_and_kept),
        TEST(many_values_are_kept_to_a_percent),
        TEST(blocks_come_back_bit_for_bit),
        TEST(damaged_blocks_end_early),
        TEST(idle_minutes_take_little_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
