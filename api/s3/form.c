/* The reader of multipart/form-data: a state machine over bytes, which come in any pieces.
 *
 *     PREAMBLE ─ delimiter ─> TAIL ─ line end ─> HEADERS ─ empty line ─> FIELD or FILE
 *        FIELD ─ delimiter ─> TAIL      FILE ─ delimiter ─> TAIL (and then all is skipped)
 *        TAIL ─ "--" ─> END
 *
 * The delimiter is CRLF, two dashes and the boundary; the body is read as though a CRLF stood
 * before it. Invariants: CR is only the delimiter's first byte, so a match that fails can begin
 * anew only at the byte that made it fail; at most FORM_MAX_FIELDS_SIZE bytes are kept before the
 * file; the file's bytes are handed on as they lie in the input. */
#include "api/s3/form.h"

#include "api/buffer.h"
#include "base/fault.h"
#include <string.h>

#define MAX_BOUNDARY 70               /* RFC 2046, 5.1.1 */
#define MAX_EXPANDED_SIZE (64 * 1024) /* of a field with ${filename} in it */
#define MAX_TAIL 1024                 /* white space behind a boundary */
#define FILENAME "${filename}"

typedef enum State { PREAMBLE, TAIL, HEADERS, FIELD, FILE_BYTES, SKIPPED, END, BROKEN } State;

struct FormDecoder {
    Arena *arena;
    const FormEvents *events;
    void *data;
    State state;
    const char *delimiter;
    size_t delimiter_size;
    size_t matched; /* bytes of the delimiter seen last */

    size_t before_file; /* bytes so far; counted until the file begins */
    bool had_file;
    Buffer text;      /* the line or field being read */
    const char *name; /* of the part being read; NULL: it has none */
    const char *part_filename;
    const char *filename; /* of the file */
    Params fields;
    size_t capacity;
};

static bool refuse_body(GError **error)
{
    return fault_set(error, FAULT_MALFORMED_POST_REQUEST,
                     "The body of your POST request is not well-formed multipart/form-data.");
}

static bool refuse_size(GError **error)
{
    return fault_set(error, FAULT_MAX_POST_PRE_DATA,
                     "Your POST request fields preceding the upload file were too large.");
}

/* ---- parameters of a header: name=token or name="string" ---- */

/* Browsers escape nothing but the quote, and send paths of Windows as they are. */
static bool is_escape(const char *at)
{
    return at[0] == '\\' && (at[1] == '"' || at[1] == '\\');
}

/* From the opening quote on: the bytes up to the closing one, or to the text's end. */
static size_t quoted_size(const char *quote)
{
    const char *at = quote + 1;
    while (*at && *at != '"')
        at += is_escape(at) ? 2 : 1;
    return (size_t)(at - quote - 1);
}

static char *without_escapes(Arena *arena, const char *text, size_t size)
{
    char *value = arena_alloc(arena, size + 1), *to = value;
    for (const char *at = text; at < text + size; at++) {
        at += is_escape(at);
        *to++ = *at;
    }
    return value;
}

/* The value of a header's parameter; NULL without. Memory is taken for that one alone. */
static char *header_parameter(Arena *arena, const char *header, const char *name)
{
    const char *at = header + strcspn(header, ";");
    while (*at == ';') {
        at += 1 + strspn(at + 1, " \t");
        size_t size = strcspn(at, "=;");
        bool found = size == strlen(name) && g_ascii_strncasecmp(at, name, size) == 0;
        at += size;
        if (*at != '=')
            continue;
        at++;
        bool quoted = *at == '"';
        size = quoted ? quoted_size(at) : strcspn(at, ";");
        if (found)
            return quoted ? without_escapes(arena, at + 1, size)
                          : g_strchomp(arena_strndup(arena, at, size));
        at += quoted + size;
        at += strcspn(at, ";");
    }
    return NULL;
}

