/* The certificate authority. Invariant: the published certificate is the one of the key that is
 * kept; the kept file is written whole before anything is issued.
 *
 * Keys are of the curve P-256: they are made in no time, at a first start too, and every client of
 * the last fifteen years knows them. */
#include "cloud/authority.h"

#include "base/file.h"
#include "cloud/key_files.h"
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#define AUTHORITY_FILE "secrets/authority.pem"
#define AUTHORITY_NAME "Cumulet certificate authority"
#define SERVER_NAME "Cumulet"
#define PEM_MAX 65536
#define DAY 86400L
#define SERIAL_BITS 127
#define KEY_CURVE "P-256"

struct Authority {
    EVP_PKEY *key;
    X509 *certificate;
    char *pem; /* of the certificate */
};

/* What a certificate says beside its subject and key. */
typedef struct Extension {
    int nid;
    const char *value;
} Extension;

void authority_close(Authority *authority)
{
    if (!authority)
        return;
    EVP_PKEY_free(authority->key);
    X509_free(authority->certificate);
    g_free(authority->pem);
    g_free(authority);
}

const char *authority_certificate(const Authority *authority)
{
    return authority->pem;
}

/* ---- making ---- */

/* issuer: the certificate itself when it signs itself. */
static bool add_extensions(X509 *certificate, X509 *issuer, const Extension *extensions, size_t n)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    for (size_t i = 0; i < n; i++) {
        X509_EXTENSION *extension =
            X509V3_EXT_conf_nid(NULL, &context, extensions[i].nid, extensions[i].value);
        bool added = extension && X509_add_ext(certificate, extension, -1) == 1;
        X509_EXTENSION_free(extension);
        if (!added)
            return false;
    }
    return true;
}

static bool set_serial(X509 *certificate)
{
    BIGNUM *serial = BN_new();
    bool set = serial && BN_rand(serial, SERIAL_BITS, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
               BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(certificate)) != NULL;
    BN_free(serial);
    return set;
}

/* The subject, key and life of a certificate that is not signed yet; NULL when OpenSSL cannot. */
static X509 *draft(EVP_PKEY *key, const char *common_name, const X509_NAME *issuer, long days)
{
    g_autoptr(X509) certificate = X509_new();
    if (!certificate)
        return NULL;
    X509_NAME *name = X509_get_subject_name(certificate);
    if (X509_set_version(certificate, X509_VERSION_3) != 1 || !set_serial(certificate) ||
        !X509_gmtime_adj(X509_getm_notBefore(certificate), -DAY) ||
        !X509_gmtime_adj(X509_getm_notAfter(certificate), (days - 1) * DAY) ||
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)common_name, -1,
                                   -1, 0) != 1 ||
        X509_set_issuer_name(certificate, issuer ? issuer : name) != 1 ||
        X509_set_pubkey(certificate, key) != 1)
        return NULL;
    return g_steal_pointer(&certificate);
}

static bool set_openssl_trouble(GError **error, const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    trouble_set(error, "OpenSSL cannot make %s: %s", what, reason ? reason : "no reason given");
    ERR_clear_error();
    return false;
}

/* ---- the authority itself ---- */

