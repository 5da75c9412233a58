/* Whether a process id still means the daemon: numbers are used again, and a pid file outlives a
 * killed daemon. */
#include "cli/process_check.h"
#include "base/fault.h"
#include "base/file.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#define PID_FILE_MAX 64
#define COMMAND_LINE_MAX ((size_t)4 * 1024 * 1024)

/* PATH names a program of our name, also after it was replaced by a newer one. */
static bool names_daemon(const char *path)
{
    g_autofree char *base = g_path_get_basename(path);
    return strcmp(base, DAEMON_NAME) == 0 || strcmp(base, DAEMON_NAME " (deleted)") == 0;
}

bool process_is_daemon(pid_t pid)
{
    g_autofree char *exe_link = g_strdup_printf("/proc/%ld/exe", (long)pid);
    g_autofree char *exe = g_file_read_link(exe_link, NULL);
    if (exe && names_daemon(exe))
        return true;
    /* Not readable when the daemon is another user's or keeps capabilities. */
    g_autofree char *path = g_strdup_printf("/proc/%ld/cmdline", (long)pid);
    g_autofree char *arguments = NULL;
    return file_read(path, COMMAND_LINE_MAX, &arguments, NULL, NULL) && *arguments &&
           names_daemon(arguments);
}

bool daemon_find(const char *state_dir, pid_t *ret_pid, GError **error)
{
    g_autofree char *path = g_build_filename(state_dir, "run", DAEMON_NAME ".pid", NULL);
    g_autofree char *text = NULL;
    g_autoptr(GError) read_error = NULL;
    if (!file_read(path, PID_FILE_MAX, &text, NULL, &read_error)) {
        if (!g_error_matches(read_error, TROUBLE_DOMAIN, ENOENT))
            g_propagate_error(error, g_steal_pointer(&read_error));
        return false;
    }
    guint64 pid;
    if (!g_ascii_string_to_unsigned(g_strstrip(text), 10, 2, INT_MAX, &pid, NULL))
        return trouble_set(error, "%s holds no process id", path);
    if (!process_is_daemon((pid_t)pid))
        return false;
    *ret_pid = (pid_t)pid;
    return true;
}
