/* lb/probe*.c: what each protocol takes for healthy, thresholds, time-outs, changes of the
 * snapshot, and many targets. Intervals are milliseconds here; what must not come by itself has one
 * of an hour. */
#include "lb/probe.h"

#include "lb/timers.h"
#include "tests/unit/lb_tls_fixture.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HOUR = 3600 * 1000, WAIT_US = 20 * 1000 * 1000 };

/* A copy of a ProbeEvent. */
typedef struct Told {
    char *id;
    ProbeState before, now;
    ProbeFailure failure;
    int detail;
} Told;

typedef struct ProbeFixture {
    Lb *lb;
    Probes *probes;
    Arena *arena;
    List targets;         /* of ProbeTarget *: the next snapshot */
    pthread_mutex_t lock; /* guards told; pthread's, which ThreadSanitizer knows */
    pthread_cond_t more;
    GQueue told; /* of Told * */
} ProbeFixture;

static void on_change(void *data, const ProbeEvent *event)
{
    ProbeFixture *f = data;
    Told *told = g_new0(Told, 1);
    *told = (Told){.id = g_strdup(event->id),
                   .before = event->before,
                   .now = event->now,
                   .failure = event->failure,
                   .detail = event->detail};
    pthread_mutex_lock(&f->lock);
    g_queue_push_tail(&f->told, told);
    pthread_cond_signal(&f->more);
    pthread_mutex_unlock(&f->lock);
}

static void told_free(void *data)
{
    Told *told = data;
    g_free(told->id);
    g_free(told);
}

static void open_with(ProbeFixture *f, unsigned threads, unsigned running)
{
    *f = (ProbeFixture){.arena = arena_new(), .told = G_QUEUE_INIT};
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->more, NULL);
    LbOptions lb_options = {.threads = threads};
    ProbesOptions options = {.changed = on_change, .data = f, .running = running};
    assert_int_equal(lb_open(&lb_options, &f->lb), 0);
    assert_int_equal(probes_open(f->lb, &options, &f->probes), 0);
}

static void open_probes(ProbeFixture *f)
{
    open_with(f, 2, 0);
}

static void close_probes(ProbeFixture *f)
{
    probes_close(f->probes);
    lb_close(f->lb);
    g_queue_clear_full(&f->told, told_free);
    pthread_mutex_destroy(&f->lock);
    pthread_cond_destroy(&f->more);
    arena_free(f->arena);
}

/* Often, and thresholds of one. */
static ProbeTarget *add_target(ProbeFixture *f, const char *id, ProbeProtocol protocol,
                               uint16_t port)
{
    ProbeTarget *target = arena_new_struct(f->arena, ProbeTarget);
    *target = (ProbeTarget){.balancer = "lb",
                            .id = arena_strdup(f->arena, id),
                            .address = LOOPBACK,
                            .port = port,
                            .protocol = protocol,
                            .path = "/",
                            .interval_ms = 20,
                            .timeout_ms = 10000,
                            .healthy = 1,
                            .unhealthy = 1};
    list_add(&f->targets, f->arena, target);
    return target;
}

static void apply(ProbeFixture *f)
{
    probes_apply(f->probes, &f->targets);
}

/* What is told within so many microseconds, or NULL. */
static Told *take_told(ProbeFixture *f, int64_t wait_us)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    int64_t ns = until.tv_nsec + wait_us * 1000;
    until.tv_sec += ns / 1000000000;
    until.tv_nsec = ns % 1000000000;
    pthread_mutex_lock(&f->lock);
    while (!f->told.length && pthread_cond_timedwait(&f->more, &f->lock, &until) == 0)
        ;
    Told *told = g_queue_pop_head(&f->told);
    pthread_mutex_unlock(&f->lock);
    return told;
}

