/* lb/tls_gate.c: clients of OpenSSL's own, a taker that is the test. */
#include "lb/tls_gate.h"
#include "tests/unit/lb_tls_fixture.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct GateFixture {
    Arena *arena;
    TlsGate *gate;
    uint16_t port;
    int door[2]; /* a pipe: file descriptors that were taken */
    bool refuses;
    uint32_t client; /* of the last that was taken; written before its descriptor */
} GateFixture;

static int take(void *data, int fd, uint32_t client)
{
    GateFixture *f = data;
    if (f->refuses) {
        close(fd);
        return -ECONNREFUSED;
    }
    f->client = client;
    assert_int_equal(write(f->door[1], &fd, sizeof fd), sizeof fd);
    return 0;
}

static void open_gate(GateFixture *f, const TlsGateOptions *more)
{
    *f = (GateFixture){.arena = arena_new()};
    assert_int_equal(pipe2(f->door, O_CLOEXEC), 0);
    TlsGateOptions options = more ? *more : (TlsGateOptions){.threads = 2};
    options.take = take;
    options.data = f;
    g_autoptr(TlsContext) context =
        test_server(f->arena, test_identity(f->arena, TEST_EC, "localhost"), tls_policy_modern());
    assert_int_equal(tls_gate_open(&options, context, &f->gate), 0);
    int fd = server_open(&f->port);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(tls_gate_listen(f->gate, fd), 0);
}

static void close_gate(GateFixture *f)
{
    tls_gate_close(f->gate);
    close(f->door[0]);
    close(f->door[1]);
    arena_free(f->arena);
}

static int taken(GateFixture *f)
{
    int fd;
    wait_for(f->door[0], POLLIN);
    assert_int_equal(read(f->door[0], &fd, sizeof fd), sizeof fd);
    return fd;
}

/* A client with a blocking socket. */
typedef struct TlsClient {
    int fd;
    SSL_CTX *ctx;
    SSL *ssl;
} TlsClient;

static TlsClient client_prepare(const GateFixture *f)
{
    TlsClient client = {.fd = client_open_from(0x7f010203, f->port)};
    client.ctx = SSL_CTX_new(TLS_client_method());
    client.ssl = SSL_new(client.ctx);
    SSL_set_fd(client.ssl, client.fd);
    return client;
}

static TlsClient client_connect(const GateFixture *f)
{
    TlsClient client = client_prepare(f);
    assert_int_equal(SSL_connect(client.ssl), 1);
    return client;
}

static void client_end(TlsClient *client)
{
    SSL_free(client->ssl);
    SSL_CTX_free(client->ctx);
    close(client->fd);
}

static void wait_for_connections(GateFixture *f, unsigned n)
{
    for (gint64 end = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;
         tls_gate_connections(f->gate) != n;) {
        assert_true(g_get_monotonic_time() < end);
        g_usleep(1000);
    }
}

static void taker_gets_plain_bytes_and_the_clients_address(void **state)
{
    GateFixture f;
    open_gate(&f, NULL);
    TlsClient client = client_connect(&f);
    char got[8] = "";
    assert_int_equal(SSL_write(client.ssl, "question", 8), 8);
    int fd = taken(&f);
    assert_int_equal(f.client, 0x7f010203);
    expect_text(fd, "question");
    send_text(fd, "answer");
    assert_int_equal(SSL_read(client.ssl, got, sizeof got), 6);
    assert_string_equal(got, "answer");
    client_end(&client);
    expect_end(fd);
    close(fd);
    wait_for_connections(&f, 0);
    close_gate(&f);
}

static void servers_end_is_the_clients_end(void **state)
{
    GateFixture f;
    char byte;
    open_gate(&f, NULL);
    TlsClient client = client_connect(&f);
    int fd = taken(&f);
    send_text(fd, "x");
    close(fd);
    assert_int_equal(SSL_read(client.ssl, &byte, 1), 1);
    assert_int_equal(SSL_read(client.ssl, &byte, 1), 0);
    assert_int_equal(SSL_get_error(client.ssl, 0), SSL_ERROR_ZERO_RETURN);
    client_end(&client);
    wait_for_connections(&f, 0);
    close_gate(&f);
}

