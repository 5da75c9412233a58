/* imagestore/objects.h: versions agree with a plain model; conditions, locks and names. */
#include "tests/unit/imagestore_fixture.h"
#include "store/object_list.h"

static Object *current(Shop *shop, const char *key)
{
    g_autoptr(GError) error = NULL;
    Object *object = NULL;
    assert_ok(object_find_current(shop->txn, shop->arena, shop->bucket, key, &object, &error),
              error);
    return object;
}

/* The fault of finding a version, or FAULT_COUNT. */
static Fault find_fault(Shop *shop, const char *key, const char *version_id)
{
    g_autoptr(GError) error = NULL;
    Object *object;
    if (object_find(shop->txn, shop->arena, shop->bucket, key, version_id, &object, &error))
        return FAULT_COUNT;
    assert_true(error->domain == FAULT_DOMAIN);
    return (Fault)error->code;
}

static void put_replaces_where_no_versions_are_kept(void **state)
{
    Shop *shop = *state;
    Object *first = shop_put(shop, "k"), *second = shop_put(shop, "k");
    assert_string_equal(second->version_id, "null");
    assert_string_equal(current(shop, "k")->etag, second->etag);
    assert_false(shop_has_blob(shop, first->blob_id));
    assert_true(shop_has_blob(shop, second->blob_id));
}

static void delete_leaves_nothing_where_no_versions_are_kept(void **state)
{
    Shop *shop = *state;
    Object *object = shop_put(shop, "k");
    ObjectRemoval removal = shop_remove(shop, "k", NULL);
    assert_false(removal.marker);
    assert_null(removal.version_id);
    assert_int_equal(find_fault(shop, "k", NULL), FAULT_NO_SUCH_KEY);
    assert_false(shop_has_blob(shop, object->blob_id));
    removal = shop_remove(shop, "k", NULL);
    assert_null(removal.version_id);
}

static void versions_are_found_by_their_ids(void **state)
{
    Shop *shop = *state;
    Object *plain = shop_put(shop, "k");
    shop_set_versioning(shop, "Enabled");
    Object *first = shop_put(shop, "k"), *found = NULL;
    shop_put(shop, "k");
    g_autoptr(GError) error = NULL;
    assert_ok(
        object_find(shop->txn, shop->arena, shop->bucket, "k", first->version_id, &found, &error),
        error);
    assert_string_equal(found->etag, first->etag);
    assert_false(found->is_latest);
    assert_ok(object_find(shop->txn, shop->arena, shop->bucket, "k", "null", &found, &error),
              error);
    assert_string_equal(found->etag, plain->etag);
}

static void unknown_versions_are_told_from_ids_that_cannot_be(void **state)
{
    Shop *shop = *state;
    shop_set_versioning(shop, "Enabled");
    const char *id = shop_put(shop, "k")->version_id;
    char *other = arena_strdup(shop->arena, id);
    other[31] = other[31] == '0' ? '1' : '0';
    assert_int_equal(find_fault(shop, "k", other), FAULT_NO_SUCH_S3_VERSION);
    assert_int_equal(find_fault(shop, "k", "null"), FAULT_NO_SUCH_S3_VERSION);
    assert_int_equal(find_fault(shop, "other", id), FAULT_NO_SUCH_S3_VERSION);
    assert_int_equal(find_fault(shop, "k", ""), FAULT_INVALID_ARGUMENT);
    assert_int_equal(find_fault(shop, "k", "no-such-version"), FAULT_INVALID_ARGUMENT);
    assert_int_equal(find_fault(shop, "k", "GGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGG"),
                     FAULT_INVALID_ARGUMENT);
    assert_int_equal(find_fault(shop, "other", NULL), FAULT_NO_SUCH_KEY);
}

static void deleting_makes_a_marker_and_deleting_that_undoes_it(void **state)
{
    Shop *shop = *state;
    shop_set_versioning(shop, "Enabled");
    Object *object = shop_put(shop, "k");
    ObjectRemoval removal = shop_remove(shop, "k", NULL);
    assert_true(removal.marker);
    assert_null(current(shop, "k"));
    assert_int_equal(find_fault(shop, "k", NULL), FAULT_COUNT); /* it is the marker */
    ObjectRemoval undone = shop_remove(shop, "k", removal.version_id);
    assert_true(undone.marker);
    assert_string_equal(undone.version_id, removal.version_id);
    assert_string_equal(current(shop, "k")->version_id, object->version_id);
    assert_true(current(shop, "k")->is_latest);
}

