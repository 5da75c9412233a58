/* Reading and writing single records, by the column tables made here from records.def.
 *
 * Invariant: a put writes only the columns that differ, so that the indexes over the others, and
 * the pages that hold them, stay untouched; one that changes nothing writes nothing. */
#include "store/record.h"

#include "store/row.h"

#define RECORD(Name, name, label)                                                                  \
    const RecordType *name##_record_type(void)                                                     \
    {                                                                                              \
        typedef Name Record;                                                                       \
        static const char table[] = label;                                                         \
        static const Column columns[] = {
#define KEY(member)                                                                                \
    {.name = #member, .offset = offsetof(Record, member), .kind = COLUMN_TEXT, .key = true},
#define TEXT(member) {.name = #member, .offset = offsetof(Record, member), .kind = COLUMN_TEXT},
#define INT(member) {.name = #member, .offset = offsetof(Record, member), .kind = COLUMN_INT},
#define BOOL(member) {.name = #member, .offset = offsetof(Record, member), .kind = COLUMN_BOOL},
#define STATE(member, state_machine)                                                               \
    {.name = #member,                                                                              \
     .offset = offsetof(Record, member),                                                           \
     .kind = COLUMN_STATE,                                                                         \
     .machine = &state_machine},
#define RECORD_END(Name, name)                                                                     \
    }                                                                                              \
    ;                                                                                              \
    _Static_assert(G_N_ELEMENTS(columns) <= COLUMNS_MOST, "too many columns");                     \
    static const RecordType type = {table, sizeof(Record), columns, G_N_ELEMENTS(columns),         \
                                    KIND_##name};                                                  \
    return &type;                                                                                  \
    }
#include "store/records.def"
#undef RECORD
#undef KEY
#undef TEXT
#undef INT
#undef BOOL
#undef STATE
#undef RECORD_END

const RecordType *record_type(RecordKind kind)
{
    static const RecordType *(*const types[KIND_COUNT])(void) = {
#define RECORD(Name, name, label) [KIND_##name] = name##_record_type,
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
    };
    return types[kind]();
}

void *record_copy(Arena *arena, const RecordType *type, const void *record)
{
    void *copy = arena_memdup(arena, record, type->size);
    for (size_t i = 0; i < type->n_columns; i++) {
        if (type->columns[i].kind == COLUMN_TEXT) {
            char **text = (char **)((char *)copy + type->columns[i].offset);
            *text = arena_strdup(arena, *text);
        }
    }
    return copy;
}

static bool has_one_key(const RecordType *type)
{
    return type->columns[0].key && (type->n_columns == 1 || !type->columns[1].key);
}

/* The row with the record's key columns, or NULL. */
static bool get_by_key(Txn *txn, Arena *arena, const RecordType *type, const void *key_record,
                       void **ret_record, GError **error)
{
    sqlite3_stmt **slot = &txn->connection->gets[type->index];
    if (!*slot) {
        g_autoptr(GString) sql = g_string_new("SELECT ");
        row_add_record(sql, type, NULL);
        g_string_append_printf(sql, " FROM %s WHERE ", type->table);
        row_add_key_condition(sql, type);
        if (!connection_prepare(txn->connection, slot, sql->str, error))
            return false;
    }
    for (size_t i = 0; i < type->n_columns && type->columns[i].key; i++)
        row_bind(*slot, (int)i + 1, &type->columns[i], key_record);
    return row_load_one(txn, arena, type, *slot, ret_record, error);
}

bool record_get(Txn *txn, Arena *arena, const RecordType *type, const char *key, void **ret_record,
                GError **error)
{
    g_assert(has_one_key(type) && type->columns[0].offset == 0);
    /* The key is the structure's first member: a pointer to it stands for a record. */
    return txn_check(txn, false, error) && get_by_key(txn, arena, type, &key, ret_record, error);
}

bool record_insert(Txn *txn, const RecordType *type, const void *record, GError **error)
{
    sqlite3_stmt **slot = &txn->connection->inserts[type->index];
    if (!txn_check(txn, true, error))
        return false;
    if (!*slot) {
        g_autoptr(GString) sql = g_string_new(NULL);
        g_string_printf(sql, "INSERT INTO %s (", type->table);
        row_add_columns(sql, type);
        g_string_append(sql, ") VALUES (");
        for (size_t i = 0; i < type->n_columns; i++)
            g_string_append(sql, i > 0 ? ", ?" : "?");
        g_string_append_c(sql, ')');
        if (!connection_prepare(txn->connection, slot, sql->str, error))
            return false;
    }
    for (size_t i = 0; i < type->n_columns; i++)
        row_bind(*slot, (int)i + 1, &type->columns[i], record);
    return row_run(txn, *slot, "insert into", type->table, error);
}

static bool update(Txn *txn, const RecordType *type, const void *record, uint64_t differs,
                   GError **error)
{
    g_autoptr(GString) sql = g_string_new(NULL);
    g_string_printf(sql, "UPDATE %s SET ", type->table);
    const char *separator = "";
    for (size_t i = 0; i < type->n_columns; i++) {
        if (differs >> i & 1) {
            g_string_append_printf(sql, "%s%s = ?", separator, type->columns[i].name);
            separator = ", ";
        }
    }
    g_string_append(sql, " WHERE ");
    row_add_key_condition(sql, type);

    sqlite3_stmt *statement;
    if (!connection_statement(txn->connection, sql->str, &statement, error))
        return false;
    int parameter = 0;
    for (size_t i = 0; i < type->n_columns; i++) {
        if (differs >> i & 1)
            row_bind(statement, ++parameter, &type->columns[i], record);
    }
    for (size_t i = 0; i < type->n_columns && type->columns[i].key; i++)
        row_bind(statement, ++parameter, &type->columns[i], record);
    return row_run(txn, statement, "update", type->table, error);
}

bool record_put(Txn *txn, const RecordType *type, const void *record, GError **error)
{
    if (!txn_check(txn, true, error))
        return false;
    g_autoptr(Arena) arena = arena_new();
    void *stored;
    if (!get_by_key(txn, arena, type, record, &stored, error))
        return false;
    if (!stored)
        return record_insert(txn, type, record, error);
    uint64_t differs = row_compare(type, stored, record);
    return !differs || update(txn, type, record, differs, error);
}

bool record_delete(Txn *txn, const RecordType *type, const char *key, GError **error)
{
    g_assert(has_one_key(type));
    sqlite3_stmt **slot = &txn->connection->deletes[type->index];
    if (!txn_check(txn, true, error))
        return false;
    if (!*slot) {
        g_autofree char *sql =
            g_strdup_printf("DELETE FROM %s WHERE %s = ?", type->table, type->columns[0].name);
        if (!connection_prepare(txn->connection, slot, sql, error))
            return false;
    }
    row_bind_text(*slot, 1, key);
    return row_run(txn, *slot, "delete from", type->table, error);
}
