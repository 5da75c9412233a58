/* From parts to an image: three threads with a pipe between each two.
 *
 *     caller    reads a part, checks its SHA-1, decrypts it
 *     inflate   gunzips
 *     unpack    takes the SHA-1 of the archive, reads it, writes the image
 *
 * The first pipe holds a part, so that the next one can be read while one is inflated. Whoever
 * fails keeps its error, ends its pipe badly and breaks the one that it reads; so all three end.
 * When more than one failed, the first in the line is the one to blame.
 *
 * Invariant: the image gets its name when all three are through, the SHA-1 of the archive is right
 * and no error is there. */
#include "imagestore/bundle.h"
#include "imagestore/bundle_cipher.h"
#include "imagestore/bundle_pipe.h"
#include "imagestore/bundle_tar.h"

#include "base/fault.h"
#include <string.h>
#include <zlib.h>

#define SLICE ((size_t)64 * 1024)
#define SLICES (BUNDLE_PART_SIZE / SLICE)
#define ARCHIVE_SLICE ((size_t)256 * 1024) /* stays in a processor's cache on its way */
#define ARCHIVE_SLICES 8
#define GZIP_WINDOW (15 + 16) /* the largest; gzip's header and nothing else */

typedef struct Extraction {
    const BundleManifest *manifest;
    const BundleSource *source;
    BundleImage *image;
    BundlePipe *packed, *archive;
    BundleTicker ticker;
    GError *fetch_error, *inflate_error, *unpack_error;
} Extraction;

/* --- the caller's thread: parts --- */

typedef struct Fetch {
    Extraction *extraction;
    BundleCipher *cipher;
    uint8_t *part;
    size_t room;   /* bytes in it: one more than the largest part, to see that one is too large */
    uint64_t done; /* bytes of parts before this one */
} Fetch;

static bool part_wrong(const Fetch *fetch, size_t index, const char *why, GError **error)
{
    const BundlePart *part = list_at(&fetch->extraction->manifest->parts, index);
    return bundle_error_set(error, BUNDLE_ERROR_PART_DIGEST,
                            "part %zu, %s, is not what the manifest says: %s", index,
                            part->filename, why);
}

static bool read_part(Fetch *fetch, size_t index, size_t *ret_size, GError **error)
{
    const BundleSource *source = fetch->extraction->source;
    size_t size = 0, got = 1;
    while (got > 0 && size < fetch->room) {
        if (!source->read(source->data, index, fetch->part + size, fetch->room - size, &got, error))
            return false;
        g_assert(got <= fetch->room - size);
        size += got;
        if (!bundle_tick(&fetch->extraction->ticker, fetch->done, error))
            return false;
    }
    *ret_size = size;
    return true;
}

static bool check_part(const Fetch *fetch, size_t index, size_t size, GError **error)
{
    const BundleManifest *manifest = fetch->extraction->manifest;
    const BundlePart *part = list_at(&manifest->parts, index);
    uint8_t found[SHA1_SIZE];
    if (size > BUNDLE_PART_SIZE)
        return part_wrong(fetch, index, "it has more than 10 MiB", error);
    if (size > manifest->bundled_size - fetch->done)
        return bundle_error_set(error, BUNDLE_ERROR_SIZE,
                                "the parts have more than the %" G_GUINT64_FORMAT
                                " bytes of the manifest",
                                manifest->bundled_size);
    digest(DIGEST_SHA1, fetch->part, size, found);
    return memcmp(found, part->digest, SHA1_SIZE) == 0 ||
           part_wrong(fetch, index, "its SHA-1 differs", error);
}

/* *ret_gone: the next in the line has given up. */
static bool send_part(Fetch *fetch, size_t size, bool *ret_gone, GError **error)
{
    BundlePipe *pipe = fetch->extraction->packed;
    for (size_t at = 0; at < size;) {
        BundleBlock *block = bundle_pipe_room(pipe);
        *ret_gone = block == NULL;
        if (!block)
            return true;
        /* What is decrypted may be a block of the cipher longer than what went in. */
        size_t piece = MIN(SLICE - BUNDLE_CIPHER_BLOCK, size - at);
        if (!bundle_cipher_add(fetch->cipher, fetch->part + at, piece, block->data, &block->size,
                               error))
            return false;
        at += piece;
        if (block->size > 0)
            bundle_pipe_push(pipe);
        if (!bundle_tick(&fetch->extraction->ticker, fetch->done + at, error))
            return false;
    }
    fetch->done += size;
    return true;
}

