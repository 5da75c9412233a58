/* The relay threads and what they share.
 *
 * A Worker is one thread with its loop, its connections and its stock of pipes; nothing in it is
 * touched by another thread except the counters and the loop's task queue. A Crew is all workers
 * of one Lb and the limits that hold for them together. */
#pragma once

#include "lb/lb.h"
#include "lb/loop.h"
#include "lb/pipes.h"
#include <glib.h>
#include <stdatomic.h>

/* Connections hang in lists by these; a list's own Links are its two ends. */
typedef struct Links {
    struct Links *previous, *next;
} Links;

typedef struct Crew Crew;
typedef struct Worker Worker;
typedef struct Connection Connection;

struct Worker {
    Loop loop;
    Crew *crew;
    pthread_t thread;
    char *scratch; /* WORKER_SCRATCH bytes: where copied bytes pass through */
    PipeStock pipes;
    Links connecting;      /* waiting for their target, oldest attempt first */
    Links established;     /* least recently active first */
    Connection *deferred;  /* out of turns, or ended and to be freed; after the batch */
    GPtrArray *paused;     /* of Listener *: not watched for now, no descriptors */
    int64_t paused_at;     /* milliseconds */
    int64_t swept_at;      /* milliseconds: when time-outs were last looked for */
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
    _Atomic unsigned connections;
};

enum { WORKER_SCRATCH = 64 << 10 };

/* Starts the threads; 0 or -errno, and then there are none. */
int crew_start(Crew *crew, const LbOptions *options);
/* Ends every connection and thread. */
void crew_stop(Crew *crew);
/* Runs fn in every loop, between batches, and returns when all have. Not from a loop's thread. */
void crew_call(Crew *crew, void (*fn)(Worker *worker, void *data), void *data);
/* Where the next connection that worker accepted belongs: mostly itself. */
Worker *crew_choose(Worker *worker);

/* One writer, so no locked instruction is needed. */
static inline void counter_add(_Atomic uint64_t *counter, uint64_t n)
{
    uint64_t old = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, old + n, memory_order_relaxed);
}
