/* Between shapes and what cloud/ works with. */
#pragma once

#include "api/cloudwatch/handlers.h"
#include "cloud/alarms.h"
#include "cloud/metric_queries.h"

/* Items of a list that have the members name and value, as MetricDimension *. Fault (in the words
 * of the request): a name twice. */
bool dimensions_of_items(Arena *arena, const List *items, List *dimensions, GError **error);
void items_of_dimensions(Arena *arena, const List *dimensions, List *items);

/* MetricDataQueryItem * as MetricQuery *, and back. Faults ValidationError. */
bool queries_of_items(Call *call, const List *items, List *queries, GError **error);
void items_of_queries(Arena *arena, const List *queries, List *items);