static void deleting_what_is_not_there_makes_a_marker_too(void **state)
{
    Shop *shop = *state;
    shop_set_versioning(shop, "Enabled");
    ObjectRemoval removal = shop_remove(shop, "k", NULL);
    assert_true(removal.marker);
    assert_non_null(removal.version_id);
}

static void deleting_an_unknown_version_is_success(void **state)
{
    Shop *shop = *state;
    shop_put(shop, "k");
    ObjectRemoval removal = shop_remove(shop, "k", "00000000000000000000000000000000");
    assert_string_equal(removal.version_id, "00000000000000000000000000000000");
    g_autoptr(GError) error = NULL;
    assert_false(object_remove(shop->blobs, shop->txn, shop->arena, shop->bucket, "k", "x", false,
                               shop->now, &removal, &error));
    assert_fault(error, FAULT_INVALID_ARGUMENT);
    assert_non_null(current(shop, "k"));
}

static void suspended_bucket_replaces_only_its_null_version(void **state)
{
    Shop *shop = *state;
    Object *plain = shop_put(shop, "k");
    shop_set_versioning(shop, "Enabled");
    Object *kept = shop_put(shop, "k");
    shop_set_versioning(shop, "Suspended");
    Object *null = shop_put(shop, "k");
    assert_string_equal(null->version_id, "null");
    assert_false(shop_has_blob(shop, plain->blob_id));
    assert_true(shop_has_blob(shop, kept->blob_id));
    ObjectRemoval removal = shop_remove(shop, "k", NULL);
    assert_true(removal.marker);
    assert_string_equal(removal.version_id, "null");
    assert_false(shop_has_blob(shop, null->blob_id));
    assert_int_equal(find_fault(shop, "k", kept->version_id), FAULT_COUNT);
    shop_remove(shop, "k", "null");
    assert_string_equal(current(shop, "k")->version_id, kept->version_id);
}

/* The model: versions of each key, the newest first. */

#define KEYS 4

typedef struct ModelVersion {
    char *id, *etag; /* etag NULL: a marker */
} ModelVersion;

typedef struct Model {
    GList *versions[KEYS]; /* of ModelVersion * */
} Model;

static void model_version_free(void *data)
{
    ModelVersion *version = data;
    g_free(version->id);
    g_free(version->etag);
    g_free(version);
}

/* Whether there was one. */
static bool model_remove(Model *model, int key, const char *id)
{
    for (GList *link = model->versions[key]; link; link = link->next) {
        if (strcmp(((ModelVersion *)link->data)->id, id) == 0) {
            model_version_free(link->data);
            model->versions[key] = g_list_delete_link(model->versions[key], link);
            return true;
        }
    }
    return false;
}

static void model_add(Model *model, int key, const char *id, const char *etag)
{
    model_remove(model, key, id); /* only "null" comes twice */
    ModelVersion *version = g_new0(ModelVersion, 1);
    version->id = g_strdup(id);
    version->etag = g_strdup(etag);
    model->versions[key] = g_list_prepend(model->versions[key], version);
}

static void check_versions(Shop *shop, const Model *model, int key, Arena *arena)
{
    g_autoptr(GError) error = NULL;
    List list = {0};
    bool more;
    ObjectScan scan = {
        .bucket = "bucket",
        .prefix = arena_printf(arena, "k%d", key),
        .limit = 10000,
        .versions = true,
    };
    assert_ok(object_list(shop->txn, arena, &scan, &list, &more, &error), error);
    assert_int_equal(list.n, g_list_length(model->versions[key]));
    size_t i = 0;
    for (GList *link = model->versions[key]; link; link = link->next, i++) {
        const ModelVersion *expected = link->data;
        const Object *object = ((ObjectListItem *)list_at(&list, i))->object;
        assert_string_equal(object->version_id, expected->id);
        assert_int_equal(object->is_latest, i == 0);
        assert_int_equal(object->is_marker, expected->etag == NULL);
        if (expected->etag)
            assert_string_equal(object->etag, expected->etag);
        Object *found = NULL;
        assert_ok(
            object_find(shop->txn, arena, shop->bucket, object->key, expected->id, &found, &error),
            error);
        assert_string_equal(found->rank, object->rank);
    }
}

static unsigned model_count_objects(const Model *model)
{
    unsigned n = 0;
    for (int key = 0; key < KEYS; key++)
        for (GList *link = model->versions[key]; link; link = link->next)
            n += ((ModelVersion *)link->data)->etag != NULL;
    return n;
}

