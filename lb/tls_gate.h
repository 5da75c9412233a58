/* A gate: TLS is taken off connections whose server is this very process.
 *
 * It listens on sockets that it is given, which may be of any network namespace, and for each
 * client makes a pair of sockets, relays between the TLS stream and its own end, and gives the
 * other end away: so nobody but the gate can say that a connection came by TLS, or from where.
 *
 * Bounds: a client has GATE_HANDSHAKE_SECONDS for its handshake; one that is silent for
 * idle_seconds is cut, one over max_connections at once; a connection holds at most one record (16
 * KiB) in each direction, and none while it is idle. */
#pragma once

#include "lb/tls.h"

enum { GATE_HANDSHAKE_SECONDS = 15 };

typedef struct TlsGate TlsGate;

typedef struct TlsGateOptions {
    unsigned threads; /* 0: 1 */
    /* Takes its end of a connection: a non-blocking stream socket, closed even on failure; client:
     * IPv4, host byte order. 0 or -errno, and the client is cut. In one of the gate's threads: must
     * not wait. */
    int (*take)(void *data, int fd, uint32_t client);
    void *data;
    unsigned idle_seconds;    /* 0: 300 */
    unsigned max_connections; /* 0: 4096 */
} TlsGateOptions;

/* 0 or -errno; shows clients what context says. */
int tls_gate_open(const TlsGateOptions *options, TlsContext *context, TlsGate **ret_gate);
/* Another certificate from the next connection on. Any thread. */
void tls_gate_set_context(TlsGate *gate, TlsContext *context);
/* Accepts from a listening, non-blocking socket, which becomes the gate's even on failure, until
 * the gate is closed. Any thread. 0 or -errno. */
int tls_gate_listen(TlsGate *gate, int fd);
/* Connections there are. Any thread. */
unsigned tls_gate_connections(const TlsGate *gate);
/* Ends every connection and thread. NULL is fine. */
void tls_gate_close(TlsGate *gate);
