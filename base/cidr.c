/* CIDR blocks. Invariant: two texts of one block give the same, with no bit set behind the prefix.
 */
#include "base/cidr.h"

#include <arpa/inet.h>
#include <string.h>

#define IPV4_BYTES sizeof(struct in_addr)
#define IPV6_BYTES sizeof(struct in6_addr)

/* In network byte order. */
typedef struct Block {
    uint8_t address[IPV6_BYTES];
    unsigned prefix;
} Block;

static bool parse(int family, const char *text, Block *ret_block)
{
    Block block;
    char address[INET6_ADDRSTRLEN];
    unsigned size = family == AF_INET ? IPV4_BYTES : IPV6_BYTES;
    guint64 prefix;
    const char *slash = strchr(text, '/');
    if (!slash || slash - text >= (ptrdiff_t)sizeof(address))
        return false;
    g_strlcpy(address, text, (size_t)(slash - text) + 1);
    if ((slash[1] == '0' && slash[2] != '\0') ||
        !g_ascii_string_to_unsigned(slash + 1, 10, 0, size * 8, &prefix, NULL) ||
        inet_pton(family, address, block.address) != 1)
        return false;

    block.prefix = (unsigned)prefix;
    for (unsigned i = 0; i < size; i++) {
        unsigned kept = CLAMP(block.prefix, i * 8, (i + 1) * 8) - i * 8;
        block.address[i] &= (uint8_t)(0xff00 >> kept);
    }
    *ret_block = block;
    return true;
}

bool cidr_parse(const char *text, uint32_t *ret_network, uint32_t *ret_mask)
{
    Block block;
    uint32_t network;
    if (!parse(AF_INET, text, &block))
        return false;
    memcpy(&network, block.address, sizeof(network));
    *ret_network = ntohl(network);
    *ret_mask = block.prefix == 0 ? 0 : UINT32_MAX << (32 - block.prefix);
    return true;
}

static char *canonical(Arena *arena, int family, const char *text)
{
    Block block;
    char shown[INET6_ADDRSTRLEN];
    if (!parse(family, text, &block))
        return NULL;
    g_assert(inet_ntop(family, block.address, shown, sizeof(shown)));
    return arena_printf(arena, "%s/%u", shown, block.prefix);
}

char *cidr_canonical(Arena *arena, const char *text)
{
    return canonical(arena, AF_INET, text);
}

char *cidr_canonical6(Arena *arena, const char *text)
{
    return canonical(arena, AF_INET6, text);
}
