/* A passage: a TLS stream on one side, one end of a socket pair on the other.
 *
 * Every event of either socket makes it go on: the handshake first, then in each direction
 * "write what is held, else read and write" until a call says EAGAIN. Both sockets are registered
 * edge-triggered for everything, so whatever said EAGAIN tells when it is worth another try, and it
 * need not be remembered who waits for what (a TLS read may wait until the socket can be written).
 *
 * An end of one side's stream is passed on as one (close_notify and FIN, or FIN) when everything
 * before it was; the passage is over when both have ended, at an error, or when it was silent for
 * too long. What always has more to move gives way to the others of its batch by a task.
 *
 * Invariant: an ended passage is freed in passages_settle only; until then events of the same batch
 * and its task may name it. */
#include "lb/tls_passage.h"

#include "lb/tls_gate.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    TURNS = 16, /* moves in a direction before others get their turn */
    HANDSHAKE_MS = GATE_HANDSHAKE_SECONDS * 1000,
    LINGER_MS = 5000, /* for the client's end after ours was sent */
};

/* One direction: what was read and could not be written yet. */
typedef struct Flow {
    char *held; /* from malloc; NULL: nothing */
    size_t n, at;
    bool ended; /* the source's end was read */
    bool shut;  /* and passed on */
} Flow;

struct Passage {
    Links links; /* in shelf->open or shelf->ended */
    PassageShelf *shelf;
    Source outer_source, inner_source;
    int outer, inner; /* inner: -1 before the handshake is done */
    uint32_t client;
    TlsStream *tls;
    Flow in, out; /* from and to the client */
    Timer timer;  /* the time it has at least */
    int64_t active_at;
    Task again;
    bool posted; /* again is in the loop's queue */
    bool over;
};

static void flow_clear(Flow *flow)
{
    g_clear_pointer(&flow->held, g_free);
    flow->n = flow->at = 0;
}

static void end(Passage *passage)
{
    PassageShelf *shelf = passage->shelf;
    passage->over = true;
    g_clear_pointer(&passage->tls, tls_free);
    close(passage->outer);
    if (passage->inner >= 0)
        close(passage->inner);
    flow_clear(&passage->in);
    flow_clear(&passage->out);
    timers_unset(&shelf->timers, &passage->timer);
    links_remove(&passage->links);
    links_append(&shelf->ended, &passage->links);
    atomic_fetch_sub_explicit(shelf->connections, 1, memory_order_relaxed);
}

/* ---- moving bytes: each gives bytes, 0 at a stream's end, or -errno ---- */

static ssize_t read_inner(Passage *passage, char *bytes, size_t n)
{
    ssize_t got = recv(passage->inner, bytes, n, 0);
    return got < 0 ? -errno : got;
}

static ssize_t write_inner(Passage *passage, const char *bytes, size_t n)
{
    ssize_t sent = send(passage->inner, bytes, n, MSG_NOSIGNAL);
    return sent < 0 ? -errno : sent;
}

static ssize_t read_some(Passage *passage, bool inwards)
{
    char *scratch = passage->shelf->scratch;
    return inwards ? tls_read(passage->tls, scratch, PASSAGE_SCRATCH)
                   : read_inner(passage, scratch, PASSAGE_SCRATCH);
}

static ssize_t write_some(Passage *passage, bool inwards, const char *bytes, size_t n)
{
    return inwards ? write_inner(passage, bytes, n) : tls_write(passage->tls, bytes, n);
}

static int pass_end(Passage *passage, bool inwards)
{
    if (inwards)
        return shutdown(passage->inner, SHUT_WR) < 0 ? -errno : 0;
    int r = tls_shutdown(passage->tls);
    if (r < 0)
        return r;
    shutdown(passage->outer, SHUT_WR);
    timers_set(&passage->shelf->timers, &passage->timer, passage->shelf->loop.now_ms + LINGER_MS);
    return 0;
}

/* 0: nothing is held any more; else -errno. */
static int write_held(Passage *passage, Flow *flow, bool inwards)
{
    while (flow->held) {
        ssize_t n = write_some(passage, inwards, flow->held + flow->at, flow->n - flow->at);
        if (n < 0)
            return (int)n;
        flow->at += (size_t)n;
        if (flow->at == flow->n)
            flow_clear(flow);
    }
    return 0;
}

/* One step: 0, or -errno (-EAGAIN: it goes on at the next event). */
static int move(Passage *passage, Flow *flow, bool inwards)
{
    int r = write_held(passage, flow, inwards);
    if (r < 0)
        return r;
    if (flow->ended) {
        r = flow->shut ? -EAGAIN : pass_end(passage, inwards);
        flow->shut |= r == 0;
        return r < 0 ? r : -EAGAIN;
    }
    ssize_t got = read_some(passage, inwards);
    if (got < 0)
        return (int)got;
    if (got == 0) {
        flow->ended = true;
        return 0;
    }
    passage->active_at = passage->shelf->loop.now_ms;
    ssize_t sent = write_some(passage, inwards, passage->shelf->scratch, (size_t)got);
    if (sent < 0 && sent != -EAGAIN)
        return (int)sent;
    sent = MAX(sent, 0);
    if (sent < got) {
        *flow = (Flow){.n = (size_t)(got - sent),
                       .held = g_memdup2(passage->shelf->scratch + sent, (size_t)(got - sent))};
    }
    return 0;
}