static void clients_half_close_leaves_the_answer(void **state)
{
    GateFixture f;
    char got[8] = "";
    open_gate(&f, NULL);
    TlsClient client = client_connect(&f);
    int fd = taken(&f);
    SSL_write(client.ssl, "q", 1);
    SSL_shutdown(client.ssl);
    expect_text(fd, "q");
    expect_end(fd);
    send_text(fd, "late");
    assert_int_equal(SSL_read(client.ssl, got, sizeof got), 4);
    close(fd);
    client_end(&client);
    close_gate(&f);
}

enum { BULK = 8 << 20 };

static void *send_bulk(void *data)
{
    int fd = *(int *)data;
    g_autofree char *bytes = g_malloc0(1 << 16);
    int flags = fcntl(fd, F_GETFL);
    fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
    for (int sent = 0; sent < BULK; sent += 1 << 16)
        assert_int_equal(send(fd, bytes, 1 << 16, MSG_NOSIGNAL), 1 << 16);
    shutdown(fd, SHUT_WR);
    return NULL;
}

static void *read_bulk(void *data)
{
    int fd = *(int *)data;
    char bytes[4096];
    gsize sum = 0;
    for (;;) {
        wait_for(fd, POLLIN);
        ssize_t n = recv(fd, bytes, sizeof bytes, 0);
        if (n == 0)
            return GSIZE_TO_POINTER(sum);
        assert_true(n > 0);
        sum += (gsize)n;
    }
}

static void large_answers_wait_for_a_slow_client(void **state)
{
    GateFixture f;
    char bytes[5000];
    open_gate(&f, NULL);
    TlsClient client = client_connect(&f);
    int fd = taken(&f);
    GThread *thread = g_thread_new("sender", send_bulk, &fd);
    int sum = 0;
    for (int n; (n = SSL_read(client.ssl, bytes, sizeof bytes)) > 0;)
        sum += n;
    assert_int_equal(sum, BULK);
    g_thread_join(thread);
    client_end(&client);
    close(fd);
    close_gate(&f);
}

static void large_requests_wait_for_a_slow_server(void **state)
{
    GateFixture f;
    open_gate(&f, NULL);
    TlsClient client = client_connect(&f);
    int fd = taken(&f);
    GThread *thread = g_thread_new("reader", read_bulk, &fd);
    g_autofree char *bytes = g_malloc0(1 << 16);
    for (int sent = 0; sent < BULK; sent += 1 << 16)
        assert_int_equal(SSL_write(client.ssl, bytes, 1 << 16), 1 << 16);
    SSL_shutdown(client.ssl);
    assert_int_equal(GPOINTER_TO_SIZE(g_thread_join(thread)), BULK);
    client_end(&client);
    close(fd);
    close_gate(&f);
}

static void many_clients_at_once(void **state)
{
    enum { CLIENTS = 50 };
    GateFixture f;
    TlsClient clients[CLIENTS];
    int fds[CLIENTS];
    open_gate(&f, NULL);
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = client_connect(&f);
        fds[i] = taken(&f);
    }
    assert_int_equal(tls_gate_connections(f.gate), CLIENTS);
    for (int i = 0; i < CLIENTS; i++) {
        SSL_write(clients[i].ssl, "q", 1);
        expect_text(fds[i], "q");
    }
    for (int i = 0; i < CLIENTS; i++) {
        client_end(&clients[i]);
        close(fds[i]);
    }
    wait_for_connections(&f, 0);
    close_gate(&f);
}

