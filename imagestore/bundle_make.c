/* From an image to parts: three threads with a pipe between each two.
 *
 *     archive   reads the image, takes the SHA-1 of its archive
 *     deflate   gzips
 *     caller    encrypts, cuts into parts, takes their SHA-1, hands them over
 *
 * Whoever fails breaks the pipe that it reads and ends its own badly; so all three end. */
#include "imagestore/bundle.h"
#include "imagestore/bundle_archive.h"
#include "imagestore/bundle_cipher.h"
#include "imagestore/bundle_pipe.h"

#include <string.h>
#include <zlib.h>

#define ARCHIVE_SLICE ((size_t)256 * 1024)
#define ARCHIVE_SLICES 8
#define SLICE ((size_t)64 * 1024)
#define SLICES 32
#define GZIP_WINDOW (15 + 16) /* the largest, and gzip's header */
#define GZIP_MEMORY 8         /* zlib's default */
/* gzip's default, as the tools in guests use it. On a Debian system -9 takes three times its time
 * for half a percent less, -1 a third of it for a tenth more. */
#define GZIP_LEVEL 6
#define MAX_NAME 100

typedef struct Making {
    BundleArchive archive;
    BundlePipe *plain, *packed;
    uint8_t digest[SHA1_SIZE];
    GError *archive_error, *part_error;
} Making;

/* --- the archive's thread --- */

static void *run_archive(void *data)
{
    Making *making = data;
    bool good = bundle_archive_write(&making->archive, making->plain, making->digest,
                                     &making->archive_error);
    bundle_pipe_end(making->plain, good);
    return NULL;
}

/* --- gzip's thread --- */

typedef struct Deflater {
    Making *making;
    z_stream stream;
    BundleBlock *block; /* being filled; NULL: the next one is wanted */
} Deflater;

/* Deflates what went in, with Z_FINISH to the end. False: nobody takes it any more. */
static bool deflate_some(Deflater *deflater, int flush)
{
    BundlePipe *pipe = deflater->making->packed;
    z_stream *stream = &deflater->stream;
    int result = Z_OK;
    do {
        if (!deflater->block) {
            deflater->block = bundle_pipe_room(pipe);
            if (!deflater->block)
                return false;
            stream->next_out = deflater->block->data;
            stream->avail_out = (unsigned)bundle_pipe_block_size(pipe);
        }
        result = deflate(stream, flush);
        g_assert(result != Z_STREAM_ERROR);
        deflater->block->size = bundle_pipe_block_size(pipe) - stream->avail_out;
        if (stream->avail_out == 0 || result == Z_STREAM_END) {
            bundle_pipe_push(pipe);
            deflater->block = NULL;
        }
    } while (flush == Z_FINISH ? result != Z_STREAM_END : stream->avail_in > 0);
    return true;
}

static bool deflate_all(Deflater *deflater)
{
    BundlePipe *pipe = deflater->making->plain;
    for (const BundleBlock *plain; (plain = bundle_pipe_next(pipe));) {
        deflater->stream.next_in = plain->data;
        deflater->stream.avail_in = (unsigned)plain->size;
        if (!deflate_some(deflater, Z_NO_FLUSH))
            return false;
    }
    return bundle_pipe_is_whole(pipe) && deflate_some(deflater, Z_FINISH);
}

