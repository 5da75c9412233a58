/* Which cloud, and what its daemon wrote down: STATE/credentials (in the form of AWS's credentials
 * file) and STATE/run/ready (the endpoint, there while the daemon serves). */
#include "cli/target.h"
#include "base/fault.h"
#include "base/file.h"
#include "cli/process_check.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CREDENTIALS_MAX ((size_t)64 * 1024)
#define READY_MAX ((size_t)4096)
#define ROOT_STATE "/var/lib/cumulet"
#define SECTION "default"

const char *target_choose_state(Arena *arena, const char *option, const char *variable, bool root,
                                const char *user_data_dir)
{
    const char *given = option && *option ? option : variable && *variable ? variable : NULL;
    g_autofree char *path = NULL;
    if (given)
        path = g_canonicalize_filename(given, NULL);
    else if (root)
        path = g_strdup(ROOT_STATE);
    else
        path = g_build_filename(user_data_dir, "cumulet", NULL);
    return arena_strdup(arena, path);
}

const char *target_state(const Call *call)
{
    return target_choose_state(call->arena, call->state_option, g_getenv("CUMULET_STATE"),
                               geteuid() == 0, g_get_user_data_dir());
}

/* Rather than in a checkout that it was built in: there is a service then, and no ./start. */
static bool is_installed(void)
{
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *directory = self ? g_path_get_dirname(self) : NULL;
    return g_strcmp0(directory, BINDIR) == 0;
}

const char *target_start_command(Arena *arena, const char *state_dir)
{
    bool root = geteuid() == 0, installed = is_installed();
    const char *usual = target_choose_state(arena, NULL, NULL, root, g_get_user_data_dir());
    if (strcmp(usual, state_dir) == 0 && installed)
        return root ? "systemctl start cumulet" : "systemctl --user start cumulet";
    if (strcmp(usual, state_dir) == 0)
        return "./start --detach";
    g_autofree char *quoted = g_shell_quote(state_dir);
    bool plain = strpbrk(state_dir, " '\"\\$`*?[]#~&;|<>(){}!\t\n") == NULL;
    return arena_printf(arena, "%s --state %s", installed ? DAEMON_NAME : "./start --detach",
                        plain ? state_dir : quoted);
}

const char *target_log(Arena *arena, const char *state_dir)
{
    const char *file = arena_printf(arena, "%s/log/cumuletd.log", state_dir);
    if (!is_installed() || access(file, F_OK) == 0)
        return file;
    return geteuid() == 0 ? "journalctl -u cumulet" : "journalctl --user -u cumulet";
}

bool target_set_no_daemon(Arena *arena, const Target *target, GError **error)
{
    pid_t pid;
    if (daemon_find(target->state_dir, &pid, NULL))
        g_set_error(error, TROUBLE_DOMAIN, NO_DAEMON,
                    "the daemon (process %ld) does not answer%s; its log is %s", (long)pid,
                    target->ready ? "" : " yet", target_log(arena, target->state_dir));
    else
        g_set_error(error, TROUBLE_DOMAIN, NO_DAEMON, "no daemon runs for %s; start it with: %s",
                    target->state_dir, target_start_command(arena, target->state_dir));
    return false;
}

static bool set_no_cloud(Arena *arena, const char *state_dir, GError **error)
{
    const char *hint = "";
    if (strcmp(state_dir, ROOT_STATE) != 0 && access(ROOT_STATE, F_OK) == 0)
        hint = "; there is one in " ROOT_STATE ": use it as root (sudo)";
    g_set_error(error, TROUBLE_DOMAIN, NO_DAEMON,
                "there is no cloud in %s; start one with: %s, or name another with --state DIR "
                "or CUMULET_STATE%s",
                state_dir, target_start_command(arena, state_dir), hint);
    return false;
}

/* The value of a key of the [default] section; NULL when it is missing or empty. Not
 * g_key_file_get_string, which would read escapes that AWS's form does not have. */
static const char *value_of(Arena *arena, GKeyFile *file, const char *key)
{
    g_autofree char *value = g_key_file_get_value(file, SECTION, key, NULL);
    return value && *g_strstrip(value) ? arena_strdup(arena, value) : NULL;
}

static bool is_endpoint(const char *url)
{
    return (g_str_has_prefix(url, "http://") || g_str_has_prefix(url, "https://")) &&
           strlen(url) <= LOCAL_ENDPOINT_MAX && !strpbrk(url, " \t\r\n\"'\\");
}

bool target_parse(Arena *arena, const char *text, Target *target, GError **error)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autoptr(GError) parse_error = NULL;
    if (!g_key_file_load_from_data(file, text, strlen(text), G_KEY_FILE_NONE, &parse_error))
        return trouble_set(error, "%s is damaged: %s", target->credentials, parse_error->message);

    const struct {
        const char *key;
        const char **value;
        bool required;
    } keys[] = {
        {"aws_access_key_id", &target->access_key_id, true},
        {"aws_secret_access_key", &target->secret_access_key, true},
        {"region", &target->region, true},
        {"endpoint_url", &target->endpoint, true},
        {"account_id", &target->account_id, false},
        {"https_endpoint_url", &target->https_endpoint, false},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        *keys[i].value = value_of(arena, file, keys[i].key);
        if (!*keys[i].value && keys[i].required)
            return trouble_set(error, "%s is damaged: it has no %s in its section [" SECTION "]",
                               target->credentials, keys[i].key);
    }
    if (target->https_endpoint && !is_endpoint(target->https_endpoint))
        target->https_endpoint = NULL;
    if (!is_endpoint(target->endpoint))
        return trouble_set(error, "%s is damaged: its endpoint_url is no http:// address",
                           target->credentials);
    return true;
}

/* The running daemon's endpoint replaces the one of the credentials file. */
static bool read_ready(Arena *arena, Target *target, GError **error)
{
    const char *path = arena_printf(arena, "%s/run/ready", target->state_dir);
    g_autofree char *text = NULL;
    g_autoptr(GError) read_error = NULL;
    if (!file_read(path, READY_MAX, &text, NULL, &read_error)) {
        if (g_error_matches(read_error, TROUBLE_DOMAIN, ENOENT))
            return true;
        g_propagate_error(error, g_steal_pointer(&read_error));
        return false;
    }
    target->ready = true;
    text[strcspn(text, "\r\n")] = '\0';
    if (is_endpoint(text))
        target->endpoint = arena_strdup(arena, text);
    return true;
}

bool target_open(const Call *call, Target *ret_target, GError **error)
{
    Target target = {.state_dir = target_state(call)};
    target.credentials = arena_printf(call->arena, "%s/credentials", target.state_dir);
    target.authority = arena_printf(call->arena, "%s/certificates/authority.pem", target.state_dir);
    g_autofree char *text = NULL;
    g_autoptr(GError) read_error = NULL;
    if (!file_read(target.credentials, CREDENTIALS_MAX, &text, NULL, &read_error)) {
        if (g_error_matches(read_error, TROUBLE_DOMAIN, ENOENT))
            return set_no_cloud(call->arena, target.state_dir, error);
        if (g_error_matches(read_error, TROUBLE_DOMAIN, EACCES))
            return trouble_set(error,
                               "%s: only root and the user who runs that cloud may read it; "
                               "become one of them, or name your own cloud with --state DIR",
                               read_error->message);
        g_propagate_error(error, g_steal_pointer(&read_error));
        return false;
    }
    if (!target_parse(call->arena, text, &target, error) ||
        !read_ready(call->arena, &target, error))
        return false;
    *ret_target = target;
    return true;
}
