/* The access key of an X.509 certificate's user, by a signed question to the daemon: see
 * cloud/certificate_login.h for what is signed. */
#include "cli/classic/who.h"

#include "base/digest.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/login_text.h"
#include "cli/client.h"
#include "cli/request.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#define PEM_FILE_MAX ((size_t)64 * 1024)
#define PATH "/_cumulet/access-key"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_PKEY, EVP_PKEY_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_MD_CTX, EVP_MD_CTX_free)

/* A key with a password is not asked about: there is nobody to type it. */
static int no_password(char *buffer, int size, int writing, void *data)
{
    return -1;
}

static bool read_key(const char *path, EVP_PKEY **ret_key, GError **error)
{
    g_autofree char *text = NULL;
    size_t size;
    if (!file_read(path, PEM_FILE_MAX, &text, &size, error))
        return false;
    BIO *bio = BIO_new_mem_buf(text, (int)size);
    *ret_key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
    BIO_free(bio);
    return *ret_key ||
           trouble_set(error, "The content of the file: %s, is not a valid private key", path);
}

static bool sign(EVP_PKEY *key, const char *text, char **ret_base64, GError **error)
{
    g_autoptr(EVP_MD_CTX) context = EVP_MD_CTX_new();
    size_t size = (size_t)EVP_PKEY_get_size(key);
    g_autofree unsigned char *signature = g_malloc(size);
    if (!EVP_PKEY_is_a(key, "RSA") ||
        EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) != 1 ||
        EVP_DigestSign(context, signature, &size, (const unsigned char *)text, strlen(text)) != 1)
        return trouble_set(error, "the private key cannot sign: it is no RSA key");
    *ret_base64 = g_base64_encode(signature, size);
    return true;
}

static bool make_question(Arena *arena, const char *key_file, const char *certificate_file,
                          char **ret_json, GError **error)
{
    g_autoptr(EVP_PKEY) key = NULL;
    g_autofree char *certificate = NULL;
    if (!read_key(key_file, &key, error) ||
        !file_read(certificate_file, PEM_FILE_MAX, &certificate, NULL, error))
        return false;
    uint8_t random[16];
    char nonce[2 * sizeof(random) + 1];
    random_bytes(random, sizeof(random));
    hex_encode(random, sizeof(random), nonce);
    int64_t now = g_get_real_time() / G_USEC_PER_SEC;
    g_autofree char *signature = NULL;
    if (!sign(key, login_text(arena, certificate, now, nonce), &signature, error))
        return false;
    json_t *json = json_pack("{s:s, s:I, s:s, s:s}", "certificate", certificate, "time",
                             (json_int_t)now, "nonce", nonce, "signature", signature);
    *ret_json = json ? json_dumps(json, 0) : NULL;
    json_decref(json);
    return *ret_json || trouble_set(error, "%s is no text", certificate_file);
}

static bool read_answer(Arena *arena, const Answer *answer, Who *who, GError **error)
{
    if (answer->status != 200) {
        Refusal refusal;
        client_read_refusal(arena, answer->body, &refusal);
        return trouble_set(error, "the certificate is refused%s%s: %s", *refusal.code ? ": " : "",
                           refusal.code, refusal.text);
    }
    json_t *json = json_loads(answer->body, 0, NULL);
    who->access_key =
        arena_strdup(arena, json_string_value(json_object_get(json, "access_key_id")));
    who->secret_key =
        arena_strdup(arena, json_string_value(json_object_get(json, "secret_access_key")));
    json_decref(json);
    return (who->access_key && who->secret_key) ||
           trouble_set(error, "%s does not know access keys by certificates", who->url);
}

/* "http://host:port" of an address that may have a path. */
static const char *origin(Arena *arena, const char *url)
{
    const char *host = strstr(url, "://") + 3;
    return arena_printf(arena, "%.*s", (int)(host - url + (ptrdiff_t)strcspn(host, "/?")), url);
}

bool who_by_certificate(Arena *arena, const char *private_key_file, const char *certificate_file,
                        Who *who, GError **error)
{
    char *json = NULL;
    if (!make_question(arena, private_key_file, certificate_file, &json, error))
        return false;
    const Request request = {
        .url = arena_printf(arena, "%s" PATH, origin(arena, who->url)),
        .post = arena_strdup(arena, json),
        .content_type = "application/json",
        .authority = who->authority,
    };
    free(json);
    g_auto(Answer) answer = {0};
    g_autoptr(GError) why = NULL;
    if (!request_send(arena, &request, &answer, &why))
        return trouble_set(error, "no answer from %s: %s", who->url, why->message);
    return read_answer(arena, &answer, who, error);
}
