/* The data plane: listeners on host addresses, relayed to targets inside the guests' network.
 *
 * Public addresses of instances use it now; load balancers are built on the same listener and
 * relay. It runs a configuration snapshot that it is handed: lb_apply() compares it with the one
 * before, opens and closes listeners, and leaves every established connection alone that the
 * change does not concern (its listener stays, its target stays, its client stays allowed).
 * Knows no AWS API and no database. */
#pragma once

#include "base/arena.h"
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
    unsigned idle_seconds;    /* a connection without a byte for so long is closed; 0: 3600 */
    unsigned connect_seconds; /* for each target tried; 0: 10 */
    unsigned max_connections; /* in all; more are reset; 0: what the descriptor limit allows */
} LbOptions;

typedef struct LbCidr {
    uint32_t network; /* host byte order */
    uint32_t mask;
} LbCidr;

typedef struct LbTarget {
    uint32_t address; /* host byte order */
    uint16_t port;
} LbTarget;

typedef struct LbListener {
    uint32_t address; /* host byte order */
    uint16_t port;
    List allowed; /* of LbCidr *: clients let in; others see a closed port or a reset */
    List targets; /* of LbTarget *: round robin; one that refuses or is silent yields to the next,
                   * and when none answers the client is reset */
} LbListener;

typedef struct LbConfig {
    List listeners; /* of LbListener * */
} LbConfig;

typedef struct LbFailure {
    const LbListener *listener;
    int error; /* errno of socket, bind or listen */
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

/* Ends every connection and thread. NULL is fine. */
void lb_close(Lb *lb);
