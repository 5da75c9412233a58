/* Remembered replies.
 *
 * Invariants: all entries are of the one version `version`; the entries of the table are the links
 * of the queue, the oldest first; `bytes` is the sum of their bodies and at most BYTES_MOST. */
#include "api/reply_cache.h"

#define BYTES_MOST (16 * 1024 * 1024)
/* A shorter reply is computed as fast as it is found. */
#define BODY_LEAST 4096

typedef struct Entry {
    GList link; /* in ReplyCache.ages; data is the Entry */
    char *key;
    SharedBody body;
} Entry;

struct ReplyCache {
    GMutex lock; /* over all below */
    uint64_t version;
    GHashTable *entries; /* key → Entry */
    GQueue ages;
    size_t bytes;
};

static void entry_free(void *data)
{
    Entry *entry = data;
    g_bytes_unref(entry->body.bytes);
    g_free(entry->key);
    g_free(entry);
}

ReplyCache *reply_cache_new(void)
{
    ReplyCache *cache = g_new0(ReplyCache, 1);
    g_mutex_init(&cache->lock);
    cache->entries = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, entry_free);
    g_queue_init(&cache->ages);
    return cache;
}

void reply_cache_free(ReplyCache *cache)
{
    if (!cache)
        return;
    g_hash_table_unref(cache->entries);
    g_mutex_clear(&cache->lock);
    g_free(cache);
}

static void drop(ReplyCache *cache, Entry *entry)
{
    g_queue_unlink(&cache->ages, &entry->link);
    cache->bytes -= g_bytes_get_size(entry->body.bytes);
    g_hash_table_remove(cache->entries, entry->key);
}

/* Forgets what is older than version; false when version itself is past. Locked. */
static bool move_on(ReplyCache *cache, uint64_t version)
{
    if (version <= cache->version)
        return version == cache->version;
    g_queue_init(&cache->ages);
    g_hash_table_remove_all(cache->entries);
    cache->bytes = 0;
    cache->version = version;
    return true;
}

/* While a commit is under way what is read may be before or after it. */
static bool is_settled(uint64_t version)
{
    return version % 2 == 0;
}

bool reply_cache_find(ReplyCache *cache, const char *key, uint64_t version, HttpReply *reply)
{
    if (!is_settled(version))
        return false;
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&cache->lock);
    const Entry *entry = move_on(cache, version) ? g_hash_table_lookup(cache->entries, key) : NULL;
    if (!entry)
        return false;
    reply->shared = entry->body;
    g_bytes_ref(reply->shared.bytes);
    return true;
}

/* Makes the body a shared one. */
static bool share(HttpReply *reply)
{
    size_t id_size = strlen(reply->request_id);
    const char *id = memmem(reply->body.data, reply->body.size, reply->request_id, id_size);
    if (!id)
        return false;
    size_t id_at = (size_t)(id - reply->body.data), size;
    char *data = buffer_steal(&reply->body, &size);
    reply->shared = (SharedBody){
        .bytes = g_bytes_new_take(g_realloc(data, size), size),
        .id_at = id_at,
        .id_size = id_size,
    };
    return true;
}

void reply_cache_add(ReplyCache *cache, const char *key, uint64_t version, HttpReply *reply)
{
    size_t size = reply->body.size;
    if (!is_settled(version) || size < BODY_LEAST || size > BYTES_MOST / 2 || !share(reply))
        return;
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&cache->lock);
    if (!move_on(cache, version) || g_hash_table_contains(cache->entries, key))
        return;
    while (cache->bytes + size > BYTES_MOST)
        drop(cache, cache->ages.head->data);
    Entry *entry = g_new0(Entry, 1);
    entry->link.data = entry;
    entry->key = g_strdup(key);
    entry->body = reply->shared;
    g_bytes_ref(entry->body.bytes);
    g_queue_push_tail_link(&cache->ages, &entry->link);
    g_hash_table_insert(cache->entries, entry->key, entry);
    cache->bytes += size;
}
