/* Invariant: waiting_n of a part is the length of its list, and the balancer's waiting their sum.
 * Somebody who joins looks again for a place afterwards (exchange_assign), so a place that became
 * free in between is not missed. */
#include "lb/surge.h"

#include "lb/http_exchange.h"

enum { LOOKED_AT = 16 };

bool surge_join(Balancer *balancer, Worker *worker, Exchange *exchange, unsigned limit)
{
    BalancerPart *part = balancer_part(balancer, worker);
    unsigned n = atomic_fetch_add(&balancer->waiting, 1) + 1;
    if (n > limit) {
        atomic_fetch_sub(&balancer->waiting, 1);
        return false;
    }
    unsigned most = atomic_load(&balancer->waiting_max);
    while (n > most && !atomic_compare_exchange_weak(&balancer->waiting_max, &most, n))
        ;
    atomic_fetch_add(&part->waiting_n, 1);
    links_append(&part->waiting, &exchange->waiting);
    return true;
}

void surge_leave(Balancer *balancer, Worker *worker, Exchange *exchange)
{
    BalancerPart *part = balancer_part(balancer, worker);
    links_remove(&exchange->waiting);
    atomic_fetch_sub(&part->waiting_n, 1);
    atomic_fetch_sub(&balancer->waiting, 1);
}

/* One place is free for each call, so it is over when one went on. Listeners of one balancer have
 * targets of their own: one that cannot go on does not keep the next waiting. */
void surge_serve(BalancerPart *part)
{
    unsigned before = atomic_load(&part->waiting_n), looked_at = 0;
    for (Links *links = part->waiting.next, *next; links != &part->waiting; links = next) {
        next = links->next;
        exchange_assign(part->worker, container_of(links, Exchange, waiting));
        if (atomic_load(&part->waiting_n) < before || ++looked_at == LOOKED_AT)
            return;
    }
}
