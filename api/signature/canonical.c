/* Encoding and sorting for the signatures' canonical forms. Invariant: what is written depends on
 * the decoded parameters only, never on how the client spelt them. */
#include "api/signature/canonical.h"

#include <stdint.h>
#include <stdlib.h>

/* RFC 3986's unreserved characters; the ranges are its own. */
static const bool unreserved[256] = {
    ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true, ['-'] = true,
    ['_'] = true,         ['.'] = true,         ['~'] = true,
};

void canonical_encode(Buffer *out, const char *text, size_t size, bool keep_slashes)
{
    static const char digits[] = "0123456789ABCDEF";
    char *start = buffer_reserve(out, 3 * size);
    char *at = start;
    for (size_t i = 0; i < size; i++) {
        uint8_t c = (uint8_t)text[i];
        if (unreserved[c] || (c == '/' && keep_slashes)) {
            *at++ = (char)c;
        } else {
            *at++ = '%';
            *at++ = digits[c >> 4];
            *at++ = digits[c & 15];
        }
    }
    out->size += (size_t)(at - start);
}

/* One pair encoded in a buffer of all pairs. */
typedef struct Pair {
    const char *text; /* name=value */
    size_t name_size, size;
} Pair;

static int compare_texts(const char *a, size_t a_size, const char *b, size_t b_size)
{
    int order = memcmp(a, b, MIN(a_size, b_size));
    return order ? order : (a_size > b_size) - (a_size < b_size);
}

static int compare_pairs(const void *one, const void *other)
{
    const Pair *a = one, *b = other;
    int order = compare_texts(a->text, a->name_size, b->text, b->name_size);
    return order ? order
                 : compare_texts(a->text + a->name_size, a->size - a->name_size,
                                 b->text + b->name_size, b->size - b->name_size);
}

void canonical_query(Buffer *out, Arena *arena, const Param *params, size_t n, const char *without)
{
    if (n == 0)
        return;
    g_auto(Buffer) encoded = {0};
    Pair *pairs = arena_alloc(arena, n * sizeof(*pairs));
    size_t n_pairs = 0;
    for (size_t i = 0; i < n; i++) {
        if (g_strcmp0(params[i].name, without) == 0)
            continue;
        size_t start = encoded.size;
        canonical_encode(&encoded, params[i].name, strlen(params[i].name), false);
        pairs[n_pairs].name_size = encoded.size - start;
        buffer_add_char(&encoded, '=');
        canonical_encode(&encoded, params[i].value, strlen(params[i].value), false);
        pairs[n_pairs++].size = encoded.size - start;
    }
    /* The buffer moves while it grows. */
    const char *text = encoded.data;
    for (size_t i = 0; i < n_pairs; text += pairs[i++].size)
        pairs[i].text = text;
    qsort(pairs, n_pairs, sizeof(*pairs), compare_pairs);
    for (size_t i = 0; i < n_pairs; i++) {
        if (i > 0)
            buffer_add_char(out, '&');
        buffer_add(out, pairs[i].text, pairs[i].size);
    }
}

void canonical_path(Buffer *out, Arena *arena, const char *path)
{
    /* Where in the result each segment's slash is, so that ".." can take it back. */
    size_t *starts = arena_alloc(arena, (strlen(path) / 2 + 2) * sizeof(*starts));
    size_t n = 0;
    bool ends_in_slash = true;

    while (*path) {
        const char *segment = path + strspn(path, "/");
        size_t size = strcspn(segment, "/");
        path = segment + size;
        if (size == 0) {
            ends_in_slash = true;
        } else if (size == 1 && segment[0] == '.') {
            ends_in_slash = true;
        } else if (size == 2 && segment[0] == '.' && segment[1] == '.') {
            ends_in_slash = true;
            if (n > 0)
                out->size = starts[--n];
        } else {
            ends_in_slash = false;
            starts[n++] = out->size;
            buffer_add_char(out, '/');
            canonical_encode(out, segment, size, false);
        }
    }
    if (ends_in_slash)
        buffer_add_char(out, '/');
}

bool canonical_s3_path(Buffer *out, const char *path, bool escaped_slashes)
{
    size_t start = out->size;
    for (;;) {
        const char *end = escaped_slashes ? strchrnul(path, '/') : path + strlen(path);
        g_autofree char *part = g_uri_unescape_segment(path, end, NULL);
        if (!part) {
            out->size = start;
            return false;
        }
        canonical_encode(out, part, strlen(part), !escaped_slashes);
        if (!*end)
            break;
        buffer_add_char(out, '/');
        path = end + 1;
    }
    if (out->size == start)
        buffer_add_char(out, '/');
    return true;
}

void canonical_header_value(Buffer *out, const char *value, bool collapse)
{
    while (g_ascii_isspace(*value))
        value++;
    size_t size = strlen(value);
    while (size > 0 && g_ascii_isspace(value[size - 1]))
        size--;
    if (!collapse) {
        buffer_add(out, value, size);
        return;
    }
    char *to = buffer_reserve(out, size);
    for (size_t i = 0; i < size; i++) {
        if (!g_ascii_isspace(value[i]))
            *to++ = value[i];
        else if (!g_ascii_isspace(value[i + 1]))
            *to++ = ' ';
    }
    out->size = (size_t)(to - out->data);
}

char *canonical_host_without_port(Arena *arena, const char *host)
{
    const char *colon = strrchr(host, ':');
    if (!colon || colon == host)
        return NULL;
    if (colon[-1] != ']' && memchr(host, ':', (size_t)(colon - host)))
        return NULL; /* a bare IPv6 address */
    return arena_strndup(arena, host, (size_t)(colon - host));
}
