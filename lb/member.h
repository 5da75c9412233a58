/* What a worker keeps: client connections, relayed pairs, connections to targets. Each is a Member
 * of its worker, which asks it when its time comes, lets it go on when it was out of turns, and
 * frees it when no event of the batch can name it any more.
 *
 * Times are kept in a wheel of seconds: arming one costs nothing unless its second changes, so an
 * owner that is busy does not arm again at each event; it notes when it was active, and says at its
 * due time when to be asked again. */
#pragma once

#include "lb/links.h"
#include <stdbool.h>
#include <stdint.h>

typedef struct Worker Worker;
typedef struct Member Member;

typedef struct MemberKind {
    /* Its time has come, or would have had it not been active since. Returns when (milliseconds)
     * to ask again; what it returns after it ended does not matter. */
    int64_t (*due)(Worker *worker, Member *member);
    /* Others had their turn. */
    void (*turn)(Worker *worker, Member *member);
    /* Rules changed. */
    void (*review)(Worker *worker, Member *member);
    /* The worker ends: member_end at once. */
    void (*end)(Worker *worker, Member *member);
    void (*free)(Member *member);
} MemberKind;

struct Member {
    const MemberKind *kind;
    Links links;      /* in a slot of the wheel */
    Member *deferred; /* next in worker->deferred */
    uint32_t due;     /* tick of the wheel */
    bool in_deferred;
    bool over; /* ended: it is freed after the batch, and does nothing until then */
};

enum { WHEEL_SLOTS = 64, WHEEL_TICK_MS = 1000 };

typedef struct Wheel {
    Links slots[WHEEL_SLOTS];
    uint32_t tick; /* up to which it has run */
    unsigned n;    /* members in it */
} Wheel;

void wheel_init(Wheel *wheel, int64_t now_ms);

/* at: milliseconds on the loop's clock; asked within a second after it. */
void member_start(Worker *worker, Member *member, const MemberKind *kind, int64_t at);
/* Asks at that time instead. */
void member_arm(Worker *worker, Member *member, int64_t at);
/* Its turn comes after the batch. */
void member_defer(Worker *worker, Member *member);
/* Over. Once. */
void member_end(Worker *worker, Member *member);

/* After a batch. True when some have more to do still. */
bool members_run_deferred(Worker *worker);
/* Asks those whose time has come. */
void members_sweep(Worker *worker);
void members_review(Worker *worker);
void members_end_all(Worker *worker);
