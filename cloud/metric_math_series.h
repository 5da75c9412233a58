/* What metric math does with series, for cloud/metric_math*.c alone. Pure. */
#pragma once

#include "cloud/metric_math.h"

/* A series in the making. */
typedef struct MathBuilder {
    Arena *arena;
    MathSeries *series;
    int64_t *times;
    double *values;
} MathBuilder;

/* With the label and the period of another, and room for so many values. */
MathBuilder math_build(Arena *arena, const MathSeries *like, size_t most);
/* Numbers that are none leave a gap, as a division by zero does. */
void math_put(MathBuilder *builder, int64_t time, double value);
/* A value at every period of the scope's range; the period is the longest of its series. */
const MathSeries *math_constant(const MathScope *scope, double number);

double math_operate(MathOperator operation, double a, double b);
/* left: the number stands before the operator. */
const MathSeries *math_with_number(Arena *arena, MathOperator operation, const MathSeries *series,
                                   double number, bool left);
const MathSeries *math_two_series(Arena *arena, MathOperator operation, const MathSeries *a,
                                  const MathSeries *b);

/* One number of many; of none it may be NaN. */
typedef double (*MathReduce)(const double *values, size_t n);
double math_sum(const double *values, size_t n);
double math_average(const double *values, size_t n);
double math_least(const double *values, size_t n);
double math_most(const double *values, size_t n);
double math_deviation(const double *values, size_t n);
double math_count(const double *values, size_t n);
/* At each time, of all series (MathSeries *) that have a value then. */
const MathSeries *math_reduce_list(Arena *arena, const List *list, MathReduce reduce);

typedef double (*MathEach)(double value);
const MathSeries *math_each(Arena *arena, const MathSeries *series, MathEach fn);
/* Each value with those before it. */
typedef const MathSeries *(*MathEachSeries)(Arena *arena, const MathSeries *series);
const MathSeries *math_rate(Arena *arena, const MathSeries *series);
const MathSeries *math_diff(Arena *arena, const MathSeries *series);
const MathSeries *math_diff_time(Arena *arena, const MathSeries *series);
const MathSeries *math_running_sum(Arena *arena, const MathSeries *series);
const MathSeries *math_epoch(Arena *arena, const MathSeries *series);
