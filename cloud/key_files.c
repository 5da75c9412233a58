/* Key pairs made here, and the files that private keys are handed out in.
 *
 * Invariant: the private key leaves this file only as the text of the reply; buffers that held it
 * are wiped. */
#include "cloud/key_files.h"

#include "base/digest.h"
#include "cloud/ssh_wire.h"
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

#define RSA_BITS 2048
#define ED25519_SIZE 32
#define OPENSSH_COLUMNS 70
#define OPENSSH_BLOCK 8 /* the cipher "none" pads to this */
#define PPK_COLUMNS 64

typedef BIO AutoBio;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AutoBio, BIO_free_all)

/* A buffer of secrets: wiped before it is freed. */
typedef GByteArray SecretBytes;
static void secret_free(SecretBytes *bytes)
{
    OPENSSL_cleanse(bytes->data, bytes->len);
    g_byte_array_unref(bytes);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SecretBytes, secret_free)

/* Appending to a GByteArray moves it, leaving a copy behind: reserve what any key needs. */
static SecretBytes *secret_new(void)
{
    return g_byte_array_sized_new(8192);
}

static void add_number(GByteArray *out, EVP_PKEY *key, const char *parameter)
{
    g_autoptr(BIGNUM) number = NULL;
    g_assert(EVP_PKEY_get_bn_param(key, parameter, &number));
    int size = BN_num_bytes(number);
    uint8_t *bytes = g_malloc((size_t)size + 1);
    BN_bn2bin(number, bytes);
    ssh_add_mpint(out, bytes, (size_t)size);
    OPENSSL_cleanse(bytes, (size_t)size);
    g_free(bytes);
}

GByteArray *key_public_blob(EVP_PKEY *key)
{
    GByteArray *blob = g_byte_array_new();
    if (EVP_PKEY_is_a(key, "RSA")) {
        ssh_add_text(blob, "ssh-rsa");
        add_number(blob, key, OSSL_PKEY_PARAM_RSA_E);
        add_number(blob, key, OSSL_PKEY_PARAM_RSA_N);
        return blob;
    }
    uint8_t public[ED25519_SIZE];
    size_t size = sizeof(public);
    if (EVP_PKEY_is_a(key, "ED25519") && EVP_PKEY_get_raw_public_key(key, public, &size)) {
        ssh_add_text(blob, "ssh-ed25519");
        ssh_add_string(blob, public, size);
        return blob;
    }
    g_byte_array_unref(blob);
    return NULL;
}

char *key_colon_hex(Arena *arena, const uint8_t *data, size_t size)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (size_t i = 0; i < size; i++)
        g_string_append_printf(text, "%s%02x", i > 0 ? ":" : "", data[i]);
    return arena_strdup(arena, text->str);
}

void key_describe(Arena *arena, EVP_PKEY *key, const GByteArray *blob, PublicKey *ret_key)
{
    bool rsa = EVP_PKEY_is_a(key, "RSA");
    g_autofree char *encoded = g_base64_encode(blob->data, blob->len);
    *ret_key = (PublicKey){
        .type = rsa ? "rsa" : "ed25519",
        .line = arena_printf(arena, "%s %s", rsa ? "ssh-rsa" : "ssh-ed25519", encoded),
    };
    if (!rsa) {
        uint8_t sum[SHA256_SIZE];
        digest(DIGEST_SHA256, blob->data, blob->len, sum);
        g_autofree char *text = g_base64_encode(sum, sizeof(sum));
        ret_key->fingerprint = arena_strdup(arena, text);
    }
}

/* SHA-1 of the private key as PKCS#8. */
static bool private_fingerprint(Arena *arena, EVP_PKEY *key, const char **ret_text)
{
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
    uint8_t *der = NULL;
    int size = info ? i2d_PKCS8_PRIV_KEY_INFO(info, &der) : -1;
    PKCS8_PRIV_KEY_INFO_free(info);
    if (size <= 0)
        return false;
    uint8_t sum[SHA1_SIZE];
    digest(DIGEST_SHA1, der, (size_t)size, sum);
    OPENSSL_clear_free(der, (size_t)size);
    *ret_text = key_colon_hex(arena, sum, sizeof(sum));
    return true;
}

