/* The books of running machines: what is noted of one life of a machine is not held against the
 * next one of its name. */
#include "tests/unit/unit.h"

#include "backends/libvirt/machines.h"

#define NAME "i-1"

static int setup(void **state)
{
    Machines *machines = g_new0(Machines, 1);
    machines_init(machines);
    *state = machines;
    return 0;
}

static int teardown(void **state)
{
    machines_clear(*state);
    g_free(*state);
    return 0;
}

static MachineNote noted(Machines *machines, Arena *arena)
{
    MachineNote note;
    assert_true(machines_find(machines, arena, NAME, &note));
    return note;
}

static void a_new_life_is_not_broken(void **state)
{
    Machines *machines = *state;
    g_autoptr(Arena) arena = arena_new();
    List taps = {0};
    /* Found after a crash of the daemon, half started; its QEMU ends. */
    machines_add(machines, NAME, "/old", &taps, false);
    uint64_t earlier = noted(machines, arena).generation;
    machines_set_broken(machines, NAME, 7);
    assert_true(noted(machines, arena).broken);
    assert_int_equal(noted(machines, arena).broken_domain, 7);

    machines_add(machines, NAME, "/new", &taps, true);
    MachineNote note = noted(machines, arena);
    assert_false(note.broken);
    assert_true(note.starting);
    assert_string_equal(note.console_path, "/new");
    assert_int_not_equal(note.generation, earlier);
    /* The keeper, which saw the first one vanish, strikes off only that. */
    assert_false(machines_remove(machines, NAME, earlier).known);
    assert_true(machines_find(machines, arena, NAME, &note));
}

static void late_news_of_the_last_life_is_not_of_the_next(void **state)
{
    Machines *machines = *state;
    g_autoptr(Arena) arena = arena_new();
    List taps = {0};
    machines_add(machines, NAME, NULL, &taps, true);
    assert_false(machines_stopped(machines, NAME).known);
    machines_set_broken(machines, NAME, 7);
    assert_false(noted(machines, arena).broken);

    machines_started(machines, NAME);
    machines_set_broken(machines, NAME, 8);
    MachineEnd end = machines_stopped(machines, NAME);
    assert_true(end.known);
    assert_true(end.broken);
    assert_true(machines_is_empty(machines));
}

static void who_is_noted_is_noted_once(void **state)
{
    Machines *machines = *state;
    g_autoptr(Arena) arena = arena_new();
    List taps = {0};
    machines_add(machines, NAME, "/a", &taps, true);
    machines_started(machines, NAME);
    machines_add(machines, NAME, "/b", &taps, false);
    assert_string_equal(noted(machines, arena).console_path, "/a");
    assert_int_equal(machines_list(machines, arena).n, 1);
    assert_true(machines_remove(machines, NAME, 0).known);
    assert_false(machines_remove(machines, NAME, 0).known);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_new_life_is_not_broken, setup, teardown),
        cmocka_unit_test_setup_teardown(late_news_of_the_last_life_is_not_of_the_next, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(who_is_noted_is_noted_once, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
