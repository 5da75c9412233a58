/* Options and operands of one use of a command, and becoming another program. */
#include "cli/command.h"
#include "base/fault.h"

#include <stdio.h>
#include <string.h>

static bool parse(Call *call, GOptionEntry *entries, GError **error)
{
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_option_context_set_help_enabled(context, FALSE);
    g_option_context_add_main_entries(context, entries, NULL);

    /* GLib wants a program's name in front. */
    g_autofree char **argv = g_new0(char *, (size_t)call->argc + 2);
    int argc = call->argc + 1;
    argv[0] = (char *)call->command->name;
    memcpy(argv + 1, call->argv, (size_t)call->argc * sizeof(char *));
    if (!g_option_context_parse(context, &argc, &argv, error))
        return false;

    /* It leaves a "--" that is followed by something with a hyphen. */
    int first = argc > 1 && strcmp(argv[1], "--") == 0 ? 2 : 1;
    call->argc = argc - first;
    call->argv = arena_memdup(call->arena, argv + first, (size_t)(call->argc + 1) * sizeof(char *));
    return true;
}

bool call_parse(Call *call, void *const targets[], GError **error)
{
    const GOptionEntry *options = call->command->options;
    size_t n = 0;
    while (options && options[n].long_name)
        n++;
    g_autofree char *state = NULL;
    g_autofree GOptionEntry *entries = g_new0(GOptionEntry, n + 2);
    for (size_t i = 0; i < n; i++) {
        entries[i] = options[i];
        entries[i].arg_data = targets[i];
    }
    entries[n] = (GOptionEntry){.long_name = "state",
                                .arg = G_OPTION_ARG_FILENAME,
                                .arg_data = &state,
                                .arg_description = "DIR"};
    if (!parse(call, entries, error))
        return false;

    if (state)
        call->state_option = arena_strdup(call->arena, state);
    for (size_t i = 0; i < n; i++) {
        if (entries[i].arg != G_OPTION_ARG_STRING && entries[i].arg != G_OPTION_ARG_FILENAME)
            continue;
        char **text = targets[i];
        char *owned = *text;
        *text = arena_strdup(call->arena, owned);
        g_free(owned);
    }
    if ((unsigned)call->argc < call->command->operands_min)
        return usage_set(error, "%s needs an argument: cumulet %s %s", call->command->name,
                         call->command->name, call->command->arguments);
    if ((unsigned)call->argc > call->command->operands_max)
        return usage_set(error, "%s does not take the argument '%s'", call->command->name,
                         call->argv[call->command->operands_max]);
    return true;
}

bool usage_set(GError **error, const char *format, ...)
{
    if (!error)
        return false;
    va_list args;
    va_start(args, format);
    g_propagate_error(error,
                      g_error_new_valist(G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, format, args));
    va_end(args);
    return false;
}

bool become(const char *const argv[], GError **error)
{
    fflush(NULL);
    execvp(argv[0], (char *const *)argv);
    return trouble_set_errno(error, errno, "cannot run %s", argv[0]);
}
