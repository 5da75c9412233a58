/* See the header. */
#include "cli/credentials_certificates.h"
#include "base/fault.h"
#include "cli/client.h"
#include "cli/command.h"

#include <stdio.h>
#include <string.h>

#define PATH "/_cumulet/certificates"

bool certificates_ask(Arena *arena, const Target *target, bool replace, json_t **ret_answer,
                      GError **error)
{
    g_autofree char *text = NULL;
    g_autoptr(GError) failure = NULL;
    json_t *answer = NULL;
    if (client_ask(arena, target, replace ? "POST" : "GET", PATH, NULL, &text, &failure)) {
        answer = json_loads(text, 0, NULL);
        if (!answer)
            return trouble_set(error, "the daemon's answer is not JSON: %.100s", text);
    } else if (replace || !g_error_matches(failure, TROUBLE_DOMAIN, NO_DAEMON)) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return false;
    }
    *ret_answer = answer;
    return true;
}

static void show_line(const char *label, const json_t *object, const char *member)
{
    const char *value = json_string_value(json_object_get(object, member));
    if (value)
        printf("%-17s  %s\n", label, value);
}

void certificates_show(const json_t *answer)
{
    const json_t *certificate;
    size_t i;
    json_array_foreach(json_object_get(answer, "certificates"), i, certificate)
    {
        const char *status = json_string_value(json_object_get(certificate, "status"));
        const char *id = json_string_value(json_object_get(certificate, "id"));
        printf("%-17s  %s%s\n", "certificate", id ? id : "",
               g_strcmp0(status, "Active") == 0 ? "" : " (inactive)");
        show_line("  private key", certificate, "private_key");
        show_line("  its file", certificate, "certificate");
    }
    show_line("EC2's certificate", answer, "ec2_certificate");
}
