/* Turns and loads. With zones that keep to themselves (cross-zone balancing off), turns go around
 * the zones that have a target in service, as the addresses of a balancer's nodes do in DNS; within
 * a zone they go around its targets. */
#include "lb/choose.h"

enum { LOOKED_AT = 32 }; /* targets that choice_least compares: bounds its cost */

void choice_begin(Choice *choice, _Atomic unsigned *turn, int64_t now_ms)
{
    *choice = (Choice){.began = now_ms};
    choice->ticket = atomic_fetch_add_explicit(turn, 1, memory_order_relaxed);
}

/* The n-th in this choice's order, of rules->open_n. */
static Target *nth(const Choice *choice, const Rules *rules, unsigned n)
{
    if (!rules->zonal)
        return rules->open[(choice->ticket + n) % rules->open_n];
    unsigned zone = choice->ticket % rules->zones_n, turn = choice->ticket / rules->zones_n;
    for (;; zone = (zone + 1) % rules->zones_n) {
        unsigned first = rules->zones[zone], size = rules->zones[zone + 1] - first;
        if (n < size)
            return rules->open[first + (turn + n) % size];
        n -= size;
    }
}

static bool was_tried(const Choice *choice, const Target *target)
{
    for (unsigned i = 0; i < choice->tried_n; i++) {
        if (choice->tried[i] == target)
            return true;
    }
    return false;
}

void choice_tried(Choice *choice, Target *target)
{
    if (choice->tried_n < CHOICES_MAX)
        choice->tried[choice->tried_n++] = target;
}

Target *choice_next(Choice *choice, const Rules *rules)
{
    if (choice->tried_n == CHOICES_MAX)
        return NULL;
    while (choice->step < 2 * rules->open_n) {
        bool last_resort = choice->step >= rules->open_n;
        Target *target = nth(choice, rules, choice->step++ % rules->open_n);
        if (target_shunned(target, choice->began) == last_resort && !was_tried(choice, target)) {
            choice_tried(choice, target);
            return target;
        }
    }
    return NULL;
}

/* Less is better. */
static unsigned load_of(const Choice *choice, const Target *target, unsigned outstanding)
{
    return outstanding + (target_shunned(target, choice->began) ? 1u << 30 : 0);
}

Target *choice_least(Choice *choice, const Rules *rules, bool *ret_full)
{
    unsigned limit = rules->target_connections ? rules->target_connections : UINT_MAX;
    unsigned least = UINT_MAX, n = rules->open_n;
    Target *best = NULL;
    *ret_full = false;
    if (choice->tried_n == CHOICES_MAX || !n)
        return NULL;
    if (rules->zonal) { /* this turn's zone, unless none of it is left */
        unsigned zone = choice->ticket % rules->zones_n;
        n = rules->zones[zone + 1] - rules->zones[zone];
    }
    for (unsigned i = 0; i < rules->open_n && (i < n || !best); i++) {
        if (i >= LOOKED_AT && best)
            break;
        Target *target = nth(choice, rules, i);
        unsigned outstanding = atomic_load_explicit(&target->outstanding, memory_order_relaxed);
        if (was_tried(choice, target))
            continue;
        if (outstanding >= limit) {
            *ret_full = true;
            continue;
        }
        unsigned load = load_of(choice, target, outstanding);
        if (load < least) {
            least = load;
            best = target;
        }
    }
    if (best) {
        *ret_full = false;
        choice_tried(choice, best);
    }
    return best;
}
