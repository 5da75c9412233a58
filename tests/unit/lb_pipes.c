/* lb/pipes.c: the stock is bounded and does without what the kernel refuses. */
#include "tests/unit/unit.h"

#include "lb/pipes.h"
#include <sys/resource.h>
#include <unistd.h>

static void pipe_is_used_again(void **state)
{
    PipeStock stock = {0};
    Pipe *first = pipes_take(&stock, 0);
    assert_non_null(first);
    pipes_give_back(&stock, first);
    assert_ptr_equal(pipes_take(&stock, 0), first);
    assert_int_equal(stock.open_n, 1);
    pipes_give_back(&stock, first);
    pipes_release(&stock);
}

static void pipe_holds_at_least_what_copying_moves_at_once(void **state)
{
    PipeStock stock = {0};
    Pipe *pipe = pipes_take(&stock, 0);
    assert_non_null(pipe);
    assert_true(pipe->capacity >= 65536);
    pipes_drop(&stock, pipe);
    pipes_release(&stock);
}

static void stock_has_a_cap(void **state)
{
    enum { PLENTY = 1000 };
    PipeStock stock = {0};
    Pipe *taken[PLENTY];
    unsigned n = 0;
    while (n < PLENTY && (taken[n] = pipes_take(&stock, 0)))
        n++;
    assert_true(n > 0 && n < PLENTY);
    while (n > 0)
        pipes_give_back(&stock, taken[--n]);
    assert_true(stock.open_n < 16);
    pipes_release(&stock);
    assert_int_equal(stock.open_n, 0);
}

static void refusal_of_the_kernel_is_not_asked_for_again_at_once(void **state)
{
    PipeStock stock = {0};
    struct rlimit before, none;
    getrlimit(RLIMIT_NOFILE, &before);
    none = before;
    none.rlim_cur = 3;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_null(pipes_take(&stock, 1000));
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_null(pipes_take(&stock, 1500));
    Pipe *pipe = pipes_take(&stock, 2000);
    assert_non_null(pipe);
    pipes_give_back(&stock, pipe);
    pipes_release(&stock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pipe_is_used_again),
        cmocka_unit_test(pipe_holds_at_least_what_copying_moves_at_once),
        cmocka_unit_test(stock_has_a_cap),
        cmocka_unit_test(refusal_of_the_kernel_is_not_asked_for_again_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
