/* Pieces of any size as bytes of the size that is wanted. */
#include "imagestore/bundle_stream.h"

#include <string.h>

bool bundle_stream_some(BundleStream *stream, uint64_t most, const uint8_t **ret_data,
                        size_t *ret_size, GError **error)
{
    if (stream->rest_size == 0 && !stream->next(stream, &stream->rest, &stream->rest_size, error))
        return false;
    size_t size = (size_t)MIN((uint64_t)stream->rest_size, most);
    *ret_data = stream->rest;
    *ret_size = size;
    if (size > 0)
        stream->rest += size;
    stream->rest_size -= size;
    return true;
}

static bool ends_early(GError **error)
{
    return bundle_error_set(error, BUNDLE_ERROR_ARCHIVE, "the archive in the bundle ends early");
}

bool bundle_stream_take(BundleStream *stream, void *out, size_t size, GError **error)
{
    uint8_t *to = out;
    while (size > 0) {
        const uint8_t *data;
        size_t got;
        if (!bundle_stream_some(stream, size, &data, &got, error))
            return false;
        if (got == 0)
            return ends_early(error);
        memcpy(to, data, got);
        to += got;
        size -= got;
    }
    return true;
}

bool bundle_stream_skip(BundleStream *stream, uint64_t size, GError **error)
{
    while (size > 0) {
        const uint8_t *data;
        size_t got;
        if (!bundle_stream_some(stream, size, &data, &got, error))
            return false;
        if (got == 0)
            return ends_early(error);
        size -= got;
    }
    return true;
}

bool bundle_stream_block(BundleStream *stream, uint8_t block[BUNDLE_TAR_BLOCK], bool *ret_end,
                         GError **error)
{
    const uint8_t *data;
    size_t got;
    if (!bundle_stream_some(stream, BUNDLE_TAR_BLOCK, &data, &got, error))
        return false;
    *ret_end = got == 0;
    if (got == 0)
        return true;
    memcpy(block, data, got);
    return bundle_stream_take(stream, block + got, BUNDLE_TAR_BLOCK - got, error);
}
