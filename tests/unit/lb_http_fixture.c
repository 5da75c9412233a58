/* See lb_http_fixture.h. */
#include "tests/unit/lb_http_fixture.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

void web_open(Web *web, const LbOptions *options)
{
    static const LbOptions usual = {.threads = 2};
    fixture_open(&web->fixture, options ? options : &usual);
    web->server = server_open(&web->server_port);
    web->listener = fixture_listener(&web->fixture, web->server_port);
    web->listener->protocol = web->listener->target_protocol = LB_HTTP;
    web->listener->balancer = "balancer";
    fixture_apply(&web->fixture, 0);
}

void web_close(Web *web)
{
    close(web->server);
    fixture_close(&web->fixture);
}

int web_client(const Web *web)
{
    return client_open(web->listener->port);
}

const char *read_head(int fd)
{
    static char head[80 << 10];
    size_t n = 0;
    while (n < 4 || memcmp(head + n - 4, "\r\n\r\n", 4) != 0) {
        assert_true(n < sizeof head - 1);
        wait_for(fd, POLLIN);
        ssize_t got = recv(fd, head + n, 1, 0);
        if (got != 1)
            fail_msg("the stream ended within a head: %.*s", (int)n, head);
        n++;
    }
    head[n] = 0;
    return head;
}

void expect_head(int fd, ...)
{
    const char *head = read_head(fd), *text;
    va_list list;
    va_start(list, fd);
    for (int i = 0; (text = va_arg(list, const char *)); i++) {
        const char *at = strstr(head, text);
        if (!at || (i == 0 && at != head))
            fail_msg("\"%s\" has no \"%s\"", head, text);
    }
    va_end(list);
}

void expect_head_without(int fd, const char *begin, const char *text)
{
    const char *head = read_head(fd);
    if (!g_str_has_prefix(head, begin) || strstr(head, text))
        fail_msg("\"%s\" does not begin with \"%s\" or has \"%s\"", head, begin, text);
}

char *read_bytes(int fd, size_t n)
{
    char *bytes = g_malloc(n + 1);
    for (size_t have = 0; have < n;) {
        wait_for(fd, POLLIN);
        ssize_t got = recv(fd, bytes + have, n - have, 0);
        assert_true(got > 0);
        have += (size_t)got;
    }
    bytes[n] = 0;
    return bytes;
}

void answer(int served, const char *body)
{
    g_autofree char *text =
        g_strdup_printf("HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);
    send_text(served, text);
}

void expect_answer(int client, const char *body)
{
    expect_head(client, "HTTP/1.1 200 OK\r\n", NULL);
    g_autofree char *got = read_bytes(client, strlen(body));
    assert_string_equal(got, body);
}

void exchange_text(int client, int served, const char *body)
{
    send_text(client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    expect_head(served, "GET / HTTP/1.1\r\n", NULL);
    answer(served, body);
    expect_answer(client, body);
}

void expect_silence(int fd)
{
    struct pollfd silent = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&silent, 1, 100), 0);
}
