/* Access keys as they were last read. Invariant: a key in the table is what a transaction read
 * that saw everything committed by its `since`; it is shown only while store_changed says that
 * nothing was written of it afterwards. */
#include "cloud/known_keys.h"

/* Then all are forgotten. */
#define KEYS_MOST 1000

typedef struct KnownKey {
    Arena *arena; /* of key */
    AccessKey *key;
    uint64_t since;
} KnownKey;

struct KnownKeys {
    Store *store;
    GMutex lock;       /* over all below */
    GHashTable *by_id; /* → KnownKey; the id is in the key */
};

static void known_key_free(void *data)
{
    KnownKey *known = data;
    arena_free(known->arena);
    g_free(known);
}

KnownKeys *known_keys_new(Store *store)
{
    KnownKeys *keys = g_new0(KnownKeys, 1);
    keys->store = store;
    g_mutex_init(&keys->lock);
    keys->by_id = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, known_key_free);
    return keys;
}

void known_keys_free(KnownKeys *keys)
{
    if (!keys)
        return;
    g_hash_table_unref(keys->by_id);
    g_mutex_clear(&keys->lock);
    g_free(keys);
}

/* NULL: it has to be read. */
static AccessKey *recall(KnownKeys *keys, Arena *arena, const char *id)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&keys->lock);
    const KnownKey *known = g_hash_table_lookup(keys->by_id, id);
    if (!known || store_changed(keys->store, id) > known->since)
        return NULL;
    return record_copy(arena, access_key_record_type(), known->key);
}

static void remember(KnownKeys *keys, const AccessKey *key, uint64_t since)
{
    KnownKey *known = g_new(KnownKey, 1);
    known->arena = arena_new();
    known->key = record_copy(known->arena, access_key_record_type(), key);
    known->since = since;
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&keys->lock);
    if (g_hash_table_size(keys->by_id) >= KEYS_MOST)
        g_hash_table_remove_all(keys->by_id);
    g_hash_table_replace(keys->by_id, (char *)known->key->id, known);
}

bool known_keys_get(KnownKeys *keys, Arena *arena, const char *id, AccessKey **ret_key,
                    GError **error)
{
    AccessKey *key = recall(keys, arena, id);
    if (!key) {
        g_autoptr(Txn) txn = NULL;
        if (!txn_begin_read(keys->store, &txn, error) ||
            !access_key_get(txn, arena, id, &key, error))
            return false;
        if (key)
            remember(keys, key, txn_since(txn));
    }
    *ret_key = key;
    return true;
}
