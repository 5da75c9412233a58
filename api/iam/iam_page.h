/* Pages of IAM's lists: Marker and MaxItems. */
#pragma once

#include "api/action.h"
#include "api/iam/shapes.h"

/* The page of `all` that the request asks for, added to *list; end is filled. kind and key as
 * cloud_page_of() wants them. Fault InvalidParameterValue: a marker that is not ours. */
bool iam_page(Call *call, const IamPage *page, const char *kind, const List *all,
              const char *(*key)(Arena *arena, const void *item), List *list, IamPageEnd *end,
              GError **error);
