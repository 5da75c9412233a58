/* TLS on either side of a listener with several targets. */
#include "tests/unit/lb_farm_fixture.h"
#include "tests/unit/lb_http_fixture.h"
#include "tests/unit/lb_tls_fixture.h"

#include <errno.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

static TlsStream *tls_client(const Farm *farm, int *ret_fd)
{
    g_autoptr(TlsContext) context = NULL;
    g_autoptr(GError) error = NULL;
    static const TlsClientOptions options;
    assert_true(tls_client_new(&options, &context, &error));
    *ret_fd = client_open(farm->listener->port);
    int flags = 1;
    assert_int_equal(ioctl(*ret_fd, FIONBIO, &flags), 0);
    return tls_connect(context, *ret_fd, "a.test");
}

static void expect_stream(TlsStream *stream, int fd, const char *text)
{
    char got[512];
    size_t n = 0;
    while (n < strlen(text)) {
        ssize_t r = stream_read(stream, fd, got + n, sizeof got - 1 - n);
        assert_true(r > 0);
        n += (size_t)r;
    }
    got[n] = 0;
    assert_string_equal(got, text);
}

static void use_tls(Farm *farm, const TlsIdentity *identity)
{
    TlsServerOptions *options = arena_new_struct(farm->fixture.arena, TlsServerOptions);
    list_add(&options->identities, farm->fixture.arena, identity);
    farm->listener->tls = options;
}

static void tls_ends_at_an_ssl_listener(void **state)
{
    Farm f;
    int fd, served;
    farm_open(&f, LB_TCP);
    f.listener->protocol = LB_SSL;
    fixture_apply(&f.fixture, 1); /* no certificate */
    const LbFailure *failure = list_at(&f.fixture.failures, 0);
    assert_int_equal(failure->error, EKEYREJECTED);
    assert_non_null(failure->text);
    use_tls(&f, test_identity(f.fixture.arena, TEST_EC, "a.test"));
    fixture_apply(&f.fixture, 0);
    TlsStream *stream = tls_client(&f, &fd);
    stream_write_all(stream, fd, "question", 8);
    farm_accept(&f, &served);
    expect_text(served, "question");
    send_text(served, "answer");
    expect_stream(stream, fd, "answer");
    use_tls(&f, test_identity(f.fixture.arena, TEST_EC, "a.test")); /* a new one cuts nothing */
    fixture_apply(&f.fixture, 0);
    send_text(served, "and more");
    expect_stream(stream, fd, "and more");
    close(served);
    char byte;
    assert_int_equal(stream_read(stream, fd, &byte, 1), 0);
    assert_false(tls_truncated(stream));
    tls_free(stream);
    close(fd);
    farm_close(&f);
}

