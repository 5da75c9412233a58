/* Digests and encryption of blobs on their way.
 *
 * Invariant: checksums and md5 are of the bytes as given, stored_md5 of those that come out. */
#include "imagestore/blob_digests.h"

#include "base/digest.h"
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#define AES_BLOCK 16

void blob_digests_init(BlobDigests *digests, uint32_t checksums, const uint8_t *customer_key)
{
    *digests = (BlobDigests){.encrypted = customer_key != NULL};
    md5_init(&digests->md5);
    md5_init(&digests->stored_md5);
    for (unsigned i = 0; i < CHECKSUM_KINDS; i++) {
        if (checksums >> i & 1)
            digests->checksums[i] = checksum_new((ChecksumKind)i);
    }
    if (customer_key) {
        uint8_t salt[AES_BLOCK];
        random_bytes(salt, sizeof(salt));
        hex_encode(salt, sizeof(salt), digests->salt);
        memcpy(digests->customer_key, customer_key, BLOB_CUSTOMER_KEY_SIZE);
    }
}

void blob_digests_clear(BlobDigests *digests)
{
    for (unsigned i = 0; i < CHECKSUM_KINDS; i++)
        g_clear_pointer(&digests->checksums[i], checksum_free);
    OPENSSL_cleanse(digests->customer_key, sizeof(digests->customer_key));
}

/* Checksums and encryption, which nothing is gained by doing for several at once. */
static void add_rest(BlobDigests *digests, uint8_t *data, size_t size)
{
    for (unsigned i = 0; i < CHECKSUM_KINDS; i++) {
        if (digests->checksums[i])
            checksum_add(digests->checksums[i], data, size);
    }
    if (digests->encrypted)
        blob_crypt(digests->customer_key, digests->salt, digests->size, data, size);
    digests->size += size;
}

void blob_digests_add(const BlobDigestsFeed *feeds, size_t n)
{
    Md5Feed plain[MD5_LANES], stored[MD5_LANES];
    size_t n_stored = 0;
    g_assert(n <= MD5_LANES);
    for (size_t i = 0; i < n; i++)
        plain[i] = (Md5Feed){&feeds[i].digests->md5, feeds[i].data, feeds[i].size};
    md5_add(plain, n);
    for (size_t i = 0; i < n; i++) {
        BlobDigests *digests = feeds[i].digests;
        add_rest(digests, feeds[i].data, feeds[i].size);
        if (digests->encrypted)
            stored[n_stored++] = (Md5Feed){&digests->stored_md5, feeds[i].data, feeds[i].size};
    }
    md5_add(stored, n_stored);
}

void blob_digests_end(BlobDigests *digests, BlobResult *result)
{
    result->size = digests->size;
    md5_end(&digests->md5, result->md5);
    md5_end(digests->encrypted ? &digests->stored_md5 : &digests->md5, result->stored_md5);
    for (unsigned i = 0; i < CHECKSUM_KINDS; i++) {
        if (digests->checksums[i])
            checksum_end(digests->checksums[i], result->checksums[i]);
    }
}

/* The counter block of the block at this number: the salt, as a number of 128 bits, plus it. */
static void counter_at(const char *salt, uint64_t block, uint8_t counter[AES_BLOCK])
{
    for (unsigned i = 0; i < AES_BLOCK; i++) {
        int high = g_ascii_xdigit_value(salt[2 * i]), low = g_ascii_xdigit_value(salt[2 * i + 1]);
        counter[i] = (uint8_t)(high << 4 | low);
    }
    unsigned carry = 0;
    for (unsigned i = AES_BLOCK; i-- > 0; block >>= 8) {
        carry += counter[i] + (unsigned)(block & 255);
        counter[i] = (uint8_t)carry;
        carry >>= 8;
    }
}

static void *fetch_cipher(void *unused)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-256-CTR", NULL);
    if (!cipher)
        g_error("OpenSSL does not offer AES-256-CTR: enable its default provider");
    return cipher;
}

void blob_crypt(const uint8_t *customer_key, const char *salt, uint64_t offset, void *data,
                size_t size)
{
    static GOnce once = G_ONCE_INIT;
    const EVP_CIPHER *cipher = g_once(&once, fetch_cipher, NULL);
    uint8_t counter[AES_BLOCK], skipped[AES_BLOCK] = {0};
    counter_at(salt, offset / AES_BLOCK, counter);

    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int n;
    bool ok = context && EVP_EncryptInit_ex2(context, cipher, customer_key, counter, NULL) &&
              EVP_EncryptUpdate(context, skipped, &n, skipped, (int)(offset % AES_BLOCK));
    /* The interface counts in ints. */
    for (uint8_t *next = data; ok && size > 0; next += n, size -= (size_t)n)
        ok = EVP_EncryptUpdate(context, next, &n, next, (int)MIN(size, (size_t)1 << 20));
    EVP_CIPHER_CTX_free(context);
    g_assert(ok);
}
