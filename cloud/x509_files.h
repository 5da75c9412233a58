/* X.509 certificates and RSA keys as PEM texts. Pure but for randomness and the time. */
#pragma once

#include "cloud/key_files.h"
#include <openssl/x509.h>

#define X509_KEY_BITS 2048
#define X509_YEARS 30 /* of what is made here */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(X509, X509_free)

/* A certificate of the key's own, valid from yesterday on; NULL when OpenSSL cannot. */
X509 *x509_self_sign(EVP_PKEY *key, const char *common_name);
/* In PEM, in the arena; NULL when OpenSSL cannot. The key as unencrypted PKCS#8. */
const char *x509_certificate_pem(Arena *arena, X509 *certificate);
const char *x509_key_pem(Arena *arena, EVP_PKEY *key);

/* A new RSA key and its certificate; a good part of a second. */
typedef struct X509Pair {
    const char *private_key_pem, *certificate_pem;
} X509Pair;
bool x509_make_pair(Arena *arena, const char *common_name, X509Pair *ret_pair, GError **error);

/* The certificates of a text (X509 *, at most `most`) in their order; NULL when there is none, or
 * anything else in PEM, or something damaged. Free with g_ptr_array_unref. */
GPtrArray *x509_read_all(const char *pem, size_t most);
/* One certificate; NULL as above. Free with X509_free. */
X509 *x509_read_one(const char *pem);
/* One private key that is not encrypted, or NULL. Free with EVP_PKEY_free. */
EVP_PKEY *x509_read_key(const char *pem);
/* Whether the time is within its validity. */
bool x509_is_valid_now(const X509 *certificate);
/* When it expires, µs since the epoch. */
int64_t x509_expires(const X509 *certificate);
/* SHA-256 of it in DER, hexadecimal. */
const char *x509_digest_hex(Arena *arena, const X509 *certificate);
/* Whether subject's signature is of issuer's key, and its issuer's name issuer's. */
bool x509_issued(X509 *issuer, X509 *subject);
