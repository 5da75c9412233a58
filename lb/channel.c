/* Reading and writing ends. Invariant: whenever a promise is cleared, its event is registered. */
#include "lb/channel.h"

#include "lb/socket.h"
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static uint32_t watched(const Channel *channel)
{
    uint32_t events = EPOLLRDHUP | EPOLLET;
    if (!(channel->flags & CHANNEL_MUTED))
        events |= EPOLLIN | EPOLLPRI;
    if (channel->flags & CHANNEL_WATCH_OUT)
        events |= EPOLLOUT;
    return events;
}

int channel_watch(Worker *worker, Channel *channel)
{
    return loop_watch(&worker->loop, channel->fd, &channel->source, watched(channel));
}

static int rewatch(Worker *worker, Channel *channel)
{
    return loop_rewatch(&worker->loop, channel->fd, &channel->source, watched(channel));
}

void channel_note(Worker *worker, Channel *channel, uint32_t events)
{
    uint16_t *flags = &channel->flags;
    /* More arrives at a side that cannot be read for want of room at the other: each segment would
     * wake the loop for nothing (30 times for each time it can do something). */
    if (events & EPOLLIN && *flags & CHANNEL_READABLE && !(*flags & CHANNEL_MUTED) &&
        !channel->tls) {
        *flags |= CHANNEL_MUTED;
        rewatch(worker, channel); /* a failure only costs what it would have saved */
    }
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLERR | EPOLLHUP)) {
        *flags |= CHANNEL_READABLE;
        *flags &= (uint16_t)~CHANNEL_WRITE_STUCK;
    }
    if (events & EPOLLRDHUP)
        *flags |= CHANNEL_FIN_SEEN;
    if (events & EPOLLOUT) {
        *flags |= CHANNEL_WRITABLE;
        *flags &= (uint16_t)~CHANNEL_READ_STUCK;
    }
    if (events & EPOLLPRI)
        *flags |= CHANNEL_URGENT;
}

int channel_blocked(Worker *worker, Channel *channel)
{
    channel->flags &= (uint16_t)~CHANNEL_WRITABLE;
    if (channel->flags & CHANNEL_WATCH_OUT)
        return 0;
    channel->flags |= CHANNEL_WATCH_OUT;
    return rewatch(worker, channel);
}

int channel_drained(Worker *worker, Channel *channel)
{
    channel->flags &= (uint16_t)~CHANNEL_READABLE;
    if (!(channel->flags & CHANNEL_MUTED))
        return 0;
    channel->flags &= (uint16_t)~CHANNEL_MUTED;
    return rewatch(worker, channel);
}

/* TLS said EAGAIN to a verb: which promise that used up. stuck: the flag for when it is not the
 * verb's own. 0 or -errno. */
static int tls_blocked(Worker *worker, Channel *channel, unsigned own, uint16_t stuck)
{
    unsigned wants = tls_wants(channel->tls);
    if (wants != own)
        channel->flags |= stuck;
    return wants == EPOLLOUT ? channel_blocked(worker, channel) : channel_drained(worker, channel);
}

static ssize_t tls_channel_read(Worker *worker, Channel *channel, void *bytes, size_t n)
{
    ssize_t got = tls_read(channel->tls, bytes, n);
    if (got == 0)
        channel->flags |= CHANNEL_ENDED;
    if (got != -EAGAIN)
        return got;
    int r = tls_blocked(worker, channel, EPOLLIN, CHANNEL_READ_STUCK);
    return r < 0 ? r : -EAGAIN;
}

ssize_t channel_read(Worker *worker, Channel *channel, void *bytes, size_t n)
{
    if (channel->tls)
        return tls_channel_read(worker, channel, bytes, n);
    ssize_t got = recv(channel->fd, bytes, n, 0);
    if (got < 0 && errno != EAGAIN)
        return -errno;
    if (got == 0)
        channel->flags |= CHANNEL_ENDED;
    if (got > 0 && ((size_t)got == n || channel->flags & CHANNEL_URGENT))
        return got;
    if (got > 0 && channel->flags & CHANNEL_FIN_SEEN) {
        channel->flags |= CHANNEL_ENDED;
        return got;
    }
    if (got == 0)
        return 0;
    int r = channel_drained(worker, channel);
    if (r < 0)
        return r;
    return got < 0 ? -EAGAIN : got;
}

static ssize_t tls_channel_write(Worker *worker, Channel *channel, const char *bytes, size_t n)
{
    size_t done = 0;
    while (done < n) {
        ssize_t taken = tls_write(channel->tls, bytes + done, n - done);
        if (taken == -EAGAIN) {
            int r = tls_blocked(worker, channel, EPOLLOUT, CHANNEL_WRITE_STUCK);
            if (r < 0)
                return r;
            break;
        }
        if (taken < 0)
            return taken;
        done += (size_t)taken;
    }
    return (ssize_t)done;
}

/* What a send told. */
static ssize_t sent(Worker *worker, Channel *channel, ssize_t taken, size_t n)
{
    if (taken < 0) {
        if (errno != EAGAIN)
            return -errno;
        taken = 0;
    }
    if ((size_t)taken == n)
        return taken;
    int r = channel_blocked(worker, channel);
    return r < 0 ? r : taken;
}

ssize_t channel_write(Worker *worker, Channel *channel, const void *bytes, size_t n, bool more)
{
    if (channel->tls)
        return tls_channel_write(worker, channel, bytes, n);
    return sent(worker, channel, send(channel->fd, bytes, n, MSG_NOSIGNAL | (more ? MSG_MORE : 0)),
                n);
}

ssize_t channel_write_two(Worker *worker, Channel *channel, const void *first, size_t first_n,
                          const void *second, size_t second_n)
{
    if (!second_n)
        return channel_write(worker, channel, first, first_n, false);
    if (channel->tls) {
        ssize_t taken = tls_channel_write(worker, channel, first, first_n);
        if (taken < (ssize_t)first_n)
            return taken;
        ssize_t rest = tls_channel_write(worker, channel, second, second_n);
        return rest < 0 ? rest : taken + rest;
    }
    struct iovec pieces[] = {{(void *)first, first_n}, {(void *)second, second_n}};
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = 2};
    return sent(worker, channel, sendmsg(channel->fd, &message, MSG_NOSIGNAL), first_n + second_n);
}

int channel_handshake(Worker *worker, Channel *channel)
{
    if (!channel->tls)
        return 0;
    int r = tls_handshake(channel->tls);
    if (r != -EAGAIN)
        return r;
    r = tls_blocked(worker, channel, EPOLLIN, CHANNEL_READ_STUCK);
    return r < 0 ? r : -EAGAIN;
}

void channel_shut(Channel *channel)
{
    if (channel->flags & CHANNEL_SHUT)
        return;
    channel->flags |= CHANNEL_SHUT;
    if (channel->tls)
        tls_shutdown(channel->tls);
    /* Fails when the socket was reset; its own event tells that. */
    shutdown(channel->fd, SHUT_WR);
}

void channel_close(Channel *channel, bool reset)
{
    if (channel->fd < 0)
        return;
    tls_free(channel->tls);
    channel->tls = NULL;
    if (reset)
        socket_reset(channel->fd);
    else
        close(channel->fd);
    channel->fd = -1;
}
