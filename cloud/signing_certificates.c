/* Signing certificates of IAM. Invariant: one certificate is registered once in an account. */
#include "cloud/signing_certificates.h"

#include "base/id.h"
#include "cloud/certificates.h"
#include "cloud/iam_parts.h"
#include "cloud/key_files.h"
#include "cloud/x509_files.h"
#include <string.h>

#define ID_LENGTH 32
#define RSA_MIN_BITS 1024

SigningCertificate *signing_certificate_new(Arena *arena, const char *account_id, const char *user,
                                            const char *id, const char *body, const char *digest,
                                            int64_t now)
{
    SigningCertificate *certificate = arena_new_struct(arena, SigningCertificate);
    *certificate = (SigningCertificate){
        .id = id,
        .account_id = account_id,
        .user_name = user,
        .body = body,
        .active = true,
        .created = now,
        .digest = digest,
    };
    return certificate;
}

bool signing_certificates_of(Txn *txn, Arena *arena, const char *account_id, const char *user,
                             List *list, GError **error)
{
    return user ? record_query(txn, arena, QUERY_SIGNING_CERTIFICATES_OF_USER, list, error,
                               account_id, user)
                : record_query(txn, arena, QUERY_SIGNING_CERTIFICATES_OF_ROOT, list, error,
                               account_id);
}

static bool list_of(const Context *context, Txn *txn, const char *name, User **ret_user, List *list,
                    GError **error)
{
    return iam_find_user_or_caller(context, txn, name, ret_user, error) &&
           signing_certificates_of(txn, context->arena, context->caller.account_id,
                                   *ret_user ? (*ret_user)->name : NULL, list, error);
}

/* The signatures of manifests are RSA's. */
static bool read_body(Arena *arena, const char *body, const char **ret_digest, GError **error)
{
    g_autoptr(X509) certificate = x509_read_one(body);
    if (!certificate)
        return fault_set(error, FAULT_MALFORMED_CERTIFICATE,
                         "Certificate is malformed: it must be one X.509 certificate in PEM form");
    EVP_PKEY *key = X509_get0_pubkey(certificate);
    if (!key || !EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_get_bits(key) < RSA_MIN_BITS)
        return fault_set(error, FAULT_INVALID_CERTIFICATE,
                         "Certificate is invalid: its key must be RSA of at least %d bits",
                         RSA_MIN_BITS);
    if (!x509_is_valid_now(certificate))
        return fault_set(error, FAULT_INVALID_CERTIFICATE,
                         "Certificate is invalid: it has expired or is not valid yet");
    *ret_digest = x509_digest_hex(arena, certificate);
    return true;
}

static bool check_new(const Context *context, Txn *txn, const char *digest, const List *others,
                      GError **error)
{
    void *same;
    if (!record_query_one(txn, context->arena, QUERY_SIGNING_CERTIFICATE_BY_DIGEST, &same, error,
                          context->caller.account_id, digest))
        return false;
    if (same)
        return fault_set(error, FAULT_DUPLICATE_CERTIFICATE,
                         "The certificate is registered in this account already: %s",
                         ((const SigningCertificate *)same)->id);
    return others->n < SIGNING_CERTIFICATES_PER_USER ||
           fault_set(error, FAULT_LIMIT_EXCEEDED, "Cannot exceed quota for CertificatesPerUser: %d",
                     SIGNING_CERTIFICATES_PER_USER);
}

bool signing_certificate_upload(const Context *context, const char *user, const char *body,
                                SigningCertificate **ret_certificate, GError **error)
{
    Arena *arena = context->arena;
    g_autoptr(Txn) txn = NULL;
    const char *digest;
    User *found;
    List others = {0};
    if (!read_body(arena, body, &digest, error) ||
        !txn_begin(cloud_store(context->cloud), &txn, error) ||
        !list_of(context, txn, user, &found, &others, error) ||
        !check_new(context, txn, digest, &others, error))
        return false;
    SigningCertificate *certificate = signing_certificate_new(
        arena, context->caller.account_id, found ? found->name : NULL,
        id_new_base32(arena, ID_LENGTH), body, digest, cloud_now(context->cloud));
    if (!signing_certificate_insert(txn, certificate, error) || !txn_commit(&txn, error))
        return false;
    *ret_certificate = certificate;
    return true;
}

bool signing_certificates_list(const Context *context, const char *user, List *list, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    User *found;
    return txn_begin_read(cloud_store(context->cloud), &txn, error) &&
           list_of(context, txn, user, &found, list, error);
}

static bool find_one(const Context *context, Txn *txn, const char *user, const char *id,
                     SigningCertificate **ret_certificate, GError **error)
{
    User *found;
    List all = {0};
    if (!list_of(context, txn, user, &found, &all, error))
        return false;
    LIST_EACH (SigningCertificate *, certificate, &all) {
        if (strcmp(certificate->id, id) == 0) {
            *ret_certificate = certificate;
            return true;
        }
    }
    return fault_set(error, FAULT_NO_SUCH_ENTITY, "The Certificate with id %.128s cannot be found.",
                     id);
}

bool signing_certificate_set_active(const Context *context, const char *user, const char *id,
                                    bool active, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    SigningCertificate *certificate;
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !find_one(context, txn, user, id, &certificate, error))
        return false;
    certificate->active = active;
    return signing_certificate_put(txn, certificate, error) && txn_commit(&txn, error);
}

bool signing_certificate_remove(const Context *context, const char *user, const char *id,
                                GError **error)
{
    g_autoptr(Txn) txn = NULL;
    SigningCertificate *certificate;
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !find_one(context, txn, user, id, &certificate, error) ||
        !signing_certificate_delete(txn, certificate->id, error) || !txn_commit(&txn, error))
        return false;
    certificates_remove_files(context->cloud, certificate->id);
    return true;
}