static void step_put(Shop *shop, Model *model, int key, const char *name)
{
    Object *object = shop_put(shop, name);
    assert_int_equal(strcmp(object->version_id, "null") == 0, !bucket_keeps_versions(shop->bucket));
    model_add(model, key, object->version_id, object->etag);
}

static void step_delete(Shop *shop, Model *model, int key, const char *name)
{
    ObjectRemoval removal = shop_remove(shop, name, NULL);
    assert_int_equal(removal.marker, shop->bucket->versioning != NULL);
    if (removal.marker)
        model_add(model, key, removal.version_id, NULL);
    else
        model_remove(model, key, "null");
}

static void step_delete_version(Shop *shop, Model *model, int key, const char *name, GRand *random)
{
    unsigned n = g_list_length(model->versions[key]);
    int i = g_rand_int_range(random, 0, (int)n + 1);
    ModelVersion *version = g_list_nth_data(model->versions[key], (unsigned)i);
    const char *id = version ? arena_strdup(shop->arena, version->id) : "null";
    bool marker = version && !version->etag;
    model_remove(model, key, id);
    ObjectRemoval removal = shop_remove(shop, name, id);
    assert_string_equal(removal.version_id, id);
    if (version)
        assert_int_equal(removal.marker, marker);
}

/* The clock stands, goes on, or goes back. */
static void step_clock(Shop *shop, GRand *random)
{
    static const int64_t by[] = {0, 0, 1, 1000, CLOCK_SECOND, -1, -CLOCK_SECOND};
    shop->now += by[g_rand_int_range(random, 0, G_N_ELEMENTS(by))];
}

static void step(Shop *shop, Model *model, GRand *random, unsigned age)
{
    int key = g_rand_int_range(random, 0, KEYS), what = g_rand_int_range(random, 0, 100);
    const char *name = arena_printf(shop->arena, "k%d", key);
    step_clock(shop, random);
    if (what < 40)
        step_put(shop, model, key, name);
    else if (what < 60)
        step_delete(shop, model, key, name);
    else if (what < 95)
        step_delete_version(shop, model, key, name, random);
    else if (age > 100) /* until then no versions are kept */
        shop_set_versioning(shop, what < 98 ? "Enabled" : "Suspended");
    g_autoptr(Arena) arena = arena_new();
    check_versions(shop, model, key, arena);
}

static void walk_against_model(Shop *shop, uint32_t seed)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(seed);
    Model model = {0};
    for (unsigned i = 0; i < 1500; i++)
        step(shop, &model, random, i);
    assert_int_equal(shop_count_blobs(shop), model_count_objects(&model));
    for (int key = 0; key < KEYS; key++)
        g_list_free_full(model.versions[key], model_version_free);
}

static void versions_agree_with_a_plain_model(void **state)
{
    walk_against_model(*state, 1);
}

static void and_with_another_seed(void **state)
{
    walk_against_model(*state, 20101122);
}

static void ranks_fall_while_the_clock_goes_back(void **state)
{
    Shop *shop = *state;
    shop_set_versioning(shop, "Enabled");
    const char *rank = shop_put(shop, "k")->rank;
    for (int i = 0; i < 100; i++) {
        shop->now -= i % 3 * CLOCK_SECOND;
        const Object *object = shop_put(shop, "k");
        assert_true(strcmp(object->rank, rank) < 0);
        assert_int_equal(strlen(object->rank), 16);
        rank = object->rank;
    }
}

/* Locks. */

static Object *put_locked(Shop *shop, const char *mode, int64_t until, bool legal_hold)
{
    g_autoptr(GError) error = NULL;
    Object *object = shop_put(shop, "locked");
    object->lock_mode = mode;
    object->retain_until = until;
    object->legal_hold = legal_hold;
    assert_ok(object_put(shop->txn, object, &error), error);
    return object;
}

static bool can_remove(Shop *shop, const Object *object, bool bypass)
{
    g_autoptr(GError) error = NULL;
    ObjectRemoval removal;
    if (object_remove(shop->blobs, shop->txn, shop->arena, shop->bucket, object->key,
                      object->version_id, bypass, shop->now, &removal, &error))
        return true;
    assert_fault(error, FAULT_OBJECT_LOCKED);
    assert_string_equal(fault_code((Fault)error->code), "AccessDenied");
    return false;
}

static void retention_holds_until_its_time(void **state)
{
    Shop *shop = *state;
    shop_set_versioning(shop, "Enabled");
    Object *object = put_locked(shop, "COMPLIANCE", shop->now + 10, false);
    assert_false(can_remove(shop, object, false));
    assert_false(can_remove(shop, object, true));
    shop->now += 10;
    assert_true(can_remove(shop, object, false));
}

