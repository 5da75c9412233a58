/* A keyed work queue over one mutex.
 *
 * Invariant: an Entry is in `entries` while it waits or runs; it is in `ready` exactly when it is
 * due and not running; one that waits for its time is in `timed`. */
#include "base/workqueue.h"

#define GRACE_US 400

typedef struct Entry {
    char *key;
    int64_t due; /* WORK_DONE: no time set */
    GSequenceIter *timed;
    bool ready;
    bool running;
    bool again; /* added while running */
} Entry;

struct WorkQueue {
    GMutex mutex;
    GCond changed;
    GCond idle;
    Clock *clock;
    GHashTable *entries; /* key → Entry */
    GQueue ready;        /* of Entry */
    GSequence *timed;    /* of Entry, by due */
    unsigned running;
    bool paused;
    bool ending;
    void (*enter)(void *);
    WorkFn work;
    void *data;
    GPtrArray *threads;
};

static void entry_free(void *data)
{
    Entry *entry = data;
    g_free(entry->key);
    g_free(entry);
}

static int compare_due(const void *a, const void *b, void *unused)
{
    (void)unused;
    int64_t left = ((const Entry *)a)->due, right = ((const Entry *)b)->due;
    return (left > right) - (left < right);
}

static void untime(Entry *entry)
{
    g_clear_pointer(&entry->timed, g_sequence_remove);
    entry->due = WORK_DONE;
}

static void make_ready(WorkQueue *queue, Entry *entry)
{
    untime(entry);
    if (entry->ready)
        return;
    entry->ready = true;
    g_queue_push_tail(&queue->ready, entry);
}

/* Moves what is due to ready; returns when the next one is. */
static int64_t take_due(WorkQueue *queue)
{
    int64_t now = clock_now(queue->clock);
    for (;;) {
        GSequenceIter *first = g_sequence_get_begin_iter(queue->timed);
        if (g_sequence_iter_is_end(first))
            return WORK_DONE;
        Entry *entry = g_sequence_get(first);
        if (entry->due > now)
            return entry->due;
        make_ready(queue, entry);
    }
}

static void finish(WorkQueue *queue, Entry *entry, int64_t due)
{
    entry->running = false;
    queue->running--;
    if (entry->again) {
        entry->again = false;
        make_ready(queue, entry);
    } else if (due != WORK_DONE) {
        entry->due = due;
        entry->timed = g_sequence_insert_sorted(queue->timed, entry, compare_due, NULL);
    } else {
        g_hash_table_remove(queue->entries, entry->key);
    }
    g_cond_broadcast(&queue->changed);
    if (queue->running == 0)
        g_cond_broadcast(&queue->idle);
}

/* Who adds a key has a reply to give first; when there are few processors, work that begins at
 * once takes the one that the reply needs. A moment in machine time, whatever the clock says. */
static void wait_for_keys(WorkQueue *queue, int64_t until)
{
    clock_wait_until(queue->clock, &queue->changed, &queue->mutex, until);
    if (queue->ending || g_queue_is_empty(&queue->ready))
        return;
    g_mutex_unlock(&queue->mutex);
    g_usleep(GRACE_US);
    g_mutex_lock(&queue->mutex);
}

static void *run(void *data)
{
    WorkQueue *queue = data;
    if (queue->enter)
        queue->enter(queue->data);
    g_mutex_lock(&queue->mutex);
    while (!queue->ending) {
        int64_t next = take_due(queue);
        Entry *entry = queue->paused ? NULL : g_queue_pop_head(&queue->ready);
        if (!entry) {
            wait_for_keys(queue, queue->paused ? WORK_DONE : next);
            continue;
        }
        entry->ready = false;
        entry->running = true;
        queue->running++;
        g_mutex_unlock(&queue->mutex);
        int64_t due = queue->work(queue->data, entry->key);
        g_mutex_lock(&queue->mutex);
        finish(queue, entry, due);
    }
    g_mutex_unlock(&queue->mutex);
    return NULL;
}

WorkQueue *workqueue_new(const char *name, Clock *clock, unsigned threads, void (*enter)(void *),
                         WorkFn work, void *data)
{
    g_assert(threads > 0);
    WorkQueue *queue = g_new0(WorkQueue, 1);
    g_mutex_init(&queue->mutex);
    g_cond_init(&queue->changed);
    g_cond_init(&queue->idle);
    queue->clock = clock;
    queue->entries = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, entry_free);
    queue->timed = g_sequence_new(NULL);
    queue->enter = enter;
    queue->work = work;
    queue->data = data;
    queue->threads = g_ptr_array_new();
    for (unsigned i = 0; i < threads; i++)
        g_ptr_array_add(queue->threads, g_thread_new(name, run, queue));
    return queue;
}

void workqueue_add(WorkQueue *queue, const char *key)
{
    g_mutex_lock(&queue->mutex);
    Entry *entry = g_hash_table_lookup(queue->entries, key);
    if (!entry) {
        entry = g_new0(Entry, 1);
        entry->key = g_strdup(key);
        entry->due = WORK_DONE;
        g_hash_table_insert(queue->entries, entry->key, entry);
    }
    if (entry->running)
        entry->again = true;
    else
        make_ready(queue, entry);
    g_cond_signal(&queue->changed);
    g_mutex_unlock(&queue->mutex);
}

static gboolean is_not_running(void *key, void *value, void *unused)
{
    (void)key;
    (void)unused;
    Entry *entry = value;
    if (entry->running) {
        entry->again = false;
        return FALSE;
    }
    untime(entry);
    return TRUE;
}

void workqueue_pause(WorkQueue *queue, bool drop)
{
    g_mutex_lock(&queue->mutex);
    queue->paused = true;
    while (queue->running > 0)
        g_cond_wait(&queue->idle, &queue->mutex);
    if (drop) {
        g_queue_clear(&queue->ready);
        g_hash_table_foreach_remove(queue->entries, is_not_running, NULL);
    }
    g_mutex_unlock(&queue->mutex);
}

void workqueue_resume(WorkQueue *queue)
{
    g_mutex_lock(&queue->mutex);
    queue->paused = false;
    g_cond_broadcast(&queue->changed);
    g_mutex_unlock(&queue->mutex);
}

unsigned workqueue_length(WorkQueue *queue)
{
    g_mutex_lock(&queue->mutex);
    unsigned length = g_hash_table_size(queue->entries);
    g_mutex_unlock(&queue->mutex);
    return length;
}

void workqueue_free(WorkQueue *queue)
{
    if (!queue)
        return;
    g_mutex_lock(&queue->mutex);
    queue->ending = true;
    g_cond_broadcast(&queue->changed);
    g_mutex_unlock(&queue->mutex);
    for (unsigned i = 0; i < queue->threads->len; i++)
        g_thread_join(queue->threads->pdata[i]);
    g_ptr_array_unref(queue->threads);
    g_queue_clear(&queue->ready);
    g_sequence_free(queue->timed);
    g_hash_table_unref(queue->entries);
    g_cond_clear(&queue->idle);
    g_cond_clear(&queue->changed);
    g_mutex_clear(&queue->mutex);
    g_free(queue);
}
