/* The store: the one truth, in SQLite (WAL, synchronous=FULL).
 *
 * Invariants: what txn_commit() acknowledged survives SIGKILL and power loss; a write transaction
 * is all or nothing; readers see only what was committed.
 *
 * Life cycle: store_open → any number of transactions on any thread → store_close.
 *
 * Writing: txn_begin() takes the one writer (the others wait in line), verbs work on records,
 * txn_commit() makes it durable. Transactions that wait in line at the same moment share one
 * fsync: each is a savepoint of a common SQLite transaction that the last in line commits, and
 * none of them is told "committed" before that commit is. Do not hold a write transaction while
 * waiting for anything but the store.
 *
 * Reading: txn_begin_read() takes one of a few pooled connections with a snapshot of its own, and
 * waits while all are taken. A transaction stays on the thread that began it, and a thread has one
 * at a time.
 *
 * A verb that fails with anything but a conflict or a fault dooms its transaction: only
 * txn_rollback() makes sense then, and txn_commit() fails.
 *
 * All errors are troubles, except where a verb's comment names a fault. */
#pragma once

#include "base/arena.h"
#include <stdint.h>

typedef struct Store Store;
typedef struct Txn Txn;

/* Opens or makes <directory>/cumulet.db and brings its schema up to date. Refuses one that a newer
 * version wrote. A full or unwritable disk and a damaged file are each one clear sentence. */
bool store_open(const char *directory, Store **ret_store, GError **error);
void store_close(Store *store); /* NULL is fine; no transaction may be open */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Store, store_close)

bool txn_begin(Store *store, Txn **ret_txn, GError **error);
bool txn_begin_read(Store *store, Txn **ret_txn, GError **error);
/* Makes a write durable, ends a read. Consumes the transaction and sets *txn to NULL, whatever
 * happens; on failure nothing of it remains. */
bool txn_commit(Txn **txn, GError **error);
/* Drops what was not committed. NULL is fine; g_autoptr(Txn) calls it. */
void txn_rollback(Txn *txn);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Txn, txn_rollback)

/* Takes away what users made: all but accounts, access keys, settings, the catalog, the default
 * networks and the starter images. For `cumulet reset`. */
bool store_clear(Txn *txn, GError **error);

/* Differs after every commit, and is odd while one is under way: what was read between two equal
 * even versions is what the store says. It changes before txn_commit() acknowledges. Writes of
 * other processes do not count. */
uint64_t store_version(const Store *store);

/* For those who remember what they made of an instance, an access key, an account or a bucket
 * (store/changes.c has what belongs to one). Two reading transactions a and b, both of which have
 * read something already, see the same of it if store_changed(id), asked after that, is at most
 * txn_since(a) and txn_since(b). */
uint64_t store_changed(const Store *store, const char *id);
uint64_t txn_since(const Txn *txn); /* of a reading one: an even version that it sees at least */

/* Waits until the reading transactions under way have ended: what was committed before is then what
 * everybody sees. Not from within one. */
void store_outwait_readers(Store *store);

/* What happened since it was opened. */
typedef struct StoreStats {
    uint64_t transactions; /* writes that txn_commit() acknowledged */
    uint64_t commits;      /* of SQLite: each a sync, shared by the transactions in it */
    uint64_t checkpoints;
    unsigned waiting; /* threads in line to write, at this moment */
} StoreStats;
void store_stats(Store *store, StoreStats *ret_stats);
