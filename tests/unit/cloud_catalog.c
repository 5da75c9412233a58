/* cloud/catalog.h: what a fresh cloud and a fresh account have. */
#include "tests/unit/cloud_fixture.h"

static List subnets_of(Context *context)
{
    List views = {0};
    const char *token;
    Page page = {0};
    assert_works(subnets_find(context, &page, &views, &token, error));
    return views;
}

static void account_gets_a_subnet_in_each_zone(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    List views = subnets_of(context);
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    assert_int_equal(views.n, 6);
    LIST_EACH (const SubnetView *, view, &views) {
        assert_string_equal(view->subnet->vpc_id, default_vpc(context)->id);
        assert_int_equal(view->available_addresses, 4091);
        assert_true(view->subnet->map_public_ip && view->subnet->is_default);
        assert_true(g_str_has_prefix(view->zone_id, "use1-az"));
        assert_true(g_hash_table_add(seen, (char *)view->subnet->zone));
        if (strcmp(view->subnet->zone, "us-east-1b") == 0)
            assert_string_equal(view->subnet->cidr, "172.31.16.0/20");
    }
}

static void every_account_has_a_network_of_its_own_with_the_same_addresses(void **state)
{
    CloudFixture *fixture = *state;
    const Vpc *one = default_vpc(&fixture->context), *two = default_vpc(&fixture->other);
    assert_string_not_equal(one->id, two->id);
    assert_string_equal(one->cidr, DEFAULT_VPC_CIDR);
    assert_string_equal(two->cidr, DEFAULT_VPC_CIDR);
}

static void seeding_again_changes_nothing(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    const char *before = default_vpc(context)->id;
    g_autoptr(Txn) txn = NULL;
    assert_works(txn_begin(cloud_store(context->cloud), &txn, error) &&
                 catalog_seed(context, txn, error) &&
                 catalog_seed_account(context, txn, ACCOUNT, error) && txn_commit(&txn, error));
    assert_string_equal(default_vpc(context)->id, before);
    assert_int_equal(subnets_of(context).n, 6);
}

static void an_address_in_use_is_not_available(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    const SubnetView *view = subnets_of(context).items[0];
    const Eni eni = {.id = "eni-1",
                     .account_id = ACCOUNT,
                     .vpc_id = view->subnet->vpc_id,
                     .subnet_id = view->subnet->id,
                     .zone = view->subnet->zone,
                     .mac = "0a:00:00:00:00:01",
                     .private_ip = "172.31.0.10"};
    g_autoptr(Txn) txn = NULL;
    assert_works(txn_begin(cloud_store(context->cloud), &txn, error) &&
                 eni_insert(txn, &eni, error) && txn_commit(&txn, error));
    view = subnets_of(context).items[0];
    assert_int_equal(view->available_addresses, 4090);
}

static void regions_to_opt_in_to_are_shown_on_demand(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    List some = {0}, all = {0}, named = {0}, names = texts(context, "us-east-1", NULL);
    Page page = {0}, by_name = {.ids = &names};
    assert_works(regions_find(context, &page, false, &some, error) &&
                 regions_find(context, &page, true, &all, error) &&
                 regions_find(context, &by_name, false, &named, error));
    assert_int_equal(some.n, 17);
    assert_true(all.n > some.n);
    assert_int_equal(named.n, 1);
    assert_string_equal(((Region *)named.items[0])->endpoint, "ec2.us-east-1.amazonaws.com");
}

static void unknown_regions_zones_and_types_are_refused(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    List list = {0}, bad = texts(context, "mars", NULL);
    const char *token;
    Page page = {.ids = &bad}, empty = {0};
    assert_fault(regions_find(context, &page, true, &list, error), FAULT_INVALID_PARAMETER_VALUE,
                 "[mars]");
    assert_fault(zones_find(context, &page, NULL, &list, error), FAULT_INVALID_PARAMETER_VALUE,
                 "Invalid availability zone: [mars]");
    assert_fault(zones_find(context, &empty, &bad, &list, error), FAULT_INVALID_PARAMETER_VALUE,
                 "Invalid availability zone-id: [mars]");
    assert_fault(instance_types_find(context, &page, &list, &token, error),
                 FAULT_INVALID_INSTANCE_TYPE,
                 "The following supplied instance types do not exist: [mars]");
}

