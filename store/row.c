/* Between rows and records.
 *
 * A statement that reads selects record(KIND, column, …): the SQL function makes the record in
 * the connection's arena and gives its address as the row's only column. So SQLite hands the
 * columns over as they lie in its registers; asking for them one by one after each row costs
 * almost half as much again.
 *
 * Invariant: what SQL holds as NULL is NULL in C and the other way round; a state is a name in
 * SQL and never one that its machine does not know. */
#include "store/row.h"

#include <string.h>

#define AT(T, record, column) (*(T *)((char *)(record) + (column)->offset))
#define AT_CONST(T, record, column) (*(T const *)((const char *)(record) + (column)->offset))

void row_add_record(GString *sql, const RecordType *type, const char *alias)
{
    g_string_append_printf(sql, "record(%u", type->index);
    for (size_t i = 0; i < type->n_columns; i++)
        g_string_append_printf(sql, ", %s%s%s", alias ? alias : "", alias ? "." : "",
                               type->columns[i].name);
    g_string_append_c(sql, ')');
}

void row_add_columns(GString *sql, const RecordType *type)
{
    for (size_t i = 0; i < type->n_columns; i++)
        g_string_append_printf(sql, "%s%s", i > 0 ? ", " : "", type->columns[i].name);
}

void row_add_key_condition(GString *sql, const RecordType *type)
{
    for (size_t i = 0; i < type->n_columns && type->columns[i].key; i++)
        g_string_append_printf(sql, "%s%s = ?", i > 0 ? " AND " : "", type->columns[i].name);
}

void row_bind_text(sqlite3_stmt *statement, int parameter, const char *text)
{
    sqlite3_bind_text(statement, parameter, text, -1, SQLITE_STATIC);
}

void row_bind(sqlite3_stmt *statement, int parameter, const Column *column, const void *record)
{
    switch (column->kind) {
    case COLUMN_TEXT:
        row_bind_text(statement, parameter, AT_CONST(char *, record, column));
        break;
    case COLUMN_INT:
        sqlite3_bind_int64(statement, parameter, AT_CONST(int64_t, record, column));
        break;
    case COLUMN_BOOL:
        sqlite3_bind_int(statement, parameter, AT_CONST(bool, record, column));
        break;
    case COLUMN_STATE:
        row_bind_text(statement, parameter,
                      state_name(column->machine, AT_CONST(int, record, column)));
        break;
    }
}

static bool column_equals(const Column *column, const void *a, const void *b)
{
    switch (column->kind) {
    case COLUMN_TEXT:
        return g_strcmp0(AT_CONST(char *, a, column), AT_CONST(char *, b, column)) == 0;
    case COLUMN_INT:
        return AT_CONST(int64_t, a, column) == AT_CONST(int64_t, b, column);
    case COLUMN_BOOL:
        return AT_CONST(bool, a, column) == AT_CONST(bool, b, column);
    case COLUMN_STATE:
        return AT_CONST(int, a, column) == AT_CONST(int, b, column);
    }
    g_assert_not_reached();
}

uint64_t row_compare(const RecordType *type, const void *a, const void *b)
{
    uint64_t differs = 0;
    for (size_t i = 0; i < type->n_columns; i++) {
        if (!column_equals(&type->columns[i], a, b))
            differs |= UINT64_C(1) << i;
    }
    return differs;
}

/* One allocation a record: the structure, and behind it all its strings. */
static void *alloc_record(Arena *arena, const RecordType *type, sqlite3_value **values)
{
    size_t size = type->size;
    for (size_t i = 0; i < type->n_columns; i++) {
        if (type->columns[i].kind == COLUMN_TEXT)
            size += (size_t)sqlite3_value_bytes(values[i]) + 1;
    }
    return arena_alloc(arena, size);
}

