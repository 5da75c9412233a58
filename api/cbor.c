/* CBOR (RFC 8949), by libcbor: its streaming decoder and its encoders of single items.
 *
 * Invariant: no item is believed to have more parts than there are bytes left, so a request costs
 * in proportion to its size. */
#include "api/document.h"

#include "base/clock.h"
#include "base/fault.h"
#include <cbor.h>
#include <math.h>
#include <string.h>

#define TAG_EPOCH 1

typedef struct Reader {
    Arena *arena;
    const uint8_t *at, *end;
} Reader;

/* ---- reading ---- */

static bool malformed(GError **error)
{
    return fault_set(error, FAULT_SERIALIZATION, "The request is not CBOR");
}

/* What one step of the decoder found. */
typedef enum ItemKind {
    ITEM_NONE, /* one that no request has */
    ITEM_VALUE,
    ITEM_BYTES,
    ITEM_TEXT,
    ITEM_LIST,
    ITEM_MAP,
    ITEM_TAG,
    ITEM_BREAK,
} ItemKind;

typedef struct Item {
    ItemKind kind;
    Value value;
    const uint8_t *data; /* TEXT */
    uint64_t n;          /* of TEXT, LIST, MAP; a TAG's number */
    bool open;           /* TEXT, LIST, MAP: until a BREAK */
} Item;

static void found_integer(Item *item, uint64_t value, bool negative)
{
    item->kind = ITEM_VALUE;
    double number = negative ? -1 - (double)value : (double)value;
    item->value = value <= INT64_MAX
                      ? (Value){.kind = VALUE_INT,
                                .integer = negative ? -1 - (int64_t)value : (int64_t)value,
                                .number = number}
                      : (Value){.kind = VALUE_DOUBLE, .number = number};
}

static void on_uint8(void *item, uint8_t value)
{
    found_integer(item, value, false);
}

static void on_uint16(void *item, uint16_t value)
{
    found_integer(item, value, false);
}

static void on_uint32(void *item, uint32_t value)
{
    found_integer(item, value, false);
}

static void on_uint64(void *item, uint64_t value)
{
    found_integer(item, value, false);
}

static void on_negint8(void *item, uint8_t value)
{
    found_integer(item, value, true);
}

static void on_negint16(void *item, uint16_t value)
{
    found_integer(item, value, true);
}

static void on_negint32(void *item, uint32_t value)
{
    found_integer(item, value, true);
}

static void on_negint64(void *item, uint64_t value)
{
    found_integer(item, value, true);
}

static void found_number(Item *item, double value)
{
    item->kind = ITEM_VALUE;
    item->value = (Value){.kind = VALUE_DOUBLE, .number = value};
}

static void on_float(void *item, float value)
{
    found_number(item, (double)value);
}

static void on_double(void *item, double value)
{
    found_number(item, value);
}

static void on_boolean(void *data, bool value)
{
    Item *item = data;
    item->kind = ITEM_VALUE;
    item->value = (Value){.kind = VALUE_BOOL, .integer = value};
}

static void on_null(void *data)
{
    Item *item = data;
    item->kind = ITEM_VALUE;
    item->value = (Value){.kind = VALUE_NULL};
}

static void on_text(void *data, cbor_data text, size_t n)
{
    *(Item *)data = (Item){.kind = ITEM_TEXT, .data = text, .n = n};
}

static void on_open_text(void *data)
{
    *(Item *)data = (Item){.kind = ITEM_TEXT, .open = true};
}

static void on_list(void *data, size_t n)
{
    *(Item *)data = (Item){.kind = ITEM_LIST, .n = n};
}

static void on_open_list(void *data)
{
    *(Item *)data = (Item){.kind = ITEM_LIST, .open = true};
}

static void on_map(void *data, size_t n)
{
    *(Item *)data = (Item){.kind = ITEM_MAP, .n = n};
}

static void on_open_map(void *data)
{
    *(Item *)data = (Item){.kind = ITEM_MAP, .open = true};
}

static void on_tag(void *data, uint64_t tag)
{
    *(Item *)data = (Item){.kind = ITEM_TAG, .n = tag};
}

static void on_break(void *data)
{
    *(Item *)data = (Item){.kind = ITEM_BREAK};
}

static void on_bytes(void *data, cbor_data bytes, size_t n)
{
    *(Item *)data = (Item){.kind = ITEM_NONE};
}

static void on_open_bytes(void *data)
{
    *(Item *)data = (Item){.kind = ITEM_NONE};
}

