/* Threads and listening sockets of a gate. Every loop watches every socket; who accepts a
 * connection keeps it.
 *
 * Invariant: listening sockets and the gate itself go only after all threads have ended. */
#include "lb/tls_gate.h"

#include "lb/tls_passage.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    DEFAULT_IDLE_SECONDS = 300,
    DEFAULT_CONNECTIONS = 4096,
    RESUME_MS = 100, /* how long accepting stops when descriptors ran out */
    ACCEPT_BATCH = 16,
};

typedef struct GateLoop {
    PassageShelf shelf;
    TlsGate *gate;
    pthread_t thread;
    GPtrArray *paused; /* of GateSocket *: not watched for now */
    int64_t paused_at;
    Task stop;
} GateLoop;

typedef struct GateSocket {
    Source source; /* shared by all loops */
    TlsGate *gate;
    int fd;
} GateSocket;

struct TlsGate {
    GateLoop *loops;
    unsigned n;
    unsigned max_connections;
    _Atomic unsigned connections;
    pthread_mutex_t lock; /* guards context and sockets */
    TlsContext *context;
    GPtrArray *sockets; /* of GateSocket * */
};

static GateLoop *gate_loop_of(Loop *loop)
{
    return container_of(loop, GateLoop, shelf.loop);
}

static TlsContext *gate_context(TlsGate *gate)
{
    pthread_mutex_lock(&gate->lock);
    TlsContext *context = tls_context_ref(gate->context);
    pthread_mutex_unlock(&gate->lock);
    return context;
}

/* ---- accepting ---- */

/* Out of descriptors or memory: the socket stays readable, so watching it would spin. */
static void pause_socket(GateLoop *here, GateSocket *socket)
{
    loop_forget(&here->shelf.loop, socket->fd);
    g_ptr_array_add(here->paused, socket);
    here->paused_at = here->shelf.loop.now_ms;
}

static int watch_socket(GateLoop *here, GateSocket *socket)
{
    return loop_watch(&here->shelf.loop, socket->fd, &socket->source, EPOLLIN | EPOLLEXCLUSIVE);
}

static void resume_paused(GateLoop *here)
{
    for (unsigned i = here->paused->len; i-- > 0;) {
        if (watch_socket(here, here->paused->pdata[i]) == 0)
            g_ptr_array_remove_index_fast(here->paused, i);
    }
    here->paused_at = here->shelf.loop.now_ms;
}

