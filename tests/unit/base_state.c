/* base/state.h: moves along the table's arrows, and only those. */
#include "tests/unit/unit.h"
#include "base/state.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PENDING, RUNNING, GONE };

static const State rows[] = {
    [PENDING] = {"pending", TO(RUNNING) | TO(GONE)},
    [RUNNING] = {"running", TO(GONE)},
    [GONE] = {"gone", 0},
};
static const StateMachine machine = STATE_MACHINE("thing", rows);

static void names_are_parsed_back(void **state)
{
    for (int i = PENDING; i <= GONE; i++) {
        int parsed = -1;
        assert_true(state_parse(&machine, state_name(&machine, i), &parsed));
        assert_int_equal(parsed, i);
    }
}

static void unknown_name_is_no_state(void **state)
{
    int parsed = 42;
    assert_false(state_parse(&machine, "Pending", &parsed));
    assert_false(state_parse(&machine, NULL, &parsed));
    assert_int_equal(parsed, 42);
}

static void only_the_tables_arrows_may_be_taken(void **state)
{
    assert_true(state_may_move(&machine, PENDING, RUNNING));
    assert_true(state_may_move(&machine, PENDING, GONE));
    assert_false(state_may_move(&machine, RUNNING, PENDING));
    assert_false(state_may_move(&machine, RUNNING, RUNNING));
    assert_false(state_may_move(&machine, GONE, RUNNING));
}

static void move_writes_the_state(void **state)
{
    int thing = PENDING;
    state_move(&machine, "thing-1", &thing, RUNNING);
    assert_int_equal(thing, RUNNING);
}

static void forbidden_move_ends_the_process(void **state)
{
    pid_t pid = fork();
    if (pid == 0) {
        int thing = GONE;
        setrlimit(RLIMIT_CORE, &(struct rlimit){0});
        close(STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        signal(SIGTRAP, SIG_DFL);
        state_move(&machine, "thing-1", &thing, RUNNING);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_parsed_back),
        cmocka_unit_test(unknown_name_is_no_state),
        cmocka_unit_test(only_the_tables_arrows_may_be_taken),
        cmocka_unit_test(move_writes_the_state),
        cmocka_unit_test(forbidden_move_ends_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
