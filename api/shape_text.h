/* Objects of shapes as text, for records that keep a part of a request as it was said:
 * "NAME=VALUE" joined by "&", names and values percent-encoded, by the names and in the order of
 * the shape's rows. Lists are "Name.1"; truths "true" and "false". Pure. */
#pragma once

#include "api/action.h"

/* What is absent is left out; an object without members is "". */
const char *shape_text(Arena *arena, const Shape *shape, const void *object);

/* An object of the shape again; rows are those of the version. */
bool shape_from_text(Arena *arena, const Shape *shape, const char *text, const char *version,
                     void **ret_object, GError **error);
