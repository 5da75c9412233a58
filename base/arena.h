/* An arena holds everything that one request or one controller pass makes, and frees it at once.
 *
 * Records read from the store, bound requests and replies under construction all live in the
 * arena of the call that asked for them; nobody frees a part. An arena belongs to one thread at a
 * time. Memory is zeroed. Allocation failure aborts (as GLib's does). */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct Arena Arena;

Arena *arena_new(void);
void arena_free(Arena *arena); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Arena, arena_free)

/* size zeroed bytes, aligned for any type. */
void *arena_alloc(Arena *arena, size_t size);
#define arena_new_struct(arena, T) ((T *)arena_alloc((arena), sizeof(T)))

/* NULL in, NULL out. */
char *arena_strdup(Arena *arena, const char *s);
char *arena_strndup(Arena *arena, const char *s, size_t n);
void *arena_memdup(Arena *arena, const void *data, size_t n);
char *arena_printf(Arena *arena, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Bytes handed out so far. */
size_t arena_size(const Arena *arena);

/* A growing list of pointers whose storage lives in an arena. {0} is an empty list. What the
 * items are, the owner says: `List groups; // of const char *`. */
typedef struct List {
    void **items;
    size_t n;
    size_t capacity;
} List;

void list_add(List *list, Arena *arena, const void *item);
static inline void *list_at(const List *list, size_t i)
{
    g_assert(i < list->n);
    return list->items[i];
}
/* A list of strings has s. */
bool list_has(const List *strings, const char *s);

/* for (each item of type T): LIST_EACH is a loop head, nothing else. */
#define LIST_EACH(T, item, list)                                                                   \
    for (size_t item##_i = 0; item##_i < (list)->n; item##_i = (list)->n)                          \
        for (T item; item##_i < (list)->n && ((item = (T)(list)->items[item##_i]), true);          \
             item##_i++)
