/* imagestore/buckets.h: names, and what becomes of buckets. */
#include "tests/unit/imagestore_fixture.h"
#include "imagestore/uploads.h"

static void names_follow_the_rules(void **state)
{
    static const char *const good[] = {
        "abc",         "a-b.c", "123",
        "my.bucket-1", "1.2.3", "1.2.3.4.5",
        "1234.1.1.1",  "a.-b",  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    static const char *const bad[] = {
        "",
        "ab",
        "Abc",
        "a_b",
        "-abc",
        "abc-",
        ".abc",
        "abc.",
        "a..b",
        "192.168.5.4",
        "a/b",
        "a b",
        "äbc",
        "xn--abc",
        "sthree-abc",
        "amzn-s3-demo-a",
        "abc-s3alias",
        "abc--ol-s3",
        "abc.mrap",
        "abc--x-s3",
        "abc--table-s3",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    for (size_t i = 0; i < G_N_ELEMENTS(good); i++)
        if (!bucket_name_is_valid(good[i]))
            fail_msg("%s is refused", good[i]);
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        if (bucket_name_is_valid(bad[i]))
            fail_msg("%s is taken", bad[i]);
}

/* The fault of creating a bucket, or FAULT_COUNT. */
static Fault create(Shop *shop, const char *name, const char *account_id)
{
    g_autoptr(GError) error = NULL;
    Bucket bucket = {.name = name, .account_id = account_id, .region = "us-east-1"};
    if (bucket_create(shop->txn, &bucket, &error))
        return FAULT_COUNT;
    assert_true(error->domain == FAULT_DOMAIN);
    return (Fault)error->code;
}

static void names_are_global(void **state)
{
    Shop *shop = *state;
    assert_int_equal(create(shop, "mine", ACCOUNT), FAULT_COUNT);
    assert_int_equal(create(shop, "mine", ACCOUNT), FAULT_BUCKET_ALREADY_OWNED_BY_YOU);
    assert_int_equal(create(shop, "mine", OTHER_ACCOUNT), FAULT_BUCKET_ALREADY_EXISTS);
    assert_int_equal(create(shop, "Mine", ACCOUNT), FAULT_INVALID_BUCKET_NAME);
}

static void an_account_has_only_so_many(void **state)
{
    Shop *shop = *state;
    for (int i = 1; i < BUCKETS_MAX; i++)
        assert_int_equal(create(shop, arena_printf(shop->arena, "bucket-%d", i), ACCOUNT),
                         FAULT_COUNT);
    assert_int_equal(create(shop, "one-more", ACCOUNT), FAULT_TOO_MANY_BUCKETS);
    assert_int_equal(create(shop, "one-more", OTHER_ACCOUNT), FAULT_COUNT);
}

static void object_lock_turns_versioning_on(void **state)
{
    Shop *shop = *state;
    g_autoptr(GError) error = NULL;
    Bucket wanted = {.name = "locked", .account_id = ACCOUNT, .region = "r", .object_lock = true};
    Bucket *bucket = NULL;
    assert_ok(bucket_create(shop->txn, &wanted, &error), error);
    assert_ok(bucket_find(shop->txn, shop->arena, "locked", &bucket, &error), error);
    assert_true(bucket->object_lock);
    assert_true(bucket_keeps_versions(bucket));
    assert_false(bucket_keeps_versions(shop->bucket));
}

static void absent_bucket_is_a_fault(void **state)
{
    Shop *shop = *state;
    g_autoptr(GError) error = NULL;
    Bucket *bucket = NULL;
    assert_false(bucket_find(shop->txn, shop->arena, "nothing", &bucket, &error));
    assert_fault(error, FAULT_NO_SUCH_BUCKET);
    assert_null(bucket);
}

static bool is_not_empty(Shop *shop)
{
    g_autoptr(GError) error = NULL;
    return !bucket_remove(shop->blobs, shop->txn, shop->bucket, &error) &&
           fault_is(error, FAULT_BUCKET_NOT_EMPTY);
}

static void only_an_empty_bucket_is_removed(void **state)
{
    Shop *shop = *state;
    g_autoptr(GError) error = NULL;
    shop_put(shop, "a");
    assert_true(is_not_empty(shop));
    shop_remove(shop, "a", NULL);

    shop_set_versioning(shop, "Enabled");
    const char *marker = shop_remove(shop, "a", NULL).version_id;
    assert_true(is_not_empty(shop));
    shop_remove(shop, "a", marker);

    Upload upload = {.bucket = "bucket", .key = "a", .account_id = ACCOUNT, .initiator = "arn"};
    assert_ok(upload_create(shop->txn, shop->arena, &upload, 1, &error), error);
    assert_ok(bucket_remove(shop->blobs, shop->txn, shop->bucket, &error), error);
    assert_false(bucket_find(shop->txn, shop->arena, "bucket", &shop->bucket, &error));
    Upload *left;
    assert_ok(upload_get(shop->txn, shop->arena, upload.id, &left, NULL), NULL);
    assert_null(left);
}

static const char *document(Shop *shop, DocumentKind kind)
{
    g_autoptr(GError) error = NULL;
    Bucket *bucket = NULL;
    const char *body = NULL;
    assert_ok(bucket_find(shop->txn, shop->arena, "bucket", &bucket, &error), error);
    assert_ok(bucket_document_find(shop->txn, shop->arena, bucket, kind, &body, &error), error);
    assert_int_equal(bucket_has_document(bucket, kind), body != NULL);
    return body;
}

static void set_document(Shop *shop, DocumentKind kind, const char *body)
{
    g_autoptr(GError) error = NULL;
    assert_ok(bucket_document_set(shop->txn, shop->bucket, kind, body, &error), error);
}

static void documents_come_and_go(void **state)
{
    Shop *shop = *state;
    assert_null(document(shop, DOCUMENT_CORS));
    set_document(shop, DOCUMENT_CORS, "<a/>");
    set_document(shop, DOCUMENT_WEBSITE, "<w/>");
    assert_string_equal(document(shop, DOCUMENT_CORS), "<a/>");
    set_document(shop, DOCUMENT_CORS, "<b/>");
    assert_string_equal(document(shop, DOCUMENT_CORS), "<b/>");
    set_document(shop, DOCUMENT_CORS, NULL);
    set_document(shop, DOCUMENT_POLICY, NULL);
    assert_null(document(shop, DOCUMENT_CORS));
    assert_null(document(shop, DOCUMENT_POLICY));
    assert_string_equal(document(shop, DOCUMENT_WEBSITE), "<w/>");
}

static void a_new_bucket_does_not_inherit_documents(void **state)
{
    Shop *shop = *state;
    g_autoptr(GError) error = NULL;
    set_document(shop, DOCUMENT_POLICY, "{}");
    assert_ok(bucket_remove(shop->blobs, shop->txn, shop->bucket, &error), error);
    shop_create_bucket(shop, "bucket");
    assert_null(document(shop, DOCUMENT_POLICY));
}

static void every_document_has_a_name_of_its_own(void **state)
{
    for (unsigned i = 0; i < DOCUMENT_KINDS; i++)
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(document_name((DocumentKind)i), document_name((DocumentKind)j));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, shop_set_up, shop_tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_follow_the_rules),
        cmocka_unit_test(every_document_has_a_name_of_its_own),
        T(names_are_global),
        T(an_account_has_only_so_many),
        T(object_lock_turns_versioning_on),
        T(absent_bucket_is_a_fault),
        T(only_an_empty_bucket_is_removed),
        T(documents_come_and_go),
        T(a_new_bucket_does_not_inherit_documents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
