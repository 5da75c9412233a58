/* Values of expressions: numbers, series, lists of series.
 *
 * Invariant: series are never changed, but others made; and a named expression is worked out
 * once. */
#include "cloud/metric_math.h"

#include "base/clock.h"
#include "base/fault.h"
#include "cloud/metric_math_series.h"
#include <math.h>
#include <string.h>

typedef struct MathValue {
    enum { SCALAR, SERIES, LIST } kind;
    double number;
    const MathSeries *series;
    List list; /* of MathSeries * */
} MathValue;

typedef struct Evaluation {
    MathScope *scope;
    const MathNamed *named;
    unsigned depth; /* of expressions that use others */
} Evaluation;

static bool evaluate(Evaluation *evaluation, const MathNode *node, MathValue *ret_value,
                     GError **error);
static bool evaluate_named(MathScope *scope, MathNamed *named, unsigned depth, GError **error);

static bool wrong(const Evaluation *evaluation, const char *what, const char *which, GError **error)
{
    return fault_set(error, FAULT_VALIDATION_ERROR, "Error in expression '%s': %s%s",
                     evaluation->named->id, what, which);
}

static MathValue scalar(double number)
{
    return (MathValue){.kind = SCALAR, .number = number};
}

static MathValue of_series(const MathSeries *series)
{
    return (MathValue){.kind = SERIES, .series = series};
}

/* ---- operators ---- */

static const MathSeries *combine(Arena *arena, MathOperator operation, const MathValue *a,
                                 const MathValue *b)
{
    if (a->kind == SERIES && b->kind == SERIES)
        return math_two_series(arena, operation, a->series, b->series);
    return a->kind == SERIES ? math_with_number(arena, operation, a->series, b->number, false)
                             : math_with_number(arena, operation, b->series, a->number, true);
}

/* A list with anything but a list goes item by item. */
static bool apply(Evaluation *evaluation, MathOperator operation, const MathValue *a,
                  const MathValue *b, MathValue *ret_value, GError **error)
{
    Arena *arena = evaluation->scope->arena;
    if (a->kind == SCALAR && b->kind == SCALAR) {
        *ret_value = scalar(math_operate(operation, a->number, b->number));
        return true;
    }
    if (a->kind != LIST && b->kind != LIST) {
        *ret_value = of_series(combine(arena, operation, a, b));
        return true;
    }
    if (a->kind == LIST && b->kind == LIST)
        return wrong(evaluation, "operators do not take two arrays", "", error);
    *ret_value = (MathValue){.kind = LIST};
    const List *items = a->kind == LIST ? &a->list : &b->list;
    LIST_EACH (const MathSeries *, series, items) {
        const MathValue item = of_series(series);
        list_add(&ret_value->list, arena,
                 a->kind == LIST ? combine(arena, operation, &item, b)
                                 : combine(arena, operation, a, &item));
    }
    return true;
}

/* ---- functions that make one number of many ---- */

static bool call_reduce(Evaluation *evaluation, const MathValue *argument, MathReduce reduce,
                        MathValue *ret_value)
{
    if (argument->kind == SCALAR)
        *ret_value = scalar(reduce(&argument->number, 1));
    else if (argument->kind == SERIES)
        *ret_value = scalar(reduce(argument->series->values, argument->series->n));
    else
        *ret_value = of_series(math_reduce_list(evaluation->scope->arena, &argument->list, reduce));
    return true;
}

/* ---- functions of each value ---- */

static void call_series(Evaluation *evaluation, const MathValue *argument, MathEach each,
                        MathEachSeries fn, MathValue *ret_value)
{
    Arena *arena = evaluation->scope->arena;
    if (argument->kind == SERIES) {
        *ret_value = of_series(each ? math_each(arena, argument->series, each)
                                    : fn(arena, argument->series));
        return;
    }
    *ret_value = (MathValue){.kind = LIST};
    LIST_EACH (const MathSeries *, series, &argument->list)
        list_add(&ret_value->list, arena,
                 each ? math_each(arena, series, each) : fn(arena, series));
}

/* ---- functions of their own ---- */

