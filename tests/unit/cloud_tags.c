/* cloud/tags.h: what may be a tag, and of what. */
#include "tests/unit/cloud_fixture.h"
#include "cloud/tags.h"

static List tags_now(Context *context, const char *id)
{
    List tags = {0}, by_id = filter(context, "resource-id", id);
    const char *token;
    Page page = {.filters = &by_id};
    assert_works(tags_find(context, &page, &tags, &token, error));
    return tags;
}

static List ids_of_vpc(Context *context)
{
    return texts(context, default_vpc(context)->id, NULL);
}

static void created_tags_are_found_with_their_kind(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    List ids = ids_of_vpc(context), some = pairs(context, "Name", "net", "empty", "", NULL);
    assert_works(tags_create(context, &ids, &some, error));
    List tags = tags_now(context, ids.items[0]);
    assert_int_equal(tags.n, 2);
    const Tag *first = tags.items[0], *second = tags.items[1];
    assert_string_equal(first->key, "Name");
    assert_string_equal(first->value, "net");
    assert_string_equal(first->resource_type, "vpc");
    assert_string_equal(second->value, "");
}

static void second_value_replaces_the_first(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    List ids = ids_of_vpc(context), one = pairs(context, "Name", "one", NULL);
    List two = pairs(context, "Name", "two", NULL);
    assert_works(tags_create(context, &ids, &one, error) &&
                 tags_create(context, &ids, &two, error));
    List tags = tags_now(context, ids.items[0]);
    assert_int_equal(tags.n, 1);
    assert_string_equal(((Tag *)tags.items[0])->value, "two");
}

static void bad_tags_are_refused(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    g_autofree char *key127 = g_strnfill(TAG_KEY_MAX, 'k'), *key128 = g_strnfill(128, 'k');
    g_autofree char *value256 = g_strnfill(256, 'v');
    List good = pairs(context, key127, "", NULL);
    const struct {
        List pairs;
        const char *says;
    } rows[] = {
        {pairs(context, "", "x", NULL), "cannot be empty"},
        {pairs(context, key128, "x", NULL), "Tag key exceeds the maximum length of 127 characters"},
        {pairs(context, "k", value256, NULL), "Tag value exceeds the maximum length of 255"},
        {pairs(context, "aws:x", "x", NULL), "reserved for internal use"},
        {pairs(context, "AWS:x", "x", NULL), "reserved for internal use"},
        {pairs(context, "k", "1", "k", "2", NULL), "Duplicate tag key 'k'"},
    };
    assert_works(tags_check(&good, error));
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        assert_false(tags_check(&rows[i].pairs, &error));
        assert_error_says(error, rows[i].says);
        assert_string_equal(fault_code((Fault)error->code), "InvalidParameterValue");
    }
}

static void fifty_tags_fit_and_no_more(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    List ids = ids_of_vpc(context), fifty = {0};
    for (int i = 0; i < TAGS_PER_RESOURCE; i++) {
        TagPair *pair = arena_new_struct(context->arena, TagPair);
        *pair = (TagPair){.key = arena_printf(context->arena, "k%d", i), .value = "v"};
        list_add(&fifty, context->arena, pair);
    }
    List again = pairs(context, "k0", "other", NULL), more = pairs(context, "one", "more", NULL);
    assert_works(tags_create(context, &ids, &fifty, error) &&
                 tags_create(context, &ids, &again, error));
    assert_fault(tags_create(context, &ids, &more, error), FAULT_TAG_LIMIT_EXCEEDED, "50");
    assert_int_equal(tags_now(context, ids.items[0]).n, TAGS_PER_RESOURCE);
}

static void of_several_resources_all_or_none_are_tagged(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    const char *vpc_id = default_vpc(context)->id;
    List ids = texts(context, vpc_id, "subnet-12345678", NULL);
    List some = pairs(context, "Name", "x", NULL);
    assert_fault(tags_create(context, &ids, &some, error), FAULT_INVALID_SUBNET_ID_NOT_FOUND,
                 "The subnet ID 'subnet-12345678' does not exist");
    assert_int_equal(tags_now(context, vpc_id).n, 0);
}

static void what_is_no_id_is_refused(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    List ids = texts(context, "banana", NULL), some = pairs(context, "Name", "x", NULL);
    assert_fault(tags_create(context, &ids, &some, error), FAULT_INVALID_ID,
                 "The ID 'banana' is not valid");
}

static void resources_of_others_do_not_exist(void **state)
{
    CloudFixture *fixture = *state;
    Context *context = &fixture->context;
    List ids = ids_of_vpc(&fixture->other), some = pairs(context, "Name", "x", NULL);
    assert_fault(tags_create(context, &ids, &some, error), FAULT_INVALID_VPC_ID_NOT_FOUND,
                 "does not exist");
    assert_works(tags_create(&fixture->other, &ids, &some, error));
    assert_int_equal(tags_now(context, ids.items[0]).n, 0);
    assert_fault(tags_delete(context, &ids, &some, error), FAULT_INVALID_VPC_ID_NOT_FOUND,
                 "does not exist");
}

static void deleting_with_a_value_needs_that_value(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    List ids = ids_of_vpc(context), some = pairs(context, "a", "1", "b", "2", "c", "3", NULL);
    List given = pairs(context, "a", "1", "b", "other", NULL), any = pairs(context, "b", "-", NULL);
    assert_works(tags_create(context, &ids, &some, error) &&
                 tags_delete(context, &ids, &given, error));
    assert_int_equal(tags_now(context, ids.items[0]).n, 2);
    assert_works(tags_delete(context, &ids, &any, error));
    assert_int_equal(tags_now(context, ids.items[0]).n, 1);
}

static void deleting_without_keys_deletes_all(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    List ids = ids_of_vpc(context), some = pairs(context, "a", "1", "b", "2", NULL), none = {0};
    assert_works(tags_create(context, &ids, &some, error) &&
                 tags_delete(context, &ids, &none, error));
    assert_int_equal(tags_now(context, ids.items[0]).n, 0);
}

static void tags_of_a_page_come_by_resource(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    g_autoptr(Txn) txn = NULL;
    g_autoptr(GHashTable) tags = NULL;
    const char *group = group_id(context, "default"), *vpc = default_vpc(context)->id;
    List ids = texts(context, vpc, group, NULL), one = texts(context, group, NULL);
    List some = pairs(context, "a", "1", "b", "2", NULL);
    assert_works(tags_create(context, &one, &some, error) &&
                 txn_begin_read(cloud_store(context->cloud), &txn, error) &&
                 tags_of(context, txn, &ids, &tags, error));
    assert_null(g_hash_table_lookup(tags, vpc));
    assert_int_equal(((List *)g_hash_table_lookup(tags, group))->n, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cloud_test(created_tags_are_found_with_their_kind),
        cloud_test(second_value_replaces_the_first),
        cloud_test(bad_tags_are_refused),
        cloud_test(fifty_tags_fit_and_no_more),
        cloud_test(of_several_resources_all_or_none_are_tagged),
        cloud_test(what_is_no_id_is_refused),
        cloud_test(resources_of_others_do_not_exist),
        cloud_test(deleting_with_a_value_needs_that_value),
        cloud_test(deleting_without_keys_deletes_all),
        cloud_test(tags_of_a_page_come_by_resource),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
