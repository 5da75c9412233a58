/* `cumulet help`, and the texts behind every --help. */
#include "cli/help.h"
#include "cli/commands.h"

#include <stdio.h>

#define NAME_WIDTH 13
#define OPTION_WIDTH 22

static void show_option(const char *name, const char *argument, const char *text)
{
    g_autofree char *left =
        g_strdup_printf("--%s%s%s", name, argument ? " " : "", argument ? argument : "");
    printf("  %-*s%s\n", OPTION_WIDTH, left, text);
}

static void show_state_option(void)
{
    show_option("state", "DIR", "the cloud's state directory; see 'cumulet help'");
}

void help_show_all(void)
{
    fputs("Usage: cumulet [--state DIR] COMMAND [ARGUMENT…]\n"
          "\n"
          "Works with a Cumulet cloud: a small AWS on this computer whose instances are\n"
          "real virtual machines.\n"
          "\n"
          "Commands:\n",
          stdout);
    for (size_t i = 0; commands[i]; i++)
        printf("  %-*s%s\n", NAME_WIDTH, commands[i]->name, commands[i]->summary);
    fputs("\nOptions:\n", stdout);
    show_state_option();
    show_option("help", NULL, "this text; 'cumulet COMMAND --help' for one command");
    show_option("version", NULL, "the version");
    fputs("\n"
          "Which cloud: --state DIR, else the environment variable CUMULET_STATE, else\n"
          "/var/lib/cumulet for root and ${XDG_DATA_HOME:-~/.local/share}/cumulet for\n"
          "everybody else.\n"
          "\n"
          "Exit codes: 0 done; 1 failed; 2 wrong usage; 3 no daemon serves this cloud.\n"
          "'aws' and 'ssh' end with the exit code of the program they run.\n",
          stdout);
}

void help_show(const Command *command)
{
    printf("Usage: cumulet %s%s%s%s\n\n%s", command->name, command->options ? " [OPTION…]" : "",
           *command->arguments ? " " : "", command->arguments, command->help);
    fputs("\nOptions:\n", stdout);
    for (const GOptionEntry *option = command->options; option && option->long_name; option++)
        show_option(option->long_name, option->arg_description, option->description);
    if (command->passes_arguments && !command->options)
        puts("  --state and others of cumulet's own stand before the command's name.");
    else
        show_state_option();
}

static bool help_run(Call *call, GError **error)
{
    if (!call_parse(call, NULL, error))
        return false;
    if (call->argc == 0) {
        help_show_all();
        return true;
    }
    const Command *command;
    if (!command_require(call->argv[0], &command, error))
        return false;
    help_show(command);
    return true;
}

const Command help_command = {
    .name = "help",
    .arguments = "[COMMAND]",
    .summary = "the list of commands, or what one does",
    .help = "Shows the list of commands, or the help of one command.\n",
    .operands_max = 1,
    .run = help_run,
};
