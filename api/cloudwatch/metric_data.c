/* GetMetricData. Invariant: a page continues where the one before ended, counted in datapoints over
 * all results in their order, since the same question has the same answer for a past range. */
#include "api/cloudwatch/items.h"
#include "base/fault.h"
#include "cloud/fast_clock.h"
#include <inttypes.h>
#include <string.h>

#define DATAPOINTS_MOST 100800 /* of a page */

/* Beginnings are rounded down to a whole minute, or to a shorter period. */
static int64_t step_of(const List *queries)
{
    int64_t step = 60;
    LIST_EACH (const MetricQuery *, query, queries) {
        if (query->key.name)
            step = MIN(step, query->period);
    }
    return step * CLOCK_SECOND;
}

static bool read_token(const char *text, int64_t *ret_offset, GError **error)
{
    char *end;
    *ret_offset = 0;
    if (!text)
        return true;
    *ret_offset = g_ascii_strtoll(text, &end, 10);
    return (g_ascii_isdigit(*text) && !*end) ||
           fault_set(error, FAULT_INVALID_NEXT_TOKEN,
                     "The value %.100s for parameter NextToken is "
                     "invalid.",
                     text);
}

/* A window of datapoints, moved over all results. */
typedef struct Window {
    int64_t skip, left; /* datapoints */
    bool descending;
    bool first; /* page */
} Window;

static bool add_result(Call *call, const MetricResult *result, Window *window,
                       GetMetricDataReply *reply)
{
    Arena *arena = call->context.arena;
    const MathSeries *series = result->series;
    int64_t n = (int64_t)series->n, from = MIN(window->skip, n);
    int64_t to = MIN(n, from + window->left);
    window->skip -= from;
    window->left -= to - from;
    /* One without datapoints, or whose last were on an earlier page, is shown once. */
    if (from == to && !(n == 0 && window->first))
        return from == n;
    MetricDataResultItem *item = shape_new(arena, MetricDataResultItem_shape());
    item->id = result->query->id;
    item->label = result->label;
    item->status = to == n ? "Complete" : "PartialData";
    for (int64_t i = from; i < to; i++) {
        int64_t at = window->descending ? n - 1 - i : i;
        int64_t time = fast_to_client(call->context.cloud, series->times[at]);
        list_add(&item->timestamps, arena, arena_memdup(arena, &time, sizeof(time)));
        list_add(&item->values, arena, &series->values[at]);
    }
    list_add(&reply->results, arena, item);
    return to == n;
}

bool cloudwatch_get_metric_data(Call *call, const GetMetricDataRequest *request,
                                GetMetricDataReply *reply, GError **error)
{
    Context *context = &call->context;
    List queries = {0}, results = {0};
    int64_t offset;
    if (request->start >= request->end)
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "The parameter StartTime must be less than the parameter EndTime.");
    if (!read_token(request->next_token, &offset, error) ||
        !queries_of_items(call, &request->queries, &queries, error) ||
        !metric_queries_check(context->arena, &queries, error))
        return false;
    int64_t start = request->start - request->start % step_of(&queries);
    if (!metric_queries_run(context->cloud, context->arena, &queries,
                            fast_from_client(context->cloud, start),
                            fast_from_client(context->cloud, request->end), &results, error))
        return false;
    int64_t most = request->most == ABSENT ? DATAPOINTS_MOST : request->most;
    Window window = {
        .skip = offset,
        .left = most,
        .descending = !request->scan_by || strcmp(request->scan_by, "TimestampDescending") == 0,
        .first = offset == 0,
    };
    bool whole = true;
    LIST_EACH (const MetricResult *, result, &results)
        whole = add_result(call, result, &window, reply) && whole;
    if (!whole)
        reply->next_token = arena_printf(context->arena, "%" PRId64, offset + most);
    return true;
}
