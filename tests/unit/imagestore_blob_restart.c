/* What is left of an earlier process, one that ended or was killed, when blobs are opened. */
#include "tests/unit/blobs_fixture.h"

#include "base/faultpoint.h"
#include "imagestore/blob_files.h"
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#define LARGE (300 * 1000)

static void leave_in_new(Depot *depot, const char *name)
{
    assert_true(g_file_set_contents(new_path_of(depot, name), "x", 1, NULL));
}

static void opening_removes_what_has_no_record(void **state)
{
    Depot *depot = *state;
    char id[BLOB_ID_SIZE];
    blob_id_make(id);
    depot_close(depot);
    leave_in_new(depot, id);
    leave_in_new(depot, "no id at all");
    depot_open(depot);
    assert_int_equal(count_new(depot), 0);
    assert_false(exists(rest_path_of(depot, id)));
}

static void opening_moves_what_has_one(void **state)
{
    Depot *depot = *state;
    g_autofree char *bytes = bytes_of(1, LARGE);
    const char *id = make_blob(depot, NULL, 1, LARGE);
    depot_close(depot);
    assert_int_equal(rename(rest_path_of(depot, id), new_path_of(depot, id)), 0);
    depot_open(depot);
    assert_true(exists(rest_path_of(depot, id)));
    assert_stored(depot, id, bytes, LARGE);
}

static void trash_in_new_is_emptied(void **state)
{
    Depot *depot = *state;
    const char *id = make_blob(depot, NULL, 1, LARGE);
    assert_int_equal(rename(rest_path_of(depot, id), new_path_of(depot, id)), 0);
    unref_blob(depot, id);
    wait_until_gone(new_path_of(depot, id));
}

static void trash_of_an_earlier_process_is_emptied(void **state)
{
    Depot *depot = *state;
    g_autoptr(GError) error = NULL;
    const char *id = make_blob(depot, NULL, 1, LARGE);
    Txn *txn = begin(depot->fixture->store);
    assert_ok(blob_unref(depot->blobs, txn, id, &error), error);
    commit(txn); /* and no wake */
    depot_close(depot);
    assert_true(exists(rest_path_of(depot, id)));
    depot_open(depot);
    wait_until_gone(rest_path_of(depot, id));
}

/* Writes three blobs and drops one; tells on the pipe which are kept ('k') and dropped ('d'). */
static void run_victim(Depot *depot, int pipe, unsigned step)
{
    g_autofree char *plan = g_strdup_printf("blob:%u", step);
    char told[1 + BLOB_ID_SIZE];
    const char *ids[3];
    faultpoint_arm(plan);
    fixture_reopen(depot->fixture);
    depot_open(depot);
    for (unsigned i = 0; i < G_N_ELEMENTS(ids); i++) {
        ids[i] = make_blob(depot, NULL, i, i == 1 ? 100 : LARGE);
        g_snprintf(told, sizeof(told), "k%s", ids[i]);
        if (write(pipe, told, sizeof(told)) != sizeof(told))
            _exit(1);
    }
    unref_blob(depot, ids[2]);
    g_snprintf(told, sizeof(told), "d%s", ids[2]);
    if (write(pipe, told, sizeof(told)) != sizeof(told))
        _exit(1);
    wait_until_gone(rest_path_of(depot, ids[2]));
    depot_close(depot);
    _exit(0);
}

static bool is_in_trash(Depot *depot, const char *id)
{
    g_autoptr(Txn) txn = begin_read(depot->fixture->store);
    BlobTrash *trash = NULL;
    assert_true(blob_trash_get(txn, depot->arena, id, &trash, NULL));
    return trash != NULL;
}

/* What was told is as told, and nothing is left that no record owns. */
static void check_remains(Depot *depot, int pipe)
{
    g_autoptr(GHashTable) kept = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GError) error = NULL;
    char told[1 + BLOB_ID_SIZE];
    BlobCheck found = {0};
    bool dropped = false;
    while (read(pipe, told, sizeof(told)) == sizeof(told)) {
        if (told[0] == 'k') {
            g_hash_table_add(kept, g_strdup(told + 1));
        } else {
            assert_false(has_record(depot, told + 1));
            int64_t deadline = g_get_monotonic_time() + DEADLINE;
            while (exists(rest_path_of(depot, told + 1)) || is_in_trash(depot, told + 1))
                assert_true(g_get_monotonic_time() < deadline);
            g_hash_table_remove(kept, told + 1);
            dropped = true;
        }
    }
    GHashTableIter iter;
    g_hash_table_iter_init(&iter, kept);
    /* The last may have been dropped without being told. */
    for (void *id; g_hash_table_iter_next(&iter, &id, NULL);)
        assert_true(has_record(depot, id) || (!dropped && g_hash_table_size(kept) == 3));
    assert_ok(blobs_check(depot->blobs, false, NULL, NULL, &found, &error), error);
    assert_int_equal(found.damaged + found.missing, 0);
    assert_int_equal(count_new(depot), 0);
    /* The records belong to no object here, but every file to a record. */
    assert_int_equal(found.orphans, found.blobs);
}

static void a_kill_at_any_step_loses_nothing_and_leaves_nothing(void **state)
{
    Depot *depot = *state;
    depot_close(depot);
    fixture_close(depot->fixture);
    bool killed = true;
    unsigned step;
    for (step = 1; killed; step++) {
        int pipes[2], status;
        assert_int_equal(pipe(pipes), 0);
        pid_t child = fork();
        if (child == 0)
            run_victim(depot, pipes[1], step);
        close(pipes[1]);
        assert_int_equal(waitpid(child, &status, 0), child);
        killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
        assert_true(killed || (WIFEXITED(status) && WEXITSTATUS(status) == 0));
        store_open(depot->fixture->directory, &depot->fixture->store, NULL);
        depot_open(depot);
        check_remains(depot, pipes[0]);
        close(pipes[0]);
        depot_close(depot);
        fixture_close(depot->fixture);
    }
    assert_true(step > 12);
    store_open(depot->fixture->directory, &depot->fixture->store, NULL);
    depot_open(depot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DEPOT_TEST(trash_of_an_earlier_process_is_emptied),
        DEPOT_TEST(opening_removes_what_has_no_record),
        DEPOT_TEST(opening_moves_what_has_one),
        DEPOT_TEST(trash_in_new_is_emptied),
        DEPOT_TEST(a_kill_at_any_step_loses_nothing_and_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
