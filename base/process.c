/* Child processes, by vfork and execve: a fork of a daemon with 1 GB in use takes 40 ms for copying
 * page tables, a vfork takes as little as in a small one.
 *
 * Invariant: until execve the child, which borrows this thread's memory and stack, never returns
 * from become_program, writes nothing but its own locals, and calls async-signal-safe functions
 * only, since another thread may hold any lock; whatever needs memory is made before. Standard
 * input is a file in memory rather than a pipe: the child may read it or not, as slowly as it
 * likes, and nobody waits or gets SIGPIPE. */
#include "base/process.h"
#include "base/fault.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define DEFAULT_TIMEOUT_MS 60000
#define OUTPUT_MAX ((size_t)64 * 1024 * 1024)
#define STDERR_KEPT ((size_t)64 * 1024)
#define STATUS_FD 3         /* in the child: where a failed start is reported; closed by execve */
#define FREE_FD 10          /* in the child: above all that it will dup2 over */
#define DRAIN_MAX (1 << 20) /* at once; no pipe holds more, unless it was made to */
#define TICK_MS 20          /* between looks at a child where the kernel has no pidfd */

char *process_find(const char *program)
{
    static const char *const sbin[] = {"/usr/local/sbin", "/usr/sbin", "/sbin"};
    g_autofree char *found = g_find_program_in_path(program);
    if (found)
        return g_canonicalize_filename(found, NULL);
    if (strchr(program, '/'))
        return NULL;
    for (size_t i = 0; i < G_N_ELEMENTS(sbin); i++) {
        g_autofree char *path = g_build_filename(sbin[i], program, NULL);
        if (g_file_test(path, G_FILE_TEST_IS_REGULAR) &&
            g_file_test(path, G_FILE_TEST_IS_EXECUTABLE))
            return g_steal_pointer(&path);
    }
    return NULL;
}

/* What the child needs, made before. */
typedef struct Start {
    const char *path;
    const ProcessSpec *spec;
    int input;
    int output;
    int errors;
    int status;
    pid_t parent;
    int fd_limit;
} Start;

static void close_from(int first, int limit)
{
#ifdef SYS_close_range
    if (syscall(SYS_close_range, (unsigned)first, ~0U, 0U) == 0)
        return;
#endif
    for (int fd = first; fd < limit; fd++)
        close(fd);
}

static G_GNUC_NORETURN void fail_in_child(int status)
{
    int errnum = errno;
    /* When even this fails, the exit status is left to tell. */
    ssize_t unused G_GNUC_UNUSED = write(status, &errnum, sizeof(errnum));
    _exit(127);
}

static G_GNUC_NORETURN void become_program(const Start *start)
{
    /* Out of the way of 0 to 3, should the daemon run with one of those closed. */
    int input = fcntl(start->input, F_DUPFD, FREE_FD);
    int output = fcntl(start->output, F_DUPFD, FREE_FD);
    int errors = fcntl(start->errors, F_DUPFD, FREE_FD);
    int status = fcntl(start->status, F_DUPFD, FREE_FD);
    if (status < 0)
        fail_in_child(start->status);
    if (dup3(status, STATUS_FD, O_CLOEXEC) < 0)
        fail_in_child(status);
    if (input < 0 || output < 0 || errors < 0 || dup2(input, STDIN_FILENO) < 0 ||
        dup2(output, STDOUT_FILENO) < 0 || dup2(errors, STDERR_FILENO) < 0)
        fail_in_child(STATUS_FD);
    close_from(STATUS_FD + 1, start->fd_limit);

    /* A group of its own: Ctrl-C is for the daemon, which then ends its children in order. */
    setpgid(0, 0);
    if (start->spec->die_with_parent) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
            fail_in_child(STATUS_FD);
        /* It may have died before. */
        if (getppid() != start->parent)
            _exit(127);
    }

    /* Ignored signals would stay ignored over execve; handlers must not run here. */
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);

    execve(start->path, (char *const *)start->spec->argv, environ);
    fail_in_child(STATUS_FD);
}

static int reap(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return -1;
    }
    return status;
}

/* With all signals blocked, so that no handler of ours runs in the child, on our memory. */
static pid_t fork_quietly(const Start *start)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = vfork();
    if (pid == 0)
        become_program(start);
    int errnum = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = errnum;
    return pid;
}

