/* api/server.h over real sockets: keep-alive, workers, caps, clients that go away, stopping. */
#include "tests/unit/api_server_fixture.h"

#define DESCRIBE "Action=Describe&Version=2016-11-15&Name=n"
#define CREATE "Action=Create&Version=2016-11-15&Name=n"
#define WAIT "Action=Wait&Version=2016-11-15&Name=n"

static void send_signed(Client *client, const char *body)
{
    g_autofree char *text = site_sign("POST", "/", body);
    client_send_request(client, text);
}

static void assert_status(Client *client, unsigned status)
{
    g_auto(Answer) answer = client_receive(client);
    if (answer.status != status)
        fail_msg("%u instead of %u: %s", answer.status, status, answer.body ? answer.body : "");
}

static void wait_for_waiting(unsigned n)
{
    int64_t deadline = g_get_monotonic_time() + 20 * G_TIME_SPAN_SECOND;
    while (fake_waiting() != n) {
        assert_true(g_get_monotonic_time() < deadline);
        g_thread_yield();
    }
}

static void wait_for_size(atomic_size_t *value, size_t wanted)
{
    int64_t deadline = g_get_monotonic_time() + 20 * G_TIME_SPAN_SECOND;
    while (atomic_load(value) != wanted) {
        assert_true(g_get_monotonic_time() < deadline);
        g_thread_yield();
    }
}

static void one_connection_carries_many_requests(void **state)
{
    g_autoptr(Site) site = site_open((SiteOptions){0});
    g_auto(Client) client = client_connect(site->port);
    for (int i = 0; i < 20; i++) {
        send_signed(&client, i % 2 ? CREATE : DESCRIBE);
        g_auto(Answer) answer = client_receive(&client);
        assert_int_equal(answer.status, 200);
        assert_non_null(strstr(answer.body, "<name>n</name>"));
        assert_non_null(strstr(answer.head, "x-amzn-RequestId: "));
        assert_non_null(strstr(answer.head, "Content-Type: text/xml;charset=UTF-8"));
    }
}

static void requests_may_follow_each_other_closely(void **state)
{
    g_autoptr(Site) site = site_open((SiteOptions){0});
    g_auto(Client) client = client_connect(site->port);
    for (int i = 0; i < 6; i++)
        send_signed(&client, i % 2 ? CREATE : DESCRIBE);
    for (int i = 0; i < 6; i++)
        assert_status(&client, 200);
}

static void two_listeners_serve_the_same(void **state)
{
    g_autoptr(Site) site = site_open((SiteOptions){0});
    g_auto(Client) client = client_connect(site_listen(site));
    send_signed(&client, CREATE);
    assert_status(&client, 200);
}

static void *be_busy(void *data)
{
    const Site *site = data;
    Client clients[16];
    for (size_t i = 0; i < G_N_ELEMENTS(clients); i++)
        clients[i] = client_connect(site->port);
    for (int round = 0; round < 10; round++) {
        for (size_t i = 0; i < G_N_ELEMENTS(clients); i++)
            send_signed(&clients[i], (i + (size_t)round) % 3 ? CREATE : DESCRIBE);
        for (size_t i = 0; i < G_N_ELEMENTS(clients); i++)
            assert_status(&clients[i], 200);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(clients); i++)
        client_close(&clients[i]);
    return NULL;
}

static void many_connections_are_served_at_once(void **state)
{
    g_autoptr(Site) site = site_open((SiteOptions){0});
    GThread *threads[4];
    for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("busy", be_busy, site);
    for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
        g_thread_join(threads[i]);
}

static void reading_goes_on_while_all_workers_wait(void **state)
{
    g_autoptr(Site) site = site_open((SiteOptions){.workers = 1});
    g_auto(Client) waiting = client_connect(site->port);
    g_auto(Client) reading = client_connect(site->port);
    fake_gate_close();
    send_signed(&waiting, WAIT);
    wait_for_waiting(1);
    send_signed(&reading, DESCRIBE);
    assert_status(&reading, 200);
    fake_gate_open();
    assert_status(&waiting, 200);
}

