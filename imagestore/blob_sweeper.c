/* The thread that empties the trash.
 *
 * Invariants: a row leaves the trash only when its file is gone for good; `expected` is never less
 * than what was put there since the start and is still there, so that a wake without anything to do
 * costs one comparison. (Transactions that were rolled back make it more: some looks too many.) */
#include "imagestore/blob_sweeper.h"

#include "base/faultpoint.h"
#include <stdatomic.h>

struct BlobSweeper {
    BlobFiles *files;
    Store *store;
    GThread *thread;
    atomic_uint_least64_t expected;

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
    return txn_begin_read(sweeper->store, &txn, error) &&
           record_query(txn, arena, QUERY_TRASH, list, error, after);
}

/* Unlinks what can go and adds it to *gone. */
static void unlink_all(BlobSweeper *sweeper, Arena *arena, const List *list, List *gone)
{
    LIST_EACH (const BlobTrash *, trash, list) {
        g_autoptr(GError) error = NULL;
        if (is_pinned(sweeper, trash->id))
            continue;
        if (blob_files_remove(sweeper->files, trash->id, &error))
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
        if (touched[shelf] && !blob_files_sync_shelf(sweeper->files, shelf, error))
            return false;
    }
    return blob_files_sync_new(sweeper->files, error);
}

static bool forget(BlobSweeper *sweeper, const List *gone, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    faultpoint("blob-forget");
    if (!txn_begin(sweeper->store, &txn, error))
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

static bool sweep(BlobSweeper *sweeper, uint64_t *ret_gone, GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    uint64_t total = 0;
    for (const char *after = ""; !is_ending(sweeper);) {
        List list = {0}, gone = {0};
        if (!list_trash(sweeper, arena, after, &list, error))
            return false;
        if (list.n == 0)
            break;
        after = ((const BlobTrash *)list_at(&list, list.n - 1))->id;
        /* Whoever saw one of these as a blob has opened or pinned it after this. */
        store_outwait_readers(sweeper->store);
        unlink_all(sweeper, arena, &list, &gone);
        if (gone.n > 0 && (!sync_removals(sweeper, &gone, error) || !forget(sweeper, &gone, error)))
            return false;
        total += gone.n;
    }
    *ret_gone = total;
    return true;
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
    bool first = true;
    while (wait_for_wake(sweeper)) {
        g_autoptr(GError) error = NULL;
        uint64_t gone = 0;
        if (!sweep(sweeper, &gone, &error))
            g_warning("Files of deleted objects stay for now: %s", error->message);
        /* Nobody counted what was there before. */
        if (!first)
            atomic_fetch_sub(&sweeper->expected, MIN(gone, atomic_load(&sweeper->expected)));
        first = false;
    }
    return NULL;
}

BlobSweeper *blob_sweeper_new(BlobFiles *files, Store *store)
{
    BlobSweeper *sweeper = g_new0(BlobSweeper, 1);
    sweeper->files = files;
    sweeper->store = store;
    sweeper->awake = true;
    g_mutex_init(&sweeper->lock);
    g_cond_init(&sweeper->woken);
    sweeper->pins = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    sweeper->thread = g_thread_new("sweeper", run, sweeper);
    return sweeper;
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
    g_thread_join(sweeper->thread);
    g_hash_table_unref(sweeper->pins);
    g_cond_clear(&sweeper->woken);
    g_mutex_clear(&sweeper->lock);
    g_free(sweeper);
}

void blob_sweeper_expect(BlobSweeper *sweeper)
{
    atomic_fetch_add(&sweeper->expected, 1);
}

void blob_sweeper_wake(BlobSweeper *sweeper)
{
    if (atomic_load(&sweeper->expected) == 0)
        return;
    g_mutex_lock(&sweeper->lock);
    wake(sweeper);
    g_mutex_unlock(&sweeper->lock);
}
