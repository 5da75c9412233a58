/* RSA over OpenSSL: signatures of manifests, and the keys in them.
 *
 * Invariant: a key that comes out is 32 hexadecimal characters, or it is refused. Newer versions of
 * OpenSSL answer a foreign key with random bytes instead of an error. */
#include "imagestore/bundle_keys.h"

#include "base/digest.h"
#include "base/fault.h"
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <string.h>

#define KEY_CHARACTERS (2 * BUNDLE_KEY_SIZE)
#define MAX_RSA_BYTES 1024 /* of a key of 8192 bits */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BIO, BIO_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(X509, X509_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_PKEY, EVP_PKEY_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_PKEY_CTX, EVP_PKEY_CTX_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_MD_CTX, EVP_MD_CTX_free)

/* --- PEM --- */

/* Or OpenSSL would ask at the terminal. */
static int no_password(char *buffer, int size, int writing, void *data)
{
    return -1;
}

static EVP_PKEY *only_rsa(EVP_PKEY *key)
{
    if (key && EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_size(key) <= MAX_RSA_BYTES)
        return key;
    EVP_PKEY_free(key);
    ERR_clear_error();
    return NULL;
}

static EVP_PKEY *read_private_key(const char *pem)
{
    g_autoptr(BIO) in = BIO_new_mem_buf(pem, -1);
    return only_rsa(PEM_read_bio_PrivateKey(in, NULL, no_password, NULL));
}

static EVP_PKEY *read_certificate(const char *pem)
{
    g_autoptr(BIO) in = BIO_new_mem_buf(pem, -1);
    g_autoptr(X509) certificate = PEM_read_bio_X509(in, NULL, no_password, NULL);
    return only_rsa(certificate ? X509_get_pubkey(certificate) : NULL);
}