static void admit(GateLoop *here, int fd, uint32_t client)
{
    TlsGate *gate = here->gate;
    int one = 1;
    if (atomic_fetch_add(&gate->connections, 1) >= gate->max_connections) {
        atomic_fetch_sub(&gate->connections, 1);
        close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    g_autoptr(TlsContext) context = gate_context(gate);
    passage_start(&here->shelf, context, fd, client);
}

static void socket_ready(Loop *loop, Source *source, uint32_t events)
{
    GateLoop *here = gate_loop_of(loop);
    GateSocket *socket = container_of(source, GateSocket, source);
    for (unsigned i = 0; i < ACCEPT_BATCH; i++) {
        struct sockaddr_in client;
        socklen_t size = sizeof client;
        int fd =
            accept4(socket->fd, (struct sockaddr *)&client, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            admit(here, fd, ntohl(client.sin_addr.s_addr));
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            pause_socket(here, socket);
        if (errno != ECONNABORTED && errno != EINTR)
            break;
    }
}

int tls_gate_listen(TlsGate *gate, int fd)
{
    GateSocket *socket = g_new0(GateSocket, 1);
    *socket = (GateSocket){.source.ready = socket_ready, .gate = gate, .fd = fd};
    pthread_mutex_lock(&gate->lock);
    /* Even on failure: some loops may know it already. */
    g_ptr_array_add(gate->sockets, socket);
    int r = 0;
    for (unsigned i = 0; i < gate->n && r == 0; i++)
        r = watch_socket(&gate->loops[i], socket);
    pthread_mutex_unlock(&gate->lock);
    return r;
}

void tls_gate_set_context(TlsGate *gate, TlsContext *context)
{
    pthread_mutex_lock(&gate->lock);
    TlsContext *old = gate->context;
    gate->context = tls_context_ref(context);
    pthread_mutex_unlock(&gate->lock);
    tls_context_unref(old);
}

unsigned tls_gate_connections(const TlsGate *gate)
{
    return atomic_load_explicit(&gate->connections, memory_order_relaxed);
}

/* ---- threads ---- */

static int settle(Loop *loop)
{
    GateLoop *here = gate_loop_of(loop);
    passages_settle(&here->shelf);
    if (here->paused->len && loop->now_ms - here->paused_at >= RESUME_MS)
        resume_paused(here);
    if (here->paused->len)
        return RESUME_MS;
    const Timer *first = timers_first(&here->shelf.timers);
    return first ? (int)CLAMP(first->at - loop->now_ms, 1, 60000) : -1;
}

static void *gate_main(void *data)
{
    GateLoop *here = data;
    pthread_setname_np(pthread_self(), "https");
    loop_run(&here->shelf.loop);
    passages_end_all(&here->shelf);
    return NULL;
}

static void stop_task(Loop *loop, Task *task)
{
    loop_stop(loop);
}

static void release_loop(GateLoop *here)
{
    timers_release(&here->shelf.timers);
    g_ptr_array_unref(here->paused);
    loop_release(&here->shelf.loop);
}

/* 0 or -errno, and then there is nothing to release. Signals are for other threads; OpenSSL writes
 * in a way that would raise SIGPIPE. */
static int start_loop(TlsGate *gate, GateLoop *here, const TlsGateOptions *options)
{
    here->gate = gate;
    int r = loop_init(&here->shelf.loop, settle);
    if (r < 0)
        return r;
    timers_init(&here->shelf.timers);
    links_init(&here->shelf.open);
    links_init(&here->shelf.ended);
    here->shelf.idle_ms =
        (options->idle_seconds ? options->idle_seconds : DEFAULT_IDLE_SECONDS) * 1000;
    here->shelf.take = options->take;
    here->shelf.data = options->data;
    here->shelf.connections = &gate->connections;
    here->paused = g_ptr_array_new();
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    r = -pthread_create(&here->thread, NULL, gate_main, here);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (r < 0)
        release_loop(here);
    return r;
}

static void socket_free(void *data)
{
    GateSocket *socket = data;
    close(socket->fd);
    g_free(socket);
}

int tls_gate_open(const TlsGateOptions *options, TlsContext *context, TlsGate **ret_gate)
{
    TlsGate *gate = g_new0(TlsGate, 1);
    unsigned threads = MAX(options->threads, 1);
    gate->max_connections =
        options->max_connections ? options->max_connections : DEFAULT_CONNECTIONS;
    gate->context = tls_context_ref(context);
    gate->sockets = g_ptr_array_new_with_free_func(socket_free);
    gate->loops = g_new0(GateLoop, threads);
    pthread_mutex_init(&gate->lock, NULL);
    for (; gate->n < threads; gate->n++) {
        int r = start_loop(gate, &gate->loops[gate->n], options);
        if (r < 0) {
            tls_gate_close(gate);
            return r;
        }
    }
    *ret_gate = gate;
    return 0;
}

void tls_gate_close(TlsGate *gate)
{
    if (!gate)
        return;
    for (unsigned i = 0; i < gate->n; i++) {
        gate->loops[i].stop.run = stop_task;
        loop_post(&gate->loops[i].shelf.loop, &gate->loops[i].stop);
    }
    for (unsigned i = 0; i < gate->n; i++) {
        pthread_join(gate->loops[i].thread, NULL);
        release_loop(&gate->loops[i]);
    }
    g_ptr_array_unref(gate->sockets);
    tls_context_unref(gate->context);
    pthread_mutex_destroy(&gate->lock);
    g_free(gate->loops);
    g_free(gate);
}
