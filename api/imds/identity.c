/* The instance identity document. Invariant: key and certificate are made once for a cloud, so a
 * verifier may keep the certificate. */
#include "api/imds/identity.h"

#include "base/clock.h"
#include "base/digest.h"
#include "base/fault.h"
#include "base/file.h"
#include "cloud/x509_files.h"
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/rsa.h>
#include <string.h>

#define COMMON_NAME "Cumulet instance identity"
#define PEM_MAX 65536

struct Identity {
    EVP_PKEY *key;
    X509 *certificate;
    char *pem;
    uint8_t secret[SHA256_SIZE];
};

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BIO, BIO_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PKCS7, PKCS7_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_MD_CTX, EVP_MD_CTX_free)

static char *bio_text(BIO *bio)
{
    char *data;
    long size = BIO_get_mem_data(bio, &data);
    return g_strndup(data, (size_t)size);
}

static bool make(const char *path, Identity *identity, GError **error)
{
    g_autoptr(BIO) bio = BIO_new(BIO_s_mem());
    identity->key = EVP_RSA_gen(X509_KEY_BITS);
    identity->certificate = identity->key ? x509_self_sign(identity->key, COMMON_NAME) : NULL;
    if (!identity->certificate ||
        !PEM_write_bio_PrivateKey(bio, identity->key, NULL, NULL, 0, NULL, NULL) ||
        !PEM_write_bio_X509(bio, identity->certificate))
        return trouble_set(error, "cannot make the key of identity documents");
    g_autofree char *text = bio_text(bio);
    return file_write(path, text, strlen(text), 0600, error);
}

static bool load(const char *path, Identity *identity, GError **error)
{
    g_autofree char *text = NULL;
    size_t size;
    if (!file_read(path, PEM_MAX, &text, &size, error))
        return false;
    g_autoptr(BIO) bio = BIO_new_mem_buf(text, (int)size);
    identity->key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    identity->certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    return (identity->key && identity->certificate) ||
           trouble_set(error,
                       "%s does not hold a key and a certificate; remove it to have it made "
                       "anew",
                       path);
}

static bool derive(Identity *identity, GError **error)
{
    g_autoptr(BIO) certificate = BIO_new(BIO_s_mem());
    g_autoptr(BIO) key = BIO_new(BIO_s_mem());
    if (!PEM_write_bio_X509(certificate, identity->certificate) ||
        !i2d_PrivateKey_bio(key, identity->key))
        return trouble_set(error, "cannot encode the key of identity documents");
    identity->pem = bio_text(certificate);
    char *data;
    long size = BIO_get_mem_data(key, &data);
    static const char purpose[] = "metadata tokens";
    digest_hmac(DIGEST_SHA256, data, (size_t)size, purpose, strlen(purpose), identity->secret);
    return true;
}

bool identity_open(const char *directory, Identity **ret_identity, GError **error)
{
    g_autofree char *path = g_build_filename(directory, "identity.pem", NULL);
    Identity *identity = g_new0(Identity, 1);
    bool there = g_file_test(path, G_FILE_TEST_EXISTS);
    if (!(there ? load(path, identity, error) : make(path, identity, error)) ||
        !derive(identity, error)) {
        identity_close(identity);
        return false;
    }
    *ret_identity = identity;
    return true;
}

void identity_close(Identity *identity)
{
    if (!identity)
        return;
    EVP_PKEY_free(identity->key);
    X509_free(identity->certificate);
    g_free(identity->pem);
    g_free(identity);
}

const uint8_t *identity_secret(const Identity *identity)
{
    return identity->secret;
}

const char *identity_certificate(const Identity *identity)
{
    return identity->pem;
}

const char *identity_document(Arena *arena, const Metadata *metadata)
{
    const Instance *instance = metadata->view->instance;
    char launch[CLOCK_TEXT_SIZE];
    /* The document has whole seconds: "2010-11-22T09:30:05Z". */
    const char *pending =
        arena_printf(arena, "%.19sZ", clock_format(instance->launch_time, launch));
    const struct {
        const char *name, *value;
    } rows[] = {
        {"accountId", instance->account_id},
        {"architecture", instance->architecture},
        {"availabilityZone", instance->zone},
        {"imageId", instance->image_id},
        {"instanceId", instance->id},
        {"instanceType", instance->type},
        {"kernelId", instance->kernel_id},
        {"pendingTime", pending},
        {"privateIp", instance->private_ip},
        {"ramdiskId", instance->ramdisk_id},
        {"region", metadata->zone ? metadata->zone->region : NULL},
        {"version", "2017-09-30"},
    };
    g_autoptr(GString) text = g_string_new("{\n");
    /* No value here can hold a character that JSON escapes. */
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (rows[i].value)
            g_string_append_printf(text, "  \"%s\" : \"%s\",\n", rows[i].name, rows[i].value);
        else
            g_string_append_printf(text, "  \"%s\" : null,\n", rows[i].name);
    }
    g_string_append(text, "  \"devpayProductCodes\" : null,\n"
                          "  \"marketplaceProductCodes\" : null,\n"
                          "  \"billingProducts\" : null\n}");
    return arena_strdup(arena, text->str);
}

/* AWS breaks the lines of these at 64 characters. */
static const char *base64_lines(Arena *arena, const uint8_t *data, size_t size)
{
    g_autofree char *text = g_base64_encode(data, size);
    g_autoptr(GString) lines = g_string_new(NULL);
    for (size_t i = 0, n = strlen(text); i < n; i += 64) {
        if (i)
            g_string_append_c(lines, '\n');
        g_string_append_len(lines, text + i, (gssize)MIN(n - i, 64));
    }
    return arena_strdup(arena, lines->str);
}

bool identity_sign(const Identity *identity, Arena *arena, const char *document,
                   const char **ret_text, GError **error)
{
    g_autoptr(EVP_MD_CTX) context = EVP_MD_CTX_new();
    uint8_t signature[X509_KEY_BITS / 8];
    size_t size = sizeof(signature);
    if (EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, identity->key) != 1 ||
        EVP_DigestSign(context, signature, &size, (const unsigned char *)document,
                       strlen(document)) != 1)
        return trouble_set(error, "cannot sign an identity document");
    *ret_text = base64_lines(arena, signature, size);
    return true;
}

bool identity_pkcs7(const Identity *identity, Arena *arena, const char *document,
                    const char **ret_text, GError **error)
{
    g_autoptr(BIO) input = BIO_new_mem_buf(document, -1);
    g_autoptr(BIO) output = BIO_new(BIO_s_mem());
    g_autoptr(PKCS7) signature =
        PKCS7_sign(identity->certificate, identity->key, NULL, input, PKCS7_BINARY | PKCS7_NOCERTS);
    if (!signature || !i2d_PKCS7_bio(output, signature))
        return trouble_set(error, "cannot sign an identity document");
    char *data;
    long size = BIO_get_mem_data(output, &data);
    *ret_text = base64_lines(arena, (const uint8_t *)data, (size_t)size);
    return true;
}
