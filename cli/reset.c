/* `cumulet reset`. */
#include "cli/client.h"
#include "cli/commands.h"

#include <stdio.h>

static bool reset_run(Call *call, GError **error)
{
    Target target;
    if (!call_parse(call, NULL, error) || !target_open(call, &target, error))
        return false;
    int64_t start = g_get_monotonic_time();
    g_autofree char *answer = NULL;
    if (!client_ask(call->arena, &target, "POST", "/_cumulet/reset", NULL, &answer, error))
        return false;
    printf("the cloud in %s is as after its first start (%lld ms)\n", target.state_dir,
           (long long)(g_get_monotonic_time() - start) / 1000);
    return true;
}

const Command reset_command = {
    .name = "reset",
    .arguments = "",
    .summary = "back to the state of a fresh start, machines included",
    .help = "Returns the cloud to the state of a fresh start: instances are ended, keys,\n"
            "groups and all else are gone; the starter images stay. Meant for integration\n"
            "tests, between cases. There is no way back, so the daemon does it only when it\n"
            "was started with --allow-reset.\n",
    .run = reset_run,
};
