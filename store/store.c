/* Opening, closing and emptying the store.
 *
 * Invariant: the file and its WAL are readable by their owner only; secrets are in them. */
#include "store/store.h"

#include "base/file.h"
#include "store/migrate.h"
#include "store/query.h"
#include "store/row.h"
#include "store/txn.h"
#include <errno.h>
#include <fcntl.h>

#define FILE_NAME "cumulet.db"

/* SQLite would make it with mode 0644; its other files take the mode of this one. */
static bool make_private(const char *path, GError **error)
{
    autofd fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return trouble_set_errno(error, errno,
                                 "Cannot open %s for writing: its directory must belong to the "
                                 "user that runs Cumulet",
                                 path);
    return true;
}

/* SQLite counts every allocation under one lock of the whole process, unless told before it is
 * first used. Later calls change nothing. */
static void set_up_sqlite(void)
{
    static gsize done = 0;
    if (g_once_init_enter(&done)) {
        sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
        g_once_init_leave(&done, 1);
    }
}

static bool open_writer(const char *path, Writer **ret_writer, GError **error)
{
    g_autoptr(Connection) connection = NULL;
    Changes *changes = changes_new();
    bool ok = connection_open(path, CONNECTION_WRITES, &connection, error) &&
              migrate(connection, error) && changes_watch(changes, connection, error) &&
              query_prepare_all(connection, error);
    if (ok)
        *ret_writer = writer_new(g_steal_pointer(&connection), changes);
    else
        changes_free(changes);
    return ok;
}

bool store_open(const char *directory, Store **ret_store, GError **error)
{
    g_autofree char *path = g_build_filename(directory, FILE_NAME, NULL);
    set_up_sqlite();
    if (!file_make_directory(directory, error) || !make_private(path, error))
        return false;
    g_autoptr(Store) store = g_new0(Store, 1);
    if (!open_writer(path, &store->writer, error) ||
        !checkpointer_start(path, store->writer, &store->checkpointer, error))
        return false;
    store->readers = readers_new(path);
    *ret_store = g_steal_pointer(&store);
    return true;
}

void store_close(Store *store)
{
    if (!store)
        return;
    checkpointer_stop(store->checkpointer);
    readers_free(store->readers);
    writer_free(store->writer); /* the last connection: copies the WAL and removes it */
    g_free(store);
}

/* What of each kind of record a clearing leaves: who the users are, and what no user made. */
static const char *const kept[KIND_COUNT] = {
    [KIND_account] = "true",
    [KIND_access_key] = "user_name IS NULL",
    [KIND_signing_certificate] = "user_name IS NULL",
    [KIND_setting] = "name NOT LIKE 'cursor:%'",
    [KIND_region] = "true",
    [KIND_zone] = "true",
    [KIND_instance_type] = "true",
    [KIND_vpc] = "is_default",
    [KIND_subnet] = "is_default",
    [KIND_image] = "recipe IS NOT NULL",
    [KIND_image_mapping] = "image_id IN (SELECT id FROM image WHERE recipe IS NOT NULL)",
    [KIND_snapshot] = "id IN (SELECT snapshot_id FROM image WHERE recipe IS NOT NULL)",
    [KIND_snapshot_permission] =
        "snapshot_id IN (SELECT snapshot_id FROM image WHERE recipe IS NOT NULL)",
    [KIND_blob_trash] = "true",
};

/* The files of blobs are still to be removed, and what is no record goes as well. */
static bool clear_blobs(Txn *txn, GError **error)
{
    static const char sql[] =
        "INSERT OR IGNORE INTO blob_trash SELECT id FROM blob WHERE place = 'file';"
        "DELETE FROM blob_data";
    return sqlite3_exec(txn->connection->db, sql, NULL, NULL, NULL) == SQLITE_OK ||
           txn_fail(txn, "clear", "blob", error);
}

bool store_clear(Txn *txn, GError **error)
{
    if (!txn_check(txn, true, error) || !clear_blobs(txn, error))
        return false;
    for (unsigned kind = 0; kind < KIND_COUNT; kind++) {
        const char *table = record_type(kind)->table;
        /* Without a WHERE, SQLite empties a table at once rather than row by row. */
        g_autofree char *sql =
            kept[kind] ? g_strdup_printf("DELETE FROM %s WHERE NOT (%s)", table, kept[kind])
                       : g_strdup_printf("DELETE FROM %s", table);
        if (sqlite3_exec(txn->connection->db, sql, NULL, NULL, NULL) != SQLITE_OK)
            return txn_fail(txn, "clear", table, error);
    }
    return true;
}

uint64_t store_version(const Store *store)
{
    return writer_version(store->writer);
}

uint64_t store_changed(const Store *store, const char *id)
{
    return writer_changed(store->writer, id);
}

void store_outwait_readers(Store *store)
{
    readers_outwait(store->readers);
}

void store_stats(Store *store, StoreStats *ret_stats)
{
    writer_stats(store->writer, ret_stats);
    ret_stats->checkpoints = checkpointer_count(store->checkpointer);
}
