/* store/find.h: filters, wildcards, tags and pages. */
#include "tests/unit/store_fixture.h"

/* Finds with one filter of up to two values (NULL: no filter); "a b" are the first keys found. */
static const char *found(Fixture *f, const Finder *finder, const char *name, const char *value,
                         const char *other)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Txn) txn = begin_read(f->store);
    FindFilter filter = {.name = name};
    List filters = {0}, list = {0};
    if (value)
        list_add(&filter.values, f->arena, value);
    if (other)
        list_add(&filter.values, f->arena, other);
    if (name)
        list_add(&filters, f->arena, &filter);
    FindQuery query = {.account_id = ACCOUNT, .filters = &filters};
    assert_ok(find(txn, f->arena, finder, &query, &list, NULL, &error), error);
    const char *text = "";
    LIST_EACH (const char *const *, record, &list)
        text = arena_printf(f->arena, "%s%s%s", text, *text ? " " : "", *record);
    return text;
}

static const char *instances(Fixture *f, const char *name, const char *value)
{
    return found(f, &instance_finder, name, value, NULL);
}

/* The fault that a filter is refused with. */
static void assert_refused(Fixture *f, const FindFilter *filter, const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Txn) txn = begin_read(f->store);
    List filters = {0}, list = {0};
    list_add(&filters, f->arena, filter);
    FindQuery query = {.account_id = ACCOUNT, .filters = &filters};
    assert_false(find(txn, f->arena, &instance_finder, &query, &list, NULL, &error));
    assert_true(fault_is(error, FAULT_INVALID_PARAMETER_VALUE));
    assert_error_says(error, text);
}

/* i-1 runs as web-1 with an interface and a volume; i-2 is terminated; i-3 is somebody else's. */
static int set_up(void **state)
{
    g_autoptr(GError) error = NULL;
    fixture_set_up(state);
    Fixture *f = *state;
    Txn *txn = begin(f->store);
    Instance one = make_instance("i-1");
    one.private_ip = "172.31.0.5";
    one.public_ip = "127.77.0.5";
    one.launch_time = INT64_C(1290418205000000); /* 2010-11-22T09:30:05.000Z */
    one.launch_index = 0;
    one.monitoring = true;
    one.iam_profile = "team/web";
    put_instance(txn, one);
    Instance two = make_instance("i-2");
    two.state = INSTANCE_TERMINATED;
    two.launch_index = 1;
    two.reservation_id = "r-2";
    put_instance(txn, two);
    Instance three = make_instance("i-3");
    three.account_id = OTHER_ACCOUNT;
    put_instance(txn, three);
    put_tag(txn, "i-1", "Name", "web-1");
    put_tag(txn, "i-2", "Name", "[web]*");
    put_tag(txn, "i-2", "Stage", "test");
    Eni eni = {.id = "eni-1",
               .account_id = ACCOUNT,
               .instance_id = "i-1",
               .vpc_id = "vpc-1",
               .subnet_id = "subnet-1",
               .private_ip = "172.31.0.5",
               .public_ip = "127.77.0.5",
               .mac = "0a:00:00:00:00:01"};
    SecurityGroup group = {
        .id = "sg-1", .account_id = ACCOUNT, .vpc_id = "vpc-1", .name = "default"};
    Volume volume = {.id = "vol-1",
                     .account_id = ACCOUNT,
                     .instance_id = "i-1",
                     .device = "/dev/xvda",
                     .delete_on_termination = true};
    assert_ok(eni_put(txn, &eni, &error) && security_group_put(txn, &group, &error) &&
                  eni_group_put(txn, &(EniGroup){"eni-1", "sg-1"}, &error) &&
                  volume_put(txn, &volume, &error),
              error);
    commit(txn);
    return 0;
}

static void account_sees_its_own(void **state)
{
    assert_string_equal(instances(*state, NULL, NULL), "i-1 i-2");
}

static void exact_value_matches(void **state)
{
    assert_string_equal(instances(*state, "instance-state-name", "running"), "i-1");
    assert_string_equal(instances(*state, "instance-state-name", "Running"), "");
    assert_string_equal(instances(*state, "reservation-id", "r-2"), "i-2");
    assert_string_equal(instances(*state, "private-ip-address", "172.31.0.5"), "i-1");
}

static void values_of_one_filter_are_alternatives(void **state)
{
    assert_string_equal(
        found(*state, &instance_finder, "instance-state-name", "running", "terminated"), "i-1 i-2");
    assert_string_equal(found(*state, &instance_finder, "instance-state-name", "term*", "running"),
                        "i-1 i-2");
}

