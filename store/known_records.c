/* Records as they were last read. Invariant: a record in a table is what a transaction read that
 * saw everything committed by its `since`; it is shown only while store_changed says that nothing
 * was written of it afterwards. */
#include "store/known_records.h"

#include "store/connection.h"

/* Of a kind; then all of them are forgotten. */
#define RECORDS_MOST 1000

typedef struct KnownRecord {
    Arena *arena; /* of key and record */
    const char *key;
    void *record;
    uint64_t since;
} KnownRecord;

struct KnownRecords {
    Store *store;
    GMutex lock;                    /* over all below */
    GHashTable *by_key[KIND_COUNT]; /* → KnownRecord, which has the key; NULL: none yet */
};

static void known_record_free(void *data)
{
    KnownRecord *known = data;
    arena_free(known->arena);
    g_free(known);
}

KnownRecords *known_records_new(Store *store)
{
    KnownRecords *records = g_new0(KnownRecords, 1);
    records->store = store;
    g_mutex_init(&records->lock);
    return records;
}

void known_records_free(KnownRecords *records)
{
    if (!records)
        return;
    for (unsigned i = 0; i < KIND_COUNT; i++)
        g_clear_pointer(&records->by_key[i], g_hash_table_unref);
    g_mutex_clear(&records->lock);
    g_free(records);
}

/* NULL: it has to be read. */
static void *recall(KnownRecords *records, Arena *arena, const RecordType *type, const char *key)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&records->lock);
    GHashTable *table = records->by_key[type->index];
    const KnownRecord *known = table ? g_hash_table_lookup(table, key) : NULL;
    if (!known || store_changed(records->store, key) > known->since)
        return NULL;
    return record_copy(arena, type, known->record);
}

static void remember(KnownRecords *records, const RecordType *type, const char *key,
                     const void *record, uint64_t since)
{
    KnownRecord *known = g_new(KnownRecord, 1);
    known->arena = arena_new();
    known->key = arena_strdup(known->arena, key);
    known->record = record_copy(known->arena, type, record);
    known->since = since;
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&records->lock);
    GHashTable **table = &records->by_key[type->index];
    if (!*table)
        *table = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, known_record_free);
    if (g_hash_table_size(*table) >= RECORDS_MOST)
        g_hash_table_remove_all(*table);
    g_hash_table_replace(*table, (char *)known->key, known);
}

bool known_record_get(KnownRecords *records, Arena *arena, const RecordType *type, const char *key,
                      void **ret_record, GError **error)
{
    void *record = recall(records, arena, type, key);
    if (!record) {
        g_autoptr(Txn) txn = NULL;
        if (!txn_begin_read(records->store, &txn, error) ||
            !record_get(txn, arena, type, key, &record, error))
            return false;
        if (record)
            remember(records, type, key, record, txn_since(txn));
    }
    *ret_record = record;
    return true;
}
