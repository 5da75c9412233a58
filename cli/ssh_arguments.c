/* Taking `cumulet ssh`'s arguments apart, and putting ssh's together.
 *
 * Host keys: known_hosts in the state directory, under the instance's id. Addresses are used again
 * by other instances; ids never are. */
#include "cli/ssh_arguments.h"

#include <string.h>

/* ssh(1)'s options that take a value (OpenSSH 9.2). */
#define WITH_VALUE "BDEFIJLOPQRSWbceilmopw"

static void note_option(SshArguments *parsed, char letter, const char *value)
{
    if (letter == 'p')
        parsed->port = value;
    else if (letter == 'i')
        parsed->has_identity = true;
}

/* A word of short options, "-4v" or "-p22" or "-p" "22". Returns how many words it took. */
static int take_short_options(Arena *arena, char **words, SshArguments *parsed)
{
    list_add(&parsed->options, arena, words[0]);
    for (const char *letter = words[0] + 1; *letter; letter++) {
        if (!strchr(WITH_VALUE, *letter))
            continue;
        if (letter[1]) {
            note_option(parsed, *letter, letter + 1);
            return 1;
        }
        if (!words[1])
            return 1; /* ssh will complain */
        note_option(parsed, *letter, words[1]);
        list_add(&parsed->options, arena, words[1]);
        return 2;
    }
    return 1;
}

/* One of ours, "--wait=5" or "--wait" "5". Returns how many words it took. */
static int take_own_option(Arena *arena, char **words, SshArguments *parsed)
{
    list_add(&parsed->own, arena, words[0]);
    if (strchr(words[0], '=') || !words[1])
        return 1;
    list_add(&parsed->own, arena, words[1]);
    return 2;
}

static bool set_host(Arena *arena, const char *word, SshArguments *parsed, GError **error)
{
    const char *at = strrchr(word, '@');
    const char *id = at ? at + 1 : word;
    if (!instance_check_id(id, error))
        return false;
    parsed->user = at ? arena_strndup(arena, word, (size_t)(at - word)) : NULL;
    parsed->instance = id;
    return true;
}

bool ssh_arguments_parse(Arena *arena, int argc, char **argv, SshArguments *ret_arguments,
                         GError **error)
{
    SshArguments parsed = {0};
    int i = 0;
    bool options = true; /* until "--" */
    while (i < argc) {
        if (options && strcmp(argv[i], "--") == 0) {
            options = false;
            i++;
        } else if (options && !parsed.instance && g_str_has_prefix(argv[i], "--")) {
            i += take_own_option(arena, argv + i, &parsed);
        } else if (options && argv[i][0] == '-' && argv[i][1]) {
            i += take_short_options(arena, argv + i, &parsed);
        } else if (!parsed.instance) {
            if (!set_host(arena, argv[i++], &parsed, error))
                return false;
        } else {
            break;
        }
    }
    if (!parsed.instance)
        return usage_set(error, "ssh needs an instance id; 'cumulet status' lists yours");
    for (; i < argc; i++)
        list_add(&parsed.command, arena, argv[i]);
    *ret_arguments = parsed;
    return true;
}

/* A path as ssh's configuration reads it: quoted, and without % and ${ being expanded where that
 * can be said. */
static const char *quote_path(Arena *arena, const char *path)
{
    g_autoptr(GString) quoted = g_string_new("\"");
    for (const char *c = path; *c; c++) {
        if (*c == '"' || *c == '\\')
            g_string_append_c(quoted, '\\');
        else if (*c == '%')
            g_string_append_c(quoted, '%');
        g_string_append_c(quoted, *c);
    }
    g_string_append_c(quoted, '"');
    return arena_strdup(arena, quoted->str);
}

const char *const *ssh_command_line(Arena *arena, const SshArguments *arguments,
                                    const Instance *instance, const char *state_dir,
                                    const char *identity)
{
    List words = {0};
    list_add(&words, arena, "ssh");
    LIST_EACH (const char *, option, &arguments->options)
        list_add(&words, arena, option);

    const char *known_hosts = quote_path(arena, arena_printf(arena, "%s/known_hosts", state_dir));
    const char *const ours[] = {
        arena_printf(arena, "User=%s", arguments->user ? arguments->user : "root"),
        arena_printf(arena, "HostKeyAlias=%s", instance->id),
        arena_printf(arena, "UserKnownHostsFile=%s", known_hosts),
        "StrictHostKeyChecking=accept-new",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(ours); i++) {
        list_add(&words, arena, "-o");
        list_add(&words, arena, ours[i]);
    }
    if (identity) {
        list_add(&words, arena, "-i");
        list_add(&words, arena, identity);
    }
    /* After this ssh takes no more options, so the command's words stay its own. */
    list_add(&words, arena, "--");
    list_add(&words, arena, instance->public_ip);
    LIST_EACH (const char *, word, &arguments->command)
        list_add(&words, arena, word);
    list_add(&words, arena, NULL);
    return (const char *const *)words.items;
}
