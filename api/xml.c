/* The XML writer: describe replies are megabytes of it, so the common case (short ASCII text with
 * nothing to escape) is one scan and one copy. */
#include "api/xml.h"

#include <stdint.h>

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* What stands for itself in text: 0. Everything above ASCII is looked at more closely. */
static const uint8_t special[256] = {
    [0 ... 8] = 1, [11 ... 31] = 1, ['&'] = 1, ['<'] = 1, ['>'] = 1, ['"'] = 1, [127 ... 255] = 1,
};

/* memcpy for the short texts that replies are made of: a call each would cost more than they do. */
static inline void copy_short(char *to, const char *from, size_t n)
{
    if (n > 32) {
        memcpy(to, from, n);
    } else if (n >= 16) {
        memcpy(to, from, 16);
        memcpy(to + n - 16, from + n - 16, 16);
    } else if (n >= 8) {
        memcpy(to, from, 8);
        memcpy(to + n - 8, from + n - 8, 8);
    } else if (n >= 4) {
        memcpy(to, from, 4);
        memcpy(to + n - 4, from + n - 4, 4);
    } else {
        for (size_t i = 0; i < n; i++)
            to[i] = from[i];
    }
}

static inline void write_name(char **at, XmlName name)
{
    copy_short(*at, name.text, name.size);
    **at = name.first;
    *at += name.size;
}

void xml_open(Buffer *xml, XmlName name)
{
    char *at = buffer_reserve(xml, name.size + 2);
    *at++ = '<';
    write_name(&at, name);
    *at++ = '>';
    xml->size += name.size + 2;
}

void xml_close(Buffer *xml, XmlName name)
{
    char *at = buffer_reserve(xml, name.size + 3);
    *at++ = '<';
    *at++ = '/';
    write_name(&at, name);
    *at++ = '>';
    xml->size += name.size + 3;
}

void xml_empty(Buffer *xml, XmlName name)
{
    char *at = buffer_reserve(xml, name.size + 3);
    *at++ = '<';
    write_name(&at, name);
    *at++ = '/';
    *at++ = '>';
    xml->size += name.size + 3;
}

typedef uint8_t Block __attribute__((vector_size(16)));

/* Bytes other than 0 where a byte of the block is special. */
static inline Block special_bytes(Block block)
{
    return (Block)((block < 0x20) | (block > 0x7e) | (block == '&') | (block == '<') |
                   (block == '>') | (block == '"'));
}

static inline bool any(Block block)
{
    uint64_t halves[2];
    memcpy(halves, &block, sizeof(halves));
    return (halves[0] | halves[1]) != 0;
}

/* Nothing in text needs a look; false is no more than a guess (tabs and line feeds). */
static inline bool is_plain(const char *text, size_t n)
{
    Block block;
    if (n >= 16) {
        memcpy(&block, text + n - 16, 16);
        Block found = special_bytes(block);
        for (size_t i = 0; i + 16 < n; i += 16) {
            memcpy(&block, text + i, 16);
            found |= special_bytes(block);
        }
        return !any(found);
    }
    if (n >= 8) {
        memcpy(&block, text, 8);
        memcpy((char *)&block + 8, text + n - 8, 8);
        return !any(special_bytes(block));
    }
    for (size_t i = 0; i < n; i++) {
        if (special[(uint8_t)text[i]])
            return false;
    }
    return true;
}

/* The length of the plain text that s begins with. */
static size_t plain_prefix(const char *s)
{
    const char *at = s;
    while (!special[(uint8_t)*at])
        at++;
    return (size_t)(at - s);
}

/* A character above ASCII that XML allows: its length; else 0. */
static size_t allowed_character(const char *s)
{
    gunichar c = g_utf8_get_char_validated(s, -1);
    if (c >= 0xd800 && (c == (gunichar)-1 || c == (gunichar)-2 || c == 0xfffe || c == 0xffff))
        return 0;
    return (size_t)(g_utf8_next_char(s) - s);
}

/* Writes what stands for the special character at s; returns how many bytes it was. */
static size_t escape_one(Buffer *xml, const char *s)
{
    size_t size = 1;
    switch (*s) {
    case '&':
        buffer_add(xml, "&amp;", 5);
        break;
    case '<':
        buffer_add(xml, "&lt;", 4);
        break;
    case '>':
        buffer_add(xml, "&gt;", 4);
        break;
    case '"':
        buffer_add(xml, "&quot;", 6);
        break;
    case '\r': /* a parser would make a bare one a line feed */
        buffer_add(xml, "&#xD;", 5);
        break;
    default:
        if ((uint8_t)*s >= 127 && (size = allowed_character(s)) > 0) {
            buffer_add(xml, s, size);
        } else {
            buffer_add(xml, REPLACEMENT, strlen(REPLACEMENT));
            size = 1;
        }
    }
    return size;
}

void xml_text(Buffer *xml, const char *text)
{
    for (;;) {
        size_t plain = plain_prefix(text);
        buffer_add(xml, text, plain);
        text += plain;
        if (!*text)
            return;
        text += escape_one(xml, text);
    }
}

void xml_element(Buffer *xml, XmlName name, const char *text)
{
    size_t size = strlen(text);
    if (!is_plain(text, size)) {
        xml_open(xml, name);
        xml_text(xml, text);
        xml_close(xml, name);
        return;
    }
    size_t whole = 2 * (size_t)name.size + 5 + size;
    char *at = buffer_reserve(xml, whole);
    *at++ = '<';
    write_name(&at, name);
    *at++ = '>';
    copy_short(at, text, size);
    at += size;
    *at++ = '<';
    *at++ = '/';
    write_name(&at, name);
    *at = '>';
    xml->size += whole;
}
