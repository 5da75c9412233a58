/* When anything that belongs to a resource was last written: see the header for how.
 *
 * Invariant: an id that is not in `last` was not touched by a commit after `floor`. */
#include "store/changes.h"

/* More ids than these are not told apart: about 100 bytes each. */
#define IDS_MOST 20000

/* What a row belongs to. In the SQL `#` is the row, as it was or as it is. */
typedef struct Watch {
    const char *table;
    const char *sql;
} Watch;

/* An instance is said to be touched with everything that DescribeInstances shows of it: its record,
 * its interfaces, their groups and what these are called, its volumes, its tags; an access
 * key, an account and a bucket with their records alone. */
static const Watch watches[] = {
    {"instance", "SELECT touched(#.id)"},
    {"eni", "SELECT touched(#.instance_id)"},
    {"eni_group", "SELECT touched((SELECT instance_id FROM eni WHERE id = #.eni_id))"},
    {"security_group", "SELECT touched(e.instance_id) FROM eni_group g JOIN eni e"
                       " ON e.id = g.eni_id WHERE g.group_id = #.id"},
    {"volume", "SELECT touched(#.instance_id)"},
    {"tag", "SELECT touched(#.resource_id)"},
    {"access_key", "SELECT touched(#.id)"},
    {"account", "SELECT touched(#.id)"},
    {"bucket", "SELECT touched(#.name)"},
};

struct Changes {
    GHashTable *gathered; /* set of ids; of who has the writer's turn */

    GMutex lock;      /* over all below */
    GHashTable *last; /* id → number of a commit, as a pointer to it */
    uint64_t floor;
};

Changes *changes_new(void)
{
    Changes *changes = g_new0(Changes, 1);
    changes->gathered = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    changes->last = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_mutex_init(&changes->lock);
    return changes;
}

void changes_free(Changes *changes)
{
    if (!changes)
        return;
    g_hash_table_unref(changes->gathered);
    g_hash_table_unref(changes->last);
    g_mutex_clear(&changes->lock);
    g_free(changes);
}

/* touched(id) */
static void touched(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    Changes *changes = sqlite3_user_data(context);
    const char *id = (const char *)sqlite3_value_text(argv[0]);
    if (id && !g_hash_table_contains(changes->gathered, id))
        g_hash_table_add(changes->gathered, g_strdup(id));
}

static void add_trigger(GString *sql, const Watch *watch, const char *event, const char *row)
{
    g_string_append_printf(sql, "CREATE TEMP TRIGGER %s_%s_%s AFTER %s ON main.%s BEGIN ",
                           watch->table, event, row, event, watch->table);
    for (const char *c = watch->sql; *c; c++) {
        if (*c == '#')
            g_string_append(sql, row);
        else
            g_string_append_c(sql, *c);
    }
    g_string_append(sql, "; END;");
}

bool changes_watch(Changes *changes, Connection *writer, GError **error)
{
    int code = sqlite3_create_function_v2(writer->db, "touched", 1, SQLITE_UTF8 | SQLITE_INNOCUOUS,
                                          changes, touched, NULL, NULL, NULL);
    if (code != SQLITE_OK)
        return connection_trouble(writer, "set it up", error);
    g_autoptr(GString) sql = g_string_new(NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(watches); i++) {
        add_trigger(sql, &watches[i], "INSERT", "NEW");
        add_trigger(sql, &watches[i], "UPDATE", "OLD");
        add_trigger(sql, &watches[i], "UPDATE", "NEW");
        add_trigger(sql, &watches[i], "DELETE", "OLD");
    }
    return connection_execute(writer, sql->str, error);
}

void changes_publish(Changes *changes, uint64_t number)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&changes->lock);
    GHashTableIter iter;
    void *id;
    g_hash_table_iter_init(&iter, changes->gathered);
    while (g_hash_table_iter_next(&iter, &id, NULL)) {
        uint64_t *last = g_hash_table_lookup(changes->last, id);
        if (!last) {
            last = g_new(uint64_t, 1);
            g_hash_table_iter_steal(&iter);
            g_hash_table_insert(changes->last, id, last);
        }
        *last = number;
    }
    g_hash_table_remove_all(changes->gathered);
    if (g_hash_table_size(changes->last) > IDS_MOST) {
        g_hash_table_remove_all(changes->last);
        changes->floor = number;
    }
}

void changes_drop(Changes *changes)
{
    g_hash_table_remove_all(changes->gathered);
}

uint64_t changes_last(Changes *changes, const char *id)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&changes->lock);
    const uint64_t *last = g_hash_table_lookup(changes->last, id);
    return last ? *last : changes->floor;
}
