/* imagestore/part_sweep.h, and uploads of many parts: no transaction is long. */
#include "tests/unit/imagestore_fixture.h"
#include "imagestore/uploads.h"

#define MIB (1024 * 1024)
#define MANY (2 * PARTS_SLICE + 200)
#define DEADLINE (30 * G_TIME_SPAN_SECOND)

static Upload *start(Shop *shop)
{
    g_autoptr(GError) error = NULL;
    Upload upload = {.bucket = "bucket", .key = "key", .account_id = ACCOUNT, .initiator = "arn"};
    assert_ok(upload_create(shop->txn, shop->arena, &upload, shop->now, &error), error);
    return arena_memdup(shop->arena, &upload, sizeof(upload));
}

static void put_part(Shop *shop, const Upload *upload, unsigned number, int64_t size)
{
    g_autoptr(GError) error = NULL;
    Part part = {
        .blob_id = shop_blob(shop, size),
        .size = size,
        .etag = arena_printf(shop->arena, "%032x", number),
        .modified = shop->now,
    };
    assert_ok(upload_put_part(shop->blobs, shop->txn, upload, number, &part, &error), error);
}

/* With the parts 1 to n, all of 5 MiB. */
static Upload *start_with(Shop *shop, unsigned n)
{
    Upload *upload = start(shop);
    for (unsigned i = 1; i <= n; i++)
        put_part(shop, upload, i, 5 * MIB);
    return upload;
}

static List claim(Shop *shop, unsigned first, unsigned last)
{
    List claims = {0};
    for (unsigned i = first; i <= last; i++) {
        PartClaim one = {.number = i, .etag = arena_printf(shop->arena, "%032x", i)};
        list_add(&claims, shop->arena, arena_memdup(shop->arena, &one, sizeof(one)));
    }
    return claims;
}

static void commit_and_begin(Shop *shop)
{
    commit(g_steal_pointer(&shop->txn));
    shop->txn = begin(shop->fixture->store);
}

static Object *complete(Shop *shop, Upload *upload, const List *claims)
{
    g_autoptr(GError) error = NULL;
    Object *object = NULL;
    assert_ok(upload_complete(shop->blobs, shop->txn, shop->arena, upload, claims, NULL, &object,
                              NULL, &error),
              error);
    assert_ok(
        object_store(shop->blobs, shop->txn, shop->arena, shop->bucket, object, shop->now, &error),
        error);
    return object;
}

static void abort_it(Shop *shop, const Upload *upload)
{
    g_autoptr(GError) error = NULL;
    assert_ok(upload_abort(shop->blobs, shop->txn, shop->arena, upload, &error), error);
}

static bool sweep_once(Shop *shop, uint64_t *ret_uploads)
{
    g_autoptr(GError) error = NULL;
    bool more = false;
    assert_ok(part_sweep(shop->blobs, shop->txn, ret_uploads, &more, &error), error);
    return more;
}

static void an_aborted_upload_goes_in_slices(void **state)
{
    Shop *shop = *state;
    uint64_t gone;
    Upload *upload = start_with(shop, MANY);
    abort_it(shop, upload);
    assert_int_equal(shop_count_blobs(shop), MANY);
    assert_true(sweep_once(shop, &gone));
    assert_int_equal(shop_count_blobs(shop), MANY - PARTS_SLICE);
    assert_int_equal(gone, 0);
    assert_true(sweep_once(shop, &gone));
    assert_false(sweep_once(shop, &gone));
    assert_int_equal(gone, 1);
    assert_int_equal(shop_count_blobs(shop), 0);
}

static void many_small_uploads_go_in_one_slice(void **state)
{
    Shop *shop = *state;
    uint64_t gone;
    for (unsigned i = 0; i < 20; i++)
        abort_it(shop, start_with(shop, i % 3));
    assert_false(sweep_once(shop, &gone));
    assert_int_equal(gone, 20);
    assert_int_equal(shop_count_blobs(shop), 0);
    for (unsigned i = 0; i < PARTS_SLICE + 1; i++)
        abort_it(shop, start(shop));
    assert_true(sweep_once(shop, &gone));
    assert_int_equal(gone, PARTS_SLICE);
}

