/* `cumulet s3cfg`. */
#include "cli/client_files.h"
#include "cli/commands.h"

#include <stdio.h>

static bool s3cfg_run(Call *call, GError **error)
{
    Target target;
    const char *path;
    if (!call_parse(call, NULL, error) || !target_open(call, &target, error) ||
        !client_file_write(call->arena, &target, client_file_find("s3cfg"), &path, error))
        return false;
    puts(path);
    return true;
}

const Command s3cfg_command = {
    .name = "s3cfg",
    .arguments = "",
    .summary = "a configuration for s3cmd",
    .help = "Writes a configuration file that points s3cmd at this cloud, and prints its\n"
            "path:\n"
            "\n"
            "  s3cmd -c \"$(cumulet s3cfg)\" ls\n",
    .run = s3cfg_run,
};
