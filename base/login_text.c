/* The signed text. Its first line keeps the signature from meaning anything elsewhere. */
#include "base/login_text.h"

#include "base/digest.h"
#include <string.h>

const char *login_text(Arena *arena, const char *certificate, int64_t time, const char *nonce)
{
    uint8_t sum[SHA256_SIZE];
    char hex[2 * SHA256_SIZE + 1];
    digest(DIGEST_SHA256, certificate, strlen(certificate), sum);
    hex_encode(sum, sizeof(sum), hex);
    return arena_printf(arena, "cumulet access key\n%" G_GINT64_FORMAT "\n%s\n%s\n", time, nonce,
                        hex);
}
