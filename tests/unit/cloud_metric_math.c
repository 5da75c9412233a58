/* cloud/metric_math.h: expressions over series. */
#include "tests/unit/unit.h"
#include "base/clock.h"
#include "base/fault.h"
#include "cloud/metric_math.h"
#include <math.h>

#define MINUTE (60 * CLOCK_SECOND)
#define NONE NAN

typedef struct World {
    Arena *arena;
    MathScope scope;
} World;

static MathNamed *add(World *world, const char *id, const char *expression)
{
    MathNamed *named = arena_new_struct(world->arena, MathNamed);
    named->id = id;
    named->expression = expression;
    named->is_metric = !expression;
    list_add(&world->scope.named, world->arena, named);
    return named;
}

/* A metric with a value each minute; NONE: it has not. */
static void add_metric(World *world, const char *id, const double *values, size_t n)
{
    MathNamed *named = add(world, id, NULL);
    MathSeries *series = arena_new_struct(world->arena, MathSeries);
    int64_t *times = arena_alloc(world->arena, n * sizeof(int64_t));
    double *kept = arena_alloc(world->arena, n * sizeof(double));
    for (size_t i = 0; i < n; i++) {
        if (isnan(values[i]))
            continue;
        times[series->n] = (int64_t)i * MINUTE;
        kept[series->n++] = values[i];
    }
    series->label = id;
    series->period = 60;
    series->times = times;
    series->values = kept;
    list_add(&named->series, world->arena, series);
}

static int set_up(void **state)
{
    static const double m1[] = {1, 2, NONE, 4, -5}, m2[] = {10, 0, 30, 40, 50};
    World *world = g_new0(World, 1);
    world->arena = arena_new();
    world->scope = (MathScope){.arena = world->arena, .start = 0, .end = 5 * MINUTE};
    add_metric(world, "m1", m1, 5);
    add_metric(world, "m2", m2, 5);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    World *world = *state;
    arena_free(world->arena);
    g_free(world);
    return 0;
}

static const MathSeries *series_at(World *world, const char *expression, size_t i)
{
    g_autoptr(GError) error = NULL;
    MathNamed *named = add(world, "e", expression);
    math_evaluate(&world->scope, named, &error);
    assert_no_error(error);
    world->scope.named.n--;
    return list_at(&named->series, i);
}

/* The expression's only series has these values in the five minutes. */
static void check(World *world, const char *expression, double a, double b, double c, double d,
                  double e)
{
    const double expected[] = {a, b, c, d, e};
    const MathSeries *series = series_at(world, expression, 0);
    size_t at = 0;
    for (size_t i = 0; i < 5; i++) {
        bool there = at < series->n && series->times[at] == (int64_t)i * MINUTE;
        if (there != !isnan(expected[i]))
            fail_msg("%s: minute %zu is %sthere", expression, i, there ? "" : "not ");
        if (there && !(fabs(series->values[at++] - expected[i]) < 1e-9))
            fail_msg("%s: minute %zu is %g", expression, i, series->values[at - 1]);
    }
    assert_int_equal(at, series->n);
}

static void check_refused(World *world, const char *expression, const char *text)
{
    g_autoptr(GError) error = NULL;
    MathNamed *named = add(world, "e", expression);
    assert_false(math_evaluate(&world->scope, named, &error));
    assert_true(fault_is(error, FAULT_VALIDATION_ERROR));
    assert_error_says(error, text);
    world->scope.named.n--;
}

static void arithmetic_keeps_its_order(void **state)
{
    World *world = *state;
    check(world, "m1 + 2 * 3", 7, 8, NONE, 10, 1);
    check(world, "(m1 + 2) * 3", 9, 12, NONE, 18, -9);
    check(world, "m1 - 1 - 1", -1, 0, NONE, 2, -7);
    check(world, "2 ^ 3 ^ 0 + m1 * 0", 2, 2, NONE, 2, 2);
    check(world, "-m1", -1, -2, NONE, -4, 5);
    check(world, "8/4/2*m1", 1, 2, NONE, 4, -5);
}

static void two_series_meet_where_both_have_values(void **state)
{
    World *world = *state;
    check(world, "m1 + m2", 11, 2, NONE, 44, 45);
    check(world, "m1 / m2", 0.1, NONE, NONE, 0.1, -0.1); /* nothing is divided by zero */
    check(world, "m1 > 1 && m2 > 5", 0, 0, NONE, 1, 0);
    check(world, "m1 <= 1 || m2 == 0", 1, 1, NONE, 0, 1);
    check(world, "m1 != 4", 1, 1, NONE, 0, 1);
}

