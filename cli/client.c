/* Signed requests to the daemon by libcurl, which signs them itself (SigV4, service "cumulet").
 *
 * Invariant: nothing is sent anywhere but to the cloud's own endpoint: proxies are ignored and
 * redirects are not followed. */
#include "cli/client.h"
#include "base/fault.h"
#include "cli/request.h"
#include "cli/text.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#define REFUSAL_MAX 1000

static bool set_transport_error(Arena *arena, const Target *target, const GError *why,
                                GError **error)
{
    if (g_error_matches(why, TROUBLE_DOMAIN, ECONNREFUSED))
        return target_set_no_daemon(arena, target, error);
    return trouble_set(error, "no answer from %s: %s; the daemon's log is %s", target->endpoint,
                       why->message, target_log(arena, target->state_dir));
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
    const Request request = {
        .url = arena_printf(arena, "%.*s%s", (int)base, target->endpoint, path),
        .post = strcmp(method, "POST") != 0 ? NULL
                : json                      ? json
                                            : "",
        .content_type = json ? "application/json" : NULL,
        .access_key_id = target->access_key_id,
        .secret_access_key = target->secret_access_key,
        .scope = arena_printf(arena, "aws:amz:%s:cumulet", target->region),
    };
    g_auto(Answer) answer = {0};
    g_autoptr(GError) why = NULL;
    if (!request_send(arena, &request, &answer, &why))
        return set_transport_error(arena, target, why, error);
    if (answer.status != 200)
        return set_refusal(arena, target, answer.status, answer.body, error);
    *ret_body = g_steal_pointer(&answer.body);
    return true;
}

bool client_probe(Arena *arena, const Target *target, GError **error)
{
    if (!target->ready)
        return target_set_no_daemon(arena, target, error);
    g_autoptr(GError) why = NULL;
    return request_probe(target->endpoint, &why) || set_transport_error(arena, target, why, error);
}
