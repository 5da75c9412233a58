/* The relay: bytes between a client and a target.
 *
 * Theory of operation
 *
 * A connection has two sides, client (accepted) and target (connected by us). Both are registered
 * edge-triggered: an event is a promise that holds until a call says EAGAIN (or reads less than it
 * asked for). So READABLE and WRITABLE are remembered per side, and pump() moves bytes from one
 * side to the other while both promises hold.
 *
 *   event                        what happens
 *   ---------------------------  --------------------------------------------------------------
 *   accepted                     the next target in turn gets a connect(); the client is watched
 *   target writable, first time  established; bytes that wait in the client's socket are moved
 *   target error while           the next target is tried; when each has been tried once, the
 *     connecting, or time-out    client gets a reset and the connection counts as failed
 *   readable                     pump from this side; when it was known to be, and the other side
 *                                is full, the side is muted (EPOLLIN unregistered) until drained
 *   writable                     pump towards this side (the client's socket is watched for this
 *                                only once it was full: most never are)
 *   end of stream (a FIN)        passed on as a FIN when everything before it has been; the other
 *                                direction stays open. Over when both have ended and are empty
 *   reset, error                 what can still be delivered is; then the other side is reset too
 *   urgent data                  a short read then no longer means "drained" (it stops at the mark)
 *   out of turns                 a pair that always has more to move is put off until the other
 *                                connections of the batch had theirs (relay_run_deferred)
 *   no byte for idle_ms          closed; looked for once a second at the head of a list in order
 *                                of activity, which a connection joins anew at most once a second
 *   rules changed                relay_review, between two batches: both sides are reset when the
 *                                client or the target is not in the rules any more
 *   worker ends                  both sides are closed
 *
 * How bytes move: small amounts by recv and send through the worker's one scratch buffer, so an
 * idle connection owns no buffer. What the receiver does not take is kept on the heap, at most one
 * scratch buffer's worth, and nothing more is read until it is gone. After BULK_READS full reads in
 * a row the direction is bulk, and goes through a pipe from the stock by splice, without being
 * copied; the pipe goes back as soon as it is empty. It is filled only when empty, for then EAGAIN
 * can only mean that the socket is (and not that the pipe is full). So what is held in a direction
 * is bounded by one pipe; the rest waits in the kernel's socket buffers, and the sender with it.
 *
 * Invariant: a connection that ended is freed in relay_run_deferred only; until then, events of the
 * same batch may still name it. */
#include "lb/relay.h"

#include "lb/socket.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BULK_READS = 2,        /* full reads in a row that make a direction bulk */
    BULK_MAX = 6,          /* short splices (less BULK_READS) that it takes to end that */
    BULK_SHORT = 16 << 10, /* bytes; a splice of less is a short one */
    PUMP_TURNS = 16,       /* moves in a row before others get their turn */
};

enum {
    READABLE = 1 << 0,  /* reading may succeed */
    WRITABLE = 1 << 1,  /* writing may succeed */
    FIN_SEEN = 1 << 2,  /* epoll told that the stream's end is in the socket */
    ENDED = 1 << 3,     /* the stream's end was read */
    SHUT = 1 << 4,      /* the other side's end was passed on to this one */
    URGENT = 1 << 5,    /* urgent data came at some time */
    WATCH_OUT = 1 << 6, /* EPOLLOUT is registered */
    PIPED = 1 << 7,     /* kept bytes are in held.pipe, else in held.buffer */
    MUTED = 1 << 8,     /* EPOLLIN is not registered: READABLE is known, and would be told again */
};

typedef struct Side {
    Source source;
    int fd;           /* -1: no target yet */
    uint32_t pending; /* bytes read from this side and not yet written to the other */
    union {
        Pipe *pipe;
        char *buffer; /* from malloc; the pending bytes are its last */
    } held;           /* while pending is not 0 */
    uint32_t size;    /* of the buffer */
    uint16_t flags;
    uint8_t bulk; /* full reads in a row, up to BULK_MAX */
} Side;

enum { CLIENT, TARGET };

struct Connection {
    Side sides[2];
    Links links;          /* in worker->connecting or worker->established; first active, last in */
    Connection *deferred; /* next in worker->deferred */
    Listener *listener;
    int64_t active_at; /* milliseconds, coarse: last event, or when this attempt began */
    uint32_t client;   /* address, host byte order */
    LbTarget target;
    uint16_t first, tried; /* place of the first target tried in the rules; how many since */
    bool connected, in_deferred, over;
};

/* What pump returns besides -errno. */
enum { MORE_LATER, BOTH_ENDED };

