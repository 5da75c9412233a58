/* `cumulet clock`. */
#include "base/fault.h"
#include "cli/client.h"
#include "cli/clock_text.h"
#include "cli/commands.h"

#include <stdio.h>
#include <stdlib.h>

static bool clock_run(Call *call, GError **error)
{
    double speed = 0;
    gboolean json = FALSE;
    Target target;
    if (!call_parse(call, (void *const[]){&speed, &json}, error))
        return false;
    if (speed < 0)
        return usage_set(error, "--speed takes a factor, 1 or more");
    if (!target_open(call, &target, error))
        return false;
    char number[G_ASCII_DTOSTR_BUF_SIZE];
    const char *body = speed > 0 ? arena_printf(call->arena, "{\"speed\": %s}",
                                                g_ascii_dtostr(number, sizeof(number), speed))
                                 : NULL;
    g_autofree char *text = NULL;
    if (!client_ask(call->arena, &target, body ? "POST" : "GET", "/_cumulet/clock", body, &text,
                    error))
        return false;
    if (json) {
        fputs(text, stdout);
        return true;
    }
    json_t *clock = json_loads(text, 0, NULL);
    printf("%s\n", clock_text(call->arena, clock));
    json_decref(clock);
    return true;
}

static const GOptionEntry options[] = {
    {"speed", 0, 0, G_OPTION_ARG_DOUBLE, NULL, "so many times as fast from now on", "FACTOR"},
    {"json", 0, 0, G_OPTION_ARG_NONE, NULL, "what the daemon says, for programs", NULL},
    {NULL},
};

const Command clock_command = {
    .name = "clock",
    .arguments = "",
    .summary = "how fast time passes for metrics, alarms and scaling",
    .help = "Shows how fast time passes for metrics, alarms and scaling groups, or changes\n"
            "it: with --speed 60 their periods, breach durations, cooldowns, grace periods\n"
            "and schedules pass 60 times as fast, while machines run as they do. Meant for\n"
            "integration tests. --speed 1 is the usual. The speed outlives the daemon.\n",
    .options = options,
    .run = clock_run,
};
