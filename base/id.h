/* Identifiers in AWS's forms. */
#pragma once

#include "base/arena.h"
#include <stdbool.h>

/* "i" → "i-0123456789abcdef0": the prefix, a hyphen, 17 random hexadecimal digits. */
char *id_new(Arena *arena, const char *prefix);

/* Whether id is prefix-HEX with 8 or 17 lower-case hexadecimal digits. */
bool id_is_valid(const char *id, const char *prefix);

/* A random UUID in lower case, as request ids and client tokens are. */
char *id_new_uuid(Arena *arena);

/* n random characters of [A-Z2-7], as access key ids have after AKIA. */
char *id_new_base32(Arena *arena, size_t n);
