/* cumulet: the command line. Finds the command, runs it, and turns its error into a line and an
 * exit status. */
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/help.h"
#include "base/fault.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct GlobalOptions {
    gboolean help;
    gboolean version;
    char *state;
} GlobalOptions;

static bool wants_help(const Call *call)
{
    for (int i = 0; i < call->argc && strcmp(call->argv[i], "--") != 0; i++) {
        if (strcmp(call->argv[i], "--help") == 0 || strcmp(call->argv[i], "-h") == 0)
            return true;
        if (call->command->passes_arguments)
            return false;
    }
    return false;
}

/* Options before the command's name; what is left in argv begins with that name. */
static bool parse_global(int *argc, char ***argv, GlobalOptions *options, GError **error)
{
    const GOptionEntry entries[] = {
        {"help", 'h', 0, G_OPTION_ARG_NONE, &options->help, NULL, NULL},
        {"version", 'V', 0, G_OPTION_ARG_NONE, &options->version, NULL, NULL},
        {"state", 0, 0, G_OPTION_ARG_FILENAME, &options->state, NULL, NULL},
        {NULL},
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_option_context_set_help_enabled(context, FALSE);
    g_option_context_set_strict_posix(context, TRUE);
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, argc, argv, error))
        return false;
    *argc -= 1;
    *argv += 1;
    return true;
}

static bool run(Arena *arena, int argc, char **argv, const Command **ret_command, GError **error)
{
    GlobalOptions global = {0};
    if (!parse_global(&argc, &argv, &global, error))
        return false;
    g_autofree char *state = global.state;
    if (global.help) {
        help_show_all();
        return true;
    }
    Call call = {.arena = arena, .state_option = arena_strdup(arena, state), .argv = argv};
    if (global.version) {
        call.command = &version_command;
        return version_command.run(&call, error);
    }
    if (argc == 0)
        return usage_set(error, "which command? 'cumulet help' lists them");
    if (!command_require(argv[0], &call.command, error))
        return false;
    *ret_command = call.command;
    call.argc = argc - 1;
    call.argv = argv + 1;
    if (wants_help(&call)) {
        help_show(call.command);
        return true;
    }
    return call.command->run(&call, error);
}

static int report(const GError *error, const Command *command)
{
    fprintf(stderr, "cumulet: %s\n", error->message);
    if (error->domain == G_OPTION_ERROR) {
        if (command)
            fprintf(stderr, "cumulet: 'cumulet help %s' says more\n", command->name);
        return 2;
    }
    return g_error_matches(error, TROUBLE_DOMAIN, NO_DAEMON) ? 3 : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(GError) error = NULL;
    const Command *command = NULL;
    if (!run(arena, argc, argv, &command, &error))
        return report(error, command);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "cumulet: cannot write the answer: %s\n", g_strerror(errno));
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
