/* One SQLite connection with its prepared statements.
 *
 * Invariant: between two uses every statement is reset, so that no forgotten one keeps a snapshot
 * open; the cache by text never holds more than CACHED_MOST. */
#include "store/connection.h"

#include "store/row.h"
#include "store/string_table.h"

/* Finds differ by which filters they have and how many values: more shapes than these in rotation
 * cost a prepare (about 30 µs) each. */
#define CACHED_MOST 64

/* Writers of other processes (a backup, the sqlite3 shell) are waited for this long. */
#define BUSY_TIMEOUT_MS 5000

typedef struct CachedStatement {
    GList link; /* in Connection.recent; data is the CachedStatement */
    char *sql;
    sqlite3_stmt *statement;
} CachedStatement;

static const char *const control_sql[CONTROL_COUNT] = {
    [CONTROL_BEGIN_READ] = "BEGIN",
    [CONTROL_BEGIN_WRITE] = "BEGIN IMMEDIATE",
    [CONTROL_COMMIT] = "COMMIT",
    [CONTROL_ROLLBACK] = "ROLLBACK",
    [CONTROL_SAVEPOINT] = "SAVEPOINT member",
    [CONTROL_RELEASE] = "RELEASE member",
    [CONTROL_ROLLBACK_TO] = "ROLLBACK TO member",
};

/* Checkpoints have a thread of their own (checkpoint.h), hence wal_autocheckpoint=0. A WAL that
 * grew is cut down to journal_size_limit when it starts over. Secrets that are deleted are
 * overwritten where that costs no extra write. Every commit makes the readers' own caches stale, so
 * they read through a mapping and keep small ones; a disk that cannot be read is then a SIGBUS, and
 * the next start carries on from what was committed. */
#define COMMON_PRAGMAS                                                                             \
    "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA temp_store = MEMORY;"        \
    "PRAGMA trusted_schema = OFF; PRAGMA cache_size = -2048;"

static const char *const pragmas[] = {
    [CONNECTION_READS] = COMMON_PRAGMAS "PRAGMA query_only = ON; PRAGMA mmap_size = 268435456;",
    [CONNECTION_CHECKPOINTS] = COMMON_PRAGMAS,
    [CONNECTION_WRITES] =
        COMMON_PRAGMAS "PRAGMA journal_mode = WAL; PRAGMA journal_size_limit = 16777216;"
                       "PRAGMA secure_delete = FAST; PRAGMA cache_size = -8192;",
};

static void cached_statement_free(void *data)
{
    CachedStatement *cached = data;
    sqlite3_finalize(cached->statement);
    g_free(cached->sql);
    g_free(cached);
}

bool connection_open(const char *path, ConnectionUse use, Connection **ret_connection,
                     GError **error)
{
    g_autoptr(Connection) connection = g_new0(Connection, 1);
    connection->path = g_strdup(path);
    connection->by_sql =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, cached_statement_free);
    g_queue_init(&connection->recent);

    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int code = sqlite3_open_v2(path, &connection->db, flags, NULL);
    if (code != SQLITE_OK)
        return trouble_set_sqlite(error, connection->db, code, path, "open it");
    sqlite3_busy_timeout(connection->db, BUSY_TIMEOUT_MS);
    if (row_register(connection) != SQLITE_OK || strings_register(connection->db) != SQLITE_OK)
        return connection_trouble(connection, "set it up", error);
    if (!connection_execute(connection, pragmas[use], error))
        return false;
    *ret_connection = g_steal_pointer(&connection);
    return true;
}

static void finalize_all(sqlite3_stmt **statements, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sqlite3_finalize(statements[i]);
}

void connection_close(Connection *connection)
{
    if (!connection)
        return;
    finalize_all(connection->controls, G_N_ELEMENTS(connection->controls));
    finalize_all(connection->gets, G_N_ELEMENTS(connection->gets));
    finalize_all(connection->inserts, G_N_ELEMENTS(connection->inserts));
    finalize_all(connection->deletes, G_N_ELEMENTS(connection->deletes));
    finalize_all(connection->queries, G_N_ELEMENTS(connection->queries));
    finalize_all(connection->counts, G_N_ELEMENTS(connection->counts));
    finalize_all(connection->changes, G_N_ELEMENTS(connection->changes));
    g_hash_table_unref(connection->by_sql);
    int code = sqlite3_close(connection->db);
    g_assert(code == SQLITE_OK);
    g_free(connection->path);
    g_free(connection);
}

bool connection_trouble(Connection *connection, const char *doing, GError **error)
{
    return trouble_set_sqlite(error, connection->db, sqlite3_extended_errcode(connection->db),
                              connection->path, doing);
}

bool connection_prepare(Connection *connection, sqlite3_stmt **slot, const char *sql,
                        GError **error)
{
    if (*slot)
        return true;
    int code = sqlite3_prepare_v3(connection->db, sql, -1, SQLITE_PREPARE_PERSISTENT, slot, NULL);
    if (code == SQLITE_OK)
        return true;
    g_autofree char *doing = g_strdup_printf("prepare \"%s\"", sql);
    return trouble_set_sqlite(error, connection->db, code, connection->path, doing);
}

bool connection_statement(Connection *connection, const char *sql, sqlite3_stmt **ret_statement,
                          GError **error)
{
    CachedStatement *cached = g_hash_table_lookup(connection->by_sql, sql);
    if (cached) {
        g_queue_unlink(&connection->recent, &cached->link);
    } else {
        sqlite3_stmt *statement = NULL;
        if (!connection_prepare(connection, &statement, sql, error))
            return false;
        if (connection->recent.length == CACHED_MOST) {
            CachedStatement *oldest = g_queue_pop_tail_link(&connection->recent)->data;
            g_hash_table_remove(connection->by_sql, oldest->sql);
        }
        cached = g_new0(CachedStatement, 1);
        cached->link.data = cached;
        cached->sql = g_strdup(sql);
        cached->statement = statement;
        g_hash_table_insert(connection->by_sql, cached->sql, cached);
    }
    g_queue_push_head_link(&connection->recent, &cached->link);
    *ret_statement = cached->statement;
    return true;
}

bool connection_execute(Connection *connection, const char *sql, GError **error)
{
    int code = sqlite3_exec(connection->db, sql, NULL, NULL, NULL);
    if (code == SQLITE_OK)
        return true;
    return trouble_set_sqlite(error, connection->db, code, connection->path, "set it up");
}

bool connection_control(Connection *connection, Control control, GError **error)
{
    sqlite3_stmt **slot = &connection->controls[control];
    if (!connection_prepare(connection, slot, control_sql[control], error))
        return false;
    errno = 0;
    int code = sqlite3_step(*slot);
    bool ok = code == SQLITE_DONE;
    if (!ok)
        trouble_set_sqlite(error, connection->db, code, connection->path, control_sql[control]);
    sqlite3_reset(*slot);
    return ok;
}

bool connection_in_transaction(const Connection *connection)
{
    return !sqlite3_get_autocommit(connection->db);
}
