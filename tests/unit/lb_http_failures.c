/* lb/http_*.c: what clients see when targets or other clients fail, stall or leave. */
#include "tests/unit/lb_http_fixture.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define POST "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n"

static const LbOptions ONE = {.threads = 1};

static void reset_on_close(int fd)
{
    struct linger now = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
}

/* A client and its back end after a first exchange. */
static void meet(const Web *web, int *ret_client, int *ret_served)
{
    *ret_client = web_client(web);
    send_text(*ret_client, GET);
    *ret_served = server_accept(web->server);
    expect_head(*ret_served, "GET", NULL);
    answer(*ret_served, "hello");
    expect_answer(*ret_client, "hello");
}

static void request_on_a_connection_that_was_closed_is_sent_again(void **state)
{
    Web w;
    int client, served;
    web_open(&w, &ONE);
    meet(&w, &client, &served);
    send_text(client, GET);
    expect_head(served, "GET", NULL); /* closed only when the request is there */
    close(served);
    served = server_accept(w.server);
    expect_head(served, "GET", NULL);
    answer(served, "second try");
    expect_answer(client, "second try");
    send_text(client, GET);
    expect_head(served, "GET", NULL);
    reset_on_close(served);
    served = server_accept(w.server);
    expect_head(served, "GET", NULL);
    close(served); /* a fresh one: now it was the request's fault */
    expect_head(client, "HTTP/1.1 504 GATEWAY_TIMEOUT\r\n", NULL);
    close(client);
    web_close(&w);
}

static void request_that_changes_something_is_not_sent_twice(void **state)
{
    Web w;
    int client, served;
    web_open(&w, &ONE);
    meet(&w, &client, &served);
    send_text(client, POST "body");
    expect_head(served, "POST", NULL);
    expect_text(served, "body");
    close(served);
    expect_head(client, "HTTP/1.1 504 ", "Connection: keep-alive\r\n", NULL);
    expect_silence(w.server);
    close(client);
    web_close(&w);
}

static void such_a_request_takes_no_connection_that_is_closed(void **state)
{
    Web w;
    int client, served;
    web_open(&w, &ONE);
    meet(&w, &client, &served);
    close(served);
    send_text(client, POST "body");
    served = server_accept(w.server);
    expect_head(served, "POST", NULL);
    expect_text(served, "body");
    answer(served, "done");
    expect_answer(client, "done");
    close(client);
    close(served);
    web_close(&w);
}

static void note_refusal(void *data, const char *balancer, const char *target)
{
    if (strcmp(balancer, "balancer") == 0 && strcmp(target, "i-1") == 0)
        atomic_fetch_add((_Atomic int *)data, 1);
}

static void who_watches_refusals_is_told(void **state)
{
    Web w;
    _Atomic int told = 0;
    web_open(&w, NULL);
    close(w.server);
    ((LbTarget *)list_at(&w.listener->targets, 0))->id = "i-1";
    fixture_apply(&w.fixture, 0);
    lb_watch_refusals(w.fixture.lb, note_refusal, &told);
    int client = web_client(&w);
    for (int i = 0; i < 3; i++) {
        send_text(client, GET);
        expect_head(client, "HTTP/1.1 503 ", NULL);
    }
    assert_true(atomic_load(&told) >= 1 && atomic_load(&told) < 3); /* not at each */
    lb_watch_refusals(w.fixture.lb, NULL, NULL);
    close(client);
    w.server = server_open(&w.server_port);
    web_close(&w);
}

