/* A ring of things that hang in it by their Links; a list's own Links are its two ends. */
#pragma once

#include <stdbool.h>

typedef struct Links {
    struct Links *previous, *next;
} Links;

/* An empty list, or a thing that is in none. */
static inline void links_init(Links *links)
{
    links->previous = links->next = links;
}

static inline bool links_empty(const Links *list)
{
    return list->next == list;
}

/* Of one in no list: nothing happens. */
static inline void links_remove(Links *links)
{
    links->previous->next = links->next;
    links->next->previous = links->previous;
    links_init(links);
}

static inline void links_append(Links *list, Links *links)
{
    links->previous = list->previous;
    links->next = list;
    list->previous->next = links;
    list->previous = links;
}
