/* The pool of connections for reading.
 *
 * Invariant: a connection in `idle` has no transaction and no statement under way. The one given
 * back last is lent first: its cache is the warmest, and the others stay small. */
#include "store/readers.h"

/* More threads than processors read at once only while the disk is slow. */
#define READERS_MOST 4

struct Readers {
    char *path;
    GMutex lock; /* over all below */
    GCond given_back;
    Connection *idle[READERS_MOST];
    unsigned n_idle;
    unsigned n_open;
};

Readers *readers_new(const char *path)
{
    Readers *readers = g_new0(Readers, 1);
    readers->path = g_strdup(path);
    g_mutex_init(&readers->lock);
    g_cond_init(&readers->given_back);
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
    g_mutex_clear(&readers->lock);
    g_free(readers->path);
    g_free(readers);
}

bool readers_take(Readers *readers, Connection **ret_connection, GError **error)
{
    g_mutex_lock(&readers->lock);
    while (readers->n_idle == 0 && readers->n_open == READERS_MOST)
        g_cond_wait(&readers->given_back, &readers->lock);
    if (readers->n_idle > 0) {
        *ret_connection = readers->idle[--readers->n_idle];
        g_mutex_unlock(&readers->lock);
        return true;
    }
    readers->n_open++;
    g_mutex_unlock(&readers->lock);

    if (connection_open(readers->path, CONNECTION_READS, ret_connection, error))
        return true;
    g_mutex_lock(&readers->lock);
    readers->n_open--;
    g_cond_signal(&readers->given_back);
    g_mutex_unlock(&readers->lock);
    return false;
}

void readers_give_back(Readers *readers, Connection *connection)
{
    g_mutex_lock(&readers->lock);
    readers->idle[readers->n_idle++] = connection;
    g_cond_signal(&readers->given_back);
    g_mutex_unlock(&readers->lock);
}
