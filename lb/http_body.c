/* Chunked coding, byte by byte around the data. Extensions and trailers are passed on as they are,
 * once it is sure that they are what they seem: text without control characters, lines that end
 * with CR LF, trailers with a name. */
#include "lb/http_body.h"

#include <string.h>

enum {
    DIGITS_MAX = 15,
    SIZE_LINE_MAX = 1 << 10, /* a size with its extensions */
    TRAILERS_MAX = 16 << 10,
};

typedef enum State {
    SIZE,
    EXTENSION,
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER, /* a line's first byte */
    TRAILER_NAME,
    TRAILER_VALUE,
    TRAILER_LF,
    LAST_LF,
} State;

void http_body_init(HttpBody *body, HttpFraming framing, uint64_t length, bool strip)
{
    *body = (HttpBody){.framing = (uint8_t)framing, .strip = strip && framing == HTTP_CHUNKED};
    body->left = framing == HTTP_LENGTH ? length : 0;
    body->done = framing == HTTP_NO_BODY || (framing == HTTP_LENGTH && !length);
}

static int hex_value(uint8_t byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

static bool is_text(uint8_t byte)
{
    return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
}

/* RFC 9110's tchar. */
static bool is_name(uint8_t byte)
{
    return (byte >= '0' && byte <= '9') || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z') ||
           (byte && strchr("!#$%&'*+-.^_`|~", byte));
}

/* In a size line. */
static bool take_size(HttpBody *body, uint8_t byte)
{
    int digit = hex_value(byte);
    if (++body->around > SIZE_LINE_MAX)
        return false;
    if (body->state == SIZE && digit >= 0) {
        body->left = body->left << 4 | (unsigned)digit;
        return ++body->digits <= DIGITS_MAX;
    }
    if (!body->digits)
        return false;
    if (byte == '\r') {
        body->state = SIZE_LF;
        return true;
    }
    /* No white space before the semicolon: some read what comes then as data. */
    if (body->state == SIZE && byte != ';')
        return false;
    body->state = EXTENSION;
    return is_text(byte);
}

static bool end_size(HttpBody *body, uint8_t byte)
{
    body->state = body->left ? DATA : TRAILER;
    body->digits = 0;
    body->around = 0;
    return byte == '\n';
}

static bool take_trailer(HttpBody *body, uint8_t byte)
{
    if (++body->around > TRAILERS_MAX)
        return false;
    switch ((State)body->state) {
    case TRAILER:
        body->state = byte == '\r' ? LAST_LF : TRAILER_NAME;
        return byte == '\r' || is_name(byte);
    case TRAILER_NAME:
        if (byte == ':')
            body->state = TRAILER_VALUE;
        return byte == ':' || is_name(byte);
    case TRAILER_VALUE:
        if (byte == '\r')
            body->state = TRAILER_LF;
        return byte == '\r' || is_text(byte);
    case TRAILER_LF:
        body->state = TRAILER;
        return byte == '\n';
    default:
        body->done = true;
        return byte == '\n';
    }
}

/* One byte that is not data. */
static bool take_byte(HttpBody *body, uint8_t byte)
{
    switch ((State)body->state) {
    case SIZE:
    case EXTENSION:
        return take_size(body, byte);
    case SIZE_LF:
        return end_size(body, byte);
    case DATA_CR:
        body->state = DATA_LF;
        return byte == '\r';
    case DATA_LF:
        body->state = SIZE;
        return byte == '\n';
    default:
        return take_trailer(body, byte);
    }
}

uint64_t http_body_run(const HttpBody *body)
{
    if (body->done)
        return 0;
    switch ((HttpFraming)body->framing) {
    case HTTP_LENGTH:
        return body->left;
    case HTTP_UNTIL_CLOSE:
        return UINT64_MAX;
    case HTTP_CHUNKED:
        return body->state == DATA ? body->left : 0;
    default:
        return 0;
    }
}

void http_body_skip(HttpBody *body, uint64_t n)
{
    if (body->framing == HTTP_UNTIL_CLOSE)
        return;
    body->left -= n;
    if (body->left)
        return;
    if (body->framing == HTTP_LENGTH)
        body->done = true;
    else
        body->state = DATA_CR;
}

bool http_body_take(HttpBody *body, char *data, size_t n, size_t *ret_used, size_t *ret_out)
{
    size_t used = 0, out = 0;
    while (used < n && !body->done) {
        uint64_t run = http_body_run(body);
        if (run) {
            size_t piece = run < n - used ? (size_t)run : n - used;
            if (out != used)
                memmove(data + out, data + used, piece);
            http_body_skip(body, piece);
            used += piece;
            out += piece;
            continue;
        }
        if (!take_byte(body, (uint8_t)data[used]))
            return false;
        if (!body->strip) {
            if (out != used)
                data[out] = data[used];
            out++;
        }
        used++;
    }
    *ret_used = used;
    *ret_out = out;
    return true;
}

bool http_body_end(HttpBody *body)
{
    if (body->framing == HTTP_UNTIL_CLOSE)
        body->done = true;
    return body->done;
}
