/* Transactions: all or nothing, one's own or shared, acknowledged only when durable. */
#include "tests/unit/store_fixture.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEADLINE (30 * G_TIME_SPAN_SECOND)

static StoreStats stats_of(Store *store)
{
    StoreStats stats;
    store_stats(store, &stats);
    return stats;
}

static void wait_for_line(Store *store, unsigned n)
{
    int64_t deadline = g_get_monotonic_time() + DEADLINE;
    while (stats_of(store).waiting != n) {
        assert_true(g_get_monotonic_time() < deadline);
        g_thread_yield();
    }
}

/* A thread that writes one setting and commits, or rolls back. */
typedef struct WriterThread {
    Store *store;
    const char *name;
    bool gives_up;
    bool ok;
    GThread *thread;
} WriterThread;

static void *write_one(void *data)
{
    WriterThread *self = data;
    g_autoptr(Txn) txn = NULL;
    if (!txn_begin(self->store, &txn, NULL) || !setting_put(txn, &(Setting){self->name, "1"}, NULL))
        return NULL;
    if (!self->gives_up)
        self->ok = txn_commit(&txn, NULL);
    return NULL;
}

static void start(WriterThread *self)
{
    self->thread = g_thread_new("writer", write_one, self);
}

static void join(WriterThread *self)
{
    g_thread_join(self->thread);
}

static void rolled_back_transaction_leaves_nothing(void **state)
{
    Fixture *f = *state;
    Txn *txn = begin(f->store);
    put_setting(txn, "a", "1");
    txn_rollback(txn);
    assert_null(read_setting(f, "a"));
}

static void reader_sees_only_what_was_committed_when_it_began_to_read(void **state)
{
    Fixture *f = *state;
    Setting *setting = NULL;
    g_autoptr(Txn) before = begin_read(f->store);
    assert_true(setting_get(before, f->arena, "a", &setting, NULL));
    Txn *txn = begin(f->store);
    put_setting(txn, "a", "1");
    assert_null(read_setting(f, "a"));
    commit(txn);
    assert_string_equal(read_setting(f, "a"), "1");
    assert_true(setting_get(before, f->arena, "a", &setting, NULL));
    assert_null(setting);
}

static void every_commit_makes_another_even_version(void **state)
{
    Fixture *f = *state;
    uint64_t before = store_version(f->store);
    assert_int_equal(before % 2, 0);
    Txn *txn = begin(f->store);
    put_setting(txn, "a", "1");
    assert_int_equal(store_version(f->store), before);
    commit(txn);
    assert_true(store_version(f->store) > before);
    assert_int_equal(store_version(f->store) % 2, 0);
}

static void concurrent_commits_share_a_transaction(void **state)
{
    Fixture *f = *state;
    WriterThread threads[8] = {0};
    const char *names[] = {"0", "1", "2", "3", "4", "5", "6", "7"};
    Txn *txn = begin(f->store);
    StoreStats before = stats_of(f->store);
    for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++) {
        threads[i] = (WriterThread){.store = f->store, .name = names[i]};
        start(&threads[i]);
    }
    wait_for_line(f->store, G_N_ELEMENTS(threads));
    put_setting(txn, "main", "1");
    commit(txn);
    for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++) {
        join(&threads[i]);
        assert_true(threads[i].ok);
        assert_string_equal(read_setting(f, names[i]), "1");
    }
    StoreStats after = stats_of(f->store);
    assert_int_equal(after.transactions - before.transactions, 9);
    assert_true(after.commits - before.commits < 9);
}

static void rolled_back_savepoint_leaves_others(void **state)
{
    Fixture *f = *state;
    WriterThread gives_up = {.store = f->store, .name = "b", .gives_up = true};
    WriterThread last = {.store = f->store, .name = "c"};
    Txn *txn = begin(f->store);
    put_setting(txn, "a", "1");
    start(&gives_up);
    wait_for_line(f->store, 1);
    start(&last);
    wait_for_line(f->store, 2);
    commit(txn);
    join(&gives_up);
    join(&last);
    assert_string_equal(read_setting(f, "a"), "1");
    assert_null(read_setting(f, "b"));
    assert_string_equal(read_setting(f, "c"), "1");
}

static void last_in_line_that_rolls_back_still_commits_the_others(void **state)
{
    Fixture *f = *state;
    WriterThread gives_up = {.store = f->store, .name = "b", .gives_up = true};
    Txn *txn = begin(f->store);
    put_setting(txn, "a", "1");
    start(&gives_up);
    wait_for_line(f->store, 1);
    commit(txn);
    join(&gives_up);
    assert_string_equal(read_setting(f, "a"), "1");
    assert_null(read_setting(f, "b"));
}

static void first_that_rolls_back_leaves_the_turn_to_the_next(void **state)
{
    Fixture *f = *state;
    WriterThread next = {.store = f->store, .name = "b"};
    Txn *txn = begin(f->store);
    put_setting(txn, "a", "1");
    start(&next);
    wait_for_line(f->store, 1);
    txn_rollback(txn);
    join(&next);
    assert_true(next.ok);
    assert_null(read_setting(f, "a"));
    assert_string_equal(read_setting(f, "b"), "1");
}

