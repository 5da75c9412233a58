/* The thread that empties the trash.
 *
 * Invariants: a row leaves the trash only when its file is gone for good; `expected` is set as long
 * as there is something in the trash, or in a transaction that is not over, so that a wake without
 * anything to do costs one comparison. */
#include "imagestore/blob_sweeper.h"

#include "base/faultpoint.h"
#include "imagestore/blobs_state.h"
#include "imagestore/part_sweep.h"
#include <stdatomic.h>

struct BlobSweeper {
    Blobs *blobs;
    GThread *thread;      /* NULL: it was not started */
    atomic_bool expected; /* there may be something in the trash, or come with a commit */

    GMutex lock; /* over all below */
    GCond woken;
    bool awake; /* there may be something in the trash */
    bool ending;
    GHashTable *pins; /* id → how often */
    bool held_back;   /* something in the trash stayed because of a pin */
};

/* --- pins --- */

void blob_sweeper_pin(BlobSweeper *sweeper, const char *id)
{
    g_mutex_lock(&sweeper->lock);
    unsigned n = GPOINTER_TO_UINT(g_hash_table_lookup(sweeper->pins, id));
    g_hash_table_insert(sweeper->pins, g_strdup(id), GUINT_TO_POINTER(n + 1));
    g_mutex_unlock(&sweeper->lock);
}

static void wake(BlobSweeper *sweeper) /* lock held */
{
    sweeper->awake = true;
    g_cond_signal(&sweeper->woken);
}

void blob_sweeper_unpin(BlobSweeper *sweeper, const char *id)
{
    g_mutex_lock(&sweeper->lock);
    unsigned n = GPOINTER_TO_UINT(g_hash_table_lookup(sweeper->pins, id));
    g_assert(n > 0);
    if (n > 1) {
        g_hash_table_insert(sweeper->pins, g_strdup(id), GUINT_TO_POINTER(n - 1));
    } else {
        g_hash_table_remove(sweeper->pins, id);
        if (sweeper->held_back)
            wake(sweeper);
    }
    g_mutex_unlock(&sweeper->lock);
}

static bool is_pinned(BlobSweeper *sweeper, const char *id)
{
    g_mutex_lock(&sweeper->lock);
    bool pinned = g_hash_table_contains(sweeper->pins, id);
    if (pinned)
        sweeper->held_back = true;
    g_mutex_unlock(&sweeper->lock);
    return pinned;
}

/* --- sweeping --- */

static bool list_trash(BlobSweeper *sweeper, Arena *arena, const char *after, List *list,
                       GError **error)
{
    g_autoptr(Txn) txn = NULL;
    return txn_begin_read(sweeper->blobs->store, &txn, error) &&
           record_query(txn, arena, QUERY_TRASH, list, error, after);
}

/* Unlinks what can go and adds it to *gone. */
static void unlink_all(BlobSweeper *sweeper, Arena *arena, const List *list, List *gone)
{
    LIST_EACH (const BlobTrash *, trash, list) {
        g_autoptr(GError) error = NULL;
        if (is_pinned(sweeper, trash->id))
            continue;
        if (blob_files_remove(sweeper->blobs->files, trash->id, &error))
            list_add(gone, arena, trash);
        else
            g_warning("%s", error->message);
    }
}

static bool sync_removals(BlobSweeper *sweeper, const List *gone, GError **error)
{
    bool touched[BLOB_SHELVES] = {false};
    LIST_EACH (const BlobTrash *, trash, gone)
        touched[blob_id_shelf(trash->id)] = true;
    for (unsigned shelf = 0; shelf < BLOB_SHELVES; shelf++) {
        if (touched[shelf] && !blob_files_sync_shelf(sweeper->blobs->files, shelf, error))
            return false;
    }
    return blob_files_sync_new(sweeper->blobs->files, error);
}

static bool forget(BlobSweeper *sweeper, const List *gone, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    faultpoint("blob-forget");
    if (!txn_begin(sweeper->blobs->store, &txn, error))
        return false;
    LIST_EACH (const BlobTrash *, trash, gone) {
        if (!blob_trash_delete(txn, trash->id, error))
            return false;
    }
    return txn_commit(&txn, error);
}

static bool is_ending(BlobSweeper *sweeper)
{
    g_mutex_lock(&sweeper->lock);
    bool ending = sweeper->ending;
    g_mutex_unlock(&sweeper->lock);
    return ending;
}

