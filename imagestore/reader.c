/* Reading objects.
 *
 * The wanted bytes are a list of pieces, each of one blob, made while the transaction sees them.
 * Small blobs are read at once; a single file is opened at once; of several files one is open at a
 * time, and the others are pinned (blob_sweeper.h), so that they are there when their turn comes
 * although the object may be gone by then: ten thousand parts would be too many descriptors.
 *
 * Invariant: the pieces, one after the other, are the wanted bytes, and none is empty. */
#include "imagestore/reader.h"

#include "base/fault.h"
#include "base/file.h"
#include "imagestore/blobs_state.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>

typedef struct Piece {
    char id[BLOB_ID_SIZE];
    char salt[33];   /* "" not encrypted */
    bool pinned;     /* a file to be opened when its turn comes */
    uint64_t offset; /* of the next byte, in the blob */
    uint64_t left;
    int fd;     /* -1: not open, or in data */
    char *data; /* those from the piece's first offset on; NULL: in a file */
    uint64_t data_offset;
} Piece;

struct ObjectReader {
    Blobs *blobs;
    GArray *pieces; /* of Piece */
    unsigned current;
    bool taken; /* the bytes are the caller's now */
    bool has_key;
    uint8_t customer_key[BLOB_CUSTOMER_KEY_SIZE];
};

static void close_piece(const ObjectReader *reader, Piece *piece)
{
    autofd_clear(&piece->fd);
    piece->fd = -1;
    g_clear_pointer(&piece->data, g_free);
    if (piece->pinned)
        blob_sweeper_unpin(reader->blobs->sweeper, piece->id);
    piece->pinned = false;
}

void object_reader_free(ObjectReader *reader)
{
    if (!reader)
        return;
    for (unsigned i = 0; i < reader->pieces->len; i++)
        close_piece(reader, &g_array_index(reader->pieces, Piece, i));
    g_array_unref(reader->pieces);
    explicit_bzero(reader->customer_key, sizeof(reader->customer_key));
    g_free(reader);
}

static Piece *add_piece(ObjectReader *reader, const char *id, uint64_t offset, uint64_t size)
{
    g_array_set_size(reader->pieces, reader->pieces->len + 1);
    Piece *piece = &g_array_index(reader->pieces, Piece, reader->pieces->len - 1);
    *piece = (Piece){.fd = -1, .offset = offset, .left = size, .data_offset = offset};
    g_strlcpy(piece->id, id, sizeof(piece->id));
    return piece;
}

static bool check_piece(const ObjectReader *reader, const Piece *piece, uint64_t stored_size,
                        GError **error)
{
    if (piece->salt[0] && (!reader->has_key || strlen(piece->salt) != sizeof(piece->salt) - 1))
        return trouble_set(error, "Blob %s is encrypted, and there is no key for it", piece->id);
    if (piece->offset > stored_size || piece->left > stored_size - piece->offset)
        return trouble_set(error, "Blob %s has %" PRIu64 " bytes, fewer than its object", piece->id,
                           stored_size);
    return true;
}

/* A piece whose blob is opened, or read, now. */
static bool add_open(ObjectReader *reader, Txn *txn, const char *id, uint64_t offset, uint64_t size,
                     GError **error)
{
    BlobBytes bytes;
    if (!blob_open(reader->blobs, txn, id, offset, size, &bytes, error))
        return false;
    Piece *piece = add_piece(reader, id, offset, size);
    piece->fd = bytes.fd;
    piece->data = bytes.data;
    g_strlcpy(piece->salt, bytes.salt, sizeof(piece->salt));
    return check_piece(reader, piece, bytes.stored_size, error) &&
           (bytes.fd >= 0 || bytes.size == size ||
            trouble_set(error, "Blob %s is shorter than its record says", id));
}

/* A piece whose file is opened when its turn comes. */
static bool add_pinned(ObjectReader *reader, const Blob *blob, uint64_t offset, uint64_t size,
                       GError **error)
{
    Piece *piece = add_piece(reader, blob->id, offset, size);
    if (blob->salt)
        g_strlcpy(piece->salt, blob->salt, sizeof(piece->salt));
    blob_sweeper_pin(reader->blobs->sweeper, blob->id);
    piece->pinned = true;
    return check_piece(reader, piece, (uint64_t)blob->size, error);
}

/* --- objects of several parts --- */

/* The records of the parts' blobs, by id. */
static bool load_blobs(Txn *txn, Arena *arena, const List *parts, GHashTable *blobs, GError **error)
{
    List ids = {0}, found = {0};
    LIST_EACH (const Part *, part, parts)
        list_add(&ids, arena, part->blob_id);
    if (!record_list_in(txn, arena, blob_record_type(), "id", &ids, &found, error))
        return false;
    LIST_EACH (Blob *, blob, &found)
        g_hash_table_insert(blobs, (char *)blob->id, blob);
    return true;
}

static bool add_part(ObjectReader *reader, Txn *txn, const Blob *blob, const Part *part,
                     uint64_t offset, uint64_t size, GError **error)
{
    if (!blob)
        return trouble_set(error, "The store has no blob %s", part->blob_id);
    return g_str_equal(blob->place, BLOB_PLACE_FILE)
               ? add_pinned(reader, blob, offset, size, error)
               : add_open(reader, txn, blob->id, offset, size, error);
}

