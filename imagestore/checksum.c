/* Checksums of objects: names, texts, and one interface over CRCs and OpenSSL's digests.
 *
 * Invariant: a CRC's bytes are its number with the highest byte first, as S3 encodes it. */
#include "imagestore/checksum.h"

#include "base/digest.h"
#include "imagestore/checksum_crc.h"
#include <openssl/evp.h>
#include <string.h>

typedef struct Row {
    const char *name, *lower;
    size_t size;
    const char *digest; /* OpenSSL's name; NULL: a CRC */
} Row;

static const Row rows[CHECKSUM_KINDS] = {
    [CHECKSUM_CRC32] = {"CRC32", "crc32", 4, NULL},
    [CHECKSUM_CRC32C] = {"CRC32C", "crc32c", 4, NULL},
    [CHECKSUM_CRC64NVME] = {"CRC64NVME", "crc64nvme", 8, NULL},
    [CHECKSUM_SHA1] = {"SHA1", "sha1", SHA1_SIZE, "SHA1"},
    [CHECKSUM_SHA256] = {"SHA256", "sha256", SHA256_SIZE, "SHA256"},
};

struct Checksum {
    ChecksumKind kind;
    uint64_t crc;
    EVP_MD_CTX *digest; /* NULL: a CRC */
};

const char *checksum_name(ChecksumKind kind)
{
    g_assert(kind < CHECKSUM_KINDS);
    return rows[kind].name;
}

const char *checksum_lower_name(ChecksumKind kind)
{
    g_assert(kind < CHECKSUM_KINDS);
    return rows[kind].lower;
}

bool checksum_parse(const char *name, ChecksumKind *ret_kind)
{
    for (unsigned i = 0; i < CHECKSUM_KINDS; i++) {
        if (g_ascii_strcasecmp(name, rows[i].name) == 0) {
            *ret_kind = (ChecksumKind)i;
            return true;
        }
    }
    return false;
}

size_t checksum_size(ChecksumKind kind)
{
    g_assert(kind < CHECKSUM_KINDS);
    return rows[kind].size;
}

/* OpenSSL's look-up costs more than the digest of a small object. */
static void *fetch_digests(void *unused)
{
    EVP_MD **digests = g_new0(EVP_MD *, CHECKSUM_KINDS);
    for (unsigned i = 0; i < CHECKSUM_KINDS; i++) {
        if (!rows[i].digest)
            continue;
        digests[i] = EVP_MD_fetch(NULL, rows[i].digest, NULL);
        if (!digests[i])
            g_error("OpenSSL does not offer %s: enable its default provider", rows[i].digest);
    }
    return digests;
}

static EVP_MD_CTX *start_digest(ChecksumKind kind)
{
    static GOnce once = G_ONCE_INIT;
    EVP_MD **digests = g_once(&once, fetch_digests, NULL);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok = context && EVP_DigestInit_ex2(context, digests[kind], NULL);
    g_assert(ok);
    return context;
}

Checksum *checksum_new(ChecksumKind kind)
{
    g_assert(kind < CHECKSUM_KINDS);
    Checksum *checksum = g_new0(Checksum, 1);
    checksum->kind = kind;
    if (!checksum_is_crc(kind))
        checksum->digest = start_digest(kind);
    return checksum;
}

void checksum_free(Checksum *checksum)
{
    if (!checksum)
        return;
    EVP_MD_CTX_free(checksum->digest);
    g_free(checksum);
}

void checksum_add(Checksum *checksum, const void *data, size_t size)
{
    if (checksum_is_crc(checksum->kind)) {
        checksum->crc = crc_add(checksum->kind, checksum->crc, data, size);
        return;
    }
    bool ok = size == 0 || EVP_DigestUpdate(checksum->digest, data, size);
    g_assert(ok);
}

static void write_crc(ChecksumKind kind, uint64_t crc, uint8_t *out)
{
    uint64_t bytes = GUINT64_TO_BE(crc);
    size_t size = rows[kind].size;
    memcpy(out, (const uint8_t *)&bytes + sizeof(bytes) - size, size);
}

static uint64_t read_crc(ChecksumKind kind, const uint8_t *bytes)
{
    uint64_t crc = 0;
    for (size_t i = 0; i < rows[kind].size; i++)
        crc = crc << 8 | bytes[i];
    return crc;
}

void checksum_end(Checksum *checksum, uint8_t *out)
{
    if (checksum_is_crc(checksum->kind)) {
        write_crc(checksum->kind, checksum->crc, out);
        return;
    }
    bool ok = EVP_DigestFinal_ex(checksum->digest, out, NULL);
    g_assert(ok);
}

void checksum_combine(ChecksumKind kind, const uint8_t *a, const uint8_t *b, uint64_t size_b,
                      uint8_t *out)
{
    g_assert(checksum_is_crc(kind));
    write_crc(kind, crc_combine(kind, read_crc(kind, a), read_crc(kind, b), size_b), out);
}

char *checksum_text(Arena *arena, ChecksumKind kind, const uint8_t *value)
{
    g_autofree char *text = g_base64_encode(value, checksum_size(kind));
    return arena_strdup(arena, text);
}

bool checksum_read(ChecksumKind kind, const char *text, uint8_t *ret_value)
{
    g_autofree uint8_t *value = NULL;
    size_t length = strlen(text), size;
    /* With this length there is no room for the white space that base64_decode lets pass. */
    if (length != (checksum_size(kind) + 2) / 3 * 4 ||
        !base64_decode(text, length, &value, &size) || size != checksum_size(kind))
        return false;
    memcpy(ret_value, value, size);
    return true;
}

ChecksumClaim checksum_claim(Arena *arena, const char *text)
{
    ChecksumClaim claim = {.kind = CHECKSUM_NONE};
    if (!text)
        return claim;
    g_auto(GStrv) words = g_strsplit(text, " ", 3);
    unsigned n = g_strv_length(words);
    if (n < 2 || !checksum_parse(words[0], &claim.kind))
        return claim;
    if (n == 3 && !g_str_equal(words[1], "-"))
        claim.value = arena_strdup(arena, words[1]);
    claim.composite = g_str_equal(words[n - 1], "COMPOSITE");
    return claim;
}

char *checksum_record(Arena *arena, const ChecksumClaim *claim)
{
    if (claim->kind == CHECKSUM_NONE)
        return NULL;
    return arena_printf(arena, "%s %s %s", checksum_name(claim->kind),
                        claim->value ? claim->value : "-",
                        claim->composite ? "COMPOSITE" : "FULL_OBJECT");
}
