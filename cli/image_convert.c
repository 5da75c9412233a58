/* qemu-img at work.
 *
 * Events: its standard output (percentages), its standard error (why it fails), a signal to this
 * process. When both pipes are closed, it has ended.
 *
 * Invariant: it never outlives this process. */
#include "cli/image_convert.h"
#include "base/fault.h"
#include "base/file.h"
#include "cli/progress.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

#define LINE_MAX_SIZE 256
#define COMPLAINT_MAX 2000
#define STEP 10 /* percent, where progress is lines in a log */
#define MIB ((int64_t)1 << 20)

typedef struct Conversion {
    const char *what;
    Progress progress;
    pid_t pid;
    int output, complaints, signals;
    char line[LINE_MAX_SIZE]; /* of its output, as far as it came */
    size_t line_size;
    GString *complaint;
    bool interrupted;
} Conversion;

static void conversion_clear(Conversion *conversion)
{
    autofd_clear(&conversion->output);
    autofd_clear(&conversion->complaints);
    autofd_clear(&conversion->signals);
    progress_clear(&conversion->progress);
    g_string_free(conversion->complaint, TRUE);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Conversion, conversion_clear)

static sigset_t ending_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    return set;
}

/* In the child. */
static void prepare_child(void *unused)
{
    (void)unused;
    sigset_t set = ending_signals();
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static bool start(const ImageSource *source, const char *path, Conversion *conversion,
                  GError **error)
{
    const char *argv[] = {"qemu-img", "convert", "-p",         "-f", source->format,
                          "-O",       "qcow2",   source->path, path, NULL};
    sigset_t set = ending_signals();
    sigprocmask(SIG_BLOCK, &set, NULL);
    conversion->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (conversion->signals < 0)
        return trouble_set_errno(error, errno, "cannot wait for signals");
    return g_spawn_async_with_pipes(
        NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD, prepare_child,
        NULL, &conversion->pid, NULL, &conversion->output, &conversion->complaints, error);
}

/* "    (12.34/100%)" */
static void show_line(Conversion *conversion)
{
    conversion->line[conversion->line_size] = '\0';
    conversion->line_size = 0;
    const char *number = strchr(conversion->line, '(');
    if (!number)
        return;
    int percent = (int)g_ascii_strtod(number + 1, NULL);
    if (!conversion->progress.terminal)
        percent -= percent % STEP;
    progress_show(&conversion->progress, "importing %s: %d %%", conversion->what, percent);
}

static void take_output(Conversion *conversion, const char *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (data[i] == '\r' || data[i] == '\n')
            show_line(conversion);
        else if (conversion->line_size < LINE_MAX_SIZE - 1)
            conversion->line[conversion->line_size++] = data[i];
    }
}

/* What came on a pipe; closes it at its end. */
static void read_pipe(Conversion *conversion, int *fd)
{
    char data[4096];
    ssize_t n = read(*fd, data, sizeof(data));
    if (n < 0 && errno == EINTR)
        return;
    if (n <= 0) {
        close(*fd);
        *fd = -1;
    } else if (fd == &conversion->output) {
        take_output(conversion, data, (size_t)n);
    } else if (conversion->complaint->len < COMPLAINT_MAX) {
        g_string_append_len(conversion->complaint, data, n);
    }
}

static void follow(Conversion *conversion)
{
    while (conversion->output >= 0 || conversion->complaints >= 0) {
        struct pollfd fds[] = {
            {.fd = conversion->output, .events = POLLIN},
            {.fd = conversion->complaints, .events = POLLIN},
            {.fd = conversion->interrupted ? -1 : conversion->signals, .events = POLLIN},
        };
        if (poll(fds, G_N_ELEMENTS(fds), -1) < 0)
            continue; /* EINTR */
        if (fds[2].revents) {
            conversion->interrupted = true;
            kill(conversion->pid, SIGKILL);
        }
        if (fds[0].revents)
            read_pipe(conversion, &conversion->output);
        if (fds[1].revents)
            read_pipe(conversion, &conversion->complaints);
    }
}

static bool finish(Conversion *conversion, GError **error)
{
    int status = 0;
    while (waitpid(conversion->pid, &status, 0) < 0 && errno == EINTR)
        ;
    progress_clear(&conversion->progress);
    if (conversion->interrupted)
        return trouble_set(error, "interrupted: nothing was imported");
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    g_strstrip(conversion->complaint->str);
    return trouble_set(error, "%s was not imported: %s", conversion->what,
                       *conversion->complaint->str ? conversion->complaint->str
                                                   : "qemu-img failed");
}

static bool convert(const ImageSource *source, const char *what, const char *path, GError **error)
{
    g_auto(Conversion) conversion = {
        .what = what,
        .output = -1,
        .complaints = -1,
        .signals = -1,
        .complaint = g_string_new(NULL),
    };
    progress_init(&conversion.progress);
    if (!start(source, path, &conversion, error))
        return false;
    follow(&conversion);
    return finish(&conversion, error);
}

/* A source's file may be smaller than its disk's copy (compressed), so this is the least. */
static bool check_room(const ImageSource *source, const char *directory, GError **error)
{
    struct statvfs room;
    if (statvfs(directory, &room) < 0)
        return trouble_set_errno(error, errno, "cannot use %s", directory);
    int64_t left = (int64_t)room.f_bavail * (int64_t)room.f_frsize;
    return left > source->used ||
           trouble_set(error, "there is no room in %s: the image needs %lld MiB, %lld are left",
                       directory, (long long)(source->used / MIB), (long long)(left / MIB));
}

/* The daemon's user is another one when root started it. */
static bool hand_over(const char *path, const char *directory, GError **error)
{
    struct stat owner;
    autofd parent = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    autofd fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (parent < 0 || fd < 0 || fstat(parent, &owner) < 0 ||
        (owner.st_uid != geteuid() && fchown(fd, owner.st_uid, owner.st_gid) < 0) ||
        fchmod(fd, 0600) < 0 || fsync(fd) < 0 || fsync(parent) < 0)
        return trouble_set_errno(error, errno, "cannot hand %s to the daemon", path);
    return true;
}

bool image_convert(const ImageSource *source, const char *what, const char *path, GError **error)
{
    g_autofree char *directory = g_path_get_dirname(path);
    if (!check_room(source, directory, error))
        return false;
    if (convert(source, what, path, error) && hand_over(path, directory, error))
        return true;
    unlink(path);
    return false;
}
