/* From a Describe request's shapes to cloud/find.h's page. */
#pragma once

#include "api/action.h"
#include "api/ec2/shapes.h"
#include "cloud/find.h"

/* The page that a request asks for. MaxResults must lie in min..max ("Value ( 3 ) for parameter
 * maxResults is invalid. Expecting a value greater than 5."). ids NULL: the action has none. */
bool ec2_page_of(Call *call, const Selection *selection, const List *ids, int64_t min, int64_t max,
                 Page *ret_page, GError **error);
/* The same of an action where MaxResults must not come with ids (AWS: InvalidParameterCombination;
 * instances, their status, images, volumes). */
bool ec2_page(Call *call, const Selection *selection, const List *ids, int64_t min, int64_t max,
              Page *ret_page, GError **error);
/* The same of an action that only filters. */
void ec2_filter(Call *call, const Filters *filters, const List *ids, Page *ret_page);
