/* store/changes.h: what a write says of the instances that it belongs to. */
#include "tests/unit/store_fixture.h"

#define ID "i-1"
#define OTHER "i-2"

static void write_all(Fixture *fixture)
{
    g_autoptr(GError) error = NULL;
    Txn *txn = begin(fixture->store);
    put_instance(txn, make_instance(ID));
    put_instance(txn, make_instance(OTHER));
    Eni eni = {.id = "eni-1",
               .account_id = ACCOUNT,
               .instance_id = ID,
               .vpc_id = "vpc-1",
               .subnet_id = "subnet-1"};
    EniGroup member = {"eni-1", "sg-1"};
    SecurityGroup group = {.id = "sg-1", .account_id = ACCOUNT, .vpc_id = "vpc-1", .name = "g"};
    Volume volume = {
        .id = "vol-1", .account_id = ACCOUNT, .instance_id = ID, .device = "/dev/sda1"};
    assert_ok(eni_insert(txn, &eni, &error) && eni_group_insert(txn, &member, &error) &&
                  security_group_insert(txn, &group, &error) && volume_insert(txn, &volume, &error),
              error);
    put_tag(txn, ID, "Name", "x");
    commit(txn);
}

typedef bool (*WriteFn)(Txn *txn, GError **error);

static bool put_record(Txn *txn, GError **error)
{
    Instance instance = make_instance(ID);
    instance.key_name = "k";
    return instance_put(txn, &instance, error);
}

static bool delete_record(Txn *txn, GError **error)
{
    return instance_delete(txn, ID, error);
}

static bool interrupt(Txn *txn, GError **error)
{
    return record_change(txn, CHANGE_INTERRUPT_INSTANCES, NULL, error);
}

static bool put_eni(Txn *txn, GError **error)
{
    Eni eni = {.id = "eni-1",
               .account_id = ACCOUNT,
               .instance_id = ID,
               .vpc_id = "vpc-1",
               .subnet_id = "subnet-1",
               .public_ip = "127.77.0.1"};
    return eni_put(txn, &eni, error);
}

static bool detach_eni(Txn *txn, GError **error)
{
    Eni eni = {.id = "eni-1", .account_id = ACCOUNT, .vpc_id = "vpc-1", .subnet_id = "subnet-1"};
    return eni_put(txn, &eni, error);
}

static bool attach_eni(Txn *txn, GError **error)
{
    Eni eni = {.id = "eni-2",
               .account_id = ACCOUNT,
               .instance_id = ID,
               .vpc_id = "vpc-1",
               .subnet_id = "subnet-1"};
    return eni_put(txn, &eni, error);
}

static bool delete_eni(Txn *txn, GError **error)
{
    return eni_delete(txn, "eni-1", error);
}

static bool join_group(Txn *txn, GError **error)
{
    return eni_group_insert(txn, &(EniGroup){"eni-1", "sg-2"}, error);
}

static bool leave_groups(Txn *txn, GError **error)
{
    return record_change(txn, CHANGE_DELETE_GROUPS_OF_ENI, NULL, error, "eni-1");
}

static bool rename_group(Txn *txn, GError **error)
{
    SecurityGroup group = {.id = "sg-1", .account_id = ACCOUNT, .vpc_id = "vpc-1", .name = "h"};
    return security_group_put(txn, &group, error);
}

static bool delete_group(Txn *txn, GError **error)
{
    return security_group_delete(txn, "sg-1", error);
}

static bool detach_volume(Txn *txn, GError **error)
{
    Volume volume = {.id = "vol-1", .account_id = ACCOUNT};
    return volume_put(txn, &volume, error);
}

static bool attach_volume(Txn *txn, GError **error)
{
    Volume volume = {.id = "vol-2", .account_id = ACCOUNT, .instance_id = ID, .device = "/dev/sdb"};
    return volume_put(txn, &volume, error);
}

static bool delete_volume(Txn *txn, GError **error)
{
    return volume_delete(txn, "vol-1", error);
}

static bool change_tag(Txn *txn, GError **error)
{
    return tag_put(txn, &(Tag){ID, "Name", "y", ACCOUNT, "instance"}, error);
}

static bool add_tag(Txn *txn, GError **error)
{
    return tag_put(txn, &(Tag){ID, "New", "y", ACCOUNT, "instance"}, error);
}

static bool delete_tag(Txn *txn, GError **error)
{
    return record_change(txn, CHANGE_DELETE_TAG, NULL, error, ID, "Name");
}

static bool delete_tags(Txn *txn, GError **error)
{
    return record_change(txn, CHANGE_DELETE_TAGS_OF, NULL, error, ID);
}

static bool clear(Txn *txn, GError **error)
{
    return store_clear(txn, error);
}