static void governance_can_be_bypassed(void **state)
{
    Shop *shop = *state;
    shop_set_versioning(shop, "Enabled");
    Object *object = put_locked(shop, "GOVERNANCE", shop->now + 10, false);
    assert_false(can_remove(shop, object, false));
    assert_true(can_remove(shop, object, true));
}

static void legal_hold_holds_whatever_the_retention(void **state)
{
    Shop *shop = *state;
    shop_set_versioning(shop, "Enabled");
    Object *object = put_locked(shop, "GOVERNANCE", shop->now + 10, true);
    shop->now += 20;
    assert_false(can_remove(shop, object, true));
    object->legal_hold = false;
    g_autoptr(GError) error = NULL;
    assert_ok(object_put(shop->txn, object, &error), error);
    assert_true(can_remove(shop, object, false));
}

static void a_lock_does_not_keep_from_newer_versions_and_markers(void **state)
{
    Shop *shop = *state;
    shop_set_versioning(shop, "Enabled");
    Object *object = put_locked(shop, "COMPLIANCE", INT64_MAX, true);
    shop_put(shop, "locked");
    assert_true(shop_remove(shop, "locked", NULL).marker);
    assert_true(shop_has_blob(shop, object->blob_id));
}

static void a_lock_keeps_the_null_version_from_being_replaced(void **state)
{
    Shop *shop = *state;
    g_autoptr(GError) error = NULL;
    put_locked(shop, "GOVERNANCE", shop->now + 10, false);
    Object object = {.key = "locked", .account_id = ACCOUNT, .blob_id = shop_blob(shop, 1)};
    assert_false(object_store(shop->blobs, shop->txn, shop->arena, shop->bucket, &object, shop->now,
                              &error));
    assert_fault(error, FAULT_OBJECT_LOCKED);
}

/* Conditions. */

#define T0 (INT64_C(1300000000) * CLOCK_SECOND)

/* The fault of reading an object with etag "e" that was modified half a second after T0. */
static Fault read_fault(Conditions conditions)
{
    g_autoptr(GError) error = NULL;
    Object object = {.etag = "e", .modified = T0 + CLOCK_SECOND / 2};
    return conditions_check_read(&conditions, &object, &error) ? FAULT_COUNT : (Fault)error->code;
}

static void reads_with_one_condition(void **state)
{
    assert_int_equal(read_fault((Conditions){0}), FAULT_COUNT);
    assert_int_equal(read_fault((Conditions){.if_match = "e"}), FAULT_COUNT);
    assert_int_equal(read_fault((Conditions){.if_match = "*"}), FAULT_COUNT);
    assert_int_equal(read_fault((Conditions){.if_match = "a, e"}), FAULT_COUNT);
    assert_int_equal(read_fault((Conditions){.if_match = "\"a\",\"e\""}), FAULT_COUNT);
    assert_int_equal(read_fault((Conditions){.if_match = "a,b"}), FAULT_PRECONDITION_FAILED);
    assert_int_equal(read_fault((Conditions){.if_match = ""}), FAULT_PRECONDITION_FAILED);
    assert_int_equal(read_fault((Conditions){.if_none_match = "e"}), FAULT_NOT_MODIFIED);
    assert_int_equal(read_fault((Conditions){.if_none_match = "W/\"e\""}), FAULT_NOT_MODIFIED);
    assert_int_equal(read_fault((Conditions){.if_none_match = "*"}), FAULT_NOT_MODIFIED);
    assert_int_equal(read_fault((Conditions){.if_none_match = "a"}), FAULT_COUNT);
    assert_int_equal(read_fault((Conditions){.if_modified_since = T0}), FAULT_NOT_MODIFIED);
    assert_int_equal(read_fault((Conditions){.if_modified_since = T0 - CLOCK_SECOND}), FAULT_COUNT);
    assert_int_equal(read_fault((Conditions){.if_unmodified_since = T0}), FAULT_COUNT);
    assert_int_equal(read_fault((Conditions){.if_unmodified_since = T0 - CLOCK_SECOND}),
                     FAULT_PRECONDITION_FAILED);
}

