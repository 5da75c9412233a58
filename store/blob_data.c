/* The table blob_data.
 *
 * Invariant: bytes of any value, NUL included, come back as they were; none are not NULL. */
#include "store/blob_data.h"

#include "store/row.h"
#include <string.h>

#define TABLE "blob_data"

bool blob_data_insert(Txn *txn, const char *id, const void *data, size_t size, GError **error)
{
    sqlite3_stmt *statement;
    if (!txn_check(txn, true, error) ||
        !connection_statement(txn->connection, "INSERT INTO blob_data (id, data) VALUES (?, ?)",
                              &statement, error))
        return false;
    row_bind_text(statement, 1, id);
    /* SQLite takes a null pointer for NULL. */
    sqlite3_bind_blob64(statement, 2, size > 0 ? data : "", size, SQLITE_STATIC);
    bool ok = row_run(txn, statement, "insert into", TABLE, error);
    sqlite3_clear_bindings(statement);
    return ok;
}

bool blob_data_read(Txn *txn, const char *id, int64_t offset, int64_t size, char **ret_data,
                    size_t *ret_size, GError **error)
{
    sqlite3_stmt *statement;
    if (!txn_check(txn, false, error) ||
        !connection_statement(txn->connection,
                              "SELECT substr(data, ?, ?) FROM blob_data WHERE id = ?", &statement,
                              error))
        return false;
    /* substr() counts from 1, in numbers of 32 bits; so much is in no row. */
    sqlite3_bind_int64(statement, 1, MIN(offset, INT32_MAX - 1) + 1);
    sqlite3_bind_int64(statement, 2, MIN(size, INT32_MAX));
    row_bind_text(statement, 3, id);
    int code = sqlite3_step(statement);
    bool ok = code == SQLITE_ROW || code == SQLITE_DONE;
    if (!ok) {
        txn_fail(txn, "read", TABLE, error);
    } else if (code == SQLITE_DONE) {
        *ret_data = NULL;
        *ret_size = 0;
    } else {
        size_t length = (size_t)sqlite3_column_bytes(statement, 0);
        *ret_data = g_malloc(MAX(length, 1));
        if (length > 0)
            memcpy(*ret_data, sqlite3_column_blob(statement, 0), length);
        *ret_size = length;
    }
    sqlite3_reset(statement);
    return ok;
}

bool blob_data_delete(Txn *txn, const char *id, GError **error)
{
    sqlite3_stmt *statement;
    if (!txn_check(txn, true, error) ||
        !connection_statement(txn->connection, "DELETE FROM blob_data WHERE id = ?", &statement,
                              error))
        return false;
    row_bind_text(statement, 1, id);
    return row_run(txn, statement, "delete from", TABLE, error);
}
