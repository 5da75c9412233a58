/* A listening socket, watched by every loop.
 *
 * Life: listener_new (no socket yet), listener_open, listener_watch; events in any worker; then
 * its rules become NULL, every worker forgets it (listener_forget in crew_call), and a second
 * crew_call later, when handed-over connections have arrived and been cut, listener_free. */
#pragma once

#include "lb/rules.h"
#include "lb/worker.h"

typedef struct Listener {
    Source source; /* shared by all loops: nothing here is a loop's own */
    int fd;        /* -1: not open */
    uint16_t port;
    uint32_t address;
    guint64 key; /* lb_apply's: both in one */
    bool seen;   /* likewise: the new snapshot has it */
    bool inside; /* likewise: its socket is made in the caller's network */
    LbProtocol protocol;
    Balancer *balancer; /* outlives it */
    bool changed;       /* set before and cleared after the crew_call that reviews connections */
    _Atomic(Rules *) rules; /* NULL: removed; owned by lb_apply */
    _Atomic unsigned turn;  /* round robin over all workers */
} Listener;

/* Takes rules. */
Listener *listener_new(const LbListener *wanted, Balancer *balancer, Rules *rules);
/* Not watched by any loop any more. NULL is fine. */
void listener_free(Listener *listener);

/* Where host addresses can be bound. 0 or -errno. */
int listener_open(Listener *listener);
/* In every loop, or none: 0 or -errno. */
int listener_watch(Listener *listener, Crew *crew);
void listener_forget(Listener *listener, Worker *worker);

/* Watches those again that stopped for want of descriptors. */
void listener_resume_paused(Worker *worker);

static inline const Rules *listener_rules(Listener *listener)
{
    return atomic_load_explicit(&listener->rules, memory_order_acquire);
}
