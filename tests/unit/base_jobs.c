/* base/jobs.h: every job runs once, in order, and a full queue says so. */
#include "tests/unit/unit.h"
#include "base/jobs.h"

/* A gate that holds a worker until the test opens it, and tells when the worker is there. */
typedef struct Gate {
    GMutex lock;
    GCond changed;
    bool reached;
    bool open;
} Gate;

static void gate_set(Gate *gate, bool *flag)
{
    g_mutex_lock(&gate->lock);
    *flag = true;
    g_cond_broadcast(&gate->changed);
    g_mutex_unlock(&gate->lock);
}

static void gate_wait(Gate *gate, const bool *flag)
{
    g_mutex_lock(&gate->lock);
    while (!*flag)
        g_cond_wait(&gate->changed, &gate->lock);
    g_mutex_unlock(&gate->lock);
}

static void wait_at_gate(void *data)
{
    Gate *gate = data;
    gate_set(gate, &gate->reached);
    gate_wait(gate, &gate->open);
}

static void count(void *data)
{
    g_atomic_int_inc((int *)data);
}

static void every_job_has_run_when_the_pool_ends(void **state)
{
    int ran = 0;
    JobPool *pool = jobs_new("test", 4, NULL, NULL);
    for (int i = 0; i < 1000; i++)
        assert_true(jobs_push(pool, count, &ran));
    jobs_free(pool);
    assert_int_equal(ran, 1000);
}

typedef struct Append {
    GString *text;
    char c;
} Append;

static void append(void *data)
{
    const Append *job = data;
    g_string_append_c(job->text, job->c);
}

static void one_thread_runs_jobs_in_order(void **state)
{
    g_autoptr(GString) text = g_string_new(NULL);
    Append jobs[] = {{text, 'a'}, {text, 'b'}, {text, 'c'}};
    JobPool *pool = jobs_new("test", 1, NULL, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(jobs); i++)
        jobs_push(pool, append, &jobs[i]);
    jobs_free(pool);
    assert_string_equal(text->str, "abc");
}

static void enter_runs_once_in_each_thread(void **state)
{
    int entered = 0;
    jobs_free(jobs_new("test", 3, count, &entered));
    assert_int_equal(entered, 3);
}

static void full_queue_refuses_a_job(void **state)
{
    Gate gate = {0};
    int ran = 0;
    JobPool *pool = jobs_new("test", 1, NULL, NULL);
    jobs_set_limit(pool, 2);
    assert_true(jobs_push(pool, wait_at_gate, &gate));
    gate_wait(&gate, &gate.reached);
    assert_true(jobs_push(pool, count, &ran));
    assert_true(jobs_push(pool, count, &ran));
    assert_false(jobs_push(pool, count, &ran));
    gate_set(&gate, &gate.open);
    jobs_free(pool);
    assert_int_equal(ran, 2);
}

typedef struct Chain {
    JobPool *pool;
    int left;
} Chain;

static void push_the_next(void *data)
{
    Chain *chain = data;
    if (chain->left-- > 0)
        jobs_push(chain->pool, push_the_next, chain);
}

static void jobs_pushed_by_jobs_run_before_the_end(void **state)
{
    Chain chain = {jobs_new("test", 2, NULL, NULL), 100};
    jobs_push(chain.pool, push_the_next, &chain);
    jobs_free(chain.pool);
    assert_int_equal(chain.left, -1);
}

static void free_accepts_null(void **state)
{
    jobs_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_job_has_run_when_the_pool_ends),
        cmocka_unit_test(one_thread_runs_jobs_in_order),
        cmocka_unit_test(enter_runs_once_in_each_thread),
        cmocka_unit_test(full_queue_refuses_a_job),
        cmocka_unit_test(jobs_pushed_by_jobs_run_before_the_end),
        cmocka_unit_test(free_accepts_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