static bool write_pkcs1(Arena *arena, EVP_PKEY *key, const char **ret_text)
{
    g_autoptr(AutoBio) bio = BIO_new(BIO_s_secmem());
    char *text;
    if (!bio || !PEM_write_bio_PrivateKey_traditional(bio, key, NULL, NULL, 0, NULL, NULL))
        return false;
    long size = BIO_get_mem_data(bio, &text);
    *ret_text = arena_strndup(arena, text, (size_t)size);
    return true;
}

static void add_base64(GString *out, const uint8_t *data, size_t size, size_t columns)
{
    g_autofree char *text = g_base64_encode(data, size);
    size_t length = strlen(text);
    for (size_t i = 0; i < length; i += columns)
        g_string_append_printf(out, "%.*s\n", (int)MIN(columns, length - i), text + i);
    OPENSSL_cleanse(text, length);
}

static void get_ed25519(EVP_PKEY *key, uint8_t seed[ED25519_SIZE], uint8_t public[ED25519_SIZE])
{
    size_t seed_size = ED25519_SIZE, public_size = ED25519_SIZE;
    g_assert(EVP_PKEY_get_raw_private_key(key, seed, &seed_size) &&
             EVP_PKEY_get_raw_public_key(key, public, &public_size));
}

/* OpenSSH's PROTOCOL.key, not encrypted. */
static char *write_openssh(Arena *arena, EVP_PKEY *key, const GByteArray *blob, const char *comment)
{
    uint8_t pair[2 * ED25519_SIZE]; /* the seed and the public key, as OpenSSH keeps them */
    get_ed25519(key, pair, pair + ED25519_SIZE);
    uint32_t check;
    random_bytes(&check, sizeof(check));

    g_autoptr(SecretBytes) private = secret_new();
    ssh_add_uint32(private, check);
    ssh_add_uint32(private, check);
    ssh_add_text(private, "ssh-ed25519");
    ssh_add_string(private, pair + ED25519_SIZE, ED25519_SIZE);
    ssh_add_string(private, pair, sizeof(pair));
    ssh_add_text(private, comment);
    for (uint8_t pad = 1; private->len % OPENSSH_BLOCK != 0; pad++)
        g_byte_array_append(private, &pad, 1);
    OPENSSL_cleanse(pair, sizeof(pair));

    static const char magic[] = "openssh-key-v1"; /* with its NUL */
    g_autoptr(SecretBytes) all = secret_new();
    g_byte_array_append(all, (const uint8_t *)magic, sizeof(magic));
    ssh_add_text(all, "none"); /* cipher */
    ssh_add_text(all, "none"); /* key derivation */
    ssh_add_text(all, "");     /* and its options */
    ssh_add_uint32(all, 1);    /* one key */
    ssh_add_string(all, blob->data, blob->len);
    ssh_add_string(all, private->data, private->len);

    g_autoptr(GString) text = g_string_sized_new(4096);
    g_string_append(text, "-----BEGIN OPENSSH PRIVATE KEY-----\n");
    add_base64(text, all->data, all->len, OPENSSH_COLUMNS);
    g_string_append(text, "-----END OPENSSH PRIVATE KEY-----\n");
    char *copy = arena_strdup(arena, text->str);
    OPENSSL_cleanse(text->str, text->len);
    return copy;
}

