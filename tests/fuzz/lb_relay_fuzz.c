/* The HTTP relay's state machine, over real sockets, in one thread: the input says who does what in
 * which order. Whatever happens, the back end only ever sees requests that the strict parser takes,
 * and in the end nothing is left: no connection, no member, no byte.
 *
 * An input is a list of steps, each a byte that tells what, a byte that tells how much, and as many
 * bytes to send. */
#include "lb/http_body.h"
#include "lb/http_client.h"
#include "lb/http_stock.h"
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LOOPBACK = 0x7f000001, CLIENTS = 2, SERVED = 4 };

/* What a back end makes of what it gets. */
typedef struct Reader {
    GByteArray *bytes;
    bool lost; /* no more is known: a tunnel may have begun, or the stream was cut */
} Reader;

typedef struct Scene {
    Crew crew;
    Balancer *balancer;
    Listener *listener;
    int server;
    int clients[CLIENTS];
    int served[SERVED];
    Reader readers[SERVED];
    Task stop;
    bool answered_101;
} Scene;

static int no_settle(Loop *loop)
{
    Worker *worker = container_of(loop, Worker, loop);
    members_run_deferred(worker);
    return 0;
}

static void stop_task(Loop *loop, Task *task)
{
    loop_stop(loop);
}

/* One batch of events. */
static void turn(Scene *scene)
{
    Loop *loop = &scene->crew.workers->loop;
    loop->stopping = false;
    loop_post(loop, &scene->stop);
    loop_run(loop);
}

static int listen_anywhere(uint16_t *ret_port)
{
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(LOOPBACK)};
    socklen_t size = sizeof where;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    g_assert(fd >= 0 && bind(fd, (struct sockaddr *)&where, size) == 0 && listen(fd, 64) == 0);
    g_assert(getsockname(fd, (struct sockaddr *)&where, &size) == 0);
    *ret_port = ntohs(where.sin_port);
    return fd;
}

static void scene_open(Scene *scene, Arena *arena)
{
    uint16_t port;
    *scene = (Scene){.stop.run = stop_task};
    scene->crew = (Crew){.n = 1, .max_connections = 1000, .idle_ms = 60000, .connect_ms = 10000};
    scene->crew.workers = g_new0(Worker, 1);
    g_assert(worker_init(scene->crew.workers, &scene->crew) == 0);
    scene->crew.workers->loop.settle = no_settle;
    scene->server = listen_anywhere(&port);
    scene->balancer = balancer_new(&scene->crew, "fuzz");
    LbTarget *target = arena_new_struct(arena, LbTarget);
    *target = (LbTarget){.address = LOOPBACK, .port = port, .id = "i-1"};
    LbListener listener = {.address = LOOPBACK,
                           .port = 80,
                           .protocol = LB_HTTP,
                           .target_protocol = LB_HTTP,
                           .stickiness = LB_STICKY_BALANCER,
                           .target_connections = 1,
                           .log_name = "fuzz",
                           .balancer = "fuzz"};
    list_add(&listener.targets, arena, target);
    Rules *rules = rules_new(scene->balancer, &listener, NULL, NULL);
    scene->listener = listener_new(&listener, scene->balancer, rules);
    for (int i = 0; i < CLIENTS; i++)
        scene->clients[i] = -1;
    for (int i = 0; i < SERVED; i++)
        scene->served[i] = -1;
}

static void close_served(Scene *scene, int i)
{
    if (scene->served[i] < 0)
        return;
    close(scene->served[i]);
    scene->served[i] = -1;
    g_byte_array_unref(g_steal_pointer(&scene->readers[i].bytes));
}