static void expect_change(ProbeFixture *f, ProbeState before, ProbeState now, ProbeFailure failure,
                          int detail)
{
    Told *told = take_told(f, WAIT_US);
    assert_non_null(told);
    assert_int_equal(told->before, before);
    assert_int_equal(told->now, now);
    assert_int_equal(told->failure, failure);
    assert_int_equal(told->detail, detail);
    told_free(told);
}

static void expect_silence(ProbeFixture *f)
{
    assert_null(take_told(f, 0));
}

static ProbeStatus status_of(ProbeFixture *f, const char *id)
{
    ProbeStatus status = {0};
    assert_true(probes_status(f->probes, "lb", id, &status));
    return status;
}

static ProbesStats stats_of(ProbeFixture *f)
{
    ProbesStats stats;
    probes_stats(f->probes, &stats);
    return stats;
}

/* Waits until the condition on the statistics `s` holds. */
#define WAIT_STATS(f, condition)                                                                   \
    do {                                                                                           \
        gint64 end_ = g_get_monotonic_time() + WAIT_US;                                            \
        for (ProbesStats s = stats_of(f); !(condition); s = stats_of(f)) {                         \
            assert_true(g_get_monotonic_time() < end_);                                            \
            g_usleep(1000);                                                                        \
        }                                                                                          \
    } while (0)

/* Answers the next probe of a plain HTTP server and reads until the prober closes. */
static void answer(int server, const char *text)
{
    int fd = server_accept(server);
    char request[512];
    wait_for(fd, POLLIN);
    assert_true(recv(fd, request, sizeof request, 0) > 0);
    send_text(fd, text);
    shutdown(fd, SHUT_WR);
    char rest[64];
    while (recv(fd, rest, sizeof rest, 0) > 0)
        ;
    close(fd);
}

/* ---- protocols ---- */

static void tcp_target_that_accepts_is_in_service(void **state)
{
    ProbeFixture f;
    uint16_t port;
    int server = server_open(&port);
    open_probes(&f);
    add_target(&f, "i-1", PROBE_TCP, port);
    apply(&f);
    expect_change(&f, PROBE_REGISTERING, PROBE_IN_SERVICE, PROBE_OK, 0);
    assert_int_equal(status_of(&f, "i-1").state, PROBE_IN_SERVICE);
    close_probes(&f);
    close(server);
}

static void refused_target_is_out_of_service(void **state)
{
    ProbeFixture f;
    open_probes(&f);
    add_target(&f, "i-1", PROBE_TCP, free_port());
    apply(&f);
    expect_change(&f, PROBE_REGISTERING, PROBE_OUT_OF_SERVICE, PROBE_REFUSED, 0);
    assert_int_equal(status_of(&f, "i-1").failure, PROBE_REFUSED);
    close_probes(&f);
}

static void http_request_is_elbs(void **state)
{
    ProbeFixture f;
    uint16_t port;
    int server = server_open(&port);
    open_probes(&f);
    add_target(&f, "i-1", PROBE_HTTP, port)->path = "/health?deep=1";
    apply(&f);
    int fd = server_accept(server);
    g_autofree char *request = g_strdup_printf("GET /health?deep=1 HTTP/1.1\r\n"
                                               "Host: 127.0.0.1:%u\r\n"
                                               "User-Agent: ELB-HealthChecker/1.0\r\n"
                                               "Accept: */*\r\n"
                                               "Connection: close\r\n\r\n",
                                               port);
    expect_text(fd, request);
    send_text(fd, "HTTP/1.1 200 OK\r\n\r\n");
    expect_change(&f, PROBE_REGISTERING, PROBE_IN_SERVICE, PROBE_OK, 0);
    close(fd);
    close_probes(&f);
    close(server);
}

/* What one answer makes of a registering target. */
static void expect_answer(const char *text, ProbeFailure failure, int detail)
{
    ProbeFixture f;
    uint16_t port;
    int server = server_open(&port);
    open_probes(&f);
    add_target(&f, "i-1", PROBE_HTTP, port)->interval_ms = HOUR;
    apply(&f);
    answer(server, text);
    expect_change(&f, PROBE_REGISTERING,
                  failure == PROBE_OK ? PROBE_IN_SERVICE : PROBE_OUT_OF_SERVICE, failure, detail);
    close_probes(&f);
    close(server);
}

