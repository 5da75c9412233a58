/* Signed requests to the daemon by libcurl, which signs them itself (SigV4, service "cumulet").
 *
 * Invariant: nothing is sent anywhere but to the cloud's own endpoint: proxies are ignored and
 * redirects are not followed. */
#include "cli/client.h"
#include "base/fault.h"
#include "cli/text.h"

#include <curl/curl.h>
#include <jansson.h>
#include <string.h>

#define ANSWER_MAX ((size_t)256 * 1024 * 1024)
#define CONNECT_TIMEOUT_MS 5000L
#define ANSWER_TIMEOUT_MS 120000L
#define REFUSAL_MAX 1000

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CURL, curl_easy_cleanup)

static size_t collect(char *data, size_t size, size_t n, void *to)
{
    GString *body = to;
    if (n > ANSWER_MAX - body->len)
        return 0;
    g_string_append_len(body, data, (gssize)(size * n));
    return size * n;
}

static CURL *new_request(const char *url)
{
    CURL *curl = curl_easy_init();
    g_assert(curl);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, ANSWER_TIMEOUT_MS);
    return curl;
}

static bool set_transport_error(Arena *arena, const Target *target, CURLcode code, GError **error)
{
    if (code == CURLE_COULDNT_CONNECT)
        return target_set_no_daemon(arena, target, error);
    return trouble_set(error, "no answer from %s: %s; the daemon's log is %s/log/cumuletd.log",
                       target->endpoint, curl_easy_strerror(code), target->state_dir);
}

void client_read_refusal(Arena *arena, const char *body, Refusal *ret_refusal)
{
    json_t *document = json_loads(body, 0, NULL);
    const char *code = json_string_value(json_object_get(document, "Code"));
    const char *message = json_string_value(json_object_get(document, "Message"));
    g_autofree char *text = g_strndup(message ? message : body, REFUSAL_MAX);
    g_strstrip(text);
    *ret_refusal = (Refusal){
        .code = arena_strdup(arena, code ? code : ""),
        .text = text_printable(arena, text),
    };
    json_decref(document);
}

static bool set_refusal(Arena *arena, const Target *target, long status, const char *body,
                        GError **error)
{
    static const char *const wrong_key[] = {"AuthFailure", "SignatureDoesNotMatch",
                                            "InvalidClientTokenId", NULL};
    Refusal refusal;
    client_read_refusal(arena, body, &refusal);
    if (g_strv_contains(wrong_key, refusal.code))
        return trouble_set(error,
                           "the daemon at %s does not accept the key of %s (%s); does another "
                           "cloud serve that port?",
                           target->endpoint, target->credentials, refusal.text);
    return trouble_set(error, "the daemon refused (HTTP %ld)%s%s", status,
                       *refusal.text ? ": " : "", refusal.text);
}

bool client_ask(Arena *arena, const Target *target, const char *method, const char *path,
                const char *json, char **ret_body, GError **error)
{
    size_t base = strlen(target->endpoint);
    while (base > 0 && target->endpoint[base - 1] == '/')
        base--;
    g_autoptr(CURL) curl =
        new_request(arena_printf(arena, "%.*s%s", (int)base, target->endpoint, path));
    g_autofree char *scope = g_strdup_printf("aws:amz:%s:cumulet", target->region);
    g_autoptr(GString) body = g_string_new(NULL);
    curl_easy_setopt(curl, CURLOPT_USERNAME, target->access_key_id);
    curl_easy_setopt(curl, CURLOPT_PASSWORD, target->secret_access_key);
    curl_easy_setopt(curl, CURLOPT_AWS_SIGV4, scope);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "cumulet/" CUMULET_VERSION);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
    struct curl_slist *headers =
        json ? curl_slist_append(NULL, "Content-Type: application/json") : NULL;
    if (strcmp(method, "POST") == 0) {
        json = json ? json : "";
        curl_easy_setopt(curl, CURLOPT_POST, 1L);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)strlen(json));
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, json);
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    }

    CURLcode code = curl_easy_perform(curl);
    curl_slist_free_all(headers);
    if (code != CURLE_OK)
        return set_transport_error(arena, target, code, error);
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200)
        return set_refusal(arena, target, status, body->str, error);
    *ret_body = g_string_free(g_steal_pointer(&body), FALSE);
    return true;
}

bool client_probe(Arena *arena, const Target *target, GError **error)
{
    if (!target->ready)
        return target_set_no_daemon(arena, target, error);
    g_autoptr(CURL) curl = new_request(target->endpoint);
    curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
    CURLcode code = curl_easy_perform(curl);
    return code == CURLE_OK || set_transport_error(arena, target, code, error);
}