static void filters_must_all_match(void **state)
{
    Fixture *f = *state;
    g_autoptr(GError) error = NULL;
    g_autoptr(Txn) txn = begin_read(f->store);
    FindFilter running = {.name = "instance-state-name"}, stage = {.name = "tag:Stage"};
    List filters = {0}, list = {0};
    list_add(&running.values, f->arena, "running");
    list_add(&stage.values, f->arena, "test");
    list_add(&filters, f->arena, &running);
    list_add(&filters, f->arena, &stage);
    FindQuery query = {.account_id = ACCOUNT, .filters = &filters};
    assert_ok(find(txn, f->arena, &instance_finder, &query, &list, NULL, &error), error);
    assert_int_equal(list.n, 0);
}

static void filter_without_values_matches_nothing(void **state)
{
    assert_string_equal(instances(*state, "instance-id", NULL), "");
}

static void wildcards_match_many_and_one(void **state)
{
    assert_string_equal(instances(*state, "tag:Name", "w*"), "i-1");
    assert_string_equal(instances(*state, "tag:Name", "web-?"), "i-1");
    assert_string_equal(instances(*state, "tag:Name", "web?"), "");
    assert_string_equal(instances(*state, "tag:Name", "*"), "i-1 i-2");
}

static void escaped_wildcards_and_brackets_are_literal(void **state)
{
    assert_string_equal(instances(*state, "tag:Name", "[web]\\*"), "i-2");
    assert_string_equal(instances(*state, "tag:Name", "[web]*"), "i-2");
    assert_string_equal(instances(*state, "tag:Name", "[web]\\**"), "i-2");
    assert_string_equal(instances(*state, "tag:Name", "web\\-1"), "i-1");
    assert_string_equal(instances(*state, "tag:Name", "web-\\*"), "");
    assert_string_equal(instances(*state, "tag:Name", "[w]*"), "");
}

static void tags_are_found_by_key_and_value(void **state)
{
    assert_string_equal(instances(*state, "tag-key", "Stage"), "i-2");
    assert_string_equal(instances(*state, "tag-value", "web-1"), "i-1");
    assert_string_equal(instances(*state, "tag:Name", "test"), "");
}

static void tags_of_another_account_do_not_count(void **state)
{
    Fixture *f = *state;
    g_autoptr(GError) error = NULL;
    Txn *txn = begin(f->store);
    Image image = {.id = "ami-1", .account_id = OTHER_ACCOUNT, .is_public = true};
    Tag tag = {"ami-1", "Name", "theirs", OTHER_ACCOUNT, "image"};
    assert_ok(image_put(txn, &image, &error) && tag_put(txn, &tag, &error), error);
    commit(txn);
    assert_string_equal(found(f, &image_finder, NULL, NULL, NULL), "ami-1");
    assert_string_equal(found(f, &image_finder, "tag:Name", "theirs", NULL), "");
}

static void private_image_of_another_account_is_not_seen(void **state)
{
    Fixture *f = *state;
    g_autoptr(GError) error = NULL;
    Txn *txn = begin(f->store);
    Image image = {.id = "ami-1", .account_id = OTHER_ACCOUNT};
    assert_ok(image_put(txn, &image, &error), error);
    commit(txn);
    assert_string_equal(found(f, &image_finder, NULL, NULL, NULL), "");
}

static void numbers_booleans_and_times_compare_as_the_wire_shows_them(void **state)
{
    assert_string_equal(instances(*state, "launch-index", "1"), "i-2");
    assert_string_equal(found(*state, &instance_finder, "launch-index", "1", "0"), "i-1 i-2");
    assert_string_equal(instances(*state, "launch-index", "one"), "");
    assert_string_equal(instances(*state, "source-dest-check", "false"), "i-1 i-2");
    assert_string_equal(instances(*state, "monitoring-state", "enabled"), "i-1");
    assert_string_equal(instances(*state, "launch-time", "2010-11-22T09:30:05.000Z"), "i-1");
    assert_string_equal(instances(*state, "launch-time", "2010-11-22*"), "i-1");
}

static void state_codes_match_states(void **state)
{
    assert_string_equal(instances(*state, "instance-state-code", "16"), "i-1");
    assert_string_equal(instances(*state, "instance-state-code", "304"), "i-2");
    assert_string_equal(instances(*state, "instance-state-code", "17"), "");
    assert_string_equal(instances(*state, "instance-state-code", "x"), "");
}

