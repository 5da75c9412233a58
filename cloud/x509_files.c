/* X.509 certificates and RSA keys as PEM texts.
 *
 * Invariant: nothing is ever asked on a terminal: an encrypted key is none. */
#include "cloud/x509_files.h"

#include "base/clock.h"
#include "base/digest.h"
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <string.h>

#define SERIAL_BITS 63

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BIO, BIO_free)

/* ---- making ---- */

static bool set_serial(X509 *certificate)
{
    g_autoptr(BIGNUM) serial = BN_new();
    return serial && BN_rand(serial, SERIAL_BITS, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ODD) &&
           BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(certificate));
}

X509 *x509_self_sign(EVP_PKEY *key, const char *common_name)
{
    g_autoptr(X509) certificate = X509_new();
    if (!certificate)
        return NULL;
    X509_NAME *name = X509_get_subject_name(certificate);
    if (!X509_set_version(certificate, X509_VERSION_3) || !set_serial(certificate) ||
        !X509_gmtime_adj(X509_getm_notBefore(certificate), -86400) ||
        !X509_gmtime_adj(X509_getm_notAfter(certificate), (long)X509_YEARS * 365 * 86400) ||
        !X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)common_name,
                                    -1, -1, 0) ||
        !X509_set_issuer_name(certificate, name) || !X509_set_pubkey(certificate, key) ||
        !X509_sign(certificate, key, EVP_sha256()))
        return NULL;
    return g_steal_pointer(&certificate);
}

static const char *bio_text(Arena *arena, BIO *bio)
{
    char *data;
    long size = BIO_get_mem_data(bio, &data);
    return arena_strndup(arena, data, (size_t)size);
}

const char *x509_certificate_pem(Arena *arena, X509 *certificate)
{
    g_autoptr(BIO) bio = BIO_new(BIO_s_mem());
    return bio && PEM_write_bio_X509(bio, certificate) ? bio_text(arena, bio) : NULL;
}

const char *x509_key_pem(Arena *arena, EVP_PKEY *key)
{
    g_autoptr(BIO) bio = BIO_new(BIO_s_mem());
    return bio && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL)
               ? bio_text(arena, bio)
               : NULL;
}

bool x509_make_pair(Arena *arena, const char *common_name, X509Pair *ret_pair, GError **error)
{
    g_autoptr(EVP_PKEY) key = EVP_RSA_gen(X509_KEY_BITS);
    g_autoptr(X509) certificate = key ? x509_self_sign(key, common_name) : NULL;
    const char *private_pem = key ? x509_key_pem(arena, key) : NULL;
    const char *pem = certificate ? x509_certificate_pem(arena, certificate) : NULL;
    if (!private_pem || !pem)
        return trouble_set(error, "OpenSSL cannot make a key and its certificate");
    *ret_pair = (X509Pair){.private_key_pem = private_pem, .certificate_pem = pem};
    return true;
}

/* ---- reading ---- */

static void free_certificate(void *certificate)
{
    X509_free(certificate);
}

/* What PEM_read_bio() returned. */
static X509 *read_der(const char *name, const unsigned char *data, long size)
{
    if (strcmp(name, PEM_STRING_X509) != 0 && strcmp(name, PEM_STRING_X509_OLD) != 0)
        return NULL;
    const unsigned char *at = data;
    g_autoptr(X509) certificate = d2i_X509(NULL, &at, size);
    return certificate && at == data + size ? g_steal_pointer(&certificate) : NULL;
}

/* The next certificate; false at something else. *ret_certificate is NULL at the end. */
static bool read_next(BIO *bio, X509 **ret_certificate)
{
    char *name = NULL, *header = NULL;
    unsigned char *data = NULL;
    long size;
    *ret_certificate = NULL;
    if (!PEM_read_bio(bio, &name, &header, &data, &size))
        return ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    *ret_certificate = read_der(name, data, size);
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(data);
    return *ret_certificate != NULL;
}

GPtrArray *x509_read_all(const char *pem, size_t most)
{
    g_autoptr(BIO) bio = BIO_new_mem_buf(pem, -1);
    g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(free_certificate);
    X509 *certificate;
    bool ok;
    ERR_clear_error();
    while ((ok = read_next(bio, &certificate)) && certificate) {
        g_ptr_array_add(all, certificate);
        if (all->len > most)
            return NULL;
    }
    ERR_clear_error();
    return ok && all->len > 0 ? g_steal_pointer(&all) : NULL;
}

X509 *x509_read_one(const char *pem)
{
    g_autoptr(GPtrArray) all = x509_read_all(pem, 1);
    if (!all)
        return NULL;
    X509 *certificate = all->pdata[0];
    X509_up_ref(certificate);
    return certificate;
}

static int no_password(char *buffer, int size, int writing, void *data)
{
    return -1;
}

EVP_PKEY *x509_read_key(const char *pem)
{
    g_autoptr(BIO) bio = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
    ERR_clear_error();
    return key;
}

bool x509_is_valid_now(const X509 *certificate)
{
    return X509_cmp_current_time(X509_get0_notBefore(certificate)) < 0 &&
           X509_cmp_current_time(X509_get0_notAfter(certificate)) > 0;
}

int64_t x509_expires(const X509 *certificate)
{
    struct tm time;
    if (!ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &time))
        return 0;
    return (int64_t)timegm(&time) * CLOCK_SECOND;
}

const char *x509_digest_hex(Arena *arena, const X509 *certificate)
{
    uint8_t sum[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    X509_digest(certificate, EVP_sha256(), sum, &size);
    char *text = arena_alloc(arena, 2 * (size_t)size + 1);
    hex_encode(sum, size, text);
    return text;
}

bool x509_issued(X509 *issuer, X509 *subject)
{
    EVP_PKEY *key = X509_get0_pubkey(issuer);
    bool issued =
        key && X509_NAME_cmp(X509_get_issuer_name(subject), X509_get_subject_name(issuer)) == 0 &&
        X509_verify(subject, key) == 1;
    ERR_clear_error();
    return issued;
}
