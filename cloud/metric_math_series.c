/* Series out of series. Invariant: what is given is never changed. */
#include "cloud/metric_math_series.h"

#include "base/clock.h"
#include <math.h>

MathBuilder math_build(Arena *arena, const MathSeries *like, size_t most)
{
    MathBuilder builder = {.arena = arena, .series = arena_new_struct(arena, MathSeries)};
    builder.series->label = like->label;
    builder.series->period = like->period;
    builder.series->times = builder.times = arena_alloc(arena, (most + 1) * sizeof(int64_t));
    builder.series->values = builder.values = arena_alloc(arena, (most + 1) * sizeof(double));
    return builder;
}

/* Numbers that are none leave a gap, as a division by zero does. */
void math_put(MathBuilder *builder, int64_t time, double value)
{
    if (!isfinite(value))
        return;
    builder->times[builder->series->n] = time;
    builder->values[builder->series->n++] = value;
}

static int64_t period_of(const MathScope *scope)
{
    int64_t period = 0;
    LIST_EACH (const MathNamed *, named, &scope->named) {
        LIST_EACH (const MathSeries *, series, &named->series)
            period = MAX(period, series->period);
    }
    return period ? period : 60;
}

/* A value at every period of the range. */
const MathSeries *math_constant(const MathScope *scope, double number)
{
    int64_t period = period_of(scope), step = period * CLOCK_SECOND;
    const MathSeries like = {.period = period};
    int64_t length = MAX(scope->end - scope->start, 0);
    size_t n = (size_t)MIN((length + step - 1) / step, MATH_POINTS_MOST);
    MathBuilder builder = math_build(scope->arena, &like, n);
    for (size_t i = 0; i < n; i++)
        math_put(&builder, scope->start + (int64_t)i * step, number);
    return builder.series;
}

/* ---- operators ---- */

double math_operate(MathOperator operation, double a, double b)
{
    switch (operation) {
    case MATH_ADD:
        return a + b;
    case MATH_SUBTRACT:
        return a - b;
    case MATH_MULTIPLY:
        return a * b;
    case MATH_DIVIDE:
        return fabs(b) > 0 ? a / b : NAN;
    case MATH_POWER:
        return pow(a, b);
    case MATH_LESS:
        return a < b;
    case MATH_LESS_EQUAL:
        return a <= b;
    case MATH_GREATER:
        return a > b;
    case MATH_GREATER_EQUAL:
        return a >= b;
    case MATH_EQUAL:
        return a <= b && a >= b;
    case MATH_NOT_EQUAL:
        return a < b || a > b;
    case MATH_AND:
        return fabs(a) > 0 && fabs(b) > 0;
    case MATH_OR:
        return fabs(a) > 0 || fabs(b) > 0;
    }
    g_assert_not_reached();
}

const MathSeries *math_with_number(Arena *arena, MathOperator operation, const MathSeries *series,
                                   double number, bool left)
{
    MathBuilder builder = math_build(arena, series, series->n);
    for (size_t i = 0; i < series->n; i++)
        math_put(&builder, series->times[i],
                 left ? math_operate(operation, number, series->values[i])
                      : math_operate(operation, series->values[i], number));
    return builder.series;
}

const MathSeries *math_two_series(Arena *arena, MathOperator operation, const MathSeries *a,
                                  const MathSeries *b)
{
    MathBuilder builder = math_build(arena, a->period >= b->period ? a : b, MIN(a->n, b->n));
    for (size_t i = 0, j = 0; i < a->n && j < b->n;) {
        if (a->times[i] == b->times[j]) {
            math_put(&builder, a->times[i], math_operate(operation, a->values[i], b->values[j]));
            i++, j++;
        } else if (a->times[i] < b->times[j]) {
            i++;
        } else {
            j++;
        }
    }
    return builder.series;
}

/* ---- one number of many ---- */

double math_sum(const double *values, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += values[i];
    return sum;
}

