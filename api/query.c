/* The form decoder and the tree of parameters.
 *
 * Invariant: input comes from strangers and any bytes may be in it; what leaves here is UTF-8
 * without NULs, bounded in number and nesting, and costs O(n log n). */
#include "api/query.h"

#include "base/fault.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static int hex_value(char c)
{
    return g_ascii_isxdigit(c) ? g_ascii_xdigit_value(c) : -1;
}

/* Decodes [from, end) to *to and steps *to behind the NUL that it writes. */
static const char *decode_part(const char *from, const char *end, char **to)
{
    const char *start = *to;
    char *out = *to;
    uint8_t bits = 0;

    for (; from < end; from++) {
        char c = *from;
        if (c == '+') {
            c = ' ';
        } else if (c == '%') {
            if (end - from < 3 || hex_value(from[1]) < 0 || hex_value(from[2]) < 0)
                return NULL;
            c = (char)(hex_value(from[1]) << 4 | hex_value(from[2]));
            from += 2;
        }
        if (c == '\0')
            return NULL;
        bits |= (uint8_t)c;
        *out++ = c;
    }
    *out = '\0';
    if (bits >= 0x80 && !g_utf8_validate(start, out - start, NULL))
        return NULL;
    *to = out + 1;
    return start;
}

static size_t count_char(const char *text, size_t size, char wanted)
{
    size_t n = 0;
    for (const char *end = text + size; (text = memchr(text, wanted, (size_t)(end - text))); text++)
        n++;
    return n;
}

bool params_decode(Params *params, Arena *arena, const char *text, size_t size, GError **error)
{
    if (size == 0)
        return true;
    size_t most = count_char(text, size, '&') + 1;
    if (most > QUERY_MAX_PARAMETERS - MIN(params->n, QUERY_MAX_PARAMETERS))
        return fault_set(error, FAULT_MALFORMED_QUERY_STRING,
                         "The request has more than %d parameters.", QUERY_MAX_PARAMETERS);

    Param *items = arena_alloc(arena, (params->n + most) * sizeof(*items));
    if (params->n)
        memcpy(items, params->items, params->n * sizeof(*items));
    size_t n = params->n;
    /* Decoding never lengthens; a pair gains at most one byte: the NUL of a name without '='. */
    char *to = arena_alloc(arena, size + most + 1);

    for (const char *at = text, *end = text + size; at < end;) {
        const char *pair_end = memchr(at, '&', (size_t)(end - at));
        if (!pair_end)
            pair_end = end;
        if (pair_end > at) {
            const char *equals = memchr(at, '=', (size_t)(pair_end - at));
            const char *name = decode_part(at, equals ? equals : pair_end, &to);
            const char *value = decode_part(equals ? equals + 1 : pair_end, pair_end, &to);
            if (!name || !value || !*name)
                return fault_set(error, FAULT_MALFORMED_QUERY_STRING,
                                 "The query string contains a syntax error.");
            items[n++] = (Param){name, value};
        }
        at = pair_end + 1;
    }
    params->items = items;
    params->n = n;
    return true;
}

const char *params_get(const Params *params, const char *name)
{
    for (size_t i = 0; i < params->n; i++) {
        if (strcmp(params->items[i].name, name) == 0)
            return params->items[i].value;
    }
    return NULL;
}

static size_t segment_size(const char *segment)
{
    return (size_t)(strchrnul(segment, '.') - segment);
}

static int compare_segments(const char *a, size_t a_size, const char *b, size_t b_size)
{
    if (a_size != b_size)
        return a_size < b_size ? -1 : 1;
    return memcmp(a, b, a_size);
}

/* A name comes before those that it leads to, and "2" before "10". */
static int compare_names(const void *one, const void *other)
{
    const char *a = (*(const Param *const *)one)->name;
    const char *b = (*(const Param *const *)other)->name;
    for (;;) {
        size_t a_size = segment_size(a), b_size = segment_size(b);
        int order = compare_segments(a, a_size, b, b_size);
        if (order != 0)
            return order;
        a += a_size;
        b += b_size;
        if (!*a || !*b)
            return (*a != '\0') - (*b != '\0');
        a++;
        b++;
    }
}

/* The path from the root to the parameter added last. */
typedef struct Trail {
    ParamNode *nodes[QUERY_MAX_SEGMENTS + 1]; /* nodes[0] is the root */
    ParamNode *last_child[QUERY_MAX_SEGMENTS + 1];
    size_t depth;
} Trail;

static ParamNode *trail_step(Trail *trail, Arena *arena, size_t depth, const char *name,
                             const char *segment, size_t size)
{
    ParamNode *last = trail->last_child[depth];
    if (!last || compare_segments(last->segment, last->segment_size, segment, size) != 0) {
        ParamNode *node = arena_new_struct(arena, ParamNode);
        node->path = name;
        node->segment = segment;
        node->segment_size = size;
        node->path_size = (size_t)(segment + size - name);
        if (last)
            last->next = node;
        else
            trail->nodes[depth]->child = node;
        trail->last_child[depth] = node;
        trail->last_child[depth + 1] = NULL;
        trail->nodes[depth + 1] = node;
    }
    return trail->nodes[depth + 1];
}

static bool trail_add(Trail *trail, Arena *arena, const Param *param, GError **error)
{
    ParamNode *node = trail->nodes[0];
    const char *segment = param->name;
    for (size_t depth = 0;; depth++) {
        if (depth == QUERY_MAX_SEGMENTS)
            return fault_set(error, FAULT_MALFORMED_QUERY_STRING,
                             "A parameter's name has more than %d parts.", QUERY_MAX_SEGMENTS);
        size_t size = segment_size(segment);
        node = trail_step(trail, arena, depth, param->name, segment, size);
        if (!segment[size])
            break;
        segment += size + 1;
    }
    if (node->value && strcmp(node->value, param->value) != 0)
        return fault_set(error, FAULT_INVALID_PARAMETER_COMBINATION,
                         "The parameter %s was given more than once", param->name);
    node->value = param->value;
    return true;
}

bool params_tree(const Params *params, Arena *arena, ParamNode **ret_root, GError **error)
{
    const Param **sorted = arena_alloc(arena, (params->n + 1) * sizeof(Param *));
    for (size_t i = 0; i < params->n; i++)
        sorted[i] = &params->items[i];
    qsort(sorted, params->n, sizeof(Param *), compare_names);

    ParamNode *root = arena_new_struct(arena, ParamNode);
    root->path = root->segment = "";
    Trail trail = {.nodes = {root}};
    for (size_t i = 0; i < params->n; i++) {
        if (!trail_add(&trail, arena, sorted[i], error))
            return false;
    }
    *ret_root = root;
    return true;
}

ParamNode *param_node_find(ParamNode *node, const char *name)
{
    for (;;) {
        size_t size = segment_size(name);
        for (node = node->child; node; node = node->next) {
            if (compare_segments(node->segment, node->segment_size, name, size) == 0)
                break;
        }
        if (!node || !name[size])
            return node;
        name += size + 1;
    }
}

bool param_node_is_index(const ParamNode *node)
{
    if (node->segment_size == 0 || node->segment_size > 6)
        return false;
    if (node->segment[0] == '0')
        return node->segment_size == 1;
    for (size_t i = 0; i < node->segment_size; i++) {
        if (!g_ascii_isdigit(node->segment[i]))
            return false;
    }
    return true;
}
