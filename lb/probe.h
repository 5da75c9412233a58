/* Health probes: is a target of a balancer fit to be sent requests?
 *
 * Probes run in the loops of an Lb, each target in one of them, spread over their intervals and at
 * most PROBES_RUNNING at a time in a loop; so ten thousand targets need no thread of their own and
 * come in no bursts. What is probed is a snapshot, as the Lb's configuration is: probes_apply()
 * compares, and what does not differ keeps its state, its counts and its turn.
 *
 * A target's state (classic ELB, "Configure health checks for your Classic Load Balancer"):
 *
 *                          healthy results in a row
 *      registering ─────────────────────────────────────> in service
 *           │                                              │      ^
 *           │ unhealthy results in a row                   │      │ healthy results in a row
 *           └───────────────> out of service <─────────────┘      │
 *                                    └────────────────────────────┘
 *
 * TCP: a connection is made. SSL: so is a TLS handshake, whatever the certificate. HTTP, HTTPS: GET
 * path is answered with 200; anything else, a redirect too, is a failure. All within the time-out.
 * That the daemon itself lacks descriptors or memory is no result: it is tried again a second
 * later. */
#pragma once

#include "lb/lb.h"

typedef struct Probes Probes;

enum { PROBES_RUNNING = 256 };

typedef enum ProbeProtocol { PROBE_TCP, PROBE_SSL, PROBE_HTTP, PROBE_HTTPS } ProbeProtocol;

typedef enum ProbeState {
    PROBE_REGISTERING, /* too few results yet */
    PROBE_IN_SERVICE,
    PROBE_OUT_OF_SERVICE,
} ProbeState;

typedef enum ProbeFailure {
    PROBE_OK,
    PROBE_REFUSED,     /* nobody listens at the port */
    PROBE_TIMED_OUT,   /* no connection or no answer in time */
    PROBE_BROKEN,      /* another error of the connection: detail is the errno */
    PROBE_TLS_FAILED,  /* no TLS handshake */
    PROBE_NO_HTTP,     /* an answer that is not HTTP/1, or none */
    PROBE_WRONG_STATUS /* detail is the HTTP status */
} ProbeFailure;

typedef struct ProbeTarget {
    const char *balancer, *id; /* both together name it, once in a snapshot */
    uint32_t address;          /* host byte order */
    uint16_t port;
    ProbeProtocol protocol;
    const char *path; /* HTTP, HTTPS: "/index.html"; ELB's Target after the port */
    unsigned interval_ms, timeout_ms;
    unsigned healthy, unhealthy; /* thresholds, at least 1 */
    /* For a target that the snapshot before did not have: it is taken for in service until the
     * probes say otherwise, as an earlier daemon left it; else it is registering. */
    bool was_in_service;
} ProbeTarget;

/* A state that changed. */
typedef struct ProbeEvent {
    const char *balancer, *id; /* valid during the call */
    ProbeState before, now;
    ProbeFailure failure; /* of the last probe; PROBE_OK when now in service */
    int detail;
} ProbeEvent;

typedef struct ProbesOptions {
    /* Called in a loop's thread at each change of a state: must not wait; may call probes_hint and
     * what reads. The first change of a target comes after probes_apply that brought it or within
     * it. NULL: nobody is told. */
    void (*changed)(void *data, const ProbeEvent *event);
    void *data;
    unsigned running; /* at a time in one loop; 0: PROBES_RUNNING */
} ProbesOptions;

/* In the loops of lb, which must outlive it. 0 or -errno. */
int probes_open(Lb *lb, const ProbesOptions *options, Probes **ret_probes);
/* Ends all probes; no callback runs after it. NULL is fine. Not from a loop's thread. */
void probes_close(Probes *probes);

/* targets: of const ProbeTarget *; not kept. A new target is probed at once. One whose address or
 * port changed is new; one whose probe or thresholds changed keeps its state and begins to count
 * anew, at once too. A probe of a target that is gone or changed is broken off without a result,
 * and the callback speaks of it no more when this returns. Not from a loop's thread (so not from
 * the callback); calls wait for one another. */
void probes_apply(Probes *probes, const List *targets);

/* A connect of the relay was refused, or the like: probes this target now rather than when its turn
 * comes, at most once a second. A target that is not known is ignored. Any thread. */
void probes_hint(Probes *probes, const char *balancer, const char *id);

typedef struct ProbeStatus {
    ProbeState state;
    ProbeFailure failure; /* of the last result */
    int detail;
} ProbeStatus;

/* False: it is not in the snapshot. Any thread. */
bool probes_status(Probes *probes, const char *balancer, const char *id, ProbeStatus *ret_status);

typedef struct ProbesStats {
    unsigned targets, in_service, out_of_service, registering;
    unsigned running, waiting;  /* waiting: their turn came, but too many are running */
    uint64_t succeeded, failed; /* results */
    uint64_t put_off;           /* for want of descriptors or memory */
} ProbesStats;

/* Any thread. */
void probes_stats(Probes *probes, ProbesStats *ret_stats);
/* "refused", "timed out", ... for logs. */
const char *probe_failure_text(ProbeFailure failure);