/* FILL(series, number | series | REPEAT | LINEAR) */
static const MathSeries *fill(const MathScope *scope, const MathSeries *series,
                              const MathValue *value, const char *how)
{
    const MathSeries *grid = math_constant(scope, 0);
    MathBuilder builder = math_build(scope->arena, series, grid->n + series->n);
    size_t at = 0, with = 0;
    for (size_t i = 0; i < grid->n; i++) {
        int64_t time = grid->times[i];
        while (at < series->n && series->times[at] < time)
            at++;
        if (at < series->n && series->times[at] == time) {
            math_put(&builder, time, series->values[at]);
        } else if (how) {
            bool before = at > 0, after = at < series->n;
            if (strcmp(how, "REPEAT") == 0) {
                math_put(&builder, time, before ? series->values[at - 1] : NAN);
            } else if (before && after) {
                double part = (double)(time - series->times[at - 1]) /
                              (double)(series->times[at] - series->times[at - 1]);
                math_put(&builder, time,
                         series->values[at - 1] +
                             part * (series->values[at] - series->values[at - 1]));
            }
        } else if (value->kind == SCALAR) {
            math_put(&builder, time, value->number);
        } else {
            while (with < value->series->n && value->series->times[with] < time)
                with++;
            if (with < value->series->n && value->series->times[with] == time)
                math_put(&builder, time, value->series->values[with]);
        }
    }
    return builder.series;
}

static bool call_fill(Evaluation *evaluation, const MathNode *node, MathValue *ret_value,
                      GError **error)
{
    MathScope *scope = evaluation->scope;
    MathValue what, with = {0};
    const char *how = NULL;
    const MathNode *second = node->parts.n == 2 ? node->parts.items[1] : NULL;
    if (!second)
        return wrong(evaluation, "FILL takes two arguments", "", error);
    if (second->kind == MATH_NAME &&
        (strcmp(second->text, "REPEAT") == 0 || strcmp(second->text, "LINEAR") == 0))
        how = second->text;
    if (!evaluate(evaluation, node->parts.items[0], &what, error) ||
        (!how && !evaluate(evaluation, second, &with, error)))
        return false;
    if (what.kind == SCALAR || with.kind == LIST)
        return wrong(evaluation, "FILL takes a time series, and what fills it", "", error);
    if (what.kind == SERIES) {
        *ret_value = of_series(fill(scope, what.series, &with, how));
        return true;
    }
    *ret_value = (MathValue){.kind = LIST};
    LIST_EACH (const MathSeries *, series, &what.list)
        list_add(&ret_value->list, scope->arena, fill(scope, series, &with, how));
    return true;
}

static double value_at(const MathValue *value, int64_t time)
{
    if (value->kind == SCALAR)
        return value->number;
    for (size_t i = 0; i < value->series->n; i++) {
        if (value->series->times[i] == time)
            return value->series->values[i];
    }
    return NAN;
}

/* IF(condition, then, else): where the condition is not known, nothing. */
static bool call_if(Evaluation *evaluation, const MathValue *arguments, size_t n,
                    MathValue *ret_value, GError **error)
{
    for (size_t i = 0; i < n; i++) {
        if (arguments[i].kind == LIST)
            return wrong(evaluation, "IF does not take arrays", "", error);
    }
    const MathValue none = scalar(NAN);
    const MathValue *condition = &arguments[0], *other = n > 2 ? &arguments[2] : &none;
    if (condition->kind == SCALAR) {
        *ret_value = fabs(condition->number) > 0 ? arguments[1] : *other;
        return true;
    }
    MathBuilder builder =
        math_build(evaluation->scope->arena, condition->series, condition->series->n);
    for (size_t i = 0; i < condition->series->n; i++) {
        int64_t time = condition->series->times[i];
        math_put(&builder, time,
                 value_at(fabs(condition->series->values[i]) > 0 ? &arguments[1] : other, time));
    }
    *ret_value = of_series(builder.series);
    return true;
}

/* METRICS(), METRICS("cpu"): every metric, or those whose id has that in it. */
static void all_metrics(const MathScope *scope, const char *part, List *list)
{
    LIST_EACH (const MathNamed *, named, &scope->named) {
        if (!named->is_metric || (part && !strstr(named->id, part)))
            continue;
        LIST_EACH (const MathSeries *, series, &named->series)
            list_add(list, scope->arena, series);
    }
}

static bool call_metrics(Evaluation *evaluation, const MathNode *node, MathValue *ret_value,
                         GError **error)
{
    const MathNode *filter = node->parts.n == 1 ? node->parts.items[0] : NULL;
    if (node->parts.n > 1 || (filter && filter->kind != MATH_TEXT))
        return wrong(evaluation, node->text, " takes a text, or nothing", error);
    List list = {0};
    all_metrics(evaluation->scope, filter ? filter->text : NULL, &list);
    *ret_value = (MathValue){.kind = LIST, .list = list};
    return true;
}

static double end_of(const MathSeries *series, bool last)
{
    return series->n ? series->values[last ? series->n - 1 : 0] : NAN;
}