static void only_status_200_is_healthy(void **state)
{
    expect_answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", PROBE_OK, 0);
    expect_answer("HTTP/1.0 200\r\n\r\n", PROBE_OK, 0);
    expect_answer("HTTP/1.1 200 \n\n", PROBE_OK, 0);
    expect_answer("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", PROBE_OK,
                  0);
    expect_answer("HTTP/1.1 204 No Content\r\n\r\n", PROBE_WRONG_STATUS, 204);
    expect_answer("HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", PROBE_WRONG_STATUS, 302);
    expect_answer("HTTP/1.1 503 Service Unavailable\r\n\r\n", PROBE_WRONG_STATUS, 503);
    expect_answer("HTTP/1.1 101 Switching Protocols\r\n\r\n", PROBE_WRONG_STATUS, 101);
}

static void answer_that_is_not_http_is_a_failure(void **state)
{
    expect_answer("", PROBE_NO_HTTP, 0);
    expect_answer("200 OK\r\n\r\n", PROBE_NO_HTTP, 0);
    expect_answer("HTTP/1.1 2000 OK\r\n\r\n", PROBE_NO_HTTP, 0);
    expect_answer("HTTP/1.1 20\r\n\r\n", PROBE_NO_HTTP, 0);
    expect_answer("HTTP/1.1 000 No\r\n\r\n", PROBE_NO_HTTP, 0);
    expect_answer("HTTP/2.0 200 OK\r\n\r\n", PROBE_NO_HTTP, 0);
    expect_answer("HTTP/1.1 200", PROBE_NO_HTTP, 0);
    expect_answer("\r\nHTTP/1.1 200 OK\r\n\r\n", PROBE_NO_HTTP, 0);
    expect_answer("HTTP/1.1 100 Continue\r\n\r\n", PROBE_NO_HTTP, 0);
}

static void answer_may_come_in_pieces(void **state)
{
    ProbeFixture f;
    uint16_t port;
    int server = server_open(&port);
    open_probes(&f);
    add_target(&f, "i-1", PROBE_HTTP, port)->interval_ms = HOUR;
    apply(&f);
    int fd = server_accept(server);
    for (const char *at = "HTTP/1.1 200 OK\r\n"; *at; at++) {
        assert_int_equal(send(fd, at, 1, MSG_NOSIGNAL), 1);
        g_usleep(1000); /* so that they come one by one, mostly; any order of reads is right */
    }
    expect_change(&f, PROBE_REGISTERING, PROBE_IN_SERVICE, PROBE_OK, 0);
    close(fd);
    close_probes(&f);
    close(server);
}

static void endless_answer_is_cut_off(void **state)
{
    ProbeFixture f;
    uint16_t port;
    int server = server_open(&port);
    open_probes(&f);
    add_target(&f, "i-1", PROBE_HTTP, port)->interval_ms = HOUR;
    apply(&f);
    int fd = server_accept(server);
    g_autofree char *block = g_strnfill(1 << 16, 'x');
    send_text(fd, "HTTP/1.1 200 OK\r\n\r\n");
    while (send(fd, block, 1 << 16, MSG_NOSIGNAL) > 0)
        ;
    assert_true(errno == EPIPE || errno == ECONNRESET);
    expect_change(&f, PROBE_REGISTERING, PROBE_IN_SERVICE, PROBE_OK, 0);
    WAIT_STATS(&f, s.running == 0);
    close(fd);
    close_probes(&f);
    close(server);
}

