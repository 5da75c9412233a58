/* The archives in bundles: tar with one ordinary file in it, which may have holes.
 *
 * Formats: ustar, GNU's (long names, sparse headers with their continuations) and PAX (sparse 0.0,
 * 0.1 and 1.0). Everything that is not one ordinary file is refused: links, devices, directories,
 * global headers, a second file; so are names that lead out of a directory, although no name is
 * ever used. Sizes are taken from nowhere: the archive has to agree with the image that was
 * created. */
#pragma once

#include "imagestore/bundle_image.h"
#include "imagestore/bundle_manifest.h"

#define BUNDLE_TAR_BLOCK 512

/* An image in which every other block of 4 KiB is a hole has 1.3 million of them. */
#define BUNDLE_TAR_MAX_EXTENTS (2 * 1024 * 1024)

/* Data of a file between two holes. */
typedef struct BundleExtent {
    uint64_t offset, size; /* bytes */
} BundleExtent;

/* The bytes of an archive, in order, in pieces as they come. Embedded in what brings them. */
typedef struct BundleStream BundleStream;
struct BundleStream {
    /* The next piece, which stays until the next call; *ret_size 0: the end. */
    bool (*next)(BundleStream *stream, const uint8_t **ret_data, size_t *ret_size, GError **error);
    const uint8_t *rest; /* of the last piece */
    size_t rest_size;
};

/* Writes the file of an archive, whose size is to be that of the image, and reads the archive to
 * its end. BUNDLE_ERROR_ARCHIVE, BUNDLE_ERROR_SIZE, those of next and of the image. */
bool bundle_tar_extract(BundleStream *stream, BundleImage *image, GError **error);