/* From now on no file of this process may grow: what a full disk does, with another errno. */
static void limit_file_size(Fixture *f, struct rlimit *ret_before)
{
    g_autofree char *wal = g_strconcat(f->path, "-wal", NULL);
    struct stat status;
    assert_int_equal(stat(wal, &status), 0);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, ret_before), 0);
    struct rlimit limit = {(rlim_t)status.st_size, ret_before->rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void lift_limit(const struct rlimit *before)
{
    assert_int_equal(setrlimit(RLIMIT_FSIZE, before), 0);
}

static void fill(Txn *txn, unsigned n)
{
    g_autoptr(Arena) arena = arena_new();
    g_autofree char *value = g_strnfill(1000, 'x');
    for (unsigned i = 0; i < n; i++)
        put_setting(txn, arena_printf(arena, "fill-%u", i), value);
}

static void failed_commit_leaves_nothing(void **state)
{
    Fixture *f = *state;
    g_autoptr(GError) error = NULL;
    Txn *txn = begin(f->store);
    put_setting(txn, "a", "1");
    commit(txn);

    struct rlimit before;
    limit_file_size(f, &before);
    txn = begin(f->store);
    put_setting(txn, "b", "1");
    fill(txn, 100);
    bool ok = txn_commit(&txn, &error);
    lift_limit(&before);
    assert_false(ok);
    assert_null(txn);
    assert_error_says(error, "is full: free some space");
    assert_int_equal(error->code, ENOSPC);
    assert_null(read_setting(f, "b"));
    fixture_reopen(f);
    assert_null(read_setting(f, "b"));
    assert_string_equal(read_setting(f, "a"), "1");
}

static void failed_shared_commit_fails_all(void **state)
{
    Fixture *f = *state;
    g_autoptr(GError) error = NULL;
    WriterThread other = {.store = f->store, .name = "b"};
    Txn *txn = begin(f->store);
    put_setting(txn, "a", "1");
    commit(txn);

    struct rlimit before;
    limit_file_size(f, &before);
    txn = begin(f->store);
    fill(txn, 100);
    start(&other);
    wait_for_line(f->store, 1);
    bool ok = txn_commit(&txn, &error);
    join(&other);
    lift_limit(&before);
    assert_false(ok);
    assert_false(other.ok);
    assert_null(read_setting(f, "b"));
}

static void full_disk_does_not_wedge_the_store(void **state)
{
    Fixture *f = *state;
    Txn *txn = begin(f->store);
    put_setting(txn, "a", "1");
    commit(txn);

    struct rlimit before;
    limit_file_size(f, &before);
    for (int i = 0; i < 3; i++) {
        txn = begin(f->store);
        fill(txn, 100);
        assert_false(txn_commit(&txn, NULL));
    }
    assert_string_equal(read_setting(f, "a"), "1");
    lift_limit(&before);
    txn = begin(f->store);
    put_setting(txn, "b", "1");
    fill(txn, 100);
    commit(txn);
    assert_string_equal(read_setting(f, "b"), "1");
}

/* Runs in a child with a small disk of its own; the exit code says where it went wrong. */
static int fill_small_disk(const char *directory)
{
    Store *store;
    g_autoptr(GError) error = NULL;
    g_autofree char *ballast = g_build_filename(directory, "ballast", NULL);
    g_autofree char *noise = g_strnfill(200000, 'x');
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", directory, "tmpfs", 0, "size=1m") != 0)
        return 77;
    if (!store_open(directory, &store, NULL) || !g_file_set_contents(ballast, noise, 200000, NULL))
        return 1;
    Txn *txn = begin(store);
    bool ok = true;
    for (unsigned i = 0; ok && i < 2000; i++) {
        g_autofree char *name = g_strdup_printf("fill-%u", i);
        ok = setting_put(txn, &(Setting){name, noise + 199000}, &error);
    }
    if (ok)
        ok = txn_commit(&txn, &error);
    txn_rollback(txn);
    if (ok || error->code != ENOSPC)
        return 2;
    unlink(ballast);
    txn = begin(store);
    put_setting(txn, "a", "1");
    return txn_commit(&txn, NULL) ? 0 : 3;
}

static void room_on_a_full_disk_is_used_when_it_is_there_again(void **state)
{
    Fixture *f = *state;
    int status;
    fixture_close(f);
    pid_t child = fork();
    if (child == 0)
        _exit(fill_small_disk(f->directory));
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
        print_message("needs root, to mount a small disk\n");
        skip();
    }
    assert_int_equal(status, 0);
}

