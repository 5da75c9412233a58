/* `cumulet version`. */
#include "cli/commands.h"

#include <stdio.h>

static bool version_run(Call *call, GError **error)
{
    if (!call_parse(call, NULL, error))
        return false;
    puts("cumulet " CUMULET_VERSION);
    return true;
}

const Command version_command = {
    .name = "version",
    .arguments = "",
    .summary = "the version of this command",
    .help = "Shows the version of this command. 'cumulet status' shows the daemon's.\n",
    .run = version_run,
};
