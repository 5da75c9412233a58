/* Writing a blob.
 *
 * Up to BLOB_INLINE_MAX bytes gather in a buffer that grows; a blob that ends there is digested by
 * whoever finishes it and never sees a file or another thread. With one byte more they move into
 * the first block of a stream (blob_pool.h).
 *
 * Invariant: what was not kept leaves nothing: the file lives in new/ and is removed by
 * blob_writer_free, or by the next start. */
#include "imagestore/blob_pool.h"
#include "imagestore/blobs_state.h"

#include "base/digest.h"
#include "base/file.h"
#include "store/blob_data.h"
#include <string.h>

/* Pages of the database that a new object may take besides its bytes. */
#define SPARE_FOR_RECORDS (UINT64_C(2) * 4096)

struct BlobWriter {
    Blobs *blobs;
    BlobStream stream;
    uint64_t size;

    uint8_t *small; /* all bytes so far; NULL: none, or they went to the stream */
    size_t small_capacity;
    BlobBlock *filling; /* of the stream */
    bool large;

    bool finished;
    BlobResult result;
};

BlobWriter *blob_writer_new(Blobs *blobs, const BlobSpec *spec)
{
    BlobWriter *writer = g_new0(BlobWriter, 1);
    writer->blobs = blobs;
    blob_stream_init(&writer->stream, blobs->files, spec);
    return writer;
}

uint64_t blob_writer_size(const BlobWriter *writer)
{
    return writer->size;
}

static void add_small(BlobWriter *writer, const uint8_t *data, size_t size)
{
    size_t held = (size_t)writer->size;
    if (held + size > writer->small_capacity) {
        /* Most small blobs come in one piece. */
        size_t wanted = held > 0 ? MAX(held + size, 2 * writer->small_capacity) : size;
        writer->small_capacity = MIN(wanted, BLOB_INLINE_MAX);
        writer->small = g_realloc(writer->small, writer->small_capacity);
    }
    memcpy(writer->small + held, data, size);
}

static void push(BlobWriter *writer)
{
    blob_pool_push(writer->blobs->pool, &writer->stream, g_steal_pointer(&writer->filling));
}

static void add_large(BlobWriter *writer, const uint8_t *data, size_t size)
{
    while (size > 0) {
        if (!writer->filling)
            writer->filling = blob_pool_block(writer->blobs->pool);
        BlobBlock *block = writer->filling;
        size_t taken = MIN(size, BLOB_BLOCK_SIZE - block->size);
        memcpy(block->data + block->size, data, taken);
        block->size += taken;
        data += taken;
        size -= taken;
        if (block->size == BLOB_BLOCK_SIZE)
            push(writer);
    }
}

static void become_large(BlobWriter *writer)
{
    writer->large = true;
    add_large(writer, writer->small, (size_t)writer->size);
    g_clear_pointer(&writer->small, g_free);
}

bool blob_writer_add(BlobWriter *writer, const void *data, size_t size)
{
    g_assert(!writer->finished);
    if (size == 0)
        return true;
    if (!writer->large && writer->size + size > BLOB_INLINE_MAX)
        become_large(writer);
    if (writer->large)
        add_large(writer, data, size);
    else
        add_small(writer, data, size);
    writer->size += size;
    return !writer->large || blob_pool_has_room(writer->blobs->pool, &writer->stream);
}

/* The database does not shrink: what small objects leave when they are deleted is room in it. */
static bool has_spare_room(BlobWriter *writer)
{
    g_autoptr(Txn) txn = NULL;
    int64_t spare;
    return txn_begin_read(writer->blobs->store, &txn, NULL) &&
           record_count(txn, COUNT_SPARE_BYTES, &spare, NULL) &&
           (uint64_t)spare > writer->size + SPARE_FOR_RECORDS;
}

static bool finish_small(BlobWriter *writer, GError **error)
{
    g_autoptr(GError) full = NULL;
    if (!blob_files_check_room(writer->blobs->files, &full) && !has_spare_room(writer)) {
        g_propagate_error(error, g_steal_pointer(&full));
        return false;
    }
    BlobDigestsFeed feed = {&writer->stream.digests, writer->small, (size_t)writer->size};
    blob_digests_add(&feed, 1);
    return true;
}

static bool finish_large(BlobWriter *writer, GError **error)
{
    BlobStream *stream = &writer->stream;
    if (writer->filling)
        push(writer);
    blob_pool_finish(writer->blobs->pool, stream);
    if (stream->trouble) {
        g_propagate_error(error, g_error_copy(stream->trouble));
        return false;
    }
    return blob_files_sync(stream->files, stream->fd, error) &&
           blob_files_sync_new(stream->files, error);
}

bool blob_writer_finish(BlobWriter *writer, const BlobResult **ret_result, GError **error)
{
    g_assert(!writer->finished);
    writer->finished = true;
    if (!(writer->large ? finish_large(writer, error) : finish_small(writer, error)))
        return false;
    writer->result.id = writer->stream.id;
    blob_digests_end(&writer->stream.digests, &writer->result);
    *ret_result = &writer->result;
    return true;
}

bool blob_writer_keep(BlobWriter *writer, Txn *txn, GError **error)
{
    const BlobResult *result = &writer->result;
    char md5[2 * sizeof(result->stored_md5) + 1];
    g_assert(result->id);
    hex_encode(result->stored_md5, sizeof(result->stored_md5), md5);
    Blob blob = {
        .id = result->id,
        .size = (int64_t)result->size,
        .md5 = md5,
        .place = writer->large ? BLOB_PLACE_FILE : BLOB_PLACE_DATA,
        .refs = 1,
        .salt = writer->stream.digests.encrypted ? writer->stream.digests.salt : NULL,
    };
    return blob_insert(txn, &blob, error) &&
           (writer->large ||
            blob_data_insert(txn, blob.id, writer->small, (size_t)writer->size, error));
}

void blob_writer_kept(BlobWriter *writer)
{
    if (writer->large) {
        autofd_clear(&writer->stream.fd);
        writer->stream.fd = -1;
        /* Where it is now it is found as well, and the next start moves it. */
        blob_files_move(writer->blobs->files, writer->stream.id, NULL);
    }
}

void blob_writer_free(BlobWriter *writer)
{
    if (!writer)
        return;
    if (writer->large)
        blob_pool_leave(writer->blobs->pool, &writer->stream);
    blob_pool_return(writer->blobs->pool, writer->filling);
    blob_stream_clear(&writer->stream);
    g_free(writer->small);
    g_free(writer);
}