/* Starts it on the three descriptors, which stay the caller's. */
static bool start_on(const ProcessSpec *spec, int input, int output, int errors, pid_t *ret_pid,
                     GError **error)
{
    const char *name = spec->argv[0];
    g_autofree char *path = process_find(name);
    if (!path)
        return trouble_set_errno(error, ENOENT, "%s is not installed (looked on PATH and in sbin)",
                                 name);
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return trouble_set_errno(error, errno, "cannot start %s", name);
    autofd reading = ends[0];
    autofd writing = ends[1];

    struct rlimit files = {.rlim_cur = 1024};
    getrlimit(RLIMIT_NOFILE, &files);
    Start start = {
        .path = path,
        .spec = spec,
        .input = input,
        .output = output,
        .errors = errors,
        .status = writing,
        .parent = getpid(),
        .fd_limit = (int)MIN(files.rlim_cur, (rlim_t)G_MAXINT),
    };
    pid_t pid = fork_quietly(&start);
    if (pid < 0)
        return trouble_set_errno(error, errno, "cannot start %s", name);
    close(fd_steal(&writing));

    /* The pipe closes when execve succeeds, or brings the errno when something failed. */
    int errnum;
    ssize_t got;
    do
        got = read(reading, &errnum, sizeof(errnum));
    while (got < 0 && errno == EINTR);
    if (got == sizeof(errnum)) {
        reap(pid);
        return trouble_set_errno(error, errnum, "cannot start %s", path);
    }
    *ret_pid = pid;
    return true;
}

/* A descriptor that reads the text, or nothing when there is none; -1 and errno. */
static int open_input(const char *text)
{
    if (!text)
        return open("/dev/null", O_RDONLY | O_CLOEXEC);
    autofd fd = memfd_create("input", MFD_CLOEXEC);
    if (fd < 0 || !file_write_all(fd, text, strlen(text), NULL) || lseek(fd, 0, SEEK_SET) < 0)
        return -1;
    return fd_steal(&fd);
}

static int open_output(const char *log_path)
{
    if (!log_path)
        return open("/dev/null", O_WRONLY | O_CLOEXEC);
    return open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

bool process_start(const ProcessSpec *spec, pid_t *ret_pid, GError **error)
{
    autofd input = open_input(spec->input);
    if (input < 0)
        return trouble_set_errno(error, errno, "cannot make the input of %s", spec->argv[0]);
    autofd output = open_output(spec->log_path);
    if (output < 0)
        return trouble_set_errno(error, errno, "cannot open %s, the log of %s",
                                 spec->log_path ? spec->log_path : "/dev/null", spec->argv[0]);
    return start_on(spec, input, output, output, ret_pid, error);
}

/* Readable when the child ends; -1 where the kernel has none. */
static int open_pidfd(pid_t pid)
{
#ifdef SYS_pidfd_open
    return (int)syscall(SYS_pidfd_open, pid, 0U);
#else
    errno = ENOSYS;
    return -1;
#endif
}

/* Whether it has ended; does not reap it. Also for a process that is not our child. */
static bool has_ended(pid_t pid)
{
    siginfo_t info = {0};
    if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
        return errno == ECHILD && kill(pid, 0) < 0 && errno == ESRCH;
    return info.si_pid == pid;
}

static int ms_until(int64_t deadline)
{
    int64_t us = deadline - g_get_monotonic_time();
    return us <= 0 ? 0 : (int)MIN((us + 999) / 1000, G_MAXINT);
}

/* Reads what is there, keeping at most keep bytes of it in all. False at the stream's end. It
 * stops somewhere, since a program may write as fast as this reads. */
static bool drain(int fd, GString *text, size_t keep)
{
    char buffer[16 * 1024];
    for (size_t i = 0; i < DRAIN_MAX / sizeof(buffer); i++) {
        ssize_t got = read(fd, buffer, sizeof(buffer));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 && errno == EAGAIN;
        g_string_append_len(text, buffer, (ssize_t)MIN((size_t)got, keep - text->len));
    }
    return true;
}

typedef struct Run {
    pid_t pid;
    int pidfd;
    int output;
    int errors;
    GString *output_text;
    GString *errors_text;
} Run;

/* Collects both streams until the child has ended; false when the deadline came first. It is the
 * child's end that counts, not the streams': a daemon that it left behind may keep them open. */
static bool collect(Run *run, int64_t deadline)
{
    struct pollfd fds[] = {
        {.fd = run->output, .events = POLLIN},
        {.fd = run->errors, .events = POLLIN},
        {.fd = run->pidfd, .events = POLLIN},
    };
    for (;;) {
        /* Asked before draining, so that all it wrote is there to be read. */
        bool ended = has_ended(run->pid);
        if (!drain(run->output, run->output_text, OUTPUT_MAX + 1))
            fds[0].fd = -1;
        if (!drain(run->errors, run->errors_text, STDERR_KEPT))
            fds[1].fd = -1;
        if (ended)
            return true;
        int wait = ms_until(deadline);
        if (wait == 0)
            return false;
        poll(fds, G_N_ELEMENTS(fds), run->pidfd >= 0 ? wait : MIN(wait, TICK_MS));
    }
}

static bool judge(const ProcessSpec *spec, int status, GString *output, GString *errors,
                  GError **error)
{
    const char *name = spec->argv[0];
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        if (output->len > OUTPUT_MAX)
            return trouble_set(error, "%s wrote more than %zu bytes", name, OUTPUT_MAX);
        return true;
    }
    const char *said = g_strchug(errors->str);
    int length = (int)strcspn(said, "\r\n");
    const char *colon = length ? ": " : "";
    if (WIFSIGNALED(status))
        return trouble_set(error, "%s was ended by signal %d%s%.*s", name, WTERMSIG(status), colon,
                           length, said);
    return trouble_set(error, "%s exited with status %d%s%.*s", name, WEXITSTATUS(status), colon,
                       length, said);
}