static void links_remove(Links *links)
{
    links->previous->next = links->next;
    links->next->previous = links->previous;
}

static void links_append(Links *list, Links *links)
{
    links->previous = list->previous;
    links->next = list;
    list->previous->next = links;
    list->previous = links;
}

static void defer(Worker *worker, Connection *c)
{
    if (c->in_deferred)
        return;
    c->in_deferred = true;
    c->deferred = worker->deferred;
    worker->deferred = c;
}

static void side_drop_held(Worker *worker, Side *side)
{
    if (!side->pending)
        return;
    if (side->flags & PIPED)
        pipes_drop(&worker->pipes, side->held.pipe);
    else
        g_free(side->held.buffer);
    side->pending = 0;
}

static void end(Worker *worker, Connection *c, bool reset)
{
    if (c->over)
        return;
    c->over = true;
    for (unsigned i = 0; i < 2; i++) {
        Side *side = &c->sides[i];
        side_drop_held(worker, side);
        if (side->fd < 0)
            continue;
        if (reset)
            socket_reset(side->fd);
        else
            close(side->fd);
    }
    links_remove(&c->links);
    atomic_fetch_sub_explicit(&worker->connections, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&worker->crew->connections, 1, memory_order_relaxed);
    defer(worker, c);
}

/* What is registered for a side in that state. */
static uint32_t watched(const Side *side)
{
    uint32_t events = EPOLLRDHUP | EPOLLET;
    if (!(side->flags & MUTED))
        events |= EPOLLIN | EPOLLPRI;
    if (side->flags & WATCH_OUT)
        events |= EPOLLOUT;
    return events;
}

static int rewatch(Worker *worker, Side *side)
{
    return loop_rewatch(&worker->loop, side->fd, &side->source, watched(side));
}

/* The other side would not take more. */
static int blocked(Worker *worker, Side *to)
{
    to->flags &= ~WRITABLE;
    if (to->flags & WATCH_OUT)
        return 0;
    to->flags |= WATCH_OUT;
    return rewatch(worker, to);
}

/* Nothing is left to read. */
static int drained(Worker *worker, Side *from)
{
    from->flags &= ~READABLE;
    if (!(from->flags & MUTED))
        return 0;
    from->flags &= ~MUTED;
    return rewatch(worker, from);
}

static void count_bytes(Worker *worker, Connection *c, const Side *from, uint64_t n)
{
    counter_add(from == &c->sides[CLIENT] ? &worker->bytes_in : &worker->bytes_out, n);
}

