/* The relay: bytes between a client and a target.
 *
 * Theory of operation
 *
 * A connection has two sides, client (accepted) and target (connected by us), each a Channel
 * (lb/channel.h: what an edge-triggered event promises is remembered there). pump() moves bytes
 * from one side to the other while the one can be read and the other can be written.
 *
 *   event                        what happens
 *   ---------------------------  --------------------------------------------------------------
 *   accepted                     the next target in turn gets a connect(); the client is watched
 *   target writable, first time  connected; behind it comes the TLS handshake, if there is one
 *   target ready                 established: the proxy header is sent, if one is asked for; bytes
 *                                that wait in the client's socket are moved
 *   target error before that,    the next target is tried; when all have been (CHOICES_MAX), the
 *     or time-out                client gets a reset and the connection counts as failed
 *   readable                     pump from this side; when it was known to be, and the other side
 *                                is full, the side is muted (EPOLLIN unregistered) until drained
 *   writable                     pump towards this side (the client's socket is watched for this
 *                                only once it was full: most never are)
 *   end of stream (a FIN)        passed on as a FIN when everything before it has been; the other
 *                                direction stays open. Over when both have ended and are empty. A
 *                                target that ended its own has no more to do: no drain waits for
 *                                it, whatever the client leaves open
 *   reset, error                 what can still be delivered is; then the other side is reset too
 *   out of turns                 a pair that always has more to move is put off until the other
 *                                connections of the batch had theirs (lb/member.h)
 *   no byte for idle_ms          closed; looked at when the wheel says so (lb/member.h)
 *   rules changed                between two batches: both sides are reset when the client is not
 * in the rules any more; likewise when the target is not, at once or when its time to drain is over
 *   worker ends                  both sides are closed
 *
 * How bytes move: small amounts by recv and send through the worker's one scratch buffer, so an
 * idle connection owns no buffer. What the receiver does not take is kept on the heap, at most one
 * scratch buffer's worth, and nothing more is read until it is gone. After HELD_BULK full reads in
 * a row the direction is bulk, and goes through a pipe from the stock by splice, without being
 * copied; the pipe goes back as soon as it is empty (lb/held.h). So what is held in a direction is
 * bounded by one pipe; the rest waits in the kernel's socket buffers, and the sender with it. */
#include "lb/relay.h"

#include "lb/choose.h"
#include "lb/held.h"
#include "lb/socket.h"
#include <errno.h>
#include <stdio.h>

enum { PUMP_TURNS = 16 }; /* moves in a row before others get their turn */

typedef struct Side {
    Channel channel;
    Held held; /* read from this side and not yet written to the other */
} Side;

enum { CLIENT, TARGET };

typedef enum Phase { CONNECTING, HANDSHAKE, ESTABLISHED } Phase;

typedef struct Connection {
    Member member;
    Side sides[2];
    Listener *listener;
    Target *target;    /* held; NULL: none yet */
    Choice *choice;    /* until it is established */
    int64_t active_at; /* milliseconds, coarse: last event, or when this attempt began */
    int64_t began_us; /* the wall clock, for the log; before that, monotonic: the attempt's begin */
    int64_t connect_us;
    uint64_t bytes[2]; /* read from each side and passed on */
    uint32_t client;   /* address, host byte order */
    uint16_t client_port;
    uint8_t phase;
    bool outstanding; /* counted as such at its target */
} Connection;

/* What pump returns besides -errno. */
enum { MORE_LATER, BOTH_ENDED };

static void write_log(Worker *worker, const Connection *c)
{
    const Rules *rules = listener_rules(c->listener);
    const TlsStream *tls = c->sides[CLIENT].channel.tls;
    if (!rules || !rules->log_name)
        return;
    bool served = c->phase == ESTABLISHED;
    AccessLine line = {
        .name = rules->log_name,
        .began_us = served ? c->began_us : g_get_real_time(),
        .client_address = c->client,
        .client_port = c->client_port,
        .target_address = served ? c->target->address : 0,
        .target_port = served ? c->target->port : 0,
        .request_us = served ? c->connect_us : -1,
        .target_us = served ? 0 : -1,
        .response_us = served ? 0 : -1,
        .received = c->bytes[CLIENT],
        .sent = c->bytes[TARGET],
        .cipher = tls ? tls_cipher(tls) : NULL,
        .protocol = tls ? tls_protocol(tls) : NULL,
    };
    access_log_add(&balancer_part(c->listener->balancer, worker)->log, &line);
}

