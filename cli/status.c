/* `cumulet status`. */
#include "cli/status.h"
#include "base/fault.h"
#include "cli/client.h"
#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

#define STATUS_ROUTE "/_cumulet/status"

bool status_parse(const char *text, json_t **ret_status, GError **error)
{
    json_error_t json_error;
    json_t *status = json_loads(text, 0, &json_error);
    if (!json_is_object(status)) {
        json_decref(status);
        return trouble_set(error, "the daemon's answer is no status (%s); is it another program?",
                           status ? "not an object" : json_error.text);
    }
    *ret_status = status;
    return true;
}

bool status_fetch_text(Arena *arena, const Target *target, char **ret_text, GError **error)
{
    return client_ask(arena, target, "GET", STATUS_ROUTE, NULL, ret_text, error);
}

bool status_fetch(Arena *arena, const Target *target, json_t **ret_status, GError **error)
{
    g_autofree char *text = NULL;
    return status_fetch_text(arena, target, &text, error) && status_parse(text, ret_status, error);
}

static bool status_run(Call *call, GError **error)
{
    gboolean json = FALSE;
    Target target;
    g_autofree char *text = NULL;
    if (!call_parse(call, (void *const[]){&json}, error) || !target_open(call, &target, error) ||
        !status_fetch_text(call->arena, &target, &text, error))
        return false;
    if (json) {
        puts(g_strchomp(text));
        return true;
    }
    json_t *status;
    if (!status_parse(text, &status, error))
        return false;
    g_autoptr(GString) out = g_string_new(NULL);
    status_show(call->arena, status, out);
    json_decref(status);
    fputs(out->str, stdout);
    return true;
}

static const GOptionEntry options[] = {
    {"json", 0, 0, G_OPTION_ARG_NONE, NULL, "what the daemon says, for programs", NULL},
    {NULL},
};

const Command status_command = {
    .name = "status",
    .arguments = "",
    .summary = "the daemon, its backend, instances, addresses and images",
    .help = "Shows what runs: the daemon and its endpoint, what machines run on (kvm, or tcg,\n"
            "which is slower, and why), the network, public addresses, instances, images,\n"
            "load balancers, and problems that somebody should see to.\n"
            "\n"
            "Ends with 3 and says how to start a daemon when none runs.\n",
    .options = options,
    .run = status_run,
};