static uint64_t transactions_of(Shop *shop)
{
    StoreStats stats;
    store_stats(shop->fixture->store, &stats);
    return stats.transactions;
}

static void assert_placed(Shop *shop, const Upload *upload, bool placed)
{
    g_autoptr(GError) error = NULL;
    List parts = {0};
    bool more;
    assert_ok(upload_list_parts(shop->txn, shop->arena, upload, 0, PART_NUMBER_MAX, &parts, &more,
                                &error),
              error);
    assert_int_equal(parts.n, MANY);
    for (size_t i = 0; i < parts.n; i++) {
        const Part *part = list_at(&parts, i);
        assert_int_equal(part->offset, placed ? (int64_t)i * 5 * MIB : PART_NOT_PLACED);
    }
}

static void parts_are_placed_before_the_upload_is_completed(void **state)
{
    Shop *shop = *state;
    g_autoptr(GError) error = NULL;
    Upload *upload = start_with(shop, MANY);
    List claims = claim(shop, 1, MANY);
    commit(g_steal_pointer(&shop->txn));
    uint64_t before = transactions_of(shop);
    assert_ok(upload_place_parts(shop->fixture->store, upload, &claims, &error), error);
    assert_int_equal(transactions_of(shop) - before, 3);
    shop->txn = begin(shop->fixture->store);
    assert_placed(shop, upload, true);
    assert_int_equal(complete(shop, upload, &claims)->size, (int64_t)MANY * 5 * MIB);
}

/* Another request may complete it otherwise, or put a part, in between. */
static void what_was_placed_is_placed_anew_when_it_changed(void **state)
{
    Shop *shop = *state;
    g_autoptr(GError) error = NULL;
    Upload *upload = start_with(shop, MANY);
    List claims = claim(shop, 1, MANY), rest = claim(shop, 2, MANY);
    commit(g_steal_pointer(&shop->txn));
    assert_ok(upload_place_parts(shop->fixture->store, upload, &claims, &error), error);
    shop->txn = begin(shop->fixture->store);
    put_part(shop, upload, 3, 6 * MIB);
    Object *object = complete(shop, upload, &rest);
    assert_int_equal(object->size, (int64_t)(MANY - 1) * 5 * MIB + MIB);
    Part *part = NULL;
    assert_ok(object_find_part(shop->txn, shop->arena, object, 3, &part, &error), error);
    assert_int_equal(part->offset, 11 * MIB);
    shop_sweep(shop);
    assert_int_equal(shop_count_blobs(shop), MANY - 1);
}

static void nothing_is_placed_of_a_completed_upload(void **state)
{
    Shop *shop = *state;
    g_autoptr(GError) error = NULL;
    Upload *upload = start_with(shop, MANY);
    List claims = claim(shop, 1, MANY), rest = claim(shop, 2, MANY);
    complete(shop, upload, &claims);
    commit(g_steal_pointer(&shop->txn));
    assert_ok(upload_place_parts(shop->fixture->store, upload, &rest, &error), error);
    shop->txn = begin(shop->fixture->store);
    assert_placed(shop, upload, true);
}

static void claims_that_are_wrong_place_nothing(void **state)
{
    Shop *shop = *state;
    g_autoptr(GError) error = NULL;
    Upload *upload = start_with(shop, MANY);
    List claims = claim(shop, 1, MANY + 1);
    commit(g_steal_pointer(&shop->txn));
    assert_ok(upload_place_parts(shop->fixture->store, upload, &claims, &error), error);
    shop->txn = begin(shop->fixture->store);
    assert_placed(shop, upload, false);
}