bool form_decoder_new(Arena *arena, const char *content_type, const FormEvents *events, void *data,
                      FormDecoder **ret_decoder, GError **error)
{
    static const char type[] = "multipart/form-data";
    if (!content_type || g_ascii_strncasecmp(content_type, type, strlen(type)) != 0)
        return fault_set(error, FAULT_REQUEST_IS_NOT_MULTIPART,
                         "Bucket POST must be of the enclosure-type multipart/form-data.");
    const char *boundary = header_parameter(arena, content_type, "boundary");
    if (!boundary || !*boundary || strlen(boundary) > MAX_BOUNDARY || strpbrk(boundary, "\r\n"))
        return refuse_body(error);
    FormDecoder *decoder = arena_new_struct(arena, FormDecoder);
    decoder->arena = arena;
    decoder->events = events;
    decoder->data = data;
    decoder->delimiter = arena_printf(arena, "\r\n--%s", boundary);
    decoder->delimiter_size = strlen(decoder->delimiter);
    decoder->matched = strlen("\r\n");
    decoder->filename = "";
    *ret_decoder = decoder;
    return true;
}

void form_decoder_free(FormDecoder *decoder)
{
    if (decoder)
        buffer_clear(&decoder->text);
}

/* ---- fields ---- */

/* The text with the file's name for each ${filename}; NULL when it gets too long. */
static const char *expand(const FormDecoder *decoder, const char *text)
{
    const char *variable = strstr(text, FILENAME);
    if (!variable)
        return text;
    g_auto(Buffer) out = {0};
    for (; variable; variable = strstr(text, FILENAME)) {
        buffer_add(&out, text, (size_t)(variable - text));
        buffer_add_text(&out, decoder->filename);
        text = variable + strlen(FILENAME);
        if (out.size > MAX_EXPANDED_SIZE)
            return NULL;
    }
    buffer_add_text(&out, text);
    return arena_strdup(decoder->arena, buffer_text(&out));
}

static bool begin_file(FormDecoder *decoder, GError **error)
{
    decoder->had_file = true;
    decoder->filename = decoder->part_filename ? decoder->part_filename : "";
    for (const char *c = decoder->filename; *c; c++) {
        if (*c == '/' || *c == '\\')
            decoder->filename = c + 1;
    }
    for (size_t i = 0; i < decoder->fields.n; i++) {
        Param *field = &decoder->fields.items[i];
        field->value = expand(decoder, field->value);
        if (!field->value)
            return refuse_size(error);
    }
    decoder->state = FILE_BYTES;
    return decoder->events->begin(decoder->data, error);
}

static bool end_field(FormDecoder *decoder, GError **error)
{
    const char *value = buffer_text(&decoder->text);
    if (!g_utf8_validate(value, (gssize)decoder->text.size, NULL))
        return refuse_body(error); /* a NUL is no UTF-8 here either */
    Params *fields = &decoder->fields;
    if (params_get(fields, decoder->name))
        return fault_set(error, FAULT_INVALID_ARGUMENT, "The form has the field %s twice.",
                         decoder->name);
    if (fields->n == decoder->capacity) {
        decoder->capacity = MAX(16, 2 * decoder->capacity);
        Param *items = arena_alloc(decoder->arena, decoder->capacity * sizeof(Param));
        if (fields->n)
            memcpy(items, fields->items, fields->n * sizeof(Param));
        fields->items = items;
    }
    fields->items[fields->n++] = (Param){decoder->name, arena_strdup(decoder->arena, value)};
    return true;
}

/* ---- lines ---- */

static void read_header(FormDecoder *decoder, const char *line)
{
    static const char wanted[] = "content-disposition:";
    if (g_ascii_strncasecmp(line, wanted, strlen(wanted)) != 0)
        return;
    char *name = header_parameter(decoder->arena, line, "name");
    for (char *c = name; c && *c; c++)
        *c = g_ascii_tolower(*c);
    decoder->name = name;
    decoder->part_filename = header_parameter(decoder->arena, line, "filename");
}

static bool end_headers(FormDecoder *decoder, GError **error)
{
    if (!decoder->name || !*decoder->name)
        return refuse_body(error);
    if (strcmp(decoder->name, "file") == 0)
        return begin_file(decoder, error);
    decoder->state = FIELD;
    return true;
}

static bool take_line(FormDecoder *decoder, GError **error)
{
    const char *line = buffer_text(&decoder->text);
    if (!g_utf8_validate(line, (gssize)decoder->text.size, NULL))
        return refuse_body(error);
    if (decoder->state == TAIL) {
        if (line[strspn(line, " \t")])
            return refuse_body(error);
        decoder->state = decoder->had_file ? SKIPPED : HEADERS;
        decoder->name = decoder->part_filename = NULL;
        return true;
    }
    if (!*line)
        return end_headers(decoder, error);
    read_header(decoder, line);
    return true;
}

