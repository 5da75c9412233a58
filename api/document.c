/* Between values and parameters, between replies and documents. Invariant: nothing here knows
 * whether a document is JSON or CBOR. */
#include "api/document.h"

#include "base/clock.h"
#include "base/fault.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

void document_target(Arena *arena, const HttpRequest *request, DocumentTarget *ret_target)
{
    *ret_target = (DocumentTarget){.form = WIRE_QUERY};
    const char *protocol = http_header(request, "smithy-protocol");
    const char *target = http_header(request, "x-amz-target");
    if (protocol && g_ascii_strcasecmp(protocol, "rpc-v2-cbor") == 0) {
        static const char service[] = "/service/", operation[] = "/operation/";
        const char *path = strstr(request->path, service);
        const char *middle = path ? strstr(path, operation) : NULL;
        ret_target->form = WIRE_CBOR;
        if (!middle)
            return;
        path += strlen(service);
        ret_target->service = arena_strndup(arena, path, (size_t)(middle - path));
        ret_target->action = arena_strdup(arena, middle + strlen(operation));
    } else if (target) {
        const char *dot = strrchr(target, '.');
        ret_target->form = WIRE_JSON;
        if (!dot)
            return;
        ret_target->service = arena_strndup(arena, target, (size_t)(dot - target));
        ret_target->action = arena_strdup(arena, dot + 1);
    }
}

const Service *document_service(const Service *const *services, const char *target)
{
    for (; target && *services; services++) {
        if ((*services)->target && strcmp((*services)->target, target) == 0)
            return *services;
    }
    return NULL;
}

/* ---- requests ---- */

typedef struct Reading {
    Arena *arena;
    const char *version;
} Reading;

static ParamNode *add_node(const Reading *reading, ParamNode *parent, ParamNode ***end,
                           const char *segment)
{
    ParamNode *node = arena_new_struct(reading->arena, ParamNode);
    char *path = arena_printf(reading->arena, "%.*s%s%s", (int)parent->path_size, parent->path,
                              parent->path_size ? "." : "", segment);
    node->path = path;
    node->path_size = strlen(path);
    node->segment_size = strlen(segment);
    node->segment = path + node->path_size - node->segment_size;
    **end = node;
    *end = &node->next;
    return node;
}

static bool wrong_kind(const ParamNode *node, const char *wanted, GError **error)
{
    return fault_set(error, FAULT_SERIALIZATION, "The member %.*s must be %s", (int)node->path_size,
                     node->path, wanted);
}

static const char *time_text(Arena *arena, int64_t time)
{
    return clock_format(time, arena_alloc(arena, CLOCK_TEXT_SIZE));
}

static bool put_number(const Reading *reading, ParamNode *node, const Value *value, GError **error)
{
    static const char *const odd[] = {"NaN", "Infinity", "-Infinity"};
    if (value->kind == VALUE_STRING) {
        for (size_t i = 0; i < G_N_ELEMENTS(odd); i++) {
            if (strcmp(value->string, odd[i]) == 0) {
                node->value = value->string;
                return true;
            }
        }
    }
    if (value->kind != VALUE_INT && value->kind != VALUE_DOUBLE)
        return wrong_kind(node, "a number", error);
    node->value = g_ascii_dtostr(arena_alloc(reading->arena, G_ASCII_DTOSTR_BUF_SIZE),
                                 G_ASCII_DTOSTR_BUF_SIZE, value->number);
    return true;
}

static bool put_time(const Reading *reading, ParamNode *node, const Value *value, GError **error)
{
    if (value->kind == VALUE_STRING)
        node->value = value->string;
    else if (value->kind == VALUE_TIME)
        node->value = time_text(reading->arena, value->integer);
    else if ((value->kind == VALUE_INT || value->kind == VALUE_DOUBLE) &&
             fabs(value->number) < 1e11)
        node->value = time_text(reading->arena, (int64_t)(value->number * (double)CLOCK_SECOND));
    else
        return wrong_kind(node, "a time", error);
    return true;
}

