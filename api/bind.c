/* The shape binder.
 *
 * Invariant: it allocates at most one object or list cell for each parameter that was sent, and
 * recurses no deeper than shapes nest; so the caps of api/query.h bound what a request costs. */
#include "api/bind.h"

#include "base/clock.h"
#include "base/fault.h"
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#define SHOWN_VALUE 200 /* bytes of a refused value that the message repeats */

typedef struct Binder {
    Arena *arena;
    Protocol protocol;
    const char *version;
} Binder;

static bool bind_members(const Binder *binder, const Shape *shape, ParamNode *node, void *object,
                         unsigned depth, GError **error);

/* What signing, the protocol and the SDKs add to any request. */
static const char *const common_names[] = {
    "AWSAccessKeyId", "Action",    "DryRun",          "Expires", "SecurityToken",
    "Signature",      "Timestamp", "SignatureMethod", "Version", "SignatureVersion"};

/* A path as messages show it: its first letter small, with ".name" behind if there is a name. */
static char *shown_path(Arena *arena, const ParamNode *node, const char *name)
{
    char *path = arena_printf(arena, "%.*s%s%s", (int)node->path_size, node->path,
                              node->path_size && name ? "." : "", name ? name : "");
    *path = g_ascii_tolower(*path);
    return path;
}

static bool missing(const Binder *binder, const ParamNode *parent, const Field *field,
                    GError **error)
{
    if (field->plain)
        return fault_set(error, FAULT_MISSING_PARAMETER, "The parameter %.*s%s%s is required.",
                         (int)parent->path_size, parent->path, parent->path_size ? "." : "",
                         field->name);
    if (binder->protocol == PROTOCOL_QUERY)
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "1 validation error detected: Value null at '%s' failed to satisfy "
                         "constraint: Member must not be null",
                         shown_path(binder->arena, parent, field->name));
    return fault_set(error, FAULT_MISSING_PARAMETER,
                     "The request must contain the parameter %.*s%s%s", (int)parent->path_size,
                     parent->path, parent->path_size ? "." : "", field->name);
}

/* rule: "must be an integer". */
static bool invalid(const Binder *binder, const Field *field, const ParamNode *node,
                    const char *rule, GError **error)
{
    const char *value = node->value;
    size_t shown = MIN(strlen(value), SHOWN_VALUE);
    while (shown > 0 && ((uint8_t)value[shown] & 0xc0) == 0x80)
        shown--;
    const char *path = shown_path(binder->arena, node, NULL);
    if (field->plain)
        return fault_set(error, FAULT_INVALID_PARAMETER_VALUE, "The parameter %.*s %s.",
                         (int)node->path_size, node->path, rule);
    if (binder->protocol == PROTOCOL_QUERY)
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "1 validation error detected: Value '%.*s' at '%s' failed to satisfy "
                         "constraint: Member %s",
                         (int)shown, value, path, rule);
    return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                     "Value (%.*s) for parameter %s is invalid. It %s.", (int)shown, value, path,
                     rule);
}

static bool check_length(const Binder *binder, const Field *field, const ParamNode *node,
                         GError **error)
{
    int64_t max = field->max ? field->max : SHAPE_MAX_STRING;
    size_t bytes = strlen(node->value);
    /* Bytes are at least as many as characters. */
    if (bytes > (size_t)max && g_utf8_strlen(node->value, (gssize)bytes) > max)
        return invalid(
            binder, field, node,
            arena_printf(binder->arena, "must have length less than or equal to %" PRId64, max),
            error);
    if (field->min > 0 && bytes > 0 && g_utf8_strlen(node->value, (gssize)bytes) < field->min)
        return invalid(binder, field, node,
                       arena_printf(binder->arena,
                                    "must have length greater than or equal to %" PRId64,
                                    field->min),
                       error);
    return true;
}

static bool check_allowed(const Binder *binder, const Field *field, const ParamNode *node,
                          GError **error)
{
    if (!field->values || !*node->value)
        return true;
    for (const char *const *value = field->values; *value; value++) {
        if (strcmp(*value, node->value) == 0)
            return true;
    }
    g_autofree char *all = g_strjoinv(", ", (char **)field->values);
    return invalid(binder, field, node,
                   arena_printf(binder->arena, "must satisfy enum value set: [%s]", all), error);
}

