/* Writing an image with its holes.
 *
 * Invariant: PATH.new is removed by bundle_image_free unless it became PATH; what was at PATH
 * before stays until then. */
#include "imagestore/bundle_image.h"

#include "base/fault.h"
#include "base/file.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define HOLE_SIZE 4096 /* bytes: the block of the file systems there are */
/* After so many bytes the disk is set to work, or the sync at the end would wait for all. */
#define WRITE_BACK ((uint64_t)32 * 1024 * 1024)

struct BundleImage {
    char *path, *temporary;
    int fd;
    uint64_t size;
    uint64_t unsynced; /* bytes written since the disk was last set to work */
};

bool bundle_image_create(const char *path, uint64_t size, BundleImage **ret_image, GError **error)
{
    g_autoptr(BundleImage) image = g_new0(BundleImage, 1);
    image->path = g_strdup(path);
    image->size = size;
    image->fd = -1;
    g_autofree char *temporary = g_strconcat(path, ".new", NULL);
    if (unlink(temporary) < 0 && errno != ENOENT)
        return trouble_set_errno(error, errno, "cannot remove %s", temporary);
    image->fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (image->fd < 0)
        return trouble_set_errno(error, errno, "cannot create %s", temporary);
    image->temporary = g_steal_pointer(&temporary);
    if (ftruncate(image->fd, (off_t)size) < 0)
        return trouble_set_errno(error, errno, "cannot make %s %" G_GUINT64_FORMAT " bytes large",
                                 image->temporary, size);
    *ret_image = g_steal_pointer(&image);
    return true;
}

uint64_t bundle_image_size(const BundleImage *image)
{
    return image->size;
}

static bool is_zero(const uint8_t *data, size_t size)
{
    return data[0] == 0 && memcmp(data, data + 1, size - 1) == 0;
}

static bool write_run(BundleImage *image, uint64_t offset, const uint8_t *data, size_t size,
                      GError **error)
{
    image->unsynced += size;
    while (size > 0) {
        ssize_t written = pwrite(image->fd, data, size, (off_t)offset);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return trouble_set_errno(error, errno, "cannot write to %s", image->temporary);
        data += written;
        offset += (uint64_t)written;
        size -= (size_t)written;
    }
    if (image->unsynced >= WRITE_BACK) {
        image->unsynced = 0;
        sync_file_range(image->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
    }
    return true;
}

bool bundle_image_write(BundleImage *image, uint64_t offset, const void *data, size_t size,
                        GError **error)
{
    const uint8_t *at = data, *run = data, *end = at + size;
    g_assert(offset <= image->size && size <= image->size - offset);
    while (at < end) {
        /* Up to the next border of blocks in the file. */
        size_t room =
            HOLE_SIZE - (size_t)((offset + (uint64_t)(at - (const uint8_t *)data)) % HOLE_SIZE);
        size_t piece = MIN(room, (size_t)(end - at));
        if (is_zero(at, piece)) {
            if (run < at && !write_run(image, offset + (uint64_t)(run - (const uint8_t *)data), run,
                                       (size_t)(at - run), error))
                return false;
            run = at + piece;
        }
        at += piece;
    }
    return run == end || write_run(image, offset + (uint64_t)(run - (const uint8_t *)data), run,
                                   (size_t)(end - run), error);
}

bool bundle_image_keep(BundleImage *image, GError **error)
{
    g_autofree char *directory = g_path_get_dirname(image->path);
    autofd parent = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0)
        return trouble_set_errno(error, errno, "cannot open directory %s", directory);
    if (fsync(image->fd) < 0)
        return trouble_set_errno(error, errno, "cannot sync %s", image->temporary);
    if (rename(image->temporary, image->path) < 0)
        return trouble_set_errno(error, errno, "cannot rename %s", image->temporary);
    g_clear_pointer(&image->temporary, g_free);
    if (fsync(parent) < 0) {
        int errnum = errno;
        unlink(image->path);
        return trouble_set_errno(error, errnum, "cannot sync directory %s", directory);
    }
    return true;
}

void bundle_image_free(BundleImage *image)
{
    if (!image)
        return;
    if (image->temporary)
        unlink(image->temporary);
    autofd_clear(&image->fd);
    g_free(image->temporary);
    g_free(image->path);
    g_free(image);
}
