/* Tokens of IMDSv2: expiry and a MAC over expiry and instance, in base64url. Invariant: what makes
 * a token valid is in the token and the secret, so a restart of the daemon loses none. */
#include "api/imds/imds.h"

#include "base/digest.h"
#include <string.h>

typedef struct Token {
    int64_t expiry;
    uint8_t mac[SHA256_SIZE];
} Token;

static void seal(const uint8_t *secret, const char *instance_id, Token *token)
{
    g_autofree char *text = g_strdup_printf("%s %" G_GINT64_FORMAT, instance_id, token->expiry);
    digest_hmac(DIGEST_SHA256, secret, SHA256_SIZE, text, strlen(text), token->mac);
}

char *imds_token_make(Arena *arena, const uint8_t *secret, const char *instance_id, int64_t expiry)
{
    Token token = {.expiry = expiry};
    seal(secret, instance_id, &token);
    g_autofree char *text = g_base64_encode((const uint8_t *)&token, sizeof(token));
    for (char *c = text; *c; c++)
        *c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
    return arena_strdup(arena, text);
}

bool imds_token_check(Arena *arena, const uint8_t *secret, const char *instance_id,
                      const char *token, int64_t now)
{
    g_autofree char *plain = g_strdup(token);
    for (char *c = plain; *c; c++)
        *c = *c == '-' ? '+' : *c == '_' ? '/' : *c;
    g_autofree uint8_t *data = NULL;
    size_t size;
    Token claimed;
    if (!base64_decode(plain, strlen(plain), &data, &size) || size != sizeof(claimed))
        return false;
    memcpy(&claimed, data, sizeof(claimed));
    if (claimed.expiry <= now)
        return false;
    return constant_time_equal(token, imds_token_make(arena, secret, instance_id, claimed.expiry));
}
