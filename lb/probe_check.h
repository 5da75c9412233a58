/* One probe of one target: from connect() to the result. Of lb/probe*.c only; belongs to the loop's
 * thread. It knows no time-out: who started it ends it in time. */
#pragma once

#include "lb/loop.h"
#include "lb/probe.h"

typedef struct Check Check;
typedef struct Probed Probed;

typedef struct CheckSpec {
    uint32_t address; /* host byte order */
    uint16_t port;
    ProbeProtocol protocol;
    const char *request; /* HTTP, HTTPS: the whole request; outlives the check */
    TlsContext *tls;     /* SSL, HTTPS */
    Probed *probed;      /* whose: given back to the two below */
    /* The result, once, and not within check_start. */
    void (*decided)(Probed *probed, ProbeFailure failure, int detail);
    /* Nothing is left to do (an answer's body was read, too): the owner calls check_end. */
    void (*finished)(Probed *probed);
} CheckSpec;

/* 0 or -errno; of the target (-ECONNREFUSED, ...) or of this process (-EMFILE, ...). */
int check_start(Loop *loop, const CheckSpec *spec, Check **ret_check);
/* Closes the connection; its memory goes between two batches of events. */
void check_end(Loop *loop, Check *check);

/* What an errno of a connection means for the target. */
ProbeFailure check_failure_of(int error);