static bool bind_string(const Binder *binder, const Field *field, const ParamNode *node,
                        const char **ret_value, GError **error)
{
    if (!check_length(binder, field, node, error) || !check_allowed(binder, field, node, error))
        return false;
    *ret_value = node->value;
    return true;
}

/* An empty value of anything but a string is as if it was not there. */
static bool bind_int(const Binder *binder, const Field *field, const ParamNode *node,
                     int64_t *ret_value, GError **error)
{
    const char *text = node->value;
    if (!*text)
        return true;
    char *end;
    errno = 0;
    int64_t value = g_ascii_strtoll(text, &end, 10);
    if (*end || end == text || errno || g_ascii_isspace(*text))
        return invalid(binder, field, node, "must be an integer", error);
    if ((field->min || field->max) && value < field->min)
        return invalid(binder, field, node,
                       arena_printf(binder->arena,
                                    "must have value greater than or equal to %" PRId64,
                                    field->min),
                       error);
    if ((field->min || field->max) && value > field->max)
        return invalid(binder, field, node,
                       arena_printf(binder->arena, "must have value less than or equal to %" PRId64,
                                    field->max),
                       error);
    *ret_value = value;
    return true;
}

bool bind_bool(const char *text, int *ret_value)
{
    if (g_ascii_strcasecmp(text, "true") == 0 || strcmp(text, "1") == 0)
        *ret_value = 1;
    else if (g_ascii_strcasecmp(text, "false") == 0 || strcmp(text, "0") == 0)
        *ret_value = 0;
    else
        return false;
    return true;
}

static bool bind_double(const Binder *binder, const Field *field, const ParamNode *node,
                        double *ret_value, GError **error)
{
    if (!*node->value)
        return true;
    char *end;
    double value = g_ascii_strtod(node->value, &end);
    if (*end || end == node->value || !isfinite(value) || g_ascii_isspace(*node->value))
        return invalid(binder, field, node, "must be a number", error);
    *ret_value = value;
    return true;
}

static bool bind_time(const Binder *binder, const Field *field, const ParamNode *node,
                      int64_t *ret_value, GError **error)
{
    if (*node->value && !clock_parse(node->value, ret_value))
        return invalid(binder, field, node, "must be a time like 2010-11-22T09:30:05Z", error);
    return true;
}

/* The items of a list: numbered children, here or under "member"; and a bare value, by which old
 * clients send a list of one, or an empty one. */
static bool list_nodes(const Binder *binder, const Field *field, ParamNode *node, List *nodes,
                       GError **error)
{
    if (node->value) {
        node->used = true;
        if (*node->value)
            list_add(nodes, binder->arena, node);
    }
    for (ParamNode *child = node->child; child; child = child->next) {
        if (param_node_is_index(child))
            list_add(nodes, binder->arena, child);
    }
    ParamNode *member = param_node_find(node, "member");
    for (ParamNode *child = member ? member->child : NULL; child; child = child->next) {
        if (param_node_is_index(child))
            list_add(nodes, binder->arena, child);
    }

    size_t max = field->max ? (size_t)field->max : SHAPE_MAX_LIST;
    if (nodes->n > max)
        return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                         "The parameter %.*s has %zu values, more than the allowed %zu",
                         (int)node->path_size, node->path, nodes->n, max);
    return true;
}

static bool bind_strings(const Binder *binder, const Field *field, ParamNode *node, List *strings,
                         GError **error)
{
    List nodes = {0};
    if (!list_nodes(binder, field, node, &nodes, error))
        return false;
    /* The row's range is one of counts; each string has the default caps. */
    const Field item = {.values = field->values, .plain = field->plain};
    LIST_EACH (ParamNode *, at, &nodes) {
        const char *value;
        if (!at->value)
            continue; /* X.1.Y: reported as unknown */
        at->used = true;
        if (!bind_string(binder, &item, at, &value, error))
            return false;
        list_add(strings, binder->arena, value);
    }
    return true;
}