static bool fetch_part(Fetch *fetch, size_t index, bool *ret_gone, GError **error)
{
    size_t size = 0;
    return read_part(fetch, index, &size, error) && check_part(fetch, index, size, error) &&
           send_part(fetch, size, ret_gone, error);
}

static bool finish_parts(Fetch *fetch, bool *ret_gone, GError **error)
{
    const BundleManifest *manifest = fetch->extraction->manifest;
    if (fetch->done != manifest->bundled_size)
        return bundle_error_set(error, BUNDLE_ERROR_SIZE,
                                "the parts have %" G_GUINT64_FORMAT " bytes, but the manifest "
                                "says %" G_GUINT64_FORMAT,
                                fetch->done, manifest->bundled_size);
    BundleBlock *block = bundle_pipe_room(fetch->extraction->packed);
    *ret_gone = block == NULL;
    if (!block)
        return true;
    if (!bundle_cipher_finish(fetch->cipher, block->data, &block->size, error))
        return false;
    if (block->size > 0)
        bundle_pipe_push(fetch->extraction->packed);
    return true;
}

static bool fetch_parts(Fetch *fetch, GError **error)
{
    const List *parts = &fetch->extraction->manifest->parts;
    bool gone = false;
    if (!bundle_tick(&fetch->extraction->ticker, 0, error))
        return false;
    for (size_t i = 0; i < parts->n && !gone; i++)
        if (!fetch_part(fetch, i, &gone, error))
            return false;
    return gone || finish_parts(fetch, &gone, error);
}

/* --- the second thread: gzip --- */

typedef struct Inflater {
    Extraction *extraction;
    z_stream stream;
    BundleBlock *block; /* being filled; NULL: the next one is wanted */
    bool in_member;
    bool any;
    bool gone; /* the next in the line has given up */
} Inflater;

static bool gzip_wrong(const char *why, GError **error)
{
    return bundle_error_set(error, BUNDLE_ERROR_ARCHIVE,
                            "what is in the bundle is not a gzip file: %s", why);
}

/* Members follow each other, as gzip's own files may. */
static bool begin_member(Inflater *inflater)
{
    inflater->in_member = true;
    inflater->any = true;
    return inflateReset(&inflater->stream) == Z_OK;
}

static void push_full(Inflater *inflater)
{
    BundlePipe *pipe = inflater->extraction->archive;
    inflater->block->size = bundle_pipe_block_size(pipe) - inflater->stream.avail_out;
    if (inflater->stream.avail_out > 0)
        return;
    bundle_pipe_push(pipe);
    inflater->block = NULL;
}

/* Inflates what went in, as far as there is a block for it. */
static bool inflate_some(Inflater *inflater, GError **error)
{
    z_stream *stream = &inflater->stream;
    BundlePipe *pipe = inflater->extraction->archive;
    if (!inflater->block) {
        inflater->block = bundle_pipe_room(pipe);
        inflater->gone = inflater->block == NULL;
        if (inflater->gone)
            return true;
        stream->next_out = inflater->block->data;
        stream->avail_out = (unsigned)bundle_pipe_block_size(pipe);
    }
    if (!inflater->in_member && !begin_member(inflater))
        return gzip_wrong("its state is lost", error);
    int result = inflate(stream, Z_NO_FLUSH);
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
        return gzip_wrong(stream->msg ? stream->msg : "it is damaged", error);
    inflater->in_member = result != Z_STREAM_END;
    push_full(inflater);
    return true;
}

/* zlib may hold back output when a block is full although all input was taken. */
static bool inflate_block(Inflater *inflater, const BundleBlock *packed, GError **error)
{
    inflater->stream.next_in = packed->data;
    inflater->stream.avail_in = (unsigned)packed->size;
    do {
        if (!inflate_some(inflater, error))
            return false;
    } while (!inflater->gone &&
             (inflater->stream.avail_in > 0 || (!inflater->block && inflater->in_member)));
    return true;
}

static bool inflate_all(Inflater *inflater, GError **error)
{
    const BundleBlock *packed;
    while (!inflater->gone && (packed = bundle_pipe_next(inflater->extraction->packed)))
        if (!inflate_block(inflater, packed, error))
            return false;
    if (inflater->gone || !bundle_pipe_is_whole(inflater->extraction->packed))
        return true;
    if (inflater->in_member || !inflater->any)
        return gzip_wrong("it ends early", error);
    if (inflater->block && inflater->block->size > 0)
        bundle_pipe_push(inflater->extraction->archive);
    return true;
}

