/* What both ways of a bundle's pipeline share: its cipher, running SHA-1, telling of progress. */
#pragma once

#include "imagestore/bundle.h"

/* AES-128-CBC with padding, over any borders between pieces. */
typedef struct BundleCipher BundleCipher;

#define BUNDLE_CIPHER_BLOCK 16

BundleCipher *bundle_cipher_new(const BundleKey *key, bool encrypt);
void bundle_cipher_free(BundleCipher *cipher); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BundleCipher, bundle_cipher_free)
/* out has room for a block more than size. BUNDLE_ERROR_CIPHER. */
bool bundle_cipher_add(BundleCipher *cipher, const void *data, size_t size, void *out,
                       size_t *ret_size, GError **error);
/* The end: out has room for one block. BUNDLE_ERROR_CIPHER: no padding there, or half a block. */
bool bundle_cipher_finish(BundleCipher *cipher, void *out, size_t *ret_size, GError **error);

typedef struct BundleSha1 BundleSha1;

BundleSha1 *bundle_sha1_new(void);
void bundle_sha1_free(BundleSha1 *sha1); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BundleSha1, bundle_sha1_free)
void bundle_sha1_add(BundleSha1 *sha1, const void *data, size_t size);
void bundle_sha1_finish(BundleSha1 *sha1, uint8_t out[SHA1_SIZE]);

/* Calls a progress function now and then. */
typedef struct BundleTicker {
    BundleProgressFn progress; /* NULL: none */
    void *data;
    uint64_t total;
    int64_t next; /* when to tell again, as g_get_monotonic_time() */
} BundleTicker;

/* BUNDLE_ERROR_CANCELLED. */
bool bundle_tick(BundleTicker *ticker, uint64_t done, GError **error);
/* All is done: always told. */
bool bundle_tick_end(BundleTicker *ticker, GError **error);