/* Nothing more is expected of the target: it may go, as far as this connection is concerned. */
static void settle(Connection *c)
{
    if (c->outstanding)
        atomic_fetch_sub_explicit(&c->target->outstanding, 1, memory_order_relaxed);
    c->outstanding = false;
}

/* Lets go of the target, if there is one. */
static void leave_target(Worker *worker, Connection *c, bool reset)
{
    held_drop(worker, &c->sides[TARGET].held);
    channel_close(&c->sides[TARGET].channel, reset);
    settle(c);
    target_release(c->target);
    c->target = NULL;
}

static void end(Worker *worker, Connection *c, bool reset)
{
    if (c->member.over)
        return;
    write_log(worker, c);
    held_drop(worker, &c->sides[CLIENT].held);
    channel_close(&c->sides[CLIENT].channel, reset);
    leave_target(worker, c, reset);
    worker_connection_ended(worker);
    member_end(worker, &c->member);
}

static void count_bytes(Worker *worker, Connection *c, const Side *from, uint64_t n)
{
    bool in = from == &c->sides[CLIENT];
    Tally *tally = &target_part(c->target, worker)->tally;
    counter_add(in ? &worker->bytes_in : &worker->bytes_out, n);
    counter_add(in ? &tally->bytes_in : &tally->bytes_out, n);
    c->bytes[in ? CLIENT : TARGET] += n;
}

/* Through the scratch buffer. 0 or -errno. */
static int move_by_copy(Worker *worker, Connection *c, Side *from, Side *to)
{
    ssize_t n = channel_read(worker, &from->channel, worker->scratch, WORKER_SCRATCH);
    if (n <= 0)
        return n == -EAGAIN ? 0 : (int)n;
    held_note_read(&from->held, (size_t)n, WORKER_SCRATCH);
    /* The FIN that pump sends next then travels in the same segment. */
    bool more = from->channel.flags & CHANNEL_ENDED;
    ssize_t sent = channel_write(worker, &to->channel, worker->scratch, (size_t)n, more);
    if (sent < 0)
        return (int)sent;
    count_bytes(worker, c, from, (uint64_t)sent);
    held_keep(&from->held, worker->scratch, (size_t)n, NULL, 0, (size_t)sent);
    return 0;
}

/* Through a pipe: fills it; pump writes it. 0 or -errno. */
static int move_by_splice(Worker *worker, Connection *c, Side *from, Side *to)
{
    ssize_t n = held_splice(worker, &from->held, &from->channel, SIZE_MAX);
    if (n == -ENOBUFS)
        return move_by_copy(worker, c, from, to);
    return n >= 0 || n == -EAGAIN ? 0 : (int)n;
}

static bool splices(const Side *from, const Side *to)
{
    return from->held.bulk >= HELD_BULK && channel_can_splice(&from->channel) &&
           channel_can_splice(&to->channel);
}

