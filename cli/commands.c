/* The table of all commands. */
#include "cli/commands.h"
#include "cli/suggest.h"

#include <string.h>

const Command *const commands[] = {
    &status_command,  &env_command,     &credentials_command, &s3cfg_command, &account_command,
    &classic_command, &aws_command,     &dns_command,         &hosts_command, &ssh_command,
    &console_command, &image_command,   &fsck_command,        &clock_command, &reset_command,
    &stop_command,    &version_command, &help_command,        NULL,
};

const Command *command_find(const char *name)
{
    for (size_t i = 0; commands[i]; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

bool command_require(const char *name, const Command **ret_command, GError **error)
{
    const Command *command = command_find(name);
    if (command) {
        *ret_command = command;
        return true;
    }
    const char *names[G_N_ELEMENTS(commands)];
    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
        names[i] = commands[i] ? commands[i]->name : NULL;
    const char *like = suggest(name, names);
    if (like)
        return usage_set(error, "there is no command '%s'; did you mean '%s'?", name, like);
    return usage_set(error, "there is no command '%s'; 'cumulet help' lists them", name);
}
