/* backends/fake: the books of machines, their events, and that they outlive the daemon. */
#include "tests/unit/unit.h"
#include "backends/hypervisor.h"
#include "base/fault.h"
#include "base/file.h"

#include <stdio.h>
#include <string.h>

#define WAIT (10 * G_TIME_SPAN_SECOND)

typedef struct Fixture {
    char *directory;
    HypervisorConfig config;
    Hypervisor *hypervisor;
    Arena *arena;
    GMutex lock;
    GCond changed;
    GString *heard; /* "i-1:0 i-1:2 " */
    GThread *caller;
    bool heard_on_callers_thread;
    unsigned entered;
} Fixture;

static void hear(void *data, const MachineEvent *event)
{
    Fixture *f = data;
    g_mutex_lock(&f->lock);
    g_string_append_printf(f->heard, "%s:%d ", event->name, event->kind);
    f->heard_on_callers_thread |= g_thread_self() == f->caller;
    g_cond_broadcast(&f->changed);
    g_mutex_unlock(&f->lock);
}

static void enter_inside(void *data)
{
    Fixture *f = data;
    f->entered++;
}

static void open_again(Fixture *f)
{
    g_autoptr(GError) error = NULL;
    hypervisor_fake.open(&f->config, &f->hypervisor, &error);
    assert_no_error(error);
}

