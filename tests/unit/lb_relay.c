/* lb/relay.c: what happens to the bytes and the ends of a connection. */
#include "tests/unit/lb_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* One listener, one server behind it, one connection. */
typedef struct Pair {
    Fixture fixture;
    LbListener *listener;
    int server, client, served;
} Pair;

static void pair_open_with(Pair *pair, const LbOptions *options)
{
    uint16_t port;
    pair->server = server_open(&port);
    fixture_open(&pair->fixture, options);
    pair->listener = fixture_listener(&pair->fixture, port);
    fixture_apply(&pair->fixture, 0);
    pair->client = client_open(pair->listener->port);
    pair->served = server_accept(pair->server);
}

static void pair_open(Pair *pair)
{
    pair_open_with(pair, &(LbOptions){.threads = 2});
}

static void pair_close(Pair *pair)
{
    close(pair->client);
    close(pair->served);
    close(pair->server);
    fixture_close(&pair->fixture);
}

static void bytes_go_both_ways(void **state)
{
    Pair p;
    pair_open(&p);
    expect_connected(p.client, p.served);
    send_text(p.served, "server speaks first next time");
    expect_text(p.client, "server speaks first next time");
    pair_close(&p);
}

static void client_may_end_its_half_and_still_get_the_answer(void **state)
{
    Pair p;
    pair_open(&p);
    send_text(p.client, "request");
    shutdown(p.client, SHUT_WR);
    expect_text(p.served, "request");
    expect_end(p.served);
    send_text(p.served, "late answer");
    close(p.served);
    expect_text(p.client, "late answer");
    expect_end(p.client);
    p.served = -1;
    fixture_wait_stat(&p.fixture, connections, 0);
    pair_close(&p);
}

static void target_may_end_its_half_and_still_get_data(void **state)
{
    Pair p;
    pair_open(&p);
    shutdown(p.served, SHUT_WR);
    expect_end(p.client);
    send_text(p.client, "still here");
    expect_text(p.served, "still here");
    pair_close(&p);
}

static void client_that_ends_at_once_is_served(void **state)
{
    Pair p;
    pair_open(&p);
    int client = client_open(p.listener->port);
    send_text(client, "all I have");
    shutdown(client, SHUT_WR);
    int served = server_accept(p.server);
    expect_text(served, "all I have");
    expect_end(served);
    close(served);
    expect_end(client);
    close(client);
    pair_close(&p);
}

