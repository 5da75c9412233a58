/* Brings the schema up to date.
 *
 * Invariant: a file's schema is that of some migration's end; a crash in between leaves the one
 * before. */
#include "store/migrate.h"

static bool read_version(Connection *connection, unsigned *ret_version, GError **error)
{
    sqlite3_stmt *statement;
    if (!connection_statement(connection, "PRAGMA user_version", &statement, error))
        return false;
    bool ok = sqlite3_step(statement) == SQLITE_ROW;
    if (ok)
        *ret_version = (unsigned)sqlite3_column_int(statement, 0);
    else
        connection_trouble(connection, "read the schema's version", error);
    sqlite3_reset(statement);
    return ok;
}

static bool apply_from(Connection *connection, unsigned version, GError **error)
{
    for (unsigned i = version; i < n_migrations; i++) {
        if (!connection_execute(connection, migrations[i].sql, error)) {
            g_prefix_error(error, "Migration %s: ", migrations[i].name);
            return false;
        }
    }
    g_autofree char *sql = g_strdup_printf("PRAGMA user_version = %u", n_migrations);
    return connection_execute(connection, sql, error) &&
           connection_control(connection, CONTROL_COMMIT, error);
}

bool migrate(Connection *connection, GError **error)
{
    /* The version is read inside the transaction: two that open the file at once take turns. */
    unsigned version;
    if (!connection_control(connection, CONTROL_BEGIN_WRITE, error))
        return false;
    bool ok = read_version(connection, &version, error);
    if (ok && version > n_migrations)
        ok = trouble_set(error,
                         "%s was written by a newer Cumulet (schema %u, this one knows %u): run "
                         "that one, or choose another state directory",
                         connection->path, version, n_migrations);
    else if (ok && version < n_migrations)
        ok = apply_from(connection, version, error);
    if (connection_in_transaction(connection))
        connection_control(connection, CONTROL_ROLLBACK, NULL);
    return ok;
}
