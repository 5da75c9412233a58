/* See lb_fixture.h. */
#include "tests/unit/lb_fixture.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DEADLINE_MS = 10000 };

void fixture_open(Fixture *fixture, const LbOptions *options)
{
    *fixture = (Fixture){.arena = arena_new()};
    assert_int_equal(lb_open(options, &fixture->lb), 0);
}

void fixture_close(Fixture *fixture)
{
    lb_close(fixture->lb);
    arena_free(fixture->arena);
}

LbListener *fixture_listener(Fixture *fixture, uint16_t target_port)
{
    LbListener *listener = arena_new_struct(fixture->arena, LbListener);
    listener->address = LOOPBACK;
    listener->port = free_port();
    fixture_allow(fixture, listener, LOOPBACK, UINT32_MAX);
    if (target_port)
        fixture_target(fixture, listener, target_port);
    list_add(&fixture->config.listeners, fixture->arena, listener);
    return listener;
}

void fixture_target(Fixture *fixture, LbListener *listener, uint16_t port)
{
    LbTarget *target = arena_new_struct(fixture->arena, LbTarget);
    *target = (LbTarget){.address = LOOPBACK, .port = port};
    list_add(&listener->targets, fixture->arena, target);
}

void fixture_allow(Fixture *fixture, LbListener *listener, uint32_t network, uint32_t mask)
{
    LbCidr *cidr = arena_new_struct(fixture->arena, LbCidr);
    *cidr = (LbCidr){.network = network, .mask = mask};
    list_add(&listener->allowed, fixture->arena, cidr);
}

void fixture_apply(Fixture *fixture, size_t failures)
{
    int r = lb_apply(fixture->lb, &fixture->config, fixture->arena, &fixture->failures);
    assert_int_equal(r, 0);
    assert_int_equal(fixture->failures.n, failures);
}

void fixture_wait_stat_at(Fixture *fixture, size_t offset, size_t size, uint64_t value)
{
    uint64_t have = 0;
    for (gint64 end = g_get_monotonic_time() + DEADLINE_MS * 1000; g_get_monotonic_time() < end;) {
        LbStats stats;
        lb_stats(fixture->lb, &stats);
        have = 0;
        memcpy(&have, (char *)&stats + offset, size); /* little endian, as this host is */
        if (have == value)
            return;
        g_thread_yield();
    }
    fail_msg("the statistic stayed at %" G_GUINT64_FORMAT, have);
}

int server_open(uint16_t *ret_port)
{
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(LOOPBACK)};
    socklen_t size = sizeof where;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&where, size), 0);
    assert_int_equal(listen(fd, 1024), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&where, &size), 0);
    *ret_port = ntohs(where.sin_port);
    return fd;
}

int server_accept(int server)
{
    wait_for(server, POLLIN);
    int fd = accept4(server, NULL, NULL, SOCK_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

uint16_t free_port(void)
{
    uint16_t port;
    close(server_open(&port));
    return port;
}

int client_open_from(uint32_t source, uint16_t port)
{
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(source)};
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(LOOPBACK), .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof from), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

int client_open(uint16_t port)
{
    return client_open_from(LOOPBACK, port);
}

void wait_for(int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};
    int n;
    do
        n = poll(&p, 1, DEADLINE_MS);
    while (n < 0 && errno == EINTR);
    if (n != 1)
        fail_msg("nothing happened in time");
}

void send_text(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

void expect_text(int fd, const char *text)
{
    char got[256];
    size_t want = strlen(text), n = 0;
    assert_true(want < sizeof got);
    while (n < want) {
        wait_for(fd, POLLIN);
        ssize_t r = recv(fd, got + n, want - n, 0);
        assert_true(r > 0);
        n += (size_t)r;
    }
    assert_memory_equal(got, text, want);
}

void expect_end(int fd)
{
    char byte;
    wait_for(fd, POLLIN);
    assert_int_equal(recv(fd, &byte, 1, 0), 0);
}

void expect_reset(int fd)
{
    char byte;
    wait_for(fd, POLLIN);
    assert_int_equal(recv(fd, &byte, 1, 0), -1);
    assert_int_equal(errno, ECONNRESET);
}

void expect_connected(int client, int served)
{
    send_text(client, "question");
    expect_text(served, "question");
    send_text(served, "answer");
    expect_text(client, "answer");
}