/* Writes what is held of from. 0 (then pending says what is left) or -errno. */
static int write_held(Worker *worker, Connection *c, Side *from, Side *to)
{
    while (from->pending) {
        ssize_t n;
        if (from->flags & PIPED)
            n = splice(from->held.pipe->out, NULL, to->fd, NULL, from->pending,
                       SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
        else
            n = send(to->fd, from->held.buffer + from->size - from->pending, from->pending,
                     MSG_NOSIGNAL);
        if (n < 0)
            return errno == EAGAIN ? blocked(worker, to) : -errno;
        count_bytes(worker, c, from, (uint64_t)n);
        from->pending -= (uint32_t)n;
    }
    if (from->flags & PIPED)
        pipes_give_back(&worker->pipes, from->held.pipe);
    else
        g_free(from->held.buffer);
    from->held.buffer = NULL;
    return 0;
}

/* Less was there than was asked for: what that tells. */
static int short_read(Worker *worker, Side *from)
{
    from->bulk = 0;
    if (from->flags & URGENT)
        return 0; /* there may be more behind the mark */
    if (!(from->flags & FIN_SEEN))
        return drained(worker, from);
    from->flags |= ENDED;
    return 0;
}

/* Through the scratch buffer. 0 or -errno. */
static int move_by_copy(Worker *worker, Connection *c, Side *from, Side *to)
{
    ssize_t n = recv(from->fd, worker->scratch, WORKER_SCRATCH, 0);
    if (n < 0)
        return errno == EAGAIN ? drained(worker, from) : -errno;
    if (n == 0) {
        from->flags |= ENDED;
        return 0;
    }
    if (n == WORKER_SCRATCH) {
        from->bulk = MIN(from->bulk + 1, BULK_MAX);
    } else {
        int r = short_read(worker, from);
        if (r < 0)
            return r;
    }
    /* The FIN that pump sends next then travels in the same segment. */
    int more = from->flags & ENDED ? MSG_MORE : 0;
    ssize_t sent = send(to->fd, worker->scratch, (size_t)n, MSG_NOSIGNAL | more);
    if (sent < 0) {
        if (errno != EAGAIN)
            return -errno;
        sent = 0;
    }
    count_bytes(worker, c, from, (uint64_t)sent);
    if (sent == n)
        return 0;
    from->size = from->pending = (uint32_t)(n - sent);
    from->flags &= ~PIPED;
    from->held.buffer = g_memdup2(worker->scratch + sent, from->pending);
    return blocked(worker, to);
}

/* Through a pipe: fills it; pump writes it. 0 or -errno. */
static int move_by_splice(Worker *worker, Connection *c, Side *from, Side *to)
{
    Pipe *pipe = pipes_take(&worker->pipes, worker->loop.now_ms);
    if (!pipe)
        return move_by_copy(worker, c, from, to);
    ssize_t n =
        splice(from->fd, NULL, pipe->in, NULL, pipe->capacity, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (n <= 0) {
        int error = errno;
        pipes_give_back(&worker->pipes, pipe);
        if (n < 0)
            return error == EAGAIN ? drained(worker, from) : -error;
        from->flags |= ENDED;
        return 0;
    }
    if (n >= BULK_SHORT)
        from->bulk = MIN(from->bulk + 1, BULK_MAX);
    else if (--from->bulk < BULK_READS)
        from->bulk = 0;
    from->held.pipe = pipe;
    from->pending = (uint32_t)n;
    from->flags |= PIPED;
    return 0;
}

/* Moves what can be moved from one side to the other. */
static int pump(Worker *worker, Connection *c, Side *from, Side *to)
{
    for (unsigned turns = 0;; turns++) {
        if (from->pending) {
            if (!(to->flags & WRITABLE))
                return MORE_LATER;
            int r = write_held(worker, c, from, to);
            if (r < 0)
                return r;
            if (from->pending)
                return MORE_LATER;
        }
        if (from->flags & ENDED) {
            if (to->flags & SHUT)
                return MORE_LATER;
            to->flags |= SHUT;
            if (to->flags & ENDED && !to->pending)
                return BOTH_ENDED;
            /* Fails when the socket was reset; its own event tells that. */
            shutdown(to->fd, SHUT_WR);
            return MORE_LATER;
        }
        if (!(from->flags & READABLE) || !(to->flags & WRITABLE))
            return MORE_LATER;
        if (turns == PUMP_TURNS) {
            defer(worker, c);
            return MORE_LATER;
        }
        int r = from->bulk >= BULK_READS ? move_by_splice(worker, c, from, to)
                                         : move_by_copy(worker, c, from, to);
        if (r < 0)
            return r;
    }
}

static void pump_both(Worker *worker, Connection *c, unsigned first)
{
    Side *a = &c->sides[first], *b = &c->sides[!first];
    int r = pump(worker, c, a, b);
    if (r == MORE_LATER)
        r = pump(worker, c, b, a);
    if (r != MORE_LATER)
        end(worker, c, r < 0);
}

static void active(Worker *worker, Connection *c)
{
    /* Once a second is often enough for a limit that is looked at once a second. */
    if (worker->loop.now_ms - c->active_at < 1000)
        return;
    c->active_at = worker->loop.now_ms;
    links_remove(&c->links);
    links_append(&worker->established, &c->links);
}

/* Begins a connection to the next target that was not tried yet; ends c when there is none. */
static void connect_next(Worker *worker, Connection *c)
{
    Side *side = &c->sides[TARGET];
    if (side->fd >= 0) {
        close(side->fd);
        side->fd = -1;
    }
    const Rules *rules = listener_rules(c->listener);
    while (rules && c->tried < rules->targets_n) {
        c->target = rules->targets[(c->first + c->tried++) % rules->targets_n];
        int fd = socket_connect(c->target.address, c->target.port);
        if (fd < 0)
            continue;
        side->flags = WATCH_OUT;
        if (loop_watch(&worker->loop, fd, &side->source, watched(side)) < 0) {
            close(fd);
            continue;
        }
        side->fd = fd;
        c->active_at = worker->loop.now_ms;
        links_remove(&c->links);
        links_append(&worker->connecting, &c->links);
        return;
    }
    counter_add(&worker->failed, 1);
    end(worker, c, true);
}

static void note(Worker *worker, Side *side, uint32_t events)
{
    /* More arrives at a side that cannot be read for want of room at the other: each segment would
     * wake the loop for nothing (30 times for each time it can do something). */
    if (events & EPOLLIN && side->flags & READABLE && !(side->flags & MUTED)) {
        side->flags |= MUTED;
        rewatch(worker, side); /* a failure only costs what it would have saved */
    }
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLERR | EPOLLHUP))
        side->flags |= READABLE;
    if (events & EPOLLRDHUP)
        side->flags |= FIN_SEEN;
    if (events & EPOLLOUT)
        side->flags |= WRITABLE;
    if (events & EPOLLPRI)
        side->flags |= URGENT;
}

