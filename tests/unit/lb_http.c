/* lb/http_*.c: requests and answers on their way. */
#include "tests/unit/lb_http_fixture.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

static void request_says_where_it_came_from(void **state)
{
    Web w;
    web_open(&w, NULL);
    int client = web_client(&w);
    send_text(client, "GET /x?y=1 HTTP/1.1\r\nHost: a.test\r\nX-Other:  kept \r\n\r\n");
    int served = server_accept(w.server);
    g_autofree char *port = g_strdup_printf("\r\nX-Forwarded-Port: %u\r\n", w.listener->port);
    expect_head(served, "GET /x?y=1 HTTP/1.1\r\n", "\r\nHost: a.test\r\n",
                "\r\nX-Other:  kept \r\n", "\r\nX-Forwarded-For: 127.0.0.1\r\n",
                "\r\nX-Forwarded-Proto: http\r\n", port, NULL);
    answer(served, "hello");
    expect_answer(client, "hello");
    close(client);
    close(served);
    web_close(&w);
}

static void forwarded_for_is_continued_and_the_rest_replaced(void **state)
{
    Web w;
    web_open(&w, NULL);
    int client = web_client(&w);
    send_text(client, "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 10.0.0.1\r\n"
                      "x-forwarded-proto: https\r\nX-FORWARDED-PORT: 1\r\n"
                      "X-Forwarded-For: 10.0.0.2\r\n\r\n");
    int served = server_accept(w.server);
    const char *head = read_head(served);
    assert_non_null(strstr(head, "X-Forwarded-For: 10.0.0.1, 10.0.0.2, 127.0.0.1\r\n"));
    assert_null(strstr(head, "https"));
    assert_null(strstr(head, "PORT: 1\r\n"));
    close(client);
    close(served);
    web_close(&w);
}

static void connections_are_kept_on_both_sides_and_shared(void **state)
{
    Web w;
    web_open(&w, &(LbOptions){.threads = 1});
    int client = web_client(&w), other = web_client(&w);
    send_text(client, GET);
    int served = server_accept(w.server);
    expect_head(served, "GET", NULL);
    answer(served, "1");
    expect_answer(client, "1");
    exchange_text(client, served, "2");
    exchange_text(other, served, "3");
    exchange_text(client, served, "4");
    close(client);
    close(other);
    close(served);
    web_close(&w);
}

static void target_with_the_fewest_requests_is_next(void **state)
{
    Web w;
    uint16_t port;
    int second = server_open(&port);
    web_open(&w, NULL);
    fixture_target(&w.fixture, w.listener, port);
    fixture_apply(&w.fixture, 0);
    int clients[4], served[2] = {-1, -1};
    clients[0] = web_client(&w);
    send_text(clients[0], GET);
    struct pollfd either[] = {{.fd = w.server, .events = POLLIN}, {.fd = second, .events = POLLIN}};
    assert_int_equal(poll(either, 2, 10000), 1);
    bool busy = either[1].revents != 0; /* which has a request */
    int servers[] = {w.server, second};
    served[busy] = server_accept(servers[busy]);
    for (int i = 1; i < 4; i++) {
        clients[i] = web_client(&w);
        send_text(clients[i], GET);
        int here = server_accept(servers[!busy]);
        expect_head(here, "GET", NULL);
        answer(here, "x");
        expect_answer(clients[i], "x");
        close(here); /* so that the next needs another connection */
    }
    for (int i = 0; i < 4; i++)
        close(clients[i]);
    close(served[busy]);
    close(second);
    web_close(&w);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    Web w;
    web_open(&w, NULL);
    int client = web_client(&w);
    send_text(client, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"
                      "POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
                      "GET /3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /never");
    int served = server_accept(w.server);
    expect_head(served, "GET /1 ", NULL);
    expect_silence(served); /* one at a time */
    answer(served, "one");
    expect_head(served, "POST /2 ", NULL);
    expect_text(served, "abc");
    answer(served, "two");
    expect_head(served, "GET /3 ", NULL);
    answer(served, "three");
    expect_answer(client, "one");
    expect_answer(client, "two");
    expect_head(client, "HTTP/1.1 200 OK\r\n", "\r\nConnection: close\r\n", NULL);
    expect_text(client, "three");
    expect_end(client);
    expect_silence(served);
    close(client);
    close(served);
    web_close(&w);
}