static void names_match_the_addresses_they_are_made_of(void **state)
{
    assert_string_equal(instances(*state, "dns-name", "ec2-127-77-0-5.compute-1.x.org"), "i-1");
    assert_string_equal(instances(*state, "dns-name", "ec2-127-*"), "i-1");
    assert_string_equal(instances(*state, "dns-name", "*.compute-1.x.org"), "i-1");
    assert_string_equal(instances(*state, "dns-name", "127.77.0.5"), "");
    assert_string_equal(instances(*state, "private-dns-name", "ip-172-31-0-5.ec2.internal"), "i-1");
}

static void instances_are_found_by_what_is_attached(void **state)
{
    static const struct {
        const char *name;
        const char *value;
    } filters[] = {
        {"group-id", "sg-1"},
        {"instance.group-name", "default"},
        {"network-interface.network-interface-id", "eni-1"},
        {"network-interface.mac-address", "0a:*"},
        {"network-interface.association.public-ip", "127.77.0.5"},
        {"network-interface.addresses.private-ip-address", "172.31.0.5"},
        {"network-interface.status", "in-use"},
        {"block-device-mapping.volume-id", "vol-1"},
        {"block-device-mapping.delete-on-termination", "true"},
        {"iam-instance-profile.name", "web"},
        {"iam-instance-profile.arn", "arn:aws:iam::" ACCOUNT ":instance-profile/team/web"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(filters); i++)
        assert_string_equal(instances(*state, filters[i].name, filters[i].value), "i-1");
}

static void constants_match_all_or_nothing(void **state)
{
    assert_string_equal(instances(*state, "hypervisor", "xen"), "i-1 i-2");
    assert_string_equal(instances(*state, "hypervisor", "ovm"), "");
    assert_string_equal(instances(*state, "instance-lifecycle", "*"), "");
}

static void every_filter_of_every_finder_is_sound_sql(void **state)
{
    const Finder *finders[] = {
        &instance_finder,   &image_finder,  &key_pair_finder,     &security_group_finder,
        &group_rule_finder, &tag_finder,    &vpc_finder,          &subnet_finder,
        &zone_finder,       &region_finder, &instance_type_finder};
    for (size_t i = 0; i < G_N_ELEMENTS(finders); i++) {
        for (size_t j = 0; j < finders[i]->n_filters; j++)
            found(*state, finders[i], finders[i]->filters[j].name, "x", "y*");
        found(*state, finders[i], "tag:a", "x", "y*");
        found(*state, finders[i], "tag-key", "x", "y*");
    }
}

static void unknown_filter_is_a_client_fault(void **state)
{
    FindFilter filter = {.name = "colour"};
    assert_refused(*state, &filter, "The filter 'colour' is invalid");
    filter.name = "tag:";
    assert_refused(*state, &filter, "The filter 'tag:' is invalid");
}

static void too_many_values_are_a_client_fault(void **state)
{
    Fixture *f = *state;
    FindFilter filter = {.name = "instance-id"};
    for (int i = 0; i <= FIND_MAX_VALUES; i++)
        list_add(&filter.values, f->arena, "i-1");
    assert_refused(f, &filter, "maximum number of filter values");
}

static void ids_are_literal_and_stay_in_the_account(void **state)
{
    Fixture *f = *state;
    g_autoptr(GError) error = NULL;
    g_autoptr(Txn) txn = begin_read(f->store);
    List ids = {0}, list = {0};
    list_add(&ids, f->arena, "i-3");
    list_add(&ids, f->arena, "i-2");
    list_add(&ids, f->arena, "i-*");
    FindQuery query = {.account_id = ACCOUNT, .ids = &ids};
    assert_ok(find(txn, f->arena, &instance_finder, &query, &list, NULL, &error), error);
    assert_int_equal(list.n, 1);
    assert_string_equal(((Instance *)list_at(&list, 0))->id, "i-2");
}

/* Walks through all pages; how many there were, and their records. */
static unsigned walk(Fixture *f, const Finder *finder, int64_t limit, List *all)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Txn) txn = begin_read(f->store);
    FindQuery query = {.account_id = ACCOUNT, .limit = limit};
    unsigned pages = 0;
    for (bool more = true; more; pages++) {
        List page = {0};
        assert_ok(find(txn, f->arena, finder, &query, &page, &more, &error), error);
        assert_true(page.n <= (size_t)limit && page.n > 0);
        LIST_EACH (void *, record, &page)
            list_add(all, f->arena, record);
        query.after = find_key(f->arena, finder, list_at(&page, page.n - 1));
    }
    return pages;
}