static void client_ready(Loop *loop, Source *source, uint32_t events)
{
    Worker *worker = container_of(loop, Worker, loop);
    Connection *c = container_of(source, Connection, sides[CLIENT].source);
    if (c->over)
        return;
    note(worker, &c->sides[CLIENT], events);
    if (c->connected) {
        active(worker, c);
        pump_both(worker, c, CLIENT);
    }
    if (events & EPOLLERR)
        end(worker, c, true);
}

static void target_ready(Loop *loop, Source *source, uint32_t events)
{
    Worker *worker = container_of(loop, Worker, loop);
    Connection *c = container_of(source, Connection, sides[TARGET].source);
    if (c->over)
        return;
    if (!c->connected) {
        if (events & (EPOLLERR | EPOLLHUP)) {
            connect_next(worker, c);
            return;
        }
        if (!(events & EPOLLOUT))
            return;
        c->connected = true;
        c->active_at = 0; /* so that active() moves it to the other list */
    }
    note(worker, &c->sides[TARGET], events);
    active(worker, c);
    pump_both(worker, c, TARGET);
    if (events & EPOLLERR)
        end(worker, c, true);
}

void relay_start(Worker *worker, Listener *listener, int fd, uint32_t client)
{
    Connection *c = g_new0(Connection, 1);
    c->listener = listener;
    c->client = client;
    c->sides[CLIENT] = (Side){.source.ready = client_ready, .fd = fd, .flags = WRITABLE};
    c->sides[TARGET] = (Side){.source.ready = target_ready, .fd = -1};
    const Rules *rules = listener_rules(listener);
    if (rules && rules->targets_n > 1)
        c->first = atomic_fetch_add_explicit(&listener->next_target, 1, memory_order_relaxed) %
                   rules->targets_n;
    links_append(&worker->connecting, &c->links);
    connect_next(worker, c);
    if (!c->over &&
        loop_watch(&worker->loop, fd, &c->sides[CLIENT].source, watched(&c->sides[CLIENT])) < 0) {
        counter_add(&worker->refused, 1);
        end(worker, c, true);
    }
}

bool relay_run_deferred(Worker *worker)
{
    Connection *next = worker->deferred;
    worker->deferred = NULL;
    while (next) {
        Connection *c = next;
        next = c->deferred;
        c->in_deferred = false;
        if (!c->over)
            pump_both(worker, c, CLIENT);
        /* pump_both may have put it on the new list, to be freed in the next round. */
        if (c->over && !c->in_deferred)
            g_free(c);
    }
    return worker->deferred != NULL;
}

static Connection *first_older(Links *list, int64_t than)
{
    if (list->next == list)
        return NULL;
    Connection *c = container_of(list->next, Connection, links);
    return c->active_at <= than ? c : NULL;
}

void relay_sweep(Worker *worker)
{
    int64_t now = worker->loop.now_ms;
    Connection *c;
    while ((c = first_older(&worker->connecting, now - worker->crew->connect_ms)))
        connect_next(worker, c);
    while ((c = first_older(&worker->established, now - worker->crew->idle_ms)))
        end(worker, c, false);
}

bool relay_has_connections(const Worker *worker)
{
    return worker->connecting.next != &worker->connecting ||
           worker->established.next != &worker->established;
}

static void review_list(Worker *worker, Links *list)
{
    for (Links *links = list->next, *next; links != list; links = next) {
        next = links->next;
        Connection *c = container_of(links, Connection, links);
        if (!c->listener->changed)
            continue;
        const Rules *rules = listener_rules(c->listener);
        if (!rules || !rules_allow(rules, c->client) || !rules_have_target(rules, c->target))
            end(worker, c, true);
    }
}

/* A walk over all connections: a list per listener would cost each connection 16 bytes, and rules
 * of listeners in use do not change often. */
void relay_review(Worker *worker)
{
    review_list(worker, &worker->connecting);
    review_list(worker, &worker->established);
}

void relay_end_all(Worker *worker)
{
    while (worker->connecting.next != &worker->connecting)
        end(worker, container_of(worker->connecting.next, Connection, links), false);
    while (worker->established.next != &worker->established)
        end(worker, container_of(worker->established.next, Connection, links), false);
    relay_run_deferred(worker);
}