static bool put_scalar(const Reading *reading, FieldKind kind, ParamNode *node, const Value *value,
                       GError **error)
{
    switch (kind) {
    case FIELD_STRING:
        if (value->kind != VALUE_STRING)
            return wrong_kind(node, "a string", error);
        node->value = value->string;
        return true;
    case FIELD_BOOL:
        if (value->kind != VALUE_BOOL)
            return wrong_kind(node, "true or false", error);
        node->value = value->integer ? "true" : "false";
        return true;
    case FIELD_INT:
        if (value->kind != VALUE_INT)
            return wrong_kind(node, "a whole number", error);
        node->value = arena_printf(reading->arena, "%" PRId64, value->integer);
        return true;
    case FIELD_DOUBLE:
        return put_number(reading, node, value, error);
    default:
        return put_time(reading, node, value, error);
    }
}

static bool put_members(const Reading *reading, const Shape *shape, ParamNode *node,
                        ParamNode ***end, const Value *value, GError **error);

static bool put_object(const Reading *reading, const Field *field, ParamNode *node,
                       const Value *value, GError **error)
{
    if (value->kind != VALUE_MAP)
        return wrong_kind(node, "an object", error);
    ParamNode **end = &node->child;
    if (!put_members(reading, field->shape(), node, &end, value, error))
        return false;
    /* An object that says nothing is there all the same. */
    if (!node->child)
        add_node(reading, node, &end, "");
    return true;
}

static bool put_list(const Reading *reading, const Field *field, ParamNode *node,
                     const Value *value, GError **error)
{
    if (value->kind != VALUE_LIST)
        return wrong_kind(node, "a list", error);
    ParamNode **end = &node->child;
    for (size_t i = 0; i < value->n; i++) {
        char index[24];
        g_snprintf(index, sizeof(index), "%zu", i + 1);
        ParamNode *item = add_node(reading, node, &end, index);
        FieldKind kind = field->kind == FIELD_STRINGS ? FIELD_STRING : FIELD_DOUBLE;
        if (field->kind == FIELD_STRUCTS
                ? !put_object(reading, field, item, &value->items[i], error)
                : !put_scalar(reading, kind, item, &value->items[i], error))
            return false;
    }
    return true;
}

static const Value *member_of(const Value *map, const char *name)
{
    for (size_t i = 0; i < map->n; i++) {
        if (strcmp(map->keys[i], name) == 0 && map->items[i].kind != VALUE_NULL)
            return &map->items[i];
    }
    return NULL;
}

static bool put_member(const Reading *reading, const Field *field, ParamNode *node,
                       const Value *value, GError **error)
{
    switch (field->kind) {
    case FIELD_STRINGS:
    case FIELD_DOUBLES:
    case FIELD_STRUCTS:
        return put_list(reading, field, node, value, error);
    case FIELD_STRUCT:
        return put_object(reading, field, node, value, error);
    default:
        return put_scalar(reading, field->kind, node, value, error);
    }
}

/* Recurses no deeper than shapes nest. */
static bool put_members(const Reading *reading, const Shape *shape, ParamNode *node,
                        ParamNode ***end, const Value *value, GError **error)
{
    for (size_t i = 0; i < shape->n_fields; i++) {
        const Field *field = &shape->fields[i];
        if (!shape_field_exists(field, reading->version))
            continue;
        if (field->kind == FIELD_EMBED) {
            if (!put_members(reading, field->shape(), node, end, value, error))
                return false;
            continue;
        }
        const Value *member = field->name ? member_of(value, field->name) : NULL;
        if (member &&
            !put_member(reading, field, add_node(reading, node, end, field->name), member, error))
            return false;
    }
    return true;
}

bool document_params(Arena *arena, const Shape *shape, const char *version, const Value *value,
                     ParamNode **ret_root, GError **error)
{
    const Reading reading = {arena, version};
    if (value->kind != VALUE_MAP)
        return fault_set(error, FAULT_SERIALIZATION, "The request must be an object");
    ParamNode *root = arena_new_struct(arena, ParamNode);
    root->path = root->segment = "";
    ParamNode **end = &root->child;
    if (!put_members(&reading, shape, root, &end, value, error))
        return false;
    *ret_root = root;
    return true;
}

/* ---- replies ---- */

static void write_members(DocumentWriter *writer, const Shape *shape, const char *version,
                          const void *object);

static void write_object(DocumentWriter *writer, const Shape *shape, const char *version,
                         const void *object)
{
    writer->begin_map(writer);
    write_members(writer, shape, version, object);
    writer->end_map(writer);
}

