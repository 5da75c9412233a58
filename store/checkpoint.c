/* The checkpoint thread.
 *
 * Commits wake it when PAGES_BEHIND pages wait in the WAL. It then copies what it can beside the
 * writer (SQLite's passive checkpoint). Under uninterrupted writing that alone would let the WAL
 * grow for ever, because it starts over only once everything in it was copied: so when it has got
 * long, the thread takes a turn in the writers' line for the few pages written meanwhile.
 *
 * What a reading transaction may still want cannot be copied over, however often it is tried; and
 * what failed fails again. Then the thread waits for as many pages more.
 *
 * Invariant: nothing acknowledged depends on this thread; it may fail, and tries again later. */
#include "store/checkpoint.h"

#define PAGES_BEHIND 1000
#define PAGES_LONG 4000

struct Checkpointer {
    Writer *writer;
    Connection *connection;
    GThread *thread;

    GMutex lock; /* over all below */
    GCond changed;
    bool stop;
    int in_wal; /* pages, after the last commit */
    int copied; /* of them, by the last checkpoint */
    int vain;   /* pages when the last checkpoint could copy no more of them; 0: it could */
    bool failing;
    uint64_t count;
};

static bool is_behind(const Checkpointer *self) /* lock held */
{
    return self->in_wal - MAX(self->copied, self->vain) >= PAGES_BEHIND;
}

static int after_commit(void *data, sqlite3 *db, const char *schema, int pages)
{
    Checkpointer *self = data;
    g_mutex_lock(&self->lock);
    if (pages < self->in_wal)
        self->copied = self->vain = 0; /* the WAL started over */
    self->in_wal = pages;
    if (is_behind(self))
        g_cond_signal(&self->changed);
    g_mutex_unlock(&self->lock);
    return SQLITE_OK;
}

static void checkpoint(Checkpointer *self)
{
    int in_wal = 0, copied = 0;
    int code = sqlite3_wal_checkpoint_v2(self->connection->db, NULL, SQLITE_CHECKPOINT_PASSIVE,
                                         &in_wal, &copied);
    g_autoptr(GError) error = NULL;
    if (code != SQLITE_OK)
        connection_trouble(self->connection, "checkpoint", &error);

    g_mutex_lock(&self->lock);
    self->vain = error ? self->in_wal : copied <= self->copied ? in_wal : 0;
    if (!error)
        self->copied = copied;
    bool news = error && !self->failing;
    self->failing = error;
    self->count++;
    g_mutex_unlock(&self->lock);
    if (news)
        g_warning("%s", error->message);
}

static void *run(void *data)
{
    Checkpointer *self = data;
    g_mutex_lock(&self->lock);
    while (!self->stop) {
        if (!is_behind(self)) {
            g_cond_wait(&self->changed, &self->lock);
            continue;
        }
        g_mutex_unlock(&self->lock);
        checkpoint(self);
        g_mutex_lock(&self->lock);
        if (self->in_wal >= PAGES_LONG && self->in_wal > self->copied && !self->vain) {
            g_mutex_unlock(&self->lock);
            writer_pause(self->writer);
            checkpoint(self);
            writer_resume(self->writer);
            g_mutex_lock(&self->lock);
        }
    }
    g_mutex_unlock(&self->lock);
    return NULL;
}

bool checkpointer_start(const char *path, Writer *writer, Checkpointer **ret_checkpointer,
                        GError **error)
{
    Connection *connection;
    if (!connection_open(path, CONNECTION_CHECKPOINTS, &connection, error))
        return false;
    Checkpointer *self = g_new0(Checkpointer, 1);
    self->writer = writer;
    self->connection = connection;
    g_mutex_init(&self->lock);
    g_cond_init(&self->changed);
    sqlite3_wal_hook(writer_connection(writer)->db, after_commit, self);
    self->thread = g_thread_new("checkpoint", run, self);
    *ret_checkpointer = self;
    return true;
}

void checkpointer_stop(Checkpointer *self)
{
    if (!self)
        return;
    sqlite3_wal_hook(writer_connection(self->writer)->db, NULL, NULL);
    g_mutex_lock(&self->lock);
    self->stop = true;
    g_cond_signal(&self->changed);
    g_mutex_unlock(&self->lock);
    g_thread_join(self->thread);
    connection_close(self->connection);
    g_cond_clear(&self->changed);
    g_mutex_clear(&self->lock);
    g_free(self);
}

uint64_t checkpointer_count(Checkpointer *self)
{
    g_mutex_lock(&self->lock);
    uint64_t count = self->count;
    g_mutex_unlock(&self->lock);
    return count;
}
