/* Dimensions and metric data queries. */
#include "api/cloudwatch/items.h"

#include "base/fault.h"
#include <string.h>

/* Both shapes of a dimension begin alike. */
G_STATIC_ASSERT(offsetof(DimensionItem, name) == offsetof(PlainDimensionItem, name) &&
                offsetof(DimensionItem, value) == offsetof(PlainDimensionItem, value) &&
                offsetof(DimensionItem, name) == offsetof(DimensionFilterItem, name) &&
                offsetof(DimensionItem, value) == offsetof(DimensionFilterItem, value));

bool dimensions_of_items(Arena *arena, const List *items, List *dimensions, GError **error)
{
    LIST_EACH (const DimensionItem *, item, items) {
        LIST_EACH (const MetricDimension *, other, dimensions) {
            if (strcmp(other->name, item->name) == 0)
                return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                                 "The dimension %.255s is specified more than once.", item->name);
        }
        if (strpbrk(item->name, "\n\r") || (item->value && strpbrk(item->value, "\n\r")))
            return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                             "Dimensions must not have control characters in them.");
        MetricDimension *dimension = arena_new_struct(arena, MetricDimension);
        *dimension = (MetricDimension){item->name, item->value};
        list_add(dimensions, arena, dimension);
    }
    return true;
}

void items_of_dimensions(Arena *arena, const List *dimensions, List *items)
{
    LIST_EACH (const MetricDimension *, dimension, dimensions) {
        DimensionItem *item = shape_new(arena, DimensionItem_shape());
        item->name = dimension->name;
        item->value = dimension->value;
        list_add(items, arena, item);
    }
}

/* ---- queries ---- */

static bool query_of_stat(Call *call, const MetricStatItem *stat, MetricQuery *query,
                          GError **error)
{
    if (!stat->metric->space || !stat->metric->metric_name)
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "The parameter MetricStat.Metric must have a Namespace and a MetricName");
    if (stat->period >= 60 ? stat->period % 60 != 0
                           : !(stat->period == 1 || stat->period == 5 || stat->period == 10 ||
                               stat->period == 20 || stat->period == 30))
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "The parameter MetricStat.Period must be 1, 5, 10, 20, 30 or a multiple "
                         "of 60");
    query->key.space = stat->metric->space;
    query->key.name = stat->metric->metric_name;
    query->key.unit = stat->unit;
    query->statistic = stat->stat;
    query->period = stat->period;
    return dimensions_of_items(call->context.arena, &stat->metric->dimensions,
                               &query->key.dimensions, error);
}

bool queries_of_items(Call *call, const List *items, List *queries, GError **error)
{
    LIST_EACH (const MetricDataQueryItem *, item, items) {
        MetricQuery *query = arena_new_struct(call->context.arena, MetricQuery);
        const char *account_id = call->context.caller.account_id;
        if (item->account_id && strcmp(item->account_id, account_id) != 0)
            return fault_set(error, FAULT_VALIDATION_ERROR,
                             "The account %.12s shares no metrics with this one", item->account_id);
        *query = (MetricQuery){
            .id = item->id,
            .expression = item->expression,
            .key = {.account_id = account_id},
            .period = item->period == ABSENT ? 0 : item->period,
            .label = item->label,
            .return_data = item->return_data != 0,
        };
        if (item->stat && !query_of_stat(call, item->stat, query, error))
            return false;
        list_add(queries, call->context.arena, query);
    }
    return true;
}

void items_of_queries(Arena *arena, const List *queries, List *items)
{
    LIST_EACH (const MetricQuery *, query, queries) {
        MetricDataQueryItem *item = shape_new(arena, MetricDataQueryItem_shape());
        item->id = query->id;
        item->expression = query->expression;
        item->label = query->label;
        item->return_data = query->return_data;
        if (query->key.name) {
            item->stat = shape_new(arena, MetricStatItem_shape());
            item->stat->metric = shape_new(arena, MetricItem_shape());
            item->stat->metric->space = query->key.space;
            item->stat->metric->metric_name = query->key.name;
            items_of_dimensions(arena, &query->key.dimensions, &item->stat->metric->dimensions);
            item->stat->period = query->period;
            item->stat->stat = query->statistic;
            item->stat->unit = query->key.unit;
        } else if (query->period) {
            item->period = query->period;
        }
        list_add(items, arena, item);
    }
}
