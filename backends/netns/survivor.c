/* Identity and end of processes that outlive the daemon.
 *
 * Invariant: a signal goes through a pidfd that was opened before the start time was compared, so
 * it reaches the process that was meant or nobody. */
#include "backends/netns/survivor.h"
#include "base/fault.h"
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define RECORD_MAX 256
#define STAT_MAX 4096
#define COMMAND_LINE_MAX (128 * 1024)
#define BOOT_ID "/proc/sys/kernel/random/boot_id"
#define GRACE_MS 1000
#define KILL_MS 5000
#define START_TIME_FIELD 22 /* of /proc/PID/stat, proc(5) */
#define STATE_FIELD 3

/* Start time in clock ticks since boot; false when it has ended, a zombie included. */
static bool read_start_time(pid_t pid, unsigned long long *ret_ticks)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/stat", (int)pid);
    g_autofree char *text = NULL;
    if (!file_read(path, STAT_MAX, &text, NULL, NULL))
        return false;
    /* The second field is the program's name in parentheses and may itself contain any. */
    const char *rest = strrchr(text, ')');
    if (!rest)
        return false;
    g_auto(GStrv) fields = g_strsplit(rest + 2, " ", 0);
    if (g_strv_length(fields) <= START_TIME_FIELD - STATE_FIELD)
        return false;
    if (fields[0][0] == 'Z' || fields[0][0] == 'X')
        return false;
    *ret_ticks = g_ascii_strtoull(fields[START_TIME_FIELD - STATE_FIELD], NULL, 10);
    return true;
}

/* "PID TICKS BOOT" */
static char *describe(pid_t pid)
{
    unsigned long long ticks;
    g_autofree char *boot = NULL;
    if (!read_start_time(pid, &ticks) || !file_read(BOOT_ID, RECORD_MAX, &boot, NULL, NULL))
        return NULL;
    return g_strdup_printf("%d %llu %s\n", (int)pid, ticks, g_strchomp(boot));
}

bool survivor_record(const char *path, pid_t pid, GError **error)
{
    g_autofree char *text = describe(pid);
    if (!text)
        return trouble_set(error, "process %d ended at once", (int)pid);
    return file_write(path, text, strlen(text), 0600, error);
}

/* A child of ours that has ended stays a zombie until somebody asks; other processes are not our
 * children and the call fails. */
static void reap(pid_t pid)
{
    waitpid(pid, NULL, WNOHANG);
}

pid_t survivor_find(const char *path)
{
    g_autofree char *recorded = NULL;
    if (!file_read(path, RECORD_MAX, &recorded, NULL, NULL))
        return 0;
    pid_t pid = atoi(recorded);
    if (pid <= 0)
        return 0;
    g_autofree char *now = describe(pid);
    if (now && g_str_equal(now, recorded))
        return pid;
    reap(pid);
    return 0;
}

static bool has_argument(pid_t pid, const char *program, const char *argument)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/cmdline", (int)pid);
    g_autofree char *text = NULL;
    size_t size;
    if (!file_read(path, COMMAND_LINE_MAX, &text, &size, NULL) || size == 0)
        return false;
    g_autofree char *name = g_path_get_basename(text);
    /* pasta runs itself again as pasta.avx2. */
    if (!g_str_has_prefix(name, program))
        return false;
    for (const char *at = text; at < text + size; at += strlen(at) + 1) {
        if (g_str_equal(at, argument))
            return true;
    }
    return false;
}

pid_t survivor_search(const char *program, const char *argument)
{
    DIR *processes = opendir("/proc");
    if (!processes)
        return 0;
    pid_t found = 0;
    for (const struct dirent *entry; !found && (entry = readdir(processes));) {
        struct stat status;
        pid_t pid = atoi(entry->d_name);
        if (pid > 0 && fstatat(dirfd(processes), entry->d_name, &status, 0) == 0 &&
            status.st_uid == geteuid() && has_argument(pid, program, argument))
            found = pid;
    }
    closedir(processes);
    return found;
}

static int open_pidfd(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0U);
}

static bool send(int pidfd, int number)
{
    return syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0U) == 0;
}

static bool wait_end(int pidfd, int ms)
{
    struct pollfd fd = {.fd = pidfd, .events = POLLIN};
    int got;
    do
        got = poll(&fd, 1, ms);
    while (got < 0 && errno == EINTR);
    return got > 0;
}

static bool end_held(int pidfd, pid_t pid, GError **error)
{
    if (!send(pidfd, SIGTERM) && errno != ESRCH)
        return trouble_set_errno(error, errno, "cannot end process %d", (int)pid);
    if (!wait_end(pidfd, GRACE_MS)) {
        send(pidfd, SIGKILL);
        if (!wait_end(pidfd, KILL_MS))
            return trouble_set(error, "process %d does not end", (int)pid);
    }
    reap(pid);
    return true;
}

int survivor_watch(const char *path)
{
    pid_t pid = survivor_find(path);
    if (pid == 0)
        return -1;
    autofd pidfd = open_pidfd(pid);
    /* Looked at again: now it cannot be exchanged any more. */
    return pidfd >= 0 && survivor_find(path) == pid ? fd_steal(&pidfd) : -1;
}

bool survivor_end(const char *path, GError **error)
{
    pid_t pid = survivor_find(path);
    autofd pidfd = survivor_watch(path);
    if (pidfd >= 0 && !end_held(pidfd, pid, error))
        return false;
    if (unlink(path) < 0 && errno != ENOENT)
        return trouble_set_errno(error, errno, "cannot remove %s", path);
    return true;
}

bool survivor_end_pid(pid_t pid, GError **error)
{
    if (pid <= 0)
        return true;
    autofd pidfd = open_pidfd(pid);
    return pidfd < 0 || end_held(pidfd, pid, error);
}

bool survivor_hang_up(const char *path)
{
    autofd pidfd = survivor_watch(path);
    return pidfd >= 0 && send(pidfd, SIGHUP);
}