static void too_much_work_is_refused(void **state)
{
    g_autoptr(Site) site = site_open((SiteOptions){.workers = 1, .max_queued = 1});
    g_auto(Client) first = client_connect(site->port);
    Client others[2] = {client_connect(site->port), client_connect(site->port)};
    fake_gate_close();
    send_signed(&first, WAIT);
    wait_for_waiting(1);
    send_signed(&others[0], WAIT);
    send_signed(&others[1], WAIT);
    /* One of both is queued, the other refused at once. */
    GPollFD polled[] = {{others[0].fd, G_IO_IN, 0}, {others[1].fd, G_IO_IN, 0}};
    assert_int_equal(g_poll(polled, 2, 20000), 1);
    int refused = polled[1].revents != 0;
    g_auto(Answer) answer = client_receive(&others[refused]);
    assert_int_equal(answer.status, 503);
    assert_non_null(strstr(answer.body, "<Code>RequestLimitExceeded</Code>"));
    fake_gate_open();
    assert_status(&first, 200);
    assert_status(&others[!refused], 200);
    client_close(&others[0]);
    client_close(&others[1]);
}

static void client_may_go_while_a_worker_has_its_request(void **state)
{
    g_autoptr(Site) site = site_open((SiteOptions){0});
    fake_gate_close();
    for (unsigned i = 0; i < 8; i++) {
        g_auto(Client) client = client_connect(site->port);
        send_signed(&client, WAIT);
        wait_for_waiting(i + 1);
    }
    fake_gate_open();
    wait_for_waiting(0);
    g_auto(Client) client = client_connect(site->port);
    send_signed(&client, DESCRIBE);
    assert_status(&client, 200);
}

static void client_may_go_in_the_middle_of_a_body(void **state)
{
    static const char half[] = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf";
    g_autoptr(Site) site = site_open((SiteOptions){0});
    for (int i = 0; i < 8; i++) {
        g_auto(Client) client = client_connect(site->port);
        client_send(&client, half, strlen(half));
    }
    g_auto(Client) client = client_connect(site->port);
    send_signed(&client, DESCRIBE);
    assert_status(&client, 200);
}

static void large_body_is_refused_and_the_connection_lives(void **state)
{
    g_autoptr(Site) site = site_open((SiteOptions){0});
    g_auto(Client) client = client_connect(site->port);
    g_autofree char *filler = g_strnfill(QUERY_MAX_BODY + 1, 'a');
    g_autofree char *text = g_strconcat(
        "POST /\nHost: fake\nContent-Type: application/x-www-form-urlencoded\n\n", filler, NULL);
    client_send_request(&client, text);
    g_auto(Answer) answer = client_receive(&client);
    assert_int_equal(answer.status, 413);
    assert_non_null(strstr(answer.body, "<Code>RequestEntityTooLarge</Code>"));
    send_signed(&client, DESCRIBE);
    assert_status(&client, 200);
}

static void large_chunked_body_is_refused(void **state)
{
    static const char head[] = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    g_autoptr(Site) site = site_open((SiteOptions){0});
    g_auto(Client) client = client_connect(site->port);
    g_autofree char *filler = g_strnfill(0x10000, 'a');
    client_send(&client, head, strlen(head));
    for (int i = 0; i < 20; i++) {
        client_send(&client, "10000\r\n", 7);
        client_send(&client, filler, 0x10000);
        client_send(&client, "\r\n", 2);
    }
    client_send(&client, "0\r\n\r\n", 5);
    assert_status(&client, 413);
}

static void client_that_asks_first_is_spared_the_sending(void **state)
{
    static const char head[] = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n"
                               "Expect: 100-continue\r\n\r\n";
    g_autoptr(Site) site = site_open((SiteOptions){0});
    g_auto(Client) client = client_connect(site->port);
    client_send(&client, head, strlen(head));
    assert_status(&client, 413);
}

static void large_headers_are_refused(void **state)
{
    g_autoptr(Site) site = site_open((SiteOptions){0});
    g_auto(Client) client = client_connect(site->port);
    g_autofree char *filler = g_strnfill(SERVER_HEADER_BYTES, 'a');
    g_autofree char *text = g_strconcat("GET /\nHost: x\nX-Long: ", filler, "\n", NULL);
    client_send_request(&client, text);
    g_auto(Answer) answer = client_receive(&client);
    assert_true(answer.status == 431 || answer.status == 413 || answer.status == 0);
    g_auto(Client) next = client_connect(site->port);
    send_signed(&next, DESCRIBE);
    assert_status(&next, 200);
}

