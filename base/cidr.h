/* CIDR blocks: an address, a slash and a prefix length. Bits behind the prefix are cleared, as AWS
 * does; "/08" and "/+8" are no prefix lengths. Pure. */
#pragma once

#include "base/arena.h"
#include <stdint.h>

/* "172.31.0.0/20" → network and mask in host byte order; false unless it is an IPv4 block. */
bool cidr_parse(const char *text, uint32_t *ret_network, uint32_t *ret_mask);

/* The one form that blocks are kept and compared in: "10.1.2.3/8" → "10.0.0.0/8",
 * "2001:DB8::1/32" → "2001:db8::/32"; NULL unless text is a block of that family. */
char *cidr_canonical(Arena *arena, const char *text);
char *cidr_canonical6(Arena *arena, const char *text);