/* More than the cache holds is written before the commit: SQLite gives the transaction up. */
static void statement_that_finds_the_disk_full_dooms_its_transaction(void **state)
{
    Fixture *f = *state;
    g_autoptr(GError) error = NULL;
    Txn *txn = begin(f->store);
    put_setting(txn, "a", "1");
    commit(txn);

    struct rlimit before;
    limit_file_size(f, &before);
    txn = begin(f->store);
    g_autofree char *value = g_strnfill(1000000, 'x');
    bool ok = true;
    for (int i = 0; ok && i < 50; i++) {
        g_autofree char *name = g_strdup_printf("fill-%d", i);
        ok = setting_put(txn, &(Setting){name, value}, &error);
    }
    assert_false(ok);
    assert_error_says(error, "is full");
    assert_false(setting_put(txn, &(Setting){"b", "1"}, NULL));
    g_clear_error(&error);
    ok = txn_commit(&txn, &error);
    lift_limit(&before);
    assert_false(ok);
    assert_error_says(error, "is full");
    assert_null(read_setting(f, "b"));
    assert_null(read_setting(f, "fill-0"));
}

static void long_write_ahead_log_is_checkpointed(void **state)
{
    Fixture *f = *state;
    Txn *txn = begin(f->store);
    fill(txn, 6000);
    commit(txn);
    int64_t deadline = g_get_monotonic_time() + DEADLINE;
    while (stats_of(f->store).checkpoints == 0) {
        assert_true(g_get_monotonic_time() < deadline);
        g_thread_yield();
    }
}

/* What it may still want cannot be moved out of the log. */
static void reader_that_stays_is_not_tried_against_for_ever(void **state)
{
    Fixture *f = *state;
    Txn *reader = begin_read(f->store);
    Setting *setting;
    assert_true(setting_get(reader, f->arena, "none", &setting, NULL));
    Txn *txn = begin(f->store);
    fill(txn, 6000);
    commit(txn);
    for (unsigned i = 0; i < 300; i++) {
        txn = begin(f->store);
        fill(txn, 1);
        commit(txn);
    }
    assert_in_range(stats_of(f->store).checkpoints, 0, 10);
    txn_rollback(reader);
}

static void commit_of_nothing_succeeds(void **state)
{
    Fixture *f = *state;
    commit(begin(f->store));
    commit(begin_read(f->store));
    txn_rollback(NULL);
}

/* A child that tells on a pipe each write that was acknowledged, until it is killed. */
typedef struct Victim {
    Store *store;
    int pipe;
    unsigned number;
} Victim;

static void *write_for_ever(void *data)
{
    const Victim *self = data;
    for (uint32_t i = 0;; i++) {
        uint32_t told[2] = {self->number, i};
        g_autofree char *name = g_strdup_printf("%u-%u", told[0], told[1]);
        g_autoptr(Txn) txn = NULL;
        if (!txn_begin(self->store, &txn, NULL) ||
            !setting_insert(txn, &(Setting){name, "1"}, NULL) || !txn_commit(&txn, NULL) ||
            write(self->pipe, told, sizeof(told)) != sizeof(told))
            _exit(1);
    }
    return NULL;
}

static void run_victim(const char *directory, int pipe)
{
    Store *store;
    Victim victims[3];
    if (!store_open(directory, &store, NULL))
        _exit(1);
    for (unsigned i = 0; i < G_N_ELEMENTS(victims); i++) {
        victims[i] = (Victim){store, pipe, i};
        g_thread_new("victim", write_for_ever, &victims[i]);
    }
    for (;;)
        pause();
}

static void acknowledged_writes_survive_a_kill(void **state)
{
    Fixture *f = *state;
    int pipes[2];
    fixture_close(f);
    assert_int_equal(pipe(pipes), 0);
    pid_t child = fork();
    if (child == 0)
        run_victim(f->directory, pipes[1]);
    close(pipes[1]);

    g_autoptr(GArray) told = g_array_new(FALSE, FALSE, 2 * sizeof(uint32_t));
    uint32_t one[2];
    while (read(pipes[0], one, sizeof(one)) == sizeof(one)) {
        g_array_append_val(told, one);
        if (told->len == 300)
            kill(child, SIGKILL);
    }
    close(pipes[0]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_true(told->len >= 300);

    fixture_reopen(f);
    for (unsigned i = 0; i < told->len; i++) {
        const uint32_t *written = &g_array_index(told, uint32_t, 2 * i);
        assert_non_null(read_setting(f, arena_printf(f->arena, "%u-%u", written[0], written[1])));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rolled_back_transaction_leaves_nothing),
        TEST(reader_sees_only_what_was_committed_when_it_began_to_read),
        TEST(every_commit_makes_another_even_version),
        TEST(concurrent_commits_share_a_transaction),
        TEST(rolled_back_savepoint_leaves_others),
        TEST(last_in_line_that_rolls_back_still_commits_the_others),
        TEST(first_that_rolls_back_leaves_the_turn_to_the_next),
        TEST(failed_commit_leaves_nothing),
        TEST(failed_shared_commit_fails_all),
        TEST(full_disk_does_not_wedge_the_store),
        TEST(room_on_a_full_disk_is_used_when_it_is_there_again),
        TEST(statement_that_finds_the_disk_full_dooms_its_transaction),
        TEST(long_write_ahead_log_is_checkpointed),
        TEST(reader_that_stays_is_not_tried_against_for_ever),
        TEST(commit_of_nothing_succeeds),
        TEST(acknowledged_writes_survive_a_kill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
