/* Invariant: two texts of one block have one canonical form, with no bit set behind the prefix. */
#include "cloud/cidr.h"

#include <arpa/inet.h>
#include <string.h>

static char *canonical(Arena *arena, int family, const char *text)
{
    uint8_t bytes[sizeof(struct in6_addr)];
    char shown[INET6_ADDRSTRLEN];
    unsigned size = family == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr);

    const char *slash = strchr(text, '/');
    if (!slash || slash - text >= (ptrdiff_t)sizeof(shown))
        return NULL;
    const char *address = arena_strndup(arena, text, (size_t)(slash - text));
    guint64 prefix;
    /* "/08" and "/+8" are no prefix lengths. */
    if ((slash[1] == '0' && slash[2] != '\0') ||
        !g_ascii_string_to_unsigned(slash + 1, 10, 0, size * 8, &prefix, NULL) ||
        inet_pton(family, address, bytes) != 1)
        return NULL;

    for (unsigned i = 0; i < size; i++) {
        unsigned kept = prefix >= (i + 1) * 8 ? 8 : prefix > i * 8 ? (unsigned)prefix - i * 8 : 0;
        bytes[i] &= (uint8_t)(0xff00 >> kept);
    }
    g_assert(inet_ntop(family, bytes, shown, sizeof(shown)));
    return arena_printf(arena, "%s/%u", shown, (unsigned)prefix);
}

char *cidr_canonical(Arena *arena, const char *text)
{
    return canonical(arena, AF_INET, text);
}

char *cidr_canonical6(Arena *arena, const char *text)
{
    return canonical(arena, AF_INET6, text);
}
