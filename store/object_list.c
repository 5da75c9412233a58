/* Listings of objects and of uploads, which differ in their statements alone.
 *
 * Theory of operation. A statement gives the records of a bucket between two places in the order of
 * an index. Each row is either shown, or its key has the delimiter behind the prefix: then the
 * common prefix is shown and the statement starts over at the first key that does not begin with
 * it.
 *
 * Invariant: a place is a key and what orders its records, the rank or the upload id; "" stands
 * before all of these and LAST behind them and, as a key, behind all keys: no UTF-8 text has such
 * a byte. */
#include "store/object_list.h"

#include "store/row.h"
#include <string.h>

#define LAST "\xff"

typedef struct Place {
    const char *key, *rank;
} Place;

typedef struct Walk {
    Txn *txn;
    Arena *arena;
    const RecordType *type;
    sqlite3_stmt *statement;
    const char *bucket, *prefix, *delimiter; /* "": none */
    const char *end;                         /* the first key behind the prefix's */
    int64_t limit;
    List *list;
    void (*add)(List *list, Arena *arena, const void *record, const char *prefix);
} Walk;

/* The first text that is greater than all that begin with prefix. */
static const char *successor(Arena *arena, const char *prefix)
{
    size_t size = strlen(prefix);
    while (size > 0 && (unsigned char)prefix[size - 1] == 0xff)
        size--;
    if (size == 0)
        return LAST;
    char *next = arena_strndup(arena, prefix, size);
    next[size - 1]++;
    return next;
}

/* The common prefix that stands for the key; NULL: it stands for itself. */
static const char *common_prefix(const Walk *walk, const char *key)
{
    if (!*walk->delimiter)
        return NULL;
    const char *found = strstr(key + strlen(walk->prefix), walk->delimiter);
    return found ? arena_strndup(walk->arena, key, (size_t)(found - key) + strlen(walk->delimiter))
                 : NULL;
}

/* What the first row must lie behind. */
static Place first_place(const Walk *walk, const char *after, const char *after_rank)
{
    if (!after || strcmp(after, walk->prefix) < 0)
        return (Place){walk->prefix, ""};
    const char *common = g_str_has_prefix(after, walk->prefix) ? common_prefix(walk, after) : NULL;
    if (common)
        return (Place){successor(walk->arena, common), ""};
    return (Place){after, after_rank ? after_rank : LAST};
}

static void bind(const Walk *walk, const Place *place)
{
    row_bind_text(walk->statement, 1, walk->bucket);
    row_bind_text(walk->statement, 2, place->key);
    row_bind_text(walk->statement, 3, place->rank);
    row_bind_text(walk->statement, 4, walk->end);
}

/* Steps from a bound place to the end of the list; leaves the statement as it stands. Returns
 * SQLite's code. */
static int step_all(const Walk *walk, bool *ret_more)
{
    int code;
    int64_t n = 0;
    bool more = false;
    while (!more && (code = sqlite3_step(walk->statement)) == SQLITE_ROW) {
        more = n++ == walk->limit;
        if (more)
            break;
        const char *key = (const char *)sqlite3_column_text(walk->statement, 1);
        const char *common = common_prefix(walk, key);
        if (!common) {
            walk->add(walk->list, walk->arena,
                      (const void *)(intptr_t)sqlite3_column_int64(walk->statement, 0), NULL);
            continue;
        }
        walk->add(walk->list, walk->arena, NULL, common);
        sqlite3_reset(walk->statement);
        bind(walk, &(Place){successor(walk->arena, common), ""});
    }
    *ret_more = more;
    return code;
}

static bool walk_list(Walk *walk, const char *after, const char *after_rank, bool *ret_more,
                      GError **error)
{
    if (walk->limit <= 0) {
        *ret_more = false;
        return true;
    }
    walk->end = successor(walk->arena, walk->prefix);
    Place place = first_place(walk, after, after_rank);
    bind(walk, &place);
    walk->txn->connection->arena = walk->arena;
    bool more;
    int code = step_all(walk, &more);
    bool ok = code == SQLITE_ROW || code == SQLITE_DONE;
    if (!ok)
        txn_fail(walk->txn, "list", walk->type->table, error);
    sqlite3_reset(walk->statement);
    sqlite3_clear_bindings(walk->statement);
    if (ok)
        *ret_more = more;
    return ok;
}

/* "record(KIND, bucket, …)" with NULL for the columns that a listing leaves out. */
static void add_lean_record(GString *sql, const RecordType *type)
{
    static const char *const left_out[] = {"acl", "headers", "tags", NULL};
    g_string_append_printf(sql, "record(%u", type->index);
    for (size_t i = 0; i < type->n_columns; i++) {
        const char *name = type->columns[i].name;
        g_string_append_printf(sql, ", %s", g_strv_contains(left_out, name) ? "NULL" : name);
    }
    g_string_append_c(sql, ')');
}

/* from: the table, and the index to be used; rank: the column that orders the records of one key;
 * only: the condition of a partial index. */
static bool prepare(Walk *walk, const char *from, const char *rank, const char *only,
                    GError **error)
{
    g_autoptr(GString) sql = g_string_new("SELECT ");
    add_lean_record(sql, walk->type);
    g_string_append_printf(sql,
                           ", key FROM %s WHERE bucket = ?1 AND (key, %s) > (?2, ?3) AND key < ?4"
                           "%s ORDER BY key, %s",
                           from, rank, only, rank);
    return txn_check(walk->txn, false, error) &&
           connection_statement(walk->txn->connection, sql->str, &walk->statement, error);
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

static void add_object(List *list, Arena *arena, const void *record, const char *prefix)
{
    list_add(list, arena,
             arena_memdup(arena, &(ObjectListItem){record, prefix}, sizeof(ObjectListItem)));
}

bool object_list(Txn *txn, Arena *arena, const ObjectScan *scan, List *list, bool *ret_more,
                 GError **error)
{
    Walk walk = {
        .txn = txn,
        .arena = arena,
        .type = object_record_type(),
        .bucket = scan->bucket,
        .prefix = or_empty(scan->prefix),
        .delimiter = or_empty(scan->delimiter),
        .limit = scan->limit,
        .list = list,
        .add = add_object,
    };
    if (scan->versions)
        return prepare(&walk, "object", "rank", "", error) &&
               walk_list(&walk, scan->after, scan->after_rank, ret_more, error);
    /* Left to itself SQLite takes the primary key, and reads what is not shown. */
    return prepare(&walk, "object INDEXED BY object_current", "rank",
                   " AND is_latest = 1 AND is_marker = 0", error) &&
           walk_list(&walk, scan->after, NULL, ret_more, error);
}

static void add_upload(List *list, Arena *arena, const void *record, const char *prefix)
{
    list_add(list, arena,
             arena_memdup(arena, &(UploadListItem){record, prefix}, sizeof(UploadListItem)));
}

bool upload_list(Txn *txn, Arena *arena, const UploadScan *scan, List *list, bool *ret_more,
                 GError **error)
{
    Walk walk = {
        .txn = txn,
        .arena = arena,
        .type = upload_record_type(),
        .bucket = scan->bucket,
        .prefix = or_empty(scan->prefix),
        .delimiter = or_empty(scan->delimiter),
        .limit = scan->limit,
        .list = list,
        .add = add_upload,
    };
    return prepare(&walk, "upload", "id", " AND completed = 0", error) &&
           walk_list(&walk, scan->after, scan->after_upload, ret_more, error);
}
