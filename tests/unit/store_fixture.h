/* A store in a directory of its own for one test, and records with what must be in them. */
#pragma once

#include "tests/unit/unit.h"
#include "base/fault.h"
#include "base/file.h"
#include "store/find.h"

#define ACCOUNT "000000000000"
#define OTHER_ACCOUNT "111111111111"

typedef struct Fixture {
    char *directory;
    char *path; /* of the database */
    Store *store;
    Arena *arena;
} Fixture;

static inline int fixture_set_up(void **state)
{
    Fixture *fixture = g_new0(Fixture, 1);
    g_autoptr(GError) error = NULL;
    fixture->directory = scratch_directory();
    fixture->path = g_build_filename(fixture->directory, "cumulet.db", NULL);
    fixture->arena = arena_new();
    store_open(fixture->directory, &fixture->store, &error);
    assert_no_error(error);
    *state = fixture;
    return 0;
}

static inline int fixture_tear_down(void **state)
{
    Fixture *fixture = *state;
    store_close(fixture->store);
    file_remove_tree(fixture->directory, NULL);
    arena_free(fixture->arena);
    g_free(fixture->path);
    g_free(fixture->directory);
    g_free(fixture);
    return 0;
}

static inline void fixture_close(Fixture *fixture)
{
    store_close(g_steal_pointer(&fixture->store));
}

static inline void fixture_reopen(Fixture *fixture)
{
    g_autoptr(GError) error = NULL;
    fixture_close(fixture);
    store_open(fixture->directory, &fixture->store, &error);
    assert_no_error(error);
}

static inline Txn *begin(Store *store)
{
    g_autoptr(GError) error = NULL;
    Txn *txn = NULL;
    txn_begin(store, &txn, &error);
    assert_no_error(error);
    return txn;
}

static inline Txn *begin_read(Store *store)
{
    g_autoptr(GError) error = NULL;
    Txn *txn = NULL;
    txn_begin_read(store, &txn, &error);
    assert_no_error(error);
    return txn;
}

static inline void commit(Txn *txn)
{
    g_autoptr(GError) error = NULL;
    txn_commit(&txn, &error);
    assert_no_error(error);
    assert_null(txn);
}

/* assert_ok(setting_put(txn, …, &error), error) */
#define assert_ok(call, error)                                                                     \
    do {                                                                                           \
        bool ok_ = (call);                                                                         \
        assert_no_error(error);                                                                    \
        assert_true(ok_);                                                                          \
    } while (0)

static inline void put_setting(Txn *txn, const char *name, const char *value)
{
    g_autoptr(GError) error = NULL;
    assert_ok(setting_put(txn, &(Setting){name, value}, &error), error);
}

/* The committed value, or NULL; lives in the arena. */
static inline const char *read_setting(Fixture *fixture, const char *name)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Txn) txn = begin_read(fixture->store);
    Setting *setting = NULL;
    assert_ok(setting_get(txn, fixture->arena, name, &setting, &error), error);
    return setting ? setting->value : NULL;
}

/* What an instance cannot be without. */
static inline Instance make_instance(const char *id)
{
    return (Instance){
        .id = id,
        .account_id = ACCOUNT,
        .reservation_id = "r-1",
        .type = "t2.micro",
        .state = INSTANCE_RUNNING,
    };
}

static inline void put_instance(Txn *txn, Instance instance)
{
    g_autoptr(GError) error = NULL;
    assert_ok(instance_put(txn, &instance, &error), error);
}

static inline void put_tag(Txn *txn, const char *id, const char *key, const char *value)
{
    g_autoptr(GError) error = NULL;
    Tag tag = {id, key, value, ACCOUNT, "instance"};
    assert_ok(tag_put(txn, &tag, &error), error);
}
