/* api/server.h, server_take: connections whose TLS somebody else has taken off. */
#include "api/server.h"
#include "tests/unit/unit.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool match(const Route *route, const HttpRequest *request)
{
    return true;
}

/* Tells what it knows of the request. */
static RouteNext tell(Exchange *exchange)
{
    exchange->reply.status = 200;
    buffer_add_text(&exchange->reply.body, http_scheme(&exchange->request));
    buffer_add_text(&exchange->reply.body, " from ");
    buffer_add_text(&exchange->reply.body, exchange->request.source_ip);
    return ROUTE_REPLY;
}

static void refuse(Exchange *exchange, const GError *why)
{
    exchange->reply.status = 503;
}

static const Route route = {
    .name = "tell", .match = match, .max_body = 1024, .finish = tell, .refuse = refuse};
static const Route *const routes[] = {&route, NULL};

static Server *open_server(void)
{
    Server *server = server_new(&(ServerConfig){.routes = routes, .workers = 1});
    assert_true(server_add_secure(server, 0, NULL));
    return server;
}

/* The client's end of a connection that server took from 127.1.2.3. */
static int connect_to(Server *server, int expected)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(fcntl(pair[0], F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(server_take(server, pair[0], 0x7f010203), expected);
    return pair[1];
}

static void ask(int fd)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_int_equal(send(fd, request, sizeof request - 1, MSG_NOSIGNAL), sizeof request - 1);
}

/* Waits until what came ends so. */
static void expect_end_of_answer(int fd, const char *end)
{
    char got[4096];
    size_t n = 0;
    do {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        assert_int_equal(poll(&p, 1, 10000), 1);
        ssize_t r = recv(fd, got + n, sizeof got - 1 - n, 0);
        assert_true(r > 0);
        n += (size_t)r;
        got[n] = '\0';
    } while (!g_str_has_suffix(got, end));
}

static void taken_connection_is_https_from_its_client(void **state)
{
    g_autoptr(Server) server = open_server();
    int fd = connect_to(server, 0);
    for (int i = 0; i < 3; i++) {
        ask(fd);
        expect_end_of_answer(fd, "https from 127.1.2.3");
    }
    close(fd);
}

static void own_listener_is_http(void **state)
{
    g_autoptr(Server) server = open_server();
    int listener;
    assert_true(server_listen("127.0.0.1", 0, &listener, NULL));
    struct sockaddr_storage where;
    socklen_t size = sizeof where;
    assert_int_equal(getsockname(listener, (struct sockaddr *)&where, &size), 0);
    assert_true(server_add_listener(server, listener, 1, 0, NULL));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&where, size), 0);
    ask(fd);
    expect_end_of_answer(fd, "http from 127.0.0.1");
    close(fd);
}

static void stopped_server_takes_nothing(void **state)
{
    g_autoptr(Server) server = open_server();
    server_stop(server);
    int fd = connect_to(server, -ECONNREFUSED);
    char byte;
    assert_int_equal(recv(fd, &byte, 1, 0), 0);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(taken_connection_is_https_from_its_client),
        cmocka_unit_test(own_listener_is_http),
        cmocka_unit_test(stopped_server_takes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
