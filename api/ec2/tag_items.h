/* Tags in EC2's requests and replies. */
#pragma once

#include "api/action.h"
#include "api/ec2/shapes.h"
#include "cloud/tags.h"

/* An item of a shape, every member absent, in the call's arena. */
#define EC2_NEW(call, Type) ((Type *)shape_new((call)->context.arena, Type##_shape()))

/* TagItem * of Tag * (NULL: none). */
List ec2_tag_items(Call *call, const List *tags);
/* TagPair * of TagItem *; a tag without value has an empty one. */
List ec2_tag_pairs(Call *call, const List *items);
/* TagPair * of the TagSpecification * for one resource type; fault InvalidParameterValue for a
 * type that is none of allowed (NULL-terminated). */
bool ec2_tag_specification(Call *call, const List *specifications, const char *type,
                           const char *const *allowed, List *ret_pairs, GError **error);
/* TagItem * as just given. */
List ec2_pair_items(Call *call, const List *pairs);
