/* Patterns with wildcards and variables.
 *
 * Invariant: what a variable stands for is text, whatever characters it has: a user named "*" is
 * not everybody. */
#include "cloud/policy_parts.h"

#include <string.h>

/* A pattern's symbols: bytes, and these. */
#define ANY_TEXT 256
#define ANY_CHARACTER 257

typedef struct Pattern {
    uint16_t *symbols; /* owned, unless it is few */
    size_t n, capacity;
    uint16_t few[128];
} Pattern;

static void add_symbol(Pattern *pattern, uint16_t symbol)
{
    if (pattern->n == pattern->capacity) {
        const uint16_t *old = pattern->symbols;
        pattern->capacity *= 2;
        pattern->symbols =
            g_renew(uint16_t, old == pattern->few ? NULL : pattern->symbols, pattern->capacity);
        if (old == pattern->few)
            memcpy(pattern->symbols, pattern->few, sizeof(pattern->few));
    }
    pattern->symbols[pattern->n++] = symbol;
}

static void add_literal(Pattern *pattern, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        add_symbol(pattern, (uint8_t)text[i]);
}

const List *policy_fact(const PolicyRequest *request, const char *key)
{
    LIST_EACH (const PolicyFact *, fact, &request->facts) {
        if (g_ascii_strcasecmp(fact->key, key) == 0)
            return &fact->values;
    }
    return NULL;
}

/* What stands between "${" and "}": KEY, or KEY, 'TEXT IF THERE IS NONE'. */
static bool add_variable(Pattern *pattern, const char *text, size_t size,
                         const PolicyRequest *request)
{
    if (size == 1 && strchr("*?$", *text)) {
        add_literal(pattern, text, 1);
        return true;
    }
    g_autofree char *key = g_strndup(text, size);
    char *otherwise = strchr(key, ',');
    if (otherwise)
        *otherwise++ = '\0';
    const List *values = policy_fact(request, g_strstrip(key));
    if (values && values->n == 1) {
        const char *value = list_at(values, 0);
        add_literal(pattern, value, strlen(value));
        return true;
    }
    if (!otherwise)
        return false;
    otherwise = g_strstrip(otherwise);
    size_t length = strlen(otherwise);
    if (length < 2 || otherwise[0] != '\'' || otherwise[length - 1] != '\'')
        return false;
    add_literal(pattern, otherwise + 1, length - 2);
    return true;
}

static bool read_pattern(Pattern *pattern, const char *text, const PolicyRequest *request,
                         bool variables, bool plain)
{
    while (*text) {
        const char *end = variables && g_str_has_prefix(text, "${") ? strchr(text, '}') : NULL;
        if (end) {
            if (!add_variable(pattern, text + 2, (size_t)(end - text) - 2, request))
                return false;
            text = end + 1;
        } else {
            add_symbol(pattern, plain          ? (uint8_t)*text
                                : *text == '*' ? ANY_TEXT
                                : *text == '?' ? ANY_CHARACTER
                                               : (uint8_t)*text);
            text++;
        }
    }
    return true;
}

/* The length of the character at text. */
static size_t character_size(const char *text, const char *end)
{
    size_t size = 1;
    while (text + size < end && ((uint8_t)text[size] & 0xc0) == 0x80)
        size++;
    return size;
}

static bool symbol_is(uint16_t symbol, char byte, bool ignore_case)
{
    if (symbol >= ANY_TEXT)
        return false;
    return ignore_case ? g_ascii_tolower((char)symbol) == g_ascii_tolower(byte)
                       : symbol == (uint8_t)byte;
}

/* Goes back only to the last ANY_TEXT, so that it takes at most n times size steps. */
static bool fits(const uint16_t *symbols, size_t n, const char *text, const char *end,
                 bool ignore_case)
{
    size_t at = 0, star = SIZE_MAX;
    const char *star_text = NULL;
    while (text < end) {
        if (at < n && symbols[at] == ANY_TEXT) {
            star = ++at;
            star_text = text;
        } else if (at < n && symbols[at] == ANY_CHARACTER) {
            at++;
            text += character_size(text, end);
        } else if (at < n && symbol_is(symbols[at], *text, ignore_case)) {
            at++;
            text++;
        } else if (star != SIZE_MAX) {
            at = star;
            text = ++star_text;
        } else {
            return false;
        }
    }
    while (at < n && symbols[at] == ANY_TEXT)
        at++;
    return at == n;
}

#define ARN_PARTS 6

/* The last part goes on to the end, whatever colons it has. */
static bool fits_by_parts(const Pattern *pattern, const char *text, bool ignore_case)
{
    const uint16_t *symbols = pattern->symbols;
    size_t left = pattern->n;
    for (unsigned part = 1;; part++) {
        bool last = part == ARN_PARTS;
        size_t n = 0;
        while (n < left && (last || symbols[n] != ':'))
            n++;
        const char *end = last ? text + strlen(text) : strchrnul(text, ':');
        if (!fits(symbols, n, text, end, ignore_case))
            return false;
        if (last || n == left || !*end)
            return last || (n == left && !*end);
        symbols += n + 1;
        left -= n + 1;
        text = end + 1;
    }
}

bool policy_matches(const char *pattern, const char *text, const PolicyRequest *request,
                    bool variables, const Glob *glob)
{
    Pattern parts;
    parts.symbols = parts.few;
    parts.n = 0;
    parts.capacity = G_N_ELEMENTS(parts.few);
    bool ok = read_pattern(&parts, pattern, request, variables, glob->plain) &&
              (glob->by_parts
                   ? fits_by_parts(&parts, text, glob->ignore_case)
                   : fits(parts.symbols, parts.n, text, text + strlen(text), glob->ignore_case));
    if (parts.symbols != parts.few)
        g_free(parts.symbols);
    return ok;
}
