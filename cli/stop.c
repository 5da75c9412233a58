/* `cumulet stop`.
 *
 * Invariant: only a process that was seen to be a cumuletd is signalled: the process is held by a
 * descriptor from before that look, so that its number cannot come to mean another one. */
#include "base/fault.h"
#include "base/file.h"
#include "cli/commands.h"
#include "cli/process_check.h"
#include "cli/progress.h"
#include "cli/target.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TIMEOUT_DEFAULT_S 180
#define TIMEOUT_MAX_S 86400
#define LOOK_MS 1000
#define LOOK_WITHOUT_PIDFD_MS 100 /* where the kernel has none: look for ourselves */

typedef struct Daemon {
    const char *state_dir;
    pid_t pid;
    int fd; /* pidfd, or -1 where the kernel has none */
} Daemon;

static bool send_signal(const Daemon *daemon, int number, GError **error)
{
    int result = daemon->fd >= 0 ? (int)syscall(SYS_pidfd_send_signal, daemon->fd, number, NULL, 0U)
                                 : kill(daemon->pid, number);
    if (result == 0 || errno == ESRCH)
        return true;
    if (errno == EPERM)
        return trouble_set(error, "process %ld belongs to another user; stop it as root (sudo)",
                           (long)daemon->pid);
    return trouble_set_errno(error, errno, "cannot signal process %ld", (long)daemon->pid);
}

/* Waits a moment. */
static bool has_ended(const Daemon *daemon)
{
    if (daemon->fd < 0) {
        poll(NULL, 0, LOOK_WITHOUT_PIDFD_MS);
        return !process_is_daemon(daemon->pid);
    }
    struct pollfd poll_fd = {.fd = daemon->fd, .events = POLLIN};
    return poll(&poll_fd, 1, LOOK_MS) > 0;
}

static bool wait_for_end(Arena *arena, const Daemon *daemon, bool keep_running, int timeout_s,
                         GError **error)
{
    g_auto(Progress) progress;
    progress_init(&progress);
    int64_t deadline = g_get_monotonic_time() + (int64_t)timeout_s * G_USEC_PER_SEC;
    while (!has_ended(daemon)) {
        if (g_get_monotonic_time() >= deadline)
            return trouble_set(error,
                               "the daemon (process %ld) still runs after %d s; %s "
                               "says what it does; wait longer with --timeout, or end it at once "
                               "with: kill -9 %ld (its machines then run on until the next start)",
                               (long)daemon->pid, timeout_s, target_log(arena, daemon->state_dir),
                               (long)daemon->pid);
        progress_show(&progress, "waiting for the daemon (process %ld)%s", (long)daemon->pid,
                      keep_running ? "" : " to shut its machines down");
    }
    return true;
}

static bool stop_run(Call *call, GError **error)
{
    gboolean keep_running = FALSE;
    int timeout_s = TIMEOUT_DEFAULT_S;
    if (!call_parse(call, (void *const[]){&keep_running, &timeout_s}, error))
        return false;
    if (timeout_s < 1 || timeout_s > TIMEOUT_MAX_S)
        return usage_set(error, "--timeout takes 1 to %d seconds", TIMEOUT_MAX_S);

    autofd fd = -1;
    Daemon daemon = {.state_dir = target_state(call), .fd = fd};
    g_autoptr(GError) find_error = NULL;
    bool runs = daemon_find(daemon.state_dir, &daemon.pid, &find_error);
    if (find_error) {
        g_propagate_error(error, g_steal_pointer(&find_error));
        return false;
    }
    if (runs) {
        daemon.fd = fd = (int)syscall(SYS_pidfd_open, daemon.pid, 0U);
        runs = process_is_daemon(daemon.pid);
    }
    if (!runs) {
        printf("no daemon runs for %s\n", daemon.state_dir);
        return true;
    }
    if (!send_signal(&daemon, keep_running ? SIGUSR1 : SIGTERM, error) ||
        !wait_for_end(call->arena, &daemon, keep_running, timeout_s, error))
        return false;
    printf("the daemon of %s has ended%s\n", daemon.state_dir,
           keep_running ? "; its instances run on" : "");
    return true;
}

static const GOptionEntry options[] = {
    {"keep-running", 0, 0, G_OPTION_ARG_NONE, NULL, "end the daemon only; instances run on", NULL},
    {"timeout", 0, 0, G_OPTION_ARG_INT, NULL, "how long to wait for its end (180)", "SECONDS"},
    {NULL},
};

const Command stop_command = {
    .name = "stop",
    .arguments = "",
    .summary = "end the daemon and its machines",
    .help = "Ends the daemon; its machines are shut down first. With --keep-running they run\n"
            "on, and the next daemon takes them over. Returns when the daemon has ended;\n"
            "stopping what does not run is no error.\n",
    .options = options,
    .run = stop_run,
};
