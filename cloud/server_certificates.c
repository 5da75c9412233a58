/* Server certificates of IAM.
 *
 * Invariant: a certificate that is kept belongs to its private key, and its chain leads from it
 * link by link; so a listener can show it as it is. */
#include "cloud/server_certificates.h"

#include "base/id.h"
#include "cloud/iam_parts.h"
#include "cloud/x509_files.h"
#include <string.h>

#define ID_LENGTH 17
#define CHAIN_MAX 16
#define TAG_KEY_MAX_LENGTH 128
#define TAG_VALUE_MAX_LENGTH 256
#define SERVICE_TAGS "aws:" /* begins the keys of tags that AWS alone sets */

static const char *arn_of(Arena *arena, const ServerCertificate *certificate)
{
    return arena_printf(arena, "arn:aws:iam::%s:server-certificate%s%s", certificate->account_id,
                        certificate->path, certificate->name);
}

/* ---- what is uploaded ---- */

static bool check_chain(X509 *certificate, const char *chain, GError **error)
{
    g_autoptr(GPtrArray) links = x509_read_all(chain, CHAIN_MAX);
    if (!links)
        return fault_set(error, FAULT_MALFORMED_CERTIFICATE,
                         "Unable to parse certificate chain: it must be X.509 certificates in PEM "
                         "form");
    X509 *subject = certificate;
    for (unsigned i = 0; i < links->len; i++) {
        if (!x509_issued(links->pdata[i], subject))
            return fault_set(
                error, FAULT_MALFORMED_CERTIFICATE,
                "Unable to validate certificate chain. The certificate chain must start with the "
                "immediate signing certificate, followed by any intermediaries in order.");
        subject = links->pdata[i];
    }
    return true;
}

/* *ret_expires: µs since the epoch. */
static bool check_material(const ServerCertificateSpec *spec, int64_t *ret_expires, GError **error)
{
    g_autoptr(X509) certificate = x509_read_one(spec->body);
    g_autoptr(EVP_PKEY) key = x509_read_key(spec->private_key);
    if (!certificate || !X509_get0_pubkey(certificate))
        return fault_set(error, FAULT_MALFORMED_CERTIFICATE,
                         "Unable to parse certificate. Please ensure the certificate is in PEM "
                         "format.");
    if (!key)
        return fault_set(error, FAULT_MALFORMED_CERTIFICATE,
                         "Unable to parse private key. Please ensure the key is in PEM format and "
                         "not encrypted.");
    if (EVP_PKEY_eq(X509_get0_pubkey(certificate), key) != 1)
        return fault_set(error, FAULT_KEY_PAIR_MISMATCH,
                         "Unable to validate certificate: the private key is not its own.");
    if (!x509_is_valid_now(certificate))
        return fault_set(error, FAULT_MALFORMED_CERTIFICATE,
                         "The certificate has expired or is not valid yet.");
    *ret_expires = x509_expires(certificate);
    return !spec->chain || check_chain(certificate, spec->chain, error);
}

/* ---- names ---- */

/* Fault NoSuchEntity. */
static bool find(const Context *context, Txn *txn, const char *name,
                 ServerCertificate **ret_certificate, GError **error)
{
    void *found;
    if (!record_query_one(txn, context->arena, QUERY_SERVER_CERTIFICATE, &found, error,
                          context->caller.account_id, name))
        return false;
    if (!found)
        return fault_set(error, FAULT_NO_SUCH_ENTITY,
                         "The Server Certificate with name %.200s cannot be found.", name);
    *ret_certificate = found;
    return true;
}

static bool check_free(Txn *txn, const ServerCertificate *certificate, GError **error)
{
    int64_t same;
    if (!record_count(txn, COUNT_SERVER_CERTIFICATES_NAMED, &same, error, certificate->account_id,
                      certificate->name, certificate->id))
        return false;
    return same == 0 ||
           fault_set(error, FAULT_ENTITY_ALREADY_EXISTS,
                     "The Server Certificate with name %s already exists.", certificate->name);
}

static bool check_room(Txn *txn, const char *account_id, GError **error)
{
    int64_t count;
    if (!record_count(txn, COUNT_SERVER_CERTIFICATES_OF_ACCOUNT, &count, error, account_id))
        return false;
    return count < SERVER_CERTIFICATES_PER_ACCOUNT ||
           fault_set(error, FAULT_LIMIT_EXCEEDED,
                     "Cannot exceed quota for ServerCertificatesPerAccount: %d",
                     SERVER_CERTIFICATES_PER_ACCOUNT);
}