static bool feed_line(FormDecoder *decoder, const char **at, const char *end, GError **error)
{
    Buffer *line = &decoder->text;
    const char *newline = memchr(*at, '\n', (size_t)(end - *at));
    const char *stop = newline ? newline + 1 : end;
    if (decoder->state == TAIL && (size_t)(stop - *at) > MAX_TAIL - line->size)
        return refuse_body(error);
    buffer_add(line, *at, (size_t)(stop - *at));
    *at = stop;
    if (decoder->state == TAIL && line->size >= 2 && memcmp(line->data, "--", 2) == 0) {
        decoder->state = END;
        return true;
    }
    if (!newline)
        return true;
    if (line->size < 2 || line->data[line->size - 2] != '\r')
        return refuse_body(error);
    line->size -= 2;
    bool ok = take_line(decoder, error);
    line->size = 0;
    return ok;
}

/* ---- bodies of parts ---- */

static void give(FormDecoder *decoder, const char *bytes, size_t size)
{
    if (size == 0)
        return;
    if (decoder->state == FILE_BYTES)
        decoder->events->bytes(decoder->data, bytes, size);
    else if (decoder->state == FIELD)
        buffer_add(&decoder->text, bytes, size);
}

static bool end_part(FormDecoder *decoder, GError **error)
{
    bool ok = decoder->state != FIELD || end_field(decoder, error);
    decoder->text.size = 0;
    decoder->matched = 0;
    decoder->state = TAIL;
    return ok;
}

/* Takes bytes up to a delimiter, or to the input's end. */
static bool feed_part(FormDecoder *decoder, const char **at, const char *end, GError **error)
{
    while (*at < end) {
        if (decoder->matched == 0) {
            const char *cr = memchr(*at, '\r', (size_t)(end - *at));
            give(decoder, *at, (size_t)((cr ? cr : end) - *at));
            *at = cr ? cr + 1 : end;
            decoder->matched = cr ? 1 : 0;
        } else if (**at == decoder->delimiter[decoder->matched]) {
            ++*at;
            if (++decoder->matched == decoder->delimiter_size)
                return end_part(decoder, error);
        } else {
            give(decoder, decoder->delimiter, decoder->matched);
            decoder->matched = 0;
        }
    }
    return true;
}

static bool step(FormDecoder *decoder, const char **at, const char *end, GError **error)
{
    switch (decoder->state) {
    case TAIL:
    case HEADERS:
        return feed_line(decoder, at, end, error);
    case END: /* the epilogue */
        *at = end;
        return true;
    case BROKEN:
        return refuse_body(error);
    default:
        return feed_part(decoder, at, end, error);
    }
}

/* One step. Before the file it takes no more than the bound has room for, so that it does not
 * matter in which pieces the body comes. */
static bool bounded_step(FormDecoder *decoder, const char **at, const char *end, GError **error)
{
    if (decoder->had_file || decoder->state == END)
        return step(decoder, at, end, error);
    size_t room = FORM_MAX_FIELDS_SIZE - decoder->before_file;
    if (room == 0)
        return refuse_size(error);
    const char *before = *at;
    bool ok = step(decoder, at, before + MIN(room, (size_t)(end - before)), error);
    decoder->before_file += (size_t)(*at - before);
    return ok;
}

bool form_decoder_feed(FormDecoder *decoder, const char *bytes, size_t size, GError **error)
{
    for (const char *at = bytes, *end = bytes + size; at < end;) {
        if (!bounded_step(decoder, &at, end, error)) {
            decoder->state = BROKEN;
            return false;
        }
    }
    return true;
}

bool form_decoder_finish(FormDecoder *decoder, GError **error)
{
    if (decoder->state != END)
        return refuse_body(error);
    if (!decoder->had_file)
        return fault_set(error, FAULT_INVALID_ARGUMENT,
                         "POST requires exactly one file upload per request.");
    return true;
}

const Params *form_decoder_fields(const FormDecoder *decoder)
{
    return &decoder->fields;
}

const char *form_decoder_filename(const FormDecoder *decoder)
{
    return decoder->filename;
}
