/* cloud/leftovers.h: what a daemon that was killed left behind goes when the next one opens. */
#include "tests/unit/store_fixture.h"
#include "cloud/cloud.h"
#include <sys/stat.h>

static Cloud *open_cloud(Fixture *fixture, Clock *clock)
{
    g_autoptr(GError) error = NULL;
    Cloud *cloud = NULL;
    CloudConfig config = {
        .store = fixture->store,
        .clock = clock,
        .state_dir = fixture->directory,
        .hypervisor = &hypervisor_fake,
        .network = &network_fake,
        .addresses = "127.77.0.0/16",
        .endpoint_port = 4566,
        .dns_suffix = "test",
    };
    assert_ok(cloud_open(&config, &cloud, &error), error);
    return cloud;
}

static char *path_of(Fixture *fixture, const char *name)
{
    return arena_printf(fixture->arena, "%s/%s", fixture->directory, name);
}

static void make(Fixture *fixture, const char *directory, const char *file)
{
    g_autoptr(GError) error = NULL;
    assert_ok(file_make_directory(path_of(fixture, directory), &error), error);
    const char *path = arena_printf(fixture->arena, "%s/%s", path_of(fixture, directory), file);
    assert_ok(file_write(path, "x", 1, 0600, &error), error);
}

static bool exists(Fixture *fixture, const char *name)
{
    return access(path_of(fixture, name), F_OK) == 0;
}

static void what_no_record_owns_is_removed(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(GError) error = NULL;
    g_autoptr(Clock) clock = clock_new_manual(1900000000 * CLOCK_SECOND);
    Txn *txn = begin(fixture->store);
    Instance instance = make_instance("i-1");
    instance.state = INSTANCE_STOPPED;
    put_instance(txn, instance);
    Volume volume = {.id = "vol-1", .account_id = ACCOUNT, .path = "volumes/vol-1.qcow2"};
    Layer layer = {.path = "volumes/vol-1.qcow2", .format = "qcow2"};
    assert_ok(volume_insert(txn, &volume, &error), error);
    assert_ok(layer_insert(txn, &layer, &error), error);
    commit(txn);
    make(fixture, "volumes", "vol-1.qcow2");
    make(fixture, "volumes", "vol-2.qcow2");
    make(fixture, "volumes", "vol-1.qcow2.new");
    make(fixture, "volumes/vol-3.qcow2", "odd");
    make(fixture, "instances/i-1", "console.log");
    make(fixture, "instances/i-2", "console.log");
    make(fixture, "images/micro", "disk.qcow2");

    cloud_close(open_cloud(fixture, clock), true);
    assert_true(exists(fixture, "volumes/vol-1.qcow2"));
    assert_true(exists(fixture, "instances/i-1/console.log"));
    assert_true(exists(fixture, "images/micro/disk.qcow2"));
    assert_false(exists(fixture, "volumes/vol-2.qcow2"));
    assert_false(exists(fixture, "volumes/vol-1.qcow2.new"));
    assert_false(exists(fixture, "volumes/vol-3.qcow2"));
    assert_false(exists(fixture, "instances/i-2"));
}

static void link_is_removed_but_not_followed(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(Clock) clock = clock_new_manual(1900000000 * CLOCK_SECOND);
    make(fixture, "elsewhere", "file");
    make(fixture, "volumes", "vol-1.qcow2");
    assert_int_equal(symlink("../elsewhere", path_of(fixture, "volumes/link")), 0);
    cloud_close(open_cloud(fixture, clock), true);
    assert_false(exists(fixture, "volumes/link"));
    assert_true(exists(fixture, "elsewhere/file"));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)
    const struct CMUnitTest tests[] = {
        CASE(what_no_record_owns_is_removed),
        CASE(link_is_removed_but_not_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