/* The two combinations that GetObject's page in the API reference tells, and their neighbours. */
static void reads_with_two_conditions(void **state)
{
    int64_t before = T0 - CLOCK_SECOND, after = T0 + CLOCK_SECOND;
    assert_int_equal(read_fault((Conditions){.if_match = "e", .if_unmodified_since = before}),
                     FAULT_COUNT);
    assert_int_equal(read_fault((Conditions){.if_none_match = "e", .if_modified_since = before}),
                     FAULT_NOT_MODIFIED);
    assert_int_equal(read_fault((Conditions){.if_none_match = "a", .if_modified_since = after}),
                     FAULT_COUNT);
    assert_int_equal(read_fault((Conditions){.if_match = "a", .if_none_match = "e"}),
                     FAULT_PRECONDITION_FAILED);
    assert_int_equal(read_fault((Conditions){.if_match = "e", .if_none_match = "e"}),
                     FAULT_NOT_MODIFIED);
}

static Fault write_fault(Conditions conditions, bool there)
{
    g_autoptr(GError) error = NULL;
    Object object = {.etag = "e", .modified = T0};
    return conditions_check_write(&conditions, there ? &object : NULL, &error) ? FAULT_COUNT
                                                                               : (Fault)error->code;
}

static void writes_with_conditions(void **state)
{
    assert_int_equal(write_fault((Conditions){.if_none_match = "*"}, false), FAULT_COUNT);
    assert_int_equal(write_fault((Conditions){.if_none_match = "*"}, true),
                     FAULT_PRECONDITION_FAILED);
    assert_int_equal(write_fault((Conditions){.if_match = "e"}, true), FAULT_COUNT);
    assert_int_equal(write_fault((Conditions){.if_match = "a"}, true), FAULT_PRECONDITION_FAILED);
    assert_int_equal(write_fault((Conditions){.if_match = "e"}, false), FAULT_NO_SUCH_KEY);
    assert_int_equal(write_fault((Conditions){0}, true), FAULT_COUNT);
}

/* Names. */

static Fault key_fault(const char *key)
{
    g_autoptr(GError) error = NULL;
    return object_check_key(key, &error) ? FAULT_COUNT : (Fault)error->code;
}

static void keys_are_utf8_of_at_most_1024_bytes(void **state)
{
    g_autofree char *longest = g_strnfill(1024, 'a'), *too_long = g_strnfill(1025, 'a');
    assert_int_equal(key_fault("a/../\x01 日本"), FAULT_COUNT);
    assert_int_equal(key_fault(longest), FAULT_COUNT);
    assert_int_equal(key_fault(too_long), FAULT_KEY_TOO_LONG);
    assert_int_equal(key_fault(""), FAULT_INVALID_URI);
    assert_int_equal(key_fault("\xff"), FAULT_INVALID_URI);
    assert_int_equal(key_fault("\xed\xa0\x80"), FAULT_INVALID_URI);
}

static void headers_are_found_in_any_case(void **state)
{
    Shop *shop = *state;
    const char *headers = "Content-Type: text/plain\nx-amz-meta-A:  b: c \nx-amz-meta-e: \n";
    assert_string_equal(object_header(shop->arena, headers, "content-type"), "text/plain");
    assert_string_equal(object_header(shop->arena, headers, "X-Amz-Meta-a"), "b: c ");
    assert_string_equal(object_header(shop->arena, headers, "x-amz-meta-e"), "");
    assert_null(object_header(shop->arena, headers, "content"));
    assert_null(object_header(shop->arena, headers, "Content-Type: text"));
    assert_null(object_header(shop->arena, NULL, "a"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, shop_set_up, shop_tear_down)
    const struct CMUnitTest tests[] = {
        T(put_replaces_where_no_versions_are_kept),
        T(delete_leaves_nothing_where_no_versions_are_kept),
        T(versions_are_found_by_their_ids),
        T(unknown_versions_are_told_from_ids_that_cannot_be),
        T(deleting_makes_a_marker_and_deleting_that_undoes_it),
        T(deleting_what_is_not_there_makes_a_marker_too),
        T(deleting_an_unknown_version_is_success),
        T(suspended_bucket_replaces_only_its_null_version),
        T(versions_agree_with_a_plain_model),
        T(and_with_another_seed),
        T(ranks_fall_while_the_clock_goes_back),
        T(retention_holds_until_its_time),
        T(governance_can_be_bypassed),
        T(legal_hold_holds_whatever_the_retention),
        T(a_lock_does_not_keep_from_newer_versions_and_markers),
        T(a_lock_keeps_the_null_version_from_being_replaced),
        cmocka_unit_test(reads_with_one_condition),
        cmocka_unit_test(reads_with_two_conditions),
        cmocka_unit_test(writes_with_conditions),
        cmocka_unit_test(keys_are_utf8_of_at_most_1024_bytes),
        T(headers_are_found_in_any_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