double math_average(const double *values, size_t n)
{
    return n ? math_sum(values, n) / (double)n : NAN;
}

double math_least(const double *values, size_t n)
{
    double least = n ? values[0] : NAN;
    for (size_t i = 1; i < n; i++)
        least = MIN(least, values[i]);
    return least;
}

double math_most(const double *values, size_t n)
{
    double most = n ? values[0] : NAN;
    for (size_t i = 1; i < n; i++)
        most = MAX(most, values[i]);
    return most;
}

double math_deviation(const double *values, size_t n)
{
    double mean = math_average(values, n), sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (values[i] - mean) * (values[i] - mean);
    return n ? sqrt(sum / (double)n) : NAN;
}

double math_count(const double *values, size_t n)
{
    return (double)n;
}

/* Of all that have a value at a time. */
const MathSeries *math_reduce_list(Arena *arena, const List *list, MathReduce reduce)
{
    size_t most = 0;
    const MathSeries like = {.period = 60};
    LIST_EACH (const MathSeries *, series, list)
        most += series->n;
    MathBuilder builder = math_build(arena, list->n ? list->items[0] : &like, most);
    builder.series->label = NULL;
    g_autofree size_t *at = g_new0(size_t, list->n + 1);
    g_autofree double *values = g_new(double, list->n + 1);
    for (;;) {
        int64_t time = INT64_MAX;
        for (size_t i = 0; i < list->n; i++) {
            const MathSeries *series = list->items[i];
            if (at[i] < series->n)
                time = MIN(time, series->times[at[i]]);
        }
        if (time == INT64_MAX)
            return builder.series;
        size_t n = 0;
        for (size_t i = 0; i < list->n; i++) {
            const MathSeries *series = list->items[i];
            if (at[i] < series->n && series->times[at[i]] == time)
                values[n++] = series->values[at[i]++];
        }
        math_put(&builder, time, reduce(values, n));
    }
}

/* ---- each value ---- */

const MathSeries *math_each(Arena *arena, const MathSeries *series, MathEach fn)
{
    MathBuilder builder = math_build(arena, series, series->n);
    for (size_t i = 0; i < series->n; i++)
        math_put(&builder, series->times[i], fn(series->values[i]));
    return builder.series;
}

/* Change to the value before: by itself, of time, or per second. */
static const MathSeries *steps(Arena *arena, const MathSeries *series, char what)
{
    MathBuilder builder = math_build(arena, series, series->n);
    for (size_t i = 1; i < series->n; i++) {
        double change = series->values[i] - series->values[i - 1];
        double seconds = (double)(series->times[i] - series->times[i - 1]) / (double)CLOCK_SECOND;
        math_put(&builder, series->times[i],
                 what == 'v'   ? change
                 : what == 't' ? seconds
                               : change / seconds);
    }
    return builder.series;
}

const MathSeries *math_rate(Arena *arena, const MathSeries *series)
{
    return steps(arena, series, 'r');
}

const MathSeries *math_diff(Arena *arena, const MathSeries *series)
{
    return steps(arena, series, 'v');
}

const MathSeries *math_diff_time(Arena *arena, const MathSeries *series)
{
    return steps(arena, series, 't');
}

const MathSeries *math_running_sum(Arena *arena, const MathSeries *series)
{
    MathBuilder builder = math_build(arena, series, series->n);
    double sum = 0;
    for (size_t i = 0; i < series->n; i++)
        math_put(&builder, series->times[i], sum += series->values[i]);
    return builder.series;
}

const MathSeries *math_epoch(Arena *arena, const MathSeries *series)
{
    MathBuilder builder = math_build(arena, series, series->n);
    for (size_t i = 0; i < series->n; i++) {
        int64_t seconds = series->times[i] / CLOCK_SECOND;
        math_put(&builder, series->times[i], (double)seconds);
    }
    return builder.series;
}
