/* store/record.h: what is written is read again, column by column. */
#include "tests/unit/store_fixture.h"

static void every_kind_of_column_survives(void **state)
{
    Fixture *f = *state;
    g_autoptr(GError) error = NULL;
    g_autoptr(Txn) txn = begin(f->store);
    Instance instance = make_instance("i-1"), *read = NULL;
    instance.state = INSTANCE_SHUTTING_DOWN;
    instance.launch_time = INT64_C(1900000000123456);
    instance.monitoring = true;
    instance.user_data = "";
    put_instance(txn, instance);
    assert_ok(instance_get(txn, f->arena, "i-1", &read, &error), error);
    assert_int_equal(read->state, INSTANCE_SHUTTING_DOWN);
    assert_true(read->launch_time == instance.launch_time);
    assert_true(read->monitoring);
    assert_false(read->ebs_optimized);
    assert_string_equal(read->user_data, "");
    assert_null(read->public_ip);
}

static void absent_record_is_null(void **state)
{
    Fixture *f = *state;
    g_autoptr(GError) error = NULL;
    g_autoptr(Txn) txn = begin_read(f->store);
    Instance *read = (Instance *)f;
    assert_ok(instance_get(txn, f->arena, "i-1", &read, &error), error);
    assert_null(read);
}

static void put_replaces_by_key(void **state)
{
    Fixture *f = *state;
    g_autoptr(GError) error = NULL;
    g_autoptr(Txn) txn = begin(f->store);
    Instance instance = make_instance("i-1"), *read = NULL;
    instance.public_ip = "127.77.0.5";
    put_instance(txn, instance);
    instance.public_ip = NULL;
    instance.key_name = "key";
    put_instance(txn, instance);
    assert_ok(instance_get(txn, f->arena, "i-1", &read, &error), error);
    assert_null(read->public_ip);
    assert_string_equal(read->key_name, "key");
}

static void put_of_the_same_is_no_change(void **state)
{
    Fixture *f = *state;
    Txn *txn = begin(f->store);
    put_tag(txn, "i-1", "Name", "web");
    put_tag(txn, "i-1", "Name", "web");
    put_setting(txn, "a", NULL);
    put_setting(txn, "a", NULL);
    commit(txn);
    assert_null(read_setting(f, "a"));
}

static void insert_of_a_taken_key_is_a_conflict(void **state)
{
    Fixture *f = *state;
    g_autoptr(GError) error = NULL;
    g_autoptr(Txn) txn = begin(f->store);
    put_setting(txn, "a", "1");
    assert_false(setting_insert(txn, &(Setting){"a", "2"}, &error));
    assert_true(store_is_conflict(error));
}

static void conflict_leaves_the_transaction_usable(void **state)
{
    Fixture *f = *state;
    Txn *txn = begin(f->store);
    put_setting(txn, "a", "1");
    assert_false(setting_insert(txn, &(Setting){"a", "2"}, NULL));
    put_setting(txn, "b", "3");
    commit(txn);
    assert_string_equal(read_setting(f, "a"), "1");
    assert_string_equal(read_setting(f, "b"), "3");
}

static void public_address_belongs_to_one_interface(void **state)
{
    Fixture *f = *state;
    g_autoptr(GError) error = NULL;
    g_autoptr(Txn) txn = begin(f->store);
    Eni eni = {.id = "eni-1", .account_id = ACCOUNT, .vpc_id = "vpc-1", .subnet_id = "subnet-1"};
    assert_ok(eni_insert(txn, &eni, &error), error);
    eni.id = "eni-2"; /* neither has an address */
    assert_ok(eni_insert(txn, &eni, &error), error);
    eni.public_ip = "127.77.0.5";
    assert_ok(eni_put(txn, &eni, &error), error);
    eni.id = "eni-1";
    assert_false(eni_put(txn, &eni, &error));
    assert_true(store_is_conflict(error));
}

static void missing_column_is_a_trouble_and_no_conflict(void **state)
{
    Fixture *f = *state;
    g_autoptr(GError) error = NULL;
    g_autoptr(Txn) txn = begin(f->store);
    assert_false(instance_insert(txn, &(Instance){.id = "i-1"}, &error));
    assert_error_says(error, "instance.account_id");
    assert_false(store_is_conflict(error));
}

