/* Memory of one request or controller pass: a chain of chunks, bumped through and freed at once.
 *
 * Invariant: the head of the chain is the only chunk still bumped; every byte behind `used` in it
 * is zero, because chunks come zeroed and no byte is handed out twice. Under AddressSanitizer each
 * allocation is a chunk of its own, so that running over its end is found. */
#include "base/arena.h"

#include <stdarg.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_SEPARATE true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_SEPARATE true
#endif
#endif
#ifndef ARENA_SEPARATE
#define ARENA_SEPARATE false
#endif

#define FIRST_CHUNK 4096
#define LARGEST_CHUNK (256 * 1024)
#define ALIGNMENT _Alignof(max_align_t)

typedef struct Chunk {
    struct Chunk *next;
    size_t used;
    size_t capacity;
    max_align_t data[]; /* capacity bytes */
} Chunk;

struct Arena {
    Chunk *chunks;
    size_t next_capacity; /* of the next chunk that is bumped through */
    size_t size;
};

Arena *arena_new(void)
{
    Arena *arena = g_new0(Arena, 1);
    arena->next_capacity = FIRST_CHUNK - sizeof(Chunk);
    return arena;
}

void arena_free(Arena *arena)
{
    if (!arena)
        return;
    for (Chunk *chunk = arena->chunks, *next; chunk; chunk = next) {
        next = chunk->next;
        g_free(chunk);
    }
    g_free(arena);
}

static Chunk *chunk_new(size_t capacity)
{
    Chunk *chunk = g_malloc0(sizeof(Chunk) + capacity);
    chunk->capacity = capacity;
    return chunk;
}

static void *alloc_separate(Arena *arena, size_t size)
{
    Chunk *chunk = chunk_new(size);
    chunk->used = size;
    /* Behind the head, which keeps its free space. */
    if (arena->chunks) {
        chunk->next = arena->chunks->next;
        arena->chunks->next = chunk;
    } else {
        arena->chunks = chunk;
    }
    return chunk->data;
}

void *arena_alloc(Arena *arena, size_t size)
{
    g_assert(size <= G_MAXSSIZE / 2);
    arena->size += size;
    if (ARENA_SEPARATE)
        return alloc_separate(arena, size);

    /* One byte at least, so that two allocations are never equal. */
    size_t rounded = (MAX(size, 1) + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
    Chunk *head = arena->chunks;
    if (!head || head->capacity - head->used < rounded) {
        if (rounded > arena->next_capacity / 4)
            return alloc_separate(arena, rounded);
        head = chunk_new(arena->next_capacity);
        head->next = arena->chunks;
        arena->chunks = head;
        arena->next_capacity = MIN(arena->next_capacity * 2, LARGEST_CHUNK);
    }
    void *memory = (char *)head->data + head->used;
    head->used += rounded;
    return memory;
}

char *arena_strdup(Arena *arena, const char *s)
{
    return s ? arena_memdup(arena, s, strlen(s) + 1) : NULL;
}

char *arena_strndup(Arena *arena, const char *s, size_t n)
{
    if (!s)
        return NULL;
    size_t length = strnlen(s, n);
    char *copy = arena_alloc(arena, length + 1);
    memcpy(copy, s, length);
    return copy;
}

void *arena_memdup(Arena *arena, const void *data, size_t n)
{
    if (!data)
        return NULL;
    return memcpy(arena_alloc(arena, n), data, n);
}

char *arena_printf(Arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = g_vsnprintf(NULL, 0, format, args);
    va_end(args);
    g_assert(length >= 0);

    char *text = arena_alloc(arena, (size_t)length + 1);
    va_start(args, format);
    g_vsnprintf(text, (size_t)length + 1, format, args);
    va_end(args);
    return text;
}

size_t arena_size(const Arena *arena)
{
    return arena->size;
}

void list_add(List *list, Arena *arena, const void *item)
{
    if (list->n == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 8;
        void **items = arena_alloc(arena, capacity * sizeof(*items));
        if (list->n)
            memcpy(items, list->items, list->n * sizeof(*items));
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->n++] = (void *)item;
}

bool list_has(const List *strings, const char *s)
{
    LIST_EACH (const char *, string, strings) {
        if (g_strcmp0(string, s) == 0)
            return true;
    }
    return false;
}