/* What stands in the private part of PuTTY's files. */
static void add_ppk_private(SecretBytes *out, EVP_PKEY *key)
{
    if (EVP_PKEY_is_a(key, "RSA")) {
        add_number(out, key, OSSL_PKEY_PARAM_RSA_D);
        add_number(out, key, OSSL_PKEY_PARAM_RSA_FACTOR1);
        add_number(out, key, OSSL_PKEY_PARAM_RSA_FACTOR2);
        add_number(out, key, OSSL_PKEY_PARAM_RSA_COEFFICIENT1);
        return;
    }
    uint8_t seed[ED25519_SIZE], public[ED25519_SIZE];
    get_ed25519(key, seed, public);
    ssh_add_string(out, seed, sizeof(seed));
    OPENSSL_cleanse(seed, sizeof(seed));
}

/* PuTTY's manual, appendix C ("PPK file format"), version 2, not encrypted. */
static char *write_ppk(Arena *arena, EVP_PKEY *key, const GByteArray *blob, const char *comment)
{
    static const char mac_key_text[] = "putty-private-key-file-mac-key";
    const char *algorithm = EVP_PKEY_is_a(key, "RSA") ? "ssh-rsa" : "ssh-ed25519";
    g_autoptr(SecretBytes) private = secret_new();
    add_ppk_private(private, key);

    g_autoptr(SecretBytes) covered = secret_new();
    ssh_add_text(covered, algorithm);
    ssh_add_text(covered, "none");
    ssh_add_text(covered, comment);
    ssh_add_string(covered, blob->data, blob->len);
    ssh_add_string(covered, private->data, private->len);
    uint8_t mac_key[SHA1_SIZE], mac[SHA1_SIZE];
    char mac_hex[2 * SHA1_SIZE + 1];
    digest(DIGEST_SHA1, mac_key_text, strlen(mac_key_text), mac_key);
    digest_hmac(DIGEST_SHA1, mac_key, sizeof(mac_key), covered->data, covered->len, mac);
    hex_encode(mac, sizeof(mac), mac_hex);

    g_autoptr(GString) public_text = g_string_new(NULL), text = g_string_sized_new(8192);
    g_autoptr(GString) private_text = g_string_sized_new(8192);
    add_base64(public_text, blob->data, blob->len, PPK_COLUMNS);
    add_base64(private_text, private->data, private->len, PPK_COLUMNS);
    g_string_append_printf(text,
                           "PuTTY-User-Key-File-2: %s\nEncryption: none\nComment: %s\n"
                           "Public-Lines: %zu\n%sPrivate-Lines: %zu\n%sPrivate-MAC: %s\n",
                           algorithm, comment, (public_text->len + PPK_COLUMNS) / (PPK_COLUMNS + 1),
                           public_text->str, (private_text->len + PPK_COLUMNS) / (PPK_COLUMNS + 1),
                           private_text->str, mac_hex);
    char *copy = arena_strdup(arena, text->str);
    OPENSSL_cleanse(text->str, text->len);
    OPENSSL_cleanse(private_text->str, private_text->len);
    return copy;
}

bool key_make(Arena *arena, const char *type, const char *format, const char *comment,
              PublicKey *ret_key, const char **ret_material, GError **error)
{
    bool rsa = strcmp(type, "rsa") == 0;
    g_autoptr(EVP_PKEY) key =
        rsa ? EVP_RSA_gen(RSA_BITS) : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    g_autoptr(GByteArray) blob = key ? key_public_blob(key) : NULL;
    PublicKey public;
    const char *material = NULL;
    if (!blob)
        return trouble_set(error, "OpenSSL cannot make a key of type %s", type);
    key_describe(arena, key, blob, &public);
    if (rsa && !private_fingerprint(arena, key, &public.fingerprint))
        return trouble_set(error, "OpenSSL cannot write a key of type %s as PKCS#8", type);

    if (strcmp(format, "ppk") == 0)
        material = write_ppk(arena, key, blob, comment);
    else if (!rsa)
        material = write_openssh(arena, key, blob, comment);
    else if (!write_pkcs1(arena, key, &material))
        return trouble_set(error, "OpenSSL cannot write a key of type %s as PKCS#1", type);
    *ret_key = public;
    *ret_material = material;
    return true;
}
