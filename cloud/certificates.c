/* The cloud's own key material. See the header.
 *
 * Invariant: whoever makes, replaces or removes files of STATE/certificates holds `making`; no
 * transaction is open while somebody waits for it. */
#include "cloud/certificates.h"

#include "base/fault.h"
#include "base/file.h"
#include "base/id.h"
#include "cloud/accounts.h"
#include "cloud/signing_certificates.h"
#include "cloud/site.h"
#include <string.h>
#include <unistd.h>

#define EC2_FILE "secrets/ec2.pem"
#define EC2_CERTIFICATE "cert-ec2.pem"
#define EC2_NAME "Cumulet EC2"
#define PRIVATE_KEY_PREFIX "pk-"
#define CERTIFICATE_PREFIX "cert-"
#define SUFFIX ".pem"
#define ID_LENGTH 32
#define PEM_MAX 65536

typedef struct Certificates {
    Cloud *cloud;
    GMutex making;
    bool prepared;    /* guarded by making: everything of the cloud's own was there once */
    char *ec2_public; /* set once */
    GThread *thread;
} Certificates;

struct Certificates *certificates_new(Cloud *cloud)
{
    Certificates *certificates = g_new0(Certificates, 1);
    certificates->cloud = cloud;
    g_mutex_init(&certificates->making);
    return certificates;
}

void certificates_free(struct Certificates *certificates)
{
    if (!certificates)
        return;
    if (certificates->thread)
        g_thread_join(certificates->thread);
    g_mutex_clear(&certificates->making);
    g_free(certificates->ec2_public);
    g_free(certificates);
}

/* ---- files ---- */

static char *path_of(Arena *arena, Cloud *cloud, const char *name)
{
    return arena_printf(arena, "%s/" CERTIFICATES_DIRECTORY "/%s", cloud_state_dir(cloud), name);
}

static char *key_file(Arena *arena, Cloud *cloud, const char *id)
{
    return path_of(arena, cloud, arena_printf(arena, PRIVATE_KEY_PREFIX "%s" SUFFIX, id));
}

static char *certificate_file(Arena *arena, Cloud *cloud, const char *id)
{
    return path_of(arena, cloud, arena_printf(arena, CERTIFICATE_PREFIX "%s" SUFFIX, id));
}

static bool write_text(const char *path, const char *text, unsigned mode, GError **error)
{
    return file_write(path, text, strlen(text), mode, error);
}

static bool write_pair(Cloud *cloud, Arena *arena, const char *id, const X509Pair *pair,
                       GError **error)
{
    return write_text(key_file(arena, cloud, id), pair->private_key_pem, 0600, error) &&
           write_text(certificate_file(arena, cloud, id), pair->certificate_pem, 0644, error);
}

void certificates_remove_files(Cloud *cloud, const char *id)
{
    g_autoptr(Arena) arena = arena_new();
    unlink(key_file(arena, cloud, id));
    unlink(certificate_file(arena, cloud, id));
}

static bool has_files(Arena *arena, Cloud *cloud, const char *id)
{
    return access(key_file(arena, cloud, id), F_OK) == 0 &&
           access(certificate_file(arena, cloud, id), F_OK) == 0;
}

/* The id in a file's name; NULL: it has none. */
static const char *id_of(Arena *arena, const char *name)
{
    const char *id = g_str_has_prefix(name, PRIVATE_KEY_PREFIX) ? name + strlen(PRIVATE_KEY_PREFIX)
                     : g_str_has_prefix(name, CERTIFICATE_PREFIX)
                         ? name + strlen(CERTIFICATE_PREFIX)
                         : NULL;
    return id && g_str_has_suffix(id, SUFFIX) && strlen(id) == ID_LENGTH + strlen(SUFFIX)
               ? arena_strndup(arena, id, ID_LENGTH)
               : NULL;
}

/* What a daemon that was killed left: a half-written file, or one whose record is not there. */
static bool is_stray(Txn *txn, Arena *arena, const char *name, bool *ret_stray, GError **error)
{
    const char *id = id_of(arena, name);
    SigningCertificate *record = NULL;
    if (id && !signing_certificate_get(txn, arena, id, &record, error))
        return false;
    bool half = g_str_has_prefix(name, "." PRIVATE_KEY_PREFIX) ||
                g_str_has_prefix(name, "." CERTIFICATE_PREFIX);
    *ret_stray = half || (id && !record);
    return true;
}

static bool remove_strays(Cloud *cloud, Arena *arena, GError **error)
{
    const char *path = arena_printf(arena, "%s/" CERTIFICATES_DIRECTORY, cloud_state_dir(cloud));
    g_autoptr(GDir) directory = g_dir_open(path, 0, NULL);
    g_autoptr(Txn) txn = NULL;
    if (!txn_begin_read(cloud_store(cloud), &txn, error))
        return false;
    for (const char *name; directory && (name = g_dir_read_name(directory));) {
        bool stray;
        if (!is_stray(txn, arena, name, &stray, error))
            return false;
        if (stray)
            unlink(path_of(arena, cloud, name));
    }
    return true;
}

