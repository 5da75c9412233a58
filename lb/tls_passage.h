/* One connection through a gate. Of lb/tls_gate.c only; belongs to its loop's thread. */
#pragma once

#include "lb/links.h"
#include "lb/loop.h"
#include "lb/timers.h"
#include "lb/tls.h"

enum { PASSAGE_SCRATCH = 16 << 10 }; /* a TLS record's worth */

/* What the passages of one loop share. */
typedef struct PassageShelf {
    Loop loop;
    char scratch[PASSAGE_SCRATCH];
    Timers timers;     /* of Passage.timer */
    Links open, ended; /* of passages; ended: freed between two batches of events */
    unsigned idle_ms;
    int (*take)(void *data, int fd, uint32_t client); /* TlsGateOptions' */
    void *data;
    _Atomic unsigned *connections; /* of the gate */
} PassageShelf;

typedef struct Passage Passage;

/* Takes fd, a client's socket, counted in *connections. */
void passage_start(PassageShelf *shelf, TlsContext *context, int fd, uint32_t client);
/* Between two batches: ends those that are over their time, frees the ended. */
void passages_settle(PassageShelf *shelf);
/* When the loop's thread ends. */
void passages_end_all(PassageShelf *shelf);
