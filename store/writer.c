/* The one writer, and the commits that transactions share: see the header for how.
 *
 * Invariants: `batch` is set exactly while a SQLite transaction is open, and then somebody has the
 * turn; only who has the turn touches `batch`, its members count and its savepoints; a batch with
 * no members is the current turn's own transaction, which therefore needs no savepoint. */
#include "store/writer.h"

#include "base/faultpoint.h"
#include <stdatomic.h>

/* A batch ends at the turn that reaches one of these. */
#define BATCH_MEMBERS_MOST 64
#define BATCH_AGE_MOST_US 5000

typedef struct Batch {
    unsigned members; /* transactions that are finished and wait for the COMMIT */
    int64_t since;    /* when the first of them was */
    GError *error;    /* it failed; set before `done` */
    bool savepoint;   /* the current turn's */

    /* Under the writer's lock. */
    bool done;
    unsigned holders; /* threads that have yet to see the end */
    GCond ended;
} Batch;

/* A thread in line; lives on its stack. */
typedef struct Place {
    GThread *thread;
    bool turn;
    GCond called;
} Place;

struct Writer {
    Connection *connection;
    Changes *changes;
    Batch *batch;
    atomic_uint_least64_t version; /* odd while a COMMIT is under way */

    GMutex lock;    /* over all below */
    GThread *owner; /* whose turn it is; NULL: nobody's */
    GQueue line;    /* of Place *, the next one first; empty when there is no owner */
    uint64_t transactions;
    uint64_t commits;
};

Writer *writer_new(Connection *connection, Changes *changes)
{
    Writer *writer = g_new0(Writer, 1);
    writer->connection = connection;
    writer->changes = changes;
    g_mutex_init(&writer->lock);
    g_queue_init(&writer->line);
    return writer;
}

void writer_free(Writer *writer)
{
    if (!writer)
        return;
    g_assert(!writer->owner && !writer->batch);
    connection_close(writer->connection);
    changes_free(writer->changes);
    g_mutex_clear(&writer->lock);
    g_free(writer);
}

Connection *writer_connection(Writer *writer)
{
    return writer->connection;
}

static void take_turn(Writer *writer)
{
    g_mutex_lock(&writer->lock);
    g_assert(writer->owner != g_thread_self());
    if (!writer->owner) {
        writer->owner = g_thread_self();
    } else {
        Place place = {.thread = g_thread_self()};
        g_cond_init(&place.called);
        g_queue_push_tail(&writer->line, &place);
        while (!place.turn)
            g_cond_wait(&place.called, &writer->lock);
        g_cond_clear(&place.called);
    }
    g_mutex_unlock(&writer->lock);
}

static void call_next(Writer *writer) /* lock held */
{
    Place *next = g_queue_pop_head(&writer->line);
    writer->owner = next ? next->thread : NULL;
    if (next) {
        next->turn = true;
        g_cond_signal(&next->called);
    }
}

static void batch_free(Batch *batch)
{
    g_clear_error(&batch->error);
    g_cond_clear(&batch->ended);
    g_free(batch);
}

static bool batch_begin(Writer *writer, GError **error)
{
    /* Nothing should be open; if a ROLLBACK failed once, this one may not. */
    if (connection_in_transaction(writer->connection))
        connection_control(writer->connection, CONTROL_ROLLBACK, NULL);
    if (!connection_control(writer->connection, CONTROL_BEGIN_WRITE, error))
        return false;
    writer->batch = g_new0(Batch, 1);
    g_cond_init(&writer->batch->ended);
    return true;
}