/* A piece of the trash, behind `after`, which moves on. */
static bool sweep_piece(BlobSweeper *sweeper, char after[BLOB_ID_SIZE], bool *ret_more,
                        GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    List list = {0}, gone = {0};
    if (!list_trash(sweeper, arena, after, &list, error))
        return false;
    *ret_more = list.n > 0;
    if (list.n == 0)
        return true;
    const BlobTrash *last = list_at(&list, list.n - 1);
    g_strlcpy(after, last->id, BLOB_ID_SIZE);
    /* Whoever saw one of these as a blob has opened or pinned it after this. */
    store_outwait_readers(sweeper->blobs->store);
    unlink_all(sweeper, arena, &list, &gone);
    return gone.n == 0 || (sync_removals(sweeper, &gone, error) && forget(sweeper, &gone, error));
}

static bool sweep_files(BlobSweeper *sweeper, GError **error)
{
    char after[BLOB_ID_SIZE] = "";
    for (bool more = true; more && !is_ending(sweeper);) {
        if (!sweep_piece(sweeper, after, &more, error))
            return false;
    }
    return true;
}

/* Something gets there only in a transaction that writes, of which there is one at a time: if this
 * one sees nothing, nothing is expected. */
static bool settle(BlobSweeper *sweeper, GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(Txn) txn = NULL;
    List list = {0};
    void *upload;
    if (!txn_begin(sweeper->blobs->store, &txn, error) ||
        !record_query(txn, arena, QUERY_TRASH, &list, error, "") ||
        !record_query_one(txn, arena, QUERY_UPLOAD_TRASH, &upload, error))
        return false;
    if (list.n == 0 && !upload)
        atomic_store(&sweeper->expected, false);
    return true;
}

static bool goes_on(void *data)
{
    return !is_ending(data);
}

/* Parts first: their files come into the trash with them. */
static bool sweep(BlobSweeper *sweeper, GError **error)
{
    return part_sweep_all(sweeper->blobs, goes_on, sweeper, error) && sweep_files(sweeper, error) &&
           settle(sweeper, error);
}

static bool wait_for_wake(BlobSweeper *sweeper)
{
    g_mutex_lock(&sweeper->lock);
    while (!sweeper->awake && !sweeper->ending)
        g_cond_wait(&sweeper->woken, &sweeper->lock);
    bool go_on = !sweeper->ending;
    sweeper->awake = sweeper->held_back = false;
    g_mutex_unlock(&sweeper->lock);
    return go_on;
}

static void *run(void *data)
{
    BlobSweeper *sweeper = data;
    while (wait_for_wake(sweeper)) {
        g_autoptr(GError) error = NULL;
        if (!sweep(sweeper, &error))
            g_warning("Files of deleted objects stay for now: %s", error->message);
    }
    return NULL;
}

BlobSweeper *blob_sweeper_new(Blobs *blobs)
{
    BlobSweeper *sweeper = g_new0(BlobSweeper, 1);
    sweeper->blobs = blobs;
    sweeper->awake = true;
    sweeper->expected = true;
    g_mutex_init(&sweeper->lock);
    g_cond_init(&sweeper->woken);
    sweeper->pins = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return sweeper;
}

void blob_sweeper_start(BlobSweeper *sweeper)
{
    sweeper->thread = g_thread_new("sweeper", run, sweeper);
}

void blob_sweeper_free(BlobSweeper *sweeper)
{
    if (!sweeper)
        return;
    g_mutex_lock(&sweeper->lock);
    g_assert(g_hash_table_size(sweeper->pins) == 0);
    sweeper->ending = true;
    g_cond_signal(&sweeper->woken);
    g_mutex_unlock(&sweeper->lock);
    if (sweeper->thread)
        g_thread_join(sweeper->thread);
    g_hash_table_unref(sweeper->pins);
    g_cond_clear(&sweeper->woken);
    g_mutex_clear(&sweeper->lock);
    g_free(sweeper);
}

void blob_sweeper_expect(BlobSweeper *sweeper)
{
    atomic_store(&sweeper->expected, true);
}

void blob_sweeper_wake(BlobSweeper *sweeper)
{
    if (!atomic_load(&sweeper->expected))
        return;
    g_mutex_lock(&sweeper->lock);
    wake(sweeper);
    g_mutex_unlock(&sweeper->lock);
}
