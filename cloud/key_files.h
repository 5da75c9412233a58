/* Key files: making key pairs and reading public keys, in the formats of AWS, OpenSSH and PuTTY.
 * Private to cloud/. Pure but for randomness. */
#pragma once

#include "base/arena.h"
#include "base/fault.h"
#include <openssl/evp.h>

typedef struct PublicKey {
    const char *type;        /* "rsa", "ed25519" */
    const char *line;        /* "ssh-rsa AAAA…", as in authorized_keys, without comment */
    const char *fingerprint; /* as AWS shows it ("Verify the fingerprint of your key pair" in the
                              * EC2 user guide): RSA made here: SHA-1 of the private key as PKCS#8
                              * in DER; RSA imported: MD5 of the public key in DER; ED25519: the
                              * base64 of the SHA-256 of the key, as OpenSSH has it */
} PublicKey;

/* Makes a key pair. type "rsa" (2048 bits) or "ed25519"; format "pem" (PKCS#1, or OpenSSH's own for
 * ED25519) or "ppk" (PuTTY's, version 2). RSA takes a good part of a second. */
bool key_make(Arena *arena, const char *type, const char *format, const char *comment,
              PublicKey *ret_key, const char **ret_material, GError **error);

/* Reads a public key of RSA or ED25519: a line of OpenSSH's, RFC 4716, or DER (SubjectPublicKeyInfo
 * or PKCS#1; plain, in base64 or in PEM). Fault InvalidKey.Format. */
bool key_read(Arena *arena, const char *text, size_t size, PublicKey *ret_key, GError **error);

/* What both use. The key as SSH's wire format has it; NULL for other types. Free with
 * g_byte_array_unref. */
GByteArray *key_public_blob(EVP_PKEY *key);
/* The public half without its fingerprint, unless it is ED25519's. */
void key_describe(Arena *arena, EVP_PKEY *key, const GByteArray *blob, PublicKey *ret_key);
/* "1f:51:ae:…" */
char *key_colon_hex(Arena *arena, const uint8_t *data, size_t size);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_PKEY, EVP_PKEY_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BIGNUM, BN_clear_free)
