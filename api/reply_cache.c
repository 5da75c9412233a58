/* Remembered replies.
 *
 * Invariants: all entries are of the one version `version`; the entries of the table are the links
 * of the queue, the oldest first; `bytes` is the sum of what they cost and at most BYTES_MOST. */
#include "api/reply_cache.h"

#define BYTES_MOST (16 * 1024 * 1024)

/* Memory of bodies of these sizes is used again, one at a time. */
#define SPARE_LEAST (256 * 1024)
#define SPARE_MOST (8 * 1024 * 1024)

/* Outlives the cache as long as replies do. */
typedef struct Spare {
    GMutex lock; /* over all below */
    Buffer buffer;
} Spare;

/* What a body's GBytes owns. */
typedef struct Memory {
    Spare *spare; /* a reference */
    Buffer buffer;
} Memory;

typedef struct Entry {
    GList link; /* in ReplyCache.ages; data is the Entry */
    char *key;
    SharedBody body;
    Header *headers; /* name NULL ends them */
    size_t cost;     /* bytes: all that it keeps */
} Entry;

struct ReplyCache {
    size_t least;
    bool with_ids;
    Spare *spare; /* a reference */
    GMutex lock;  /* over all below */
    uint64_t version;
    GHashTable *entries; /* key → Entry */
    GQueue ages;
    size_t bytes;
};

static void spare_clear(void *data)
{
    Spare *spare = data;
    buffer_clear(&spare->buffer);
    g_mutex_clear(&spare->lock);
}

/* Keeps the larger one. Leaves buffer empty. */
static void spare_put(Spare *spare, Buffer *buffer)
{
    Buffer other = *buffer;
    other.size = 0;
    *buffer = (Buffer){0};
    g_mutex_lock(&spare->lock);
    if (other.capacity > spare->buffer.capacity && other.capacity <= SPARE_MOST) {
        Buffer smaller = spare->buffer;
        spare->buffer = other;
        other = smaller;
    }
    g_mutex_unlock(&spare->lock);
    buffer_clear(&other);
}

static void memory_free(void *data)
{
    Memory *memory = data;
    if (memory->buffer.capacity >= SPARE_LEAST)
        spare_put(memory->spare, &memory->buffer);
    buffer_clear(&memory->buffer);
    g_atomic_rc_box_release_full(memory->spare, spare_clear);
    g_free(memory);
}

void reply_cache_lend(ReplyCache *cache, Buffer *body)
{
    g_mutex_lock(&cache->spare->lock);
    *body = cache->spare->buffer;
    cache->spare->buffer = (Buffer){0};
    g_mutex_unlock(&cache->spare->lock);
}

void reply_cache_fit(ReplyCache *cache, Buffer *body)
{
    if (body->size >= body->capacity / 2)
        return;
    Buffer fitting = {0};
    buffer_add(&fitting, body->data, body->size);
    if (body->capacity >= SPARE_LEAST)
        spare_put(cache->spare, body);
    buffer_clear(body);
    *body = fitting;
}

static void entry_free(void *data)
{
    Entry *entry = data;
    for (Header *header = entry->headers; header->name; header++) {
        g_free((char *)header->name);
        g_free((char *)header->value);
    }
    g_free(entry->headers);
    g_bytes_unref(entry->body.bytes);
    g_free(entry->key);
    g_free(entry);
}

ReplyCache *reply_cache_new(size_t least, bool with_ids)
{
    ReplyCache *cache = g_new0(ReplyCache, 1);
    cache->least = least;
    cache->with_ids = with_ids;
    cache->spare = g_atomic_rc_box_new0(Spare);
    g_mutex_init(&cache->spare->lock);
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
    g_atomic_rc_box_release_full(cache->spare, spare_clear);
    g_mutex_clear(&cache->lock);
    g_free(cache);
}

static void drop(ReplyCache *cache, Entry *entry)
{
    g_queue_unlink(&cache->ages, &entry->link);
    cache->bytes -= entry->cost;
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

bool reply_cache_find(ReplyCache *cache, Arena *arena, const char *key, uint64_t version,
                      HttpReply *reply)
{
    if (!is_settled(version))
        return false;
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&cache->lock);
    const Entry *entry = move_on(cache, version) ? g_hash_table_lookup(cache->entries, key) : NULL;
    if (!entry)
        return false;
    reply->shared = entry->body;
    g_bytes_ref(reply->shared.bytes);
    for (const Header *header = entry->headers; header->name; header++)
        http_reply_header(reply, arena, arena_strdup(arena, header->name),
                          arena_strdup(arena, header->value));
    return true;
}

/* Makes the body a shared one. */
static void share(ReplyCache *cache, HttpReply *reply)
{
    size_t id_size = strlen(reply->request_id);
    const char *id = cache->with_ids
                         ? memmem(reply->body.data, reply->body.size, reply->request_id, id_size)
                         : NULL;
    Memory *memory = g_new(Memory, 1);
    memory->spare = g_atomic_rc_box_acquire(cache->spare);
    memory->buffer = reply->body;
    reply->shared = (SharedBody){
        .bytes =
            g_bytes_new_with_free_func(reply->body.data, reply->body.size, memory_free, memory),
        .id_at = id ? (size_t)(id - reply->body.data) : 0,
        .id_size = id ? id_size : 0,
    };
    reply->body = (Buffer){0};
}

static Header *copy_headers(const List *headers)
{
    Header *copy = g_new0(Header, headers->n + 1), *to = copy;
    LIST_EACH (const Header *, header, headers)
        *to++ = (Header){g_strdup(header->name), g_strdup(header->value)};
    return copy;
}

/* Small bodies are outweighed by what is kept around them. */
static size_t cost_of(const char *key, const HttpReply *reply)
{
    size_t cost = sizeof(Entry) + sizeof(Memory) + strlen(key) + reply->body.size;
    LIST_EACH (const Header *, header, &reply->headers)
        cost += sizeof(*header) + strlen(header->name) + strlen(header->value);
    return cost;
}

void reply_cache_add(ReplyCache *cache, const char *key, uint64_t version, HttpReply *reply)
{
    size_t cost = cost_of(key, reply);
    if (!is_settled(version) || reply->body.size < cache->least || cost > BYTES_MOST / 2)
        return;
    share(cache, reply);
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&cache->lock);
    if (!move_on(cache, version) || g_hash_table_contains(cache->entries, key))
        return;
    while (cache->bytes + cost > BYTES_MOST)
        drop(cache, cache->ages.head->data);
    Entry *entry = g_new0(Entry, 1);
    entry->link.data = entry;
    entry->key = g_strdup(key);
    entry->body = reply->shared;
    entry->headers = copy_headers(&reply->headers);
    entry->cost = cost;
    g_bytes_ref(entry->body.bytes);
    g_queue_push_tail_link(&cache->ages, &entry->link);
    g_hash_table_insert(cache->entries, entry->key, entry);
    cache->bytes += cost;
}