static bool step(Reader *reader, Item *item, GError **error)
{
    static const struct cbor_callbacks callbacks = {
        .uint8 = on_uint8,
        .uint16 = on_uint16,
        .uint32 = on_uint32,
        .uint64 = on_uint64,
        .negint8 = on_negint8,
        .negint16 = on_negint16,
        .negint32 = on_negint32,
        .negint64 = on_negint64,
        .byte_string = on_bytes,
        .byte_string_start = on_open_bytes,
        .string = on_text,
        .string_start = on_open_text,
        .array_start = on_list,
        .indef_array_start = on_open_list,
        .map_start = on_map,
        .indef_map_start = on_open_map,
        .tag = on_tag,
        .float2 = on_float,
        .float4 = on_float,
        .float8 = on_double,
        .boolean = on_boolean,
        .null = on_null,
        .undefined = on_null,
        .indef_break = on_break,
    };
    *item = (Item){0};
    size_t left = (size_t)(reader->end - reader->at);
    struct cbor_decoder_result result = cbor_stream_decode(reader->at, left, &callbacks, item);
    if (result.status != CBOR_DECODER_FINISHED || result.read > left || item->kind == ITEM_NONE)
        return malformed(error);
    reader->at += result.read;
    return true;
}

static bool take(Reader *reader, unsigned depth, Value *value, bool *ret_break, GError **error);

/* Text, whole or in pieces. */
static bool take_text(Reader *reader, const Item *item, const char **ret_text, GError **error)
{
    g_autoptr(GString) text = g_string_new(NULL);
    if (!item->open) {
        g_string_append_len(text, (const char *)item->data, (gssize)item->n);
    }
    for (bool more = item->open; more;) {
        Item piece;
        if (!step(reader, &piece, error))
            return false;
        more = piece.kind == ITEM_TEXT && !piece.open;
        if (more)
            g_string_append_len(text, (const char *)piece.data, (gssize)piece.n);
        else if (piece.kind != ITEM_BREAK)
            return malformed(error);
    }
    if (!g_utf8_validate(text->str, (gssize)text->len, NULL)) /* nor may there be NULs */
        return malformed(error);
    *ret_text = arena_strndup(reader->arena, text->str, text->len);
    return true;
}

/* Items up to the n-th, or to the break. Of a map, every other one is a key. */
static bool take_items(Reader *reader, const Item *item, unsigned depth, GArray *values,
                       GError **error)
{
    uint64_t wanted = item->kind == ITEM_MAP ? 2 * item->n : item->n;
    if (!item->open && (item->n > (uint64_t)(reader->end - reader->at)))
        return malformed(error);
    bool ended = false;
    while (item->open ? !ended : values->len < wanted) {
        Value value = {0};
        if (!take(reader, depth + 1, &value, &ended, error))
            return false;
        if (ended && !item->open)
            return malformed(error);
        if (!ended)
            g_array_append_val(values, value);
    }
    return true;
}

static bool take_list(Reader *reader, const Item *item, unsigned depth, Value *value,
                      GError **error)
{
    g_autoptr(GArray) values = g_array_new(false, false, sizeof(Value));
    if (!take_items(reader, item, depth, values, error))
        return false;
    *value = (Value){
        .kind = VALUE_LIST,
        .n = values->len,
        .items = arena_memdup(reader->arena, values->data, values->len * sizeof(Value)),
    };
    return true;
}

static bool take_map(Reader *reader, const Item *item, unsigned depth, Value *value, GError **error)
{
    g_autoptr(GArray) values = g_array_new(false, false, sizeof(Value));
    if (!take_items(reader, item, depth, values, error))
        return false;
    if (values->len % 2)
        return malformed(error);
    size_t n = values->len / 2;
    Value *items = arena_alloc(reader->arena, (n + 1) * sizeof(Value));
    const char **keys = arena_alloc(reader->arena, (n + 1) * sizeof(char *));
    for (size_t i = 0; i < n; i++) {
        const Value *key = &g_array_index(values, Value, 2 * i);
        if (key->kind != VALUE_STRING)
            return malformed(error);
        keys[i] = key->string;
        items[i] = g_array_index(values, Value, 2 * i + 1);
    }
    *value = (Value){.kind = VALUE_MAP, .n = n, .items = items, .keys = keys};
    return true;
}