/* 0, or -errno when the passage is to end. *ret_more: it ran out of turns. */
static int pump(Passage *passage, Flow *flow, bool inwards, bool *ret_more)
{
    for (unsigned turns = 0; turns < TURNS; turns++) {
        int r = move(passage, flow, inwards);
        if (r < 0)
            return r == -EAGAIN ? 0 : r;
    }
    *ret_more = true;
    return 0;
}

/* ---- life ---- */

static void inner_ready(Loop *loop, Source *source, uint32_t events);

/* Gives one end of a new pair away. 0 or -errno. */
static int open_inner(Passage *passage)
{
    PassageShelf *shelf = passage->shelf;
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    passage->inner = pair[0];
    int r = loop_watch(&shelf->loop, passage->inner, &passage->inner_source,
                       EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
    if (r < 0) {
        close(pair[1]);
        return r;
    }
    return shelf->take(shelf->data, pair[1], passage->client);
}

/* 0, -EAGAIN or another -errno. */
static int shake_hands(Passage *passage)
{
    int r = tls_handshake(passage->tls);
    if (r < 0)
        return r;
    passage->active_at = passage->shelf->loop.now_ms;
    timers_set(&passage->shelf->timers, &passage->timer,
               passage->active_at + passage->shelf->idle_ms);
    return open_inner(passage);
}

static void go_on(Passage *passage)
{
    bool more = false;
    int r = passage->inner < 0 ? shake_hands(passage) : 0;
    if (r == -EAGAIN)
        return;
    if (r == 0)
        r = pump(passage, &passage->in, true, &more);
    if (r == 0)
        r = pump(passage, &passage->out, false, &more);
    if (r < 0 || (passage->in.shut && passage->out.shut)) {
        end(passage);
    } else if (more && !passage->posted) {
        passage->posted = true;
        loop_post(&passage->shelf->loop, &passage->again);
    }
}

static void again(Loop *loop, Task *task)
{
    Passage *passage = container_of(task, Passage, again);
    passage->posted = false;
    if (!passage->over)
        go_on(passage);
}

static void outer_ready(Loop *loop, Source *source, uint32_t events)
{
    Passage *passage = container_of(source, Passage, outer_source);
    if (!passage->over)
        go_on(passage);
}

static void inner_ready(Loop *loop, Source *source, uint32_t events)
{
    Passage *passage = container_of(source, Passage, inner_source);
    if (!passage->over)
        go_on(passage);
}

void passage_start(PassageShelf *shelf, TlsContext *context, int fd, uint32_t client)
{
    Passage *passage = g_new0(Passage, 1);
    *passage = (Passage){
        .shelf = shelf,
        .outer_source.ready = outer_ready,
        .inner_source.ready = inner_ready,
        .outer = fd,
        .inner = -1,
        .client = client,
        .tls = tls_accept(context, fd),
        .again.run = again,
    };
    links_append(&shelf->open, &passage->links);
    timers_set(&shelf->timers, &passage->timer, shelf->loop.now_ms + HANDSHAKE_MS);
    if (!passage->tls || loop_watch(&shelf->loop, fd, &passage->outer_source,
                                    EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET) < 0)
        end(passage);
}

/* Those that were active meanwhile are looked at again when they may be idle for long enough. */
static void end_idle(PassageShelf *shelf)
{
    int64_t now = shelf->loop.now_ms;
    for (Timer *first; (first = timers_first(&shelf->timers)) && first->at <= now;) {
        Passage *passage = container_of(first, Passage, timer);
        bool fixed = passage->inner < 0 || passage->out.shut;
        int64_t until = fixed ? now : passage->active_at + shelf->idle_ms;
        if (until > now)
            timers_set(&shelf->timers, first, until);
        else
            end(passage);
    }
}

void passages_settle(PassageShelf *shelf)
{
    end_idle(shelf);
    for (Links *links = shelf->ended.next, *next; links != &shelf->ended; links = next) {
        next = links->next;
        Passage *passage = container_of(links, Passage, links);
        if (passage->posted)
            continue;
        links_remove(links);
        g_free(passage);
    }
}

void passages_end_all(PassageShelf *shelf)
{
    while (!links_empty(&shelf->open))
        end(container_of(shelf->open.next, Passage, links));
    while (!links_empty(&shelf->ended)) {
        Passage *passage = container_of(shelf->ended.next, Passage, links);
        links_remove(&passage->links);
        g_free(passage);
    }
}
