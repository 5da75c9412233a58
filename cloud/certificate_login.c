/* Access keys by certificates. See the header. */
#include "cloud/certificate_login.h"

#include "base/digest.h"
#include "base/fault.h"
#include "base/login_text.h"
#include "base/used_once.h"
#include "cloud/accounts.h"
#include "cloud/x509_files.h"
#include "store/record.h"
#include <string.h>

#define NONCE_MIN 16
#define NONCE_MAX 64

G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_MD_CTX, EVP_MD_CTX_free)

struct CertificateLogins {
    Cloud *cloud;
    Clock *wall;
    UsedOnce *nonces; /* "DIGEST NONCE" */
};

CertificateLogins *certificate_logins_new(Cloud *cloud, Clock *wall)
{
    CertificateLogins *logins = g_new0(CertificateLogins, 1);
    logins->cloud = cloud;
    logins->wall = wall;
    logins->nonces = used_once_new(CERTIFICATE_LOGIN_NONCES_MAX);
    return logins;
}

void certificate_logins_free(CertificateLogins *logins)
{
    if (!logins)
        return;
    used_once_free(logins->nonces);
    g_free(logins);
}

/* ---- the question ---- */

static bool check_time(const CertificateLogins *logins, int64_t time, GError **error)
{
    int64_t now = clock_now(logins->wall) / G_USEC_PER_SEC;
    bool near = time >= now - CERTIFICATE_LOGIN_SKEW_S && time <= now + CERTIFICATE_LOGIN_SKEW_S;
    return near || fault_set(error, FAULT_REQUEST_EXPIRED,
                             "The request's time is more than %d seconds from the cloud's",
                             CERTIFICATE_LOGIN_SKEW_S);
}

static bool check_nonce(const char *nonce, GError **error)
{
    size_t length = strlen(nonce);
    for (size_t i = 0; i < length; i++)
        if (!g_ascii_isalnum(nonce[i]))
            length = 0;
    return (length >= NONCE_MIN && length <= NONCE_MAX) ||
           fault_set(error, FAULT_AUTH_FAILURE, "The nonce must be %d to %d letters and digits",
                     NONCE_MIN, NONCE_MAX);
}

static bool verifies(X509 *certificate, const char *text, const uint8_t *signature, size_t size)
{
    EVP_PKEY *key = X509_get0_pubkey(certificate);
    g_autoptr(EVP_MD_CTX) context = EVP_MD_CTX_new();
    return key && EVP_PKEY_is_a(key, "RSA") &&
           EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
           EVP_DigestVerify(context, signature, size, (const unsigned char *)text, strlen(text)) ==
               1;
}

/* Reads the certificate and believes the signature. */
static bool check_signature(Arena *arena, const CertificateLogin *login, const char **ret_digest,
                            GError **error)
{
    g_autoptr(X509) certificate = x509_read_one(login->certificate);
    g_autofree uint8_t *signature = NULL;
    size_t size;
    if (!certificate)
        return fault_set(error, FAULT_AUTH_FAILURE,
                         "The certificate must be one X.509 certificate in PEM form");
    const char *text = login_text(arena, login->certificate, login->time, login->nonce);
    if (!base64_decode(login->signature, strlen(login->signature), &signature, &size) ||
        !verifies(certificate, text, signature, size))
        return fault_set(error, FAULT_AUTH_FAILURE,
                         "The signature is not of the certificate's private key");
    if (!x509_is_valid_now(certificate))
        return fault_set(error, FAULT_AUTH_FAILURE,
                         "The certificate has expired or is not valid yet");
    *ret_digest = x509_digest_hex(arena, certificate);
    return true;
}

/* ---- nonces ---- */