/* ---- EC2's ---- */

static bool make_ec2(Arena *arena, Ec2Key *key, GError **error)
{
    X509Pair pair;
    if (!x509_make_pair(arena, EC2_NAME, &pair, error))
        return false;
    key->private_key_pem = pair.private_key_pem;
    key->certificate_pem = pair.certificate_pem;
    return write_text(key->path,
                      arena_printf(arena, "%s%s", pair.private_key_pem, pair.certificate_pem), 0600,
                      error);
}

static bool load_ec2(Arena *arena, Ec2Key *key, GError **error)
{
    g_autofree char *text = NULL;
    size_t size;
    if (!file_read(key->path, PEM_MAX, &text, &size, error))
        return false;
    const char *begin = strstr(text, "-----BEGIN CERTIFICATE-----");
    g_autoptr(X509) certificate = begin ? x509_read_one(begin) : NULL;
    g_autoptr(EVP_PKEY) private = x509_read_key(text);
    if (!certificate || !private || X509_check_private_key(certificate, private) != 1)
        return trouble_set(error,
                           "%s does not hold a key and its certificate; remove it to have it made "
                           "anew: bundles that were made for the old one are lost",
                           key->path);
    key->private_key_pem = arena_strndup(arena, text, (size_t)(begin - text));
    key->certificate_pem = arena_strdup(arena, begin);
    return true;
}

const char *certificates_ec2_file(Cloud *cloud, Arena *arena)
{
    return path_of(arena, cloud, EC2_CERTIFICATE);
}

/* Beside the pairs, unless it says so already. */
static bool publish_ec2(Cloud *cloud, Arena *arena, const char *certificate, GError **error)
{
    const char *path = certificates_ec2_file(cloud, arena);
    g_autofree char *there = NULL;
    size_t size;
    return (file_read(path, PEM_MAX, &there, &size, NULL) && strcmp(there, certificate) == 0) ||
           write_text(path, certificate, 0644, error);
}

/* With `making`. */
static bool ensure_ec2(Certificates *certificates, Arena *arena, Ec2Key *ret_key, GError **error)
{
    Cloud *cloud = certificates->cloud;
    Ec2Key key = {.path = arena_printf(arena, "%s/" EC2_FILE, cloud_state_dir(cloud))};
    bool there = access(key.path, F_OK) == 0;
    if (!(there ? load_ec2(arena, &key, error) : make_ec2(arena, &key, error)) ||
        !publish_ec2(cloud, arena, key.certificate_pem, error))
        return false;
    if (!certificates->ec2_public)
        g_atomic_pointer_set(&certificates->ec2_public, g_strdup(key.certificate_pem));
    *ret_key = key;
    return true;
}

bool certificates_ec2(Cloud *cloud, Arena *arena, Ec2Key *ret_key, GError **error)
{
    Certificates *certificates = cloud->certificates;
    g_mutex_lock(&certificates->making);
    bool ok = ensure_ec2(certificates, arena, ret_key, error);
    g_mutex_unlock(&certificates->making);
    return ok;
}

const char *certificates_ec2_public(Cloud *cloud)
{
    return g_atomic_pointer_get(&cloud->certificates->ec2_public);
}

/* ---- the root's ---- */

/* SigningCertificate *, the root's, and the account. */
static bool list_root(Cloud *cloud, Arena *arena, Account **ret_account, List *list, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    return txn_begin_read(cloud_store(cloud), &txn, error) &&
           account_first(txn, arena, ret_account, error) &&
           signing_certificates_of(txn, arena, (*ret_account)->id, NULL, list, error);
}

/* Registers the pair in the place of those that the cloud made before, whose ids are in replaced.
 */
static bool record_pair(Cloud *cloud, Arena *arena, const SigningCertificate *record,
                        const List *replaced, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    List left = {0};
    if (!txn_begin(cloud_store(cloud), &txn, error))
        return false;
    LIST_EACH (const char *, id, replaced)
        if (!signing_certificate_delete(txn, id, error))
            return false;
    if (!signing_certificates_of(txn, arena, record->account_id, NULL, &left, error))
        return false;
    if (left.n >= SIGNING_CERTIFICATES_PER_USER)
        return fault_set(error, FAULT_LIMIT_EXCEEDED,
                         "Cannot exceed quota for CertificatesPerUser: %d",
                         SIGNING_CERTIFICATES_PER_USER);
    return signing_certificate_insert(txn, record, error) && txn_commit(&txn, error);
}

/* A pair and what will be its record. */
static bool new_pair(Cloud *cloud, Arena *arena, const char *account_id, X509Pair *ret_pair,
                     const SigningCertificate **ret_record, GError **error)
{
    const char *id = id_new_base32(arena, ID_LENGTH);
    if (!x509_make_pair(arena, id, ret_pair, error))
        return false;
    g_autoptr(X509) certificate = x509_read_one(ret_pair->certificate_pem);
    *ret_record = signing_certificate_new(arena, account_id, NULL, id, ret_pair->certificate_pem,
                                          x509_digest_hex(arena, certificate), cloud_now(cloud));
    return true;
}

