/* Requests by libcurl, whose signing serves all of them. */
#include "cli/request.h"
#include "base/fault.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>

#define ANSWER_MAX ((size_t)256 * 1024 * 1024)
#define CONNECT_TIMEOUT_MS 5000L
#define ANSWER_TIMEOUT_MS 120000L

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CURL, curl_easy_cleanup)

typedef struct curl_slist Headers;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Headers, curl_slist_free_all)

void answer_clear(Answer *answer)
{
    g_free(answer->headers);
    g_free(answer->body);
    *answer = (Answer){0};
}

static size_t collect(char *data, size_t size, size_t n, void *to)
{
    GString *text = to;
    if (n > ANSWER_MAX - text->len)
        return 0;
    g_string_append_len(text, data, (gssize)(size * n));
    return size * n;
}

static CURL *new_handle(const char *url)
{
    CURL *curl = curl_easy_init();
    g_assert(curl);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, ANSWER_TIMEOUT_MS);
    return curl;
}

static bool set_error(CURLcode code, GError **error)
{
    if (code == CURLE_COULDNT_CONNECT)
        g_set_error_literal(error, TROUBLE_DOMAIN, ECONNREFUSED, curl_easy_strerror(code));
    else
        trouble_set(error, "%s", curl_easy_strerror(code));
    return false;
}

static void sign(CURL *curl, const Request *request)
{
    if (!request->access_key_id)
        return;
    curl_easy_setopt(curl, CURLOPT_USERNAME, request->access_key_id);
    curl_easy_setopt(curl, CURLOPT_PASSWORD, request->secret_access_key);
    curl_easy_setopt(curl, CURLOPT_AWS_SIGV4, request->scope);
}

static void set_body(CURL *curl, const Request *request)
{
    if (!request->post)
        return;
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)strlen(request->post));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->post);
}

static Headers *headers_of(Arena *arena, const Request *request)
{
    Headers *headers = NULL;
    if (request->post && request->content_type)
        headers = curl_slist_append(headers,
                                    arena_printf(arena, "Content-Type: %s", request->content_type));
    if (request->security_token)
        headers = curl_slist_append(
            headers, arena_printf(arena, "X-Amz-Security-Token: %s", request->security_token));
    return headers;
}

static void set_timeouts(CURL *curl, const Request *request)
{
    if (request->connect_timeout_ms > 0)
        curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, request->connect_timeout_ms);
    if (request->answer_timeout_ms > 0)
        curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, request->answer_timeout_ms);
}

bool request_send(Arena *arena, const Request *request, Answer *ret_answer, GError **error)
{
    g_autoptr(CURL) curl = new_handle(request->url);
    g_autoptr(Headers) headers = headers_of(arena, request);
    g_autoptr(GString) heads = g_string_new(NULL);
    g_autoptr(GString) body = g_string_new(NULL);
    sign(curl, request);
    set_body(curl, request);
    set_timeouts(curl, request);
    if (request->authority)
        curl_easy_setopt(curl, CURLOPT_CAINFO, request->authority);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "cumulet/" CUMULET_VERSION);
    curl_easy_setopt(curl, CURLOPT_VERBOSE, request->trace ? 1L : 0L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, collect);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, heads);

    CURLcode code = curl_easy_perform(curl);
    if (code != CURLE_OK)
        return set_error(code, error);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &ret_answer->status);
    ret_answer->headers = g_string_free(g_steal_pointer(&heads), FALSE);
    ret_answer->body = g_string_free(g_steal_pointer(&body), FALSE);
    return true;
}

bool request_probe(const char *url, GError **error)
{
    g_autoptr(CURL) curl = new_handle(url);
    curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
    CURLcode code = curl_easy_perform(curl);
    return code == CURLE_OK || set_error(code, error);
}
