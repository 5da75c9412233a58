/* Following a file.
 *
 * Events: the file is watched for writes; its directory for the file's appearing and, until there
 * is one, the parent for the directory's. Events only say "look again": what to do follows from
 * the file itself.
 *
 * Invariant: the last bytes copied (tail) stand in the file just before offset. When they no longer
 * do, the file was cut or replaced, and the place is searched anew. */
#include "cli/follow.h"
#include "base/fault.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#define TAIL_MAX 1024
#define TAIL_LEAST 64 /* less is found in many places */
#define CHUNK ((size_t)64 * 1024)
#define SEARCH_MAX ((size_t)64 * 1024 * 1024)

struct Follow {
    char *path;
    char *directory;
    int inotify;
    int file_watch;      /* -1: none */
    int directory_watch; /* -1: none yet */
    int file;            /* -1: none yet */
    off_t offset;        /* of the next byte to copy */
    char tail[TAIL_MAX]; /* what stands before offset */
    size_t tail_size;
};

/* The directory may come after us. Absent is success. */
static bool watch_directory(Follow *follow, GError **error)
{
    if (follow->directory_watch < 0)
        follow->directory_watch =
            inotify_add_watch(follow->inotify, follow->directory, IN_CREATE | IN_MOVED_TO);
    if (follow->directory_watch < 0 && errno != ENOENT)
        return trouble_set_errno(error, errno, "cannot watch %s", follow->directory);
    return true;
}

bool follow_new(const char *path, Follow **ret_follow, GError **error)
{
    g_autoptr(Follow) follow = g_new0(Follow, 1);
    follow->path = g_strdup(path);
    follow->directory = g_path_get_dirname(path);
    follow->file_watch = follow->directory_watch = follow->file = -1;
    follow->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (follow->inotify < 0)
        return trouble_set_errno(error, errno, "cannot watch files");
    g_autofree char *parent = g_path_get_dirname(follow->directory);
    if (inotify_add_watch(follow->inotify, parent, IN_CREATE | IN_MOVED_TO) < 0 && errno != ENOENT)
        return trouble_set_errno(error, errno, "cannot watch %s", parent);
    if (!watch_directory(follow, error))
        return false;
    *ret_follow = g_steal_pointer(&follow);
    return true;
}

void follow_free(Follow *follow)
{
    if (!follow)
        return;
    autofd_clear(&follow->file);
    autofd_clear(&follow->inotify);
    g_free(follow->directory);
    g_free(follow->path);
    g_free(follow);
}

static void remember(Follow *follow, const char *data, size_t size)
{
    if (size >= TAIL_MAX) {
        memcpy(follow->tail, data + size - TAIL_MAX, TAIL_MAX);
        follow->tail_size = TAIL_MAX;
        return;
    }
    size_t kept = MIN(follow->tail_size, TAIL_MAX - size);
    memmove(follow->tail, follow->tail + follow->tail_size - kept, kept);
    memcpy(follow->tail + kept, data, size);
    follow->tail_size = kept + size;
}

static bool copy_rest(Follow *follow, int fd, GError **error)
{
    g_autofree char *chunk = g_malloc(CHUNK);
    for (;;) {
        ssize_t n = pread(follow->file, chunk, CHUNK, follow->offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return trouble_set_errno(error, errno, "cannot read %s", follow->path);
        if (n == 0)
            return true;
        if (!file_write_all(fd, chunk, (size_t)n, error))
            return false;
        remember(follow, chunk, (size_t)n);
        follow->offset += n;
    }
}

static bool tail_stands(const Follow *follow)
{
    char there[TAIL_MAX];
    off_t start = follow->offset - (off_t)follow->tail_size;
    return start >= 0 &&
           pread(follow->file, there, follow->tail_size, start) == (ssize_t)follow->tail_size &&
           memcmp(there, follow->tail, follow->tail_size) == 0;
}

/* Just after the last place in the file where the tail stands, or its begin. */
static bool find_place(Follow *follow, GError **error)
{
    follow->offset = 0;
    if (follow->tail_size < TAIL_LEAST) {
        follow->tail_size = 0;
        return true;
    }
    g_autofree char *text = NULL;
    size_t size;
    if (!file_read(follow->path, SEARCH_MAX, &text, &size, error))
        return false;
    const char *from = text;
    const char *found;
    while ((found = memmem(from, size - (size_t)(from - text), follow->tail, follow->tail_size))) {
        follow->offset = found - text + (off_t)follow->tail_size;
        from = found + 1;
    }
    if (follow->offset == 0)
        follow->tail_size = 0;
    return true;
}

/* Opens the file that has the path now, unless it is open already. Absent is success. */
static bool open_current(Follow *follow, int fd, GError **error)
{
    autofd file = open(follow->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0 && errno == ENOENT)
        return true;
    struct stat now, before;
    if (file < 0 || fstat(file, &now) < 0)
        return trouble_set_errno(error, errno, "cannot open %s", follow->path);
    if (follow->file >= 0) {
        if (fstat(follow->file, &before) == 0 && before.st_ino == now.st_ino &&
            before.st_dev == now.st_dev)
            return true;
        /* What the old one got before it was replaced. */
        if (tail_stands(follow) && !copy_rest(follow, fd, error))
            return false;
        autofd_clear(&follow->file);
    }
    if (follow->file_watch >= 0)
        inotify_rm_watch(follow->inotify, follow->file_watch);
    follow->file_watch =
        inotify_add_watch(follow->inotify, follow->path, IN_MODIFY | IN_CLOSE_WRITE);
    follow->file = fd_steal(&file);
    return true;
}

bool follow_copy(Follow *follow, int fd, GError **error)
{
    if (!watch_directory(follow, error) || !open_current(follow, fd, error))
        return false;
    if (follow->file < 0)
        return true;
    if (!tail_stands(follow) && !find_place(follow, error))
        return false;
    return copy_rest(follow, fd, error);
}

bool follow_wait(Follow *follow, int timeout_ms, bool *ret_closed, GError **error)
{
    struct pollfd poll_fd = {.fd = follow->inotify, .events = POLLIN};
    if (poll(&poll_fd, 1, timeout_ms) < 0 && errno != EINTR)
        return trouble_set_errno(error, errno, "cannot wait for %s", follow->path);
    bool closed = false;
    _Alignas(struct inotify_event) char events[4096];
    ssize_t size;
    while ((size = read(follow->inotify, events, sizeof(events))) > 0) {
        for (char *next = events; next < events + size;) {
            const struct inotify_event *event = (const struct inotify_event *)next;
            if (event->wd == follow->file_watch && (event->mask & IN_CLOSE_WRITE))
                closed = true;
            /* Its directory went away and may come again. */
            if (event->wd == follow->directory_watch && (event->mask & IN_IGNORED))
                follow->directory_watch = -1;
            next += sizeof(*event) + event->len;
        }
    }
    *ret_closed = closed;
    return true;
}
