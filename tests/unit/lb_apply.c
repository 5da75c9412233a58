/* lb/lb.c: what a new snapshot changes, and what it leaves alone. */
#include "tests/unit/lb_fixture.h"

#include <errno.h>
#include <unistd.h>

static const LbOptions TWO_THREADS = {.threads = 2};

/* A client of a listener with its server end. */
typedef struct Call {
    int client, served;
} Call;

static Call call_from(uint32_t source, const LbListener *listener, int server)
{
    Call call = {.client = client_open_from(source, listener->port)};
    call.served = server_accept(server);
    return call;
}

static void call_end(Call call)
{
    close(call.client);
    close(call.served);
}

static void expect_cut(Call call)
{
    expect_reset(call.client);
    expect_reset(call.served);
}

static void drop_listener(Fixture *f, const LbListener *listener)
{
    List rest = {0};
    LIST_EACH (const LbListener *, other, &f->config.listeners) {
        if (other != listener)
            list_add(&rest, f->arena, other);
    }
    f->config.listeners = rest;
}

static void targets_take_turns(void **state)
{
    Fixture f;
    uint16_t ports[3];
    int servers[3];
    fixture_open(&f, &TWO_THREADS);
    LbListener *listener = fixture_listener(&f, 0);
    for (int i = 0; i < 3; i++) {
        servers[i] = server_open(&ports[i]);
        fixture_target(&f, listener, ports[i]);
    }
    fixture_apply(&f, 0);
    for (int i = 0; i < 12; i++) {
        int client = client_open(listener->port);
        int served = server_accept(servers[i % 3]);
        expect_connected(client, served);
        close(client);
        close(served);
    }
    for (int i = 0; i < 3; i++)
        close(servers[i]);
    fixture_close(&f);
}

static void client_that_is_not_allowed_is_reset(void **state)
{
    Fixture f;
    uint16_t port;
    int server = server_open(&port);
    fixture_open(&f, &TWO_THREADS);
    LbListener *listener = fixture_listener(&f, port);
    fixture_apply(&f, 0);
    int stranger = client_open_from(LOOPBACK + 1, listener->port);
    expect_reset(stranger);
    close(stranger);
    fixture_wait_stat(&f, refused, 1);
    Call call = call_from(LOOPBACK, listener, server);
    expect_connected(call.client, call.served);
    call_end(call);
    close(server);
    fixture_close(&f);
}

static void networks_are_matched_by_their_mask(void **state)
{
    Fixture f;
    uint16_t port;
    int server = server_open(&port);
    fixture_open(&f, &TWO_THREADS);
    LbListener *listener = fixture_listener(&f, port);
    fixture_allow(&f, listener, 0x7f010000, 0xffff0000);
    fixture_apply(&f, 0);
    Call call = call_from(0x7f010203, listener, server);
    expect_connected(call.client, call.served);
    call_end(call);
    int stranger = client_open_from(0x7f020203, listener->port);
    expect_reset(stranger);
    close(stranger);
    close(server);
    fixture_close(&f);
}

static void removed_listener_cuts_its_connections_and_no_others(void **state)
{
    Fixture f;
    uint16_t port;
    int server = server_open(&port);
    fixture_open(&f, &TWO_THREADS);
    LbListener *goes = fixture_listener(&f, port), *stays = fixture_listener(&f, port);
    fixture_apply(&f, 0);
    Call cut = call_from(LOOPBACK, goes, server), kept = call_from(LOOPBACK, stays, server);
    drop_listener(&f, goes);
    fixture_apply(&f, 0);
    expect_cut(cut);
    expect_connected(kept.client, kept.served);
    fixture_wait_stat(&f, listeners, 1);
    fixture_wait_stat(&f, connections, 1);
    call_end(cut);
    call_end(kept);
    close(server);
    fixture_close(&f);
}

