/* backends/fake/network.c: the books of a network that is none. */
#include "tests/unit/unit.h"
#include "backends/network.h"
#include "base/file.h"

typedef struct Lab {
    char *directory;
    Arena *arena;
    Network *network;
} Lab;

static void open_network(Lab *lab)
{
    g_autoptr(GError) error = NULL;
    NetworkConfig config = {.id = "vpc-1", .cidr = "172.31.0.0/16", .domain = "ec2.internal"};
    g_autofree char *run_dir = g_build_filename(lab->directory, "run", NULL);
    config.run_dir = run_dir;
    list_add(&config.subnets, lab->arena, &(NetworkSubnet){"172.31.16.0/20"});
    network_fake.open(&config, &lab->network, &error);
    assert_no_error(error);
}

static int set_up(void **state)
{
    Lab *lab = g_new0(Lab, 1);
    lab->directory = scratch_directory();
    lab->arena = arena_new();
    open_network(lab);
    *state = lab;
    return 0;
}

static int tear_down(void **state)
{
    Lab *lab = *state;
    network_fake.close(lab->network, false);
    file_remove_tree(lab->directory, NULL);
    arena_free(lab->arena);
    g_free(lab->directory);
    g_free(lab);
    return 0;
}

static const char *plug(Lab *lab, const char *id)
{
    const char *tap = NULL;
    NetworkNic nic = {id, "02:00:00:00:00:0a", "172.31.16.10", "ip-172-31-16-10"};
    assert_true(network_fake.plug(lab->network, lab->arena, &nic, &tap, NULL));
    return tap;
}

static List list_ids(Lab *lab)
{
    List ids = {0};
    assert_true(network_fake.list(lab->network, lab->arena, &ids, NULL));
    return ids;
}

static void a_tap_name_fits_the_kernel(void **state)
{
    assert_string_equal(plug(*state, "eni-0123456789abcdef0"), "tap56789abcdef0");
    assert_string_equal(plug(*state, "eni-01234567"), "tapeni-01234567");
}

static void plugged_interfaces_are_listed_until_unplugged(void **state)
{
    plug(*state, "eni-00000001");
    plug(*state, "eni-00000001");
    plug(*state, "eni-00000002");
    assert_int_equal(list_ids(*state).n, 2);
    assert_true(network_fake.unplug(((Lab *)*state)->network, "eni-00000001", NULL));
    List ids = list_ids(*state);
    assert_int_equal(ids.n, 1);
    assert_true(list_has(&ids, "eni-00000002"));
}

static void a_later_daemon_finds_what_was_plugged(void **state)
{
    Lab *lab = *state;
    plug(lab, "eni-00000001");
    network_fake.close(lab->network, true);
    open_network(lab);
    assert_int_equal(list_ids(lab).n, 1);
}

static void nothing_is_left_after_closing_for_good(void **state)
{
    Lab *lab = *state;
    plug(lab, "eni-00000001");
    network_fake.close(lab->network, false);
    open_network(lab);
    assert_int_equal(list_ids(lab).n, 0);
}

static void the_router_is_the_first_host_address(void **state)
{
    Lab *lab = *state;
    NetworkInfo info;
    assert_true(network_fake.describe(lab->network, lab->arena, &info, NULL));
    assert_string_equal(info.router, "172.31.16.1");
}

static void an_id_that_is_a_path_is_refused(void **state)
{
    Lab *lab = *state;
    g_autoptr(GError) error = NULL;
    const char *tap;
    NetworkNic nic = {"../x", "02:00:00:00:00:0a", "172.31.16.10", "h"};
    assert_false(network_fake.plug(lab->network, lab->arena, &nic, &tap, &error));
    assert_error_says(error, "../x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_tap_name_fits_the_kernel, set_up, tear_down),
        cmocka_unit_test_setup_teardown(plugged_interfaces_are_listed_until_unplugged, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_later_daemon_finds_what_was_plugged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_left_after_closing_for_good, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_router_is_the_first_host_address, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_id_that_is_a_path_is_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