static void accept_all(Scene *scene)
{
    int fd;
    while ((fd = accept4(scene->server, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        int place = 0;
        while (place < SERVED && scene->served[place] >= 0)
            place++;
        if (place == SERVED) {
            close(fd);
            continue;
        }
        scene->served[place] = fd;
        scene->readers[place] = (Reader){.bytes = g_byte_array_new()};
    }
}

/* Takes whole requests off what came; asserts that each is a good one. */
static void check_requests(Reader *reader)
{
    static HttpHead head;
    while (reader->bytes->len) {
        HttpScan scan = {0};
        HttpBody body;
        uint32_t size;
        size_t used, out, rest;
        char *bytes = (char *)reader->bytes->data;
        g_assert(http_scan(&scan, bytes, reader->bytes->len, false, &size) == HTTP_GOOD);
        if (!size)
            return;
        g_assert(http_parse_request(bytes, size, &head) == HTTP_GOOD);
        rest = reader->bytes->len - size;
        http_body_init(&body, head.framing, head.length, false);
        g_assert(http_body_take(&body, bytes + size, rest, &used, &out));
        if (!body.done)
            return;
        g_byte_array_remove_range(reader->bytes, 0, size + (guint)used);
    }
}

static void check_reader(Scene *scene, Reader *reader, int fd)
{
    uint8_t bytes[4096];
    ssize_t n;
    while ((n = recv(fd, bytes, sizeof bytes, 0)) > 0)
        g_byte_array_append(reader->bytes, bytes, (guint)n);
    reader->lost |= scene->answered_101;
    if (!reader->lost)
        check_requests(reader);
}

static void read_all(Scene *scene)
{
    char bytes[4096];
    accept_all(scene);
    for (int i = 0; i < SERVED; i++) {
        if (scene->served[i] >= 0)
            check_reader(scene, &scene->readers[i], scene->served[i]);
    }
    for (int i = 0; i < CLIENTS; i++) {
        while (scene->clients[i] >= 0 && recv(scene->clients[i], bytes, sizeof bytes, 0) > 0)
            ;
    }
}

static void open_client(Scene *scene, int i)
{
    Worker *worker = scene->crew.workers;
    int fds[2];
    if (scene->clients[i] >= 0)
        close(scene->clients[i]);
    g_assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    scene->clients[i] = fds[0];
    atomic_fetch_add(&worker->connections, 1);
    atomic_fetch_add(&scene->crew.connections, 1);
    http_start(worker, scene->listener, fds[1], LOOPBACK, 1234);
}

static void cut(int fd)
{
    struct linger now = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

static void send_some(int fd, const uint8_t *bytes, size_t n)
{
    ssize_t ignored = fd >= 0 ? send(fd, bytes, n, MSG_NOSIGNAL) : 0;
    (void)ignored;
}

static void act(Scene *scene, uint8_t what, const uint8_t *bytes, size_t n)
{
    int client = what >> 4 & 1, served = what >> 4 & 3;
    switch (what & 15) {
    case 0 ... 4:
        if (scene->clients[client] < 0)
            open_client(scene, client);
        send_some(scene->clients[client], bytes, n);
        break;
    case 5 ... 9:
        scene->answered_101 |= memmem(bytes, n, "101", 3) != NULL;
        send_some(scene->served[served], bytes, n);
        break;
    case 10:
        if (scene->clients[client] >= 0)
            shutdown(scene->clients[client], SHUT_WR);
        break;
    case 11:
        if (scene->clients[client] >= 0)
            close(scene->clients[client]);
        scene->clients[client] = -1;
        break;
    case 12:
        close_served(scene, served);
        break;
    case 13:
        if (scene->served[served] >= 0)
            cut(scene->served[served]);
        close_served(scene, served);
        break;
    case 14:
        if (scene->served[served] >= 0)
            shutdown(scene->served[served], SHUT_WR);
        break;
    default:
        scene->crew.workers->loop.now_ms += 61000;
        members_sweep(scene->crew.workers);
        break;
    }
}

static void scene_close(Scene *scene)
{
    Worker *worker = scene->crew.workers;
    for (int i = 0; i < CLIENTS; i++) {
        if (scene->clients[i] >= 0)
            close(scene->clients[i]);
    }
    for (int i = 0; i < SERVED; i++)
        close_served(scene, i);
    close(scene->server);
    members_end_all(worker);
    g_assert(atomic_load(&scene->crew.connections) == 0);
    g_assert(worker->wheel.n == 0);
    g_assert(atomic_load(&scene->balancer->waiting) == 0);
    turn(scene); /* a kick may be under way */
    listener_free(scene->listener);
    LbBalancerCounts counts;
    g_autoptr(Arena) arena = arena_new();
    balancer_counts(scene->balancer, true, arena, &counts);
    LIST_EACH (const LbTargetCounts *, target, &counts.targets)
        g_assert(target->outstanding == 0);
    balancer_free(scene->balancer);
    worker_release(worker);
    g_free(worker);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(Arena) arena = arena_new();
    Scene scene;
    signal(SIGPIPE, SIG_IGN);
    scene_open(&scene, arena);
    for (size_t at = 0; at + 2 <= size;) {
        uint8_t what = data[at];
        size_t n = MIN(data[at + 1], size - at - 2);
        act(&scene, what, data + at + 2, n);
        at += 2 + n;
        turn(&scene);
        turn(&scene);
        read_all(&scene);
    }
    scene_close(&scene);
    return 0;
}