static void unsigned_and_odd_requests_get_errors(void **state)
{
    static const struct {
        const char *text;
        unsigned status;
    } cases[] = {
        {"GET /?Action=Describe\nHost: fake", 400},
        {"HEAD /\nHost: fake", 405},
        {"OPTIONS /\nHost: fake", 405},
        {"BREW /\nHost: fake", 405},
        {"GET /_cumulet/status\nHost: fake", 403},
        {"GET /nothing\nHost: x", 403},
        {"POST /_cumulet/reset\nHost: fake", 403},
    };
    g_autoptr(Site) site = site_open((SiteOptions){.allow_reset = true});
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(Client) client = client_connect(site->port);
        client_send_request(&client, cases[i].text);
        if (g_str_has_prefix(cases[i].text, "HEAD"))
            g_string_truncate(client.read, 0); /* no body follows; the status is enough */
        else
            assert_status(&client, cases[i].status);
    }
    assert_int_equal(atomic_load(&site->resets), 0);
}

static void route_may_take_a_body_piece_by_piece(void **state)
{
    g_autoptr(Site) site = site_open((SiteOptions){0});
    g_auto(Client) client = client_connect(site->port);
    g_autofree char *filler = g_strnfill(3 * QUERY_MAX_BODY, 'a');
    g_autofree char *text = g_strconcat("PUT /stream\nHost: x\n\n", filler, NULL);
    client_send_request(&client, text);
    assert_status(&client, 200);
    assert_int_equal(atomic_load(&site->stream.bytes), 3 * QUERY_MAX_BODY);
    client_send_request(&client, "PUT /stream\nHost: x\n\nstop");
    assert_status(&client, 400);
    wait_for_size(&site->stream.ended, 2);
}

static void route_hears_when_its_client_goes(void **state)
{
    static const char half[] = "PUT /stream HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf";
    g_autoptr(Site) site = site_open((SiteOptions){0});
    {
        g_auto(Client) client = client_connect(site->port);
        client_send(&client, half, strlen(half));
        wait_for_size(&site->stream.bytes, 4);
    }
    wait_for_size(&site->stream.ended, 1);
}

static void *stop_server(void *server)
{
    server_stop(server);
    return NULL;
}

static void stopping_finishes_what_runs(void **state)
{
    g_autoptr(Site) site = site_open((SiteOptions){0});
    g_auto(Client) running = client_connect(site->port);
    g_auto(Client) idle = client_connect(site->port);
    send_signed(&idle, DESCRIBE);
    assert_status(&idle, 200);
    fake_gate_close();
    send_signed(&running, WAIT);
    wait_for_waiting(1);

    GThread *stopper = g_thread_new("stopper", stop_server, site->server);
    /* Requests are answered until the stop has begun; then one hears of it and is the last. */
    for (bool closing = false; !closing;) {
        send_signed(&idle, DESCRIBE);
        g_auto(Answer) answer = client_receive(&idle);
        closing = strstr(answer.head, "Connection: close");
        assert_int_equal(answer.status,
                         strstr(answer.body, "The service is stopping.") ? 503 : 200);
    }
    g_auto(Client) late = client_connect(site->port);
    send_signed(&late, DESCRIBE);
    assert_status(&late, 503);
    fake_gate_open();
    assert_status(&running, 200);
    g_thread_join(stopper);
    assert_int_equal(client_receive(&running).status, 0);
}

static void taken_port_is_named(void **state)
{
    g_autoptr(Site) site = site_open((SiteOptions){0});
    g_autoptr(GError) error = NULL;
    int fd = -1;
    assert_false(server_listen("127.0.0.1", site->port, &fd, &error));
    assert_error_says(error, "is taken: stop the program that listens there");
    g_clear_error(&error);
    assert_false(server_listen("localhost", 0, &fd, &error));
    assert_error_says(error, "cannot listen on localhost");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_connection_carries_many_requests),
        cmocka_unit_test(requests_may_follow_each_other_closely),
        cmocka_unit_test(two_listeners_serve_the_same),
        cmocka_unit_test(many_connections_are_served_at_once),
        cmocka_unit_test(reading_goes_on_while_all_workers_wait),
        cmocka_unit_test(too_much_work_is_refused),
        cmocka_unit_test(client_may_go_while_a_worker_has_its_request),
        cmocka_unit_test(client_may_go_in_the_middle_of_a_body),
        cmocka_unit_test(large_body_is_refused_and_the_connection_lives),
        cmocka_unit_test(large_chunked_body_is_refused),
        cmocka_unit_test(client_that_asks_first_is_spared_the_sending),
        cmocka_unit_test(large_headers_are_refused),
        cmocka_unit_test(unsigned_and_odd_requests_get_errors),
        cmocka_unit_test(route_may_take_a_body_piece_by_piece),
        cmocka_unit_test(route_hears_when_its_client_goes),
        cmocka_unit_test(stopping_finishes_what_runs),
        cmocka_unit_test(taken_port_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
