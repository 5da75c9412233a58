/* Several metrics and expressions at once: GetMetricData, and alarms on metric math. */
#pragma once

#include "cloud/alarms.h"
#include "cloud/metric_math.h"

#define METRIC_QUERIES_MOST 500

/* Ids (start with a small letter, once each), each either a metric or an expression, expressions
 * that can be read. Fault ValidationError. */
bool metric_queries_check(Arena *arena, const List *queries, GError **error);

typedef struct MetricResult {
    const MetricQuery *query;
    const char *label;
    const MathSeries *series;
} MetricResult;
/* MetricResult * of the queries that return data, in their order; an expression may have several.
 * Times are the fast clock's. query->key.account_id is set by the caller. */
bool metric_queries_run(Cloud *cloud, Arena *arena, const List *queries, int64_t start, int64_t end,
                        List *results, GError **error);

/* As JSON and back (MetricQuery *), for what is kept. */
char *metric_queries_text(Arena *arena, const List *queries);
void metric_queries_read(Arena *arena, const char *text, List *queries);
/* A list of const char *, likewise; "" and NULL are none. */
char *text_list_text(Arena *arena, const List *texts);
void text_list_read(Arena *arena, const char *text, List *texts);