/* Ends the SQLite transaction and tells everybody in the batch how. */
static void batch_end(Writer *writer)
{
    Batch *batch = g_steal_pointer(&writer->batch);
    bool committed = false;
    if (batch->members > 0 && !batch->error) {
        changes_publish(writer->changes, atomic_load(&writer->version) + 1);
        atomic_fetch_add(&writer->version, 1);
        faultpoint("store-commit");
        committed = connection_control(writer->connection, CONTROL_COMMIT, &batch->error);
        faultpoint("store-tell-committed");
        atomic_fetch_add(&writer->version, 1);
    }
    if (connection_in_transaction(writer->connection))
        connection_control(writer->connection, CONTROL_ROLLBACK, NULL);
    changes_drop(writer->changes);

    g_mutex_lock(&writer->lock);
    if (committed) {
        writer->commits++;
        writer->transactions += batch->members;
    }
    batch->done = true;
    bool unheld = batch->holders == 0;
    g_cond_broadcast(&batch->ended);
    g_mutex_unlock(&writer->lock);
    if (unheld)
        batch_free(batch);
}

static bool batch_goes_on(Writer *writer) /* lock held */
{
    const Batch *batch = writer->batch;
    return batch->members > 0 && batch->members < BATCH_MEMBERS_MOST && !batch->error &&
           writer->line.length > 0 && g_get_monotonic_time() - batch->since < BATCH_AGE_MOST_US;
}

static void end_turn(Writer *writer)
{
    g_mutex_lock(&writer->lock);
    if (!batch_goes_on(writer)) {
        g_mutex_unlock(&writer->lock);
        batch_end(writer);
        g_mutex_lock(&writer->lock);
    }
    call_next(writer);
    g_mutex_unlock(&writer->lock);
}

bool writer_enter(Writer *writer, GError **error)
{
    take_turn(writer);
    if (!writer->batch && !batch_begin(writer, error)) {
        writer_resume(writer);
        return false;
    }
    Batch *batch = writer->batch;
    batch->savepoint = batch->members > 0;
    if (batch->savepoint &&
        !connection_control(writer->connection, CONTROL_SAVEPOINT, &batch->error)) {
        g_propagate_error(error, g_error_copy(batch->error));
        end_turn(writer);
        return false;
    }
    return true;
}

bool writer_commit(Writer *writer, GError **error)
{
    Batch *batch = writer->batch;
    if (batch->savepoint && !batch->error)
        connection_control(writer->connection, CONTROL_RELEASE, &batch->error);
    if (batch->members++ == 0)
        batch->since = g_get_monotonic_time();
    g_mutex_lock(&writer->lock);
    batch->holders++;
    g_mutex_unlock(&writer->lock);

    end_turn(writer);

    g_mutex_lock(&writer->lock);
    while (!batch->done)
        g_cond_wait(&batch->ended, &writer->lock);
    bool ok = !batch->error;
    if (!ok)
        g_propagate_error(error, g_error_copy(batch->error));
    bool last = --batch->holders == 0;
    g_mutex_unlock(&writer->lock);
    if (last)
        batch_free(batch);
    return ok;
}

void writer_rollback(Writer *writer)
{
    Batch *batch = writer->batch;
    /* Without a savepoint the batch has no members, and ends with this turn. */
    if (batch->savepoint && !batch->error &&
        connection_control(writer->connection, CONTROL_ROLLBACK_TO, &batch->error))
        connection_control(writer->connection, CONTROL_RELEASE, &batch->error);
    end_turn(writer);
}

const GError *writer_error(const Writer *writer)
{
    return writer->batch->error;
}

void writer_notice(Writer *writer, const GError *error)
{
    if (!writer->batch->error && !connection_in_transaction(writer->connection))
        writer->batch->error = g_error_copy(error);
}

void writer_pause(Writer *writer)
{
    take_turn(writer);
    if (writer->batch)
        batch_end(writer);
}

void writer_resume(Writer *writer)
{
    g_mutex_lock(&writer->lock);
    call_next(writer);
    g_mutex_unlock(&writer->lock);
}

uint64_t writer_version(const Writer *writer)
{
    return atomic_load(&writer->version);
}

uint64_t writer_changed(Writer *writer, const char *id)
{
    return changes_last(writer->changes, id);
}

void writer_stats(Writer *writer, StoreStats *stats)
{
    g_mutex_lock(&writer->lock);
    stats->transactions = writer->transactions;
    stats->commits = writer->commits;
    stats->waiting = writer->line.length;
    g_mutex_unlock(&writer->lock);
}