static bool add_parts(ObjectReader *reader, Txn *txn, const List *parts, GHashTable *blobs,
                      uint64_t offset, uint64_t size, GError **error)
{
    LIST_EACH (const Part *, part, parts) {
        uint64_t begin = (uint64_t)part->offset, part_size = (uint64_t)part->size;
        if (part_size == 0 || size == 0)
            continue;
        if (offset < begin || offset - begin >= part_size)
            break;
        uint64_t taken = MIN(size, part_size - (offset - begin));
        if (!add_part(reader, txn, g_hash_table_lookup(blobs, part->blob_id), part, offset - begin,
                      taken, error))
            return false;
        offset += taken;
        size -= taken;
    }
    return size == 0 || trouble_set(error, "The parts of an object do not cover all of it");
}

static bool open_parts(ObjectReader *reader, Txn *txn, const Object *object, uint64_t offset,
                       uint64_t size, GError **error)
{
    if (size == 0)
        return true;
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(GHashTable) blobs = g_hash_table_new(g_str_hash, g_str_equal);
    List parts = {0};
    const char *from = arena_printf(arena, "%" PRIu64, offset);
    const char *to = arena_printf(arena, "%" PRIu64, offset + size);
    if (!record_query(txn, arena, QUERY_PARTS_IN_RANGE, &parts, error, object->upload_id,
                      object->upload_id, from, to) ||
        !load_blobs(txn, arena, &parts, blobs, error) ||
        !add_parts(reader, txn, &parts, blobs, offset, size, error))
        return false;
    /* One file alone needs no pin. */
    Piece *only = &g_array_index(reader->pieces, Piece, 0);
    if (reader->pieces->len > 1 || !only->pinned)
        return true;
    bool ok = blob_files_open_blob(reader->blobs->files, only->id, &only->fd, error);
    blob_sweeper_unpin(reader->blobs->sweeper, only->id);
    only->pinned = false;
    return ok;
}

bool object_reader_open(Blobs *blobs, Txn *txn, const Object *object, uint64_t offset,
                        uint64_t size, const uint8_t *customer_key, ObjectReader **ret_reader,
                        GError **error)
{
    g_autoptr(ObjectReader) reader = g_new0(ObjectReader, 1);
    reader->blobs = blobs;
    reader->pieces = g_array_new(FALSE, FALSE, sizeof(Piece));
    reader->has_key = customer_key != NULL;
    if (customer_key)
        memcpy(reader->customer_key, customer_key, sizeof(reader->customer_key));
    bool ok = true;
    if (!object->blob_id)
        ok = open_parts(reader, txn, object, offset, size, error);
    else if (size > 0)
        ok = add_open(reader, txn, object->blob_id, offset, size, error);
    if (ok)
        *ret_reader = g_steal_pointer(&reader);
    return ok;
}

/* --- taking and reading --- */

static Piece *current_piece(ObjectReader *reader)
{
    if (reader->taken || reader->current >= reader->pieces->len)
        return NULL;
    return &g_array_index(reader->pieces, Piece, reader->current);
}

/* The only piece, of which nothing was read. */
static Piece *whole_piece(ObjectReader *reader)
{
    Piece *piece = reader->pieces->len == 1 ? current_piece(reader) : NULL;
    return piece && piece->offset == piece->data_offset ? piece : NULL;
}

bool object_reader_take_file(ObjectReader *reader, int *ret_fd, uint64_t *ret_offset)
{
    Piece *piece = whole_piece(reader);
    if (!piece || piece->fd < 0 || piece->salt[0])
        return false;
    *ret_fd = fd_steal(&piece->fd);
    *ret_offset = piece->offset;
    reader->taken = true;
    return true;
}

bool object_reader_take_data(ObjectReader *reader, char **ret_data, size_t *ret_size)
{
    if (reader->pieces->len == 0 && !reader->taken) {
        *ret_data = g_malloc(1);
        *ret_size = 0;
        reader->taken = true;
        return true;
    }
    Piece *piece = whole_piece(reader);
    if (!piece || !piece->data)
        return false;
    if (piece->salt[0])
        blob_crypt(reader->customer_key, piece->salt, piece->offset, piece->data,
                   (size_t)piece->left);
    *ret_data = g_steal_pointer(&piece->data);
    *ret_size = (size_t)piece->left;
    reader->taken = true;
    return true;
}

static bool read_file(const Piece *piece, char *buffer, size_t most, size_t *ret_size,
                      GError **error)
{
    ssize_t got;
    do
        got = pread(piece->fd, buffer, most, (off_t)piece->offset);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return trouble_set_errno(error, errno, "Cannot read blob %s", piece->id);
    if (got == 0)
        return trouble_set(error, "Blob %s is shorter than its record says", piece->id);
    *ret_size = (size_t)got;
    return true;
}

static bool read_piece(ObjectReader *reader, Piece *piece, char *buffer, size_t most,
                       size_t *ret_size, GError **error)
{
    size_t size = (size_t)MIN(most, piece->left);
    if (!piece->data && piece->fd < 0 &&
        !blob_files_open_blob(reader->blobs->files, piece->id, &piece->fd, error))
        return false;
    if (piece->data)
        memcpy(buffer, piece->data + (piece->offset - piece->data_offset), size);
    else if (!read_file(piece, buffer, size, &size, error))
        return false;
    if (piece->salt[0])
        blob_crypt(reader->customer_key, piece->salt, piece->offset, buffer, size);
    piece->offset += size;
    piece->left -= size;
    *ret_size = size;
    return true;
}

bool object_reader_read(ObjectReader *reader, char *buffer, size_t most, size_t *ret_size,
                        GError **error)
{
    g_assert(most > 0);
    Piece *piece = current_piece(reader);
    if (!piece) {
        *ret_size = 0;
        return true;
    }
    if (!read_piece(reader, piece, buffer, most, ret_size, error))
        return false;
    if (piece->left == 0) {
        close_piece(reader, piece);
        reader->current++;
    }
    return true;
}