static void parts_left_out_are_not_seen_before_they_go(void **state)
{
    Shop *shop = *state;
    g_autoptr(GError) error = NULL;
    Upload *upload = start_with(shop, 5);
    List claims = claim(shop, 2, 3), parts = {0};
    Object *object = complete(shop, upload, &claims);
    Part *part = NULL;
    bool more;
    assert_ok(object_find_part(shop->txn, shop->arena, object, 2, &part, &error), error);
    assert_int_equal(part->offset, 5 * MIB);
    assert_string_equal(part->etag, "00000000000000000000000000000003");
    assert_false(object_find_part(shop->txn, shop->arena, object, 3, &part, &error));
    assert_fault(error, FAULT_INVALID_PART_NUMBER);
    g_clear_error(&error);
    assert_ok(object_list_parts(shop->txn, shop->arena, object, 1, 9, &parts, &more, &error),
              error);
    assert_int_equal(parts.n, 1);
    assert_string_equal(((Part *)list_at(&parts, 0))->number, "00002");
    shop_sweep(shop);
    assert_int_equal(shop_count_blobs(shop), 2);
}

static bool is_swept(Shop *shop)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Txn) txn = begin_read(shop->fixture->store);
    void *trash;
    assert_ok(record_query_one(txn, shop->arena, QUERY_UPLOAD_TRASH, &trash, &error), error);
    return !trash;
}

static void wait_until_swept(Shop *shop)
{
    int64_t deadline = g_get_monotonic_time() + DEADLINE;
    while (!is_swept(shop)) {
        assert_true(g_get_monotonic_time() < deadline);
        g_thread_yield();
    }
}

static void reopen(Shop *shop)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *directory = g_build_filename(shop->fixture->directory, "objects", NULL);
    blobs_close(g_steal_pointer(&shop->blobs));
    fixture_reopen(shop->fixture);
    assert_ok(blobs_open(directory, shop->fixture->store, &shop->blobs, &error), error);
}

static void the_next_process_goes_on(void **state)
{
    Shop *shop = *state;
    uint64_t gone;
    abort_it(shop, start_with(shop, MANY));
    assert_true(sweep_once(shop, &gone));
    commit(g_steal_pointer(&shop->txn)); /* and no wake */
    reopen(shop);
    wait_until_swept(shop);
    shop->txn = begin(shop->fixture->store);
    assert_int_equal(shop_count_blobs(shop), 0);
}

static void it_happens_by_itself(void **state)
{
    Shop *shop = *state;
    Upload *upload = start_with(shop, MANY);
    List claims = claim(shop, 1, MANY);
    complete(shop, upload, &claims);
    commit_and_begin(shop);
    shop_remove(shop, "key", NULL);
    commit(g_steal_pointer(&shop->txn));
    blobs_wake(shop->blobs);
    wait_until_swept(shop);
    shop->txn = begin(shop->fixture->store);
    assert_int_equal(shop_count_blobs(shop), 0);
}

static BlobCheck check_blobs(Shop *shop, bool repair)
{
    g_autoptr(GError) error = NULL;
    BlobCheck found = {0};
    assert_ok(blobs_check(shop->blobs, repair, NULL, NULL, &found, &error), error);
    return found;
}

static void parts_of_no_upload_are_found_and_repaired(void **state)
{
    Shop *shop = *state;
    g_autoptr(GError) error = NULL;
    Upload *upload = start_with(shop, 3), *aborted = start_with(shop, 2);
    assert_ok(upload_delete(shop->txn, upload->id, &error), error); /* and no trash */
    abort_it(shop, aborted);
    commit(g_steal_pointer(&shop->txn));
    assert_int_equal(check_blobs(shop, false).orphans, 3);
    assert_int_equal(check_blobs(shop, true).orphans, 3);
    assert_int_equal(check_blobs(shop, false).orphans, 0);
    shop->txn = begin(shop->fixture->store);
    assert_int_equal(shop_count_blobs(shop), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, shop_set_up, shop_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(an_aborted_upload_goes_in_slices),
        T(many_small_uploads_go_in_one_slice),
        T(parts_are_placed_before_the_upload_is_completed),
        T(what_was_placed_is_placed_anew_when_it_changed),
        T(nothing_is_placed_of_a_completed_upload),
        T(claims_that_are_wrong_place_nothing),
        T(parts_left_out_are_not_seen_before_they_go),
        T(the_next_process_goes_on),
        T(it_happens_by_itself),
        T(parts_of_no_upload_are_found_and_repaired),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
