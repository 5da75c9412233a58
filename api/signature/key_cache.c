/* A hash table under a mutex. Invariant: an entry is good only for the secret that it was derived
 * from, so a replaced secret never verifies through an old entry. */
#include "api/signature/key_cache.h"

#include "api/signature/sigv4.h"
#include <openssl/crypto.h>

#define MAX_KEYS 1024

typedef struct Entry {
    char *secret;
    uint8_t key[SHA256_SIZE];
} Entry;

struct KeyCache {
    GMutex lock;
    GHashTable *entries; /* char * → Entry *; under lock */
};

static void entry_free(void *data)
{
    Entry *entry = data;
    OPENSSL_cleanse(entry->secret, strlen(entry->secret));
    g_free(entry->secret);
    OPENSSL_cleanse(entry->key, sizeof(entry->key));
    g_free(entry);
}

KeyCache *key_cache_new(void)
{
    KeyCache *cache = g_new0(KeyCache, 1);
    g_mutex_init(&cache->lock);
    cache->entries = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, entry_free);
    return cache;
}

void key_cache_free(KeyCache *cache)
{
    if (!cache)
        return;
    g_hash_table_unref(cache->entries);
    g_mutex_clear(&cache->lock);
    g_free(cache);
}

/* The scope as sent has all of date, region and service in it. */
static char *entry_name(Arena *arena, const Claim *claim)
{
    size_t id_size = strlen(claim->access_key_id), scope_size = strlen(claim->scope);
    char *name = arena_alloc(arena, id_size + scope_size + 2);
    memcpy(name, claim->access_key_id, id_size);
    name[id_size] = '/';
    memcpy(name + id_size + 1, claim->scope, scope_size);
    return name;
}

bool key_cache_get(KeyCache *cache, Arena *arena, const Claim *claim, const char *secret,
                   uint8_t ret_key[SHA256_SIZE])
{
    const char *name = entry_name(arena, claim);
    g_mutex_lock(&cache->lock);
    const Entry *entry = g_hash_table_lookup(cache->entries, name);
    bool found = entry && constant_time_equal(entry->secret, secret);
    if (found)
        memcpy(ret_key, entry->key, SHA256_SIZE);
    g_mutex_unlock(&cache->lock);
    if (!found)
        sigv4_derive_key(secret, claim, ret_key);
    return found;
}

void key_cache_put(KeyCache *cache, Arena *arena, const Claim *claim, const char *secret,
                   const uint8_t key[SHA256_SIZE])
{
    Entry *entry = g_new(Entry, 1);
    entry->secret = g_strdup(secret);
    memcpy(entry->key, key, SHA256_SIZE);
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&cache->lock);
    /* A cloud has few keys; who reaches the bound starts over. */
    if (g_hash_table_size(cache->entries) >= MAX_KEYS)
        g_hash_table_remove_all(cache->entries);
    g_hash_table_replace(cache->entries, g_strdup(entry_name(arena, claim)), entry);
}
