/* Metric data queries. Invariant: what metric_queries_check let through, metric_queries_run can
 * run, but for what depends on the values. */
#include "cloud/metric_queries.h"

#include "base/fault.h"
#include <jansson.h>
#include <math.h>
#include <string.h>

/* ---- checking ---- */

static bool is_id(const char *id)
{
    if (!g_ascii_islower(*id))
        return false;
    for (; *id; id++) {
        if (!g_ascii_isalnum(*id) && *id != '_')
            return false;
    }
    return true;
}

static bool check_query(const List *queries, const MetricQuery *query, GError **error)
{
    if (!is_id(query->id))
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "The value %.100s for parameter MetricDataQueries.member.1.Id is not "
                         "matching the expected pattern ^[a-z][a-zA-Z0-9_]*$",
                         query->id);
    LIST_EACH (const MetricQuery *, other, queries) {
        if (other != query && strcmp(other->id, query->id) == 0)
            return fault_set(error, FAULT_VALIDATION_ERROR,
                             "The values for parameter id in parameter MetricDataQueries must be "
                             "unique: %s",
                             query->id);
    }
    bool has_metric = query->key.name != NULL;
    if (has_metric == (query->expression != NULL))
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "The parameter MetricDataQueries with the id %s must have exactly one of "
                         "MetricStat and Expression",
                         query->id);
    if (has_metric && !metric_statistic_is_known(query->statistic))
        return fault_set(
            error, FAULT_VALIDATION_ERROR,
            "The value %.100s for parameter MetricDataQueries.member.1.MetricStat.Stat "
            "is not supported.",
            query->statistic);
    return true;
}

static MathNamed *add_named(MathScope *scope, const MetricQuery *query)
{
    MathNamed *named = arena_new_struct(scope->arena, MathNamed);
    named->id = query->id;
    named->expression = query->expression;
    named->is_metric = !query->expression;
    list_add(&scope->named, scope->arena, named);
    return named;
}

static const char *label_of(const MetricQuery *query)
{
    return query->label ? query->label : query->expression ? query->id : query->key.name;
}

static void add_empty(MathScope *scope, MathNamed *named, const MetricQuery *query)
{
    MathSeries *series = arena_new_struct(scope->arena, MathSeries);
    series->period = query->period ? query->period : 60;
    series->label = label_of(query);
    list_add(&named->series, scope->arena, series);
}

bool metric_queries_check(Arena *arena, const List *queries, GError **error)
{
    MathScope scope = {.arena = arena};
    LIST_EACH (const MetricQuery *, query, queries) {
        if (!check_query(queries, query, error))
            return false;
        MathNamed *named = add_named(&scope, query);
        if (named->is_metric)
            add_empty(&scope, named, query);
    }
    /* What is wrong with an expression shows without any values. */
    LIST_EACH (MathNamed *, named, &scope.named) {
        if (!math_evaluate(&scope, named, error))
            return false;
    }
    return true;
}

/* ---- running ---- */

static bool read_metric(Cloud *cloud, MathScope *scope, const MetricQuery *query, MathNamed *named,
                        GError **error)
{
    List points = {0};
    const MetricRange range = {.start = scope->start, .end = scope->end, .period = query->period};
    if (!metrics_read(cloud_metrics(cloud), scope->arena, &query->key, &range, &points, error))
        return false;
    MathSeries *series = arena_new_struct(scope->arena, MathSeries);
    int64_t *times = arena_alloc(scope->arena, (points.n + 1) * sizeof(int64_t));
    double *values = arena_alloc(scope->arena, (points.n + 1) * sizeof(double));
    LIST_EACH (const MetricPoint *, point, &points) {
        double value = metric_point_value(point, query->statistic);
        if (isnan(value))
            continue;
        times[series->n] = point->time;
        values[series->n++] = value;
    }
    series->label = label_of(query);
    series->period = query->period;
    series->times = times;
    series->values = values;
    list_add(&named->series, scope->arena, series);
    return true;
}

static void add_results(Arena *arena, const MetricQuery *query, const MathNamed *named,
                        List *results)
{
    LIST_EACH (const MathSeries *, series, &named->series) {
        MetricResult *result = arena_new_struct(arena, MetricResult);
        result->query = query;
        result->series = series;
        /* Of the series of an array each keeps its name. */
        result->label = named->series.n > 1 && series->label ? series->label : label_of(query);
        list_add(results, arena, result);
    }
}

bool metric_queries_run(Cloud *cloud, Arena *arena, const List *queries, int64_t start, int64_t end,
                        List *results, GError **error)
{
    MathScope scope = {.arena = arena, .start = start, .end = end};
    LIST_EACH (const MetricQuery *, query, queries) {
        MathNamed *named = add_named(&scope, query);
        if (named->is_metric && !read_metric(cloud, &scope, query, named, error))
            return false;
    }
    for (size_t i = 0; i < queries->n; i++) {
        const MetricQuery *query = queries->items[i];
        MathNamed *named = scope.named.items[i];
        if (!math_evaluate(&scope, named, error))
            return false;
        if (query->return_data)
            add_results(arena, query, named, results);
    }
    return true;
}

/* ---- as text ---- */

static char *dump(Arena *arena, json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(17));
    char *kept = arena_strdup(arena, text);
    free(text);
    json_decref(json);
    return kept;
}

char *text_list_text(Arena *arena, const List *texts)
{
    if (texts->n == 0)
        return NULL;
    json_t *list = json_array();
    LIST_EACH (const char *, text, texts)
        json_array_append_new(list, json_string(text));
    return dump(arena, list);
}

void text_list_read(Arena *arena, const char *text, List *texts)
{
    json_t *list = text && *text ? json_loads(text, 0, NULL) : NULL;
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item)
        list_add(texts, arena, arena_strdup(arena, json_string_value(item)));
    json_decref(list);
}

char *metric_queries_text(Arena *arena, const List *queries)
{
    if (queries->n == 0)
        return NULL;
    json_t *list = json_array();
    LIST_EACH (const MetricQuery *, query, queries)
        json_array_append_new(
            list, json_pack("{s:s, s:s?, s:s?, s:s?, s:s, s:s?, s:s?, s:I, s:s?, s:b}", "id",
                            query->id, "expression", query->expression, "namespace",
                            query->key.space, "name", query->key.name, "dimensions",
                            metric_dimensions_text(arena, &query->key.dimensions), "unit",
                            query->key.unit, "stat", query->statistic, "period",
                            (json_int_t)query->period, "label", query->label, "returns",
                            query->return_data));
    return dump(arena, list);
}

static const char *member(Arena *arena, const json_t *json, const char *name)
{
    return arena_strdup(arena, json_string_value(json_object_get(json, name)));
}

void metric_queries_read(Arena *arena, const char *text, List *queries)
{
    json_t *list = text ? json_loads(text, 0, NULL) : NULL;
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item)
    {
        MetricQuery *query = arena_new_struct(arena, MetricQuery);
        *query = (MetricQuery){
            .id = member(arena, item, "id"),
            .expression = member(arena, item, "expression"),
            .key = {.space = member(arena, item, "namespace"),
                    .name = member(arena, item, "name"),
                    .unit = member(arena, item, "unit")},
            .statistic = member(arena, item, "stat"),
            .period = json_integer_value(json_object_get(item, "period")),
            .label = member(arena, item, "label"),
            .return_data = json_is_true(json_object_get(item, "returns")),
        };
        metric_dimensions_read(arena, member(arena, item, "dimensions"), &query->key.dimensions);
        list_add(queries, arena, query);
    }
    json_decref(list);
}