/* Moves what can be moved from one side to the other. */
static int pump(Worker *worker, Connection *c, Side *from, Side *to)
{
    for (unsigned turns = 0;; turns++) {
        if (from->held.pending) {
            ssize_t n = held_write(worker, &from->held, &to->channel);
            if (n < 0)
                return (int)n;
            count_bytes(worker, c, from, (uint64_t)n);
            if (from->held.pending)
                return MORE_LATER;
        }
        if (from->channel.flags & CHANNEL_ENDED) {
            if (to->channel.flags & CHANNEL_SHUT)
                return MORE_LATER;
            if (from == &c->sides[TARGET])
                settle(c); /* before the client knows */
            channel_shut(&to->channel);
            return to->channel.flags & CHANNEL_ENDED && !to->held.pending ? BOTH_ENDED : MORE_LATER;
        }
        if (!channel_can_read(&from->channel) || !channel_can_write(&to->channel))
            return MORE_LATER;
        if (turns == PUMP_TURNS) {
            member_defer(worker, &c->member);
            return MORE_LATER;
        }
        int r = splices(from, to) ? move_by_splice(worker, c, from, to)
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

/* Begins a connection to a target. False: it cannot even be begun. */
static bool begin_connect(Worker *worker, Connection *c, Target *target)
{
    Channel *channel = &c->sides[TARGET].channel;
    int fd = socket_connect(target->address, target->port);
    if (fd < 0)
        return false;
    channel->fd = fd;
    channel->flags = CHANNEL_WATCH_OUT;
    if (channel_watch(worker, channel) < 0) {
        channel_close(channel, false);
        return false;
    }
    c->target = target_hold(target);
    c->phase = CONNECTING;
    c->active_at = worker->loop.now_ms;
    c->began_us = clock_us();
    member_arm(worker, &c->member, c->active_at + worker->crew->connect_ms);
    return true;
}

/* Begins a connection to the next target that was not tried yet; ends c when there is none. */
static void connect_next(Worker *worker, Connection *c)
{
    const Rules *rules = listener_rules(c->listener);
    Target *target;
    if (c->target)
        target_refused(c->target, worker);
    leave_target(worker, c, false);
    while (rules && (target = choice_next(c->choice, rules))) {
        if (begin_connect(worker, c, target))
            return;
    }
    counter_add(&worker->failed, 1);
    end(worker, c, true);
}

/* A fresh socket takes that little. 0 or -errno. */
static int send_proxy_header(Worker *worker, Connection *c)
{
    char text[sizeof "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"];
    uint32_t from = c->client, to = c->listener->address;
    int n = snprintf(text, sizeof text, "PROXY TCP4 %u.%u.%u.%u %u.%u.%u.%u %u %u\r\n", from >> 24,
                     from >> 16 & 255, from >> 8 & 255, from & 255, to >> 24, to >> 16 & 255,
                     to >> 8 & 255, to & 255, c->client_port, c->listener->port);
    ssize_t sent = channel_write(worker, &c->sides[TARGET].channel, text, (size_t)n, false);
    if (sent < 0)
        return (int)sent;
    return sent == n ? 0 : -EIO;
}

static void establish(Worker *worker, Connection *c)
{
    const Rules *rules = listener_rules(c->listener);
    Tally *tally = &target_part(c->target, worker)->tally;
    c->phase = ESTABLISHED;
    c->active_at = worker->loop.now_ms;
    c->connect_us = clock_us() - c->began_us;
    c->began_us = g_get_real_time() - c->connect_us;
    g_free(g_steal_pointer(&c->choice));
    target_connected(c->target);
    atomic_fetch_add_explicit(&c->target->outstanding, 1, memory_order_relaxed);
    c->outstanding = true;
    counter_add(&tally->requests, 1);
    tally_latency(tally, c->connect_us);
    if (rules)
        member_arm(worker, &c->member, c->active_at + rules->idle_ms);
    if (rules && rules->proxy_protocol && send_proxy_header(worker, c) < 0)
        end(worker, c, true);
}

static void go_on_with_handshake(Worker *worker, Connection *c)
{
    int r = channel_handshake(worker, &c->sides[TARGET].channel);
    if (r == 0)
        establish(worker, c);
    else if (r != -EAGAIN)
        connect_next(worker, c);
}

static void target_became_writable(Worker *worker, Connection *c)
{
    Channel *channel = &c->sides[TARGET].channel;
    c->phase = HANDSHAKE;
    if (c->target->tls)
        channel->tls = tls_connect(c->target->tls, channel->fd, NULL);
}

static void client_ready(Loop *loop, Source *source, uint32_t events)
{
    Worker *worker = container_of(loop, Worker, loop);
    Connection *c = container_of(source, Connection, sides[CLIENT].channel.source);
    if (c->member.over)
        return;
    channel_note(worker, &c->sides[CLIENT].channel, events);
    if (c->phase == ESTABLISHED) {
        c->active_at = worker->loop.now_ms;
        pump_both(worker, c, CLIENT);
    }
    if (events & EPOLLERR)
        end(worker, c, true);
}

static void target_ready(Loop *loop, Source *source, uint32_t events)
{
    Worker *worker = container_of(loop, Worker, loop);
    Connection *c = container_of(source, Connection, sides[TARGET].channel.source);
    if (c->member.over)
        return;
    if (c->phase != ESTABLISHED && events & (EPOLLERR | EPOLLHUP)) {
        connect_next(worker, c);
        return;
    }
    channel_note(worker, &c->sides[TARGET].channel, events);
    if (c->phase == CONNECTING) {
        if (!(events & EPOLLOUT))
            return;
        target_became_writable(worker, c);
    }
    if (c->phase == HANDSHAKE)
        go_on_with_handshake(worker, c);
    if (c->member.over || c->phase != ESTABLISHED)
        return;
    c->active_at = worker->loop.now_ms;
    pump_both(worker, c, TARGET);
    if (events & EPOLLERR)
        end(worker, c, true);
}

static Connection *connection_of(Member *member)
{
    return container_of(member, Connection, member);
}

/* When a connection that is not used ends, or one whose target drains. */
static int64_t deadline_of(Worker *worker, Connection *c)
{
    const Rules *rules = listener_rules(c->listener);
    if (c->phase != ESTABLISHED || !rules)
        return c->active_at + worker->crew->connect_ms;
    int64_t deadline = c->active_at + rules->idle_ms;
    int64_t left_at = atomic_load_explicit(&c->target->left_at, memory_order_relaxed);
    return left_at ? MIN(deadline, left_at + rules->drain_ms) : deadline;
}

static int64_t connection_due(Worker *worker, Member *member)
{
    Connection *c = connection_of(member);
    if (worker->loop.now_ms >= deadline_of(worker, c)) {
        if (c->phase == ESTABLISHED)
            end(worker, c, false);
        else
            connect_next(worker, c);
    }
    return member->over ? 0 : deadline_of(worker, c);
}

static void connection_turn(Worker *worker, Member *member)
{
    pump_both(worker, connection_of(member), CLIENT);
}

static void connection_review(Worker *worker, Member *member)
{
    Connection *c = connection_of(member);
    const Rules *rules = listener_rules(c->listener);
    if (!c->listener->changed)
        return;
    if (!rules || !rules_allow(rules, c->client) ||
        (!rules_have_target(rules, c->target) && !rules->drain_ms))
        end(worker, c, true);
    else
        member_arm(worker, member, deadline_of(worker, c));
}

static void connection_end(Worker *worker, Member *member)
{
    end(worker, connection_of(member), false);
}

static void connection_free(Member *member)
{
    Connection *c = connection_of(member);
    g_free(c->choice);
    g_free(c);
}

static const MemberKind CONNECTION = {
    .due = connection_due,
    .turn = connection_turn,
    .review = connection_review,
    .end = connection_end,
    .free = connection_free,
};

void relay_start(Worker *worker, Listener *listener, int fd, uint32_t client, uint16_t client_port)
{
    Connection *c = g_new0(Connection, 1);
    Channel *channel = &c->sides[CLIENT].channel;
    const Rules *rules = listener_rules(listener);
    c->listener = listener;
    c->client = client;
    c->client_port = client_port;
    *channel = (Channel){.source.ready = client_ready, .fd = fd, .flags = CHANNEL_WRITABLE};
    c->sides[TARGET].channel = (Channel){.source.ready = target_ready, .fd = -1};
    c->choice = g_new(Choice, 1);
    choice_begin(c->choice, &listener->turn, worker->loop.now_ms);
    member_start(worker, &c->member, &CONNECTION, worker->loop.now_ms);
    if (rules && rules->tls)
        channel->tls = tls_accept(rules->tls, fd);
    connect_next(worker, c);
    if (!c->member.over && channel_watch(worker, channel) < 0) {
        counter_add(&worker->refused, 1);
        end(worker, c, true);
    }
}