/* Of the tags only that of a time means something here. */
static bool take_tagged(Reader *reader, uint64_t tag, unsigned depth, Value *value, GError **error)
{
    bool ended = false;
    if (!take(reader, depth + 1, value, &ended, error))
        return false;
    if (ended)
        return malformed(error);
    if (tag != TAG_EPOCH)
        return true;
    if ((value->kind != VALUE_INT && value->kind != VALUE_DOUBLE) || !(fabs(value->number) < 1e11))
        return malformed(error);
    /* To the nearest millisecond. */
    double milliseconds = value->number * 1000 + (value->number < 0 ? -0.5 : 0.5);
    *value = (Value){.kind = VALUE_TIME, .integer = (int64_t)milliseconds * (CLOCK_SECOND / 1000)};
    return true;
}

static bool take(Reader *reader, unsigned depth, Value *value, bool *ret_break, GError **error)
{
    Item item;
    if (depth > DOCUMENT_MAX_DEPTH)
        return fault_set(error, FAULT_SERIALIZATION, "The document nests too deep");
    if (!step(reader, &item, error))
        return false;
    *ret_break = item.kind == ITEM_BREAK;
    switch (item.kind) {
    case ITEM_TEXT:
        value->kind = VALUE_STRING;
        return take_text(reader, &item, &value->string, error);
    case ITEM_LIST:
        return take_list(reader, &item, depth, value, error);
    case ITEM_MAP:
        return take_map(reader, &item, depth, value, error);
    case ITEM_TAG:
        return take_tagged(reader, item.n, depth, value, error);
    default:
        *value = item.value;
        return true;
    }
}

bool cbor_read(Arena *arena, const char *body, size_t size, Value *ret_value, GError **error)
{
    if (size == 0) {
        *ret_value = (Value){.kind = VALUE_MAP};
        return true;
    }
    Reader reader = {arena, (const uint8_t *)body, (const uint8_t *)body + size};
    bool ended = false;
    if (!take(&reader, 0, ret_value, &ended, error))
        return false;
    return (!ended && reader.at == reader.end) || malformed(error);
}

/* ---- writing ---- */

#define ITEM_MOST 16 /* bytes of an item's head, or of a number */

static unsigned char *room(DocumentWriter *writer)
{
    return (unsigned char *)buffer_reserve(writer->out, ITEM_MOST);
}

static void begin_map(DocumentWriter *writer)
{
    writer->out->size += cbor_encode_indef_map_start(room(writer), ITEM_MOST);
}

static void end_map(DocumentWriter *writer)
{
    writer->out->size += cbor_encode_break(room(writer), ITEM_MOST);
}

static void begin_list(DocumentWriter *writer, size_t n)
{
    writer->out->size += cbor_encode_array_start(n, room(writer), ITEM_MOST);
}

static void end_list(DocumentWriter *writer)
{
}

static void put_string(DocumentWriter *writer, const char *text)
{
    size_t size = strlen(text);
    writer->out->size += cbor_encode_string_start(size, room(writer), ITEM_MOST);
    buffer_add(writer->out, text, size);
}

static void put_integer(DocumentWriter *writer, int64_t value)
{
    writer->out->size += value >= 0
                             ? cbor_encode_uint((uint64_t)value, room(writer), ITEM_MOST)
                             : cbor_encode_negint((uint64_t)(-1 - value), room(writer), ITEM_MOST);
}

static void put_number(DocumentWriter *writer, double value)
{
    writer->out->size += cbor_encode_double(value, room(writer), ITEM_MOST);
}

static void put_boolean(DocumentWriter *writer, bool value)
{
    writer->out->size += cbor_encode_bool(value, room(writer), ITEM_MOST);
}

static void put_time(DocumentWriter *writer, int64_t time)
{
    int64_t milliseconds = time / 1000;
    writer->out->size += cbor_encode_tag(TAG_EPOCH, room(writer), ITEM_MOST);
    if (time % CLOCK_SECOND == 0)
        put_integer(writer, time / CLOCK_SECOND);
    else
        put_number(writer, (double)milliseconds / 1000);
}

void cbor_writer_init(DocumentWriter *writer, Buffer *out)
{
    *writer = (DocumentWriter){
        .out = out,
        .begin_map = begin_map,
        .end_map = end_map,
        .begin_list = begin_list,
        .end_list = end_list,
        .key = put_string,
        .string = put_string,
        .integer = put_integer,
        .number = put_number,
        .boolean = put_boolean,
        .time = put_time,
    };
}
