/* JSON: read by Jansson, written by hand since replies are large and simple. Invariant: what is
 * written is UTF-8 that RFC 8259 allows; numbers that JSON has not are strings. */
#include "api/document.h"

#include "base/clock.h"
#include "base/fault.h"
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

/* ---- reading ---- */

static bool take(Arena *arena, const json_t *json, unsigned depth, Value *value, GError **error);

static bool take_list(Arena *arena, const json_t *json, unsigned depth, Value *value,
                      GError **error)
{
    size_t n = json_array_size(json);
    Value *items = arena_alloc(arena, (n + 1) * sizeof(Value));
    for (size_t i = 0; i < n; i++) {
        if (!take(arena, json_array_get(json, i), depth + 1, &items[i], error))
            return false;
    }
    *value = (Value){.kind = VALUE_LIST, .n = n, .items = items};
    return true;
}

static bool take_map(Arena *arena, json_t *json, unsigned depth, Value *value, GError **error)
{
    size_t n = json_object_size(json), i = 0;
    Value *items = arena_alloc(arena, (n + 1) * sizeof(Value));
    const char **keys = arena_alloc(arena, (n + 1) * sizeof(char *));
    const char *key;
    json_t *item;
    json_object_foreach(json, key, item)
    {
        keys[i] = arena_strdup(arena, key);
        if (!take(arena, item, depth + 1, &items[i++], error))
            return false;
    }
    *value = (Value){.kind = VALUE_MAP, .n = n, .items = items, .keys = keys};
    return true;
}

static bool take(Arena *arena, const json_t *json, unsigned depth, Value *value, GError **error)
{
    if (depth > DOCUMENT_MAX_DEPTH)
        return fault_set(error, FAULT_SERIALIZATION, "The document nests too deep");
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        return take_map(arena, (json_t *)json, depth, value, error);
    case JSON_ARRAY:
        return take_list(arena, json, depth, value, error);
    case JSON_STRING:
        *value =
            (Value){.kind = VALUE_STRING, .string = arena_strdup(arena, json_string_value(json))};
        break;
    case JSON_INTEGER:
        *value = (Value){.kind = VALUE_INT,
                         .integer = json_integer_value(json),
                         .number = (double)json_integer_value(json)};
        break;
    case JSON_REAL:
        *value = (Value){.kind = VALUE_DOUBLE, .number = json_real_value(json)};
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        *value = (Value){.kind = VALUE_BOOL, .integer = json_is_true(json)};
        break;
    case JSON_NULL:
        *value = (Value){.kind = VALUE_NULL};
        break;
    }
    return true;
}

bool json_read(Arena *arena, const char *body, size_t size, Value *ret_value, GError **error)
{
    if (size == 0) {
        *ret_value = (Value){.kind = VALUE_MAP};
        return true;
    }
    json_error_t wrong;
    json_t *json = json_loadb(body, size, JSON_REJECT_DUPLICATES, &wrong);
    if (!json)
        return fault_set(error, FAULT_SERIALIZATION, "The request is not JSON: %s, line %d",
                         wrong.text, wrong.line);
    bool ok = take(arena, json, 0, ret_value, error);
    json_decref(json);
    return ok;
}

/* ---- writing ---- */

/* A comma where something stands before. */
static void separate(DocumentWriter *writer)
{
    if (writer->began)
        buffer_add_char(writer->out, ',');
    writer->began = true;
}

static void begin_map(DocumentWriter *writer)
{
    separate(writer);
    buffer_add_char(writer->out, '{');
    writer->began = false;
}

static void end_map(DocumentWriter *writer)
{
    buffer_add_char(writer->out, '}');
    writer->began = true;
}

static void begin_list(DocumentWriter *writer, size_t n)
{
    separate(writer);
    buffer_add_char(writer->out, '[');
    writer->began = false;
}

static void end_list(DocumentWriter *writer)
{
    buffer_add_char(writer->out, ']');
    writer->began = true;
}

static void put_text(Buffer *out, const char *text)
{
    buffer_add_char(out, '"');
    for (const char *c = text; *c; c++) {
        char escaped[8];
        if (*c == '"' || *c == '\\') {
            buffer_add_char(out, '\\');
            buffer_add_char(out, *c);
        } else if ((uint8_t)*c < 0x20) {
            g_snprintf(escaped, sizeof(escaped), "\\u%04x", (unsigned)*c);
            buffer_add_text(out, escaped);
        } else {
            buffer_add_char(out, *c);
        }
    }
    buffer_add_char(out, '"');
}

static void put_key(DocumentWriter *writer, const char *name)
{
    separate(writer);
    put_text(writer->out, name);
    buffer_add_char(writer->out, ':');
    writer->began = false;
}

static void put_string(DocumentWriter *writer, const char *text)
{
    separate(writer);
    put_text(writer->out, text);
}

static void put_integer(DocumentWriter *writer, int64_t value)
{
    char text[24];
    separate(writer);
    g_snprintf(text, sizeof(text), "%" PRId64, value);
    buffer_add_text(writer->out, text);
}

static void put_number(DocumentWriter *writer, double value)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];
    separate(writer);
    if (isfinite(value)) {
        g_ascii_formatd(text, sizeof(text) - 2, "%.15g", value);
        double back = g_ascii_strtod(text, NULL);
        if (back < value || back > value)
            g_ascii_formatd(text, sizeof(text) - 2, "%.17g", value);
        if (!strpbrk(text, ".e"))
            g_strlcat(text, ".0", sizeof(text));
        buffer_add_text(writer->out, text);
    } else {
        put_text(writer->out, isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
    }
}

static void put_boolean(DocumentWriter *writer, bool value)
{
    separate(writer);
    buffer_add_text(writer->out, value ? "true" : "false");
}

/* Seconds since the epoch, with a fraction where there is one. */
static void put_time(DocumentWriter *writer, int64_t time)
{
    char text[40];
    separate(writer);
    int64_t milliseconds = time / 1000;
    if (milliseconds % 1000 == 0 || milliseconds < 0)
        g_snprintf(text, sizeof(text), "%" PRId64, time / CLOCK_SECOND);
    else
        g_snprintf(text, sizeof(text), "%" PRId64 ".%03d", milliseconds / 1000,
                   (int)(milliseconds % 1000));
    buffer_add_text(writer->out, text);
}

void json_writer_init(DocumentWriter *writer, Buffer *out)
{
    *writer = (DocumentWriter){
        .out = out,
        .begin_map = begin_map,
        .end_map = end_map,
        .begin_list = begin_list,
        .end_list = end_list,
        .key = put_key,
        .string = put_string,
        .integer = put_integer,
        .number = put_number,
        .boolean = put_boolean,
        .time = put_time,
    };
}
