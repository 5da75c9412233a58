/* The file of metrics.
 *
 * Invariant: a series has its row before, or in the same transaction as, what refers to it. */
#include "store/metric_file.h"

#include "base/fault.h"
#include "base/file.h"
#include "store/connection.h"
#include "store/row.h"
#include <errno.h>
#include <fcntl.h>

#define FILE_NAME "metrics.db"

/* No migrations: the file is younger than the program, or says that it is not for it. */
#define SCHEMA_VERSION 1
#define SCHEMA                                                                                     \
    "PRAGMA wal_autocheckpoint = 1000;"                                                            \
    "CREATE TABLE IF NOT EXISTS series (id INTEGER PRIMARY KEY, account_id TEXT NOT NULL,"         \
    "    space TEXT NOT NULL, name TEXT NOT NULL, dimensions TEXT NOT NULL, unit TEXT NOT NULL"    \
    ") STRICT;"                                                                                    \
    "CREATE TABLE IF NOT EXISTS block (series INTEGER NOT NULL, hour INTEGER NOT NULL,"            \
    "    resolution INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (series, hour)"              \
    ") STRICT, WITHOUT ROWID;"                                                                     \
    "CREATE INDEX IF NOT EXISTS block_age ON block (resolution, hour);"                            \
    "CREATE INDEX IF NOT EXISTS block_hour ON block (hour);"                                       \
    "CREATE TABLE IF NOT EXISTS log (id INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT;"          \
    "PRAGMA user_version = 1;"

struct MetricFile {
    Connection *connection;
};

static bool check_version(Connection *connection, GError **error)
{
    sqlite3_stmt *statement;
    if (!connection_statement(connection, "PRAGMA user_version", &statement, error))
        return false;
    int code = sqlite3_step(statement);
    int version = code == SQLITE_ROW ? sqlite3_column_int(statement, 0) : 0;
    sqlite3_reset(statement);
    if (code != SQLITE_ROW)
        return connection_trouble(connection, "read its version", error);
    return version <= SCHEMA_VERSION ||
           trouble_set(error,
                       "%s was written by a newer version of Cumulet (schema %d, this one knows "
                       "%d): use that version",
                       connection->path, version, SCHEMA_VERSION);
}

bool metric_file_open(const char *directory, MetricFile **ret_file, GError **error)
{
    g_autofree char *path = g_build_filename(directory, FILE_NAME, NULL);
    autofd fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return trouble_set_errno(error, errno, "Cannot open %s for writing", path);
    g_autoptr(Connection) connection = NULL;
    if (!connection_open(path, CONNECTION_WRITES, &connection, error) ||
        !check_version(connection, error) || !connection_execute(connection, SCHEMA, error))
        return false;
    MetricFile *file = g_new0(MetricFile, 1);
    file->connection = g_steal_pointer(&connection);
    *ret_file = file;
    return true;
}

void metric_file_close(MetricFile *file)
{
    if (!file)
        return;
    connection_close(file->connection);
    g_free(file);
}

bool metric_file_begin(MetricFile *file, GError **error)
{
    return connection_control(file->connection, CONTROL_BEGIN_WRITE, error);
}

bool metric_file_end(MetricFile *file, bool ok, GError **error)
{
    ok = ok && connection_control(file->connection, CONTROL_COMMIT, error);
    if (!ok && connection_in_transaction(file->connection))
        connection_control(file->connection, CONTROL_ROLLBACK, NULL);
    return ok;
}

/* ---- writing ---- */

/* Runs a statement that gives no rows. */
static bool run(MetricFile *file, sqlite3_stmt *statement, GError **error)
{
    bool ok = sqlite3_step(statement) == SQLITE_DONE ||
              connection_trouble(file->connection, "write into it", error);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return ok;
}

static void bind_blob(sqlite3_stmt *statement, int parameter, const void *data, size_t size)
{
    /* SQLite takes a null pointer for NULL. */
    sqlite3_bind_blob64(statement, parameter, size > 0 ? data : "", size, SQLITE_STATIC);
}

bool metric_file_add_series(MetricFile *file, const MetricFileSeries *series, GError **error)
{
    sqlite3_stmt *statement;
    if (!connection_statement(file->connection,
                              "INSERT INTO series (id, account_id, space, name, dimensions, unit)"
                              " VALUES (?, ?, ?, ?, ?, ?)",
                              &statement, error))
        return false;
    sqlite3_bind_int64(statement, 1, series->id);
    row_bind_text(statement, 2, series->account_id);
    row_bind_text(statement, 3, series->space);
    row_bind_text(statement, 4, series->name);
    row_bind_text(statement, 5, series->dimensions);
    row_bind_text(statement, 6, series->unit);
    return run(file, statement, error);
}

bool metric_file_add_log(MetricFile *file, const void *data, size_t size, GError **error)
{
    sqlite3_stmt *statement;
    if (!connection_statement(file->connection, "INSERT INTO log (data) VALUES (?)", &statement,
                              error))
        return false;
    bind_blob(statement, 1, data, size);
    return run(file, statement, error);
}

bool metric_file_clear_log(MetricFile *file, GError **error)
{
    return connection_execute(file->connection, "DELETE FROM log", error);
}

