/* cloud/known_keys.h: a key that is known is the one that is in the store. */
#include "tests/unit/store_fixture.h"
#include "cloud/known_keys.h"

static void put_key(Store *store, const char *id, bool active)
{
    g_autoptr(GError) error = NULL;
    Txn *txn = begin(store);
    AccessKey key = {.id = id, .account_id = ACCOUNT, .secret = "s", .active = active};
    assert_ok(access_key_put(txn, &key, &error), error);
    commit(txn);
}

static const AccessKey *get(KnownKeys *keys, Arena *arena, const char *id)
{
    g_autoptr(GError) error = NULL;
    AccessKey *key = NULL;
    assert_ok(known_keys_get(keys, arena, id, &key, &error), error);
    return key;
}

static void key_is_as_it_was_last_written(void **state)
{
    Fixture *fixture = *state;
    KnownKeys *keys = known_keys_new(fixture->store);
    assert_null(get(keys, fixture->arena, "AKIA1"));
    for (unsigned i = 0; i < 6; i++) {
        put_key(fixture->store, "AKIA1", i % 2 == 0);
        put_key(fixture->store, "AKIA2", true);
        for (unsigned again = 0; again < 2; again++) {
            const AccessKey *key = get(keys, fixture->arena, "AKIA1");
            assert_int_equal(key->active, i % 2 == 0);
            assert_string_equal(key->id, "AKIA1");
            assert_string_equal(key->secret, "s");
            assert_null(key->user_name);
        }
    }
    g_autoptr(GError) error = NULL;
    Txn *txn = begin(fixture->store);
    assert_ok(access_key_delete(txn, "AKIA1", &error), error);
    assert_non_null(get(keys, fixture->arena, "AKIA1")); /* it is not committed */
    commit(txn);
    assert_null(get(keys, fixture->arena, "AKIA1"));
    known_keys_free(keys);
}

static void many_keys_are_right_too(void **state)
{
    Fixture *fixture = *state;
    KnownKeys *keys = known_keys_new(fixture->store);
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
        assert_string_equal(get(keys, fixture->arena, id)->secret + 1, id + 4);
    }
    known_keys_free(keys);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)
    const struct CMUnitTest tests[] = {
        CASE(key_is_as_it_was_last_written),
        CASE(many_keys_are_right_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