static void https_requests_say_so(void **state)
{
    Farm f;
    int fd, served;
    farm_open(&f, LB_HTTP);
    f.listener->protocol = LB_HTTPS;
    f.listener->log_name = "log";
    f.listener->targets.n = 1;
    use_tls(&f, test_identity(f.fixture.arena, TEST_EC, "a.test"));
    fixture_apply(&f.fixture, 0);
    TlsStream *stream = tls_client(&f, &fd);
    for (int i = 0; i < 2; i++) {
        stream_write_all(stream, fd, GET, strlen(GET));
        if (i == 0)
            farm_accept(&f, &served);
        expect_head(served, "GET", "\r\nX-Forwarded-Proto: https\r\n", NULL);
        answer(served, "hello");
        expect_stream(stream, fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    }
    size_t size;
    uint64_t lost;
    g_autofree char *log = lb_take_log(f.fixture.lb, "farm", &size, &lost);
    g_autofree char *tail = g_strdup_printf(" %s %s\n", tls_cipher(stream), tls_protocol(stream));
    assert_true(g_str_has_suffix(log, tail));
    assert_non_null(strstr(log, "\"GET https://a:"));
    tls_free(stream);
    close(fd);
    close(served);
    farm_close(&f);
}

/* A target with TLS: the test's end of a connection to it. */
static TlsStream *tls_served(const Farm *farm, TlsContext *context, int *ret_fd)
{
    farm_accept(farm, ret_fd);
    int flags = 1;
    assert_int_equal(ioctl(*ret_fd, FIONBIO, &flags), 0);
    return tls_accept(context, *ret_fd);
}

static void targets_may_have_tls(void **state)
{
    Farm f;
    int served;
    farm_open(&f, LB_TCP);
    const TlsIdentity *identity = test_identity(f.fixture.arena, TEST_EC, "b.test");
    g_autoptr(TlsContext) context = test_server(f.fixture.arena, identity, NULL);
    f.listener->target_protocol = LB_SSL;
    fixture_apply(&f.fixture, 0);
    int client = client_open(f.listener->port);
    TlsStream *stream = tls_served(&f, context, &served);
    assert_int_equal(stream_handshake(stream, served), 0); /* though nobody has said anything yet */
    stream_write_all(stream, served, "banner", 6);
    expect_text(client, "banner");
    send_text(client, "question");
    expect_stream(stream, served, "question");
    tls_free(stream);
    close(served);
    close(client);
    farm_close(&f);
}

/* One byte from a client to a target with that context; whether its session went on. */
static bool is_resumed(const Farm *farm, TlsContext *context)
{
    int client = client_open(farm->listener->port), served;
    TlsStream *stream = tls_served(farm, context, &served);
    send_text(client, "x");
    expect_stream(stream, served, "x");
    bool resumed = tls_resumed(stream);
    tls_free(stream);
    close(served);
    close(client);
    return resumed;
}

static void sessions_with_targets_are_resumed(void **state)
{
    Farm f;
    farm_open(&f, LB_TCP);
    const TlsIdentity *identity = test_identity(f.fixture.arena, TEST_EC, "b.test");
    g_autoptr(TlsContext) one = test_server(f.fixture.arena, identity, NULL);
    g_autoptr(TlsContext) other = test_server(f.fixture.arena, identity, NULL);
    TlsClientOptions options = {0};
    list_add(&options.public_keys, f.fixture.arena, test_public_key(f.fixture.arena, identity));
    f.listener->targets.n = 1;
    f.listener->target_protocol = LB_SSL;
    f.listener->target_tls = &options;
    fixture_apply(&f.fixture, 0);
    assert_false(is_resumed(&f, one));
    assert_true(is_resumed(&f, one));
    assert_true(is_resumed(&f, one));
    assert_false(is_resumed(&f, other)); /* it was started again: its old keys are gone */
    assert_true(is_resumed(&f, other));
    farm_close(&f);
}

static void requests_pass_to_targets_with_tls(void **state)
{
    Farm f;
    int served;
    farm_open(&f, LB_HTTP);
    const TlsIdentity *identity = test_identity(f.fixture.arena, TEST_EC, "b.test");
    g_autoptr(TlsContext) context = test_server(f.fixture.arena, identity, NULL);
    f.listener->target_protocol = LB_HTTPS;
    f.listener->targets.n = 1;
    fixture_apply(&f.fixture, 0);
    int client = client_open(f.listener->port);
    TlsStream *stream = NULL;
    for (int i = 0; i < 3; i++) { /* over one connection */
        char bytes[1024];
        send_text(client, GET);
        if (!stream)
            stream = tls_served(&f, context, &served);
        ssize_t n = stream_read(stream, served, bytes, sizeof bytes);
        assert_true(n > 4 && memcmp(bytes, "GET ", 4) == 0);
        static const char reply[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
        stream_write_all(stream, served, reply, strlen(reply));
        expect_answer(client, "hello");
    }
    tls_free(stream);
    close(served);
    close(client);
    farm_close(&f);
}

static gpointer shake(gpointer data)
{
    const Farm *farm = data;
    g_autoptr(TlsContext) context = test_server(
        farm->fixture.arena, test_identity(farm->fixture.arena, TEST_EC, "b.test"), NULL);
    for (int i = 0; i < TARGETS; i++) {
        int served;
        TlsStream *stream = tls_served(farm, context, &served);
        assert_true(stream_handshake(stream, served) <= 0);
        tls_free(stream);
        close(served);
    }
    return NULL;
}

static void targets_with_another_key_are_not_trusted(void **state)
{
    Farm f;
    farm_open(&f, LB_HTTP);
    TlsClientOptions options = {0};
    const TlsIdentity *other = test_identity(f.fixture.arena, TEST_EC, "b.test");
    list_add(&options.public_keys, f.fixture.arena, test_public_key(f.fixture.arena, other));
    f.listener->target_protocol = LB_HTTPS;
    f.listener->target_tls = &options;
    fixture_apply(&f.fixture, 0);
    int client = client_open(f.listener->port);
    GThread *thread = g_thread_new("targets", shake, &f);
    send_text(client, GET);
    expect_head(client, "HTTP/1.1 503 ", NULL);
    g_thread_join(thread);
    close(client);
    farm_close(&f);
}

typedef struct Upload {
    TlsStream *stream;
    int fd;
    size_t n;
} Upload;

static gpointer upload(gpointer data)
{
    const Upload *u = data;
    g_autofree char *block = g_malloc0(1 << 16);
    for (size_t sent = 0; sent < u->n; sent += 1 << 16) {
        memset(block, (int)(sent >> 16), 1 << 16);
        stream_write_all(u->stream, u->fd, block, 1 << 16);
    }
    return NULL;
}

static void big_bodies_pass_through_tls(void **state)
{
    enum { SIZE = 16 << 20 };
    Farm f;
    int fd, served;
    farm_open(&f, LB_HTTP);
    f.listener->protocol = LB_HTTPS;
    use_tls(&f, test_identity(f.fixture.arena, TEST_EC, "a.test"));
    fixture_apply(&f.fixture, 0);
    TlsStream *stream = tls_client(&f, &fd);
    g_autofree char *put =
        g_strdup_printf("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", SIZE);
    stream_write_all(stream, fd, put, strlen(put));
    farm_accept(&f, &served);
    expect_head(served, "PUT", NULL);
    Upload u = {.stream = stream, .fd = fd, .n = SIZE};
    GThread *thread = g_thread_new("upload", upload, &u);
    g_autofree char *got = read_bytes(served, SIZE);
    g_thread_join(thread);
    for (size_t i = 0; i < SIZE; i += 4096)
        assert_int_equal((uint8_t)got[i], (uint8_t)(i >> 16));
    g_autofree char *head = g_strdup_printf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", SIZE);
    send_text(served, head);
    expect_stream(stream, fd, head);
    g_autofree char *back = g_malloc(SIZE);
    size_t sent = 0, n = 0;
    while (n < SIZE) {
        struct pollfd room = {.fd = served, .events = POLLOUT};
        if (sent < SIZE && poll(&room, 1, 0) == 1) {
            ssize_t r = send(served, got + sent, SIZE - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
            sent += r > 0 ? (size_t)r : 0;
        }
        ssize_t r = stream_read(stream, fd, back + n, SIZE - n);
        assert_true(r > 0);
        n += (size_t)r;
    }
    assert_memory_equal(back, got, SIZE);
    tls_free(stream);
    close(fd);
    close(served);
    farm_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tls_ends_at_an_ssl_listener),
        cmocka_unit_test(https_requests_say_so),
        cmocka_unit_test(targets_may_have_tls),
        cmocka_unit_test(sessions_with_targets_are_resumed),
        cmocka_unit_test(requests_pass_to_targets_with_tls),
        cmocka_unit_test(targets_with_another_key_are_not_trusted),
        cmocka_unit_test(big_bodies_pass_through_tls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