static void functions_of_each_value(void **state)
{
    World *world = *state;
    check(world, "ABS(m1)", 1, 2, NONE, 4, 5);
    check(world, "CEIL(m1 / 2)", 1, 1, NONE, 2, -2);
    check(world, "floor(m1 / 2)", 0, 1, NONE, 2, -3);
    check(world, "LOG10(m2 * 10)", 2, NONE, log10(300), log10(400), log10(500));
    check(world, "RUNNING_SUM(m1)", 1, 3, NONE, 7, 2);
    check(world, "RATE(m2)", NONE, -10.0 / 60, 0.5, 10.0 / 60, 10.0 / 60);
    check(world, "DIFF(m2)", NONE, -10, 30, 10, 10);
    check(world, "DIFF_TIME(m1)", NONE, 60, NONE, 120, 60);
    check(world, "EPOCH(m1)", 0, 60, NONE, 180, 240);
}

static void functions_of_many_values(void **state)
{
    World *world = *state;
    check(world, "SUM([m1, m2])", 11, 2, 30, 44, 45);
    check(world, "AVG(METRICS())", 5.5, 1, 30, 22, 22.5);
    check(world, "MAX(METRICS(\"m2\"))", 10, 0, 30, 40, 50);
    check(world, "MIN([m1, m2, m1 * 2])", 1, 0, 30, 4, -10);
    check(world, "m1 * 0 + SUM(m1)", 2, 2, NONE, 2, 2);
    check(world, "m1 * 0 + METRIC_COUNT(METRICS())", 2, 2, NONE, 2, 2);
    check(world, "m1 * 0 + PERIOD(m1)", 60, 60, NONE, 60, 60);
    check(world, "m1 * 0 + DATAPOINT_COUNT(m1)", 4, 4, NONE, 4, 4);
    check(world, "m1 * 0 + FIRST(m2) + LAST(m2)", 60, 60, NONE, 60, 60);
    check(world, "m1 * 0 + STDDEV(m2)", sqrt(344), sqrt(344), NONE, sqrt(344), sqrt(344));
}

static void gaps_are_filled(void **state)
{
    World *world = *state;
    check(world, "FILL(m1, 0)", 1, 2, 0, 4, -5);
    check(world, "FILL(m1, REPEAT)", 1, 2, 2, 4, -5);
    check(world, "FILL(m1, LINEAR)", 1, 2, 3, 4, -5);
    check(world, "FILL(m1, m2)", 1, 2, 30, 4, -5);
    check(world, "TIME_SERIES(7)", 7, 7, 7, 7, 7);
    check(world, "IF(m1 > 1, m2, 0)", 0, 0, NONE, 40, 0);
    check(world, "IF(m1 > 1, 1)", NONE, 1, NONE, 1, NONE);
}

static void arrays_go_item_by_item(void **state)
{
    World *world = *state;
    const MathSeries *second = series_at(world, "METRICS() * 2", 1);
    assert_int_equal(second->n, 5);
    assert_true(fabs(second->values[4] - 100) < 1e-9);
    assert_string_equal(second->label, "m2");
    assert_int_equal(series_at(world, "ABS([m2, m1])", 1)->n, 4);
}

static void expressions_use_each_other(void **state)
{
    World *world = *state;
    add(world, "twice", "m1 * 2");
    check(world, "twice + 1", 3, 5, NONE, 9, -9);
    add(world, "a", "b + 1");
    add(world, "b", "a + 1");
    check_refused(world, "a", "depends on itself");
    check_refused(world, "e + 1", "depends on itself");
}

static void what_cannot_be_read_is_refused(void **state)
{
    World *world = *state;
    static const struct {
        const char *expression, *says;
    } bad[] = {
        {"", "cannot be read"},
        {"m1 +", "cannot be read"},
        {"m1 m2", "goes on"},
        {"(m1", "lacks a ')'"},
        {"m1 + m9", "Unrecognized variable: m9"},
        {"NOPE(m1)", "no such function: NOPE"},
        {"SUM(m1, m2)", "one argument"},
        {"SUM(m1", "not complete"},
        {"SUM(m1)", "single number"},
        {"1 + 1", "single number"},
        {"METRICS() + METRICS()", "two arrays"},
        {"FILL(m1)", "two arguments"},
        {"IF(m1)", "two or three"},
        {"\"text", "without an end"},
        {"m1 + 'text'", "no use for the text"},
        {"[m1, 1]", "time series"},
        {"PERIOD(METRICS())", "takes a time series"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        check_refused(world, bad[i].expression, bad[i].says);
    g_autofree char *deep = g_strnfill(1000, '(');
    check_refused(world, deep, "nests too deep");
    g_autofree char *minus = g_strnfill(1000, '-');
    check_refused(world, minus, "nests too deep");
    g_autofree char *lengthy = g_strnfill(3000, '1');
    check_refused(world, lengthy, "longer than");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(arithmetic_keeps_its_order),
        TEST(two_series_meet_where_both_have_values),
        TEST(functions_of_each_value),
        TEST(functions_of_many_values),
        TEST(gaps_are_filled),
        TEST(arrays_go_item_by_item),
        TEST(expressions_use_each_other),
        TEST(what_cannot_be_read_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