static bool bind_numbers(const Binder *binder, const Field *field, ParamNode *node, List *numbers,
                         GError **error)
{
    List nodes = {0};
    if (!list_nodes(binder, field, node, &nodes, error))
        return false;
    LIST_EACH (ParamNode *, at, &nodes) {
        double value = NAN;
        if (!at->value)
            continue;
        at->used = true;
        if (!bind_double(binder, field, at, &value, error))
            return false;
        list_add(numbers, binder->arena, arena_memdup(binder->arena, &value, sizeof(value)));
    }
    return true;
}

static bool bind_scalar(const Binder *binder, const Field *field, ParamNode *node, void *member,
                        GError **error);

/* The row that a bare value of an object sets, or NULL. */
static const Field *scalar_row(const Field *field)
{
    const Shape *shape = field->shape();
    for (size_t i = 0; field->scalar && i < shape->n_fields; i++) {
        if (shape->fields[i].name && strcmp(shape->fields[i].name, field->scalar) == 0)
            return &shape->fields[i];
    }
    return NULL;
}

/* The object at one node; NULL when there is only a bare value that means nothing here. */
static bool bind_object(const Binder *binder, const Field *field, ParamNode *node, unsigned depth,
                        void **ret_object, GError **error)
{
    if (depth >= SHAPE_MAX_DEPTH)
        return fault_set(error, FAULT_MALFORMED_QUERY_STRING, "The parameter %.*s nests too deep",
                         (int)node->path_size, node->path);
    const Shape *shape = field->shape();
    const Field *scalar = node->value ? scalar_row(field) : NULL;
    if (!node->child && !scalar) {
        /* `Monitoring=` says nothing; `Monitoring=x` is reported as unknown. */
        node->used = node->value && !*node->value;
        *ret_object = NULL;
        return true;
    }
    void *object = shape_new(binder->arena, shape);
    if (scalar) {
        node->used = true;
        if (!bind_scalar(binder, scalar, node, (char *)object + scalar->offset, error))
            return false;
    }
    if (node->child && !bind_members(binder, shape, node, object, depth + 1, error))
        return false;
    *ret_object = object;
    return true;
}

static bool bind_objects(const Binder *binder, const Field *field, ParamNode *node, List *objects,
                         unsigned depth, GError **error)
{
    List nodes = {0};
    if (!list_nodes(binder, field, node, &nodes, error))
        return false;
    LIST_EACH (ParamNode *, at, &nodes) {
        /* The list's own bare value: its children are items, not members. */
        if (at == node && (!field->scalar || at->child)) {
            at->used = false;
            continue;
        }
        void *object;
        if (!bind_object(binder, field, at, depth, &object, error))
            return false;
        if (object)
            list_add(objects, binder->arena, object);
    }
    return true;
}

static bool bind_scalar(const Binder *binder, const Field *field, ParamNode *node, void *member,
                        GError **error)
{
    node->used = true;
    switch (field->kind) {
    case FIELD_STRING:
        return bind_string(binder, field, node, member, error);
    case FIELD_INT:
        return bind_int(binder, field, node, member, error);
    case FIELD_BOOL:
        if (*node->value && !bind_bool(node->value, member))
            return invalid(binder, field, node, "must be true or false", error);
        return true;
    case FIELD_DOUBLE:
        return bind_double(binder, field, node, member, error);
    case FIELD_TIME:
        return bind_time(binder, field, node, member, error);
    case FIELD_STRINGS:
    case FIELD_DOUBLES:
    case FIELD_TIMES:
    case FIELD_STRUCT:
    case FIELD_STRUCTS:
    case FIELD_EMBED:
    case FIELD_RENDERED:
        break;
    }
    g_assert_not_reached();
}

static bool bind_member(const Binder *binder, const Field *field, ParamNode *node, void *member,
                        unsigned depth, GError **error)
{
    switch (field->kind) {
    case FIELD_STRINGS:
        return bind_strings(binder, field, node, member, error);
    case FIELD_DOUBLES:
        return bind_numbers(binder, field, node, member, error);
    case FIELD_STRUCT:
        return bind_object(binder, field, node, depth, member, error);
    case FIELD_STRUCTS:
        return bind_objects(binder, field, node, member, depth, error);
    default:
        return !node->value || bind_scalar(binder, field, node, member, error);
    }
}

