/* The named queries of store/queries.def, and the one that fetches what belongs to many records.
 *
 * Invariant: parameters are strings that live longer than the call; SQLite compares them with a
 * number by the column's affinity. */
#include "store/query.h"

#include "store/row.h"
#include "store/string_table.h"
#include <stdarg.h>
#include <string.h>

typedef struct QueryRow {
    const RecordType *(*type)(void);
    const char *where;
} QueryRow;

static const QueryRow queries[] = {
#define QUERY(symbol, type, where) [QUERY_##symbol] = {type##_record_type, where},
#define COUNT(symbol, sql)
#define CHANGE(symbol, sql)
#include "store/queries.def"
#undef QUERY
#undef COUNT
#undef CHANGE
};
static const char *const counts[] = {
#define QUERY(symbol, type, where)
#define COUNT(symbol, sql) [COUNT_##symbol] = (sql),
#define CHANGE(symbol, sql)
#include "store/queries.def"
#undef QUERY
#undef COUNT
#undef CHANGE
};
static const char *const changes[] = {
#define QUERY(symbol, type, where)
#define COUNT(symbol, sql)
#define CHANGE(symbol, sql) [CHANGE_##symbol] = (sql),
#include "store/queries.def"
#undef QUERY
#undef COUNT
#undef CHANGE
};

static bool prepare_query(Connection *connection, Query query, GError **error)
{
    sqlite3_stmt **slot = &connection->queries[query];
    if (*slot)
        return true;
    const RecordType *type = queries[query].type();
    g_autoptr(GString) sql = g_string_new("SELECT ");
    row_add_record(sql, type, NULL);
    g_string_append_printf(sql, " FROM %s WHERE %s", type->table, queries[query].where);
    return connection_prepare(connection, slot, sql->str, error);
}

bool query_prepare_all(Connection *connection, GError **error)
{
    for (unsigned i = 0; i < QUERY_COUNT; i++) {
        if (!prepare_query(connection, i, error))
            return false;
    }
    for (unsigned i = 0; i < COUNT_COUNT; i++) {
        if (!connection_prepare(connection, &connection->counts[i], counts[i], error))
            return false;
    }
    for (unsigned i = 0; i < CHANGE_COUNT; i++) {
        if (!connection_prepare(connection, &connection->changes[i], changes[i], error))
            return false;
    }
    return true;
}

static void bind_args(sqlite3_stmt *statement, va_list args)
{
    int n = sqlite3_bind_parameter_count(statement);
    for (int i = 1; i <= n; i++)
        row_bind_text(statement, i, va_arg(args, const char *));
}

bool record_query(Txn *txn, Arena *arena, Query query, List *list, GError **error, ...)
{
    if (!txn_check(txn, false, error) || !prepare_query(txn->connection, query, error))
        return false;
    sqlite3_stmt *statement = txn->connection->queries[query];
    va_list args;
    va_start(args, error);
    bind_args(statement, args);
    va_end(args);
    return row_load_all(txn, arena, queries[query].type(), statement, 0, list, NULL, error);
}

bool record_query_one(Txn *txn, Arena *arena, Query query, void **ret_record, GError **error, ...)
{
    if (!txn_check(txn, false, error) || !prepare_query(txn->connection, query, error))
        return false;
    sqlite3_stmt *statement = txn->connection->queries[query];
    va_list args;
    va_start(args, error);
    bind_args(statement, args);
    va_end(args);
    return row_load_one(txn, arena, queries[query].type(), statement, ret_record, error);
}

bool record_count(Txn *txn, Count count, int64_t *ret_value, GError **error, ...)
{
    sqlite3_stmt **slot = &txn->connection->counts[count];
    if (!txn_check(txn, false, error) ||
        !connection_prepare(txn->connection, slot, counts[count], error))
        return false;
    va_list args;
    va_start(args, error);
    bind_args(*slot, args);
    va_end(args);
    bool ok = sqlite3_step(*slot) == SQLITE_ROW;
    if (ok)
        *ret_value = sqlite3_column_int64(*slot, 0);
    else
        txn_fail(txn, "count", "records", error);
    sqlite3_reset(*slot);
    return ok;
}

bool record_change(Txn *txn, Change change, int64_t *ret_changed, GError **error, ...)
{
    sqlite3_stmt **slot = &txn->connection->changes[change];
    if (!txn_check(txn, true, error) ||
        !connection_prepare(txn->connection, slot, changes[change], error))
        return false;
    va_list args;
    va_start(args, error);
    bind_args(*slot, args);
    va_end(args);
    if (!row_run(txn, *slot, "change", "records", error))
        return false;
    if (ret_changed)
        *ret_changed = sqlite3_changes64(txn->connection->db);
    return true;
}

static int compare_strings(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool record_list_in(Txn *txn, Arena *arena, const RecordType *type, const char *column,
                    const List *values, List *list, GError **error)
{
    if (!txn_check(txn, false, error))
        return false;
    if (values->n == 0)
        return true;
    const char **sorted = arena_memdup(arena, values->items, values->n * sizeof(*values->items));
    qsort(sorted, values->n, sizeof(*sorted), compare_strings);
    List distinct = {0};
    for (size_t i = 0; i < values->n; i++) {
        if (i == 0 || strcmp(sorted[i], sorted[i - 1]) != 0)
            list_add(&distinct, arena, sorted[i]);
    }

    g_autoptr(GString) sql = g_string_new("SELECT ");
    row_add_record(sql, type, "r");
    g_string_append_printf(sql,
                           " FROM strings(?) s CROSS JOIN %s r ON r.%s = s.value"
                           " ORDER BY s.value",
                           type->table, column);
    sqlite3_stmt *statement;
    if (!connection_statement(txn->connection, sql->str, &statement, error))
        return false;
    strings_bind(statement, 1, &distinct);
    bool ok = row_load_all(txn, arena, type, statement, 0, list, NULL, error);
    sqlite3_clear_bindings(statement);
    return ok;
}
