/* GetMetricStatistics and ListMetrics. */
#include "api/cloudwatch/items.h"
#include "base/fault.h"
#include "cloud/fast_clock.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

/* AWS: "GetMetricStatistics", "ListMetrics" (Amazon CloudWatch API Reference). */
#define DATAPOINTS_MOST 1440
#define LISTED_FOR (14 * CLOCK_DAY)
#define RECENTLY (3 * 3600 * CLOCK_SECOND)

/* ---- GetMetricStatistics ---- */

static bool check_period(int64_t period, GError **error)
{
    return period == 1 || period == 5 || period == 10 || period == 20 || period == 30 ||
           (period > 0 && period % 60 == 0 && period <= 86400) ||
           fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                     "The parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60, and at "
                     "most 86400.");
}

static bool check_statistics(const GetMetricStatisticsRequest *request, GError **error)
{
    if (request->statistics.n > 0 && request->extended.n > 0)
        return fault_set(error, FAULT_INVALID_PARAMETER_COMBINATION,
                         "The parameters Statistics and ExtendedStatistics are mutually exclusive "
                         "and you have specified both.");
    if (request->statistics.n == 0 && request->extended.n == 0)
        return fault_set(error, FAULT_MISSING_PARAMETER,
                         "At least one of the parameters Statistics and ExtendedStatistics must be "
                         "specified.");
    LIST_EACH (const char *, name, &request->extended) {
        if (!metric_statistic_is_extended(name))
            return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                             "The value %.100s for parameter ExtendedStatistics is not supported.",
                             name);
    }
    return true;
}

static bool check_range(const GetMetricStatisticsRequest *request, GError **error)
{
    if (request->start >= request->end)
        return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                         "The parameter StartTime must be less than the parameter EndTime.");
    int64_t length = request->period * CLOCK_SECOND;
    int64_t points = (request->end - request->start + length - 1) / length;
    return points <= DATAPOINTS_MOST ||
           fault_set(error, FAULT_INVALID_PARAMETER_COMBINATION,
                     "You have requested up to %" PRId64
                     " datapoints, which exceeds the limit of %d. You may reduce the datapoints "
                     "requested by increasing Period, or decreasing the time range.",
                     points, DATAPOINTS_MOST);
}

static DatapointItem *datapoint_item(Call *call, const GetMetricStatisticsRequest *request,
                                     const MetricPoint *point)
{
    Arena *arena = call->context.arena;
    DatapointItem *item = shape_new(arena, DatapointItem_shape());
    item->timestamp = fast_to_client(call->context.cloud, point->time);
    item->unit = point->unit;
    LIST_EACH (const char *, name, &request->statistics) {
        double value = metric_point_value(point, name);
        if (strcmp(name, "SampleCount") == 0)
            item->count = item->samples = value;
        else if (strcmp(name, "Average") == 0)
            item->average = value;
        else if (strcmp(name, "Sum") == 0)
            item->sum = value;
        else if (strcmp(name, "Minimum") == 0)
            item->min = value;
        else
            item->max = value;
    }
    LIST_EACH (const char *, name, &request->extended) {
        double value = metric_point_value(point, name);
        if (isnan(value))
            continue;
        ExtendedEntry *entry = shape_new(arena, ExtendedEntry_shape());
        entry->key = name;
        entry->value = value;
        list_add(&item->extended, arena, entry);
    }
    /* Of this point none of the percentiles are known. */
    return request->extended.n > 0 && item->extended.n == 0 ? NULL : item;
}

bool cloudwatch_get_metric_statistics(Call *call, const GetMetricStatisticsRequest *request,
                                      GetMetricStatisticsReply *reply, GError **error)
{
    Context *context = &call->context;
    MetricKey key = {
        .account_id = context->caller.account_id,
        .space = request->space,
        .name = request->metric_name,
        .unit = request->unit,
    };
    List points = {0};
    if (!check_period(request->period, error) || !check_statistics(request, error) ||
        !check_range(request, error) ||
        !dimensions_of_items(context->arena, &request->dimensions, &key.dimensions, error))
        return false;
    /* A beginning is rounded down to a whole minute, or to a shorter period. */
    int64_t step = MIN(request->period, 60) * CLOCK_SECOND;
    const MetricRange range = {
        .start = fast_from_client(context->cloud, request->start - request->start % step),
        .end = fast_from_client(context->cloud, request->end),
        .period = request->period,
        .by_unit = true,
    };
    if (!metrics_read(cloud_metrics(context->cloud), context->arena, &key, &range, &points, error))
        return false;
    reply->label = request->metric_name;
    LIST_EACH (const MetricPoint *, point, &points) {
        DatapointItem *item = datapoint_item(call, request, point);
        if (item)
            list_add(&reply->datapoints, context->arena, item);
    }
    return true;
}

/* ---- ListMetrics ---- */

static bool read_token(const char *text, int64_t *ret_after, GError **error)
{
    char *end;
    *ret_after = 0;
    if (!text)
        return true;
    *ret_after = g_ascii_strtoll(text, &end, 10);
    return (g_ascii_isdigit(*text) && !*end) ||
           fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                     "The value %.100s for parameter NextToken is invalid.", text);
}

bool cloudwatch_list_metrics(Call *call, const ListMetricsRequest *request, ListMetricsReply *reply,
                             GError **error)
{
    Context *context = &call->context;
    int64_t after;
    MetricSearch search = {
        .account_id = request->owner ? request->owner : context->caller.account_id,
        .space = request->space,
        .name = request->metric_name,
        .active_since =
            fast_now(context->cloud) - (request->recently_active ? RECENTLY : LISTED_FOR),
    };
    if (!dimensions_of_items(context->arena, &request->dimensions, &search.dimensions, error) ||
        !read_token(request->next_token, &search.after, error))
        return false;
    if (strcmp(search.account_id, context->caller.account_id) != 0)
        return true; /* others share nothing */
    List keys = {0};
    metrics_list(cloud_metrics(context->cloud), context->arena, &search, &keys, &after);
    LIST_EACH (const MetricKey *, key, &keys) {
        ListedMetricItem *item = shape_new(context->arena, ListedMetricItem_shape());
        item->space = key->space;
        item->metric_name = item->measure_name = key->name;
        items_of_dimensions(context->arena, &key->dimensions, &item->dimensions);
        list_add(&reply->metrics, context->arena, item);
    }
    if (after)
        reply->next_token = arena_printf(context->arena, "%" PRId64, after);
    return true;
}
