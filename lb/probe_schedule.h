/* When targets are probed, and what becomes of them. Of lb/probe*.c only.
 *
 * A Prober is the part of one loop; a Probed is one target, for good in one Prober. All verbs run
 * in the loop's thread, between or within events, but for those that say otherwise. */
#pragma once

#include "lb/probe_check.h"
#include "lb/timers.h"
#include "lb/worker.h"

typedef struct Prober {
    Loop *loop;
    Source tick; /* of clock_fd: the first timer is due */
    int clock_fd;
    int64_t armed;  /* for when clock_fd is set; 0: it is not */
    Timers timers;  /* of Probed.timer */
    GQueue waiting; /* of Probed: due, but too many are running; by Probed.wait */
    const ProbesOptions *options;
    TlsContext *tls;
    uint64_t spread; /* counts the places given out in the interval */

    /* Written by the loop's thread, read by all. */
    _Atomic unsigned running, waiting_n;
    _Atomic uint64_t succeeded, failed, put_off;
} Prober;

/* What a target is probed with: what makes two snapshots differ. */
typedef struct ProbePlan {
    ProbeProtocol protocol;
    unsigned interval_ms, timeout_ms, healthy, unhealthy;
    char *request; /* owned; "" where none is sent */
} ProbePlan;

struct Probed {
    Prober *prober;
    char *balancer, *id; /* owned */
    uint32_t address;
    uint16_t port;
    bool seen; /* probes_apply's: the new snapshot has it */
    ProbePlan plan;
    Timer timer; /* idle: the next probe; running: its end */
    GList wait;  /* in prober->waiting while is_waiting; its data is the Probed */
    bool is_waiting;
    bool decided; /* the running probe has its result */
    bool spreads; /* the next but one probe begins this target's own place in the interval */
    Check *check; /* running */
    int64_t started_at;
    unsigned in_a_row; /* results of the kind of the last */
    bool last_was_ok;
    _Atomic uint64_t published; /* a ProbeStatus: probed_status */
};

/* 0 or -errno. Not in the loop's thread; the Worker does not know it yet. */
int prober_init(Prober *prober, Worker *worker, const ProbesOptions *options, TlsContext *tls);
/* In the loop: watches the clock, forgets it. All Probed are gone before. */
int prober_begin(Prober *prober);
void prober_end(Prober *prober);
/* Not in the loop's thread, after prober_end or a failed init. */
void prober_release(Prober *prober);

/* Any thread; nobody else knows it yet. Takes plan. */
Probed *probed_new(Prober *prober, const ProbeTarget *target, ProbePlan *plan);
/* Its first probe, at once; or, with a new plan (taken), the first of those. */
void probed_begin(Probed *probed);
void probed_change(Probed *probed, ProbePlan *plan);
/* Now rather than when its turn comes. */
void probed_hint(Probed *probed);
/* Breaks off its probe. */
void probed_stop(Probed *probed);
/* Not in the loop's thread, after probed_stop. */
void probed_free(Probed *probed);
/* Any thread. */
ProbeStatus probed_status(Probed *probed);

void probe_plan_init(ProbePlan *plan, const ProbeTarget *target);
void probe_plan_clear(ProbePlan *plan);
bool probe_plan_equal(const ProbePlan *a, const ProbePlan *b);
