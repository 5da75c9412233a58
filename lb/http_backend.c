/* Connections to targets. Invariant: an idle one has no byte of anybody in it. It is watched all
 * the time: whatever happens to it while idle, even a byte that comes, ends it. */
#include "lb/http_backend.h"

#include "lb/http_exchange.h"
#include "lb/socket.h"
#include <errno.h>
#include <sys/socket.h>

enum {
    IDLE_MS = 60000,
    POOLED_PER_TARGET = 512,
    USED_MS = 3600 * 1000, /* its client looks after the time of one in use */
};

static void leave_pool(Worker *worker, BackEnd *backend)
{
    if (links_empty(&backend->in_stock))
        return;
    links_remove(&backend->in_pool);
    links_remove(&backend->in_stock);
    target_part(backend->target, worker)->pooled_n--;
    worker->http->pooled_n--;
}

void backend_drop(Worker *worker, BackEnd *backend)
{
    leave_pool(worker, backend);
    g_free(g_steal_pointer(&backend->input));
    channel_close(&backend->channel, false);
    target_release(g_steal_pointer(&backend->target));
    member_end(worker, &backend->member);
}

/* A first byte now would be no answer to anything. */
static bool is_quiet(Worker *worker, BackEnd *backend)
{
    char byte;
    if (backend->channel.flags & CHANNEL_ENDED)
        return false;
    return !channel_can_read(&backend->channel) ||
           channel_read(worker, &backend->channel, &byte, 1) == -EAGAIN;
}

static void make_room(Worker *worker)
{
    const HttpStock *stock = worker->http;
    if (stock->pooled_n >= stock->pooled_max)
        backend_drop(worker, container_of(stock->pooled.next, BackEnd, in_stock));
}

void backend_give_back(Worker *worker, BackEnd *backend)
{
    TargetPart *part = target_part(backend->target, worker);
    HttpStock *stock = worker->http;
    backend->exchange = NULL;
    if (!backend->keep_alive || backend->input || part->pooled_n >= POOLED_PER_TARGET ||
        atomic_load_explicit(&backend->target->left_at, memory_order_relaxed) ||
        !is_quiet(worker, backend)) {
        backend_drop(worker, backend);
        return;
    }
    make_room(worker);
    backend->since = worker->loop.now_ms;
    member_arm(worker, &backend->member, backend->since + IDLE_MS);
    links_append(part->pool.next, &backend->in_pool); /* before the first: it is the first now */
    links_append(&stock->pooled, &backend->in_stock);
    part->pooled_n++;
    stock->pooled_n++;
}

static bool is_open(const BackEnd *backend)
{
    char byte;
    ssize_t n = recv(backend->channel.fd, &byte, 1, MSG_PEEK);
    return n < 0 && errno == EAGAIN;
}

BackEnd *backend_take(Worker *worker, Target *target, Exchange *exchange, bool sure)
{
    TargetPart *part = target_part(target, worker);
    while (!links_empty(&part->pool)) {
        BackEnd *backend = container_of(part->pool.next, BackEnd, in_pool);
        if (sure && !is_open(backend)) {
            backend_drop(worker, backend);
            continue;
        }
        leave_pool(worker, backend);
        backend->exchange = exchange;
        backend->reused = true;
        backend->scan = (HttpScan){0};
        backend->since = worker->loop.now_ms;
        return backend;
    }
    return NULL;
}

static void ready(Worker *worker, BackEnd *backend)
{
    backend->phase = BACKEND_READY;
    target_connected(backend->target);
    exchange_connected(worker, backend->exchange);
}

static void go_on_with_handshake(Worker *worker, BackEnd *backend)
{
    int r = channel_handshake(worker, &backend->channel);
    if (r == 0)
        ready(worker, backend);
    else if (r != -EAGAIN)
        exchange_connect_failed(worker, backend->exchange, false);
}

/* Of one that is not ready yet. */
static void go_on_connecting(Worker *worker, BackEnd *backend, uint32_t events)
{
    Channel *channel = &backend->channel;
    if (events & (EPOLLERR | EPOLLHUP)) {
        exchange_connect_failed(worker, backend->exchange, false);
        return;
    }
    channel_note(worker, channel, events);
    if (backend->phase == BACKEND_CONNECTING) {
        if (!(events & EPOLLOUT))
            return;
        backend->phase = BACKEND_HANDSHAKE;
        if (backend->target->tls)
            channel->tls = tls_connect(backend->target->tls, channel->fd, NULL);
    }
    go_on_with_handshake(worker, backend);
}

static void backend_ready(Loop *loop, Source *source, uint32_t events)
{
    Worker *worker = container_of(loop, Worker, loop);
    BackEnd *backend = container_of(source, BackEnd, channel.source);
    if (backend->member.over)
        return;
    if (backend->phase != BACKEND_READY) {
        go_on_connecting(worker, backend, events);
        return;
    }
    channel_note(worker, &backend->channel, events);
    if (backend->exchange)
        exchange_run(worker, backend->exchange);
    else if (events & ~(uint32_t)EPOLLOUT && !is_quiet(worker, backend))
        backend_drop(worker, backend);
}

static BackEnd *backend_of(Member *member)
{
    return container_of(member, BackEnd, member);
}

static int64_t backend_due(Worker *worker, Member *member)
{
    BackEnd *backend = backend_of(member);
    int64_t now = worker->loop.now_ms, limit = USED_MS;
    if (!backend->exchange)
        limit = IDLE_MS;
    else if (backend->phase != BACKEND_READY)
        limit = worker->crew->connect_ms;
    if (now < backend->since + limit)
        return backend->since + limit;
    if (!backend->exchange)
        backend_drop(worker, backend);
    else if (backend->phase != BACKEND_READY)
        exchange_connect_failed(worker, backend->exchange, true);
    return now + USED_MS;
}

static void backend_turn(Worker *worker, Member *member)
{
    if (backend_of(member)->exchange)
        exchange_run(worker, backend_of(member)->exchange);
}

static void backend_review(Worker *worker, Member *member)
{
}

static void backend_end(Worker *worker, Member *member)
{
    const BackEnd *backend = backend_of(member);
    if (backend->exchange)
        exchange_abandon(worker, backend->exchange);
    else
        backend_drop(worker, backend_of(member));
}

static void backend_free(Member *member)
{
    g_free(backend_of(member));
}

static const MemberKind BACKEND = {
    .due = backend_due,
    .turn = backend_turn,
    .review = backend_review,
    .end = backend_end,
    .free = backend_free,
};

BackEnd *backend_connect(Worker *worker, Target *target, Exchange *exchange)
{
    int fd = socket_connect(target->address, target->port);
    if ((fd == -EMFILE || fd == -ENFILE) && worker->http->pooled_n) {
        backend_drop(worker, container_of(worker->http->pooled.next, BackEnd, in_stock));
        fd = socket_connect(target->address, target->port);
    }
    if (fd < 0)
        return NULL;
    BackEnd *backend = g_new0(BackEnd, 1);
    backend->channel =
        (Channel){.source.ready = backend_ready, .fd = fd, .flags = CHANNEL_WATCH_OUT};
    if (channel_watch(worker, &backend->channel) < 0) {
        channel_close(&backend->channel, false);
        g_free(backend);
        return NULL;
    }
    links_init(&backend->in_pool);
    links_init(&backend->in_stock);
    backend->target = target_hold(target);
    backend->exchange = exchange;
    backend->since = worker->loop.now_ms;
    member_start(worker, &backend->member, &BACKEND, backend->since + worker->crew->connect_ms);
    return backend;
}