static void old_clients_get_what_they_understand(void **state)
{
    Web w;
    web_open(&w, NULL);
    int client = web_client(&w);
    send_text(client, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    int served = server_accept(w.server);
    expect_head(served, "GET / HTTP/1.1\r\nHost: 127.0.0.1:", NULL);
    answer(served, "1");
    expect_head(client, "HTTP/1.1 200 OK\r\n", "\r\nConnection: keep-alive\r\n", NULL);
    expect_text(client, "1");
    send_text(client, "GET / HTTP/1.0\r\nHost: a\r\n\r\n");
    expect_head(served, "GET / HTTP/1.1\r\nHost: a\r\n", NULL);
    send_text(served, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                      "5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nX-T: 1\r\n\r\n");
    expect_head_without(client, "HTTP/1.1 200 OK\r\n", "chunked");
    expect_text(client, "hello world");
    expect_end(client);
    close(client);
    close(served);
    web_close(&w);
}

static void some_answers_have_no_body_whatever_they_say(void **state)
{
    Web w;
    web_open(&w, NULL);
    int client = web_client(&w);
    send_text(client, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    int served = server_accept(w.server);
    expect_head(served, "HEAD", NULL);
    send_text(served, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    expect_head(client, "HTTP/1.1 200", "Content-Length: 1000", NULL);
    const char *bodiless[] = {"204 No Content", "304 Not Modified"};
    for (int i = 0; i < 2; i++) {
        g_autofree char *text =
            g_strdup_printf("HTTP/1.1 %s\r\nContent-Length: 9\r\n\r\n", bodiless[i]);
        send_text(client, GET);
        expect_head(served, "GET", NULL);
        send_text(served, text);
        expect_head(client, "HTTP/1.1 ", bodiless[i], NULL);
    }
    exchange_text(client, served, "still in step");
    close(client);
    close(served);
    web_close(&w);
}

static void chunks_and_trailers_pass_both_ways(void **state)
{
    static const char body[] = "4\r\nWiki\r\n6;a=\"b\"\r\npedia \r\n0\r\nX-Sum: abc\r\n\r\n";
    Web w;
    web_open(&w, NULL);
    int client = web_client(&w);
    send_text(client, "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    int served = server_accept(w.server);
    expect_head(served, "PUT", "\r\nTransfer-Encoding: chunked\r\n", NULL);
    for (size_t i = 0; i < strlen(body); i++) { /* however it is cut */
        char one[] = {body[i], 0};
        send_text(client, one);
    }
    expect_text(served, body);
    send_text(served, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    expect_head(client, "HTTP/1.1 200", "\r\nTransfer-Encoding: chunked\r\n", NULL);
    for (size_t i = 0; i < strlen(body); i++) {
        char one[] = {body[i], 0};
        send_text(served, one);
    }
    expect_text(client, body);
    exchange_text(client, served, "next");
    close(client);
    close(served);
    web_close(&w);
}

static void answer_without_a_length_lasts_until_its_end(void **state)
{
    Web w;
    web_open(&w, NULL);
    int client = web_client(&w);
    send_text(client, GET);
    int served = server_accept(w.server);
    expect_head(served, "GET", NULL);
    send_text(served, "HTTP/1.0 200 Fine\r\n\r\nsome");
    expect_head(client, "HTTP/1.1 200 Fine\r\n", "\r\nConnection: close\r\n", NULL);
    expect_text(client, "some");
    send_text(served, " more");
    close(served);
    expect_text(client, " more");
    expect_end(client);
    close(client);
    web_close(&w);
}

static void body_waits_for_the_continue(void **state)
{
    Web w;
    web_open(&w, NULL);
    int client = web_client(&w);
    send_text(client, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                      "Content-Length: 4\r\n\r\n");
    int served = server_accept(w.server);
    expect_head(served, "POST", "\r\nExpect: 100-continue\r\n", NULL);
    send_text(served, "HTTP/1.1 100 Continue\r\n\r\n");
    expect_head(client, "HTTP/1.1 100 Continue\r\n", NULL);
    send_text(client, "body");
    expect_text(served, "body");
    send_text(served, "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 201 Created\r\n"
                      "Content-Length: 0\r\n\r\n");
    expect_head(client, "HTTP/1.1 102 Processing\r\n", NULL);
    expect_head(client, "HTTP/1.1 201 Created\r\n", NULL);
    exchange_text(client, served, "next");
    close(client);
    close(served);
    web_close(&w);
}

static void upgraded_connection_is_a_tunnel(void **state)
{
    Web w;
    web_open(&w, NULL);
    int client = web_client(&w);
    send_text(client, "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\n"
                      "Upgrade: websocket\r\n\r\n");
    int served = server_accept(w.server);
    expect_head(served, "GET /chat ", "\r\nConnection: Upgrade\r\n", "\r\nUpgrade: websocket\r\n",
                NULL);
    send_text(served, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n"
                      "Upgrade: websocket\r\n\r\nhello");
    expect_head(client, "HTTP/1.1 101 ", "\r\nConnection: Upgrade\r\n",
                "\r\nUpgrade: websocket\r\n", NULL);
    expect_text(client, "hello");
    send_text(client, "GET / is no request here\n\n");
    expect_text(served, "GET / is no request here\n\n");
    send_text(served, "\x81\x05");
    expect_text(client, "\x81\x05");
    shutdown(client, SHUT_WR);
    expect_end(served);
    send_text(served, "late");
    close(served);
    expect_text(client, "late");
    expect_end(client);
    close(client);
    fixture_wait_stat(&w.fixture, connections, 0);
    web_close(&w);
}

static void upgrade_nobody_asked_for_is_a_bad_answer(void **state)
{
    Web w;
    web_open(&w, NULL);
    int client = web_client(&w);
    send_text(client, GET);
    int served = server_accept(w.server);
    expect_head(served, "GET", NULL);
    send_text(served, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n"
                      "Upgrade: x\r\n\r\n");
    expect_head(client, "HTTP/1.1 502 BAD_GATEWAY\r\n", NULL);
    close(client);
    close(served);
    web_close(&w);
}

static void http2_cannot_be_asked_for(void **state)
{
    Web w;
    web_open(&w, NULL);
    int client = web_client(&w);
    send_text(client, "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\n"
                      "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n");
    int served = server_accept(w.server);
    const char *head = read_head(served);
    assert_null(strstr(head, "h2c"));
    assert_null(strstr(head, "Settings"));
    answer(served, "plain");
    expect_answer(client, "plain");
    close(client);
    close(served);
    web_close(&w);
}

static void fields_of_the_connection_end_here(void **state)
{
    Web w;
    web_open(&w, NULL);
    int client = web_client(&w);
    send_text(client, "GET / HTTP/1.1\r\nHost: a\r\nConnection: X-Hop, host, keep-alive\r\n"
                      "Keep-Alive: timeout=5\r\nProxy-Connection: x\r\nTE: trailers\r\n"
                      "x-hop: secret\r\nX-Stays: yes\r\n\r\n");
    int served = server_accept(w.server);
    g_autofree char *head = g_strdup(read_head(served));
    const char *gone[] = {"Connection", "Keep-Alive", "TE:", "secret"};
    for (size_t i = 0; i < G_N_ELEMENTS(gone); i++)
        assert_null(strstr(head, gone[i]));
    assert_non_null(strstr(head, "X-Stays: yes\r\n"));
    assert_non_null(strstr(head, "Host: a\r\n"));
    send_text(served, "HTTP/1.1 200 OK\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\n"
                      "Content-Length: 0\r\n\r\n");
    head = (g_free(head), g_strdup(read_head(client)));
    assert_null(strstr(head, "Connection"));
    assert_null(strstr(head, "X-Hop"));
    expect_end(served); /* it asked for that */
    close(served);
    send_text(client, GET); /* and the client did not */
    served = server_accept(w.server);
    expect_head(served, "GET", NULL);
    answer(served, "again");
    expect_answer(client, "again");
    close(client);
    close(served);
    web_close(&w);
}

static void loose_answers_are_tightened(void **state)
{
    Web w;
    web_open(&w, NULL);
    int client = web_client(&w);
    send_text(client, GET);
    int served = server_accept(w.server);
    expect_head(served, "GET", NULL);
    send_text(served, "HTTP/1.0 200 OK\nA:b\nContent-Length:2\n\nhi");
    expect_head(client, "HTTP/1.1 200 OK\r\n", "\r\nA: b\r\nContent-Length: 2\r\n\r\n", NULL);
    expect_text(client, "hi");
    close(client);
    close(served);
    web_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_says_where_it_came_from),
        cmocka_unit_test(forwarded_for_is_continued_and_the_rest_replaced),
        cmocka_unit_test(connections_are_kept_on_both_sides_and_shared),
        cmocka_unit_test(target_with_the_fewest_requests_is_next),
        cmocka_unit_test(pipelined_requests_are_answered_in_order),
        cmocka_unit_test(old_clients_get_what_they_understand),
        cmocka_unit_test(some_answers_have_no_body_whatever_they_say),
        cmocka_unit_test(chunks_and_trailers_pass_both_ways),
        cmocka_unit_test(answer_without_a_length_lasts_until_its_end),
        cmocka_unit_test(body_waits_for_the_continue),
        cmocka_unit_test(upgraded_connection_is_a_tunnel),
        cmocka_unit_test(upgrade_nobody_asked_for_is_a_bad_answer),
        cmocka_unit_test(http2_cannot_be_asked_for),
        cmocka_unit_test(fields_of_the_connection_end_here),
        cmocka_unit_test(loose_answers_are_tightened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
