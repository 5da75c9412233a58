/* Objects of shapes, written as parameters and bound again.
 *
 * Invariant: what shape_text writes of an object that was bound, bind_request binds to the same
 * object. */
#include "api/shape_text.h"

#include "api/bind.h"
#include "base/clock.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

static void write_object(GString *text, const char *path, const Shape *shape, const void *object);

static void write_pair(GString *text, const char *path, const char *value)
{
    if (text->len > 0)
        g_string_append_c(text, '&');
    g_string_append(text, path); /* the names of rows need no encoding */
    g_string_append_c(text, '=');
    g_string_append_uri_escaped(text, value, NULL, FALSE);
}

static void write_number(GString *text, const char *path, double value)
{
    char number[G_ASCII_DTOSTR_BUF_SIZE];
    write_pair(text, path, g_ascii_dtostr(number, sizeof(number), value));
}

static void write_list(GString *text, const char *path, const Field *field, const List *list)
{
    for (size_t i = 0; i < list->n; i++) {
        g_autofree char *item = g_strdup_printf("%s.%zu", path, i + 1);
        if (field->kind == FIELD_STRINGS)
            write_pair(text, item, list_at(list, i));
        else if (field->kind == FIELD_DOUBLES)
            write_number(text, item, *(const double *)list_at(list, i));
        else
            write_object(text, item, field->shape(), list_at(list, i));
    }
}

static void write_int(GString *text, const char *path, int64_t value)
{
    g_autofree char *number = g_strdup_printf("%" PRId64, value);
    write_pair(text, path, number);
}

static void write_time(GString *text, const char *path, int64_t time)
{
    char shown[CLOCK_TEXT_SIZE];
    clock_format(time, shown);
    write_pair(text, path, shown);
}

static void write_member(GString *text, const char *path, const Field *field, const void *member)
{
    switch (field->kind) {
    case FIELD_STRING:
        if (*(const char *const *)member)
            write_pair(text, path, *(const char *const *)member);
        break;
    case FIELD_INT:
        if (*(const int64_t *)member != ABSENT)
            write_int(text, path, *(const int64_t *)member);
        break;
    case FIELD_BOOL:
        if (*(const int *)member != ABSENT_BOOL)
            write_pair(text, path, *(const int *)member ? "true" : "false");
        break;
    case FIELD_DOUBLE:
        if (!isnan(*(const double *)member))
            write_number(text, path, *(const double *)member);
        break;
    case FIELD_TIME:
        if (*(const int64_t *)member != 0)
            write_time(text, path, *(const int64_t *)member);
        break;
    case FIELD_STRINGS:
    case FIELD_DOUBLES:
    case FIELD_STRUCTS:
        write_list(text, path, field, member);
        break;
    case FIELD_STRUCT:
        if (*(void *const *)member)
            write_object(text, path, field->shape(), *(void *const *)member);
        break;
    case FIELD_TIMES:
    case FIELD_EMBED:
    case FIELD_RENDERED:
        break; /* not in requests, or at their neighbours' level */
    }
}

static void write_object(GString *text, const char *path, const Shape *shape, const void *object)
{
    for (size_t i = 0; i < shape->n_fields; i++) {
        const Field *field = &shape->fields[i];
        const void *member = (const char *)object + field->offset;
        if (field->kind == FIELD_EMBED) {
            write_object(text, path, field->shape(), member);
        } else if (field->name) {
            g_autofree char *name = g_strdup_printf("%s%s%s", path, *path ? "." : "", field->name);
            write_member(text, name, field, member);
        }
    }
}

const char *shape_text(Arena *arena, const Shape *shape, const void *object)
{
    g_autoptr(GString) text = g_string_new(NULL);
    write_object(text, "", shape, object);
    return arena_strdup(arena, text->str);
}

bool shape_from_text(Arena *arena, const Shape *shape, const char *text, const char *version,
                     void **ret_object, GError **error)
{
    Params params = {0};
    ParamNode *root;
    return params_decode(&params, arena, text, strlen(text), error) &&
           params_tree(&params, arena, &root, error) &&
           bind_request(arena, shape, root, PROTOCOL_EC2, version, ret_object, error);
}