/* Bytes of hexadecimal text of checked form; their number. */
static size_t decode(const char *hex, uint8_t *out, size_t room)
{
    size_t n = strlen(hex) / 2;
    if (n > room || strlen(hex) % 2 != 0)
        return 0;
    for (size_t i = 0; i < n; i++) {
        int high = g_ascii_xdigit_value(hex[2 * i]), low = g_ascii_xdigit_value(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            return 0;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return n;
}

static char *encode(Arena *arena, const uint8_t *data, size_t size)
{
    char *text = arena_alloc(arena, 2 * size + 1);
    hex_encode(data, size, text);
    return text;
}

/* --- signatures --- */

static bool key_has_signed(EVP_PKEY *key, const uint8_t *signature, size_t size,
                           const BundleManifest *manifest)
{
    g_autoptr(EVP_MD_CTX) context = EVP_MD_CTX_new();
    bool good = EVP_DigestVerifyInit(context, NULL, EVP_sha1(), NULL, key) == 1 &&
                EVP_DigestVerify(context, signature, size, (const uint8_t *)manifest->signed_text,
                                 manifest->signed_size) == 1;
    ERR_clear_error();
    return good;
}

bool bundle_manifest_verify(const BundleManifest *manifest, const char *const *certificates,
                            size_t n, size_t *ret_signer, GError **error)
{
    uint8_t signature[MAX_RSA_BYTES];
    size_t size = decode(manifest->signature, signature, sizeof(signature));
    for (size_t i = 0; i < n; i++) {
        g_autoptr(EVP_PKEY) key = read_certificate(certificates[i]);
        if (key && key_has_signed(key, signature, size, manifest)) {
            if (ret_signer)
                *ret_signer = i;
            return true;
        }
    }
    return bundle_error_set(error, BUNDLE_ERROR_SIGNATURE,
                            "the manifest's signature is of none of the registered certificates, "
                            "or the manifest was changed");
}

bool bundle_sign(Arena *arena, const char *text, size_t size, const char *private_key,
                 const char **ret_signature, GError **error)
{
    g_autoptr(EVP_PKEY) key = read_private_key(private_key);
    g_autoptr(EVP_MD_CTX) context = EVP_MD_CTX_new();
    uint8_t signature[MAX_RSA_BYTES];
    size_t signature_size = sizeof(signature);
    if (!key || EVP_DigestSignInit(context, NULL, EVP_sha1(), NULL, key) != 1 ||
        EVP_DigestSign(context, signature, &signature_size, (const uint8_t *)text, size) != 1) {
        ERR_clear_error();
        return trouble_set(error, "cannot sign a manifest: its private key is no RSA key in PEM");
    }
    *ret_signature = encode(arena, signature, signature_size);
    return true;
}

/* --- keys of bundles --- */

void bundle_key_new(BundleKey *key)
{
    random_bytes(key, sizeof(*key));
}

static bool unwrap(EVP_PKEY *private_key, const char *encrypted, uint8_t out[BUNDLE_KEY_SIZE])
{
    g_autoptr(EVP_PKEY_CTX) context = EVP_PKEY_CTX_new(private_key, NULL);
    uint8_t cipher[MAX_RSA_BYTES];
    char clear[MAX_RSA_BYTES + 1];
    size_t size = decode(encrypted, cipher, sizeof(cipher)), clear_size = MAX_RSA_BYTES;
    bool good = size > 0 && EVP_PKEY_decrypt_init(context) == 1 &&
                EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1 &&
                EVP_PKEY_decrypt(context, (uint8_t *)clear, &clear_size, cipher, size) == 1 &&
                clear_size == KEY_CHARACTERS;
    if (good) {
        clear[clear_size] = '\0';
        good = decode(clear, out, BUNDLE_KEY_SIZE) == BUNDLE_KEY_SIZE;
    }
    OPENSSL_cleanse(clear, sizeof(clear));
    ERR_clear_error();
    return good;
}

bool bundle_key_unwrap(const char *encrypted_key, const char *encrypted_vector,
                       const char *private_key, BundleKey *ret_key, GError **error)
{
    g_autoptr(EVP_PKEY) owner = read_private_key(private_key);
    if (!owner)
        return trouble_set(error, "cannot decrypt the key of a bundle: the private key is no RSA "
                                  "key in PEM");
    BundleKey key;
    if (!unwrap(owner, encrypted_key, key.key) || !unwrap(owner, encrypted_vector, key.vector))
        return bundle_error_set(error, BUNDLE_ERROR_KEY,
                                "the bundle was made for another cloud: its key is encrypted for "
                                "another certificate than this one's");
    *ret_key = key;
    return true;
}

static bool wrap(Arena *arena, EVP_PKEY *owner, const uint8_t key[BUNDLE_KEY_SIZE],
                 const char **ret_text)
{
    g_autoptr(EVP_PKEY_CTX) context = EVP_PKEY_CTX_new(owner, NULL);
    char clear[KEY_CHARACTERS + 1];
    uint8_t cipher[MAX_RSA_BYTES];
    size_t size = sizeof(cipher);
    hex_encode(key, BUNDLE_KEY_SIZE, clear);
    bool good =
        EVP_PKEY_encrypt_init(context) == 1 &&
        EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1 &&
        EVP_PKEY_encrypt(context, cipher, &size, (const uint8_t *)clear, KEY_CHARACTERS) == 1;
    if (good)
        *ret_text = encode(arena, cipher, size);
    ERR_clear_error();
    return good;
}

bool bundle_key_wrap(Arena *arena, const BundleKey *key, const char *certificate,
                     const char **ret_encrypted_key, const char **ret_encrypted_vector,
                     GError **error)
{
    g_autoptr(EVP_PKEY) owner = read_certificate(certificate);
    const char *wrapped_key, *wrapped_vector;
    if (!owner || !wrap(arena, owner, key->key, &wrapped_key) ||
        !wrap(arena, owner, key->vector, &wrapped_vector))
        return trouble_set(error, "cannot encrypt the key of a bundle: the certificate is no "
                                  "X.509 certificate with an RSA key in PEM");
    *ret_encrypted_key = wrapped_key;
    *ret_encrypted_vector = wrapped_vector;
    return true;
}
