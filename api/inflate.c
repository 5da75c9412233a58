/* Gzip. Invariant: no more than `most` bytes are ever made. */
#include "api/inflate.h"

#include "base/fault.h"
#include <zlib.h>

#define GZIP_WINDOW (15 + 16) /* zlib's: the largest, with gzip's header */
#define STEP 16384

static bool refuse(int code, GError **error)
{
    if (code == Z_BUF_ERROR)
        return fault_set(error, FAULT_REQUEST_TOO_LARGE, "The request is too large");
    return fault_set(error, FAULT_SERIALIZATION, "The body is not compressed as it says");
}

static int inflate_all(z_stream *stream, size_t most, Buffer *out)
{
    int code;
    do {
        stream->next_out = (Bytef *)buffer_reserve(out, STEP);
        stream->avail_out = STEP;
        code = inflate(stream, Z_NO_FLUSH);
        out->size += STEP - stream->avail_out;
        if (out->size > most)
            return Z_BUF_ERROR;
    } while (code == Z_OK && stream->avail_out == 0);
    /* Cut off before its end. */
    return code == Z_STREAM_END ? Z_OK : Z_DATA_ERROR;
}

bool http_body_inflate(Arena *arena, const HttpRequest *request, size_t most, const char **ret_body,
                       size_t *ret_size, GError **error)
{
    const char *encoding = http_header(request, "content-encoding");
    if (!request->body || !encoding || g_ascii_strcasecmp(encoding, "gzip") != 0) {
        *ret_body = request->body;
        *ret_size = request->body_size;
        return true;
    }
    z_stream stream = {
        .next_in = (Bytef *)(uintptr_t)request->body,
        .avail_in = (uInt)request->body_size,
    };
    g_auto(Buffer) out = {0};
    int code = inflateInit2(&stream, GZIP_WINDOW);
    if (code == Z_OK) {
        code = inflate_all(&stream, most, &out);
        inflateEnd(&stream);
    }
    if (code != Z_OK)
        return refuse(code, error);
    *ret_body = arena_memdup(arena, out.data, out.size);
    *ret_size = out.size;
    return true;
}