/* Of a kind that is one value; whether it is there. */
static bool write_scalar(DocumentWriter *writer, const Field *field, const char *name,
                         const void *member)
{
    switch (field->kind) {
    case FIELD_STRING: {
        const char *text = *(const char *const *)member;
        if (!text || (!*text && !field->keep))
            return false;
        writer->key(writer, name);
        writer->string(writer, text);
        return true;
    }
    case FIELD_INT:
        if (*(const int64_t *)member == ABSENT)
            return false;
        writer->key(writer, name);
        writer->integer(writer, *(const int64_t *)member);
        return true;
    case FIELD_BOOL:
        if (*(const int *)member == ABSENT_BOOL)
            return false;
        writer->key(writer, name);
        writer->boolean(writer, *(const int *)member);
        return true;
    case FIELD_DOUBLE:
        if (isnan(*(const double *)member))
            return false;
        writer->key(writer, name);
        writer->number(writer, *(const double *)member);
        return true;
    default:
        if (*(const int64_t *)member == 0)
            return false;
        writer->key(writer, name);
        writer->time(writer, *(const int64_t *)member);
        return true;
    }
}

static void write_item(DocumentWriter *writer, const Field *field, const char *version,
                       const void *item)
{
    if (field->kind == FIELD_STRINGS)
        writer->string(writer, item);
    else if (field->kind == FIELD_DOUBLES)
        writer->number(writer, *(const double *)item);
    else if (field->kind == FIELD_TIMES)
        writer->time(writer, *(const int64_t *)item);
    else
        write_object(writer, field->shape(), version, item);
}

/* Entries of a map: their first member is the key, their second the value. */
static void write_map(DocumentWriter *writer, const Field *field, const List *entries)
{
    const Shape *shape = field->shape();
    writer->begin_map(writer);
    LIST_EACH (const char *, entry, entries) {
        const char *key = *(const char *const *)(const void *)(entry + shape->fields[0].offset);
        write_scalar(writer, &shape->fields[1], key, entry + shape->fields[1].offset);
    }
    writer->end_map(writer);
}

static void write_list(DocumentWriter *writer, const Field *field, const char *name,
                       const char *version, const List *list)
{
    if (list->n == 0 && !field->keep)
        return;
    writer->key(writer, name);
    if (field->map) {
        write_map(writer, field, list);
        return;
    }
    writer->begin_list(writer, list->n);
    LIST_EACH (const void *, item, list)
        write_item(writer, field, version, item);
    writer->end_list(writer);
}

static void write_member(DocumentWriter *writer, const Field *field, const char *version,
                         const void *member)
{
    const char *name = field->out ? field->out : field->name;
    switch (field->kind) {
    case FIELD_EMBED:
        write_members(writer, field->shape(), version, member);
        break;
    case FIELD_RENDERED:
        break;
    case FIELD_STRUCT:
        if (*(const void *const *)member) {
            writer->key(writer, name);
            write_object(writer, field->shape(), version, *(const void *const *)member);
        }
        break;
    case FIELD_STRINGS:
    case FIELD_DOUBLES:
    case FIELD_TIMES:
    case FIELD_STRUCTS:
        write_list(writer, field, name, version, member);
        break;
    default:
        write_scalar(writer, field, name, member);
        break;
    }
}

static void write_members(DocumentWriter *writer, const Shape *shape, const char *version,
                          const void *object)
{
    for (size_t i = 0; i < shape->n_fields; i++) {
        const Field *field = &shape->fields[i];
        if (shape_field_exists(field, version))
            write_member(writer, field, version, (const char *)object + field->offset);
    }
}

void document_reply(DocumentWriter *writer, const Shape *shape, const char *version,
                    const void *reply)
{
    write_object(writer, shape, version, reply);
}

void document_error(DocumentWriter *writer, const Service *service, const char *code,
                    const char *message)
{
    const char *shape = code;
    const ExceptionName *name = service ? service->exceptions : NULL;
    for (; name && name->code; name++) {
        if (strcmp(name->code, code) == 0)
            shape = name->shape;
    }
    g_autofree char *type =
        service ? g_strdup_printf("%s#%s", service->space, shape) : g_strdup(shape);
    writer->begin_map(writer);
    writer->key(writer, "__type");
    writer->string(writer, type);
    writer->key(writer, "message");
    writer->string(writer, message);
    writer->end_map(writer);
}