static void target_that_refuses_is_not_noticed(void **state)
{
    Web w;
    web_open(&w, NULL);
    w.listener->targets.n = 0;
    fixture_target(&w.fixture, w.listener, free_port());
    fixture_target(&w.fixture, w.listener, free_port());
    fixture_target(&w.fixture, w.listener, w.server_port);
    fixture_apply(&w.fixture, 0);
    for (int i = 0; i < 6; i++) {
        int client = web_client(&w);
        send_text(client, POST "body");
        int served = server_accept(w.server);
        expect_head(served, "POST", NULL);
        expect_text(served, "body");
        answer(served, "done");
        expect_answer(client, "done");
        close(client);
        close(served);
    }
    LbBalancerCounts counts;
    assert_true(lb_balancer_counts(w.fixture.lb, "balancer", false, w.fixture.arena, &counts));
    assert_true(counts.total.connection_errors >= 2);
    assert_int_equal(counts.total.code_2xx, 6);
    web_close(&w);
}

static void without_a_target_in_service_the_answer_is_503(void **state)
{
    Web w;
    web_open(&w, NULL);
    LbTarget *target = list_at(&w.listener->targets, 0);
    target->out_of_service = true;
    fixture_apply(&w.fixture, 0);
    int client = web_client(&w);
    for (int i = 0; i < 2; i++) { /* and the connection stays */
        send_text(client, GET);
        expect_head(client, "HTTP/1.1 503 Service Unavailable", "Content-Length: 0\r\n", NULL);
    }
    LbBalancerCounts counts;
    assert_true(lb_balancer_counts(w.fixture.lb, "balancer", false, w.fixture.arena, &counts));
    assert_int_equal(counts.elb_5xx, 2);
    assert_int_equal(counts.spillover, 2);
    assert_int_equal(counts.total.requests, 0);
    target->out_of_service = false;
    fixture_apply(&w.fixture, 0);
    send_text(client, GET);
    int served = server_accept(w.server);
    expect_head(served, "GET", NULL);
    answer(served, "back");
    expect_answer(client, "back");
    close(client);
    close(served);
    web_close(&w);
}

static void all_targets_refusing_is_503_too(void **state)
{
    Web w;
    web_open(&w, NULL);
    close(w.server);
    int client = web_client(&w);
    send_text(client, GET);
    expect_head(client, "HTTP/1.1 503 ", NULL);
    close(client);
    w.server = server_open(&w.server_port);
    web_close(&w);
}

static void bad_answers_are_502(void **state)
{
    static const char *const answers[] = {
        "nonsense\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 099 X\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX : 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: 1\r\n folded\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\x01z\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    };
    Web w;
    web_open(&w, NULL);
    int client = web_client(&w);
    for (size_t i = 0; i < G_N_ELEMENTS(answers); i++) {
        send_text(client, GET);
        int served = server_accept(w.server);
        expect_head(served, "GET", NULL);
        send_text(served, answers[i]);
        expect_head(client, "HTTP/1.1 502 BAD_GATEWAY\r\n", NULL);
        close(served);
    }
    close(client);
    web_close(&w);
}

static void answer_that_breaks_off_is_not_passed_off_as_whole(void **state)
{
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf",
    };
    Web w;
    web_open(&w, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(answers); i++) {
        int client = web_client(&w);
        send_text(client, GET);
        int served = server_accept(w.server);
        expect_head(served, "GET", NULL);
        send_text(served, answers[i]);
        close(served);
        char bytes[256];
        ssize_t n;
        do {
            wait_for(client, POLLIN);
            n = recv(client, bytes, sizeof bytes, 0);
        } while (n > 0);
        assert_int_equal(n, -1); /* a reset, at the latest behind what came */
        assert_int_equal(errno, ECONNRESET);
        close(client);
    }
    web_close(&w);
}

static void silent_target_is_a_504(void **state)
{
    Web w;
    web_open(&w, &ONE);
    w.listener->idle_seconds = 1;
    fixture_apply(&w.fixture, 0);
    int client = web_client(&w);
    send_text(client, GET);
    int served = server_accept(w.server);
    expect_head(served, "GET", NULL);
    expect_head(client, "HTTP/1.1 504 GATEWAY_TIMEOUT\r\n", "Connection: keep-alive\r\n", NULL);
    expect_end(served);
    close(client);
    close(served);
    web_close(&w);
}

