/* The relay threads and what they share.
 *
 * A Worker is one thread with its loop, its connections and its stock of pipes; nothing in it is
 * touched by another thread except the counters and the loop's task queue. A Crew is all workers
 * of one Lb and the limits that hold for them together. */
#pragma once

#include "lb/lb.h"
#include "lb/loop.h"
#include "lb/member.h"
#include "lb/pipes.h"
#include <glib.h>
#include <stdatomic.h>

typedef struct Crew Crew;
typedef struct HttpStock HttpStock;

struct Worker {
    Loop loop;
    Crew *crew;
    pthread_t thread;
    char *scratch; /* WORKER_SCRATCH bytes: where copied bytes pass through */
    PipeStock pipes;
    Wheel wheel;           /* all its members, by when they are due */
    Member *deferred;      /* out of turns, or ended and to be freed; after the batch */
    HttpStock *http;       /* what HTTP needs; NULL until the first HTTP connection */
    GPtrArray *paused;     /* of Listener *: not watched for now, no descriptors */
    int64_t paused_at;     /* milliseconds */
    unsigned accept_batch; /* how many to accept at one event: as many as came last time */

    /* Written by this thread (connections: by any), read by all. */
    _Atomic unsigned connections; /* its own and those handed to it */
    _Atomic uint64_t accepted, refused, failed, bytes_in, bytes_out;
};

struct Crew {
    Worker *workers;
    unsigned n;
    unsigned max_connections;
    uint32_t idle_ms, connect_ms;
    void (*enter)(void *data);
    void *data;
    /* lb_watch_refusals; NULL: nobody does. */
    void (*_Atomic refused)(void *data, const char *balancer, const char *target);
    void *refused_data; /* set while refused is NULL */
    _Atomic unsigned connections;
};

enum { WORKER_SCRATCH = 64 << 10 };

/* A worker without its thread: crew_start's parts. 0 or -errno. */
int worker_init(Worker *worker, Crew *crew);
void worker_release(Worker *worker);

/* Starts the threads; 0 or -errno, and then there are none. */
int crew_start(Crew *crew, const LbOptions *options);
/* The crew of an Lb (lb/lb.c): for what else runs in its loops. */
Crew *lb_crew(Lb *lb);
/* Ends every connection and thread. */
void crew_stop(Crew *crew);
/* Runs fn in every loop, between batches, and returns when all have. Not from a loop's thread. */
void crew_call(Crew *crew, void (*fn)(Worker *worker, void *data), void *data);
/* Where the next connection that worker accepted belongs: mostly itself. */
Worker *crew_choose(Worker *worker);

/* Its place in the crew. */
static inline unsigned worker_number(const Worker *worker)
{
    return (unsigned)(worker - worker->crew->workers);
}

/* A client's connection ended. */
static inline void worker_connection_ended(Worker *worker)
{
    atomic_fetch_sub_explicit(&worker->connections, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&worker->crew->connections, 1, memory_order_relaxed);
}

/* One writer, so no locked instruction is needed. */
static inline void counter_add(_Atomic uint64_t *counter, uint64_t n)
{
    uint64_t old = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, old + n, memory_order_relaxed);
}
