/* The environment in which AWS's tools, new and of old, talk to this cloud. Pure. */
#pragma once

#include "cli/target.h"

typedef struct Variable {
    const char *name;
    const char *value; /* NULL: to be unset */
} Variable;

/* All variables, in a fixed order, those to unset first. current (names and values, as environ) is
 * the environment that they go into: it decides which service-specific endpoints have to be unset,
 * and what no_proxy becomes where there is a proxy. */
void environment_list(Arena *arena, const Target *target, const char *const *current,
                      List *ret_variables);

/* One shell line without newline, "export NAME='value'" or "unset NAME". unset: undo instead. */
const char *environment_line(Arena *arena, const Variable *variable, bool unset);
