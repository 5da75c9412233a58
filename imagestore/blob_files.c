/* The files that blobs lie in.
 *
 * Invariant: a file is either in new/ or at rest, and moves that way only; whoever looks for it
 * looks at rest, in new/ and at rest once more, and so cannot miss one that is being moved. */
#include "imagestore/blob_files.h"

#include "base/digest.h"
#include "base/fault.h"
#include "base/faultpoint.h"
#include "base/file.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

/* What uploads leave free: more than the store's log of pages and its checkpoint take. Of a small
 * disk it is only a part. */
#define RESERVE (UINT64_C(32) * 1024 * 1024)
#define RESERVE_PART 8

#define PATH_SIZE 64 /* of "xx/id" and "new/id" */

/* A sync of new/, and the threads that it is for. */
typedef struct SyncRound {
    unsigned holders;
    bool done;
    int errnum; /* 0: it went well */
} SyncRound;

struct BlobFiles {
    char *directory;
    int fd;
    int new_fd;

    GMutex lock; /* over all below */
    GCond round_ended;
    SyncRound *next; /* not begun; NULL: nobody waits */
    bool syncing;
};

/* The sentence for a full disk is the store's. */
static bool files_trouble(const BlobFiles *files, int errnum, const char *doing, const char *path,
                          GError **error)
{
    if (errnum != ENOSPC && errnum != EDQUOT && errnum != EFBIG)
        return trouble_set_errno(error, errnum, "Cannot %s %s/%s", doing, files->directory, path);
    g_set_error(error, TROUBLE_DOMAIN, ENOSPC,
                "The disk that holds %s is full: free some space, then try again",
                files->directory);
    return false;
}

bool blob_files_check_room(BlobFiles *files, GError **error)
{
    struct statvfs disk;
    /* Some file systems do not tell. */
    if (fstatvfs(files->new_fd, &disk) < 0 || disk.f_blocks == 0)
        return true;
    uint64_t size = (uint64_t)disk.f_blocks * disk.f_frsize;
    uint64_t left = (uint64_t)disk.f_bavail * disk.f_frsize;
    return left >= MIN(RESERVE, size / RESERVE_PART) ||
           files_trouble(files, ENOSPC, "write to", "new", error);
}

static bool open_directory(const char *path, int *ret_fd, GError **error)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return trouble_set_errno(error, errno, "Cannot open directory %s", path);
    *ret_fd = fd;
    return true;
}

bool blob_files_open(const char *directory, BlobFiles **ret_files, GError **error)
{
    g_autofree char *new_path = g_build_filename(directory, "new", NULL);
    if (!file_make_directory(new_path, error))
        return false;
    g_autoptr(BlobFiles) files = g_new0(BlobFiles, 1);
    files->directory = g_strdup(directory);
    files->fd = files->new_fd = -1;
    g_mutex_init(&files->lock);
    g_cond_init(&files->round_ended);
    if (!open_directory(directory, &files->fd, error) ||
        !open_directory(new_path, &files->new_fd, error))
        return false;
    if (fsync(files->fd) < 0)
        return files_trouble(files, errno, "sync", "", error);
    *ret_files = g_steal_pointer(&files);
    return true;
}

void blob_files_free(BlobFiles *files)
{
    if (!files)
        return;
    g_assert(!files->next && !files->syncing);
    autofd_clear(&files->fd);
    autofd_clear(&files->new_fd);
    g_cond_clear(&files->round_ended);
    g_mutex_clear(&files->lock);
    g_free(files->directory);
    g_free(files);
}

void blob_id_make(char id[BLOB_ID_SIZE])
{
    /* Neighbours in time are neighbours in the database's index, and in a directory. */
    uint64_t now = (uint64_t)g_get_real_time(), noise;
    random_bytes(&noise, sizeof(noise));
    snprintf(id, BLOB_ID_SIZE, "%02x%014" PRIx64 "%016" PRIx64, (unsigned)(now >> 20 & 255),
             now & (UINT64_MAX >> 8), noise);
}