bool metric_file_put_block(MetricFile *file, const MetricFileBlock *block, GError **error)
{
    sqlite3_stmt *statement;
    if (!connection_statement(file->connection,
                              "INSERT OR REPLACE INTO block (series, hour, resolution, data)"
                              " VALUES (?, ?, ?, ?)",
                              &statement, error))
        return false;
    sqlite3_bind_int64(statement, 1, block->series);
    sqlite3_bind_int64(statement, 2, block->hour);
    sqlite3_bind_int64(statement, 3, block->resolution);
    bind_blob(statement, 4, block->data, block->size);
    return run(file, statement, error);
}

bool metric_file_forget(MetricFile *file, int64_t before, GError **error)
{
    sqlite3_stmt *statement;
    if (!connection_statement(file->connection, "DELETE FROM block WHERE hour < ?", &statement,
                              error))
        return false;
    sqlite3_bind_int64(statement, 1, before);
    return run(file, statement, error);
}

bool metric_file_clear(MetricFile *file, GError **error)
{
    return metric_file_begin(file, error) &&
           metric_file_end(file,
                           connection_execute(file->connection,
                                              "DELETE FROM log; DELETE FROM block;"
                                              "DELETE FROM series",
                                              error),
                           error);
}

/* ---- reading ---- */

/* Steps on; false at the end, and then *ok tells whether it is one. Resets the statement there. */
static bool next_row(MetricFile *file, sqlite3_stmt *statement, bool *ok, GError **error)
{
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        return true;
    *ok = code == SQLITE_DONE || connection_trouble(file->connection, "read it", error);
    sqlite3_reset(statement);
    return false;
}

static const char *text_at(sqlite3_stmt *statement, int column)
{
    return (const char *)sqlite3_column_text(statement, column);
}

bool metric_file_read_series(MetricFile *file,
                             void (*visit)(void *data, const MetricFileSeries *series), void *data,
                             GError **error)
{
    sqlite3_stmt *statement;
    if (!connection_statement(file->connection,
                              "SELECT id, account_id, space, name, dimensions, unit,"
                              " (SELECT max(hour) FROM block WHERE series = series.id)"
                              " FROM series ORDER BY id",
                              &statement, error))
        return false;
    bool ok;
    while (next_row(file, statement, &ok, error)) {
        const MetricFileSeries series = {
            .id = sqlite3_column_int64(statement, 0),
            .account_id = text_at(statement, 1),
            .space = text_at(statement, 2),
            .name = text_at(statement, 3),
            .dimensions = text_at(statement, 4),
            .unit = text_at(statement, 5),
            .last_hour = sqlite3_column_int64(statement, 6),
        };
        visit(data, &series);
    }
    return ok;
}

bool metric_file_read_log(MetricFile *file, void (*visit)(void *data, const void *log, size_t size),
                          void *data, GError **error)
{
    sqlite3_stmt *statement;
    if (!connection_statement(file->connection, "SELECT data FROM log ORDER BY id", &statement,
                              error))
        return false;
    bool ok;
    while (next_row(file, statement, &ok, error))
        visit(data, sqlite3_column_blob(statement, 0), (size_t)sqlite3_column_bytes(statement, 0));
    return ok;
}

static bool visit_blocks(MetricFile *file, sqlite3_stmt *statement, MetricFileVisit visit,
                         void *data, GError **error)
{
    bool ok;
    while (next_row(file, statement, &ok, error)) {
        const MetricFileBlock block = {
            .series = sqlite3_column_int64(statement, 0),
            .hour = sqlite3_column_int64(statement, 1),
            .resolution = sqlite3_column_int64(statement, 2),
            .data = sqlite3_column_blob(statement, 3),
            .size = (size_t)sqlite3_column_bytes(statement, 3),
        };
        visit(data, &block);
    }
    return ok;
}

bool metric_file_read_blocks(MetricFile *file, int64_t series, int64_t from, int64_t to,
                             MetricFileVisit visit, void *data, GError **error)
{
    sqlite3_stmt *statement;
    if (!connection_statement(file->connection,
                              "SELECT series, hour, resolution, data FROM block"
                              " WHERE series = ? AND hour BETWEEN ? AND ? ORDER BY hour",
                              &statement, error))
        return false;
    sqlite3_bind_int64(statement, 1, series);
    sqlite3_bind_int64(statement, 2, from);
    sqlite3_bind_int64(statement, 3, to);
    return visit_blocks(file, statement, visit, data, error);
}

bool metric_file_read_aged(MetricFile *file, int64_t resolution, int64_t before, int64_t most,
                           MetricFileVisit visit, void *data, GError **error)
{
    sqlite3_stmt *statement;
    if (!connection_statement(file->connection,
                              "SELECT series, hour, resolution, data FROM block"
                              " WHERE resolution = ? AND hour < ? LIMIT ?",
                              &statement, error))
        return false;
    sqlite3_bind_int64(statement, 1, resolution);
    sqlite3_bind_int64(statement, 2, before);
    sqlite3_bind_int64(statement, 3, most);
    return visit_blocks(file, statement, visit, data, error);
}