static void delete_of_what_is_absent_succeeds(void **state)
{
    Fixture *f = *state;
    g_autoptr(GError) error = NULL;
    Txn *txn = begin(f->store);
    put_setting(txn, "a", "1");
    assert_ok(setting_delete(txn, "a", &error) && setting_delete(txn, "a", &error), error);
    commit(txn);
    assert_null(read_setting(f, "a"));
}

static void record_with_two_keys_is_put_by_both(void **state)
{
    Fixture *f = *state;
    g_autoptr(GError) error = NULL;
    g_autoptr(Txn) txn = begin(f->store);
    List tags = {0};
    put_tag(txn, "i-1", "b", "1");
    put_tag(txn, "i-1", "a", "2");
    put_tag(txn, "i-1", "b", "3");
    assert_ok(record_query(txn, f->arena, QUERY_TAGS_OF, &tags, &error, "i-1"), error);
    assert_int_equal(tags.n, 2);
    assert_string_equal(((Tag *)list_at(&tags, 0))->key, "a");
    assert_string_equal(((Tag *)list_at(&tags, 1))->value, "3");
}

static void record_of_keys_alone_can_be_put_twice(void **state)
{
    Fixture *f = *state;
    g_autoptr(GError) error = NULL;
    g_autoptr(Txn) txn = begin(f->store);
    int64_t n = 0;
    EniGroup member = {"eni-1", "sg-1"};
    assert_ok(eni_group_put(txn, &member, &error) && eni_group_put(txn, &member, &error), error);
    assert_ok(record_count(txn, COUNT_ENIS_IN_GROUP, &n, &error, "sg-1"), error);
    assert_int_equal(n, 1);
}

static void query_takes_numbers_as_text(void **state)
{
    Fixture *f = *state;
    g_autoptr(GError) error = NULL;
    g_autoptr(Txn) txn = begin(f->store);
    int64_t n = 0;
    GroupRule rule = {.id = "sgr-1", .account_id = ACCOUNT, .group_id = "sg-1", .egress = true};
    assert_ok(group_rule_insert(txn, &rule, &error), error);
    assert_ok(record_count(txn, COUNT_RULES_OF_GROUP, &n, &error, "sg-1", "1"), error);
    assert_int_equal(n, 1);
    assert_ok(record_count(txn, COUNT_RULES_OF_GROUP, &n, &error, "sg-1", "0"), error);
    assert_int_equal(n, 0);
}

static void query_one_gives_the_first_or_null(void **state)
{
    Fixture *f = *state;
    g_autoptr(GError) error = NULL;
    g_autoptr(Txn) txn = begin(f->store);
    void *read = NULL;
    put_tag(txn, "i-1", "b", "1");
    put_tag(txn, "i-1", "a", "2");
    assert_ok(record_query_one(txn, f->arena, QUERY_TAGS_OF, &read, &error, "i-1"), error);
    assert_string_equal(((Tag *)read)->key, "a");
    assert_ok(record_query_one(txn, f->arena, QUERY_TAGS_OF, &read, &error, "i-2"), error);
    assert_null(read);
}

static void change_says_how_many_rows_it_touched(void **state)
{
    Fixture *f = *state;
    g_autoptr(GError) error = NULL;
    g_autoptr(Txn) txn = begin(f->store);
    int64_t changed = 0;
    put_tag(txn, "i-1", "a", "1");
    put_tag(txn, "i-1", "b", "2");
    assert_ok(record_change(txn, CHANGE_DELETE_TAGS_OF, &changed, &error, "i-1"), error);
    assert_int_equal(changed, 2);
}

static void instances_in_motion_are_those_the_controller_must_move(void **state)
{
    Fixture *f = *state;
    g_autoptr(GError) error = NULL;
    g_autoptr(Txn) txn = begin(f->store);
    List found = {0};
    Instance instance = make_instance("i-1");
    put_instance(txn, instance);
    instance.id = "i-2";
    instance.reboot_wanted = true;
    put_instance(txn, instance);
    instance.id = "i-3"; /* the wish of one that has stopped does not count */
    instance.state = INSTANCE_STOPPED;
    put_instance(txn, instance);
    instance.id = "i-4";
    instance.state = INSTANCE_STOPPING;
    put_instance(txn, instance);
    assert_ok(record_query(txn, f->arena, QUERY_INSTANCES_IN_MOTION, &found, &error), error);
    assert_int_equal(found.n, 2);
    assert_string_equal(((Instance *)list_at(&found, 0))->id, "i-2");
    assert_string_equal(((Instance *)list_at(&found, 1))->id, "i-4");
}