static void answered_probe_ends_though_the_server_does_not_close(void **state)
{
    ProbeFixture f;
    uint16_t port;
    int server = server_open(&port);
    open_probes(&f);
    add_target(&f, "i-1", PROBE_HTTP, port)->interval_ms = HOUR;
    apply(&f);
    int fd = server_accept(server);
    send_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    expect_change(&f, PROBE_REGISTERING, PROBE_IN_SERVICE, PROBE_OK, 0);
    WAIT_STATS(&f, s.running == 0);
    assert_int_equal(stats_of(&f).failed, 0);
    close(fd);
    close_probes(&f);
    close(server);
}

/* A TLS server in a thread: serves n connections with OpenSSL's blocking API. */
typedef struct TlsServer {
    int fd;
    unsigned n;
    SSL_CTX *ctx;
    const char *answer; /* NULL: reads only */
} TlsServer;

static void *serve_tls(void *data)
{
    TlsServer *server = data;
    for (unsigned i = 0; i < server->n; i++) {
        int fd = server_accept(server->fd);
        SSL *ssl = SSL_new(server->ctx);
        SSL_set_fd(ssl, fd);
        char bytes[512];
        if (SSL_accept(ssl) == 1) {
            int got = SSL_read(ssl, bytes, sizeof bytes);
            if (got > 0 && server->answer)
                SSL_write(ssl, server->answer, (int)strlen(server->answer));
            SSL_shutdown(ssl);
        }
        SSL_free(ssl);
        close(fd);
    }
    return NULL;
}

static void expect_tls(ProbeProtocol protocol, const char *text, ProbeState now,
                       ProbeFailure failure, int detail)
{
    ProbeFixture f;
    uint16_t port;
    open_probes(&f);
    TlsServer server = {.fd = server_open(&port), .n = 1, .answer = text};
    server.ctx = test_openssl_server(test_identity(f.arena, TEST_EC, "a.test"));
    GThread *thread = g_thread_new("server", serve_tls, &server);
    add_target(&f, "i-1", protocol, port)->interval_ms = HOUR;
    apply(&f);
    expect_change(&f, PROBE_REGISTERING, now, failure, detail);
    g_thread_join(thread);
    close_probes(&f);
    SSL_CTX_free(server.ctx);
    close(server.fd);
}

static void ssl_target_needs_a_handshake_only(void **state)
{
    expect_tls(PROBE_SSL, NULL, PROBE_IN_SERVICE, PROBE_OK, 0);
}

static void https_target_needs_status_200(void **state)
{
    expect_tls(PROBE_HTTPS, "HTTP/1.1 200 OK\r\n\r\n", PROBE_IN_SERVICE, PROBE_OK, 0);
    expect_tls(PROBE_HTTPS, "HTTP/1.1 404 Not Found\r\n\r\n", PROBE_OUT_OF_SERVICE,
               PROBE_WRONG_STATUS, 404);
    expect_tls(PROBE_HTTPS, NULL, PROBE_OUT_OF_SERVICE, PROBE_NO_HTTP, 0);
}

static void server_without_tls_fails_the_handshake(void **state)
{
    ProbeFixture f;
    uint16_t port;
    int server = server_open(&port);
    open_probes(&f);
    add_target(&f, "i-1", PROBE_HTTPS, port)->interval_ms = HOUR;
    apply(&f);
    answer(server, "HTTP/1.1 400 Bad Request\r\n\r\n");
    expect_change(&f, PROBE_REGISTERING, PROBE_OUT_OF_SERVICE, PROBE_TLS_FAILED, 0);
    close_probes(&f);
    close(server);
}

static void silent_target_times_out(void **state)
{
    static const ProbeProtocol protocols[] = {PROBE_SSL, PROBE_HTTP, PROBE_HTTPS};
    for (size_t i = 0; i < G_N_ELEMENTS(protocols); i++) {
        ProbeFixture f;
        uint16_t port;
        int server = server_open(&port);
        open_probes(&f);
        ProbeTarget *target = add_target(&f, "i-1", protocols[i], port);
        target->interval_ms = HOUR;
        target->timeout_ms = 30;
        apply(&f);
        expect_change(&f, PROBE_REGISTERING, PROBE_OUT_OF_SERVICE, PROBE_TIMED_OUT, 0);
        assert_int_equal(stats_of(&f).running, 0);
        close_probes(&f);
        close(server);
    }
}