bool blob_id_is_valid(const char *id)
{
    return strlen(id) == BLOB_ID_SIZE - 1 && strspn(id, "0123456789abcdef") == BLOB_ID_SIZE - 1;
}

unsigned blob_id_shelf(const char *id)
{
    return (unsigned)(g_ascii_xdigit_value(id[0]) << 4 | g_ascii_xdigit_value(id[1])) & 255;
}

static void rest_path(char path[PATH_SIZE], const char *id)
{
    g_assert(blob_id_is_valid(id));
    snprintf(path, PATH_SIZE, "%.2s/%s", id, id);
}

static void new_path(char path[PATH_SIZE], const char *id)
{
    g_assert(blob_id_is_valid(id));
    snprintf(path, PATH_SIZE, "new/%s", id);
}

bool blob_files_create(BlobFiles *files, const char *id, int *ret_fd, GError **error)
{
    char path[PATH_SIZE];
    new_path(path, id);
    faultpoint("blob-create");
    int fd = openat(files->fd, path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return files_trouble(files, errno, "create", path, error);
    *ret_fd = fd;
    return true;
}

bool blob_files_write(BlobFiles *files, int fd, const void *data, size_t size, uint64_t offset,
                      GError **error)
{
    const char *rest = data;
    if (!blob_files_check_room(files, error))
        return false;
    faultpoint("blob-write");
    while (size > 0) {
        ssize_t written = pwrite(fd, rest, size, (off_t)offset);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return files_trouble(files, errno, "write to", "new", error);
        rest += written;
        offset += (uint64_t)written;
        size -= (size_t)written;
    }
    return true;
}

bool blob_files_sync(BlobFiles *files, int fd, GError **error)
{
    faultpoint("blob-sync-file");
    if (fdatasync(fd) < 0)
        return files_trouble(files, errno, "sync", "new", error);
    return true;
}

/* Does the next round; lock held. */
static void lead_round(BlobFiles *files)
{
    SyncRound *round = g_steal_pointer(&files->next);
    files->syncing = true;
    g_mutex_unlock(&files->lock);
    faultpoint("blob-sync-new");
    int errnum = fsync(files->new_fd) < 0 ? errno : 0;
    g_mutex_lock(&files->lock);
    files->syncing = false;
    round->errnum = errnum;
    round->done = true;
    g_cond_broadcast(&files->round_ended);
}

bool blob_files_sync_new(BlobFiles *files, GError **error)
{
    g_mutex_lock(&files->lock);
    if (!files->next)
        files->next = g_new0(SyncRound, 1);
    SyncRound *round = files->next;
    round->holders++;
    while (!round->done) {
        /* A round under way may have begun before this thread's file was made. */
        if (files->syncing)
            g_cond_wait(&files->round_ended, &files->lock);
        else
            lead_round(files);
    }
    int errnum = round->errnum;
    if (--round->holders == 0)
        g_free(round);
    g_mutex_unlock(&files->lock);
    return errnum == 0 || files_trouble(files, errnum, "sync", "new", error);
}

static bool make_shelf(BlobFiles *files, const char *id, GError **error)
{
    char name[3] = {id[0], id[1], '\0'};
    faultpoint("blob-make-shelf");
    if (mkdirat(files->fd, name, 0700) < 0 && errno != EEXIST)
        return files_trouble(files, errno, "create directory", name, error);
    /* Before anything is moved there: a file must not be lost with its directory. */
    faultpoint("blob-sync-shelves");
    if (fsync(files->fd) < 0)
        return files_trouble(files, errno, "sync", "", error);
    return true;
}

bool blob_files_move(BlobFiles *files, const char *id, GError **error)
{
    char from[PATH_SIZE], to[PATH_SIZE];
    new_path(from, id);
    rest_path(to, id);
    faultpoint("blob-move");
    if (renameat(files->fd, from, files->fd, to) == 0)
        return true;
    /* Either the file or the directory is not there. */
    if (errno == ENOENT) {
        if (!blob_files_has(files, BLOB_SHELF_NEW, id))
            return true;
        if (!make_shelf(files, id, error))
            return false;
        if (renameat(files->fd, from, files->fd, to) == 0 || errno == ENOENT)
            return true;
    }
    return files_trouble(files, errno, "move", from, error);
}

bool blob_files_open_blob(BlobFiles *files, const char *id, int *ret_fd, GError **error)
{
    char paths[2][PATH_SIZE];
    rest_path(paths[0], id);
    new_path(paths[1], id);
    int fd = -1;
    for (unsigned i = 0; i < 3; i++) {
        fd = openat(files->fd, paths[i % 2], O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd >= 0 || errno != ENOENT)
            break;
    }
    if (fd < 0)
        return files_trouble(files, errno, "open", paths[0], error);
    *ret_fd = fd;
    return true;
}

bool blob_files_remove(BlobFiles *files, const char *id, GError **error)
{
    char paths[2][PATH_SIZE];
    rest_path(paths[0], id);
    new_path(paths[1], id);
    faultpoint("blob-remove");
    for (unsigned i = 0; i < 3; i++) {
        if (unlinkat(files->fd, paths[i % 2], 0) == 0)
            return true;
        if (errno != ENOENT)
            return files_trouble(files, errno, "remove", paths[i % 2], error);
    }
    return true;
}

static void shelf_name(char name[4], unsigned shelf)
{
    if (shelf == BLOB_SHELF_NEW)
        g_strlcpy(name, "new", 4);
    else
        snprintf(name, 4, "%02x", shelf & 255);
}

/* *ret_fd -1: there is none yet. */
static bool open_shelf(BlobFiles *files, unsigned shelf, int *ret_fd, GError **error)
{
    char name[4];
    shelf_name(name, shelf);
    int fd = openat(files->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno != ENOENT)
        return files_trouble(files, errno, "open directory", name, error);
    *ret_fd = fd;
    return true;
}

bool blob_files_sync_shelf(BlobFiles *files, unsigned shelf, GError **error)
{
    autofd fd = -1;
    if (!open_shelf(files, shelf, &fd, error))
        return false;
    faultpoint("blob-sync-shelf");
    if (fd >= 0 && fsync(fd) < 0)
        return files_trouble(files, errno, "sync a directory of", "", error);
    return true;
}

bool blob_files_list(BlobFiles *files, unsigned shelf, GPtrArray **ret_names, GError **error)
{
    autofd fd = -1;
    if (!open_shelf(files, shelf, &fd, error))
        return false;
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    if (fd >= 0) {
        DIR *directory = fdopendir(fd);
        if (!directory)
            return files_trouble(files, errno, "read a directory of", "", error);
        fd = -1;
        for (const struct dirent *entry; (entry = readdir(directory));) {
            if (entry->d_name[0] != '.')
                g_ptr_array_add(names, g_strdup(entry->d_name));
        }
        closedir(directory);
    }
    *ret_names = g_steal_pointer(&names);
    return true;
}

bool blob_files_remove_from(BlobFiles *files, unsigned shelf, const char *name, GError **error)
{
    autofd fd = -1;
    if (!open_shelf(files, shelf, &fd, error))
        return false;
    faultpoint("blob-remove-unowned");
    if (fd >= 0 && unlinkat(fd, name, 0) < 0 && errno != ENOENT)
        return files_trouble(files, errno, "remove", name, error);
    return true;
}

bool blob_files_has(BlobFiles *files, unsigned shelf, const char *name)
{
    struct stat status;
    autofd fd = -1;
    return open_shelf(files, shelf, &fd, NULL) && fd >= 0 &&
           fstatat(fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
}
