/* imagestore/blob_sweeper.h: what was put into the trash goes, whenever it was asked for. */
#include "tests/unit/blobs_fixture.h"

#define LARGE (100 * 1000)

static Txn *drop(Depot *depot, const char *id)
{
    g_autoptr(GError) error = NULL;
    Txn *txn = begin(depot->fixture->store);
    assert_ok(blob_unref(depot->blobs, txn, id, &error), error);
    return txn;
}

static void file_goes_though_another_woke_before_the_commit(void **state)
{
    Depot *depot = *state;
    for (unsigned i = 0; i < 20; i++) {
        const char *early = make_blob(depot, NULL, i, LARGE);
        const char *late = make_blob(depot, NULL, i, LARGE);
        unref_blob(depot, early);
        Txn *txn = drop(depot, late);
        blobs_wake(depot->blobs);
        assert_true(exists(rest_path_of(depot, late)));
        commit(txn);
        blobs_wake(depot->blobs);
        wait_until_gone(rest_path_of(depot, early));
        wait_until_gone(rest_path_of(depot, late));
    }
}

static void file_whose_removal_was_taken_back_stays(void **state)
{
    Depot *depot = *state;
    const char *kept = make_blob(depot, NULL, 1, LARGE), *gone = make_blob(depot, NULL, 2, LARGE);
    txn_rollback(drop(depot, kept));
    blobs_wake(depot->blobs);
    unref_blob(depot, gone);
    wait_until_gone(rest_path_of(depot, gone));
    assert_true(exists(rest_path_of(depot, kept)));
    unref_blob(depot, kept);
    wait_until_gone(rest_path_of(depot, kept));
}

/* More than a piece of the trash. */
static void trash_of_any_size_is_emptied(void **state)
{
    Depot *depot = *state;
    g_autoptr(GError) error = NULL;
    const char *last = "";
    Txn *txn = begin(depot->fixture->store);
    for (unsigned i = 0; i < 2500; i++) {
        last = arena_printf(depot->arena, "%032x", i);
        assert_ok(blob_trash_put(txn, &(BlobTrash){last}, &error), error);
    }
    assert_true(g_file_set_contents(new_path_of(depot, last), "x", 1, NULL));
    commit(txn);
    blobs_sweep(depot->blobs);
    wait_until_gone(new_path_of(depot, last));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DEPOT_TEST(file_goes_though_another_woke_before_the_commit),
        DEPOT_TEST(file_whose_removal_was_taken_back_stays),
        DEPOT_TEST(trash_of_any_size_is_emptied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
