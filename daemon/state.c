/* The files by which others find the daemon. Invariant: `ready` is there only while the endpoint
 * serves (a file left by a killed daemon is removed before the next begins). */
#include "daemon/state.h"

#include "base/fault.h"
#include "base/file.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define SMALL_FILE 65536

bool state_prepare(const char *state_dir, GError **error)
{
    const char *const directories[] = {"",        "run",       "log",     "images",
                                       "volumes", "instances", "secrets", "certificates"};
    for (size_t i = 0; i < G_N_ELEMENTS(directories); i++) {
        g_autofree char *path = g_build_filename(state_dir, directories[i], NULL);
        if (!file_make_directory(path, error))
            return false;
    }
    return true;
}

bool state_lock(const char *state_dir, int *ret_fd, GError **error)
{
    g_autofree char *path = g_build_filename(state_dir, "run", "cumuletd.pid", NULL);
    autofd fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return trouble_set_errno(error, errno, "cannot write %s: is the state directory yours?",
                                 path);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        char other[16] = {0};
        if (read(fd, other, sizeof(other) - 1) < 0)
            other[0] = '\0';
        g_strchomp(other);
        return trouble_set(error,
                           "a daemon (process %s) runs on %s already: stop it with "
                           "`cumulet stop`, or name another directory with --state",
                           other, state_dir);
    }
    state_remove_ready(state_dir);
    g_autofree char *text = g_strdup_printf("%d\n", (int)getpid());
    if (ftruncate(fd, 0) != 0 || !file_write_all(fd, text, strlen(text), error))
        return false;
    *ret_fd = fd_steal(&fd);
    return true;
}

bool state_write_credentials(const char *state_dir, const char *endpoint,
                             const char *https_endpoint, const char *region, const AccessKey *key,
                             GError **error)
{
    g_autofree char *path = g_build_filename(state_dir, "credentials", NULL);
    g_autofree char *https =
        https_endpoint ? g_strdup_printf("https_endpoint_url = %s\n", https_endpoint) : NULL;
    g_autofree char *text = g_strdup_printf("[default]\n"
                                            "aws_access_key_id = %s\n"
                                            "aws_secret_access_key = %s\n"
                                            "region = %s\n"
                                            "endpoint_url = %s\n"
                                            "%s"
                                            "account_id = %s\n",
                                            key->id, key->secret, region, endpoint,
                                            https ? https : "", key->account_id);
    g_autofree char *there = NULL;
    size_t size;
    if (file_read(path, SMALL_FILE, &there, &size, NULL) && strcmp(there, text) == 0)
        return true;
    return file_write(path, text, strlen(text), 0600, error);
}

bool state_write_ready(const char *state_dir, const char *endpoint, GError **error)
{
    g_autofree char *path = g_build_filename(state_dir, "run", "ready", NULL);
    g_autofree char *text = g_strdup_printf("%s\n", endpoint);
    return file_write(path, text, strlen(text), 0644, error);
}

void state_remove_ready(const char *state_dir)
{
    g_autofree char *path = g_build_filename(state_dir, "run", "ready", NULL);
    unlink(path);
}