/* ---- thresholds ---- */

static void registering_ends_after_the_healthy_threshold_and_not_before(void **state)
{
    ProbeFixture f;
    uint16_t port;
    int server = server_open(&port);
    open_probes(&f);
    add_target(&f, "i-1", PROBE_HTTP, port)->healthy = 3;
    apply(&f);
    for (int i = 0; i < 2; i++) {
        answer(server, "HTTP/1.1 200 OK\r\n\r\n");
        WAIT_STATS(&f, s.succeeded == (uint64_t)i + 1);
        assert_int_equal(status_of(&f, "i-1").state, PROBE_REGISTERING);
    }
    answer(server, "HTTP/1.1 200 OK\r\n\r\n");
    expect_change(&f, PROBE_REGISTERING, PROBE_IN_SERVICE, PROBE_OK, 0);
    close_probes(&f);
    close(server);
}

/* With thresholds of two each: good, good → in; bad, good, bad → still in; bad → out; good → still
 * out; good → in. */
static void results_count_only_in_a_row(void **state)
{
    static const char good[] = "HTTP/1.1 200 OK\r\n\r\n", bad[] = "HTTP/1.1 500 No\r\n\r\n";
    ProbeFixture f;
    uint16_t port;
    int server = server_open(&port);
    open_probes(&f);
    ProbeTarget *target = add_target(&f, "i-1", PROBE_HTTP, port);
    target->healthy = target->unhealthy = 2;
    apply(&f);
    answer(server, good);
    answer(server, good);
    expect_change(&f, PROBE_REGISTERING, PROBE_IN_SERVICE, PROBE_OK, 0);
    answer(server, bad);
    answer(server, good);
    answer(server, bad);
    WAIT_STATS(&f, s.failed == 2);
    expect_silence(&f);
    assert_int_equal(status_of(&f, "i-1").state, PROBE_IN_SERVICE);
    answer(server, bad);
    expect_change(&f, PROBE_IN_SERVICE, PROBE_OUT_OF_SERVICE, PROBE_WRONG_STATUS, 500);
    answer(server, good);
    WAIT_STATS(&f, s.succeeded == 4);
    expect_silence(&f);
    answer(server, good);
    expect_change(&f, PROBE_OUT_OF_SERVICE, PROBE_IN_SERVICE, PROBE_OK, 0);
    close_probes(&f);
    close(server);
}

static void target_that_was_in_service_stays_so_until_it_fails(void **state)
{
    ProbeFixture f;
    uint16_t port;
    int server = server_open(&port);
    open_probes(&f);
    ProbeTarget *target = add_target(&f, "i-1", PROBE_HTTP, port);
    target->was_in_service = true;
    target->unhealthy = 2;
    apply(&f);
    assert_int_equal(status_of(&f, "i-1").state, PROBE_IN_SERVICE);
    answer(server, "HTTP/1.1 500 No\r\n\r\n");
    WAIT_STATS(&f, s.failed == 1);
    assert_int_equal(status_of(&f, "i-1").state, PROBE_IN_SERVICE);
    close(server);
    expect_change(&f, PROBE_IN_SERVICE, PROBE_OUT_OF_SERVICE, PROBE_REFUSED, 0);
    close_probes(&f);
}

/* ---- changes of the snapshot ---- */

static void same_snapshot_changes_nothing(void **state)
{
    ProbeFixture f;
    uint16_t port;
    int server = server_open(&port);
    open_probes(&f);
    add_target(&f, "i-1", PROBE_TCP, port)->interval_ms = HOUR;
    apply(&f);
    expect_change(&f, PROBE_REGISTERING, PROBE_IN_SERVICE, PROBE_OK, 0);
    WAIT_STATS(&f, s.running == 0);
    for (int i = 0; i < 10; i++)
        apply(&f);
    ProbesStats stats = stats_of(&f);
    assert_int_equal(stats.succeeded, 1);
    assert_int_equal(stats.running + stats.waiting, 0);
    expect_silence(&f);
    close_probes(&f);
    close(server);
}

