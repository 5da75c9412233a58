/* Over OpenSSL: AES-128-CBC and running SHA-1. */
#include "imagestore/bundle_cipher.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#define TICK G_TIME_SPAN_SECOND / 4

struct BundleCipher {
    EVP_CIPHER_CTX *context;
};

BundleCipher *bundle_cipher_new(const BundleKey *key, bool encrypt)
{
    BundleCipher *cipher = g_new0(BundleCipher, 1);
    cipher->context = EVP_CIPHER_CTX_new();
    if (EVP_CipherInit_ex(cipher->context, EVP_aes_128_cbc(), NULL, key->key, key->vector,
                          encrypt) != 1)
        g_error("OpenSSL does not offer AES-128-CBC: enable its default provider");
    return cipher;
}

void bundle_cipher_free(BundleCipher *cipher)
{
    if (!cipher)
        return;
    EVP_CIPHER_CTX_free(cipher->context);
    g_free(cipher);
}

static bool cipher_wrong(GError **error)
{
    ERR_clear_error();
    return bundle_error_set(error, BUNDLE_ERROR_CIPHER,
                            "the parts of the bundle do not decrypt with its key");
}

bool bundle_cipher_add(BundleCipher *cipher, const void *data, size_t size, void *out,
                       size_t *ret_size, GError **error)
{
    int written;
    g_assert(size <= G_MAXINT / 2);
    if (EVP_CipherUpdate(cipher->context, out, &written, data, (int)size) != 1)
        return cipher_wrong(error);
    *ret_size = (size_t)written;
    return true;
}

bool bundle_cipher_finish(BundleCipher *cipher, void *out, size_t *ret_size, GError **error)
{
    int written;
    if (EVP_CipherFinal_ex(cipher->context, out, &written) != 1)
        return cipher_wrong(error);
    *ret_size = (size_t)written;
    return true;
}

struct BundleSha1 {
    EVP_MD_CTX *context;
};

BundleSha1 *bundle_sha1_new(void)
{
    BundleSha1 *sha1 = g_new0(BundleSha1, 1);
    sha1->context = EVP_MD_CTX_new();
    if (EVP_DigestInit_ex(sha1->context, EVP_sha1(), NULL) != 1)
        g_error("OpenSSL does not offer SHA1: enable its default provider");
    return sha1;
}

void bundle_sha1_free(BundleSha1 *sha1)
{
    if (!sha1)
        return;
    EVP_MD_CTX_free(sha1->context);
    g_free(sha1);
}

void bundle_sha1_add(BundleSha1 *sha1, const void *data, size_t size)
{
    g_assert(EVP_DigestUpdate(sha1->context, data, size) == 1);
}

void bundle_sha1_finish(BundleSha1 *sha1, uint8_t out[SHA1_SIZE])
{
    g_assert(EVP_DigestFinal_ex(sha1->context, out, NULL) == 1);
}

static bool tell(const BundleTicker *ticker, uint64_t done, GError **error)
{
    return ticker->progress(ticker->data, done, ticker->total) ||
           bundle_error_set(error, BUNDLE_ERROR_CANCELLED, "it was cancelled");
}

bool bundle_tick(BundleTicker *ticker, uint64_t done, GError **error)
{
    int64_t now = g_get_monotonic_time();
    if (!ticker->progress || now < ticker->next)
        return true;
    ticker->next = now + TICK;
    return tell(ticker, done, error);
}

bool bundle_tick_end(BundleTicker *ticker, GError **error)
{
    return !ticker->progress || tell(ticker, ticker->total, error);
}