/* FIRST, LAST, PERIOD, of a series; FIRST and LAST of an array is one of its series. */
static bool call_end(Evaluation *evaluation, const char *name, const MathValue *argument,
                     MathValue *ret_value, GError **error)
{
    bool last = strcmp(name, "LAST") == 0;
    if (strcmp(name, "PERIOD") == 0) {
        if (argument->kind != SERIES)
            return wrong(evaluation, "PERIOD takes a time series", "", error);
        *ret_value = scalar((double)argument->series->period);
    } else if (argument->kind == LIST) {
        *ret_value = argument->list.n
                         ? of_series(argument->list.items[last ? argument->list.n - 1 : 0])
                         : scalar(NAN);
    } else {
        *ret_value = argument->kind == SERIES ? scalar(end_of(argument->series, last)) : *argument;
    }
    return true;
}

static bool call_metric_count(Evaluation *evaluation, const MathValue *argument,
                              MathValue *ret_value, GError **error)
{
    if (argument->kind != LIST)
        return wrong(evaluation, "METRIC_COUNT takes an array", "", error);
    *ret_value = scalar((double)argument->list.n);
    return true;
}

static bool call_time_series(Evaluation *evaluation, const MathValue *argument,
                             MathValue *ret_value, GError **error)
{
    if (argument->kind != SCALAR)
        return wrong(evaluation, "TIME_SERIES takes a number", "", error);
    *ret_value = of_series(math_constant(evaluation->scope, argument->number));
    return true;
}

static bool call_remove_empty(Evaluation *evaluation, const MathValue *argument,
                              MathValue *ret_value, GError **error)
{
    if (argument->kind != LIST)
        return wrong(evaluation, "REMOVE_EMPTY takes an array", "", error);
    *ret_value = (MathValue){.kind = LIST};
    LIST_EACH (const MathSeries *, series, &argument->list) {
        if (series->n > 0)
            list_add(&ret_value->list, evaluation->scope->arena, series);
    }
    return true;
}

/* Functions of one argument. */
static const struct {
    const char *name;
    MathReduce reduce; /* or */
    MathEach each;     /* or */
    MathEachSeries fn; /* or */
    bool (*call)(Evaluation *evaluation, const MathValue *argument, MathValue *ret_value,
                 GError **error);
    bool end;
} functions[] = {
    {"ABS", .each = fabs},
    {"AVG", .reduce = math_average},
    {"CEIL", .each = ceil},
    {"DATAPOINT_COUNT", .reduce = math_count},
    {"DIFF", .fn = math_diff},
    {"DIFF_TIME", .fn = math_diff_time},
    {"EPOCH", .fn = math_epoch},
    {"FIRST", .end = true},
    {"FLOOR", .each = floor},
    {"LAST", .end = true},
    {"LOG", .each = log},
    {"LOG10", .each = log10},
    {"MAX", .reduce = math_most},
    {"METRIC_COUNT", .call = call_metric_count},
    {"MIN", .reduce = math_least},
    {"PERIOD", .end = true},
    {"RATE", .fn = math_rate},
    {"REMOVE_EMPTY", .call = call_remove_empty},
    {"RUNNING_SUM", .fn = math_running_sum},
    {"STDDEV", .reduce = math_deviation},
    {"SUM", .reduce = math_sum},
    {"TIME_SERIES", .call = call_time_series},
};

/* As the function of that name; a number alone goes through those of single values. */
static bool call_one(Evaluation *evaluation, const char *name, const MathValue *argument,
                     MathValue *ret_value, GError **error)
{
    for (size_t i = 0; i < G_N_ELEMENTS(functions); i++) {
        if (strcmp(functions[i].name, name) != 0)
            continue;
        if (functions[i].end)
            return call_end(evaluation, name, argument, ret_value, error);
        if (functions[i].call)
            return functions[i].call(evaluation, argument, ret_value, error);
        if (functions[i].reduce)
            return call_reduce(evaluation, argument, functions[i].reduce, ret_value);
        if (argument->kind == SCALAR && functions[i].fn)
            return wrong(evaluation, name, " takes a time series", error);
        if (argument->kind == SCALAR)
            *ret_value = scalar(functions[i].each(argument->number));
        else
            call_series(evaluation, argument, functions[i].each, functions[i].fn, ret_value);
        return true;
    }
    return wrong(evaluation, "there is no such function: ", name, error);
}

/* ---- the tree ---- */

