/* Which target gets what: turns, zones, sessions, and what the proxy header adds to it. */
#include "tests/unit/lb_farm_fixture.h"
#include "tests/unit/lb_http_fixture.h"

#include <sys/socket.h>
#include <unistd.h>

static void count_turns(const Farm *farm, int n, int turns[TARGETS])
{
    memset(turns, 0, TARGETS * sizeof *turns);
    for (int i = 0; i < n; i++) {
        int client = client_open(farm->listener->port), served;
        turns[farm_accept(farm, &served)]++;
        expect_connected(client, served);
        close(client);
        close(served);
    }
}

static void turns_go_around_all_targets_or_around_the_zones(void **state)
{
    Farm f;
    int turns[TARGETS];
    farm_open(&f, LB_TCP);
    count_turns(&f, 12, turns);
    assert_int_equal(turns[0], 4);
    assert_int_equal(turns[1], 4);
    assert_int_equal(turns[2], 4);
    f.listener->zonal = true;
    fixture_apply(&f.fixture, 0);
    count_turns(&f, 12, turns);
    assert_int_equal(turns[0], 3);
    assert_int_equal(turns[1], 3);
    assert_int_equal(turns[2], 6);
    f.targets[2]->out_of_service = true; /* a zone without targets gets nothing */
    fixture_apply(&f.fixture, 0);
    count_turns(&f, 12, turns);
    assert_int_equal(turns[0], 6);
    assert_int_equal(turns[1], 6);
    LbBalancerCounts counts;
    assert_true(lb_balancer_counts(f.fixture.lb, "farm", false, f.fixture.arena, &counts));
    assert_int_equal(counts.total.requests, 36);
    assert_int_equal(counts.targets.n, 3);
    farm_close(&f);
}

static void target_out_of_service_keeps_what_it_has(void **state)
{
    Farm f;
    farm_open(&f, LB_TCP);
    int client = client_open(f.listener->port), served, which = farm_accept(&f, &served);
    f.targets[which]->out_of_service = true;
    fixture_apply(&f.fixture, 0);
    expect_connected(client, served);
    f.listener->drain_seconds = 1;
    f.targets[which]->draining = true;
    fixture_apply(&f.fixture, 0);
    expect_connected(client, served);
    expect_end(client); /* its time is over */
    expect_end(served);
    close(client);
    close(served);
    farm_close(&f);
}

static unsigned outstanding(const Farm *farm, int which)
{
    LbBalancerCounts counts;
    assert_true(lb_balancer_counts(farm->fixture.lb, "farm", false, farm->fixture.arena, &counts));
    LIST_EACH (const LbTargetCounts *, target, &counts.targets) {
        if (strcmp(target->id, farm->targets[which]->id) == 0)
            return target->outstanding;
    }
    return 0;
}

/* Who drains waits for nothing else. */
static void target_that_has_said_all_has_nothing_outstanding(void **state)
{
    Farm f;
    farm_open(&f, LB_TCP);
    int client = client_open(f.listener->port), served, which = farm_accept(&f, &served);
    expect_connected(client, served);
    assert_int_equal(outstanding(&f, which), 1);
    f.listener->drain_seconds = 600;
    f.targets[which]->draining = f.targets[which]->out_of_service = true;
    fixture_apply(&f.fixture, 0);
    shutdown(client, SHUT_WR); /* an answer is still awaited */
    expect_end(served);
    assert_int_equal(outstanding(&f, which), 1);
    send_text(served, "answer");
    shutdown(served, SHUT_WR);
    expect_text(client, "answer");
    expect_end(client);
    assert_int_equal(outstanding(&f, which), 0);
    close(client);
    close(served);
    farm_close(&f);
}

static void client_that_does_not_close_holds_no_target_up(void **state)
{
    Farm f;
    farm_open(&f, LB_TCP);
    int client = client_open(f.listener->port), served, which = farm_accept(&f, &served);
    expect_connected(client, served);
    shutdown(served, SHUT_WR);
    expect_end(client);
    assert_int_equal(outstanding(&f, which), 0);
    send_text(client, "more"); /* which is no reason to cut it */
    expect_text(served, "more");
    close(client);
    expect_end(served);
    assert_int_equal(outstanding(&f, which), 0);
    close(served);
    farm_close(&f);
}