static void zones_are_found_by_id(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    List list = {0}, ids = texts(context, "use1-az3", NULL);
    Page page = {0};
    assert_works(zones_find(context, &page, &ids, &list, error));
    assert_int_equal(list.n, 1);
    assert_string_equal(((Zone *)list.items[0])->name, "us-east-1c");
}

static void types_have_the_numbers_of_aws(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    const struct {
        const char *name;
        int vcpus, memory_mib;
    } rows[] = {{"m1.small", 1, 1740},  {"t2.nano", 1, 512},   {"t2.micro", 1, 1024},
                {"t3.micro", 2, 1024},  {"m5.large", 2, 8192}, {"c5.4xlarge", 16, 32768},
                {"r5.xlarge", 4, 32768}};
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        List list = {0}, names = texts(context, rows[i].name, NULL);
        const char *token;
        Page page = {.ids = &names};
        assert_works(instance_types_find(context, &page, &list, &token, error));
        const InstanceType *type = list_at(&list, 0);
        assert_int_equal(type->vcpus, rows[i].vcpus);
        assert_int_equal(type->memory_mib, rows[i].memory_mib);
    }
}

static List offerings(Context *context, const Page *page, const char *where, const char **ret_token)
{
    List list = {0};
    assert_works(type_offerings_find(context, page, where, &list, ret_token, error));
    return list;
}

static void types_are_offered_in_region_and_zones(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    List one_type = filter(context, "instance-type", "m1.sm*");
    List one_zone = filter(context, "location", "us-east-1c");
    const char *token;
    Page page = {.filters = &one_type};
    List in_region = offerings(context, &page, NULL, &token);
    assert_int_equal(in_region.n, 1);
    assert_string_equal(((TypeOffering *)in_region.items[0])->location, HOME_REGION);
    assert_int_equal(offerings(context, &page, "availability-zone", &token).n, 6);
    list_add(&one_type, context->arena, one_zone.items[0]);
    assert_int_equal(offerings(context, &page, "availability-zone", &token).n, 1);
    assert_int_equal(offerings(context, &page, "availability-zone-id", &token).n, 0);
    assert_fault(type_offerings_find(context, &page, "planet", &in_region, &token, error),
                 FAULT_INVALID_PARAMETER_VALUE, "locationType");
}

static void offerings_come_in_pages(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    const char *token;
    Page page = {0};
    size_t whole = offerings(context, &page, "availability-zone", &token).n, joined = 0;
    page.limit = 100;
    do {
        List some = offerings(context, &page, "availability-zone", &page.token);
        assert_in_range(some.n, 1, 100);
        joined += some.n;
    } while (page.token);
    assert_int_equal(joined, whole);
}

static void account_attributes_tell_the_default_vpc(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    List all = {0}, some = {0}, names = texts(context, "default-vpc", NULL);
    List bad = texts(context, "shoe-size", NULL);
    assert_works(account_attributes(context, NULL, &all, error) &&
                 account_attributes(context, &names, &some, error));
    assert_int_equal(all.n, 6);
    assert_int_equal(some.n, 1);
    const AccountAttribute *attribute = some.items[0];
    assert_string_equal(list_at(&attribute->values, 0), default_vpc(context)->id);
    assert_fault(account_attributes(context, &bad, &all, error), FAULT_INVALID_PARAMETER_VALUE,
                 "shoe-size");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cloud_test(account_gets_a_subnet_in_each_zone),
        cloud_test(every_account_has_a_network_of_its_own_with_the_same_addresses),
        cloud_test(seeding_again_changes_nothing),
        cloud_test(an_address_in_use_is_not_available),
        cloud_test(regions_to_opt_in_to_are_shown_on_demand),
        cloud_test(unknown_regions_zones_and_types_are_refused),
        cloud_test(zones_are_found_by_id),
        cloud_test(types_have_the_numbers_of_aws),
        cloud_test(types_are_offered_in_region_and_zones),
        cloud_test(offerings_come_in_pages),
        cloud_test(account_attributes_tell_the_default_vpc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
