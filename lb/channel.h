/* One end of a relayed connection: a non-blocking socket, with TLS on it or not, in an
 * edge-triggered loop.
 *
 * An event is a promise that holds until a call says EAGAIN (or, without TLS, reads less than it
 * asked for). The promises are remembered here: channel_can_read and channel_can_write. A verb that
 * finds one used up clears it and sees to it that the next event comes. */
#pragma once

#include "lb/worker.h"
#include <sys/uio.h>

enum {
    CHANNEL_READABLE = 1 << 0,    /* reading may succeed */
    CHANNEL_WRITABLE = 1 << 1,    /* writing may succeed */
    CHANNEL_FIN_SEEN = 1 << 2,    /* epoll told that the stream's end is in the socket */
    CHANNEL_ENDED = 1 << 3,       /* the stream's end was read */
    CHANNEL_SHUT = 1 << 4,        /* ours was sent */
    CHANNEL_URGENT = 1 << 5,      /* urgent data came at some time: a short read may stop at its
                                   * mark, and does not mean "drained" any more */
    CHANNEL_WATCH_OUT = 1 << 6,   /* EPOLLOUT is registered */
    CHANNEL_MUTED = 1 << 7,       /* EPOLLIN is not: readable is known, and would be told again */
    CHANNEL_READ_STUCK = 1 << 8,  /* TLS: reading waits until the socket takes more */
    CHANNEL_WRITE_STUCK = 1 << 9, /* TLS: writing waits until something comes */
};

typedef struct Channel {
    Source source;
    TlsStream *tls; /* NULL: none */
    int fd;         /* -1: none */
    uint16_t flags;
} Channel;

static inline bool channel_can_read(const Channel *channel)
{
    return (channel->flags & (CHANNEL_READABLE | CHANNEL_READ_STUCK)) == CHANNEL_READABLE;
}

static inline bool channel_can_write(const Channel *channel)
{
    return (channel->flags & (CHANNEL_WRITABLE | CHANNEL_WRITE_STUCK)) == CHANNEL_WRITABLE;
}

/* Registers it. 0 or -errno. */
int channel_watch(Worker *worker, Channel *channel);
/* Takes note of events that the loop told. */
void channel_note(Worker *worker, Channel *channel, uint32_t events);

/* Bytes read; 0: the end (then and sometimes before, CHANNEL_ENDED is set); -EAGAIN: none now;
 * other -errno: final. */
ssize_t channel_read(Worker *worker, Channel *channel, void *bytes, size_t n);
/* Bytes taken, 0 and more; fewer than n: it is full for now. -errno: final. more: something follows
 * at once. What was not taken has to be offered again (TLS insists). */
ssize_t channel_write(Worker *worker, Channel *channel, const void *bytes, size_t n, bool more);
/* Likewise of two pieces in a row; second_n may be 0. */
ssize_t channel_write_two(Worker *worker, Channel *channel, const void *first, size_t first_n,
                          const void *second, size_t second_n);
/* After a splice from or to it failed with EAGAIN. 0 or -errno. */
int channel_drained(Worker *worker, Channel *channel);
int channel_blocked(Worker *worker, Channel *channel);
/* Whether bytes may pass by it in the kernel. */
static inline bool channel_can_splice(const Channel *channel)
{
    return !channel->tls;
}

/* Of TLS: 0 done, -EAGAIN, other -errno. Without: 0. */
int channel_handshake(Worker *worker, Channel *channel);

/* No more is written: the peer sees the end. */
void channel_shut(Channel *channel);
/* Closes; reset: the peer sees that. Already closed is fine. */
void channel_close(Channel *channel, bool reset);
