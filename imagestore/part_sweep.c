/* Removing parts in slices.
 *
 * Invariant: an upload is in the trash as long as it has a part that is to go, so that a crash
 * between two slices costs nothing but the next daemon's time. */
#include "imagestore/part_sweep.h"

#include "base/faultpoint.h"
#include "imagestore/blobs_state.h"

bool part_trash_put(Blobs *blobs, Txn *txn, const char *upload_id, GError **error)
{
    blob_sweeper_expect(blobs->sweeper);
    return upload_trash_put(txn, &(UploadTrash){upload_id}, error);
}

bool part_trash_put_all(Blobs *blobs, Txn *txn, const char *bucket, GError **error)
{
    blob_sweeper_expect(blobs->sweeper);
    return record_change(txn, CHANGE_TRASH_UPLOADS_OF_BUCKET, NULL, error, bucket) &&
           record_change(txn, CHANGE_DELETE_UPLOADS_OF_BUCKET, NULL, error, bucket);
}

static bool find_trash(Txn *txn, Arena *arena, UploadTrash **ret_trash, GError **error)
{
    void *found;
    if (!record_query_one(txn, arena, QUERY_UPLOAD_TRASH, &found, error))
        return false;
    *ret_trash = found;
    return true;
}

static bool list_slice(Txn *txn, Arena *arena, const char *id, unsigned most, List *parts,
                       GError **error)
{
    Upload *upload;
    const char *limit = arena_printf(arena, "%u", most);
    if (!upload_get(txn, arena, id, &upload, error))
        return false;
    g_assert(!upload || upload->completed);
    return upload ? record_query(txn, arena, QUERY_PARTS_NOT_PLACED, parts, error, id, limit)
                  : record_query(txn, arena, QUERY_PARTS_AFTER, parts, error, id, "", limit);
}

/* Of an upload's parts at most *left, and with the last of them the upload. *left is less by what
 * was removed. */
static bool drop_slice(Blobs *blobs, Txn *txn, const char *id, unsigned *left, bool *ret_ended,
                       GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    List parts = {0};
    if (!list_slice(txn, arena, id, *left, &parts, error))
        return false;
    LIST_EACH (const Part *, part, &parts) {
        if (!blob_unref(blobs, txn, part->blob_id, error) ||
            !record_change(txn, CHANGE_DELETE_PART, NULL, error, id, part->number))
            return false;
    }
    *ret_ended = parts.n < *left;
    *left -= (unsigned)parts.n + *ret_ended;
    return !*ret_ended || upload_trash_delete(txn, id, error);
}

bool part_sweep(Blobs *blobs, Txn *txn, uint64_t *ret_uploads, bool *ret_more, GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    UploadTrash *trash;
    unsigned left = PARTS_SLICE;
    *ret_uploads = 0;
    while (find_trash(txn, arena, &trash, error)) {
        bool ended;
        *ret_more = trash != NULL;
        if (!trash || left == 0)
            return true;
        if (!drop_slice(blobs, txn, trash->id, &left, &ended, error))
            return false;
        *ret_uploads += ended;
    }
    return false;
}

static bool is_clean(Store *store, bool *ret_clean, GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(Txn) txn = NULL;
    UploadTrash *trash;
    if (!txn_begin_read(store, &txn, error) || !find_trash(txn, arena, &trash, error))
        return false;
    *ret_clean = !trash;
    return true;
}

bool part_sweep_all(Blobs *blobs, bool (*go_on)(void *data), void *data, GError **error)
{
    bool clean;
    if (!is_clean(blobs->store, &clean, error))
        return false;
    while (!clean && (!go_on || go_on(data))) {
        g_autoptr(Txn) txn = NULL;
        bool more;
        uint64_t n;
        faultpoint("blob-drop-parts");
        if (!txn_begin(blobs->store, &txn, error) || !part_sweep(blobs, txn, &n, &more, error) ||
            !txn_commit(&txn, error))
            return false;
        clean = !more;
    }
    return true;
}
