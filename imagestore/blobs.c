/* Blobs: opening them all, counting who has one, and finding where its bytes are.
 *
 * Invariant: a blob's record and its bytes come and go in one transaction when they are small; a
 * file is there before its record and goes after it. */
#include "imagestore/blobs.h"

#include "base/fault.h"
#include "imagestore/blobs_state.h"
#include "store/blob_data.h"

/* What an earlier process left in new/ has a record, and is moved, or has none, and goes. */
static bool sweep_new(Blobs *blobs, GError **error)
{
    g_autoptr(GPtrArray) names = NULL;
    g_autoptr(Txn) txn = NULL;
    g_autoptr(Arena) arena = arena_new();
    if (!blob_files_list(blobs->files, BLOB_SHELF_NEW, &names, error) ||
        !txn_begin_read(blobs->store, &txn, error))
        return false;
    for (unsigned i = 0; i < names->len; i++) {
        const char *name = names->pdata[i];
        Blob *blob = NULL;
        if (blob_id_is_valid(name) && !blob_get(txn, arena, name, &blob, error))
            return false;
        bool ok = blob ? blob_files_move(blobs->files, name, error)
                       : blob_files_remove_from(blobs->files, BLOB_SHELF_NEW, name, error);
        if (!ok)
            return false;
    }
    return true;
}

bool blobs_open(const char *directory, Store *store, Blobs **ret_blobs, GError **error)
{
    g_autoptr(Blobs) blobs = g_new0(Blobs, 1);
    blobs->store = store;
    if (!blob_files_open(directory, &blobs->files, error) || !sweep_new(blobs, error))
        return false;
    blobs->pool = blob_pool_new();
    blobs->sweeper = blob_sweeper_new(blobs);
    blob_sweeper_start(blobs->sweeper);
    *ret_blobs = g_steal_pointer(&blobs);
    return true;
}

void blobs_close(Blobs *blobs)
{
    if (!blobs)
        return;
    blob_sweeper_free(blobs->sweeper);
    blob_pool_free(blobs->pool);
    blob_files_free(blobs->files);
    g_free(blobs);
}

void blobs_wake(Blobs *blobs)
{
    blob_sweeper_wake(blobs->sweeper);
}

void blobs_sweep(Blobs *blobs)
{
    blob_sweeper_expect(blobs->sweeper);
    blob_sweeper_wake(blobs->sweeper);
}

bool blob_ref(Txn *txn, const char *id, GError **error)
{
    int64_t changed;
    if (!record_change(txn, CHANGE_BLOB_REF, &changed, error, id))
        return false;
    return changed == 1 || trouble_set(error, "The store has no blob %s to refer to", id);
}

static bool drop(Blobs *blobs, Txn *txn, const Blob *blob, GError **error)
{
    if (!blob_delete(txn, blob->id, error))
        return false;
    if (g_str_equal(blob->place, BLOB_PLACE_DATA))
        return blob_data_delete(txn, blob->id, error);
    blob_sweeper_expect(blobs->sweeper);
    return blob_trash_put(txn, &(BlobTrash){blob->id}, error);
}

bool blob_unref(Blobs *blobs, Txn *txn, const char *id, GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    Blob *blob;
    if (!blob_get(txn, arena, id, &blob, error))
        return false;
    /* What is missing already must not keep its object from being deleted. */
    if (!blob)
        return true;
    return blob->refs > 1 ? record_change(txn, CHANGE_BLOB_UNREF, NULL, error, id)
                          : drop(blobs, txn, blob, error);
}

static bool read_data(Txn *txn, const Blob *blob, uint64_t offset, uint64_t size, BlobBytes *bytes,
                      GError **error)
{
    if (!blob_data_read(txn, blob->id, (int64_t)MIN(offset, INT64_MAX),
                        (int64_t)MIN(size, INT64_MAX), &bytes->data, &bytes->size, error))
        return false;
    return bytes->data || trouble_set(error, "The bytes of blob %s are missing", blob->id);
}

bool blob_open(Blobs *blobs, Txn *txn, const char *id, uint64_t offset, uint64_t size,
               BlobBytes *ret_bytes, GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    Blob *blob;
    if (!blob_get(txn, arena, id, &blob, error))
        return false;
    if (!blob)
        return trouble_set(error, "The store has no blob %s", id);
    BlobBytes bytes = {.fd = -1, .stored_size = (uint64_t)blob->size};
    if (blob->salt)
        g_strlcpy(bytes.salt, blob->salt, sizeof(bytes.salt));
    bool ok = g_str_equal(blob->place, BLOB_PLACE_DATA)
                  ? read_data(txn, blob, offset, size, &bytes, error)
                  : blob_files_open_blob(blobs->files, id, &bytes.fd, error);
    if (ok)
        *ret_bytes = bytes;
    return ok;
}
