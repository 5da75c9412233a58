/* The data plane: listeners on host addresses, relayed to targets inside the guests' network.
 *
 * Public addresses of instances and load balancers are both made of listeners; a zeroed LbListener
 * with an address, a port, allowed clients and targets is a plain TCP relay. It runs a
 * configuration snapshot that it is handed: lb_apply() compares it with the one before, opens and
 * closes listeners, and leaves every established connection alone that the change does not concern
 * (its listener stays, its target stays or drains, its client stays allowed). Knows no AWS API and
 * no database. */
#pragma once

#include "base/arena.h"
#include "lb/tls.h"
#include <netinet/in.h>
#include <stdint.h>

typedef struct Lb Lb;

typedef struct LbOptions {
    unsigned threads; /* 0: one a core */
    /* Called at the start of each relay thread: puts it inside the guests' network. May be NULL. */
    void (*enter)(void *data);
    /* Runs fn where host addresses can be bound. NULL: called in place. */
    void (*run_outside)(void *data, void (*fn)(void *), void *fn_data);
    void *data;
    unsigned idle_seconds;    /* for listeners that say nothing else; 0: 3600 */
    unsigned connect_seconds; /* for each target tried; 0: 10 */
    unsigned max_connections; /* in all; more are reset; 0: what the descriptor limit allows */
} LbOptions;

typedef struct LbCidr {
    uint32_t network; /* host byte order */
    uint32_t mask;
} LbCidr;

typedef enum LbProtocol {
    LB_TCP,
    LB_SSL, /* TCP inside TLS */
    LB_HTTP,
    LB_HTTPS,
} LbProtocol;

typedef struct LbTarget {
    uint32_t address; /* host byte order */
    uint16_t port;
    bool out_of_service; /* gets nothing new; what it has goes on */
    bool draining;  /* likewise, and is cut when the listener's drain_seconds are over since the
                     * first snapshot that said so. A target that is in no snapshot any more
                     * drains in the same way: keep it in only if it has to be seen */
    const char *id; /* stable: an instance id. What sticky cookies and counters name; NULL: none */
    const char *zone; /* NULL: one zone, as any text */
} LbTarget;

typedef enum LbStickiness {
    LB_STICKY_NONE,
    LB_STICKY_BALANCER,    /* the balancer's cookie AWSELB, for sticky_seconds */
    LB_STICKY_APPLICATION, /* AWSELB lives as long as the application's cookie sticky_cookie */
} LbStickiness;

typedef struct LbListener {
    uint32_t address; /* host byte order */
    uint16_t port;
    bool inside; /* its address is one of the network that lb_apply()'s caller is in, not the host's
                  */
    List allowed; /* of LbCidr *: clients let in; others see a closed port or a reset */
    List targets; /* of LbTarget *. TCP, SSL: round robin; one that refuses or is silent yields to
                   * the next, and when none answers the client is reset. HTTP, HTTPS: the one
                   * with the fewest requests under way; 503 when none is in service */

    /* What load balancers add. All zero: the TCP relay of a public address. */
    LbProtocol protocol;         /* towards clients */
    LbProtocol target_protocol;  /* TCP or SSL behind TCP and SSL; HTTP or HTTPS behind HTTP and
                                  * HTTPS; another pair is EINVAL */
    const TlsServerOptions *tls; /* SSL, HTTPS */
    const TlsClientOptions *target_tls; /* SSL, HTTPS towards targets; NULL: all defaults */
    unsigned idle_seconds;   /* a connection without a byte for so long is closed, a request
                              * answered with 504; 0: LbOptions' */
    unsigned drain_seconds;  /* how long what a target that goes away has may still take; 0: it is
                              * cut at once */
    bool zonal;              /* cross-zone balancing is off: turns go around the zones, and then
                              * around the targets of the zone */
    bool proxy_protocol;     /* TCP, SSL: version 1 header to the target */
    LbStickiness stickiness; /* HTTP, HTTPS */
    unsigned sticky_seconds; /* 0: as long as the browser runs */
    const char *sticky_cookie;
    unsigned target_connections; /* HTTP, HTTPS: requests that one target gets at a time; those over
                                  * it wait in the surge queue; 0: no limit */
    unsigned surge_queue;        /* requests that may wait in one balancer; more get 503; 0: 1024 */
    const char *balancer;        /* counts for this one (any id); NULL: is not counted apart */
    const char *log_name;        /* writes access log lines under this name; NULL: none */
} LbListener;