static X509 *make_own_certificate(EVP_PKEY *key)
{
    static const Extension extensions[] = {
        {NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
        {NID_key_usage, "critical,keyCertSign,cRLSign"},
        {NID_subject_key_identifier, "hash"},
    };
    g_autoptr(X509) certificate = draft(key, AUTHORITY_NAME, NULL, X509_YEARS * 365L);
    if (!certificate ||
        !add_extensions(certificate, certificate, extensions, G_N_ELEMENTS(extensions)) ||
        X509_sign(certificate, key, EVP_sha256()) <= 0)
        return NULL;
    return g_steal_pointer(&certificate);
}

static bool make_authority(Authority *authority, const char *path, GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    authority->key = EVP_EC_gen(KEY_CURVE);
    authority->certificate = authority->key ? make_own_certificate(authority->key) : NULL;
    const char *key = authority->certificate ? x509_key_pem(arena, authority->key) : NULL;
    const char *pem = key ? x509_certificate_pem(arena, authority->certificate) : NULL;
    if (!pem)
        return set_openssl_trouble(error, "the cloud's certificate authority");
    authority->pem = g_strdup(pem);
    const char *text = arena_printf(arena, "%s%s", key, pem);
    return file_write(path, text, strlen(text), 0600, error);
}

static bool load_authority(Authority *authority, const char *path, GError **error)
{
    g_autofree char *text = NULL;
    if (!file_read(path, PEM_MAX, &text, NULL, error))
        return false;
    const char *begin = strstr(text, "-----BEGIN CERTIFICATE-----");
    authority->key = x509_read_key(text);
    authority->certificate = begin ? x509_read_one(begin) : NULL;
    if (!authority->key || !authority->certificate ||
        X509_check_private_key(authority->certificate, authority->key) != 1)
        return trouble_set(error,
                           "%s does not hold a key and its certificate; remove it to have it made "
                           "anew: who trusts the old one has to be given the new one",
                           path);
    authority->pem = g_strdup(begin);
    return true;
}

/* For everybody, unless it says so already. */
static bool publish(const Authority *authority, const char *state_dir, GError **error)
{
    g_autofree char *path = g_build_filename(state_dir, AUTHORITY_CERTIFICATE, NULL);
    g_autofree char *there = NULL;
    return (file_read(path, PEM_MAX, &there, NULL, NULL) && strcmp(there, authority->pem) == 0) ||
           file_write(path, authority->pem, strlen(authority->pem), 0644, error);
}

bool authority_open(const char *state_dir, Authority **ret_authority, GError **error)
{
    g_autoptr(Authority) authority = g_new0(Authority, 1);
    g_autofree char *path = g_build_filename(state_dir, AUTHORITY_FILE, NULL);
    bool there = g_file_test(path, G_FILE_TEST_EXISTS);
    if (!(there ? load_authority(authority, path, error)
                : make_authority(authority, path, error)) ||
        !publish(authority, state_dir, error))
        return false;
    *ret_authority = g_steal_pointer(&authority);
    return true;
}

/* ---- servers ---- */

static bool is_address(const char *name)
{
    struct in_addr address;
    return inet_pton(AF_INET, name, &address) == 1;
}

/* OpenSSL's text for names has commas and colons between its parts. */
static bool is_dns_name(const char *name)
{
    const char *rest = g_str_has_prefix(name, "*.") ? name + 2 : name;
    return *rest && strspn(rest, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "0123456789.-_") == strlen(rest);
}

/* "DNS:localhost,IP:127.0.0.1" */
static bool write_names(const List *names, GString *out, GError **error)
{
    LIST_EACH (const char *, name, names) {
        bool address = is_address(name);
        if (!address && !is_dns_name(name))
            return trouble_set(error, "no certificate can be made for the name \"%s\"", name);
        g_string_append_printf(out, "%s%s:%s", out->len ? "," : "", address ? "IP" : "DNS", name);
    }
    return out->len > 0 || trouble_set(error, "a certificate needs a name");
}

static X509 *make_server_certificate(const Authority *authority, EVP_PKEY *key, const char *names,
                                     unsigned days)
{
    const Extension extensions[] = {
        {NID_basic_constraints, "critical,CA:FALSE"},
        {NID_key_usage, "critical,digitalSignature"},
        {NID_ext_key_usage, "serverAuth"},
        {NID_subject_key_identifier, "hash"},
        {NID_authority_key_identifier, "keyid"},
        {NID_subject_alt_name, names},
    };
    g_autoptr(X509) certificate =
        draft(key, SERVER_NAME, X509_get_subject_name(authority->certificate), (long)days);
    if (!certificate ||
        !add_extensions(certificate, authority->certificate, extensions,
                        G_N_ELEMENTS(extensions)) ||
        X509_sign(certificate, authority->key, EVP_sha256()) <= 0)
        return NULL;
    return g_steal_pointer(&certificate);
}

bool authority_issue(const Authority *authority, Arena *arena, const List *names, unsigned days,
                     X509Pair *ret_pair, GError **error)
{
    g_autoptr(GString) text = g_string_new(NULL);
    if (!write_names(names, text, error))
        return false;
    g_autoptr(EVP_PKEY) key = EVP_EC_gen(KEY_CURVE);
    g_autoptr(X509) certificate =
        key ? make_server_certificate(authority, key, text->str, days) : NULL;
    const char *key_pem = certificate ? x509_key_pem(arena, key) : NULL;
    const char *pem = key_pem ? x509_certificate_pem(arena, certificate) : NULL;
    if (!pem)
        return set_openssl_trouble(error, "a certificate");
    *ret_pair = (X509Pair){.private_key_pem = key_pem, .certificate_pem = pem};
    return true;
}

/* A wildcard stands for one label, so a bucket whose name has a dot has no certificate, as at
 * AWS. */
void authority_add_endpoint_names(Arena *arena, List *names)
{
    static const char *const everywhere[] = {"amazonaws.com", "*.amazonaws.com",
                                             "*.s3.amazonaws.com"};
    static const char *const in_region[] = {
        "*.%s.amazonaws.com",    /* SERVICE.REGION */
        "*.s3.%s.amazonaws.com", /* BUCKET.s3.REGION */
        "*.s3-%s.amazonaws.com", /* the older form */
        "*.dualstack.%s.amazonaws.com", "*.s3.dualstack.%s.amazonaws.com",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(everywhere); i++)
        list_add(names, arena, everywhere[i]);
    static const char *const regions[] = {
#define REGION(name, status) name,
#include "cloud/regions.def"
#undef REGION
    };
    for (size_t r = 0; r < G_N_ELEMENTS(regions); r++) {
        for (size_t i = 0; i < G_N_ELEMENTS(in_region); i++) {
            g_auto(GStrv) parts = g_strsplit(in_region[i], "%s", 2);
            list_add(names, arena, arena_printf(arena, "%s%s%s", parts[0], regions[r], parts[1]));
        }
    }
}
