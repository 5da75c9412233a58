/* Cutting a file that QEMU has open.
 *
 * Invariant: the file stays the same inode, since QEMU will not open it again; with O_APPEND its
 * next write lands at the end, wherever that then is. */
#include "backends/libvirt/console_log.h"
#include "base/fault.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

bool console_log_cap(const char *path, uint64_t max, uint64_t keep, GError **error)
{
    g_assert(keep <= max);
    /* Not blocking, in case somebody made it a FIFO; not through a link to somewhere else. */
    autofd fd = open(path, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return true;
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0)
        return trouble_set_errno(error, errno, "cannot open %s to cut it", path);
    if (!S_ISREG(status.st_mode) || (uint64_t)status.st_size <= max)
        return true;

    g_autofree char *tail = g_malloc(keep + 1);
    size_t size = 0;
    off_t from = status.st_size - (off_t)keep;
    while (size < keep) {
        ssize_t got = pread(fd, tail + size, keep - size, from + (off_t)size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return trouble_set_errno(error, errno, "cannot read %s to cut it", path);
        if (got == 0)
            break;
        size += (size_t)got;
    }
    const char *line = memchr(tail, '\n', size);
    const char *begin = line && line + 1 < tail + size ? line + 1 : tail;
    if (ftruncate(fd, 0) < 0)
        return trouble_set_errno(error, errno, "cannot cut %s", path);
    return file_write_all(fd, begin, size - (size_t)(begin - tail), error);
}