static void list_in_is_ordered_and_without_doubles(void **state)
{
    Fixture *f = *state;
    g_autoptr(GError) error = NULL;
    g_autoptr(Txn) txn = begin(f->store);
    List ids = {0}, tags = {0};
    for (int i = 0; i < 1000; i++) {
        const char *id = arena_printf(f->arena, "i-%03d", i);
        put_tag(txn, id, "Name", id);
        list_add(&ids, f->arena, arena_printf(f->arena, "i-%03d", 999 - i));
        list_add(&ids, f->arena, id);
    }
    list_add(&ids, f->arena, "i-nobody");
    assert_ok(record_list_in(txn, f->arena, tag_record_type(), "resource_id", &ids, &tags, &error),
              error);
    assert_int_equal(tags.n, 1000);
    for (size_t i = 0; i < tags.n; i++)
        assert_string_equal(((Tag *)list_at(&tags, i))->value,
                            arena_printf(f->arena, "i-%03zu", i));
}

static void list_in_nothing_is_nothing(void **state)
{
    Fixture *f = *state;
    g_autoptr(GError) error = NULL;
    g_autoptr(Txn) txn = begin_read(f->store);
    List none = {0}, tags = {0};
    assert_ok(record_list_in(txn, f->arena, tag_record_type(), "resource_id", &none, &tags, &error),
              error);
    assert_int_equal(tags.n, 0);
}

static void clear_leaves_accounts_keys_and_settings(void **state)
{
    Fixture *f = *state;
    g_autoptr(GError) error = NULL;
    Txn *txn = begin(f->store);
    Account *account = NULL;
    Instance *instance = NULL;
    put_setting(txn, "a", "1");
    put_instance(txn, make_instance("i-1"));
    assert_ok(account_put(txn, &(Account){.id = ACCOUNT}, &error), error);
    assert_ok(store_clear(txn, &error), error);
    assert_ok(account_get(txn, f->arena, ACCOUNT, &account, &error), error);
    assert_ok(instance_get(txn, f->arena, "i-1", &instance, &error), error);
    commit(txn);
    assert_non_null(account);
    assert_null(instance);
    assert_string_equal(read_setting(f, "a"), "1");
}

static void machines_allow_what_happens_to_instances(void **state)
{
    assert_true(state_may_move(&instance_machine, INSTANCE_PENDING, INSTANCE_STOPPED));
    assert_true(state_may_move(&instance_machine, INSTANCE_STOPPED, INSTANCE_PENDING));
    assert_false(state_may_move(&instance_machine, INSTANCE_STOPPING, INSTANCE_RUNNING));
    assert_false(state_may_move(&instance_machine, INSTANCE_TERMINATED, INSTANCE_PENDING));
    assert_string_equal(state_name(&instance_machine, INSTANCE_SHUTTING_DOWN), "shutting-down");
    assert_string_equal(state_name(&volume_machine, VOLUME_IN_USE), "in-use");
    assert_string_equal(state_name(&image_machine, IMAGE_DEREGISTERED), "deregistered");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_kind_of_column_survives),
        TEST(absent_record_is_null),
        TEST(put_replaces_by_key),
        TEST(put_of_the_same_is_no_change),
        TEST(insert_of_a_taken_key_is_a_conflict),
        TEST(conflict_leaves_the_transaction_usable),
        TEST(public_address_belongs_to_one_interface),
        TEST(missing_column_is_a_trouble_and_no_conflict),
        TEST(delete_of_what_is_absent_succeeds),
        TEST(record_with_two_keys_is_put_by_both),
        TEST(record_of_keys_alone_can_be_put_twice),
        TEST(query_takes_numbers_as_text),
        TEST(query_one_gives_the_first_or_null),
        TEST(change_says_how_many_rows_it_touched),
        TEST(instances_in_motion_are_those_the_controller_must_move),
        TEST(list_in_is_ordered_and_without_doubles),
        TEST(list_in_nothing_is_nothing),
        TEST(clear_leaves_accounts_keys_and_settings),
        cmocka_unit_test(machines_allow_what_happens_to_instances),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