static void target_sees_the_proxy_header_first(void **state)
{
    Farm f;
    farm_open(&f, LB_TCP);
    f.listener->proxy_protocol = true;
    fixture_apply(&f.fixture, 0);
    int client = client_open_from(LOOPBACK, f.listener->port), served;
    struct sockaddr_in own;
    socklen_t size = sizeof own;
    getsockname(client, (struct sockaddr *)&own, &size);
    farm_accept(&f, &served);
    g_autofree char *header = g_strdup_printf("PROXY TCP4 127.0.0.1 127.0.0.1 %u %u\r\n",
                                              ntohs(own.sin_port), f.listener->port);
    expect_text(served, header);
    expect_connected(client, served);
    close(client);
    close(served);
    farm_close(&f);
}

/* A request with that cookie field ("" for none), answered by whichever target gets it with those
 * lines. Returns the target; the answer's head is left with the client. */
static int ask(const Farm *farm, const char *cookie, const char *lines, char **ret_head)
{
    g_autofree char *request = g_strdup_printf("GET / HTTP/1.1\r\nHost: a\r\n%s\r\n", cookie);
    g_autofree char *reply = g_strdup_printf(
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n%s\r\n", lines);
    int client = client_open(farm->listener->port), served;
    send_text(client, request);
    int which = farm_accept(farm, &served);
    read_head(served);
    send_text(served, reply);
    *ret_head = g_strdup(read_head(client));
    close(client);
    close(served);
    return which;
}

/* "Cookie: AWSELB=…" for the session that the head begins. */
static char *session_of(const char *head)
{
    const char *at = strstr(head, "\r\nSet-Cookie: AWSELB=");
    assert_non_null(at);
    at += strlen("\r\nSet-Cookie: ");
    return g_strdup_printf("Cookie: other=1; %.*s; app=2\r\n", (int)strcspn(at, ";"), at);
}

static void balancer_cookie_keeps_a_session_with_its_target(void **state)
{
    Farm f;
    g_autofree char *head = NULL, *cookie = NULL, *again = NULL, *moved = NULL;
    farm_open(&f, LB_HTTP);
    f.listener->stickiness = LB_STICKY_BALANCER;
    f.listener->sticky_seconds = 60;
    fixture_apply(&f.fixture, 0);
    int which = ask(&f, "", "", &head);
    assert_non_null(strstr(head, ";PATH=/;MAX-AGE=60\r\n"));
    assert_null(strstr(head, f.targets[which]->id));
    cookie = session_of(head);
    for (int i = 0; i < 6; i++) {
        g_free(again);
        assert_int_equal(ask(&f, cookie, "", &again), which);
        assert_null(strstr(again, "AWSELB")); /* it has it already */
    }
    f.targets[which]->out_of_service = true;
    fixture_apply(&f.fixture, 0);
    int other = ask(&f, cookie, "", &moved);
    assert_int_not_equal(other, which);
    g_free(cookie);
    cookie = session_of(moved);
    g_free(again);
    assert_int_equal(ask(&f, cookie, "", &again), other);
    g_free(head);
    ask(&f, "Cookie: AWSELB=0123456789012345678901234567890123456789\r\n", "", &head);
    assert_non_null(strstr(head, "AWSELB=")); /* made up: a session of its own */
    farm_close(&f);
}

static void application_cookie_decides_how_long_a_session_lasts(void **state)
{
    Farm f;
    g_autofree char *head = NULL, *cookie = NULL, *again = NULL;
    farm_open(&f, LB_HTTP);
    f.listener->stickiness = LB_STICKY_APPLICATION;
    f.listener->sticky_cookie = "app";
    fixture_apply(&f.fixture, 0);
    ask(&f, "", "Set-Cookie: other=1\r\n", &head);
    assert_null(strstr(head, "AWSELB"));
    g_free(head);
    int which = ask(&f, "", "Set-Cookie: app=2; Path=/\r\n", &head);
    cookie = session_of(head);
    for (int i = 0; i < 6; i++) {
        g_free(again);
        assert_int_equal(ask(&f, cookie, "", &again), which);
        assert_null(strstr(again, "AWSELB"));
    }
    char *gone = strstr(cookie, "; app=2"); /* the application's has expired */
    memcpy(gone, "; ppa=2", 7);
    int seen = 0;
    for (int i = 0; i < 6; i++) {
        g_free(again);
        seen |= 1 << ask(&f, cookie, "", &again);
    }
    assert_int_equal(seen, 7);
    farm_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(turns_go_around_all_targets_or_around_the_zones),
        cmocka_unit_test(target_out_of_service_keeps_what_it_has),
        cmocka_unit_test(target_that_has_said_all_has_nothing_outstanding),
        cmocka_unit_test(client_that_does_not_close_holds_no_target_up),
        cmocka_unit_test(target_sees_the_proxy_header_first),
        cmocka_unit_test(balancer_cookie_keeps_a_session_with_its_target),
        cmocka_unit_test(application_cookie_decides_how_long_a_session_lasts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