static void *run_inflate(void *data)
{
    Extraction *extraction = data;
    Inflater inflater = {.extraction = extraction};
    if (inflateInit2(&inflater.stream, GZIP_WINDOW) != Z_OK)
        g_error("zlib has no memory");
    bool good = inflate_all(&inflater, &extraction->inflate_error) && !inflater.gone &&
                bundle_pipe_is_whole(extraction->packed);
    inflateEnd(&inflater.stream);
    bundle_pipe_end(extraction->archive, good);
    bundle_pipe_break(extraction->packed);
    return NULL;
}

/* --- the third thread: tar --- */

typedef struct Unpack {
    BundleStream stream;
    Extraction *extraction;
    BundleSha1 *sha1;
} Unpack;

static bool next_archive(BundleStream *stream, const uint8_t **ret_data, size_t *ret_size,
                         GError **error)
{
    Unpack *unpack = (Unpack *)((char *)stream - offsetof(Unpack, stream));
    const BundleBlock *block = bundle_pipe_next(unpack->extraction->archive);
    if (!block && !bundle_pipe_is_whole(unpack->extraction->archive))
        /* The one before has the reason, which is the one that is told. */
        return bundle_error_set(error, BUNDLE_ERROR_ARCHIVE, "the bundle ends early");
    if (block)
        bundle_sha1_add(unpack->sha1, block->data, block->size);
    *ret_data = block ? block->data : NULL;
    *ret_size = block ? block->size : 0;
    return true;
}

static bool unpack_archive(Unpack *unpack, GError **error)
{
    uint8_t found[SHA1_SIZE];
    if (!bundle_tar_extract(&unpack->stream, unpack->extraction->image, error))
        return false;
    bundle_sha1_finish(unpack->sha1, found);
    return memcmp(found, unpack->extraction->manifest->digest, SHA1_SIZE) == 0 ||
           bundle_error_set(error, BUNDLE_ERROR_IMAGE_DIGEST,
                            "the image is not what the manifest says: the SHA-1 of its archive "
                            "differs");
}

static void *run_unpack(void *data)
{
    Extraction *extraction = data;
    Unpack unpack = {
        .stream.next = next_archive, .extraction = extraction, .sha1 = bundle_sha1_new()};
    unpack_archive(&unpack, &extraction->unpack_error);
    bundle_sha1_free(unpack.sha1);
    bundle_pipe_break(extraction->archive);
    return NULL;
}

/* --- all three --- */

static void run_fetch(Extraction *extraction, const BundleKey *key)
{
    Fetch fetch = {
        .extraction = extraction,
        .cipher = bundle_cipher_new(key, false),
        .room = (size_t)MIN(BUNDLE_PART_SIZE, extraction->manifest->bundled_size) + 1,
    };
    fetch.part = g_malloc(fetch.room);
    bool good = fetch_parts(&fetch, &extraction->fetch_error);
    bundle_cipher_free(fetch.cipher);
    g_free(fetch.part);
    bundle_pipe_end(extraction->packed, good);
}

static bool run(Extraction *extraction, const BundleKey *key, GError **error)
{
    GThread *inflating = g_thread_new("unbundle-gzip", run_inflate, extraction);
    GThread *unpacking = g_thread_new("unbundle-tar", run_unpack, extraction);
    run_fetch(extraction, key);
    g_thread_join(inflating);
    g_thread_join(unpacking);
    GError **errors[] = {&extraction->fetch_error, &extraction->inflate_error,
                         &extraction->unpack_error};
    GError *first = NULL;
    for (size_t i = 0; i < G_N_ELEMENTS(errors); i++) {
        if (first)
            g_clear_error(errors[i]);
        else
            first = g_steal_pointer(errors[i]);
    }
    if (first)
        g_propagate_error(error, first);
    return !first;
}

bool bundle_extract(const BundleManifest *manifest, const BundleKey *key,
                    const BundleSource *source, const char *path, GError **error)
{
    g_autoptr(BundleImage) image = NULL;
    if (!bundle_image_create(path, manifest->size, &image, error))
        return false;
    g_autoptr(BundlePipe) packed = bundle_pipe_new(SLICES, SLICE);
    g_autoptr(BundlePipe) archive = bundle_pipe_new(ARCHIVE_SLICES, ARCHIVE_SLICE);
    Extraction extraction = {.manifest = manifest,
                             .source = source,
                             .image = image,
                             .packed = packed,
                             .archive = archive,
                             .ticker = {.progress = source->progress,
                                        .data = source->data,
                                        .total = manifest->bundled_size}};
    return run(&extraction, key, error) && bundle_tick_end(&extraction.ticker, error) &&
           bundle_image_keep(image, error);
}