/* Several arguments of a function that takes an array are one. */
static bool gather(Evaluation *evaluation, const MathValue *values, size_t n, MathValue *ret_list,
                   GError **error)
{
    *ret_list = (MathValue){.kind = LIST};
    for (size_t i = 0; i < n; i++) {
        if (values[i].kind == SCALAR)
            return wrong(evaluation, "an array is of time series", "", error);
        if (values[i].kind == SERIES)
            list_add(&ret_list->list, evaluation->scope->arena, values[i].series);
        LIST_EACH (const MathSeries *, series, &values[i].list)
            list_add(&ret_list->list, evaluation->scope->arena, series);
    }
    return true;
}

static bool evaluate_parts(Evaluation *evaluation, const MathNode *node, MathValue **ret_values,
                           GError **error)
{
    MathValue *values =
        arena_alloc(evaluation->scope->arena, (node->parts.n + 1) * sizeof(MathValue));
    for (size_t i = 0; i < node->parts.n; i++) {
        if (!evaluate(evaluation, node->parts.items[i], &values[i], error))
            return false;
    }
    *ret_values = values;
    return true;
}

static bool call(Evaluation *evaluation, const MathNode *node, MathValue *ret_value, GError **error)
{
    MathValue *values;
    if (strcmp(node->text, "METRICS") == 0)
        return call_metrics(evaluation, node, ret_value, error);
    if (strcmp(node->text, "FILL") == 0)
        return call_fill(evaluation, node, ret_value, error);
    if (!evaluate_parts(evaluation, node, &values, error))
        return false;
    if (strcmp(node->text, "IF") == 0)
        return node->parts.n == 2 || node->parts.n == 3
                   ? call_if(evaluation, values, node->parts.n, ret_value, error)
                   : wrong(evaluation, "IF takes two or three arguments", "", error);
    if (node->parts.n != 1)
        return wrong(evaluation, node->text, " takes one argument", error);
    return call_one(evaluation, node->text, &values[0], ret_value, error);
}

static MathNamed *find_named(const MathScope *scope, const char *id)
{
    LIST_EACH (MathNamed *, named, &scope->named) {
        if (strcmp(named->id, id) == 0)
            return named;
    }
    return NULL;
}

static bool use_named(Evaluation *evaluation, const char *id, MathValue *ret_value, GError **error)
{
    MathNamed *named = find_named(evaluation->scope, id);
    if (!named)
        return wrong(evaluation, "Unrecognized variable: ", id, error);
    if (named->expression &&
        !evaluate_named(evaluation->scope, named, evaluation->depth + 1, error))
        return false;
    *ret_value = named->series.n == 1 ? of_series(named->series.items[0])
                                      : (MathValue){.kind = LIST, .list = named->series};
    return true;
}

/* No deeper than the parser went. */
static bool evaluate(Evaluation *evaluation, const MathNode *node, MathValue *ret_value,
                     GError **error)
{
    MathValue *values;
    const MathValue minus_one = scalar(-1);
    switch (node->kind) {
    case MATH_NUMBER:
        *ret_value = scalar(node->number);
        return true;
    case MATH_TEXT:
        return wrong(evaluation, "there is no use for the text ", node->text, error);
    case MATH_NAME:
        return use_named(evaluation, node->text, ret_value, error);
    case MATH_CALL:
        return call(evaluation, node, ret_value, error);
    case MATH_LIST:
        return evaluate_parts(evaluation, node, &values, error) &&
               gather(evaluation, values, node->parts.n, ret_value, error);
    case MATH_MINUS:
        return evaluate_parts(evaluation, node, &values, error) &&
               apply(evaluation, MATH_MULTIPLY, &minus_one, values, ret_value, error);
    case MATH_BINARY:
        return evaluate_parts(evaluation, node, &values, error) &&
               apply(evaluation, node->operation, &values[0], &values[1], ret_value, error);
    }
    g_assert_not_reached();
}

static bool evaluate_named(MathScope *scope, MathNamed *named, unsigned depth, GError **error)
{
    Evaluation evaluation = {scope, named, depth};
    MathNode *node;
    MathValue value;
    if (named->state == MATH_DONE)
        return true;
    if (named->state == MATH_RUNS || depth > MATH_DEPTH_MOST)
        return wrong(&evaluation, "it depends on itself", "", error);
    named->state = MATH_RUNS;
    if (!math_parse(scope->arena, named->expression, &node, error) ||
        !evaluate(&evaluation, node, &value, error))
        return false;
    if (value.kind == SCALAR)
        return wrong(&evaluation, "it is a single number; TIME_SERIES() makes a time series of one",
                     "", error);
    if (value.kind == SERIES)
        list_add(&named->series, scope->arena, value.series);
    else
        named->series = value.list;
    named->state = MATH_DONE;
    return true;
}

bool math_evaluate(MathScope *scope, MathNamed *named, GError **error)
{
    return !named->expression || evaluate_named(scope, named, 0, error);
}
