/* A list of strings as a virtual table ("The Virtual Table Mechanism Of SQLite", "Pointer Passing
 * Interfaces").
 *
 * Invariant: the pointer travels by sqlite3_bind_pointer with a type name of our own, so that no
 * SQL text can make one up. */
#include "store/string_table.h"

#define POINTER_TYPE "cumulet-strings"

enum { COLUMN_VALUE, COLUMN_LIST };

typedef struct Cursor {
    sqlite3_vtab_cursor base;
    const List *list; /* NULL: no rows */
    size_t at;
} Cursor;

static int strings_connect(sqlite3 *db, void *data, int argc, const char *const *argv,
                           sqlite3_vtab **ret_table, char **ret_error)
{
    int code = sqlite3_declare_vtab(db, "CREATE TABLE strings (value TEXT, list HIDDEN)");
    if (code != SQLITE_OK)
        return code;
    *ret_table = g_new0(sqlite3_vtab, 1);
    return SQLITE_OK;
}

static int strings_disconnect(sqlite3_vtab *table)
{
    g_free(table);
    return SQLITE_OK;
}

/* The only way to read it: the argument gives the list, rows come ascending. */
static int strings_plan(sqlite3_vtab *table, sqlite3_index_info *info)
{
    for (int i = 0; i < info->nConstraint; i++) {
        const struct sqlite3_index_constraint *constraint = &info->aConstraint[i];
        if (constraint->iColumn != COLUMN_LIST || constraint->op != SQLITE_INDEX_CONSTRAINT_EQ)
            continue;
        if (!constraint->usable)
            return SQLITE_CONSTRAINT;
        info->aConstraintUsage[i].argvIndex = 1;
        info->aConstraintUsage[i].omit = 1;
    }
    info->orderByConsumed =
        info->nOrderBy == 1 && info->aOrderBy[0].iColumn == COLUMN_VALUE && !info->aOrderBy[0].desc;
    info->estimatedCost = 1;
    info->estimatedRows = 100;
    return SQLITE_OK;
}

static int strings_open(sqlite3_vtab *table, sqlite3_vtab_cursor **ret_cursor)
{
    Cursor *cursor = g_new0(Cursor, 1);
    *ret_cursor = &cursor->base;
    return SQLITE_OK;
}

static int strings_close(sqlite3_vtab_cursor *base)
{
    g_free((Cursor *)base);
    return SQLITE_OK;
}

static int strings_filter(sqlite3_vtab_cursor *base, int plan, const char *name, int argc,
                          sqlite3_value **argv)
{
    Cursor *cursor = (Cursor *)base;
    cursor->list = argc > 0 ? sqlite3_value_pointer(argv[0], POINTER_TYPE) : NULL;
    cursor->at = 0;
    return SQLITE_OK;
}

static int strings_next(sqlite3_vtab_cursor *base)
{
    ((Cursor *)base)->at++;
    return SQLITE_OK;
}

static int strings_eof(sqlite3_vtab_cursor *base)
{
    const Cursor *cursor = (const Cursor *)base;
    return !cursor->list || cursor->at >= cursor->list->n;
}

static int strings_column(sqlite3_vtab_cursor *base, sqlite3_context *context, int column)
{
    const Cursor *cursor = (const Cursor *)base;
    if (column == COLUMN_VALUE)
        sqlite3_result_text(context, list_at(cursor->list, cursor->at), -1, SQLITE_STATIC);
    return SQLITE_OK;
}

static int strings_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *ret_rowid)
{
    *ret_rowid = (sqlite3_int64)((const Cursor *)base)->at;
    return SQLITE_OK;
}

static const sqlite3_module module = {
    .xConnect = strings_connect,
    .xBestIndex = strings_plan,
    .xDisconnect = strings_disconnect,
    .xOpen = strings_open,
    .xClose = strings_close,
    .xFilter = strings_filter,
    .xNext = strings_next,
    .xEof = strings_eof,
    .xColumn = strings_column,
    .xRowid = strings_rowid,
};

int strings_register(sqlite3 *db)
{
    return sqlite3_create_module(db, "strings", &module, NULL);
}

void strings_bind(sqlite3_stmt *statement, int parameter, const List *strings)
{
    sqlite3_bind_pointer(statement, parameter, (void *)strings, POINTER_TYPE, NULL);
}
