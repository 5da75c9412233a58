/* Public keys as users bring them.
 *
 * Invariant: whatever comes in, what goes on is built anew from the numbers of the key, so no text
 * of the client's gets into an authorized_keys file. */
#include "cloud/key_files.h"

#include "base/digest.h"
#include "cloud/ssh_wire.h"
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>
#include <string.h>

#define RSA_MIN_BITS 1024
#define RSA_MAX_BITS 16384
#define ED25519_SIZE 32
#define RFC4716_BEGIN "---- BEGIN SSH2 PUBLIC KEY ----"
#define RFC4716_END "---- END SSH2 PUBLIC KEY ----"
#define PEM_MARK "-----"

static EVP_PKEY *rsa_of(const uint8_t *n, size_t n_size, const uint8_t *e, size_t e_size)
{
    EVP_PKEY *key = NULL;
    g_autoptr(BIGNUM) modulus = BN_bin2bn(n, (int)n_size, NULL);
    g_autoptr(BIGNUM) exponent = BN_bin2bn(e, (int)e_size, NULL);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    OSSL_PARAM *parameters = NULL;
    if (modulus && exponent && builder && context &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus) &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent) &&
        (parameters = OSSL_PARAM_BLD_to_param(builder)) != NULL &&
        EVP_PKEY_fromdata_init(context) > 0)
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters);
    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(builder);
    EVP_PKEY_CTX_free(context);
    return key;
}

static EVP_PKEY *read_blob(const uint8_t *data, size_t size)
{
    SshReader reader = {data, size};
    const uint8_t *type, *first, *second;
    size_t type_size, first_size, second_size;
    if (!ssh_read_string(&reader, &type, &type_size) ||
        !ssh_read_string(&reader, &first, &first_size))
        return NULL;
    if (type_size == strlen("ssh-rsa") && memcmp(type, "ssh-rsa", type_size) == 0) {
        if (!ssh_read_string(&reader, &second, &second_size) || reader.left > 0 ||
            first_size > RSA_MAX_BITS / 8 + 1 || second_size > RSA_MAX_BITS / 8 + 1)
            return NULL;
        return rsa_of(second, second_size, first, first_size);
    }
    if (type_size == strlen("ssh-ed25519") && memcmp(type, "ssh-ed25519", type_size) == 0 &&
        first_size == ED25519_SIZE && reader.left == 0)
        return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, first, first_size);
    return NULL;
}

static EVP_PKEY *read_der(const uint8_t *data, size_t size)
{
    const uint8_t *at = data;
    EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)size);
    if (!key) {
        at = data;
        key = d2i_PublicKey(EVP_PKEY_RSA, NULL, &at, (long)size);
    }
    if (key && at != data + size) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    return key;
}

/* Base64 of DER or of SSH's wire format. */
static EVP_PKEY *read_base64(const char *text, size_t size)
{
    g_autofree uint8_t *data = NULL;
    size_t data_size;
    if (!base64_decode(text, size, &data, &data_size) || data_size == 0)
        return NULL;
    return data[0] == 0x30 ? read_der(data, data_size) : read_blob(data, data_size);
}

/* RFC 4716: headers "Tag: value", lines that go on end in a backslash; then the base64. */
static EVP_PKEY *read_rfc4716(const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_autoptr(GString) body = g_string_new(NULL);
    bool header_goes_on = false, ended = false;
    for (size_t i = 1; lines[i] && !ended; i++) {
        const char *line = g_strchomp(lines[i]);
        ended = strcmp(line, RFC4716_END) == 0;
        if (header_goes_on || strchr(line, ':'))
            header_goes_on = g_str_has_suffix(line, "\\");
        else if (!ended)
            g_string_append(body, line);
    }
    return ended ? read_base64(body->str, body->len) : NULL;
}

/* "-----BEGIN X-----\nbase64\n-----END X-----": which X, what is inside tells. */
static EVP_PKEY *read_pem(const char *text)
{
    const char *start = strchr(text, '\n');
    const char *end = start ? strstr(start, "\n" PEM_MARK) : NULL;
    return end ? read_base64(start, (size_t)(end - start)) : NULL;
}

/* "ssh-rsa AAAA… comment" */
static EVP_PKEY *read_line(const char *text)
{
    g_auto(GStrv) words = g_strsplit_set(text, " \t", 3);
    /* A second key would be in the comment. */
    if (!words[0] || !words[1] || strpbrk(text, "\r\n"))
        return NULL;
    g_autofree uint8_t *data = NULL;
    size_t size;
    if (!base64_decode(words[1], strlen(words[1]), &data, &size))
        return NULL;
    SshReader reader = {data, size};
    const uint8_t *type;
    size_t type_size;
    if (!ssh_read_string(&reader, &type, &type_size) || type_size != strlen(words[0]) ||
        memcmp(type, words[0], type_size) != 0)
        return NULL;
    return read_blob(data, size);
}

static EVP_PKEY *read_any(const char *text, size_t size)
{
    if (!g_utf8_validate_len(text, size, NULL)) /* nor may a NUL be in it */
        return read_der((const uint8_t *)text, size);
    g_autofree char *trimmed = g_strstrip(g_strdup(text));
    if (g_str_has_prefix(trimmed, "ssh-"))
        return read_line(trimmed);
    if (g_str_has_prefix(trimmed, RFC4716_BEGIN))
        return read_rfc4716(trimmed);
    if (g_str_has_prefix(trimmed, PEM_MARK))
        return read_pem(trimmed);
    return read_base64(trimmed, strlen(trimmed));
}

static bool public_fingerprint(Arena *arena, EVP_PKEY *key, const char **ret_text)
{
    uint8_t *der = NULL;
    int size = i2d_PUBKEY(key, &der);
    if (size <= 0)
        return false;
    uint8_t sum[MD5_SIZE];
    digest(DIGEST_MD5, der, (size_t)size, sum);
    OPENSSL_free(der);
    *ret_text = key_colon_hex(arena, sum, sizeof(sum));
    return true;
}

bool key_read(Arena *arena, const char *text, size_t size, PublicKey *ret_key, GError **error)
{
    g_autoptr(EVP_PKEY) key = read_any(text, size);
    g_autoptr(GByteArray) blob = key ? key_public_blob(key) : NULL;
    if (!blob)
        return fault_set(error, FAULT_INVALID_KEY_FORMAT,
                         "Key is not in valid OpenSSH public key format");
    if (EVP_PKEY_is_a(key, "RSA") &&
        (EVP_PKEY_get_bits(key) < RSA_MIN_BITS || EVP_PKEY_get_bits(key) > RSA_MAX_BITS))
        return fault_set(error, FAULT_INVALID_KEY_FORMAT,
                         "An RSA key must have at least %d and at most %d bits", RSA_MIN_BITS,
                         RSA_MAX_BITS);
    PublicKey public;
    key_describe(arena, key, blob, &public);
    if (!public.fingerprint && !public_fingerprint(arena, key, &public.fingerprint))
        return trouble_set(error, "OpenSSL cannot write a public key in DER");
    *ret_key = public;
    return true;
}
