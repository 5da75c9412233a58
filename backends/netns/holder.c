/* The process that keeps a network namespace.
 *
 * Invariant: a holder that no file names does not live on. The new process waits on a pipe; the
 * daemon writes the file, then a byte; if the daemon dies in between, the pipe closes and the
 * holder ends. */
#include "backends/netns/holder.h"
#include "backends/netns/capabilities.h"
#include "backends/netns/survivor.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define FOREVER "infinity" /* sleep(1) of GNU and of busybox */

static char *record_path(const char *run_dir)
{
    return g_build_filename(run_dir, "holder", NULL);
}

pid_t holder_find(const char *run_dir)
{
    g_autofree char *path = record_path(run_dir);
    return survivor_find(path);
}

bool holder_open(pid_t holder, const char *kind, int *ret_fd, GError **error)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/ns/%s", (int)holder, kind);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return trouble_set_errno(error, errno,
                                 "cannot open %s, the network that an earlier run left (was it "
                                 "started by another user?)",
                                 path);
    *ret_fd = fd;
    return true;
}

/* In the child: calls async-signal-safe functions only, since other threads of the daemon may
 * have held any lock when it was forked. */
static G_GNUC_NORETURN void hold(int go, const char *sleep_path)
{
    const char *const argv[] = {"sleep", FOREVER, NULL};
    char *const environment[] = {NULL};

    setsid();
    /* Only the pipe's end is needed, and it must not be held open by a second holder. */
    if (dup2(go, STDIN_FILENO) < 0)
        _exit(1);
    syscall(SYS_close_range, 1U, ~0U, 0U);
    if (!capabilities_keep(0, NULL))
        _exit(1);
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);

    char byte;
    if (read(STDIN_FILENO, &byte, 1) != 1)
        _exit(0);
    int null = open("/dev/null", O_RDWR);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
        dup2(null, STDERR_FILENO) < 0 || chdir("/") < 0)
        _exit(1);
    if (null > STDERR_FILENO)
        close(null);
    execve(sleep_path, (char *const *)argv, environment);
    _exit(1);
}

/* Starts the holder of the calling thread's namespace. */
static bool start(const char *run_dir, GError **error)
{
    g_autofree char *sleep_path = process_find("sleep");
    if (!sleep_path)
        return trouble_set(error, "sleep (coreutils) is not installed");
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return trouble_set_errno(error, errno, "cannot make a pipe");
    autofd reading = ends[0];
    autofd writing = ends[1];

    pid_t pid = fork();
    if (pid < 0)
        return trouble_set_errno(error, errno, "cannot start the network's holder");
    if (pid == 0)
        hold(reading, sleep_path);

    g_autofree char *path = record_path(run_dir);
    if (survivor_record(path, pid, error) && file_write_all(writing, "g", 1, error))
        return true;
    close(fd_steal(&writing));
    waitpid(pid, NULL, 0);
    return false;
}

static bool open_own(int *ret_fd, GError **error)
{
    int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return trouble_set_errno(error, errno, "cannot open /proc/thread-self/ns/net");
    *ret_fd = fd;
    return true;
}

bool holder_enter(const char *run_dir, int *ret_fd, bool *ret_new, GError **error)
{
    autofd fd = -1;
    pid_t holder = holder_find(run_dir);
    if (holder != 0) {
        if (!holder_open(holder, "net", &fd, error))
            return false;
        if (setns(fd, CLONE_NEWNET) < 0)
            return trouble_set_errno(error, errno, "cannot enter the network that process %d keeps",
                                     (int)holder);
    } else {
        if (unshare(CLONE_NEWNET) < 0)
            return trouble_set_errno(error, errno,
                                     "cannot make a network namespace (not allowed here: see "
                                     "kernel.apparmor_restrict_unprivileged_userns and "
                                     "user.max_net_namespaces, or start as root)");
        if (!open_own(&fd, error) || !start(run_dir, error))
            return false;
    }
    *ret_fd = fd_steal(&fd);
    *ret_new = holder == 0;
    return true;
}

bool holder_end(const char *run_dir, GError **error)
{
    g_autofree char *path = record_path(run_dir);
    return survivor_end(path, error);
}