static int set_up(void **state)
{
    Fixture *f = g_new0(Fixture, 1);
    f->directory = scratch_directory();
    f->arena = arena_new();
    f->heard = g_string_new(NULL);
    f->caller = g_thread_self();
    f->config = (HypervisorConfig){
        .state_dir = f->directory, .enter = enter_inside, .on_event = hear, .data = f};
    open_again(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    Fixture *f = *state;
    hypervisor_fake.close(f->hypervisor);
    bool removed = file_remove_tree(f->directory, NULL);
    g_string_free(f->heard, TRUE);
    arena_free(f->arena);
    g_free(f->directory);
    g_free(f);
    return removed ? 0 : -1;
}

static void start(Fixture *f, const char *name, unsigned vcpus)
{
    g_autoptr(GError) error = NULL;
    MachineSpec spec = {.name = name, .vcpus = vcpus};
    hypervisor_fake.start(f->hypervisor, &spec, &error);
    assert_no_error(error);
}

static void assert_hears(Fixture *f, const char *expected)
{
    int64_t deadline = g_get_monotonic_time() + WAIT;
    g_mutex_lock(&f->lock);
    while (strlen(f->heard->str) < strlen(expected) &&
           g_cond_wait_until(&f->changed, &f->lock, deadline))
        continue;
    assert_string_equal(f->heard->str, expected);
    g_mutex_unlock(&f->lock);
}

static List list(Fixture *f)
{
    List names = {0};
    assert_true(hypervisor_fake.list(f->hypervisor, f->arena, &names, NULL));
    return names;
}

static MachineStats *only_stats(Fixture *f)
{
    List stats = {0};
    assert_true(hypervisor_fake.stats(f->hypervisor, f->arena, &stats, NULL));
    assert_int_equal(stats.n, 1);
    return list_at(&stats, 0);
}

static void started_machine_runs_and_says_so(void **state)
{
    Fixture *f = *state;
    start(f, "i-1", 1);
    assert_hears(f, "i-1:0 ");
    List names = list(f);
    assert_true(list_has(&names, "i-1"));
    assert_false(f->heard_on_callers_thread);
    assert_int_equal(f->entered, 1);
}

static void starting_twice_is_one_machine_and_one_event(void **state)
{
    Fixture *f = *state;
    start(f, "i-1", 1);
    start(f, "i-1", 1);
    assert_int_equal(list(f).n, 1);
    assert_true(hypervisor_fake.destroy(f->hypervisor, "i-1", NULL));
    assert_hears(f, "i-1:0 i-1:2 ");
}

static void each_way_to_end_has_its_event(void **state)
{
    Fixture *f = *state;
    start(f, "a", 1);
    assert_true(hypervisor_fake.press_power(f->hypervisor, "a", NULL));
    start(f, "b", 1);
    assert_true(fake_power_off(f->hypervisor, "b"));
    start(f, "c", 1);
    assert_true(fake_crash(f->hypervisor, "c"));
    start(f, "d", 1);
    assert_true(hypervisor_fake.destroy(f->hypervisor, "d", NULL));
    assert_hears(f, "a:0 a:1 b:0 b:1 c:0 c:3 d:0 d:2 ");
    assert_int_equal(list(f).n, 0);
}

static void ending_what_is_gone_succeeds_in_silence(void **state)
{
    Fixture *f = *state;
    assert_true(hypervisor_fake.destroy(f->hypervisor, "i-1", NULL));
    assert_true(hypervisor_fake.press_power(f->hypervisor, "i-1", NULL));
    assert_false(fake_crash(f->hypervisor, "i-1"));
    assert_false(fake_set_load(f->hypervisor, "i-1", 1));
    start(f, "i-2", 1);
    assert_hears(f, "i-2:0 ");
}

static void reboot_leaves_it_running(void **state)
{
    Fixture *f = *state;
    g_autoptr(GError) error = NULL;
    assert_false(hypervisor_fake.reboot(f->hypervisor, "i-1", &error));
    assert_error_says(error, "i-1");
    start(f, "i-1", 1);
    assert_true(hypervisor_fake.reboot(f->hypervisor, "i-1", NULL));
    assert_true(hypervisor_fake.reset(f->hypervisor, "i-1", NULL));
    assert_hears(f, "i-1:0 i-1:4 i-1:4 ");
    assert_int_equal(list(f).n, 1);
}

static void idle_machine_uses_no_cpu(void **state)
{
    Fixture *f = *state;
    start(f, "i-1", 2);
    MachineStats *stats = only_stats(f);
    assert_int_equal(stats->cpu_ns, 0);
    assert_int_equal(stats->vcpus, 2);
    assert_string_equal(stats->name, "i-1");
}

static void loaded_machine_uses_its_share_of_wall_time(void **state)
{
    Fixture *f = *state;
    start(f, "i-1", 2);
    int64_t before = g_get_monotonic_time();
    assert_true(fake_set_load(f->hypervisor, "i-1", 50));
    int64_t after = g_get_monotonic_time();
    uint64_t cpu_ns = 0;
    while (cpu_ns < 5000000)
        cpu_ns = only_stats(f)->cpu_ns;
    /* Two processors, half busy: one nanosecond each nanosecond. */
    assert_true(cpu_ns <= (uint64_t)(g_get_monotonic_time() - before) * 1000);
    assert_true(cpu_ns + (uint64_t)(after - before) * 1000 >= 5000000);
    assert_true(fake_set_load(f->hypervisor, "i-1", 0));
    uint64_t stopped = only_stats(f)->cpu_ns;
    assert_true(stopped >= cpu_ns);
    assert_int_equal(only_stats(f)->cpu_ns, stopped);
}

static void machines_outlive_the_daemon(void **state)
{
    Fixture *f = *state;
    start(f, "i-1", 4);
    start(f, "i-2", 1);
    assert_true(hypervisor_fake.destroy(f->hypervisor, "i-2", NULL));
    /* close() writes nothing: a SIGKILL would leave the same. */
    hypervisor_fake.close(f->hypervisor);
    open_again(f);
    assert_string_equal(only_stats(f)->name, "i-1");
    assert_int_equal(only_stats(f)->vcpus, 4);
}

static void close_delivers_what_happened(void **state)
{
    Fixture *f = *state;
    start(f, "i-1", 1);
    hypervisor_fake.close(f->hypervisor);
    assert_string_equal(f->heard->str, "i-1:0 ");
    open_again(f);
}

static void name_that_is_no_file_name_is_refused(void **state)
{
    Fixture *f = *state;
    g_autoptr(GError) error = NULL;
    MachineSpec spec = {.name = "../i-1", .vcpus = 1};
    assert_false(hypervisor_fake.start(f->hypervisor, &spec, &error));
    assert_error_says(error, "../i-1");
}

static void start_with_root(Fixture *f)
{
    g_autoptr(GError) error = NULL;
    MachineDisk root = {.path = "/d/root", .serial = "vol0"};
    MachineSpec spec = {.name = "i-1", .vcpus = 1};
    list_add(&spec.disks, f->arena, &root);
    hypervisor_fake.start(f->hypervisor, &spec, &error);
    assert_no_error(error);
}

static void attach(Fixture *f, const char *serial, const char *path)
{
    g_autoptr(GError) error = NULL;
    MachineDisk disk = {.path = path, .serial = serial, .device = "xvdf"};
    hypervisor_fake.attach_disk(f->hypervisor, "i-1", &disk, &error);
    assert_no_error(error);
}

static void assert_disk(Fixture *f, const char *serial, const char *path, uint64_t size)
{
    const char *found = NULL;
    uint64_t found_size = 0;
    assert_true(fake_find_disk(f->hypervisor, f->arena, "i-1", serial, &found, &found_size));
    assert_string_equal(found, path);
    assert_int_equal(found_size, size);
}

static void assert_no_disk(Fixture *f, const char *serial)
{
    const char *path;
    uint64_t size;
    assert_false(fake_find_disk(f->hypervisor, f->arena, "i-1", serial, &path, &size));
}

static void disks_come_grow_and_go(void **state)
{
    Fixture *f = *state;
    bool gone = false;
    start_with_root(f);
    attach(f, "vol1", "/d/a b");
    attach(f, "vol1", "/d/a b");
    assert_disk(f, "vol1", "/d/a b", 0);
    assert_true(hypervisor_fake.grow_disk(f->hypervisor, "i-1", "vol1", 8, NULL));
    assert_true(hypervisor_fake.grow_disk(f->hypervisor, "i-1", "vol1", 4, NULL));
    assert_disk(f, "vol1", "/d/a b", 8);
    assert_true(hypervisor_fake.detach_disk(f->hypervisor, "i-1", "vol1", false, &gone, NULL));
    assert_true(gone);
    assert_no_disk(f, "vol1");
    gone = false;
    assert_true(hypervisor_fake.detach_disk(f->hypervisor, "i-1", "vol1", false, &gone, NULL));
    assert_true(gone);
}

static void impossible_changes_of_disks_are_errors(void **state)
{
    Fixture *f = *state;
    g_autoptr(GError) none = NULL, root = NULL, unknown = NULL, in_use = NULL;
    MachineDisk disk = {.path = "/d/a", .serial = "vol1", .device = "xvdf"};
    bool gone;
    assert_false(hypervisor_fake.attach_disk(f->hypervisor, "i-1", &disk, &none));
    assert_error_says(none, "does not run");
    start_with_root(f);
    assert_false(hypervisor_fake.detach_disk(f->hypervisor, "i-1", "vol0", true, &gone, &root));
    assert_error_says(root, "boots from");
    assert_false(hypervisor_fake.grow_disk(f->hypervisor, "i-1", "vol9", 1, &unknown));
    assert_error_says(unknown, "vol9");
    assert_false(hypervisor_fake.resize_disk(f->hypervisor, "/d/root", 1, &in_use));
    assert_error_says(in_use, "/d/root");
    assert_true(hypervisor_fake.resize_disk(f->hypervisor, "/d/other", 1, NULL));
}

static void all_disks_fork_or_none(void **state)
{
    Fixture *f = *state;
    g_autoptr(GError) error = NULL;
    bool consistent = false;
    DiskFork root = {"/d/root", "/d/root2"}, data = {"/d/a", "/d/a2"}, wrong = {"/d/x", "/d/x2"};
    List both = {0}, bad = {0};
    list_add(&both, f->arena, &root);
    list_add(&both, f->arena, &data);
    list_add(&bad, f->arena, &root);
    list_add(&bad, f->arena, &wrong);
    start_with_root(f);
    attach(f, "vol1", "/d/a");
    assert_false(hypervisor_fake.fork_disks(f->hypervisor, "i-1", &bad, &consistent, &error));
    assert_error_says(error, "/d/x");
    assert_disk(f, "vol0", "/d/root", 0);
    for (unsigned i = 0; i < 2; i++) {
        assert_true(hypervisor_fake.fork_disks(f->hypervisor, "i-1", &both, &consistent, NULL));
        assert_true(consistent);
        assert_disk(f, "vol0", "/d/root2", 0);
        assert_disk(f, "vol1", "/d/a2", 0);
    }
}

static void disks_outlive_the_daemon(void **state)
{
    Fixture *f = *state;
    start_with_root(f);
    attach(f, "vol1", "/d/a b");
    assert_true(hypervisor_fake.grow_disk(f->hypervisor, "i-1", "vol1", 8, NULL));
    g_autofree char *broken_off = g_build_filename(f->directory, "fake", "machines", ".i-1", NULL);
    assert_true(file_write(broken_off, "1\n", 2, 0600, NULL));
    hypervisor_fake.close(f->hypervisor);
    open_again(f);
    assert_int_equal(list(f).n, 1);
    assert_disk(f, "vol0", "/d/root", 0);
    assert_disk(f, "vol1", "/d/a b", 8);
}

static void ten_thousand_machines_are_cheap(void **state)
{
    Fixture *f = *state;
    for (unsigned i = 0; i < 10000; i++) {
        char name[32];
        snprintf(name, sizeof(name), "i-%u", i);
        start(f, name, 1);
    }
    assert_int_equal(list(f).n, 10000);
    List stats = {0};
    assert_true(hypervisor_fake.stats(f->hypervisor, f->arena, &stats, NULL));
    assert_int_equal(stats.n, 10000);
    hypervisor_fake.close(f->hypervisor);
    open_again(f);
    assert_int_equal(list(f).n, 10000);
}

static void describes_itself(void **state)
{
    Fixture *f = *state;
    HypervisorInfo info;
    assert_true(hypervisor_fake.describe(f->hypervisor, f->arena, &info, NULL));
    assert_string_equal(info.backend, "fake");
    assert_string_equal(info.accelerator, "none");
    assert_true(info.cpus > 0 && info.memory_mib > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(started_machine_runs_and_says_so),
        TEST(starting_twice_is_one_machine_and_one_event),
        TEST(each_way_to_end_has_its_event),
        TEST(ending_what_is_gone_succeeds_in_silence),
        TEST(reboot_leaves_it_running),
        TEST(idle_machine_uses_no_cpu),
        TEST(loaded_machine_uses_its_share_of_wall_time),
        TEST(machines_outlive_the_daemon),
        TEST(close_delivers_what_happened),
        TEST(name_that_is_no_file_name_is_refused),
        TEST(disks_come_grow_and_go),
        TEST(impossible_changes_of_disks_are_errors),
        TEST(all_disks_fork_or_none),
        TEST(disks_outlive_the_daemon),
        TEST(ten_thousand_machines_are_cheap),
        TEST(describes_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
