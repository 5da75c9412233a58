/* PutMetricData. Invariant: all data of a request are checked before any is kept. */
#include "api/cloudwatch/items.h"
#include "base/fault.h"
#include "cloud/fast_clock.h"
#include <math.h>

/* AWS: "PutMetricData" (Amazon CloudWatch API Reference). */
#define OLDEST (14 * CLOCK_DAY)
#define NEWEST (2 * 3600 * CLOCK_SECOND)
#define VALUE_MOST 0x1p360

typedef struct Datum {
    Call *call;
    const char *space;
    const MetricDatumItem *item;
    size_t number; /* from 1, as parameters count */
} Datum;

static bool combination(const Datum *datum, const char *one, const char *other, GError **error)
{
    return fault_set(error, FAULT_INVALID_PARAMETER_COMBINATION,
                     "The parameters MetricData.member.%zu.%s and MetricData.member.%zu.%s are "
                     "mutually exclusive and you have specified both.",
                     datum->number, one, datum->number, other);
}

static bool check_forms(const Datum *datum, GError **error)
{
    const MetricDatumItem *item = datum->item;
    bool value = !isnan(item->value), set = item->statistics, values = item->values.n > 0;
    if (value && set)
        return combination(datum, "Value", "StatisticValues", error);
    if (value && values)
        return combination(datum, "Value", "Values", error);
    if (set && values)
        return combination(datum, "StatisticValues", "Values", error);
    if (!value && !set && !values)
        return fault_set(error, FAULT_MISSING_PARAMETER,
                         "At least one of the parameters MetricData.member.%zu.Value, "
                         "MetricData.member.%zu.Values and MetricData.member.%zu.StatisticValues "
                         "must be specified.",
                         datum->number, datum->number, datum->number);
    if (item->counts.n > 0 && item->counts.n != item->values.n)
        return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                         "The parameters MetricData.member.%zu.Values and "
                         "MetricData.member.%zu.Counts must be of the same size.",
                         datum->number, datum->number);
    return true;
}

static bool check_range(const Datum *datum, const char *name, double value, GError **error)
{
    return fabs(value) <= VALUE_MOST ||
           fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                     "The value %g for parameter MetricData.member.%zu.%s is out of range.", value,
                     datum->number, name);
}

static bool check_set(const Datum *datum, const StatisticSetItem *set, GError **error)
{
    if (!check_range(datum, "StatisticValues.Sum", set->sum, error) ||
        !check_range(datum, "StatisticValues.Minimum", set->min, error) ||
        !check_range(datum, "StatisticValues.Maximum", set->max, error))
        return false;
    if (!(set->count > 0))
        return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                         "The value %g for parameter MetricData.member.%zu.StatisticValues."
                         "SampleCount must be greater than zero.",
                         set->count, datum->number);
    return set->min <= set->max ||
           fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                     "The parameter MetricData.member.%zu.StatisticValues.Maximum must be greater "
                     "than MetricData.member.%zu.StatisticValues.Minimum.",
                     datum->number, datum->number);
}

static bool check_time(const Datum *datum, GError **error)
{
    int64_t now = cloud_now(datum->call->context.cloud), time = datum->item->timestamp;
    return !time || (time >= now - OLDEST && time <= now + NEWEST) ||
           fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                     "The parameter MetricData.member.%zu.Timestamp must specify a time no more "
                     "than two weeks in the past and no more than two hours in the future.",
                     datum->number);
}

static bool check_resolution(const Datum *datum, GError **error)
{
    int64_t resolution = datum->item->resolution;
    return resolution == ABSENT || resolution == 1 || resolution == 60 ||
           fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                     "The parameter MetricData.member.%zu.StorageResolution must be 1 or 60.",
                     datum->number);
}

static bool copy_numbers(const Datum *datum, const char *name, const List *numbers,
                         const double **ret_numbers, GError **error)
{
    if (numbers->n == 0)
        return true;
    double *copy = arena_alloc(datum->call->context.arena, numbers->n * sizeof(double));
    for (size_t i = 0; i < numbers->n; i++) {
        copy[i] = *(const double *)numbers->items[i];
        if (!check_range(datum, name, copy[i], error))
            return false;
    }
    *ret_numbers = copy;
    return true;
}

static bool check_counts(const Datum *datum, const MetricDatum *made, GError **error)
{
    for (size_t i = 0; made->counts && i < made->n_values; i++) {
        if (!(made->counts[i] >= 0))
            return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                             "The value %g for parameter MetricData.member.%zu.Counts must not be "
                             "negative.",
                             made->counts[i], datum->number);
    }
    return true;
}

static bool make_datum(const Datum *datum, MetricDatum **ret_made, GError **error)
{
    const MetricDatumItem *item = datum->item;
    Context *context = &datum->call->context;
    MetricDatum *made = arena_new_struct(context->arena, MetricDatum);
    if (!check_forms(datum, error) || !check_time(datum, error) ||
        !check_resolution(datum, error) ||
        !dimensions_of_items(context->arena, &item->dimensions, &made->key.dimensions, error))
        return false;
    made->key.account_id = context->caller.account_id;
    made->key.space = datum->space;
    made->key.name = item->metric_name;
    made->key.unit = item->unit;
    made->time = fast_from_client(context->cloud,
                                  item->timestamp ? item->timestamp : cloud_now(context->cloud));
    made->high_resolution = item->resolution == 1;
    if (item->statistics) {
        if (!check_set(datum, item->statistics, error))
            return false;
        made->stat = (MetricStat){item->statistics->count, item->statistics->sum,
                                  item->statistics->min, item->statistics->max};
    } else if (item->values.n > 0) {
        made->n_values = item->values.n;
        if (!copy_numbers(datum, "Values", &item->values, &made->values, error) ||
            !copy_numbers(datum, "Counts", &item->counts, &made->counts, error) ||
            !check_counts(datum, made, error))
            return false;
    } else {
        if (!check_range(datum, "Value", item->value, error))
            return false;
        made->stat = metric_value(item->value);
    }
    *ret_made = made;
    return true;
}

bool cloudwatch_put_metric_data(Call *call, const PutMetricDataRequest *request,
                                NoAlarmReply *reply, GError **error)
{
    List data = {0};
    if (*request->space == ':' || g_str_has_prefix(request->space, "AWS/"))
        return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                         "The value %s for parameter Namespace is invalid: it must not start with "
                         "%s.",
                         *request->space == ':' ? ":" : "AWS/",
                         *request->space == ':' ? "a colon" : "'AWS/'");
    for (size_t i = 0; i < request->data.n; i++) {
        const Datum datum = {call, request->space, request->data.items[i], i + 1};
        MetricDatum *made;
        if (!make_datum(&datum, &made, error))
            return false;
        list_add(&data, call->context.arena, made);
    }
    return metrics_put(cloud_metrics(call->context.cloud), &data, error);
}