static void changed_probe_keeps_the_state_and_is_made_at_once(void **state)
{
    ProbeFixture f;
    uint16_t port;
    int server = server_open(&port);
    open_probes(&f);
    ProbeTarget *target = add_target(&f, "i-1", PROBE_HTTP, port);
    target->interval_ms = HOUR;
    apply(&f);
    answer(server, "HTTP/1.1 200 OK\r\n\r\n");
    expect_change(&f, PROBE_REGISTERING, PROBE_IN_SERVICE, PROBE_OK, 0);
    target->path = "/other";
    apply(&f);
    assert_int_equal(status_of(&f, "i-1").state, PROBE_IN_SERVICE);
    answer(server, "HTTP/1.1 404 No\r\n\r\n");
    expect_change(&f, PROBE_IN_SERVICE, PROBE_OUT_OF_SERVICE, PROBE_WRONG_STATUS, 404);
    close_probes(&f);
    close(server);
}

static void target_at_another_address_is_a_new_one(void **state)
{
    ProbeFixture f;
    uint16_t port;
    int server = server_open(&port);
    open_probes(&f);
    ProbeTarget *target = add_target(&f, "i-1", PROBE_TCP, port);
    target->interval_ms = HOUR;
    apply(&f);
    expect_change(&f, PROBE_REGISTERING, PROBE_IN_SERVICE, PROBE_OK, 0);
    target->port = free_port();
    apply(&f);
    expect_change(&f, PROBE_REGISTERING, PROBE_OUT_OF_SERVICE, PROBE_REFUSED, 0);
    close_probes(&f);
    close(server);
}

static void removed_target_is_probed_no_more(void **state)
{
    ProbeFixture f;
    uint16_t port;
    int server = server_open(&port);
    open_probes(&f);
    add_target(&f, "i-1", PROBE_HTTP, port)->interval_ms = 1;
    apply(&f);
    int probing = server_accept(server);
    f.targets = (List){0};
    apply(&f);
    ProbeStatus status;
    assert_false(probes_status(f.probes, "lb", "i-1", &status));
    assert_int_equal(stats_of(&f).targets, 0);
    assert_int_equal(stats_of(&f).running, 0);
    char request[512];
    wait_for(probing, POLLIN);
    while (recv(probing, request, sizeof request, 0) > 0)
        ; /* the broken off probe's connection ends */
    expect_silence(&f);
    close(probing);
    close_probes(&f);
    close(server);
}

static void names_of_targets_are_those_of_their_balancer(void **state)
{
    ProbeFixture f;
    uint16_t port;
    int server = server_open(&port);
    open_probes(&f);
    add_target(&f, "i-1", PROBE_TCP, port)->interval_ms = HOUR;
    ProbeTarget *other = add_target(&f, "i-1", PROBE_TCP, free_port());
    other->balancer = "other";
    other->interval_ms = HOUR;
    apply(&f);
    WAIT_STATS(&f, s.in_service == 1 && s.out_of_service == 1);
    ProbeStatus status;
    assert_true(probes_status(f.probes, "other", "i-1", &status));
    assert_int_equal(status.state, PROBE_OUT_OF_SERVICE);
    assert_int_equal(status_of(&f, "i-1").state, PROBE_IN_SERVICE);
    close_probes(&f);
    close(server);
}

