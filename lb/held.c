/* Invariant: a pipe is held only while bytes are in it. It is filled only when empty, for then
 * EAGAIN can only mean that the socket is (and not that the pipe is full). */
#include "lb/held.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

ssize_t held_write(Worker *worker, Held *held, Channel *to)
{
    ssize_t sum = 0;
    if (!held->pending)
        return 0;
    while (held->pending && channel_can_write(to)) {
        ssize_t n;
        if (held->piped) {
            n = splice(held->in.pipe->out, NULL, to->fd, NULL, held->pending,
                       SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
            if (n < 0 && errno == EAGAIN)
                n = channel_blocked(worker, to);
            else if (n < 0)
                n = -errno;
        } else {
            n = channel_write(worker, to, held->in.buffer + held->size - held->pending,
                              held->pending, false);
        }
        if (n < 0)
            return n;
        sum += n;
        held->pending -= (uint32_t)n;
    }
    if (held->pending)
        return sum;
    if (held->piped)
        pipes_give_back(&worker->pipes, held->in.pipe);
    else
        g_free(held->in.buffer);
    held->in.buffer = NULL;
    return sum;
}

void held_keep(Held *held, const void *first, size_t first_n, const void *second, size_t second_n,
               size_t skip)
{
    size_t n = first_n + second_n - skip;
    if (!n)
        return;
    held->size = held->pending = (uint32_t)n;
    held->piped = false;
    held->in.buffer = g_malloc(n);
    size_t from_first = skip < first_n ? first_n - skip : 0;
    if (from_first)
        memcpy(held->in.buffer, (const char *)first + skip, from_first);
    if (n > from_first)
        memcpy(held->in.buffer + from_first, (const char *)second + (second_n - (n - from_first)),
               n - from_first);
}

ssize_t held_splice(Worker *worker, Held *held, Channel *from, size_t n)
{
    Pipe *pipe = pipes_take(&worker->pipes, worker->loop.now_ms);
    if (!pipe)
        return -ENOBUFS;
    ssize_t got = splice(from->fd, NULL, pipe->in, NULL, MIN(n, pipe->capacity),
                         SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (got <= 0) {
        int error = errno;
        pipes_give_back(&worker->pipes, pipe);
        if (got == 0)
            from->flags |= CHANNEL_ENDED;
        if (got == 0 || error != EAGAIN)
            return got == 0 ? 0 : -error;
        int r = channel_drained(worker, from);
        return r < 0 ? r : -EAGAIN;
    }
    if (got >= HELD_BULK_SHORT)
        held->bulk = (uint8_t)MIN(held->bulk + 1, HELD_BULK_MAX);
    else if (--held->bulk < HELD_BULK)
        held->bulk = 0;
    held->in.pipe = pipe;
    held->pending = (uint32_t)got;
    held->piped = true;
    return got;
}

void held_drop(Worker *worker, Held *held)
{
    if (!held->pending)
        return;
    if (held->piped)
        pipes_drop(&worker->pipes, held->in.pipe);
    else
        g_free(held->in.buffer);
    held->pending = 0;
}
