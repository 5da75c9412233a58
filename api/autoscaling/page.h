/* Pages of Auto Scaling's lists: MaxRecords and NextToken; and small translations. */
#pragma once

#include "api/action.h"
#include "api/autoscaling/shapes.h"
#include "cloud/scaling.h"

/* Where the request does not say. */
#define AS_PAGE 50
#define AS_PAGE_LONG 100

/* The page of `all` that the request asks for, added to *list; end is filled. kind and key as
 * cloud_page_of() wants them. Fault InvalidNextToken. */
bool as_page(Call *call, const AsPage *page, int64_t size, const char *kind, const List *all,
             const char *(*key)(Arena *arena, const void *item), List *list, AsPageEnd *end,
             GError **error);

/* What a request's number or truth says to cloud/: NOT_SAID when absent. */
int64_t as_number(int64_t value);
int as_truth(int value);
/* The other way. */
int64_t as_shown(int64_t value);

List as_filters(Call *call, const List *filters); /* AsFilter * → FindFilter * */
List as_tags(Call *call, const List *tags);       /* AsTag * → ScalingTagSpec * */
AsTagItem *as_tag_item(Call *call, const ScalingTag *tag);
AsActivity *as_activity(Call *call, const ScalingActivity *activity);
const char *as_health(const ScalingInstance *member);
List as_dimensions(Call *call, const List *dimensions); /* AsDimension * → MetricDimension * */
List as_dimension_items(Call *call, const List *dimensions);
