/* Remembered pieces of replies: what was rendered of one thing, for the next reply that shows it,
 * while other things change. Derived data, which may be forgotten at any time.
 *
 * A piece is found by a key (what it shows, in which version of the API) and belongs to the state
 * of the store in which it was read; whether that still holds for its thing the asker says, by
 * store/store.h's store_changed. Thread-safe. */
#pragma once

#include "api/buffer.h"
#include "api/shape.h"

typedef struct PieceCache PieceCache;

PieceCache *piece_cache_new(void);
void piece_cache_free(PieceCache *cache); /* NULL is fine; no reply may be under way */

/* The pieces of one reply, those found and those to be remembered. One thread. */
typedef struct Pieces {
    PieceCache *cache; /* NULL: there are none */
    Arena *arena;
    List found; /* of Piece *, references */
    List fresh; /* of FreshPiece * */
} Pieces;

typedef struct Piece {
    uint64_t since;      /* as pieces_add was told */
    const char *heading; /* likewise */
    const char *key;
    const char *xml;
    size_t size;
    unsigned at; /* in the cache's list */
} Piece;

/* The piece, good until pieces_end; NULL: none. */
const Piece *pieces_find(Pieces *pieces, const char *key);

/* What rendered will be after the reply is rendered is to be remembered. heading: whatever text
 * the asker needs to know before it shows the piece again. */
void pieces_add(Pieces *pieces, const char *key, uint64_t since, const char *heading,
                const Rendered *rendered);

/* Remembers and lets go. reply: as rendered; NULL: it failed. */
void pieces_end(Pieces *pieces, const Buffer *reply);
