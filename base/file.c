/* Files and descriptors.
 *
 * Invariant: file_write leaves either the old file or the whole new one, whenever the power goes;
 * at most a stray temporary file (".NAME.XXXXXX") stays beside it. */
#include "base/file.h"
#include "base/fault.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

bool file_make_directory(const char *path, GError **error)
{
    if (g_mkdir_with_parents(path, 0700) < 0)
        return trouble_set_errno(error, errno, "cannot create directory %s", path);
    return true;
}

bool file_read(const char *path, size_t max, char **ret_text, size_t *ret_size, GError **error)
{
    autofd fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0)
        return trouble_set_errno(error, errno, "cannot open %s", path);

    /* The size is a hint: files in /proc and files being written have another one. */
    size_t hint = status.st_size > 0 ? MIN((size_t)status.st_size, max) : 0;
    size_t capacity = MAX(hint, 255) + 1;
    g_autofree char *text = g_malloc(capacity + 1);
    size_t size = 0;
    for (;;) {
        ssize_t got = read(fd, text + size, capacity - size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return trouble_set_errno(error, errno, "cannot read %s", path);
        if (got == 0)
            break;
        size += (size_t)got;
        if (size > max)
            return trouble_set_errno(error, EFBIG, "%s has more than %zu bytes", path, max);
        if (size == capacity) {
            capacity *= 2;
            text = g_realloc(text, capacity + 1);
        }
    }
    text[size] = '\0';
    *ret_text = g_steal_pointer(&text);
    if (ret_size)
        *ret_size = size;
    return true;
}

bool file_write_all(int fd, const void *data, size_t size, GError **error)
{
    const char *rest = data;
    while (size > 0) {
        ssize_t written = write(fd, rest, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return trouble_set_errno(error, errno, "cannot write to descriptor %d", fd);
        rest += written;
        size -= (size_t)written;
    }
    return true;
}

static bool fill_temporary(int fd, const char *path, const void *data, size_t size, unsigned mode,
                           GError **error)
{
    if (!file_write_all(fd, data, size, error)) {
        g_prefix_error(error, "%s: ", path);
        return false;
    }
    if (fchmod(fd, mode) < 0 || fsync(fd) < 0)
        return trouble_set_errno(error, errno, "cannot save %s", path);
    return true;
}

static bool sync_directory(const char *path, GError **error)
{
    autofd fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0)
        return trouble_set_errno(error, errno, "cannot sync directory %s", path);
    return true;
}

bool file_write(const char *path, const void *data, size_t size, unsigned mode, GError **error)
{
    g_autofree char *directory = g_path_get_dirname(path);
    g_autofree char *name = g_path_get_basename(path);
    g_autofree char *temporary = g_strdup_printf("%s/.%s.XXXXXX", directory, name);

    autofd fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return trouble_set_errno(error, errno, "cannot create a file in %s", directory);
    if (!fill_temporary(fd, path, data, size, mode, error)) {
        unlink(temporary);
        return false;
    }
    if (rename(temporary, path) < 0) {
        int errnum = errno;
        unlink(temporary);
        return trouble_set_errno(error, errnum, "cannot replace %s", path);
    }
    return sync_directory(directory, error);
}

static bool remove_entry(int parent, const char *name, const char *path, GError **error);

/* Takes fd over. Names are collected first: some file systems skip entries of a directory that
 * shrinks while it is read. */
static bool empty_directory(int fd, const char *path, GError **error)
{
    DIR *directory = fdopendir(fd);
    if (!directory) {
        int errnum = errno;
        close(fd);
        return trouble_set_errno(error, errnum, "cannot read directory %s", path);
    }
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    for (const struct dirent *entry; (entry = readdir(directory));) {
        if (!g_str_equal(entry->d_name, ".") && !g_str_equal(entry->d_name, ".."))
            g_ptr_array_add(names, g_strdup(entry->d_name));
    }
    bool ok = true;
    for (unsigned i = 0; ok && i < names->len; i++) {
        g_autofree char *child = g_build_filename(path, names->pdata[i], NULL);
        ok = remove_entry(dirfd(directory), names->pdata[i], child, error);
    }
    closedir(directory);
    return ok;
}

/* path is for messages; name, under parent, is what is removed. */
static bool remove_entry(int parent, const char *name, const char *path, GError **error)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        if (errno == ENOENT)
            return true;
        /* ENOTDIR and, for a link, ELOOP. */
        if ((errno == ENOTDIR || errno == ELOOP) &&
            (unlinkat(parent, name, 0) == 0 || errno == ENOENT))
            return true;
        return trouble_set_errno(error, errno, "cannot remove %s", path);
    }
    if (!empty_directory(fd, path, error))
        return false;
    if (unlinkat(parent, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
        return trouble_set_errno(error, errno, "cannot remove directory %s", path);
    return true;
}

bool file_remove_tree(const char *path, GError **error)
{
    return remove_entry(AT_FDCWD, path, path, error);
}
