/* The pool of connections for reading.
 *
 * Invariant: a connection in `idle` has no transaction and no statement under way. The one given
 * back last is lent first: its cache is the warmest, and the others stay small. */
#include "store/readers.h"

/* More threads than processors read at once only while the disk is slow. */
#define READERS_MOST 4

typedef struct Loan {
    uint64_t number; /* they are counted */
    Connection *connection;
} Loan;

struct Readers {
    char *path;
    GMutex lock; /* over all below */
    GCond given_back;
    GCond outwaited; /* the same, for readers_outwait */
    Connection *idle[READERS_MOST];
    unsigned n_idle;
    unsigned n_open;
    Loan loans[READERS_MOST];
    unsigned n_loans;
    uint64_t loans_so_far;
};

Readers *readers_new(const char *path)
{
    Readers *readers = g_new0(Readers, 1);
    readers->path = g_strdup(path);
    g_mutex_init(&readers->lock);
    g_cond_init(&readers->given_back);
    g_cond_init(&readers->outwaited);
    return readers;
}

void readers_free(Readers *readers)
{
    if (!readers)
        return;
    g_assert(readers->n_idle == readers->n_open);
    for (unsigned i = 0; i < readers->n_idle; i++)
        connection_close(readers->idle[i]);
    g_cond_clear(&readers->given_back);
    g_cond_clear(&readers->outwaited);
    g_mutex_clear(&readers->lock);
    g_free(readers->path);
    g_free(readers);
}

static void note_loan(Readers *readers, Connection *connection) /* lock held */
{
    readers->loans[readers->n_loans++] = (Loan){++readers->loans_so_far, connection};
}

static void forget_loan(Readers *readers, const Connection *connection) /* lock held */
{
    unsigned i = 0;
    while (readers->loans[i].connection != connection)
        i++;
    readers->loans[i] = readers->loans[--readers->n_loans];
}

/* Of the first `number` loans. */
static bool is_any_out_of(const Readers *readers, uint64_t number) /* lock held */
{
    for (unsigned i = 0; i < readers->n_loans; i++) {
        if (readers->loans[i].number <= number)
            return true;
    }
    return false;
}

bool readers_take(Readers *readers, Connection **ret_connection, GError **error)
{
    g_mutex_lock(&readers->lock);
    while (readers->n_idle == 0 && readers->n_open == READERS_MOST)
        g_cond_wait(&readers->given_back, &readers->lock);
    if (readers->n_idle > 0) {
        *ret_connection = readers->idle[--readers->n_idle];
        note_loan(readers, *ret_connection);
        g_mutex_unlock(&readers->lock);
        return true;
    }
    readers->n_open++;
    g_mutex_unlock(&readers->lock);

    bool ok = connection_open(readers->path, CONNECTION_READS, ret_connection, error);
    g_mutex_lock(&readers->lock);
    if (ok) {
        note_loan(readers, *ret_connection);
    } else {
        readers->n_open--;
        g_cond_signal(&readers->given_back);
    }
    g_mutex_unlock(&readers->lock);
    return ok;
}

void readers_give_back(Readers *readers, Connection *connection)
{
    g_mutex_lock(&readers->lock);
    forget_loan(readers, connection);
    readers->idle[readers->n_idle++] = connection;
    g_cond_signal(&readers->given_back);
    g_cond_broadcast(&readers->outwaited);
    g_mutex_unlock(&readers->lock);
}

void readers_outwait(Readers *readers)
{
    g_mutex_lock(&readers->lock);
    uint64_t number = readers->loans_so_far;
    while (is_any_out_of(readers, number))
        g_cond_wait(&readers->outwaited, &readers->lock);
    g_mutex_unlock(&readers->lock);
}
