/* Parameters of SOAP. Invariant: each element gives at most one parameter, so that the caps of
 * api/soap.h bound the list, and recursion is no deeper than shapes nest. */
#include "api/soap_params.h"

#include "api/soap.h"
#include "base/fault.h"
#include <string.h>

#define XSI "http://www.w3.org/2001/XMLSchema-instance"

typedef struct Reading {
    Arena *arena;
    const SoapNames *names;
    const char *version;
    const char *xmlns;
    Params *params;
    size_t room;
} Reading;

static bool unknown(const xmlNode *element, GError **error)
{
    return fault_set(error, FAULT_UNKNOWN_PARAMETER, "The parameter %.100s is not recognized",
                     (const char *)element->name);
}

static bool wrong(const xmlNode *element, const char *wanted, GError **error)
{
    return fault_set(error, FAULT_MALFORMED_XML, "The element %.100s must hold %s",
                     (const char *)element->name, wanted);
}

static void add(Reading *reading, const char *prefix, const char *name, const char *value)
{
    Params *params = reading->params;
    if (params->n == reading->room) {
        reading->room = MAX(2 * reading->room, 32);
        Param *items = arena_alloc(reading->arena, reading->room * sizeof(*items));
        if (params->n)
            memcpy(items, params->items, params->n * sizeof(*items));
        params->items = items;
    }
    const char *whole = arena_printf(reading->arena, "%s%s", prefix, name);
    params->items[params->n++] = (Param){whole, value};
}

/* ---- names ---- */

static bool is_named(const xmlNode *element, const char *name)
{
    return strcmp((const char *)element->name, name) == 0;
}

/* The row of an element, for a child in its items if there is one. */
static const SoapName *find_row(const Reading *reading, const Shape *shape, const xmlNode *element,
                                const xmlNode *child)
{
    for (size_t i = 0; i < reading->names->n; i++) {
        const SoapName *row = &reading->names->rows[i];
        if (is_named(element, row->element) && (!row->shape || !strcmp(row->shape, shape->name)) &&
            (!child || !row->item || is_named(child, row->item)))
            return row;
    }
    return NULL;
}

/* Query's names begin with a capital letter or two: ImageId, AWSAccessKeyId. */
static const Field *find_field(const Reading *reading, const Shape *shape, const char *name)
{
    for (size_t i = 0; i < shape->n_fields; i++) {
        const Field *field = &shape->fields[i];
        if (!shape_field_exists(field, reading->version))
            continue;
        if (field->kind == FIELD_EMBED) {
            const Field *found = find_field(reading, field->shape(), name);
            if (found)
                return found;
        } else if (field->name && g_ascii_strcasecmp(field->name, name) == 0) {
            return field;
        }
    }
    return NULL;
}

/* Which attribute is meant says an empty element of its name: <launchPermission/>. */
static bool is_choice(const Reading *reading, const Shape *shape, const xmlNode *element)
{
    const Field *field = find_field(reading, shape, "Attribute");
    return field && field->values && !soap_element(element->children) &&
           g_strv_contains(field->values, (const char *)element->name);
}

static bool is_nil(const Reading *reading, const xmlNode *element)
{
    const char *nil = soap_attribute(reading->arena, element, XSI, "nil");
    return nil && (strcmp(nil, "true") == 0 || strcmp(nil, "1") == 0);
}

/* ---- values ---- */

static bool read_members(Reading *reading, const Shape *shape, const char *prefix,
                         const xmlNode *parent, GError **error);

static bool read_text(Reading *reading, const char *prefix, const char *name,
                      const xmlNode *element, GError **error)
{
    const char *text = soap_text(reading->arena, element);
    if (!text)
        return wrong(element, "text", error);
    add(reading, prefix, name, text);
    return true;
}

/* A text in an element of its own: <userData><data>…. */
static bool read_inner_text(Reading *reading, const char *prefix, const SoapName *row,
                            const xmlNode *element, GError **error)
{
    const xmlNode *inner = soap_element(element->children);
    if (!inner)
        return true;
    if (!is_named(inner, row->item) || soap_element(inner->next))
        return unknown(inner, error);
    return read_text(reading, prefix, row->name, inner, error);
}

/* The names in one item of a list of names. */
static bool read_names(Reading *reading, const Shape *shape, const char *prefix,
                       const xmlNode *element, const xmlNode *item, size_t index, GError **error)
{
    for (xmlNode *at = soap_element(item->children); at; at = soap_element(at->next)) {
        const SoapName *row = find_row(reading, shape, element, at);
        if (!row || !row->item)
            return unknown(at, error);
        const char *name = arena_printf(reading->arena, "%s.%zu", row->name, index);
        if (!is_nil(reading, at) && !read_text(reading, prefix, name, at, error))
            return false;
    }
    return true;
}

static bool read_list(Reading *reading, const Shape *shape, const Field *field, const char *prefix,
                      const xmlNode *element, GError **error)
{
    size_t index = 0;
    for (xmlNode *at = soap_element(element->children); at; at = soap_element(at->next)) {
        if (!is_named(at, "item"))
            return wrong(element, "items", error);
        index++;
        const char *inner = arena_printf(reading->arena, "%s%s.%zu.", prefix, field->name, index);
        if (field->kind == FIELD_STRUCTS
                ? !read_members(reading, field->shape(), inner, at, error)
                : !read_names(reading, shape, prefix, element, at, index, error))
            return false;
    }
    return true;
}

static bool read_member(Reading *reading, const Shape *shape, const SoapName *row,
                        const Field *field, const char *prefix, const xmlNode *element,
                        GError **error)
{
    switch (field->kind) {
    case FIELD_STRUCTS:
    case FIELD_STRINGS:
        return read_list(reading, shape, field, prefix, element, error);
    case FIELD_STRUCT:
        return read_members(reading, field->shape(),
                            arena_printf(reading->arena, "%s%s.", prefix, field->name), element,
                            error);
    default:
        return row && row->item ? read_inner_text(reading, prefix, row, element, error)
                                : read_text(reading, prefix, field->name, element, error);
    }
}

static bool read_element(Reading *reading, const Shape *shape, const char *prefix,
                         const xmlNode *element, GError **error)
{
    if (!element->ns || strcmp((const char *)element->ns->href, reading->xmlns) != 0)
        return unknown(element, error);
    const SoapName *row = find_row(reading, shape, element, NULL);
    if (is_nil(reading, element) || (row && !row->name))
        return true;
    const Field *field = find_field(reading, shape, row ? row->name : (const char *)element->name);
    if (field)
        return read_member(reading, shape, row, field, prefix, element, error);
    if (!is_choice(reading, shape, element))
        return unknown(element, error);
    add(reading, prefix, "Attribute", arena_strdup(reading->arena, (const char *)element->name));
    return true;
}

static bool read_members(Reading *reading, const Shape *shape, const char *prefix,
                         const xmlNode *parent, GError **error)
{
    for (xmlNode *at = soap_element(parent->children); at; at = soap_element(at->next)) {
        if (!read_element(reading, shape, prefix, at, error))
            return false;
    }
    return true;
}

bool soap_params(Arena *arena, const SoapNames *names, const Shape *shape, const char *version,
                 const xmlNode *operation, Params *params, GError **error)
{
    Reading reading = {
        .arena = arena,
        .names = names,
        .version = version,
        .xmlns = (const char *)operation->ns->href,
        .params = params,
        .room = params->n,
    };
    return read_members(&reading, shape, "", operation, error);
}
