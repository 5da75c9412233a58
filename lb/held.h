/* Bytes that were read from one end and that the other would not take yet: a buffer on the heap, or
 * a pipe. Nothing more is read for that direction until they are gone, so what is held is bounded
 * by one scratch buffer or one pipe. */
#pragma once

#include "lb/channel.h"

typedef struct Held {
    union {
        Pipe *pipe;
        char *buffer; /* from malloc; the pending bytes are its last */
    } in;             /* while pending is not 0 */
    uint32_t pending; /* bytes */
    uint32_t size;    /* of the buffer */
    bool piped;
    uint8_t bulk; /* full reads in a row, up to HELD_BULK_MAX */
} Held;

enum {
    HELD_BULK = 2,           /* full reads in a row that make a direction bulk */
    HELD_BULK_MAX = 6,       /* short splices (less HELD_BULK) that it takes to end that */
    HELD_BULK_SHORT = 16384, /* bytes; a splice of less is a short one */
};

/* Writes to it what can be written. Bytes written; or -errno. */
ssize_t held_write(Worker *worker, Held *held, Channel *to);
/* Keeps a copy of two pieces (second_n may be 0), less the first skip bytes. Nothing is held. */
void held_keep(Held *held, const void *first, size_t first_n, const void *second, size_t second_n,
               size_t skip);
/* Fills a pipe from a channel with at most n bytes. Bytes; 0: the end; -EAGAIN: none now;
 * -ENOBUFS: no pipe is to be had, copy instead; -errno. Nothing is held. */
ssize_t held_splice(Worker *worker, Held *held, Channel *from, size_t n);
void held_drop(Worker *worker, Held *held);

/* A read of n bytes of at most wanted: whether splicing will pay. */
static inline void held_note_read(Held *held, size_t n, size_t wanted)
{
    held->bulk = n == wanted ? (uint8_t)MIN(held->bulk + 1, HELD_BULK_MAX) : 0;
}