static void slow_clients_are_not_waited_for(void **state)
{
    Web w;
    web_open(&w, &ONE);
    w.listener->idle_seconds = 1;
    fixture_apply(&w.fixture, 0);
    int silent = web_client(&w), head = web_client(&w), body = web_client(&w);
    send_text(head, "GET / HTTP/1.1\r\nHost");
    send_text(body, POST "bo");
    int served = server_accept(w.server);
    expect_head(head, "HTTP/1.1 408 REQUEST_TIMEOUT\r\n", "Connection: close\r\n", NULL);
    expect_end(head);
    expect_head(body, "HTTP/1.1 408 REQUEST_TIMEOUT\r\n", "Connection: close\r\n", NULL);
    expect_end(body);
    expect_end(silent); /* without a word */
    close(silent);
    close(head);
    close(body);
    close(served);
    fixture_wait_stat(&w.fixture, connections, 0);
    web_close(&w);
}

static void early_answer_is_delivered_and_ends_the_connection(void **state)
{
    Web w;
    web_open(&w, NULL);
    int client = web_client(&w);
    send_text(client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nstart");
    int served = server_accept(w.server);
    expect_head(served, "POST", NULL);
    send_text(served, "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nno!");
    expect_head(client, "HTTP/1.1 413 Too Large\r\n", NULL);
    expect_text(client, "no!");
    expect_end(client);
    send_text(client, "the rest goes nowhere");
    close(client);
    close(served);
    fixture_wait_stat(&w.fixture, connections, 0);
    web_close(&w);
}

static void client_that_leaves_frees_its_target(void **state)
{
    Web w;
    web_open(&w, NULL);
    int client = web_client(&w), served;
    send_text(client, POST "bo");
    served = server_accept(w.server);
    expect_head(served, "POST", NULL);
    close(client); /* within the body */
    expect_text(served, "bo");
    expect_end(served);
    close(served);
    client = web_client(&w);
    send_text(client, GET);
    served = server_accept(w.server);
    expect_head(served, "GET", NULL);
    reset_on_close(client); /* while it waits for the answer */
    expect_end(served);
    close(served);
    fixture_wait_stat(&w.fixture, connections, 0);
    web_close(&w);
}

static void bad_chunk_ends_the_request(void **state)
{
    Web w;
    web_open(&w, NULL);
    int client = web_client(&w);
    send_text(client, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    int served = server_accept(w.server);
    expect_head(served, "POST", NULL);
    send_text(client, "3\r\nabc\r\n");
    expect_text(served, "3\r\nabc\r\n");
    send_text(client, "x\r\n");
    expect_head(client, "HTTP/1.1 400 BAD_REQUEST\r\n", "Connection: close\r\n", NULL);
    expect_end(client);
    expect_end(served);
    close(client);
    close(served);
    web_close(&w);
}

/* One request a target at a time; the others wait, and too many are turned away. */
static void surge_queue_holds_what_targets_cannot_take(void **state)
{
    enum { WAITING = 3 };
    Web w;
    web_open(&w, NULL);
    w.listener->target_connections = 1;
    w.listener->surge_queue = WAITING;
    fixture_apply(&w.fixture, 0);
    int clients[1 + WAITING], served;
    LbBalancerCounts counts;
    for (unsigned i = 0; i < G_N_ELEMENTS(clients); i++) {
        g_autofree char *get = g_strdup_printf("GET /%u HTTP/1.1\r\nHost: a\r\n\r\n", i);
        clients[i] = web_client(&w);
        send_text(clients[i], get);
        do { /* until it has joined */
            assert_true(
                lb_balancer_counts(w.fixture.lb, "balancer", false, w.fixture.arena, &counts));
            g_thread_yield();
        } while (counts.surge_now < i || counts.targets.n != 1 ||
                 ((LbTargetCounts *)list_at(&counts.targets, 0))->outstanding != 1);
    }
    int late = web_client(&w);
    send_text(late, GET);
    expect_head(late, "HTTP/1.1 503 ", NULL);
    close(late);
    served = server_accept(w.server);
    for (unsigned i = 0; i < G_N_ELEMENTS(clients); i++) {
        struct pollfd next[] = {{.fd = served, .events = POLLIN},
                                {.fd = w.server, .events = POLLIN}};
        assert_true(poll(next, 2, 10000) > 0); /* another worker's has another connection */
        int with = next[1].revents && !(i == 0) ? server_accept(w.server) : served;
        const char *head = read_head(with);
        assert_true(g_str_has_prefix(head, "GET /"));
        unsigned who = (unsigned)(head[5] - '0');
        answer(with, "x");
        expect_answer(clients[who], "x");
        if (with != served) {
            close(served);
            served = with;
        }
    }
    assert_true(lb_balancer_counts(w.fixture.lb, "balancer", true, w.fixture.arena, &counts));
    assert_int_equal(counts.surge_max, WAITING);
    assert_int_equal(counts.spillover, 1);
    assert_true(lb_balancer_counts(w.fixture.lb, "balancer", true, w.fixture.arena, &counts));
    assert_int_equal(counts.surge_max, 0);
    for (unsigned i = 0; i < G_N_ELEMENTS(clients); i++)
        close(clients[i]);
    close(served);
    web_close(&w);
}

static void deregistered_target_drains(void **state)
{
    Web w;
    int client, served;
    web_open(&w, &ONE);
    w.listener->drain_seconds = 60;
    fixture_apply(&w.fixture, 0);
    meet(&w, &client, &served);
    send_text(client, GET);
    expect_head(served, "GET", NULL);
    uint16_t port;
    int other = server_open(&port);
    w.listener->targets.n = 0;
    fixture_target(&w.fixture, w.listener, port);
    fixture_apply(&w.fixture, 0);
    answer(served, "in time");
    expect_answer(client, "in time");
    expect_end(served);
    close(served);
    send_text(client, GET);
    served = server_accept(other);
    expect_head(served, "GET", NULL);
    answer(served, "elsewhere");
    expect_answer(client, "elsewhere");
    close(client);
    close(served);
    close(other);
    web_close(&w);
}

static void draining_ends(void **state)
{
    Web w;
    web_open(&w, &ONE);
    w.listener->drain_seconds = 1;
    fixture_apply(&w.fixture, 0);
    int client = web_client(&w);
    send_text(client, GET);
    int served = server_accept(w.server);
    expect_head(served, "GET", NULL);
    ((LbTarget *)list_at(&w.listener->targets, 0))->draining = true;
    fixture_apply(&w.fixture, 0);
    expect_head(client, "HTTP/1.1 504 ", NULL);
    expect_end(served);
    close(client);
    close(served);
    web_close(&w);
}

static void without_draining_the_request_is_cut(void **state)
{
    Web w;
    web_open(&w, &ONE);
    int client = web_client(&w);
    send_text(client, GET);
    int served = server_accept(w.server);
    expect_head(served, "GET", NULL);
    w.listener->targets.n = 0;
    fixture_apply(&w.fixture, 0);
    expect_reset(client);
    expect_end(served);
    close(client);
    close(served);
    web_close(&w);
}

static void change_of_protocol_makes_another_listener(void **state)
{
    Web w;
    int client, served;
    web_open(&w, &ONE);
    meet(&w, &client, &served);
    w.listener->protocol = w.listener->target_protocol = LB_TCP;
    fixture_apply(&w.fixture, 0);
    expect_reset(client);
    close(served);
    close(client);
    client = web_client(&w);
    served = server_accept(w.server);
    expect_connected(client, served);
    close(served);
    close(client);
    w.listener->target_protocol = LB_HTTP;
    fixture_apply(&w.fixture, 1);
    assert_int_equal(((const LbFailure *)list_at(&w.fixture.failures, 0))->error, EINVAL);
    web_close(&w);
}

static void requests_are_counted_and_logged(void **state)
{
    Web w;
    web_open(&w, &ONE);
    w.listener->log_name = "my-balancer";
    ((LbTarget *)list_at(&w.listener->targets, 0))->id = "i-1";
    ((LbTarget *)list_at(&w.listener->targets, 0))->zone = "us-east-1a";
    fixture_apply(&w.fixture, 0);
    int client = web_client(&w);
    send_text(client, "POST /a?b HTTP/1.1\r\nHost: a.test\r\nUser-Agent: my \"agent\"\r\n"
                      "Content-Length: 4\r\n\r\nbody");
    int served = server_accept(w.server);
    expect_head(served, "POST", NULL);
    expect_text(served, "body");
    send_text(served, "HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nsorry");
    expect_head(client, "HTTP/1.1 404", NULL);
    expect_text(client, "sorry");
    send_text(client, "BAD\r\n\r\n");
    expect_head(client, "HTTP/1.1 400", NULL);
    expect_end(client);
    LbBalancerCounts counts;
    assert_true(lb_balancer_counts(w.fixture.lb, "balancer", true, w.fixture.arena, &counts));
    assert_int_equal(counts.total.requests, 1);
    assert_int_equal(counts.total.code_4xx, 1);
    assert_int_equal(counts.total.latency_n, 1);
    assert_true(counts.total.latency_max_us >= counts.total.latency_min_us);
    assert_int_equal(counts.total.latency_max_us, counts.total.latency_us);
    assert_int_equal(counts.total.bytes_in, 4);
    assert_int_equal(counts.total.bytes_out, 5);
    assert_int_equal(counts.elb_4xx, 1);
    const LbTargetCounts *target = NULL;
    LIST_EACH (const LbTargetCounts *, one, &counts.targets) {
        if (g_strcmp0(one->id, "i-1") == 0)
            target = one;
    }
    assert_non_null(target);
    assert_string_equal(target->zone, "us-east-1a");
    assert_int_equal(target->counts.code_4xx, 1);
    size_t size;
    uint64_t lost;
    g_autofree char *log = lb_take_log(w.fixture.lb, "balancer", &size, &lost);
    assert_int_equal(lost, 0);
    assert_int_equal(strlen(log), size);
    g_autofree char *pattern = g_strdup_printf(
        "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{6}Z my-balancer 127\\.0\\.0\\.1:\\d+ "
        "127\\.0\\.0\\.1:%u 0\\.\\d{6} 0\\.\\d{6} 0\\.\\d{6} 404 404 4 5 "
        "\"POST http://a\\.test:%u/a\\?b HTTP/1\\.1\" \"my \\\\x22agent\\\\x22\" - -\n"
        "\\S+ my-balancer \\S+ - -1 -1 -1 400 0 0 0 \"- - - \" \"-\" - -\n$",
        w.server_port, w.listener->port);
    if (!g_regex_match_simple(pattern, log, 0, 0))
        fail_msg("\"%s\" is not like \"%s\"", log, pattern);
    assert_null(lb_take_log(w.fixture.lb, "balancer", &size, &lost));
    assert_false(lb_balancer_counts(w.fixture.lb, "other", true, w.fixture.arena, &counts));
    close(client);
    close(served);
    web_close(&w);
}

/* A stream whose every byte depends on its place. */
static uint8_t byte_at(uint64_t at)
{
    return (uint8_t)((at / 8 * 0x9e3779b97f4a7c15u) >> (at % 8 * 8));
}

typedef struct Stream {
    int fd;
    uint64_t bytes;
    bool intact;
} Stream;

static gpointer write_stream(gpointer data)
{
    const Stream *s = data;
    g_autofree uint8_t *block = g_malloc(1 << 20);
    for (uint64_t at = 0; at < s->bytes;) {
        size_t n = MIN(1 << 20, s->bytes - at);
        for (size_t k = 0; k < n; k++)
            block[k] = byte_at(at + k);
        for (size_t done = 0; done < n;) {
            ssize_t r = send(s->fd, block + done, n - done, MSG_NOSIGNAL);
            if (r <= 0)
                return NULL;
            done += (size_t)r;
        }
        at += n;
    }
    return NULL;
}

static gpointer read_stream(gpointer data)
{
    Stream *s = data;
    g_autofree uint8_t *block = g_malloc(1 << 18);
    uint64_t at = 0;
    ssize_t n;
    s->intact = true;
    while (at < s->bytes && (n = recv(s->fd, block, MIN(1 << 18, s->bytes - at), 0)) > 0) {
        for (ssize_t k = 0; k < n; k++)
            s->intact &= block[k] == byte_at(at + (uint64_t)k);
        at += (uint64_t)n;
    }
    s->intact &= at == s->bytes;
    return NULL;
}

static void transfer(int from, int to, uint64_t bytes)
{
    struct timeval limit = {.tv_sec = 20};
    setsockopt(to, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    Stream out = {.fd = from, .bytes = bytes}, in = {.fd = to, .bytes = bytes};
    GThread *writer = g_thread_new("write", write_stream, &out);
    read_stream(&in);
    g_thread_join(writer);
    assert_true(in.intact);
}

static void big_bodies_arrive_intact_and_the_connection_goes_on(void **state)
{
    enum { UP = 50000003, DOWN = 60000001 };
    Web w;
    web_open(&w, NULL);
    int client = web_client(&w);
    g_autofree char *put =
        g_strdup_printf("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", UP);
    g_autofree char *head = g_strdup_printf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", DOWN);
    send_text(client, put);
    int served = server_accept(w.server);
    expect_head(served, "PUT", NULL);
    transfer(client, served, UP);
    send_text(served, head);
    expect_head(client, "HTTP/1.1 200", NULL);
    transfer(served, client, DOWN);
    exchange_text(client, served, "and on");
    send_text(client, GET);
    expect_head(served, "GET", NULL);
    send_text(served, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1000000\r\n");
    expect_head(client, "HTTP/1.1 200", NULL);
    expect_text(client, "1000000\r\n");
    transfer(served, client, 0x1000000);
    send_text(served, "\r\n0\r\n\r\n");
    expect_text(client, "\r\n0\r\n\r\n");
    exchange_text(client, served, "and on");
    close(client);
    close(served);
    web_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_on_a_connection_that_was_closed_is_sent_again),
        cmocka_unit_test(request_that_changes_something_is_not_sent_twice),
        cmocka_unit_test(such_a_request_takes_no_connection_that_is_closed),
        cmocka_unit_test(who_watches_refusals_is_told),
        cmocka_unit_test(target_that_refuses_is_not_noticed),
        cmocka_unit_test(without_a_target_in_service_the_answer_is_503),
        cmocka_unit_test(all_targets_refusing_is_503_too),
        cmocka_unit_test(bad_answers_are_502),
        cmocka_unit_test(answer_that_breaks_off_is_not_passed_off_as_whole),
        cmocka_unit_test(silent_target_is_a_504),
        cmocka_unit_test(slow_clients_are_not_waited_for),
        cmocka_unit_test(early_answer_is_delivered_and_ends_the_connection),
        cmocka_unit_test(client_that_leaves_frees_its_target),
        cmocka_unit_test(bad_chunk_ends_the_request),
        cmocka_unit_test(surge_queue_holds_what_targets_cannot_take),
        cmocka_unit_test(deregistered_target_drains),
        cmocka_unit_test(draining_ends),
        cmocka_unit_test(without_draining_the_request_is_cut),
        cmocka_unit_test(change_of_protocol_makes_another_listener),
        cmocka_unit_test(requests_are_counted_and_logged),
        cmocka_unit_test(big_bodies_arrive_intact_and_the_connection_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