static void *run_deflate(void *data)
{
    Making *making = data;
    Deflater deflater = {.making = making};
    if (deflateInit2(&deflater.stream, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        g_error("zlib has no memory");
    bool good = deflate_all(&deflater);
    deflateEnd(&deflater.stream);
    bundle_pipe_end(making->packed, good);
    bundle_pipe_break(making->plain);
    return NULL;
}

/* --- the caller's thread: parts --- */

typedef struct Parts {
    Making *making;
    Arena *arena;
    const BundleSink *sink;
    BundleManifest *manifest;
    BundleCipher *cipher;
    BundleTicker ticker;
    uint8_t *part; /* a block of the cipher and a slice more than a part */
    size_t size;   /* bytes in it */
} Parts;

/* The first `size` bytes are a part. */
static bool hand_over(Parts *parts, size_t size, GError **error)
{
    BundleManifest *manifest = parts->manifest;
    BundlePart *part = arena_new_struct(parts->arena, BundlePart);
    part->filename = arena_printf(parts->arena, "%s.part.%02zu", manifest->name, manifest->parts.n);
    digest(DIGEST_SHA1, parts->part, size, part->digest);
    if (!parts->sink->part(parts->sink->data, manifest->parts.n, part->filename, parts->part, size,
                           error))
        return false;
    list_add(&manifest->parts, parts->arena, part);
    manifest->bundled_size += size;
    parts->size -= size;
    memmove(parts->part, parts->part + size, parts->size);
    return true;
}

static bool hand_over_full(Parts *parts, GError **error)
{
    return parts->size < BUNDLE_PART_SIZE || hand_over(parts, BUNDLE_PART_SIZE, error);
}

static bool add_slice(Parts *parts, const BundleBlock *packed, GError **error)
{
    size_t written;
    if (!bundle_cipher_add(parts->cipher, packed->data, packed->size, parts->part + parts->size,
                           &written, error))
        return false;
    parts->size += written;
    return hand_over_full(parts, error) &&
           bundle_tick(&parts->ticker, parts->making->archive.done, error);
}

static bool add_end(Parts *parts, GError **error)
{
    size_t written;
    if (!bundle_cipher_finish(parts->cipher, parts->part + parts->size, &written, error))
        return false;
    parts->size += written;
    return hand_over_full(parts, error) &&
           (parts->size == 0 || hand_over(parts, parts->size, error));
}

static bool make_parts(Parts *parts, GError **error)
{
    BundlePipe *pipe = parts->making->packed;
    if (!bundle_tick(&parts->ticker, 0, error))
        return false;
    for (const BundleBlock *packed; (packed = bundle_pipe_next(pipe));)
        if (!add_slice(parts, packed, error))
            return false;
    /* Whoever ended it badly has the reason. */
    return !bundle_pipe_is_whole(pipe) ||
           (add_end(parts, error) && bundle_tick_end(&parts->ticker, error));
}

/* --- all three --- */

static bool run(Making *making, Parts *parts, GError **error)
{
    GThread *archiving = g_thread_new("bundle-tar", run_archive, making);
    GThread *deflating = g_thread_new("bundle-gzip", run_deflate, making);
    make_parts(parts, &making->part_error);
    bundle_pipe_break(making->packed);
    g_thread_join(deflating);
    g_thread_join(archiving);
    /* With an error of its own the caller's thread is what stopped the others. */
    GError *first = making->part_error ?: making->archive_error;
    if (making->part_error)
        g_clear_error(&making->archive_error);
    if (first)
        g_propagate_error(error, first);
    return !first;
}

bool bundle_make(Arena *arena, int fd, const char *name, const BundleKey *key,
                 const BundleSink *sink, BundleManifest *manifest, GError **error)
{
    Making making = {0};
    g_assert(*name && strlen(name) <= MAX_NAME && !strchr(name, '/'));
    bool good = bundle_archive_open(&making.archive, fd, name, error);
    if (good) {
        g_autoptr(BundlePipe) plain = bundle_pipe_new(ARCHIVE_SLICES, ARCHIVE_SLICE);
        g_autoptr(BundlePipe) packed = bundle_pipe_new(SLICES, SLICE);
        g_autoptr(BundleCipher) cipher = bundle_cipher_new(key, true);
        g_autofree uint8_t *part = g_malloc(BUNDLE_PART_SIZE + SLICE + BUNDLE_CIPHER_BLOCK);
        making.plain = plain;
        making.packed = packed;
        manifest->name = arena_strdup(arena, name);
        manifest->size = making.archive.size;
        manifest->bundled_size = 0;
        manifest->parts = (List){0};
        Parts parts = {.making = &making,
                       .arena = arena,
                       .sink = sink,
                       .manifest = manifest,
                       .cipher = cipher,
                       .part = part,
                       .ticker = {.progress = sink->progress,
                                  .data = sink->data,
                                  .total = making.archive.stored}};
        good = run(&making, &parts, error);
        memcpy(manifest->digest, making.digest, SHA1_SIZE);
    }
    bundle_archive_clear(&making.archive);
    return good;
}
