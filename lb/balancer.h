/* What outlives a snapshot: a balancer with its counters, its surge queue and its log, and its
 * targets with theirs.
 *
 * lb_apply makes and frees them, under its lock; rules name them. A worker takes a target from the
 * rules that hold now, and holds it (target_hold) as long as a member names it; so one that no
 * rules name and nobody holds is never named again, and lb_apply frees it. A balancer stays as long
 * as a listener has it, and no connection outlives its listener.
 *
 * Each worker has its own part of either, which it alone writes; the counters in it are read by
 * anybody. */
#pragma once

#include "lb/access_log.h"
#include "lb/worker.h"

typedef struct Target Target;

/* Written by one worker. */
typedef struct Tally {
    _Atomic uint64_t requests, codes[4]; /* 2xx to 5xx */
    _Atomic uint64_t latency_n, latency_us, latency_min_us, latency_max_us;
    _Atomic uint64_t connection_errors, bytes_in, bytes_out;
} Tally;

typedef struct TargetPart {
    Links pool; /* of BackEnd: idle connections, most recently used first */
    unsigned pooled_n;
    Tally tally;
} __attribute__((aligned(64))) TargetPart;

enum { TOKEN_SIZE = 41 };

struct Target {
    const char *balancer; /* its id, or NULL */
    uint32_t address;     /* host byte order */
    uint16_t port;
    LbProtocol protocol;
    char *id, *zone;
    char token[TOKEN_SIZE];     /* what sticky cookies say of it: stable, and tells nothing */
    TlsContext *tls;            /* SSL, HTTPS */
    bool named;                 /* lb_apply's: some rules have it */
    bool stays;                 /* likewise: and it does not drain in them */
    _Atomic int64_t left_at;    /* milliseconds: since when it gets nothing new and drains; 0: no */
    _Atomic int64_t refused_at; /* milliseconds: a connect failed; 0: none since one succeeded */
    _Atomic unsigned holders;   /* members that name it */
    _Atomic unsigned outstanding; /* now; LbTargetCounts' */
    TargetPart *parts;            /* by worker */
};

typedef struct BalancerPart {
    Worker *worker;
    Links waiting; /* of Exchange: the surge queue */
    _Atomic unsigned waiting_n;
    Task kick; /* posted when a place is free and this part may have somebody for it */
    atomic_bool kicked;
    AccessLog log;
    _Atomic uint64_t elb_4xx, elb_5xx, spillover;
} __attribute__((aligned(64))) BalancerPart;

typedef struct Balancer {
    char *id;           /* NULL: that of all listeners without one */
    unsigned listeners; /* lb_apply's: how many have it */
    Crew *crew;
    GHashTable *targets; /* address and port → GPtrArray of Target * */
    LbCounts past;       /* of targets that were freed */
    _Atomic unsigned waiting, waiting_max;
    BalancerPart *parts;
} Balancer;

Balancer *balancer_new(Crew *crew, const char *id);
/* No worker may name it or its targets any more. NULL is fine. */
void balancer_free(Balancer *balancer);

/* The target of that description, made if need be. NULL: its TLS options are of
 * no use. */
Target *balancer_target(Balancer *balancer, const LbTarget *wanted, LbProtocol protocol,
                        const TlsClientOptions *tls, GError **error);
/* Before and after the snapshot's rules are made: which targets are in none, and since when.
 * After it nobody may be using older rules: frees those that nobody holds. */
void balancer_unname_targets(Balancer *balancer);
void balancer_note_left(Balancer *balancer, int64_t now_ms);
void balancer_free_left(Balancer *balancer);

void balancer_counts(Balancer *balancer, bool reset, Arena *arena, LbBalancerCounts *ret_counts);

/* A place at the balancer's targets became free: lets one that waits, here or at another worker,
 * have it. */
void balancer_place_free(Balancer *balancer, Worker *worker);

static inline BalancerPart *balancer_part(Balancer *balancer, const Worker *worker)
{
    return &balancer->parts[worker_number(worker)];
}

static inline TargetPart *target_part(Target *target, const Worker *worker)
{
    return &target->parts[worker_number(worker)];
}

static inline Target *target_hold(Target *target)
{
    atomic_fetch_add_explicit(&target->holders, 1, memory_order_relaxed);
    return target;
}

/* NULL is fine. */
static inline void target_release(Target *target)
{
    if (target)
        atomic_fetch_sub_explicit(&target->holders, 1, memory_order_release);
}

void tally_latency(Tally *tally, int64_t microseconds);
/* A connect to it failed: others are preferred for a second, and who watches is told. */
void target_refused(Target *target, Worker *worker);
void target_connected(Target *target);
/* Whether it refused not long before that time, and not since. */
bool target_shunned(const Target *target, int64_t at);

/* The exact monotonic clock. */
int64_t clock_us(void);