/* record(kind, column, …) */
static void make_record(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    const Connection *connection = sqlite3_user_data(context);
    const RecordType *type = record_type((RecordKind)sqlite3_value_int(argv[0]));
    sqlite3_value **values = argv + 1;
    g_assert((size_t)argc == type->n_columns + 1);

    void *record = alloc_record(connection->arena, type, values);
    char *end = (char *)record + type->size;
    for (size_t i = 0; i < type->n_columns; i++) {
        const Column *column = &type->columns[i];
        switch (column->kind) {
        case COLUMN_TEXT: {
            const unsigned char *text = sqlite3_value_text(values[i]);
            if (!text)
                break;
            size_t size = (size_t)sqlite3_value_bytes(values[i]) + 1;
            AT(const char *, record, column) = memcpy(end, text, size);
            end += size;
            break;
        }
        case COLUMN_INT:
            AT(int64_t, record, column) = sqlite3_value_int64(values[i]);
            break;
        case COLUMN_BOOL:
            AT(bool, record, column) = sqlite3_value_int(values[i]) != 0;
            break;
        case COLUMN_STATE: {
            const char *name = (const char *)sqlite3_value_text(values[i]);
            if (!state_parse(column->machine, name, &AT(int, record, column))) {
                sqlite3_result_error(context, "a state that does not exist", -1);
                return;
            }
            break;
        }
        }
    }
    sqlite3_result_int64(context, (sqlite3_int64)(intptr_t)record);
}

int row_register(Connection *connection)
{
    return sqlite3_create_function_v2(connection->db, "record", -1, SQLITE_UTF8 | SQLITE_DIRECTONLY,
                                      connection, make_record, NULL, NULL, NULL);
}

/* What the statement's row holds, in the arena. */
static void *row_record(sqlite3_stmt *statement, Arena *arena)
{
    return (void *)(intptr_t)sqlite3_column_int64(statement, 0);
}

static void *row_id(sqlite3_stmt *statement, Arena *arena)
{
    const void *id = sqlite3_column_text(statement, 0);
    return arena_memdup(arena, id, (size_t)sqlite3_column_bytes(statement, 0) + 1);
}

static bool load(Txn *txn, Arena *arena, const RecordType *type, sqlite3_stmt *statement,
                 void *(*take)(sqlite3_stmt *, Arena *), int64_t limit, List *list, bool *ret_more,
                 GError **error)
{
    bool more = false;
    int code;
    int64_t n = 0;
    txn->connection->arena = arena;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        more = limit > 0 && n == limit;
        if (more)
            break;
        list_add(list, arena, take(statement, arena));
        n++;
    }
    bool ok = code == SQLITE_ROW || code == SQLITE_DONE;
    if (!ok)
        txn_fail(txn, "read", type->table, error);
    sqlite3_reset(statement);
    if (ok && ret_more)
        *ret_more = more;
    return ok;
}

bool row_load_all(Txn *txn, Arena *arena, const RecordType *type, sqlite3_stmt *statement,
                  int64_t limit, List *list, bool *ret_more, GError **error)
{
    return load(txn, arena, type, statement, row_record, limit, list, ret_more, error);
}

bool row_load_ids(Txn *txn, Arena *arena, const RecordType *type, sqlite3_stmt *statement,
                  int64_t limit, List *list, bool *ret_more, GError **error)
{
    return load(txn, arena, type, statement, row_id, limit, list, ret_more, error);
}

bool row_load_one(Txn *txn, Arena *arena, const RecordType *type, sqlite3_stmt *statement,
                  void **ret_record, GError **error)
{
    void *record = NULL;
    txn->connection->arena = arena;
    int code = sqlite3_step(statement);
    bool ok = code == SQLITE_ROW || code == SQLITE_DONE;
    if (code == SQLITE_ROW)
        record = (void *)(intptr_t)sqlite3_column_int64(statement, 0);
    else if (!ok)
        txn_fail(txn, "read", type->table, error);
    sqlite3_reset(statement);
    if (ok)
        *ret_record = record;
    return ok;
}

bool row_run(Txn *txn, sqlite3_stmt *statement, const char *doing, const char *table,
             GError **error)
{
    int code;
    do
        code = sqlite3_step(statement);
    while (code == SQLITE_ROW);
    bool ok = code == SQLITE_DONE;
    if (!ok)
        txn_fail(txn, doing, table, error);
    sqlite3_reset(statement);
    return ok;
}