static bool use_nonce(CertificateLogins *logins, const CertificateLogin *login, const char *digest,
                      GError **error)
{
    int64_t end = (login->time + CERTIFICATE_LOGIN_SKEW_S + 1) * G_USEC_PER_SEC;
    g_autofree char *nonce = g_strdup_printf("%s %s", digest, login->nonce);
    UsedOnceAnswer used = used_once_take(logins->nonces, nonce, clock_now(logins->wall), end);
    if (used == USED_ONCE_FULL)
        return fault_set(error, FAULT_AUTH_FAILURE, "Too many such requests at this time");
    return used == USED_ONCE_FRESH ||
           fault_set(error, FAULT_AUTH_FAILURE, "This request was answered already");
}

/* ---- the key ---- */

static bool find_active(Txn *txn, Arena *arena, const char *digest,
                        const SigningCertificate **ret_certificate, GError **error)
{
    List certificates = {0};
    if (!record_query(txn, arena, QUERY_SIGNING_CERTIFICATES_BY_DIGEST, &certificates, error,
                      digest))
        return false;
    LIST_EACH (const SigningCertificate *, certificate, &certificates) {
        if (certificate->active) {
            *ret_certificate = certificate;
            return true;
        }
    }
    return fault_set(error, FAULT_AUTH_FAILURE,
                     certificates.n ? "The certificate is not active"
                                    : "The certificate is not registered in this cloud");
}

static bool find_key(Txn *txn, Arena *arena, const SigningCertificate *certificate,
                     const AccessKey **ret_key, GError **error)
{
    List keys = {0};
    if (!record_query(txn, arena, QUERY_ACCESS_KEYS_OF_ACCOUNT, &keys, error,
                      certificate->account_id))
        return false;
    LIST_EACH (const AccessKey *, key, &keys) {
        if (key->active && g_strcmp0(key->user_name, certificate->user_name) == 0) {
            *ret_key = key;
            return true;
        }
    }
    return fault_set(error, FAULT_AUTH_FAILURE,
                     "The user of the certificate has no active access key");
}

bool certificate_login(CertificateLogins *logins, Arena *arena, const CertificateLogin *login,
                       const AccessKey **ret_key, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    const char *digest;
    const SigningCertificate *certificate;
    return check_time(logins, login->time, error) && check_nonce(login->nonce, error) &&
           check_signature(arena, login, &digest, error) &&
           txn_begin_read(cloud_store(logins->cloud), &txn, error) &&
           find_active(txn, arena, digest, &certificate, error) &&
           use_nonce(logins, login, digest, error) &&
           find_key(txn, arena, certificate, ret_key, error);
}

/* ---- who a certificate stands for ---- */

static bool check_validity(const SigningCertificate *certificate, GError **error)
{
    g_autoptr(X509) read = x509_read_one(certificate->body);
    return (read && x509_is_valid_now(read)) ||
           fault_set(error, FAULT_AUTH_FAILURE, "The certificate has expired or is not valid yet");
}

/* A key that is in no store: whose it would be. */
static bool find_bearer(Cloud *cloud, Arena *arena, const char *digest, AccessKey *ret_bearer,
                        GError **error)
{
    g_autoptr(Txn) txn = NULL;
    const SigningCertificate *certificate;
    void *user = NULL;
    if (!txn_begin_read(cloud_store(cloud), &txn, error) ||
        !find_active(txn, arena, digest, &certificate, error) ||
        !check_validity(certificate, error) ||
        (certificate->user_name &&
         !record_query_one(txn, arena, QUERY_USER, &user, error, certificate->account_id,
                           certificate->user_name)))
        return false;
    *ret_bearer = (AccessKey){
        .account_id = certificate->account_id,
        .user_name = certificate->user_name,
        .user_id = user ? ((const User *)user)->id : NULL,
    };
    return true;
}

bool certificate_caller(Cloud *cloud, Arena *arena, const char *digest, Caller *ret_caller,
                        GError **error)
{
    AccessKey bearer;
    return find_bearer(cloud, arena, digest, &bearer, error) &&
           account_caller(cloud, arena, &bearer, ret_caller, error);
}