static void narrowed_rule_cuts_the_client_it_no_longer_covers(void **state)
{
    Fixture f;
    uint16_t port;
    int server = server_open(&port);
    fixture_open(&f, &TWO_THREADS);
    LbListener *listener = fixture_listener(&f, port);
    fixture_allow(&f, listener, LOOPBACK + 1, UINT32_MAX);
    fixture_apply(&f, 0);
    Call kept = call_from(LOOPBACK, listener, server);
    Call cut = call_from(LOOPBACK + 1, listener, server);
    listener->allowed.n = 1;
    fixture_apply(&f, 0);
    expect_cut(cut);
    expect_connected(kept.client, kept.served);
    call_end(cut);
    call_end(kept);
    close(server);
    fixture_close(&f);
}

static void lost_target_cuts_its_connections_and_no_others(void **state)
{
    Fixture f;
    uint16_t ports[2];
    int servers[2] = {server_open(&ports[0]), server_open(&ports[1])};
    fixture_open(&f, &TWO_THREADS);
    LbListener *listener = fixture_listener(&f, ports[0]);
    fixture_target(&f, listener, ports[1]);
    fixture_apply(&f, 0);
    Call kept = call_from(LOOPBACK, listener, servers[0]);
    Call cut = call_from(LOOPBACK, listener, servers[1]);
    listener->targets.n = 1;
    fixture_apply(&f, 0);
    expect_cut(cut);
    expect_connected(kept.client, kept.served);
    call_end(cut);
    call_end(kept);
    close(servers[0]);
    close(servers[1]);
    fixture_close(&f);
}

static void changed_rules_hold_for_the_next_client(void **state)
{
    Fixture f;
    uint16_t port;
    int server = server_open(&port);
    fixture_open(&f, &TWO_THREADS);
    LbListener *listener = fixture_listener(&f, free_port());
    fixture_apply(&f, 0);
    listener->targets.n = 0;
    fixture_target(&f, listener, port);
    fixture_apply(&f, 0);
    Call call = call_from(LOOPBACK, listener, server);
    expect_connected(call.client, call.served);
    call_end(call);
    close(server);
    fixture_close(&f);
}

static void address_in_use_is_a_failure_until_it_is_free(void **state)
{
    Fixture f;
    uint16_t port, taken;
    int server = server_open(&port), squatter = server_open(&taken);
    fixture_open(&f, &TWO_THREADS);
    LbListener *blocked = fixture_listener(&f, port), *free = fixture_listener(&f, port);
    blocked->port = taken;
    fixture_apply(&f, 1);
    const LbFailure *failure = list_at(&f.failures, 0);
    assert_ptr_equal(failure->listener, blocked);
    assert_int_equal(failure->error, EADDRINUSE);
    call_end(call_from(LOOPBACK, free, server));
    close(squatter);
    fixture_apply(&f, 0);
    call_end(call_from(LOOPBACK, blocked, server));
    close(server);
    fixture_close(&f);
}

static void same_address_twice_is_a_failure_of_the_second(void **state)
{
    Fixture f;
    fixture_open(&f, &TWO_THREADS);
    const LbListener *first = fixture_listener(&f, free_port());
    LbListener *second = fixture_listener(&f, free_port());
    second->port = first->port;
    for (int i = 0; i < 2; i++) {
        fixture_apply(&f, 1);
        assert_ptr_equal(((const LbFailure *)list_at(&f.failures, 0))->listener, second);
        fixture_wait_stat(&f, listeners, 1);
    }
    fixture_close(&f);
}

static void removed_address_can_come_back(void **state)
{
    Fixture f;
    uint16_t port;
    int server = server_open(&port);
    fixture_open(&f, &TWO_THREADS);
    LbListener *listener = fixture_listener(&f, port);
    LbConfig config = f.config;
    for (int i = 0; i < 20; i++) {
        f.config = config;
        fixture_apply(&f, 0);
        Call call = call_from(LOOPBACK, listener, server);
        f.config = (LbConfig){0};
        fixture_apply(&f, 0);
        expect_cut(call);
        call_end(call);
    }
    close(server);
    fixture_close(&f);
}

static void client_over_the_connection_limit_is_reset(void **state)
{
    Fixture f;
    uint16_t port;
    int server = server_open(&port);
    fixture_open(&f, &(LbOptions){.threads = 2, .max_connections = 1});
    LbListener *listener = fixture_listener(&f, port);
    fixture_apply(&f, 0);
    Call call = call_from(LOOPBACK, listener, server);
    int late = client_open(listener->port);
    expect_reset(late);
    close(late);
    call_end(call);
    fixture_wait_stat(&f, connections, 0);
    call_end(call_from(LOOPBACK, listener, server));
    close(server);
    fixture_close(&f);
}

