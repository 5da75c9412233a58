/* Bundles: from parts to an image and back, in one pass each.
 *
 *     parts → SHA-1 of each → AES-128-CBC → gunzip → SHA-1 → tar → image with its holes
 *     image and its holes → tar → SHA-1 → gzip → AES-128-CBC → parts, SHA-1 of each
 *
 * Memory is bounded by a few parts (BUNDLE_PART_SIZE), whatever the size of the image; there is no
 * temporary file but the image itself. Both run in the calling thread, which is where the callbacks
 * are called, and in threads of their own that end before the function returns. Both take long:
 * never in an event thread. Errors: BUNDLE_ERROR (imagestore/bundle_manifest.h), those of the
 * callbacks as they are, and troubles. */
#pragma once

#include "imagestore/bundle_manifest.h"

/* Bytes of parts (bundle_extract) or of the image's data (bundle_make) that are done, of all.
 * Called at least once a second of work, and when all is done. False: stop, with
 * BUNDLE_ERROR_CANCELLED. */
typedef bool (*BundleProgressFn)(void *data, uint64_t done, uint64_t total);

/* Where the parts come from. */
typedef struct BundleSource {
    /* The next bytes of a part, at most size, at least one; *ret_read 0: that was all of it. Parts
     * are asked for in order, each from its beginning to its end, and at most BUNDLE_PART_SIZE + 1
     * bytes of one. A part that is not there: BUNDLE_ERROR_PART_MISSING. */
    bool (*read)(void *data, size_t part, void *buffer, size_t size, size_t *ret_read,
                 GError **error);
    BundleProgressFn progress; /* NULL: none */
    void *data;
} BundleSource;

/* Makes the image of a bundle whose signature the caller has checked. No byte of a part is used
 * before the whole part's digest was found right. The image is written into PATH.new (mode 0600),
 * synced and renamed to path, replacing what was there; when anything is wrong neither is left or
 * changed. */
bool bundle_extract(const BundleManifest *manifest, const BundleKey *key,
                    const BundleSource *source, const char *path, GError **error);

/* Where the parts go. */
typedef struct BundleSink {
    /* A whole part, which is the callback's only until it returns. In order. */
    bool (*part)(void *data, size_t index, const char *filename, const void *bytes, size_t size,
                 GError **error);
    BundleProgressFn progress; /* NULL: none */
    void *data;
} BundleSink;

/* Bundles the raw image file fd, read by position, which nobody may change meanwhile. name: of the
 * image and the beginning of part names ("NAME.part.00"); a file name of at most 100 bytes. Fills
 * in name, digest, size, bundled_size and parts of the manifest, from the arena; the rest, key
 * included, is the caller's. Parts given to the sink before an error are the caller's to remove.
 * BUNDLE_ERROR_SIZE: larger than BUNDLE_MAX_IMAGE, or empty. */
bool bundle_make(Arena *arena, int fd, const char *name, const BundleKey *key,
                 const BundleSink *sink, BundleManifest *manifest, GError **error);
