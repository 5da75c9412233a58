/* Bytes in the database. */
#include "tests/unit/store_fixture.h"

#include "store/blob_data.h"

static const char bytes[] = "a\0b\xff\n";

static void insert(Txn *txn, const char *id, const void *data, size_t size)
{
    g_autoptr(GError) error = NULL;
    assert_ok(blob_data_insert(txn, id, data, size, &error), error);
}

static void assert_reads(Txn *txn, int64_t offset, int64_t size, const void *expected, size_t n)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *data = NULL;
    size_t got = 99;
    assert_ok(blob_data_read(txn, "a", offset, size, &data, &got, &error), error);
    assert_non_null(data);
    assert_int_equal(got, n);
    assert_memory_equal(data, expected, n);
}

static void any_bytes_come_back(void **state)
{
    Fixture *f = *state;
    Txn *txn = begin(f->store);
    insert(txn, "a", bytes, sizeof(bytes));
    commit(txn);
    txn = begin_read(f->store);
    assert_reads(txn, 0, INT64_MAX, bytes, sizeof(bytes));
    commit(txn);
}

static void a_range_comes_alone(void **state)
{
    Fixture *f = *state;
    Txn *txn = begin(f->store);
    insert(txn, "a", bytes, sizeof(bytes));
    assert_reads(txn, 1, 2, bytes + 1, 2);
    assert_reads(txn, 4, 100, bytes + 4, sizeof(bytes) - 4);
    assert_reads(txn, 0, 0, "", 0);
    assert_reads(txn, 100, 1, "", 0);
    assert_reads(txn, INT64_MAX, INT64_MAX, "", 0);
    commit(txn);
}

static void no_bytes_are_not_nothing(void **state)
{
    Fixture *f = *state;
    Txn *txn = begin(f->store);
    insert(txn, "a", NULL, 0);
    assert_reads(txn, 0, INT64_MAX, "", 0);
    commit(txn);
}

static void absent_bytes_are_no_error(void **state)
{
    Fixture *f = *state;
    g_autoptr(GError) error = NULL;
    g_autofree char *data = NULL;
    size_t size;
    Txn *txn = begin(f->store);
    assert_ok(blob_data_read(txn, "a", 0, 10, &data, &size, &error), error);
    assert_null(data);
    assert_ok(blob_data_delete(txn, "a", &error), error);
    commit(txn);
}

static void id_is_taken_once(void **state)
{
    Fixture *f = *state;
    g_autoptr(GError) error = NULL;
    Txn *txn = begin(f->store);
    insert(txn, "a", "1", 1);
    assert_false(blob_data_insert(txn, "a", "2", 1, &error));
    assert_true(store_is_conflict(error));
    assert_reads(txn, 0, 10, "1", 1);
    commit(txn);
}

static void deleted_bytes_are_gone(void **state)
{
    Fixture *f = *state;
    g_autoptr(GError) error = NULL;
    g_autofree char *data = NULL;
    size_t size;
    Txn *txn = begin(f->store);
    insert(txn, "a", "1", 1);
    assert_ok(blob_data_delete(txn, "a", &error), error);
    assert_ok(blob_data_read(txn, "a", 0, 10, &data, &size, &error), error);
    assert_null(data);
    commit(txn);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(any_bytes_come_back),       TEST(a_range_comes_alone), TEST(no_bytes_are_not_nothing),
        TEST(absent_bytes_are_no_error), TEST(id_is_taken_once),    TEST(deleted_bytes_are_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
