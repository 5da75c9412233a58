/* The one writer: who has the turn, and which transactions share a commit.
 *
 * Theory of operation. Threads that want to write stand in line; one at a time has the turn, and
 * with it the connection. The first of a batch begins a SQLite transaction; those after it are
 * savepoints in it. At the end of its turn a thread looks behind: if somebody waits and the batch
 * is neither large nor old, the turn goes on with the transaction still open, and the thread
 * waits for the batch's end; otherwise it commits the batch for all. So one writer alone commits
 * at once, and while a commit syncs the disk the next batch forms in the line.
 *
 *     enter ──▶ turn ──▶ commit/rollback ──▶ line empty, or batch full or old: COMMIT, wake all
 *       ▲                               └──▶ else: next in line's turn; wait for the batch's end
 *
 * A failed COMMIT, and a statement's failure after which SQLite rolled everything back, end the
 * batch: all its members fail. Thread-safe; lock order: Writer's own lock is a leaf. */
#pragma once

#include "store/changes.h"

typedef struct Writer Writer;

/* Takes both over: changes watches the connection. */
Writer *writer_new(Connection *connection, Changes *changes);
void writer_free(Writer *writer); /* NULL is fine; nobody may be in line */
Connection *writer_connection(Writer *writer);

/* Waits for the turn and begins a transaction. A thread that has the turn must not ask again. */
bool writer_enter(Writer *writer, GError **error);
/* Ends the turn; returns when the transaction is durable, or failed and left nothing. */
bool writer_commit(Writer *writer, GError **error);
/* Ends the turn; drops this transaction alone. */
void writer_rollback(Writer *writer);

/* During a turn: the error that the batch ended with already, or NULL. */
const GError *writer_error(const Writer *writer);
/* During a turn, after a statement failed with error: notices when SQLite gave up the batch. */
void writer_notice(Writer *writer, const GError *error);

/* Takes the turn with no transaction open, and gives it back. */
void writer_pause(Writer *writer);
void writer_resume(Writer *writer);

/* Differs after every commit; odd while one is under way. */
uint64_t writer_version(const Writer *writer);

/* The last commit that may have touched what belongs to that id; odd, or 0. */
uint64_t writer_changed(Writer *writer, const char *id);

/* Fills in its part. */
void writer_stats(Writer *writer, StoreStats *stats);
