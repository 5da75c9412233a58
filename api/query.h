/* Parameters of the Query protocol: application/x-www-form-urlencoded text, in a URL or a body,
 * decoded; and the same as a tree, in which "Filter.1.Value.2" is a path.
 *
 * Everything lives in the arena given. Pure. */
#pragma once

#include "base/arena.h"

#define QUERY_MAX_PARAMETERS 10000
#define QUERY_MAX_SEGMENTS 20 /* of a name: an object in a list takes two */

typedef struct Param {
    const char *name;
    const char *value; /* never NULL; UTF-8 without NUL */
} Param;

typedef struct Params {
    Param *items;
    size_t n;
} Params;

/* Adds the parameters of text, in their order. Faults: bad percent encoding, text that is not
 * UTF-8, NULs, more than QUERY_MAX_PARAMETERS in all. */
bool params_decode(Params *params, Arena *arena, const char *text, size_t size, GError **error);

/* The first of that name, or NULL. */
const char *params_get(const Params *params, const char *name);

typedef struct ParamNode ParamNode;
struct ParamNode {
    const char *path;    /* the whole name of some parameter at or under this node … */
    size_t path_size;    /* … of which these many bytes lead here */
    const char *segment; /* the last part of the path, segment_size bytes; not terminated */
    size_t segment_size;
    const char *value; /* NULL: nothing was given just here */
    ParamNode *child;  /* ordered by length, then bytes: list indices come in numeric order */
    ParamNode *next;
    bool used; /* somebody bound the value */
};

/* Faults: a name with too many parts, one name with two different values. */
bool params_tree(const Params *params, Arena *arena, ParamNode **ret_root, GError **error);

/* The node of a name ("Filter" or "HealthCheck.Target") under another; NULL without. */
ParamNode *param_node_find(ParamNode *node, const char *name);
/* The node's own name is a list index: 0 to 999999, without leading zeros. */
bool param_node_is_index(const ParamNode *node);
