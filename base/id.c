/* Identifiers in AWS's forms.
 *
 * Invariant: all randomness is the kernel's, so that ids differ across processes and restarts and
 * access keys cannot be guessed. */
#include "base/id.h"
#include "base/digest.h"

#include <string.h>

#define LONG_DIGITS 17
#define SHORT_DIGITS 8 /* ids made before 2016 */

char *id_new(Arena *arena, const char *prefix)
{
    uint8_t random[(LONG_DIGITS + 1) / 2];
    char hex[2 * sizeof(random) + 1];
    random_bytes(random, sizeof(random));
    hex_encode(random, sizeof(random), hex);

    size_t length = strlen(prefix);
    char *id = arena_alloc(arena, length + 1 + LONG_DIGITS + 1);
    memcpy(id, prefix, length);
    id[length] = '-';
    memcpy(id + length + 1, hex, LONG_DIGITS);
    return id;
}

bool id_is_valid(const char *id, const char *prefix)
{
    if (!id || !g_str_has_prefix(id, prefix))
        return false;
    id += strlen(prefix);
    if (*id++ != '-')
        return false;
    size_t digits = strspn(id, "0123456789abcdef");
    return id[digits] == '\0' && (digits == SHORT_DIGITS || digits == LONG_DIGITS);
}

char *id_new_uuid(Arena *arena)
{
    uint8_t random[16];
    char hex[2 * sizeof(random) + 1];
    random_bytes(random, sizeof(random));
    random[6] = (random[6] & 0x0f) | 0x40; /* RFC 4122, section 4.4 */
    random[8] = (random[8] & 0x3f) | 0x80;
    hex_encode(random, sizeof(random), hex);
    char *id = arena_alloc(arena, sizeof("00000000-0000-4000-8000-000000000000"));
    char *to = id;
    for (size_t i = 0; i < 2 * sizeof(random); i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20)
            *to++ = '-';
        *to++ = hex[i];
    }
    return id;
}

char *id_new_base32(Arena *arena, size_t n)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    char *text = arena_alloc(arena, n + 1);
    random_bytes(text, n);
    for (size_t i = 0; i < n; i++)
        text[i] = alphabet[(uint8_t)text[i] % 32];
    return text;
}