/* ---- tags ---- */

static bool check_tag(const ServerCertificateTag *tag, GError **error)
{
    if (!tag->value)
        return fault_set(error, FAULT_VALIDATION_ERROR, "The tag %.150s has no value", tag->key);
    if (tag->key[0] == '\0' || g_utf8_strlen(tag->key, -1) > TAG_KEY_MAX_LENGTH ||
        g_utf8_strlen(tag->value, -1) > TAG_VALUE_MAX_LENGTH)
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "A tag has a key of 1 to %d characters and a value of at most %d",
                         TAG_KEY_MAX_LENGTH, TAG_VALUE_MAX_LENGTH);
    return g_ascii_strncasecmp(tag->key, SERVICE_TAGS, strlen(SERVICE_TAGS)) != 0 ||
           fault_set(error, FAULT_INVALID_INPUT,
                     "System tags, which begin with " SERVICE_TAGS ", cannot be added: %.150s",
                     tag->key);
}

static bool check_tags(const List *tags, GError **error)
{
    g_autoptr(GHashTable) keys = g_hash_table_new(g_str_hash, g_str_equal);
    LIST_EACH (const ServerCertificateTag *, tag, tags) {
        if (!check_tag(tag, error))
            return false;
        if (!g_hash_table_add(keys, (void *)tag->key))
            return fault_set(error, FAULT_INVALID_INPUT, "Duplicate tag keys found: %.150s",
                             tag->key);
    }
    return true;
}

static bool put_tags(Txn *txn, Arena *arena, const char *id, const List *tags, GError **error)
{
    List all = {0};
    LIST_EACH (const ServerCertificateTag *, tag, tags) {
        const ServerCertificateTag record = {
            .certificate_id = id, .key = tag->key, .value = tag->value};
        if (!server_certificate_tag_put(txn, &record, error))
            return false;
    }
    if (!record_query(txn, arena, QUERY_TAGS_OF_SERVER_CERTIFICATE, &all, error, id))
        return false;
    return all.n <= SERVER_CERTIFICATE_TAGS ||
           fault_set(error, FAULT_LIMIT_EXCEEDED,
                     "The number of tags has reached the maximum limit: %d",
                     SERVER_CERTIFICATE_TAGS);
}

/* ---- verbs ---- */

bool server_certificate_upload(const Context *context, const ServerCertificateSpec *spec,
                               ServerCertificate **ret_certificate, GError **error)
{
    Arena *arena = context->arena;
    int64_t expires;
    const char *path = spec->path ? spec->path : "/";
    if (!iam_check_name(spec->name, "serverCertificateName", SERVER_CERTIFICATE_NAME_MAX, error) ||
        !iam_check_path(path, "path", error) || !check_tags(&spec->tags, error) ||
        !check_material(spec, &expires, error))
        return false;
    ServerCertificate *certificate = arena_new_struct(arena, ServerCertificate);
    *certificate = (ServerCertificate){
        .id = arena_printf(arena, "ASCA%s", id_new_base32(arena, ID_LENGTH)),
        .account_id = context->caller.account_id,
        .name = spec->name,
        .path = path,
        .body = spec->body,
        .chain = spec->chain,
        .private_key = spec->private_key,
        .uploaded = cloud_now(context->cloud),
        .expires = expires,
    };
    certificate->arn = arn_of(arena, certificate);
    g_autoptr(Txn) txn = NULL;
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !check_free(txn, certificate, error) || !check_room(txn, certificate->account_id, error) ||
        !server_certificate_insert(txn, certificate, error) ||
        !put_tags(txn, arena, certificate->id, &spec->tags, error) || !txn_commit(&txn, error))
        return false;
    *ret_certificate = certificate;
    return true;
}

bool server_certificate_rename(const Context *context, const char *name, const char *new_name,
                               const char *new_path, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    ServerCertificate *certificate;
    if ((new_name && !iam_check_name(new_name, "newServerCertificateName",
                                     SERVER_CERTIFICATE_NAME_MAX, error)) ||
        (new_path && !iam_check_path(new_path, "newPath", error)) ||
        !txn_begin(cloud_store(context->cloud), &txn, error) ||
        !find(context, txn, name, &certificate, error))
        return false;
    const char *old_arn = certificate->arn;
    certificate->name = new_name ? new_name : certificate->name;
    certificate->path = new_path ? new_path : certificate->path;
    certificate->arn = arn_of(context->arena, certificate);
    return check_free(txn, certificate, error) && server_certificate_put(txn, certificate, error) &&
           record_change(txn, CHANGE_MOVE_CERTIFICATE_OF_LISTENERS, NULL, error, certificate->arn,
                         old_arn) &&
           txn_commit(&txn, error);
}

