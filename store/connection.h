/* One SQLite connection with its prepared statements. Used by one thread at a time; whoever takes
 * a statement leaves it reset. */
#pragma once

#include "store/record.h"
#include "store/trouble.h"
#include <sqlite3.h>

/* RecordType.index. */
typedef enum RecordKind {
#define RECORD(Name, name, label) KIND_##name,
#define KEY(member)
#define TEXT(member)
#define INT(member)
#define BOOL(member)
#define STATE(member, state_machine)
#define RECORD_END(Name, name)
#include "store/records.def"
#undef RECORD
#undef KEY
#undef TEXT
#undef INT
#undef BOOL
#undef STATE
#undef RECORD_END
    KIND_COUNT
} RecordKind;

/* Statements that begin and end transactions. */
typedef enum Control {
    CONTROL_BEGIN_READ,
    CONTROL_BEGIN_WRITE,
    CONTROL_COMMIT,
    CONTROL_ROLLBACK,
    CONTROL_SAVEPOINT,
    CONTROL_RELEASE,
    CONTROL_ROLLBACK_TO,
    CONTROL_COUNT
} Control;

typedef struct Connection {
    sqlite3 *db;
    char *path;
    Arena *arena; /* where the function record() makes what is being read (row.h) */
    /* Prepared when first used. */
    sqlite3_stmt *controls[CONTROL_COUNT];
    sqlite3_stmt *gets[KIND_COUNT];
    sqlite3_stmt *inserts[KIND_COUNT];
    sqlite3_stmt *deletes[KIND_COUNT];
    sqlite3_stmt *queries[QUERY_COUNT];
    sqlite3_stmt *counts[COUNT_COUNT];
    sqlite3_stmt *changes[CHANGE_COUNT];
    /* Statements by their text, the least recently used of them forgotten: CachedStatement. */
    GHashTable *by_sql;
    GQueue recent; /* the same, the latest first */
} Connection;

typedef enum ConnectionUse {
    CONNECTION_READS,
    CONNECTION_CHECKPOINTS,
    CONNECTION_WRITES,
} ConnectionUse;

bool connection_open(const char *path, ConnectionUse use, Connection **ret_connection,
                     GError **error);
void connection_close(Connection *connection); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Connection, connection_close)

/* The last failure on this connection as a trouble; returns false. */
bool connection_trouble(Connection *connection, const char *doing, GError **error);

/* Prepares *slot unless it is prepared. */
bool connection_prepare(Connection *connection, sqlite3_stmt **slot, const char *sql,
                        GError **error);
/* The statement with this text, prepared now or found again. Good until the next call. */
bool connection_statement(Connection *connection, const char *sql, sqlite3_stmt **ret_statement,
                          GError **error);

/* Any number of statements, without parameters or results. */
bool connection_execute(Connection *connection, const char *sql, GError **error);
bool connection_control(Connection *connection, Control control, GError **error);
/* Whether a transaction is open: SQLite ends one by itself after some failures. */
bool connection_in_transaction(const Connection *connection);
