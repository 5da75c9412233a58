/* cloud/find.h: pages, their tokens, and ids that are not there. */
#include "tests/unit/cloud_fixture.h"
#include "cloud/security_groups.h"

static const MissingIds missing_vpc = {
    .not_found = FAULT_INVALID_VPC_ID_NOT_FOUND,
    .malformed = FAULT_INVALID_ID,
    .prefix = "vpc",
    .noun = "vpc ID",
};

static Txn *begin_read(Context *context)
{
    Txn *txn = NULL;
    assert_works(txn_begin_read(cloud_store(context->cloud), &txn, error));
    return txn;
}

static void pages_join_to_the_whole(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    g_autoptr(Txn) txn = begin_read(context);
    List whole = {0}, joined = {0};
    Page page = {0};
    assert_works(cloud_find(context, txn, &instance_type_finder, &page, NULL, &whole, NULL, error));
    page.limit = 7;
    do {
        size_t before = joined.n;
        assert_works(cloud_find(context, txn, &instance_type_finder, &page, NULL, &joined,
                                &page.token, error));
        assert_in_range(joined.n - before, 1, 7);
    } while (page.token);
    assert_int_equal(joined.n, whole.n);
    for (size_t i = 0; i < whole.n; i++)
        assert_string_equal(((InstanceType *)joined.items[i])->name,
                            ((InstanceType *)whole.items[i])->name);
}

static void last_page_has_no_token(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    g_autoptr(Txn) txn = begin_read(context);
    List zones = {0};
    Page page = {.limit = 6};
    const char *token = "";
    assert_works(cloud_find(context, txn, &zone_finder, &page, NULL, &zones, &token, error));
    assert_int_equal(zones.n, 6);
    assert_null(token);
}

static void foreign_tokens_are_refused(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    g_autoptr(Txn) txn = begin_read(context);
    List list = {0};
    Page page = {.limit = 2};
    assert_works(cloud_find(context, txn, &zone_finder, &page, NULL, &list, &page.token, error));
    assert_fault(cloud_find(context, txn, &region_finder, &page, NULL, &list, NULL, error),
                 FAULT_INVALID_PARAMETER_VALUE, "token");
    static const char *const others[] = {"x", "us-east-1a", "AAAA", "Y3VtdWxldC1wYWdlLTE="};
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
        page.token = others[i];
        assert_fault(cloud_find(context, txn, &zone_finder, &page, NULL, &list, NULL, error),
                     FAULT_INVALID_PARAMETER_VALUE, "token");
    }
}

static void empty_token_is_none(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    g_autoptr(Txn) txn = begin_read(context);
    List zones = {0};
    Page page = {.token = ""};
    assert_works(cloud_find(context, txn, &zone_finder, &page, NULL, &zones, NULL, error));
    assert_int_equal(zones.n, 6);
}

static void missing_ids_are_all_named(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    g_autoptr(Txn) txn = begin_read(context);
    List vpcs = {0}, one = texts(context, "vpc-11111111", NULL);
    List two = texts(context, "vpc-11111111", default_vpc(context)->id, "vpc-22222222", NULL);
    Page page = {.ids = &one};
    assert_fault(cloud_find(context, txn, &vpc_finder, &page, &missing_vpc, &vpcs, NULL, error),
                 FAULT_INVALID_VPC_ID_NOT_FOUND, "The vpc ID 'vpc-11111111' does not exist");
    page.ids = &two;
    assert_fault(cloud_find(context, txn, &vpc_finder, &page, &missing_vpc, &vpcs, NULL, error),
                 FAULT_INVALID_VPC_ID_NOT_FOUND,
                 "The vpc IDs 'vpc-11111111, vpc-22222222' do not exist");
    assert_int_equal(vpcs.n, 0);
}

static void malformed_id_is_told_first(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    g_autoptr(Txn) txn = begin_read(context);
    List vpcs = {0}, ids = texts(context, "vpc-11111111", "banana", NULL);
    Page page = {.ids = &ids};
    assert_fault(cloud_find(context, txn, &vpc_finder, &page, &missing_vpc, &vpcs, NULL, error),
                 FAULT_INVALID_ID, "Invalid id: \"banana\" (expecting \"vpc-...\")");
}

static void filtered_out_is_not_missing(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    g_autoptr(Txn) txn = begin_read(context);
    const char *id = default_vpc(context)->id;
    List vpcs = {0}, ids = texts(context, id, id, NULL),
         missing = texts(context, "vpc-11111111", NULL);
    List none = filter(context, "is-default", "false");
    Page page = {.ids = &ids, .filters = &none};
    assert_works(cloud_find(context, txn, &vpc_finder, &page, &missing_vpc, &vpcs, NULL, error));
    assert_int_equal(vpcs.n, 0);
    page.ids = &missing;
    assert_fault(cloud_find(context, txn, &vpc_finder, &page, &missing_vpc, &vpcs, NULL, error),
                 FAULT_INVALID_VPC_ID_NOT_FOUND, "vpc-11111111");
}

static void other_accounts_have_nothing_here(void **state)
{
    CloudFixture *fixture = *state;
    g_autoptr(Txn) txn = begin_read(&fixture->context);
    List vpcs = {0}, ids = texts(&fixture->context, default_vpc(&fixture->other)->id, NULL);
    Page page = {.ids = &ids};
    assert_fault(
        cloud_find(&fixture->context, txn, &vpc_finder, &page, &missing_vpc, &vpcs, NULL, error),
        FAULT_INVALID_VPC_ID_NOT_FOUND, "does not exist");
}

static const char *key_of_text(Arena *arena, const void *item)
{
    return item;
}

static void made_lists_have_pages_too(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    List all = texts(context, "a", "b", "c", "d", "e", NULL), page_list = {0};
    Page page = {.limit = 2};
    for (size_t n = 2; n <= 5; n = n == 4 ? 5 : n + 2) {
        assert_works(cloud_page_of(context, "letters", &page, &all, key_of_text, &page_list,
                                   &page.token, error));
        assert_int_equal(page_list.n, n);
        if (n == 5)
            break;
        assert_non_null(page.token);
    }
    assert_null(page.token);
    assert_string_equal(list_at(&page_list, 4), "e");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cloud_test(pages_join_to_the_whole),     cloud_test(last_page_has_no_token),
        cloud_test(foreign_tokens_are_refused),  cloud_test(empty_token_is_none),
        cloud_test(missing_ids_are_all_named),   cloud_test(malformed_id_is_told_first),
        cloud_test(filtered_out_is_not_missing), cloud_test(other_accounts_have_nothing_here),
        cloud_test(made_lists_have_pages_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
