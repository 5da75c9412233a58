/* The archive of an image, as `tar -S` makes it, into a pipe: GNU's sparse header with the map of
 * holes, the data, the end. */
#pragma once

#include "imagestore/bundle_pipe.h"
#include "imagestore/bundle_tar.h"

typedef struct BundleArchive {
    int fd;                /* borrowed */
    const char *name;      /* in the archive; borrowed */
    uint64_t size;         /* of the file */
    uint64_t stored;       /* bytes of it outside of holes */
    uint64_t modified;     /* seconds since 1970 */
    GArray *extents;       /* of BundleExtent; freed with bundle_archive_clear */
    _Atomic uint64_t done; /* stored bytes that are in the pipe; any thread may look */
} BundleArchive;

/* Finds the holes of an image file. BUNDLE_ERROR_SIZE: empty, or too large. */
bool bundle_archive_open(BundleArchive *archive, int fd, const char *name, GError **error);
void bundle_archive_clear(BundleArchive *archive);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(BundleArchive, bundle_archive_clear)

/* Writes all of it into the pipe, which it does not end, and gives its SHA-1. Trouble: the file
 * cannot be read. BUNDLE_ERROR_CANCELLED: the pipe was broken. */
bool bundle_archive_write(BundleArchive *archive, BundlePipe *pipe, uint8_t ret_sha1[SHA1_SIZE],
                          GError **error);