static void hint_probes_before_the_turn(void **state)
{
    ProbeFixture f;
    uint16_t port;
    int server = server_open(&port);
    open_probes(&f);
    ProbeTarget *target = add_target(&f, "i-1", PROBE_TCP, port);
    target->interval_ms = HOUR;
    apply(&f);
    expect_change(&f, PROBE_REGISTERING, PROBE_IN_SERVICE, PROBE_OK, 0);
    close(server);
    Told *told = NULL;
    /* Hints within a second of the last probe do nothing. */
    for (gint64 end = g_get_monotonic_time() + WAIT_US; !told && g_get_monotonic_time() < end;) {
        probes_hint(f.probes, "lb", "i-1");
        probes_hint(f.probes, "lb", "i-unknown");
        told = take_told(&f, 20000);
    }
    assert_non_null(told);
    assert_int_equal(told->now, PROBE_OUT_OF_SERVICE);
    assert_int_equal(stats_of(&f).failed, 1);
    told_free(told);
    close_probes(&f);
}

/* ---- many ---- */

static void no_more_run_at_a_time_than_allowed(void **state)
{
    enum { TARGETS = 100, RUNNING = 8 };
    ProbeFixture f;
    uint16_t port;
    int server = server_open(&port);
    open_with(&f, 1, RUNNING);
    for (int i = 0; i < TARGETS; i++)
        add_target(&f, arena_printf(f.arena, "i-%d", i), PROBE_HTTP, port)->interval_ms = HOUR;
    apply(&f);
    assert_int_equal(stats_of(&f).running, RUNNING);
    assert_int_equal(stats_of(&f).waiting, TARGETS - RUNNING);
    for (int i = 0; i < TARGETS; i++) {
        answer(server, "HTTP/1.1 200 OK\r\n\r\n");
        assert_true(stats_of(&f).running <= RUNNING);
    }
    WAIT_STATS(&f, s.in_service == TARGETS && s.running == 0 && s.waiting == 0);
    close_probes(&f);
    close(server);
}

static void waiting_target_can_be_removed(void **state)
{
    ProbeFixture f;
    uint16_t port;
    int server = server_open(&port);
    open_with(&f, 1, 1);
    add_target(&f, "i-1", PROBE_HTTP, port)->interval_ms = HOUR;
    add_target(&f, "i-2", PROBE_HTTP, port);
    apply(&f);
    WAIT_STATS(&f, s.running == 1 && s.waiting == 1);
    f.targets.n = 1;
    apply(&f);
    assert_int_equal(stats_of(&f).waiting, 0);
    answer(server, "HTTP/1.1 200 OK\r\n\r\n");
    expect_change(&f, PROBE_REGISTERING, PROBE_IN_SERVICE, PROBE_OK, 0);
    close_probes(&f);
    close(server);
}

typedef struct Acceptor {
    int fd;
    unsigned accepted;
} Acceptor;

