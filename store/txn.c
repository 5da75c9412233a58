/* Transactions: a turn of the writer, or a connection for reading.
 *
 * Invariant: after SQLite gave up a transaction by itself no verb runs in it any more, so that
 * nothing is ever written outside one. */
#include "store/txn.h"

static Txn *txn_new(Store *store, Connection *connection, bool writes)
{
    Txn *txn = g_new0(Txn, 1);
    txn->store = store;
    txn->connection = connection;
    txn->writes = writes;
    return txn;
}

bool txn_begin(Store *store, Txn **ret_txn, GError **error)
{
    if (!writer_enter(store->writer, error))
        return false;
    *ret_txn = txn_new(store, writer_connection(store->writer), true);
    return true;
}

bool txn_begin_read(Store *store, Txn **ret_txn, GError **error)
{
    Connection *connection;
    /* Before the snapshot is taken, which is when the first statement reads. */
    uint64_t since = writer_version(store->writer) & ~UINT64_C(1);
    if (!readers_take(store->readers, &connection, error))
        return false;
    if (!connection_control(connection, CONTROL_BEGIN_READ, error)) {
        readers_give_back(store->readers, connection);
        return false;
    }
    *ret_txn = txn_new(store, connection, false);
    (*ret_txn)->since = since;
    return true;
}

uint64_t txn_since(const Txn *txn)
{
    g_assert(!txn->writes);
    return txn->since;
}

static void end_read(Txn *txn)
{
    if (connection_in_transaction(txn->connection))
        connection_control(txn->connection, CONTROL_ROLLBACK, NULL);
    readers_give_back(txn->store->readers, txn->connection);
    g_free(txn);
}

bool txn_commit(Txn **txn, GError **error)
{
    Txn *self = g_steal_pointer(txn);
    if (!self->writes) {
        end_read(self);
        return true;
    }
    bool ok;
    if (self->doomed) {
        txn_check(self, false, error);
        writer_rollback(self->store->writer);
        ok = false;
    } else {
        ok = writer_commit(self->store->writer, error);
    }
    g_free(self);
    return ok;
}

void txn_rollback(Txn *txn)
{
    if (!txn)
        return;
    if (!txn->writes) {
        end_read(txn);
        return;
    }
    writer_rollback(txn->store->writer);
    g_free(txn);
}

bool txn_check(Txn *txn, bool writes, GError **error)
{
    g_assert(txn->writes || !writes);
    if (G_LIKELY(!txn->doomed))
        return true;
    const GError *reason = txn->writes ? writer_error(txn->store->writer) : NULL;
    if (reason) {
        g_propagate_error(error, g_error_copy(reason));
        return false;
    }
    return trouble_set(error, "A step of this transaction failed before");
}

bool txn_fail(Txn *txn, const char *doing, const char *table, GError **error)
{
    g_autoptr(GError) reason = NULL;
    g_autofree char *text = g_strdup_printf("%s %s", doing, table);
    connection_trouble(txn->connection, text, &reason);
    if (!store_is_conflict(reason)) {
        txn->doomed = true;
        if (txn->writes)
            writer_notice(txn->store->writer, reason);
    }
    g_propagate_error(error, g_steal_pointer(&reason));
    return false;
}
