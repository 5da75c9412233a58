/* Remembered pieces of replies.
 *
 * Invariants: `all` and `by_key` hold the same pieces, each one reference in common, and a piece
 * knows its place in `all`; `bytes` is their sum and at most BYTES_MOST. When there is no more
 * room a piece chosen by chance goes: a cloud that is too large is asked for from one end to the
 * other, and the oldest would be the next to be asked for. */
#include "api/pieces.h"

/* About 4,000 instances. */
#define BYTES_MOST (16 * 1024 * 1024)

struct PieceCache {
    GMutex lock; /* over all below */
    GHashTable *by_key;
    GPtrArray *all;
    size_t bytes;
};

typedef struct FreshPiece {
    const char *key, *heading;
    uint64_t since;
    const Rendered *rendered;
} FreshPiece;

PieceCache *piece_cache_new(void)
{
    PieceCache *cache = g_new0(PieceCache, 1);
    g_mutex_init(&cache->lock);
    cache->by_key = g_hash_table_new(g_str_hash, g_str_equal);
    cache->all = g_ptr_array_new_with_free_func(g_atomic_rc_box_release);
    return cache;
}

void piece_cache_free(PieceCache *cache)
{
    if (!cache)
        return;
    g_hash_table_unref(cache->by_key);
    g_ptr_array_unref(cache->all);
    g_mutex_clear(&cache->lock);
    g_free(cache);
}

/* One allocation: the structure, and its texts behind it. */
static size_t bytes_of(const Piece *piece)
{
    return sizeof(*piece) + strlen(piece->key) + strlen(piece->heading) + 2 + piece->size;
}

static Piece *piece_new(const FreshPiece *fresh, const Buffer *reply)
{
    const Rendered *rendered = fresh->rendered;
    size_t key = strlen(fresh->key) + 1, heading = strlen(fresh->heading) + 1;
    Piece *piece = g_atomic_rc_box_alloc(sizeof(*piece) + key + heading + rendered->size);
    char *texts = (char *)(piece + 1);
    *piece = (Piece){
        .since = fresh->since,
        .key = memcpy(texts, fresh->key, key),
        .heading = memcpy(texts + key, fresh->heading, heading),
        .xml = memcpy(texts + key + heading, reply->data + rendered->at, rendered->size),
        .size = rendered->size,
    };
    return piece;
}

static void drop(PieceCache *cache, Piece *piece)
{
    Piece *last = cache->all->pdata[cache->all->len - 1];
    g_hash_table_remove(cache->by_key, piece->key);
    cache->bytes -= bytes_of(piece);
    last->at = piece->at;
    g_ptr_array_remove_index_fast(cache->all, piece->at);
}

/* Takes the piece over. Locked. */
static void keep(PieceCache *cache, Piece *piece)
{
    Piece *older = g_hash_table_lookup(cache->by_key, piece->key);
    size_t bytes = bytes_of(piece);
    if ((older && older->since >= piece->since) || bytes > BYTES_MOST / 2) {
        g_atomic_rc_box_release(piece);
        return;
    }
    if (older)
        drop(cache, older);
    while (cache->bytes + bytes > BYTES_MOST)
        drop(cache, cache->all->pdata[g_random_int_range(0, (gint32)cache->all->len)]);
    piece->at = cache->all->len;
    g_ptr_array_add(cache->all, piece);
    g_hash_table_insert(cache->by_key, (char *)piece->key, piece);
    cache->bytes += bytes;
}

const Piece *pieces_find(Pieces *pieces, const char *key)
{
    PieceCache *cache = pieces->cache;
    g_mutex_lock(&cache->lock);
    Piece *piece = g_hash_table_lookup(cache->by_key, key);
    if (piece)
        g_atomic_rc_box_acquire(piece);
    g_mutex_unlock(&cache->lock);
    if (piece)
        list_add(&pieces->found, pieces->arena, piece);
    return piece;
}

void pieces_add(Pieces *pieces, const char *key, uint64_t since, const char *heading,
                const Rendered *rendered)
{
    FreshPiece *fresh = arena_new_struct(pieces->arena, FreshPiece);
    *fresh = (FreshPiece){.key = key, .heading = heading, .since = since, .rendered = rendered};
    list_add(&pieces->fresh, pieces->arena, fresh);
}

void pieces_end(Pieces *pieces, const Buffer *reply)
{
    LIST_EACH (Piece *, piece, &pieces->found)
        g_atomic_rc_box_release(piece);
    pieces->found.n = 0;
    for (size_t i = 0; reply && i < pieces->fresh.n; i++) {
        Piece *piece = piece_new(pieces->fresh.items[i], reply);
        G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&pieces->cache->lock);
        keep(pieces->cache, piece);
    }
    pieces->fresh.n = 0;
}
