/* Reading of an archive's bytes (BundleStream), whose end is an error where more is needed. */
#pragma once

#include "imagestore/bundle_tar.h"

/* At most so many bytes, at least one, which stay until the next call; *ret_size 0: the end. */
bool bundle_stream_some(BundleStream *stream, uint64_t most, const uint8_t **ret_data,
                        size_t *ret_size, GError **error);
/* Just so many bytes. BUNDLE_ERROR_ARCHIVE: there are fewer. */
bool bundle_stream_take(BundleStream *stream, void *out, size_t size, GError **error);
bool bundle_stream_skip(BundleStream *stream, uint64_t size, GError **error);
/* A block, or, at the end, *ret_end: nothing more comes. */
bool bundle_stream_block(BundleStream *stream, uint8_t block[BUNDLE_TAR_BLOCK], bool *ret_end,
                         GError **error);
/* To fill up a block behind so many bytes. */
static inline unsigned bundle_tar_padding(uint64_t size)
{
    return (unsigned)((BUNDLE_TAR_BLOCK - size % BUNDLE_TAR_BLOCK) % BUNDLE_TAR_BLOCK);
}