static void pages_hold_every_record_once(void **state)
{
    Fixture *f = *state;
    List all = {0};
    Txn *txn = begin(f->store);
    for (int i = 3; i < 10; i++)
        put_instance(txn, make_instance(arena_printf(f->arena, "i-%d", i)));
    commit(txn);
    assert_int_equal(walk(f, &instance_finder, 3, &all), 3);
    assert_int_equal(all.n, 9);
    for (size_t i = 0; i < all.n; i++)
        assert_string_equal(((Instance *)list_at(&all, i))->id,
                            arena_printf(f->arena, "i-%zu", i + 1));
}

static void pages_of_tags_go_by_both_keys(void **state)
{
    List all = {0};
    assert_int_equal(walk(*state, &tag_finder, 1, &all), 3);
    assert_string_equal(((Tag *)list_at(&all, 1))->key, "Name");
    assert_string_equal(((Tag *)list_at(&all, 2))->key, "Stage");
}

static void tag_filter_of_tags_gives_the_tag_itself(void **state)
{
    assert_string_equal(found(*state, &tag_finder, "tag:Stage", "test", NULL), "i-2");
    assert_string_equal(found(*state, &tag_finder, "value", "web*", NULL), "i-1");
}

static void groups_are_found_by_their_rules(void **state)
{
    Fixture *f = *state;
    g_autoptr(GError) error = NULL;
    Txn *txn = begin(f->store);
    GroupRule rule = {.id = "sgr-1",
                      .account_id = ACCOUNT,
                      .group_id = "sg-1",
                      .protocol = 6,
                      .from_port = 22,
                      .to_port = 22,
                      .cidr = "0.0.0.0/0"};
    assert_ok(group_rule_put(txn, &rule, &error), error);
    rule = (GroupRule){.id = "sgr-2",
                       .account_id = ACCOUNT,
                       .group_id = "sg-1",
                       .egress = true,
                       .protocol = -1,
                       .source_group_id = "sg-1"};
    assert_ok(group_rule_put(txn, &rule, &error), error);
    commit(txn);
    const Finder *groups = &security_group_finder;
    assert_string_equal(found(f, groups, "ip-permission.from-port", "22", "23"), "sg-1");
    assert_string_equal(found(f, groups, "ip-permission.protocol", "tcp", NULL), "sg-1");
    assert_string_equal(found(f, groups, "ip-permission.protocol", "udp", NULL), "");
    assert_string_equal(found(f, groups, "egress.ip-permission.protocol", "-1", NULL), "sg-1");
    assert_string_equal(found(f, groups, "egress.ip-permission.group-name", "default", NULL),
                        "sg-1");
    assert_string_equal(found(f, groups, "egress.ip-permission.user-id", ACCOUNT, NULL), "sg-1");
    assert_string_equal(found(f, groups, "egress.ip-permission.cidr", "0.0.0.0/0", NULL), "");
    assert_string_equal(found(f, &group_rule_finder, "group-id", "sg-1", NULL), "sgr-1 sgr-2");
}

static void free_addresses_of_a_subnet_are_counted(void **state)
{
    Fixture *f = *state;
    g_autoptr(GError) error = NULL;
    Txn *txn = begin(f->store);
    Subnet subnet = {
        .id = "subnet-1", .account_id = ACCOUNT, .vpc_id = "vpc-1", .cidr = "172.31.0.0/20"};
    assert_ok(subnet_put(txn, &subnet, &error), error);
    commit(txn);
    assert_string_equal(found(f, &subnet_finder, "available-ip-address-count", "4090", NULL),
                        "subnet-1");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(account_sees_its_own),
        TEST(exact_value_matches),
        TEST(values_of_one_filter_are_alternatives),
        TEST(filters_must_all_match),
        TEST(filter_without_values_matches_nothing),
        TEST(wildcards_match_many_and_one),
        TEST(escaped_wildcards_and_brackets_are_literal),
        TEST(tags_are_found_by_key_and_value),
        TEST(tags_of_another_account_do_not_count),
        TEST(private_image_of_another_account_is_not_seen),
        TEST(numbers_booleans_and_times_compare_as_the_wire_shows_them),
        TEST(state_codes_match_states),
        TEST(names_match_the_addresses_they_are_made_of),
        TEST(instances_are_found_by_what_is_attached),
        TEST(constants_match_all_or_nothing),
        TEST(every_filter_of_every_finder_is_sound_sql),
        TEST(unknown_filter_is_a_client_fault),
        TEST(too_many_values_are_a_client_fault),
        TEST(ids_are_literal_and_stay_in_the_account),
        TEST(pages_hold_every_record_once),
        TEST(pages_of_tags_go_by_both_keys),
        TEST(tag_filter_of_tags_gives_the_tag_itself),
        TEST(groups_are_found_by_their_rules),
        TEST(free_addresses_of_a_subnet_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