static bool make_pair(Cloud *cloud, Arena *arena, const Account *account, const List *replaced,
                      GError **error)
{
    X509Pair pair;
    const SigningCertificate *record;
    if (!new_pair(cloud, arena, account->id, &pair, &record, error))
        return false;
    if (!write_pair(cloud, arena, record->id, &pair, error) ||
        !record_pair(cloud, arena, record, replaced, error)) {
        certificates_remove_files(cloud, record->id);
        return false;
    }
    LIST_EACH (const char *, old, replaced)
        certificates_remove_files(cloud, old);
    return true;
}

/* The ids of those that the cloud made. */
static List made_here(Cloud *cloud, Arena *arena, const List *records)
{
    List ids = {0};
    LIST_EACH (const SigningCertificate *, record, records)
        if (has_files(arena, cloud, record->id))
            list_add(&ids, arena, record->id);
    return ids;
}

/* Unless there is one, or no room for one. */
static bool ensure_pair(Cloud *cloud, Arena *arena, GError **error)
{
    Account *account;
    List records = {0};
    if (!list_root(cloud, arena, &account, &records, error))
        return false;
    List own = made_here(cloud, arena, &records);
    return own.n > 0 || records.n >= SIGNING_CERTIFICATES_PER_USER ||
           make_pair(cloud, arena, account, &own, error);
}

/* With `making`. */
static bool prepare(Certificates *certificates, GError **error)
{
    if (certificates->prepared)
        return true;
    g_autoptr(Arena) arena = arena_new();
    Cloud *cloud = certificates->cloud;
    const char *path = arena_printf(arena, "%s/" CERTIFICATES_DIRECTORY, cloud_state_dir(cloud));
    Ec2Key key;
    certificates->prepared =
        file_make_directory(path, error) && remove_strays(cloud, arena, error) &&
        ensure_ec2(certificates, arena, &key, error) && ensure_pair(cloud, arena, error);
    return certificates->prepared;
}

static void *prepare_in_thread(void *data)
{
    Certificates *certificates = data;
    g_autoptr(GError) error = NULL;
    g_mutex_lock(&certificates->making);
    bool ok = prepare(certificates, &error);
    g_mutex_unlock(&certificates->making);
    if (!ok)
        g_warning("the cloud's certificates: %s", error->message);
    return NULL;
}

void certificates_start(Cloud *cloud)
{
    Certificates *certificates = cloud->certificates;
    certificates->thread = g_thread_new("certificates", prepare_in_thread, certificates);
}

/* ---- for others ---- */

bool certificates_make(Cloud *cloud, Arena *arena, const char *account_id, const char **ret_id,
                       X509Pair *ret_pair, GError **error)
{
    const List none = {0};
    const SigningCertificate *record;
    if (!new_pair(cloud, arena, account_id, ret_pair, &record, error) ||
        !record_pair(cloud, arena, record, &none, error))
        return false;
    *ret_id = record->id;
    return true;
}

bool certificates_list(Cloud *cloud, Arena *arena, List *list, GError **error)
{
    Certificates *certificates = cloud->certificates;
    Account *account;
    List records = {0};
    g_mutex_lock(&certificates->making);
    bool ok = prepare(certificates, error) && list_root(cloud, arena, &account, &records, error);
    g_mutex_unlock(&certificates->making);
    LIST_EACH (const SigningCertificate *, record, &records) {
        bool own = has_files(arena, cloud, record->id);
        RootCertificate *one = arena_new_struct(arena, RootCertificate);
        *one = (RootCertificate){
            .record = record,
            .private_key_path = own ? key_file(arena, cloud, record->id) : NULL,
            .certificate_path = own ? certificate_file(arena, cloud, record->id) : NULL,
        };
        list_add(list, arena, one);
    }
    return ok;
}

/* With `making`. */
static bool replace(Cloud *cloud, Arena *arena, GError **error)
{
    Account *account;
    List records = {0};
    if (!list_root(cloud, arena, &account, &records, error))
        return false;
    List own = made_here(cloud, arena, &records);
    return make_pair(cloud, arena, account, &own, error);
}

bool certificates_replace(Cloud *cloud, Arena *arena, GError **error)
{
    Certificates *certificates = cloud->certificates;
    g_mutex_lock(&certificates->making);
    bool ok = prepare(certificates, error) && replace(cloud, arena, error);
    g_mutex_unlock(&certificates->making);
    return ok;
}

bool certificates_of(Cloud *cloud, Arena *arena, const char *account_id, List *list, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    List records = {0};
    if (!txn_begin_read(cloud_store(cloud), &txn, error) ||
        !record_query(txn, arena, QUERY_SIGNING_CERTIFICATES_OF_ACCOUNT, &records, error,
                      account_id))
        return false;
    LIST_EACH (const SigningCertificate *, record, &records)
        if (record->active)
            list_add(list, arena, record->body);
    return true;
}