static const WriteFn writes[] = {
    put_record,   delete_record, interrupt,     put_eni,       detach_eni,
    attach_eni,   delete_eni,    join_group,    leave_groups,  rename_group,
    delete_group, detach_volume, attach_volume, delete_volume, change_tag,
    add_tag,      delete_tag,    delete_tags,   clear,
};

/* Whoever began to read before the write, or during it, or after it, is told right. */
static void every_write_of_what_is_shown_is_told(void **state)
{
    for (size_t i = 0; i < G_N_ELEMENTS(writes); i++) {
        g_autoptr(GError) error = NULL;
        Fixture *fixture = *state;
        write_all(fixture);
        Txn *before = begin_read(fixture->store), *txn = begin(fixture->store);
        assert_in_range(store_changed(fixture->store, ID), 0, txn_since(before));
        assert_ok(writes[i](txn, &error), error);
        Txn *meanwhile = begin_read(fixture->store);
        commit(txn);
        Txn *after = begin_read(fixture->store);
        uint64_t changed = store_changed(fixture->store, ID);
        if (changed <= txn_since(before) || changed <= txn_since(meanwhile) ||
            changed > txn_since(after))
            fail_msg("write %zu", i);
        txn_rollback(before);
        txn_rollback(meanwhile);
        txn_rollback(after);
        txn = begin(fixture->store);
        assert_ok(store_clear(txn, &error), error);
        commit(txn);
    }
}

static void others_are_left_as_they_were(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(GError) error = NULL;
    write_all(fixture);
    uint64_t changed = store_changed(fixture->store, OTHER);
    static const WriteFn of_one[] = {put_record,   put_eni,       join_group,   rename_group,
                                     leave_groups, attach_volume, change_tag,   delete_tags,
                                     delete_eni,   delete_volume, delete_group, delete_record};
    for (size_t i = 0; i < G_N_ELEMENTS(of_one); i++) {
        Txn *txn = begin(fixture->store);
        assert_ok(of_one[i](txn, &error), error);
        commit(txn);
        assert_int_equal(store_changed(fixture->store, OTHER), changed);
    }
}

static void moved_volume_touches_both(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(GError) error = NULL;
    write_all(fixture);
    uint64_t one = store_changed(fixture->store, ID), other = store_changed(fixture->store, OTHER);
    Volume volume = {.id = "vol-1", .account_id = ACCOUNT, .instance_id = OTHER, .device = "x"};
    Txn *txn = begin(fixture->store);
    assert_ok(volume_put(txn, &volume, &error), error);
    commit(txn);
    assert_in_range(store_changed(fixture->store, ID), one + 1, UINT64_MAX);
    assert_in_range(store_changed(fixture->store, OTHER), other + 1, UINT64_MAX);
}

static void what_was_rolled_back_was_no_change(void **state)
{
    Fixture *fixture = *state;
    write_all(fixture);
    uint64_t changed = store_changed(fixture->store, ID);
    Txn *txn = begin(fixture->store);
    put_tag(txn, ID, "Name", "z");
    txn_rollback(txn);
    txn = begin(fixture->store);
    put_setting(txn, "a", "b");
    commit(txn);
    assert_int_equal(store_changed(fixture->store, ID), changed);
}

/* More ids than are told apart. */
static void forgotten_ids_look_changed(void **state)
{
    enum { MANY = 20100 };
    Fixture *fixture = *state;
    write_all(fixture);
    Txn *before = begin_read(fixture->store), *txn = begin(fixture->store);
    for (unsigned i = 0; i < MANY; i++) {
        char id[32];
        g_snprintf(id, sizeof(id), "vol-%u", i);
        put_tag(txn, id, "k", "v");
    }
    commit(txn);
    Txn *after = begin_read(fixture->store);
    assert_in_range(store_changed(fixture->store, ID), txn_since(before) + 1, txn_since(after));
    txn_rollback(before);
    txn_rollback(after);
}

static void written_access_key_is_told(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(GError) error = NULL;
    AccessKey key = {.id = "AKIA1", .account_id = ACCOUNT, .secret = "s", .active = true};
    for (unsigned i = 0; i < 3; i++) {
        Txn *before = begin_read(fixture->store), *txn = begin(fixture->store);
        key.active = i == 0;
        assert_ok(i < 2 ? access_key_put(txn, &key, &error)
                        : access_key_delete(txn, key.id, &error),
                  error);
        commit(txn);
        assert_in_range(store_changed(fixture->store, key.id), txn_since(before) + 1, UINT64_MAX);
        txn_rollback(before);
    }
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)
    const struct CMUnitTest tests[] = {
        CASE(every_write_of_what_is_shown_is_told),
        CASE(others_are_left_as_they_were),
        CASE(moved_volume_touches_both),
        CASE(what_was_rolled_back_was_no_change),
        CASE(forgotten_ids_look_changed),
        CASE(written_access_key_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