static void who_speaks_no_tls_is_cut_and_never_taken(void **state)
{
    GateFixture f;
    open_gate(&f, NULL);
    int fd = client_open(f.port);
    send_text(fd, "GET / HTTP/1.1\r\n\r\n");
    char bytes[64];
    ssize_t n;
    do
        wait_for(fd, POLLIN);
    while ((n = recv(fd, bytes, sizeof bytes, 0)) > 0);
    close(fd);
    wait_for_connections(&f, 0);
    struct pollfd door = {.fd = f.door[0], .events = POLLIN};
    assert_int_equal(poll(&door, 1, 0), 0);
    close_gate(&f);
}

static void refused_by_the_taker_is_cut(void **state)
{
    GateFixture f;
    char byte;
    open_gate(&f, NULL);
    f.refuses = true;
    TlsClient client = client_prepare(&f);
    SSL_connect(client.ssl);
    assert_true(SSL_read(client.ssl, &byte, 1) <= 0);
    client_end(&client);
    wait_for_connections(&f, 0);
    close_gate(&f);
}

static void one_over_the_limit_is_cut(void **state)
{
    GateFixture f;
    char byte;
    open_gate(&f, &(TlsGateOptions){.max_connections = 1});
    TlsClient first = client_connect(&f);
    int fd = taken(&f);
    int second = client_open(f.port);
    wait_for(second, POLLIN);
    assert_true(recv(second, &byte, 1, 0) <= 0);
    SSL_write(first.ssl, "q", 1);
    expect_text(fd, "q");
    client_end(&first);
    close(second);
    close(fd);
    close_gate(&f);
}

static void silent_client_is_cut(void **state)
{
    GateFixture f;
    open_gate(&f, &(TlsGateOptions){.idle_seconds = 1});
    TlsClient client = client_connect(&f);
    int fd = taken(&f);
    expect_end(fd);
    close(fd);
    client_end(&client);
    wait_for_connections(&f, 0);
    close_gate(&f);
}

static void new_context_is_for_new_connections(void **state)
{
    GateFixture f;
    open_gate(&f, NULL);
    TlsClient old = client_connect(&f);
    int old_fd = taken(&f);
    g_autoptr(TlsContext) context =
        test_server(f.arena, test_identity(f.arena, TEST_EC, "renewed.test"), tls_policy_modern());
    tls_gate_set_context(f.gate, context);
    TlsClient new = client_connect(&f);
    int new_fd = taken(&f);
    X509 *before = SSL_get1_peer_certificate(old.ssl), *after = SSL_get1_peer_certificate(new.ssl);
    assert_int_not_equal(X509_cmp(before, after), 0);
    SSL_write(old.ssl, "q", 1);
    expect_text(old_fd, "q");
    X509_free(before);
    X509_free(after);
    client_end(&old);
    client_end(&new);
    close(old_fd);
    close(new_fd);
    close_gate(&f);
}

static void closing_ends_what_is_open(void **state)
{
    GateFixture f;
    char byte;
    open_gate(&f, NULL);
    TlsClient client = client_connect(&f);
    int fd = taken(&f);
    tls_gate_close(g_steal_pointer(&f.gate));
    expect_end(fd);
    assert_true(SSL_read(client.ssl, &byte, 1) <= 0);
    client_end(&client);
    close(fd);
    close_gate(&f);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(taker_gets_plain_bytes_and_the_clients_address),
        cmocka_unit_test(servers_end_is_the_clients_end),
        cmocka_unit_test(clients_half_close_leaves_the_answer),
        cmocka_unit_test(large_answers_wait_for_a_slow_client),
        cmocka_unit_test(large_requests_wait_for_a_slow_server),
        cmocka_unit_test(many_clients_at_once),
        cmocka_unit_test(who_speaks_no_tls_is_cut_and_never_taken),
        cmocka_unit_test(refused_by_the_taker_is_cut),
        cmocka_unit_test(one_over_the_limit_is_cut),
        cmocka_unit_test(silent_client_is_cut),
        cmocka_unit_test(new_context_is_for_new_connections),
        cmocka_unit_test(closing_ends_what_is_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