/* Connections that come while others stay are spread over the threads. */
static void many_connections_work_on_all_threads(void **state)
{
    enum { N = 200 };
    Fixture f;
    uint16_t port;
    int server = server_open(&port);
    Call calls[N];
    fixture_open(&f, &(LbOptions){.threads = 3});
    LbListener *listener = fixture_listener(&f, port);
    fixture_apply(&f, 0);
    for (int i = 0; i < N; i++)
        calls[i] = call_from(LOOPBACK, listener, server);
    for (int i = 0; i < N; i++)
        expect_connected(calls[i].client, calls[i].served);
    fixture_wait_stat(&f, connections, N);
    f.config = (LbConfig){0};
    fixture_apply(&f, 0);
    for (int i = 0; i < N; i++) {
        expect_cut(calls[i]);
        call_end(calls[i]);
    }
    close(server);
    fixture_close(&f);
}

static void thousands_of_listeners_take_a_descriptor_each_and_no_time(void **state)
{
    enum { N = 3000, FIRST_ADDRESS = 0x7f4d0001 };
    Fixture f;
    uint16_t port = free_port();
    fixture_open(&f, &TWO_THREADS);
    for (int i = 0; i < N; i++) {
        LbListener *listener = arena_new_struct(f.arena, LbListener);
        *listener = (LbListener){.address = FIRST_ADDRESS + (uint32_t)i, .port = port};
        list_add(&f.config.listeners, f.arena, listener);
    }
    fixture_apply(&f, 0);
    gint64 began = g_get_monotonic_time();
    for (int i = 0; i < 10; i++) {
        fixture_allow(&f, list_at(&f.config.listeners, 7), LOOPBACK, UINT32_MAX);
        fixture_apply(&f, 0);
    }
    assert_true(g_get_monotonic_time() - began < 1000000);
    fixture_wait_stat(&f, listeners, N);
    fixture_close(&f);
}

typedef struct Hooks {
    _Atomic int entered, outside;
} Hooks;

static void count_entry(void *data)
{
    ((Hooks *)data)->entered++;
}

static void run_outside(void *data, void (*fn)(void *), void *fn_data)
{
    Hooks *hooks = data;
    hooks->outside++;
    fn(fn_data);
}

static void hooks_run_in_every_thread_and_around_the_opening_of_sockets(void **state)
{
    Fixture f;
    Hooks hooks = {0};
    fixture_open(
        &f, &(LbOptions){
                .threads = 3, .enter = count_entry, .run_outside = run_outside, .data = &hooks});
    fixture_listener(&f, free_port());
    fixture_listener(&f, free_port());
    fixture_apply(&f, 0);
    fixture_apply(&f, 0);
    assert_int_equal(hooks.outside, 1);
    lb_close(g_steal_pointer(&f.lb));
    assert_int_equal(hooks.entered, 3);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets_take_turns),
        cmocka_unit_test(client_that_is_not_allowed_is_reset),
        cmocka_unit_test(networks_are_matched_by_their_mask),
        cmocka_unit_test(removed_listener_cuts_its_connections_and_no_others),
        cmocka_unit_test(narrowed_rule_cuts_the_client_it_no_longer_covers),
        cmocka_unit_test(lost_target_cuts_its_connections_and_no_others),
        cmocka_unit_test(changed_rules_hold_for_the_next_client),
        cmocka_unit_test(address_in_use_is_a_failure_until_it_is_free),
        cmocka_unit_test(same_address_twice_is_a_failure_of_the_second),
        cmocka_unit_test(removed_address_can_come_back),
        cmocka_unit_test(client_over_the_connection_limit_is_reset),
        cmocka_unit_test(many_connections_work_on_all_threads),
        cmocka_unit_test(thousands_of_listeners_take_a_descriptor_each_and_no_time),
        cmocka_unit_test(hooks_run_in_every_thread_and_around_the_opening_of_sockets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