bool server_certificate_find(const Context *context, const char *name,
                             ServerCertificate **ret_certificate, List *tags, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    return txn_begin_read(cloud_store(context->cloud), &txn, error) &&
           find(context, txn, name, ret_certificate, error) &&
           (!tags || record_query(txn, context->arena, QUERY_TAGS_OF_SERVER_CERTIFICATE, tags,
                                  error, (*ret_certificate)->id));
}

bool server_certificates_list(const Context *context, const char *path_prefix, List *list,
                              GError **error)
{
    g_autoptr(Txn) txn = NULL;
    List all = {0};
    if (!txn_begin_read(cloud_store(context->cloud), &txn, error) ||
        !record_query(txn, context->arena, QUERY_SERVER_CERTIFICATES_OF_ACCOUNT, &all, error,
                      context->caller.account_id))
        return false;
    LIST_EACH (ServerCertificate *, certificate, &all)
        if (!path_prefix || g_str_has_prefix(certificate->path, path_prefix))
            list_add(list, context->arena, certificate);
    return true;
}

bool server_certificate_remove(const Context *context, const char *name, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    ServerCertificate *certificate;
    bool used;
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !find(context, txn, name, &certificate, error) ||
        !server_certificate_in_use(txn, certificate, &used, error))
        return false;
    if (used)
        return fault_set(error, FAULT_DELETE_CONFLICT,
                         "Certificate: %s is currently in use by a load balancer. Please remove it "
                         "from the listeners first.",
                         certificate->id);
    return record_change(txn, CHANGE_DELETE_TAGS_OF_SERVER_CERTIFICATE, NULL, error,
                         certificate->id) &&
           server_certificate_delete(txn, certificate->id, error) && txn_commit(&txn, error);
}

bool server_certificate_tag_add(const Context *context, const char *name, const List *tags,
                                GError **error)
{
    g_autoptr(Txn) txn = NULL;
    ServerCertificate *certificate;
    return check_tags(tags, error) && txn_begin(cloud_store(context->cloud), &txn, error) &&
           find(context, txn, name, &certificate, error) &&
           put_tags(txn, context->arena, certificate->id, tags, error) && txn_commit(&txn, error);
}

bool server_certificate_untag(const Context *context, const char *name, const List *keys,
                              GError **error)
{
    g_autoptr(Txn) txn = NULL;
    ServerCertificate *certificate;
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !find(context, txn, name, &certificate, error))
        return false;
    LIST_EACH (const char *, key, keys)
        if (!record_change(txn, CHANGE_DELETE_SERVER_CERTIFICATE_TAG, NULL, error, certificate->id,
                           key))
            return false;
    return txn_commit(&txn, error);
}

/* ---- for load balancers ---- */

bool server_certificate_by_arn(Txn *txn, Arena *arena, const char *arn,
                               ServerCertificate **ret_certificate, GError **error)
{
    void *found;
    if (!record_query_one(txn, arena, QUERY_SERVER_CERTIFICATE_BY_ARN, &found, error, arn))
        return false;
    *ret_certificate = found;
    return true;
}

bool server_certificate_in_use(Txn *txn, const ServerCertificate *certificate, bool *ret_used,
                               GError **error)
{
    int64_t listeners;
    if (!record_count(txn, COUNT_LISTENERS_WITH_CERTIFICATE, &listeners, error, certificate->arn))
        return false;
    *ret_used = listeners > 0;
    return true;
}

bool server_certificate_find_arn(Txn *txn, Arena *arena, const char *account_id, const char *path,
                                 const char *name, const char **ret_arn, GError **error)
{
    void *found;
    if (!record_query_one(txn, arena, QUERY_SERVER_CERTIFICATE, &found, error, account_id, name))
        return false;
    const ServerCertificate wanted = {
        .account_id = account_id, .path = path ? path : "/", .name = name};
    *ret_arn = found ? ((const ServerCertificate *)found)->arn : arn_of(arena, &wanted);
    return true;
}