static bool open_pipe(int *ret_reading, int *ret_writing, GError **error)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return trouble_set_errno(error, errno, "cannot make a pipe");
    /* Our end only: the other is a separate open file, and the program expects it to block. */
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    *ret_reading = ends[0];
    *ret_writing = ends[1];
    return true;
}

bool process_run(const ProcessSpec *spec, char **ret_output, GError **error)
{
    autofd input = open_input(spec->input);
    if (input < 0)
        return trouble_set_errno(error, errno, "cannot make the input of %s", spec->argv[0]);
    autofd output = -1, output_end = -1, errors = -1, errors_end = -1;
    if (!open_pipe(&output, &output_end, error) || !open_pipe(&errors, &errors_end, error))
        return false;

    pid_t pid;
    if (!start_on(spec, input, output_end, errors_end, &pid, error))
        return false;
    close(fd_steal(&output_end));
    close(fd_steal(&errors_end));

    unsigned timeout_ms = spec->timeout_ms ? spec->timeout_ms : DEFAULT_TIMEOUT_MS;
    autofd pidfd = open_pidfd(pid);
    g_autoptr(GString) output_text = g_string_new(NULL);
    g_autoptr(GString) errors_text = g_string_new(NULL);
    Run run = {pid, pidfd, output, errors, output_text, errors_text};
    if (!collect(&run, g_get_monotonic_time() + (int64_t)timeout_ms * 1000)) {
        kill(-pid, SIGKILL);
        reap(pid);
        return trouble_set_errno(error, ETIMEDOUT, "%s did not end within %u ms", spec->argv[0],
                                 timeout_ms);
    }
    if (!judge(spec, reap(pid), output_text, errors_text, error))
        return false;
    if (ret_output)
        *ret_output = g_string_free(g_steal_pointer(&output_text), FALSE);
    return true;
}

void process_end(pid_t pid, unsigned grace_ms)
{
    if (pid <= 0)
        return;
    kill(pid, SIGTERM);
    int64_t deadline = g_get_monotonic_time() + (int64_t)grace_ms * 1000;
    struct pollfd ended = {.fd = open_pidfd(pid), .events = POLLIN};
    for (int wait; !has_ended(pid) && (wait = ms_until(deadline)) > 0;)
        poll(&ended, 1, ended.fd >= 0 ? wait : MIN(wait, TICK_MS));
    autofd_clear(&ended.fd);
    kill(pid, SIGKILL);
    reap(pid);
}
