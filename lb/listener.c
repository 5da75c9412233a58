/* Accepting.
 *
 * One socket a listener, in every loop with EPOLLEXCLUSIVE. EPOLLEXCLUSIVE alone favours the loop
 * that registered first, which crew_choose evens out. The alternatives lost: SO_REUSEPORT sockets,
 * one for each loop, cost 2 to 7 % less CPU per connection, but listeners x threads descriptors
 * (5,000 rules on 16 cores: four times this host's limit), distribute by a hash that knows nothing
 * of load, and reset queued clients when one of them closes. A listener that belongs to one loop
 * confines a busy one to one core.
 *
 * A wake-up accepts as many as the last one found (at least one), so that the usual case makes no
 * failing call; the socket is level-triggered, the rest comes with the next event. */
#include "lb/listener.h"

#include "lb/http_client.h"
#include "lb/relay.h"
#include "lb/socket.h"
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ACCEPT_BATCH_MAX = 64 };

typedef struct Handover {
    Task task;
    Listener *listener;
    int fd;
    uint32_t client;
    uint16_t client_port;
} Handover;

/* Takes fd. */
static void start(Worker *worker, Listener *listener, int fd, uint32_t client, uint16_t port)
{
    if (listener->protocol == LB_HTTP || listener->protocol == LB_HTTPS)
        http_start(worker, listener, fd, client, port);
    else
        relay_start(worker, listener, fd, client, port);
}

static void handover_task(Loop *loop, Task *task)
{
    Handover *handover = container_of(task, Handover, task);
    Worker *worker = container_of(loop, Worker, loop);
    start(worker, handover->listener, handover->fd, handover->client, handover->client_port);
    g_free(handover);
}

/* Takes fd. */
static void admit(Worker *worker, Listener *listener, int fd, uint32_t client, uint16_t port)
{
    Crew *crew = worker->crew;
    const Rules *rules = listener_rules(listener);
    bool allowed = rules && rules_allow(rules, client);
    if (!allowed ||
        atomic_load_explicit(&crew->connections, memory_order_relaxed) >= crew->max_connections) {
        counter_add(&worker->refused, 1);
        socket_reset(fd);
        return;
    }
    counter_add(&worker->accepted, 1);
    Worker *chosen = crew_choose(worker);
    atomic_fetch_add_explicit(&crew->connections, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&chosen->connections, 1, memory_order_relaxed);
    if (chosen == worker) {
        start(worker, listener, fd, client, port);
        return;
    }
    Handover *handover = g_new0(Handover, 1);
    *handover = (Handover){.task.run = handover_task,
                           .listener = listener,
                           .fd = fd,
                           .client = client,
                           .client_port = port};
    loop_post(&chosen->loop, &handover->task);
}

/* Out of descriptors or memory: the socket stays readable, so watching it would spin. Clients wait
 * in the backlog. */
static void pause_accepting(Worker *worker, Listener *listener)
{
    loop_forget(&worker->loop, listener->fd);
    g_ptr_array_add(worker->paused, listener);
    worker->paused_at = worker->loop.now_ms;
}

static void listener_ready(Loop *loop, Source *source, uint32_t events)
{
    Worker *worker = container_of(loop, Worker, loop);
    Listener *listener = container_of(source, Listener, source);
    unsigned n = 0;
    for (; n < worker->accept_batch; n++) {
        struct sockaddr_in client;
        socklen_t size = sizeof client;
        int fd =
            accept4(listener->fd, (struct sockaddr *)&client, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            admit(worker, listener, fd, ntohl(client.sin_addr.s_addr), ntohs(client.sin_port));
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            pause_accepting(worker, listener);
        if (errno != ECONNABORTED && errno != EINTR)
            break;
    }
    if (n < worker->accept_batch)
        worker->accept_batch = MAX(n, 1);
    else if (worker->accept_batch < ACCEPT_BATCH_MAX)
        worker->accept_batch++;
}

Listener *listener_new(const LbListener *wanted, Balancer *balancer, Rules *rules)
{
    Listener *listener = g_new0(Listener, 1);
    listener->source.ready = listener_ready;
    listener->fd = -1;
    listener->address = wanted->address;
    listener->port = wanted->port;
    listener->protocol = wanted->protocol;
    listener->balancer = balancer;
    balancer->listeners++;
    atomic_init(&listener->rules, rules);
    return listener;
}

void listener_free(Listener *listener)
{
    if (!listener)
        return;
    if (listener->fd >= 0)
        close(listener->fd);
    listener->balancer->listeners--;
    rules_free(atomic_load(&listener->rules));
    g_free(listener);
}

int listener_open(Listener *listener)
{
    int fd = socket_listen(listener->address, listener->port);
    if (fd < 0)
        return fd;
    listener->fd = fd;
    return 0;
}

static int watch(Listener *listener, Worker *worker)
{
    return loop_watch(&worker->loop, listener->fd, &listener->source, EPOLLIN | EPOLLEXCLUSIVE);
}

int listener_watch(Listener *listener, Crew *crew)
{
    for (unsigned i = 0; i < crew->n; i++) {
        int r = watch(listener, &crew->workers[i]);
        if (r < 0)
            return r;
    }
    return 0;
}

void listener_forget(Listener *listener, Worker *worker)
{
    loop_forget(&worker->loop, listener->fd);
    g_ptr_array_remove_fast(worker->paused, listener);
}

void listener_resume_paused(Worker *worker)
{
    for (unsigned i = worker->paused->len; i-- > 0;) {
        /* Fails for want of kernel memory only; then it stays paused. */
        if (watch(g_ptr_array_index(worker->paused, i), worker) == 0)
            g_ptr_array_remove_index_fast(worker->paused, i);
    }
    worker->paused_at = worker->loop.now_ms;
}
