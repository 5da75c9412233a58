/* store/known_records.h: what is known is what is in the store. */
#include "store/known_records.h"
#include "tests/unit/store_fixture.h"

static void put_key(Store *store, const char *id, bool active)
{
    g_autoptr(GError) error = NULL;
    Txn *txn = begin(store);
    AccessKey key = {.id = id, .account_id = ACCOUNT, .secret = "s", .active = active};
    assert_ok(access_key_put(txn, &key, &error), error);
    commit(txn);
}

static const AccessKey *get(KnownRecords *records, Arena *arena, const char *id)
{
    g_autoptr(GError) error = NULL;
    void *key = NULL;
    assert_ok(known_record_get(records, arena, access_key_record_type(), id, &key, &error), error);
    return key;
}

static void key_is_as_it_was_last_written(void **state)
{
    Fixture *fixture = *state;
    KnownRecords *records = known_records_new(fixture->store);
    assert_null(get(records, fixture->arena, "AKIA1"));
    for (unsigned i = 0; i < 6; i++) {
        put_key(fixture->store, "AKIA1", i % 2 == 0);
        put_key(fixture->store, "AKIA2", true);
        for (unsigned again = 0; again < 2; again++) {
            const AccessKey *key = get(records, fixture->arena, "AKIA1");
            assert_int_equal(key->active, i % 2 == 0);
            assert_string_equal(key->id, "AKIA1");
            assert_string_equal(key->secret, "s");
            assert_null(key->user_name);
        }
    }
    g_autoptr(GError) error = NULL;
    Txn *txn = begin(fixture->store);
    assert_ok(access_key_delete(txn, "AKIA1", &error), error);
    assert_non_null(get(records, fixture->arena, "AKIA1")); /* it is not committed */
    commit(txn);
    assert_null(get(records, fixture->arena, "AKIA1"));
    known_records_free(records);
}

static void many_keys_are_right_too(void **state)
{
    Fixture *fixture = *state;
    KnownRecords *records = known_records_new(fixture->store);
    g_autoptr(GError) error = NULL;
    Txn *txn = begin(fixture->store);
    for (unsigned i = 0; i < 1100; i++) {
        AccessKey key = {.id = arena_printf(fixture->arena, "AKIA%u", i),
                         .account_id = ACCOUNT,
                         .secret = arena_printf(fixture->arena, "s%u", i)};
        assert_ok(access_key_insert(txn, &key, &error), error);
    }
    commit(txn);
    for (unsigned i = 0; i < 2200; i++) {
        const char *id = arena_printf(fixture->arena, "AKIA%u", i % 1100);
        assert_string_equal(get(records, fixture->arena, id)->secret + 1, id + 4);
    }
    known_records_free(records);
}

static const char *versioning(KnownRecords *records, Arena *arena, const char *name)
{
    g_autoptr(GError) error = NULL;
    void *bucket = NULL;
    assert_ok(known_record_get(records, arena, bucket_record_type(), name, &bucket, &error), error);
    return bucket ? ((Bucket *)bucket)->versioning : "no such bucket";
}

/* A bucket, too, and one that has the name of a key. */
static void kinds_are_told_apart(void **state)
{
    Fixture *fixture = *state;
    KnownRecords *records = known_records_new(fixture->store);
    put_key(fixture->store, "same", true);
    assert_non_null(get(records, fixture->arena, "same"));
    assert_string_equal(versioning(records, fixture->arena, "same"), "no such bucket");
    static const char *const states[] = {NULL, "Enabled", "Suspended", "Enabled"};
    for (size_t i = 0; i < G_N_ELEMENTS(states); i++) {
        g_autoptr(GError) error = NULL;
        Txn *txn = begin(fixture->store);
        Bucket bucket = {
            .name = "same", .account_id = ACCOUNT, .region = "r", .versioning = states[i]};
        assert_ok(bucket_put(txn, &bucket, &error), error);
        commit(txn);
        for (unsigned again = 0; again < 2; again++) {
            const char *is = versioning(records, fixture->arena, "same");
            assert_int_equal(g_strcmp0(is, states[i]), 0);
        }
    }
    g_autoptr(GError) error = NULL;
    Txn *txn = begin(fixture->store);
    assert_ok(store_clear(txn, &error), error);
    commit(txn);
    assert_string_equal(versioning(records, fixture->arena, "same"), "no such bucket");
    known_records_free(records);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)
    const struct CMUnitTest tests[] = {
        CASE(key_is_as_it_was_last_written),
        CASE(many_keys_are_right_too),
        CASE(kinds_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