static void reset_of_the_target_reaches_the_client(void **state)
{
    Pair p;
    pair_open(&p);
    struct linger now = {.l_onoff = 1};
    setsockopt(p.served, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(p.served);
    p.served = -1;
    expect_reset(p.client);
    fixture_wait_stat(&p.fixture, connections, 0);
    pair_close(&p);
}

static void reset_of_the_client_reaches_the_target(void **state)
{
    Pair p;
    pair_open(&p);
    struct linger now = {.l_onoff = 1};
    setsockopt(p.client, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(p.client);
    p.client = -1;
    expect_reset(p.served);
    pair_close(&p);
}

/* The relay must not swallow what the reader does not take: the writer stops. */
static size_t write_until_full(int fd, size_t limit)
{
    static char block[1 << 16];
    size_t sent = 0;
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    while (sent < limit && poll(&p, 1, 500) == 1) {
        ssize_t n = send(fd, block, sizeof block, MSG_NOSIGNAL | MSG_DONTWAIT);
        assert_true(n > 0 || errno == EAGAIN);
        sent += n > 0 ? (size_t)n : 0;
    }
    return sent;
}

static size_t read_bytes(int fd, size_t wanted)
{
    static char block[1 << 16];
    size_t got = 0;
    while (got < wanted) {
        wait_for(fd, POLLIN);
        ssize_t n = recv(fd, block, sizeof block, 0);
        assert_true(n > 0);
        got += (size_t)n;
    }
    return got;
}

static void slow_reader_holds_the_writer_back(void **state)
{
    Pair p;
    pair_open(&p);
    size_t limit = 256 << 20, sent = write_until_full(p.client, limit);
    assert_true(sent < limit);
    assert_int_equal(read_bytes(p.served, sent), sent);
    expect_connected(p.client, p.served);
    pair_close(&p);
}

static void slow_reader_does_not_hold_the_other_direction(void **state)
{
    Pair p;
    pair_open(&p);
    size_t sent = write_until_full(p.served, 256 << 20);
    send_text(p.client, "unhindered");
    expect_text(p.served, "unhindered");
    assert_int_equal(read_bytes(p.client, sent), sent);
    pair_close(&p);
}

static void reader_that_leaves_frees_what_was_held(void **state)
{
    Pair p;
    pair_open(&p);
    write_until_full(p.client, 256 << 20);
    close(p.served);
    p.served = -1;
    fixture_wait_stat(&p.fixture, connections, 0);
    pair_close(&p);
}

/* A stream whose every byte depends on its place and on seed. */
static uint8_t byte_at(uint64_t at, uint8_t seed)
{
    uint64_t x = (at / 8 + seed) * 0x9e3779b97f4a7c15u;
    return (uint8_t)(x >> (at % 8 * 8));
}

typedef struct Stream {
    int in, out;
    uint64_t bytes;
    uint8_t seed;
    bool intact;
} Stream;

static gpointer write_stream(gpointer data)
{
    Stream *s = data;
    static const size_t sizes[] = {1, 100, 65536, 7, 300000, 1448, 1 << 20};
    g_autofree uint8_t *block = g_malloc(1 << 20);
    for (uint64_t at = 0, i = 0; at < s->bytes; i++) {
        size_t n = MIN(sizes[i % G_N_ELEMENTS(sizes)], s->bytes - at);
        for (size_t k = 0; k < n; k++)
            block[k] = byte_at(at + k, s->seed);
        for (size_t done = 0; done < n;) {
            ssize_t r = send(s->out, block + done, n - done, MSG_NOSIGNAL);
            if (r <= 0)
                return NULL;
            done += (size_t)r;
        }
        at += n;
    }
    shutdown(s->out, SHUT_WR);
    return NULL;
}

static gpointer read_stream(gpointer data)
{
    Stream *s = data;
    g_autofree uint8_t *block = g_malloc(1 << 18);
    uint64_t at = 0;
    ssize_t n;
    s->intact = true;
    while ((n = recv(s->in, block, 1 << 18, 0)) > 0) {
        for (ssize_t k = 0; k < n; k++)
            s->intact &= block[k] == byte_at(at + (uint64_t)k, s->seed);
        at += (uint64_t)n;
    }
    s->intact &= n == 0 && at == s->bytes;
    return NULL;
}

static void big_transfers_both_ways_at_once_arrive_intact(void **state)
{
    Pair p;
    pair_open(&p);
    struct timeval limit = {.tv_sec = 20};
    setsockopt(p.client, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(p.served, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    Stream up = {.in = p.served, .out = p.client, .bytes = 100000007, .seed = 1};
    Stream down = {.in = p.client, .out = p.served, .bytes = 90000001, .seed = 2};
    GThread *threads[] = {
        g_thread_new("up-w", write_stream, &up),
        g_thread_new("up-r", read_stream, &up),
        g_thread_new("down-w", write_stream, &down),
        g_thread_new("down-r", read_stream, &down),
    };
    for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
        g_thread_join(threads[i]);
    assert_true(up.intact);
    assert_true(down.intact);
    fixture_wait_stat(&p.fixture, bytes_in, up.bytes);
    fixture_wait_stat(&p.fixture, bytes_out, down.bytes);
    fixture_wait_stat(&p.fixture, connections, 0);
    pair_close(&p);
}

static void data_behind_an_urgent_byte_is_not_forgotten(void **state)
{
    Pair p;
    pair_open(&p);
    assert_int_equal(send(p.client, "abc!", 4, MSG_OOB), 4);
    send_text(p.client, "def");
    expect_text(p.served, "abcdef");
    pair_close(&p);
}

static void client_of_a_target_that_refuses_is_reset(void **state)
{
    Pair p;
    pair_open(&p);
    LbListener *dead = fixture_listener(&p.fixture, free_port());
    fixture_apply(&p.fixture, 0);
    int client = client_open(dead->port);
    expect_reset(client);
    close(client);
    fixture_wait_stat(&p.fixture, failed, 1);
    expect_connected(p.client, p.served);
    pair_close(&p);
}

static void client_of_no_target_is_reset(void **state)
{
    Pair p;
    pair_open(&p);
    LbListener *empty = fixture_listener(&p.fixture, 0);
    fixture_apply(&p.fixture, 0);
    int client = client_open(empty->port);
    expect_reset(client);
    close(client);
    pair_close(&p);
}

static void next_target_is_tried_when_one_refuses(void **state)
{
    Pair p;
    pair_open(&p);
    LbListener *listener = fixture_listener(&p.fixture, free_port());
    const LbTarget *alive = list_at(&p.listener->targets, 0);
    fixture_target(&p.fixture, listener, free_port());
    fixture_target(&p.fixture, listener, alive->port);
    fixture_apply(&p.fixture, 0);
    for (int i = 0; i < 6; i++) {
        int client = client_open(listener->port), served = server_accept(p.server);
        expect_connected(client, served);
        close(client);
        close(served);
    }
    pair_close(&p);
}

/* A server whose backlog is full answers no SYN: that is what a silent host looks like. */
static void client_of_a_silent_target_is_reset_after_the_connect_limit(void **state)
{
    Pair p;
    pair_open_with(&p, &(LbOptions){.threads = 1, .connect_seconds = 1});
    uint16_t port;
    int full = server_open(&port), fillers[8];
    assert_int_equal(listen(full, 0), 0);
    for (size_t i = 0; i < G_N_ELEMENTS(fillers); i++) {
        struct sockaddr_in to = {
            .sin_family = AF_INET, .sin_addr.s_addr = htonl(LOOPBACK), .sin_port = htons(port)};
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(fillers[i], (struct sockaddr *)&to, sizeof to);
    }
    LbListener *silent = fixture_listener(&p.fixture, port);
    fixture_apply(&p.fixture, 0);
    int client = client_open(silent->port);
    expect_reset(client);
    close(client);
    for (size_t i = 0; i < G_N_ELEMENTS(fillers); i++)
        close(fillers[i]);
    close(full);
    pair_close(&p);
}

static void idle_connection_is_closed_and_a_busy_one_is_not(void **state)
{
    Pair p;
    pair_open_with(&p, &(LbOptions){.threads = 1, .idle_seconds = 2});
    int idle = client_open(p.listener->port), idle_served = server_accept(p.server);
    struct pollfd closed = {.fd = idle, .events = POLLIN};
    for (int i = 0; i < 50 && poll(&closed, 1, 200) == 0; i++)
        expect_connected(p.client, p.served);
    expect_end(idle);
    expect_end(idle_served);
    expect_connected(p.client, p.served);
    close(idle);
    close(idle_served);
    pair_close(&p);
}

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Lowers the limit so that no descriptor is left; returns what it was. */
static struct rlimit use_up_descriptors(void)
{
    struct rlimit before, now;
    getrlimit(RLIMIT_NOFILE, &before);
    int next = dup(0);
    assert_true(next >= 0);
    close(next);
    now = before;
    now.rlim_cur = (rlim_t)next;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
    return before;
}

static void lack_of_descriptors_makes_clients_wait_without_spinning(void **state)
{
    Pair p;
    pair_open(&p);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(LOOPBACK),
                             .sin_port = htons(p.listener->port)};
    struct rlimit before = use_up_descriptors();
    assert_int_equal(connect(client, (struct sockaddr *)&to, sizeof to), 0);
    double began = cpu_seconds();
    struct pollfd silent = {.fd = p.server, .events = POLLIN};
    int n = poll(&silent, 1, 500);
    double spent = cpu_seconds() - began;
    expect_connected(p.client, p.served);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(n, 0);
    assert_true(spent < 0.1);
    int served = server_accept(p.server);
    expect_connected(client, served);
    close(client);
    close(served);
    pair_close(&p);
}

static void closing_the_lb_ends_its_connections(void **state)
{
    Pair p;
    pair_open(&p);
    lb_close(g_steal_pointer(&p.fixture.lb));
    expect_reset(p.client);
    expect_reset(p.served);
    pair_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_go_both_ways),
        cmocka_unit_test(client_may_end_its_half_and_still_get_the_answer),
        cmocka_unit_test(target_may_end_its_half_and_still_get_data),
        cmocka_unit_test(client_that_ends_at_once_is_served),
        cmocka_unit_test(reset_of_the_target_reaches_the_client),
        cmocka_unit_test(reset_of_the_client_reaches_the_target),
        cmocka_unit_test(slow_reader_holds_the_writer_back),
        cmocka_unit_test(slow_reader_does_not_hold_the_other_direction),
        cmocka_unit_test(reader_that_leaves_frees_what_was_held),
        cmocka_unit_test(big_transfers_both_ways_at_once_arrive_intact),
        cmocka_unit_test(data_behind_an_urgent_byte_is_not_forgotten),
        cmocka_unit_test(client_of_a_target_that_refuses_is_reset),
        cmocka_unit_test(client_of_no_target_is_reset),
        cmocka_unit_test(next_target_is_tried_when_one_refuses),
        cmocka_unit_test(client_of_a_silent_target_is_reset_after_the_connect_limit),
        cmocka_unit_test(idle_connection_is_closed_and_a_busy_one_is_not),
        cmocka_unit_test(lack_of_descriptors_makes_clients_wait_without_spinning),
        cmocka_unit_test(closing_the_lb_ends_its_connections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
