/* Invariant: no timer is due before the one at half its place. */
#include "lb/timers.h"

void timers_init(Timers *timers)
{
    timers->heap = g_ptr_array_new();
}

void timers_release(Timers *timers)
{
    g_clear_pointer(&timers->heap, g_ptr_array_unref);
}

static Timer *timer_at(const Timers *timers, unsigned place)
{
    return timers->heap->pdata[place - 1];
}

static void put(Timers *timers, unsigned place, Timer *timer)
{
    timers->heap->pdata[place - 1] = timer;
    timer->place = place;
}

static void rise(Timers *timers, Timer *timer)
{
    unsigned place = timer->place;
    for (; place > 1; place /= 2) {
        Timer *above = timer_at(timers, place / 2);
        if (above->at <= timer->at)
            break;
        put(timers, place, above);
    }
    put(timers, place, timer);
}

static void sink(Timers *timers, Timer *timer)
{
    unsigned place = timer->place, n = timers->heap->len;
    for (unsigned below; (below = 2 * place) <= n; place = below) {
        if (below < n && timer_at(timers, below + 1)->at < timer_at(timers, below)->at)
            below++;
        Timer *least = timer_at(timers, below);
        if (timer->at <= least->at)
            break;
        put(timers, place, least);
    }
    put(timers, place, timer);
}

void timers_set(Timers *timers, Timer *timer, int64_t at)
{
    timer->at = at;
    if (!timer->place) {
        g_ptr_array_add(timers->heap, timer);
        timer->place = timers->heap->len;
    }
    rise(timers, timer);
    sink(timers, timer);
}

void timers_unset(Timers *timers, Timer *timer)
{
    if (!timer->place)
        return;
    unsigned place = timer->place;
    Timer *last = timer_at(timers, timers->heap->len);
    g_ptr_array_set_size(timers->heap, (int)timers->heap->len - 1);
    timer->place = 0;
    if (last == timer)
        return;
    put(timers, place, last);
    rise(timers, last);
    sink(timers, last);
}

Timer *timers_first(const Timers *timers)
{
    return timers->heap->len ? timer_at(timers, 1) : NULL;
}