static bool is_absent(const Field *field, const void *member)
{
    switch (field->kind) {
    case FIELD_STRING:
        return !*(const char *const *)member || !**(const char *const *)member;
    case FIELD_INT:
        return *(const int64_t *)member == ABSENT;
    case FIELD_BOOL:
        return *(const int *)member == ABSENT_BOOL;
    case FIELD_DOUBLE:
        return isnan(*(const double *)member);
    case FIELD_TIME:
        return *(const int64_t *)member == 0;
    case FIELD_STRINGS:
    case FIELD_DOUBLES:
    case FIELD_TIMES:
    case FIELD_STRUCTS:
        return ((const List *)member)->n == 0;
    case FIELD_STRUCT:
        return !*(void *const *)member;
    case FIELD_EMBED:
    case FIELD_RENDERED:
        return false;
    }
    g_assert_not_reached();
}

static void set_default(const Field *field, void *member)
{
    if (field->kind == FIELD_INT)
        *(int64_t *)member = field->otherwise;
    else if (field->kind == FIELD_BOOL)
        *(int *)member = (int)field->otherwise;
}

static ParamNode *field_node(const Field *field, ParamNode *node)
{
    ParamNode *found = param_node_find(node, field->name);
    if (!field->alias || (found && found->value))
        return found;
    ParamNode *other = param_node_find(node, field->alias);
    return other ? other : found;
}

static bool bind_members(const Binder *binder, const Shape *shape, ParamNode *node, void *object,
                         unsigned depth, GError **error)
{
    for (size_t i = 0; i < shape->n_fields; i++) {
        const Field *field = &shape->fields[i];
        void *member = (char *)object + field->offset;
        if (!shape_field_exists(field, binder->version))
            continue;
        if (field->kind == FIELD_EMBED) {
            if (!bind_members(binder, field->shape(), node, member, depth, error))
                return false;
            continue;
        }
        if (!field->name)
            continue;
        ParamNode *found = field_node(field, node);
        if (found && !bind_member(binder, field, found, member, depth, error))
            return false;
        if (is_absent(field, member)) {
            if (field->required)
                return missing(binder, node, field, error);
            if (field->has_otherwise)
                set_default(field, member);
        }
    }
    return true;
}

bool bind_request(Arena *arena, const Shape *shape, ParamNode *root, Protocol protocol,
                  const char *version, void **ret_request, GError **error)
{
    const Binder binder = {arena, protocol, version};
    void *request = shape_new(arena, shape);
    if (!bind_members(&binder, shape, root, request, 0, error))
        return false;
    *ret_request = request;
    return true;
}

static bool is_common(const ParamNode *node)
{
    if (node->segment_size > 6 && g_ascii_strncasecmp(node->segment, "X-Amz-", 6) == 0)
        return true;
    for (size_t i = 0; i < G_N_ELEMENTS(common_names); i++) {
        if (strlen(common_names[i]) == node->segment_size &&
            memcmp(common_names[i], node->segment, node->segment_size) == 0)
            return true;
    }
    return false;
}

/* Nesting is bounded by QUERY_MAX_SEGMENTS. */
static const ParamNode *first_unknown(const ParamNode *node)
{
    for (; node; node = node->next) {
        if (node->value && !node->used)
            return node;
        const ParamNode *unknown = first_unknown(node->child);
        if (unknown)
            return unknown;
    }
    return NULL;
}

bool bind_check_unknown(ParamNode *root, Protocol protocol, GError **error)
{
    if (protocol != PROTOCOL_EC2)
        return true;
    for (ParamNode *node = root->child; node; node = node->next) {
        if (node->value && is_common(node))
            node->used = true;
    }
    const ParamNode *unknown = first_unknown(root->child);
    return !unknown ||
           fault_set(error, FAULT_UNKNOWN_PARAMETER, "The parameter %.*s is not recognized",
                     (int)unknown->path_size, unknown->path);
}
