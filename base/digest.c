/* Digests and encodings over OpenSSL.
 *
 * Invariant: the algorithms are fetched once and each thread keeps its two contexts, since the
 * look-up and the allocation cost several times what hashing a signature's key does. */
#include "base/digest.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/random.h>

#define BLOCK_SIZE 64 /* of all three digests; RFC 2104's B */
#define LARGEST_DIGEST SHA256_SIZE

typedef struct DigestRow {
    const char *name;
    size_t size;
} DigestRow;

static const DigestRow rows[] = {
    [DIGEST_MD5] = {"MD5", MD5_SIZE},
    [DIGEST_SHA1] = {"SHA1", SHA1_SIZE},
    [DIGEST_SHA256] = {"SHA256", SHA256_SIZE},
};

size_t digest_size(DigestKind kind)
{
    return rows[kind].size;
}

static void *fetch_all(void *unused)
{
    const EVP_MD **algorithms = g_new0(const EVP_MD *, G_N_ELEMENTS(rows));
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        algorithms[i] = EVP_MD_fetch(NULL, rows[i].name, NULL);
        if (!algorithms[i])
            g_error("OpenSSL does not offer %s: enable its default provider", rows[i].name);
    }
    return algorithms;
}

static const EVP_MD *algorithm_of(DigestKind kind)
{
    static GOnce once = G_ONCE_INIT;
    const EVP_MD **algorithms = g_once(&once, fetch_all, NULL);
    return algorithms[kind];
}

static void context_free(void *context)
{
    EVP_MD_CTX_free(context);
}

static EVP_MD_CTX *thread_context(DigestKind kind)
{
    /* One for each digest: OpenSSL re-initialises a context much faster for the same one. */
    static GPrivate contexts[] = {
        G_PRIVATE_INIT(context_free),
        G_PRIVATE_INIT(context_free),
        G_PRIVATE_INIT(context_free),
    };
    G_STATIC_ASSERT(G_N_ELEMENTS(contexts) == G_N_ELEMENTS(rows));
    EVP_MD_CTX *context = g_private_get(&contexts[kind]);
    if (!context) {
        context = EVP_MD_CTX_new();
        g_assert(context);
        g_private_set(&contexts[kind], context);
    }
    return context;
}

/* The digest of two pieces, one after the other. */
static void digest_pair(DigestKind kind, const void *first, size_t first_size, const void *second,
                        size_t second_size, uint8_t *out)
{
    EVP_MD_CTX *context = thread_context(kind);
    bool ok = EVP_DigestInit_ex2(context, algorithm_of(kind), NULL) &&
              (first_size == 0 || EVP_DigestUpdate(context, first, first_size)) &&
              (second_size == 0 || EVP_DigestUpdate(context, second, second_size)) &&
              EVP_DigestFinal_ex(context, out, NULL);
    g_assert(ok);
}

void digest(DigestKind kind, const void *data, size_t size, uint8_t *out)
{
    digest_pair(kind, NULL, 0, data, size, out);
}

void digest_hmac(DigestKind kind, const void *key, size_t key_size, const void *data, size_t size,
                 uint8_t *out)
{
    uint8_t block[BLOCK_SIZE] = {0};
    uint8_t pad[BLOCK_SIZE];
    uint8_t inner[LARGEST_DIGEST];

    if (key_size > BLOCK_SIZE)
        digest(kind, key, key_size, block);
    else if (key_size > 0)
        memcpy(block, key, key_size);

    for (size_t i = 0; i < BLOCK_SIZE; i++)
        pad[i] = block[i] ^ 0x36;
    digest_pair(kind, pad, BLOCK_SIZE, data, size, inner);
    for (size_t i = 0; i < BLOCK_SIZE; i++)
        pad[i] = block[i] ^ 0x5c;
    digest_pair(kind, pad, BLOCK_SIZE, inner, digest_size(kind), out);

    OPENSSL_cleanse(block, sizeof(block));
    OPENSSL_cleanse(pad, sizeof(pad));
}

void hex_encode(const uint8_t *data, size_t n, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[data[i] >> 4];
        out[2 * i + 1] = digits[data[i] & 15];
    }
    out[2 * n] = '\0';
}

bool constant_time_equal(const char *a, const char *b)
{
    if (!a || !b)
        return false;
    /* The length of a signature is no secret. */
    size_t size = strlen(a);
    return size == strlen(b) && CRYPTO_memcmp(a, b, size) == 0;
}

/* The six bits of a base64 character, or -1. */
static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool base64_decode(const char *text, size_t size, uint8_t **ret_data, size_t *ret_size)
{
    g_autofree uint8_t *data = g_malloc(size / 4 * 3 + 4);
    size_t n = 0, pads = 0, characters = 0;
    uint32_t bits = 0;

    for (size_t i = 0; i < size; i++) {
        if (g_ascii_isspace(text[i]))
            continue;
        int value = base64_value(text[i]);
        if (text[i] == '=')
            pads++;
        else if (value < 0 || pads > 0)
            return false;
        bits = bits << 6 | (value < 0 ? 0 : (uint32_t)value);
        if (++characters % 4 == 0) {
            data[n++] = (uint8_t)(bits >> 16);
            data[n++] = (uint8_t)(bits >> 8);
            data[n++] = (uint8_t)bits;
            bits = 0;
        }
    }
    if (characters % 4 != 0 || pads > 2 || pads > n)
        return false;
    /* Bits under the padding would be lost: no encoder sets them. */
    for (size_t i = 0; i < pads; i++) {
        if (data[--n] != 0)
            return false;
    }
    data[n] = 0;
    *ret_data = g_steal_pointer(&data);
    *ret_size = n;
    return true;
}

void random_bytes(void *out, size_t n)
{
    uint8_t *bytes = out;
    while (n > 0) {
        ssize_t got = getrandom(bytes, n, 0);
        if (got < 0) {
            if (errno == EINTR)
                continue;
            g_error("the kernel gives no random bytes: %s", g_strerror(errno));
        }
        bytes += got;
        n -= (size_t)got;
    }
}
