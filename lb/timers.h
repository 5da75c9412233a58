/* Times at which something is due, the earliest first: a binary heap of Timers that are embedded in
 * their owners (found with container_of). Belongs to one thread. */
#pragma once

#include <glib.h>
#include <stdint.h>

typedef struct Timer {
    int64_t at;     /* milliseconds, of whatever clock */
    unsigned place; /* in the heap, from 1; 0: not set */
} Timer;

typedef struct Timers {
    GPtrArray *heap; /* of Timer *; the one at place p is heap[p - 1] */
} Timers;

void timers_init(Timers *timers);
void timers_release(Timers *timers); /* owners are left alone */

/* Sets it, or moves it when it was set. */
void timers_set(Timers *timers, Timer *timer, int64_t at);
void timers_unset(Timers *timers, Timer *timer); /* not set is fine */
/* The earliest, or NULL. It stays set. */
Timer *timers_first(const Timers *timers);
