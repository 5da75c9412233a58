/* CIDR blocks in the one form that rules are kept and compared in. Pure. */
#pragma once

#include "base/arena.h"

/* "10.1.2.3/8" → "10.0.0.0/8", "2001:DB8::1/32" → "2001:db8::/32"; NULL unless text is an address
 * of that family, a slash and a prefix length. */
char *cidr_canonical(Arena *arena, const char *text);
char *cidr_canonical6(Arena *arena, const char *text);
