/* Fault points kill at the moment asked for and at no other. */
#include "tests/unit/unit.h"

#include "base/faultpoint.h"
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* How many points a child passes that comes to "a-one", "b" and "a-two" three times each. */
static int points_passed(const char *plan)
{
    static const char *const names[] = {"a-one", "b", "a-two"};
    int pipes[2], passed = 0, status;
    char byte;
    assert_int_equal(pipe(pipes), 0);
    pid_t child = fork();
    if (child == 0) {
        faultpoint_arm(plan);
        for (unsigned i = 0; i < 9; i++) {
            faultpoint(names[i % 3]);
            if (write(pipes[1], "x", 1) != 1)
                _exit(1);
        }
        _exit(0);
    }
    close(pipes[1]);
    while (read(pipes[0], &byte, 1) == 1)
        passed++;
    close(pipes[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(passed == 9 ? WIFEXITED(status)
                            : WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return passed;
}

static void kills_at_the_nth_arrival(void **state)
{
    assert_int_equal(points_passed("b:1"), 1);
    assert_int_equal(points_passed("b:3"), 7);
}

static void counts_all_points_that_begin_so(void **state)
{
    assert_int_equal(points_passed("a:2"), 2);
    assert_int_equal(points_passed("a-two:2"), 5);
    assert_int_equal(points_passed(":5"), 4);
}

static void counts_after_what_the_plan_begins_with(void **state)
{
    assert_int_equal(points_passed("b:2,a:1"), 5);
    assert_int_equal(points_passed("a:1,:1"), 1);
    assert_int_equal(points_passed("a-two:1,b:1,a-two:1"), 5);
    assert_int_equal(points_passed("b:4,a:1"), 9);
}

static void passes_when_not_asked_for(void **state)
{
    assert_int_equal(points_passed(NULL), 9);
    assert_int_equal(points_passed("b"), 9);
    assert_int_equal(points_passed("b:4"), 9);
    assert_int_equal(points_passed("b:0"), 9);
    assert_int_equal(points_passed("c:1"), 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kills_at_the_nth_arrival),
        cmocka_unit_test(counts_all_points_that_begin_so),
        cmocka_unit_test(counts_after_what_the_plan_begins_with),
        cmocka_unit_test(passes_when_not_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
