/* The wheel and the deferred. Invariant: a member that is not over is in exactly one slot, that of
 * its due tick, except while its own due() runs; one that is over is in none, and is freed in
 * members_run_deferred only. */
#include "lb/member.h"

#include "lb/worker.h"

void wheel_init(Wheel *wheel, int64_t now_ms)
{
    for (unsigned i = 0; i < WHEEL_SLOTS; i++)
        links_init(&wheel->slots[i]);
    wheel->tick = (uint32_t)(now_ms / WHEEL_TICK_MS);
    wheel->n = 0;
}

static void hang(Wheel *wheel, Member *member, uint32_t tick)
{
    member->due = MAX(tick, wheel->tick + 1);
    links_append(&wheel->slots[member->due % WHEEL_SLOTS], &member->links);
}

static uint32_t tick_after(int64_t at)
{
    return (uint32_t)(at / WHEEL_TICK_MS) + 1;
}

void member_start(Worker *worker, Member *member, const MemberKind *kind, int64_t at)
{
    *member = (Member){.kind = kind};
    worker->wheel.n++;
    hang(&worker->wheel, member, tick_after(at));
}

void member_arm(Worker *worker, Member *member, int64_t at)
{
    uint32_t tick = tick_after(at);
    if (tick == member->due)
        return;
    links_remove(&member->links);
    hang(&worker->wheel, member, tick);
}

void member_defer(Worker *worker, Member *member)
{
    if (member->in_deferred)
        return;
    member->in_deferred = true;
    member->deferred = worker->deferred;
    worker->deferred = member;
}

void member_end(Worker *worker, Member *member)
{
    g_assert(!member->over);
    member->over = true;
    worker->wheel.n--;
    links_remove(&member->links);
    member_defer(worker, member);
}

bool members_run_deferred(Worker *worker)
{
    Member *next = worker->deferred;
    worker->deferred = NULL;
    while (next) {
        Member *member = next;
        next = member->deferred;
        member->in_deferred = false;
        if (!member->over)
            member->kind->turn(worker, member);
        /* turn may have put it on the new list, to be freed in the next round. */
        if (member->over && !member->in_deferred)
            member->kind->free(member);
    }
    return worker->deferred != NULL;
}

static void run_slot(Worker *worker, Links *slot)
{
    Wheel *wheel = &worker->wheel;
    Links now;
    if (links_empty(slot))
        return;
    now = *slot; /* whatever is armed while it runs goes to the emptied slot */
    now.next->previous = now.previous->next = &now;
    links_init(slot);
    while (!links_empty(&now)) {
        Member *member = container_of(now.next, Member, links);
        links_remove(&member->links);
        if (member->due > wheel->tick) { /* some rounds later */
            links_append(slot, &member->links);
            continue;
        }
        int64_t again = member->kind->due(worker, member);
        if (!member->over) {
            links_remove(&member->links);
            hang(wheel, member, tick_after(again));
        }
    }
}

void members_sweep(Worker *worker)
{
    Wheel *wheel = &worker->wheel;
    uint32_t now = (uint32_t)(worker->loop.now_ms / WHEEL_TICK_MS);
    uint32_t from = wheel->tick + 1;
    if (now < from)
        return;
    if (now - from >= WHEEL_SLOTS)
        from = now - WHEEL_SLOTS + 1; /* the loop slept long, with nobody in the wheel */
    wheel->tick = now;
    for (uint32_t tick = from; tick <= now; tick++)
        run_slot(worker, &wheel->slots[tick % WHEEL_SLOTS]);
}

/* fn may end any member, also the next one; so each is moved to the slot's end before it is
 * visited, and a marker tells when the round is complete. */
static void each(Worker *worker, void (*fn)(Worker *worker, Member *member))
{
    for (unsigned i = 0; i < WHEEL_SLOTS; i++) {
        Links *slot = &worker->wheel.slots[i], marker;
        links_append(slot, &marker);
        while (slot->next != &marker) {
            Member *member = container_of(slot->next, Member, links);
            links_remove(&member->links);
            links_append(slot, &member->links);
            fn(worker, member);
        }
        links_remove(&marker);
    }
}

static void review(Worker *worker, Member *member)
{
    member->kind->review(worker, member);
}

static void end(Worker *worker, Member *member)
{
    member->kind->end(worker, member);
}

void members_review(Worker *worker)
{
    each(worker, review);
}

void members_end_all(Worker *worker)
{
    each(worker, end);
    while (members_run_deferred(worker))
        ;
}