static void *accept_all(void *data)
{
    Acceptor *acceptor = data;
    for (int fd; (fd = accept4(acceptor->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0;) {
        acceptor->accepted++;
        close(fd);
    }
    return NULL;
}

static void ten_thousand_targets_are_probed_by_two_threads(void **state)
{
    enum { TARGETS = 10000, SERVERS = 10 };
    ProbeFixture f;
    Acceptor acceptors[SERVERS] = {0};
    GThread *threads[SERVERS];
    uint16_t ports[SERVERS];
    open_probes(&f);
    for (int i = 0; i < SERVERS; i++) {
        acceptors[i].fd = server_open(&ports[i]);
        threads[i] = g_thread_new("acceptor", accept_all, &acceptors[i]);
    }
    for (int i = 0; i < TARGETS; i++) {
        ProbeTarget *target =
            add_target(&f, arena_printf(f.arena, "i-%d", i), PROBE_TCP, ports[i % SERVERS]);
        target->interval_ms = 3000;
        target->healthy = 2;
    }
    apply(&f);
    WAIT_STATS(&f, s.in_service == TARGETS);
    ProbesStats stats = stats_of(&f);
    assert_true(stats.running <= 2 * PROBES_RUNNING);
    assert_int_equal(stats.failed, 0);
    assert_int_equal(stats.put_off, 0);
    close_probes(&f);
    for (int i = 0; i < SERVERS; i++) {
        shutdown(acceptors[i].fd, SHUT_RDWR);
        g_thread_join(threads[i]);
        close(acceptors[i].fd);
    }
}

/* Second probes of targets that came together fall into every tenth of the interval. */
static void probes_are_spread_over_the_interval(void **state)
{
    enum { TARGETS = 100, INTERVAL = 1000, PARTS = 10 };
    ProbeFixture f;
    uint16_t port;
    int server = server_open(&port);
    open_with(&f, 1, 0);
    for (int i = 0; i < TARGETS; i++)
        add_target(&f, arena_printf(f.arena, "i-%d", i), PROBE_TCP, port)->interval_ms = INTERVAL;
    apply(&f);
    gint64 began = g_get_monotonic_time();
    unsigned parts[PARTS] = {0};
    for (int i = 0; i < 2 * TARGETS; i++) {
        close(server_accept(server));
        gint64 part = (g_get_monotonic_time() - began) / (INTERVAL * 1000 / PARTS);
        if (i >= TARGETS && part < PARTS)
            parts[part]++;
    }
    /* A tenth each; on a busy computer some come late. */
    for (int i = 0; i < PARTS; i++)
        assert_true(parts[i] < TARGETS / 2);
    close_probes(&f);
    close(server);
}

static void timers_come_in_their_order(void **state)
{
    enum { N = 1000 };
    Timers timers;
    g_autofree Timer *all = g_new0(Timer, N);
    timers_init(&timers);
    assert_null(timers_first(&timers));
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < N; i++)
            timers_set(&timers, &all[i], (int64_t)((unsigned)(i + round) * 2654435761u % 977));
    for (int i = 0; i < N; i += 3)
        timers_unset(&timers, &all[i]);
    timers_unset(&timers, &all[0]);
    int64_t last = -1;
    int n = 0;
    for (Timer *first; (first = timers_first(&timers)); n++) {
        assert_true(first->at >= last);
        last = first->at;
        timers_unset(&timers, first);
    }
    assert_int_equal(n, N - (N + 2) / 3);
    timers_release(&timers);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tcp_target_that_accepts_is_in_service),
        cmocka_unit_test(refused_target_is_out_of_service),
        cmocka_unit_test(http_request_is_elbs),
        cmocka_unit_test(only_status_200_is_healthy),
        cmocka_unit_test(answer_that_is_not_http_is_a_failure),
        cmocka_unit_test(answer_may_come_in_pieces),
        cmocka_unit_test(endless_answer_is_cut_off),
        cmocka_unit_test(answered_probe_ends_though_the_server_does_not_close),
        cmocka_unit_test(ssl_target_needs_a_handshake_only),
        cmocka_unit_test(https_target_needs_status_200),
        cmocka_unit_test(server_without_tls_fails_the_handshake),
        cmocka_unit_test(silent_target_times_out),
        cmocka_unit_test(registering_ends_after_the_healthy_threshold_and_not_before),
        cmocka_unit_test(results_count_only_in_a_row),
        cmocka_unit_test(target_that_was_in_service_stays_so_until_it_fails),
        cmocka_unit_test(same_snapshot_changes_nothing),
        cmocka_unit_test(changed_probe_keeps_the_state_and_is_made_at_once),
        cmocka_unit_test(target_at_another_address_is_a_new_one),
        cmocka_unit_test(removed_target_is_probed_no_more),
        cmocka_unit_test(names_of_targets_are_those_of_their_balancer),
        cmocka_unit_test(hint_probes_before_the_turn),
        cmocka_unit_test(no_more_run_at_a_time_than_allowed),
        cmocka_unit_test(waiting_target_can_be_removed),
        cmocka_unit_test(ten_thousand_targets_are_probed_by_two_threads),
        cmocka_unit_test(probes_are_spread_over_the_interval),
        cmocka_unit_test(timers_come_in_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