typedef struct LbConfig {
    List listeners; /* of LbListener * */
} LbConfig;

typedef struct LbFailure {
    const LbListener *listener;
    int error; /* errno of socket, bind or listen; EKEYREJECTED: its TLS options are of no use (a
                * listener that ran goes on with what it had), EINVAL: protocols that do not fit */
    const char *text; /* of EKEYREJECTED: why; else NULL */
} LbFailure;

typedef struct LbStats {
    unsigned listeners;
    unsigned connections;
    uint64_t accepted, refused, failed; /* refused: by rule or limit; failed: no target answered */
    uint64_t bytes_in, bytes_out;
} LbStats;

int lb_open(const LbOptions *options, Lb **ret_lb); /* 0 or -errno */

/* Takes effect before it returns. What it changes for connections: a removed listener's are reset;
 * a changed one's are when their client is not in allowed any more, or their target not in
 * targets; all others go on. Listeners that could not be opened are in failures (LbFailure *, in
 * arena; a second one with the same address and port fails with EADDRINUSE); the rest works, and
 * the next apply tries those again. Costs a comparison of every listener, and system calls only
 * for what differs. config is not kept. Any thread but the relay's own (so not from a hook); calls
 * wait for one another. 0 or -errno. */
int lb_apply(Lb *lb, const LbConfig *config, Arena *arena, List *ret_failures);

/* Thread-safe; waits for an lb_apply that is under way. */
void lb_stats(Lb *lb, LbStats *ret_stats);

/* What has happened since the balancer's first listener was opened; of all its listeners. */
typedef struct LbCounts {
    uint64_t requests;                               /* sent to a target; TCP, SSL: connections */
    uint64_t code_2xx, code_3xx, code_4xx, code_5xx; /* what targets answered */
    uint64_t latency_n, latency_us; /* from the request's last byte of the head sent to the answer's
                                     * head; TCP: of connecting. Number and sum */
    uint64_t connection_errors;     /* connects to a target that failed */
    uint64_t bytes_in, bytes_out;   /* from and to clients, bodies of HTTP only */
    /* Since the call before that had reset set. */
    uint64_t latency_min_us, latency_max_us; /* 0 when there was none */
} LbCounts;

typedef struct LbTargetCounts {
    const char *id, *zone;
    uint16_t port;
    unsigned outstanding; /* requests now, or connections whose target has not ended its half */
    LbCounts counts;
} LbTargetCounts;

typedef struct LbBalancerCounts {
    LbCounts total;                /* the sum of the targets' that are or were there */
    uint64_t elb_4xx, elb_5xx;     /* what the balancer answered by itself */
    uint64_t spillover;            /* of those: the surge queue was full, or no target in service */
    unsigned surge_now, surge_max; /* max: since the call before that had reset set */
    List targets;                  /* of LbTargetCounts * */
} LbBalancerCounts;

/* False: no listener of such a balancer runs. In arena. Thread-safe; one caller at a time should
 * reset. */
bool lb_balancer_counts(Lb *lb, const char *balancer, bool reset, Arena *arena,
                        LbBalancerCounts *ret_counts);

/* refused is called when a connect to a balancer's target failed (again after a second at the
 * earliest): in a relay thread, so it must not wait. NULL ends that: no call is under way when this
 * returns. One at a time; not from a relay thread. */
void lb_watch_refusals(Lb *lb,
                       void (*refused)(void *data, const char *balancer, const char *target),
                       void *data);

/* The access log lines of a balancer since the last call, each ended by a newline, in the format of
 * classic ELB (timestamp, name, client:port, backend:port, three times, two codes, bytes received
 * and sent, "request", "user agent", cipher, protocol); from malloc (g_free), NULL: none. They wait
 * in memory, at most 4 MiB a thread and balancer; lines that come when that is full are lost, and
 * ret_lost says how many were (since the last call). Thread-safe; loops never wait for it. What a
 * balancer logged before it lost its last listener is to be taken before that. */
char *lb_take_log(Lb *lb, const char *balancer, size_t *ret_size, uint64_t *ret_lost);

/* Ends every connection and thread. NULL is fine. */
void lb_close(Lb *lb);
