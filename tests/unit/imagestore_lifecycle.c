/* imagestore/lifecycle.h: what rules decide, and what the worker then does in the store. */
#include "tests/unit/imagestore_fixture.h"
#include "imagestore/lifecycle.h"

/* ---- decisions ---- */

static LifecycleRule make_rule(void)
{
    return (LifecycleRule){.id = "r", .prefix = "", .larger_than = -1, .smaller_than = INT64_MAX};
}

static List one_rule(Arena *arena, LifecycleRule rule)
{
    List rules = {0};
    list_add(&rules, arena, arena_memdup(arena, &rule, sizeof(rule)));
    return rules;
}

static LifecycleAct decide(LifecycleRule rule, LifecycleVersion version, int64_t now)
{
    g_autoptr(Arena) arena = arena_new();
    List rules = one_rule(arena, rule);
    return lifecycle_decide(&rules, &version, now);
}

static void days_end_at_midnight(void **state)
{
    assert_true(lifecycle_due(0, 1) == CLOCK_DAY);
    assert_true(lifecycle_due(1, 1) == 2 * CLOCK_DAY);
    assert_true(lifecycle_due(10 * CLOCK_DAY + CLOCK_DAY / 2, 3) == 14 * CLOCK_DAY);
    assert_true(lifecycle_due(0, INT64_MAX) == INT64_MAX);
}

static void rule_covers_what_all_its_conditions_fit(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    LifecycleRule rule = make_rule();
    assert_true(lifecycle_rule_covers(&rule, "k", 0, NULL));
    rule.prefix = "logs/";
    rule.larger_than = 10;
    rule.smaller_than = 20;
    assert_true(lifecycle_rule_covers(&rule, "logs/a", 11, NULL));
    assert_false(lifecycle_rule_covers(&rule, "log", 11, NULL));
    assert_false(lifecycle_rule_covers(&rule, "logs/a", 10, NULL));
    assert_false(lifecycle_rule_covers(&rule, "logs/a", 20, NULL));
    list_add(&rule.tags, arena, "a=b");
    assert_false(lifecycle_rule_covers(&rule, "logs/a", 11, NULL));
    assert_false(lifecycle_rule_covers(&rule, "logs/a", 11, "a=bc&aa=b"));
    assert_true(lifecycle_rule_covers(&rule, "logs/a", 11, "c=d&a=b"));
    list_add(&rule.tags, arena, "e=f");
    assert_false(lifecycle_rule_covers(&rule, "logs/a", 11, "c=d&a=b"));
}

static void current_version_expires_when_its_days_are_over(void **state)
{
    const Object object = {.key = "k", .is_latest = true};
    LifecycleVersion version = {.object = &object, .since = 1};
    LifecycleRule rule = make_rule();
    assert_int_equal(decide(rule, version, 100 * CLOCK_DAY), LIFECYCLE_KEEP);
    rule.expire_days = 1;
    assert_int_equal(decide(rule, version, 2 * CLOCK_DAY - 1), LIFECYCLE_KEEP);
    assert_int_equal(decide(rule, version, 2 * CLOCK_DAY), LIFECYCLE_EXPIRE);
}

static void current_version_expires_at_a_date(void **state)
{
    const Object object = {.key = "k", .is_latest = true};
    LifecycleVersion version = {.object = &object, .since = 5 * CLOCK_DAY};
    LifecycleRule rule = make_rule();
    rule.expire_date = 3 * CLOCK_DAY;
    assert_int_equal(decide(rule, version, 3 * CLOCK_DAY - 1), LIFECYCLE_KEEP);
    assert_int_equal(decide(rule, version, 5 * CLOCK_DAY), LIFECYCLE_EXPIRE);
}

static void noncurrent_versions_go_but_the_newest_of_them(void **state)
{
    const Object object = {.key = "k"};
    LifecycleVersion version = {.object = &object, .since = 0, .newer = 2};
    LifecycleRule rule = make_rule();
    rule.expire_days = 1;
    assert_int_equal(decide(rule, version, 9 * CLOCK_DAY), LIFECYCLE_KEEP);
    rule.noncurrent_days = 2;
    assert_int_equal(decide(rule, version, 2 * CLOCK_DAY - 1), LIFECYCLE_KEEP);
    assert_int_equal(decide(rule, version, 2 * CLOCK_DAY), LIFECYCLE_REMOVE);
    rule.newer_noncurrent = 2;
    assert_int_equal(decide(rule, version, 2 * CLOCK_DAY), LIFECYCLE_REMOVE);
    rule.newer_noncurrent = 3;
    assert_int_equal(decide(rule, version, 2 * CLOCK_DAY), LIFECYCLE_KEEP);
}

static void markers_go_when_nothing_is_under_them(void **state)
{
    const Object object = {.key = "k", .is_latest = true, .is_marker = true};
    LifecycleVersion version = {.object = &object, .since = 0};
    LifecycleRule rule = make_rule();
    rule.expire_markers = true;
    assert_int_equal(decide(rule, version, CLOCK_DAY), LIFECYCLE_KEEP);
    version.alone = true;
    assert_int_equal(decide(rule, version, CLOCK_DAY), LIFECYCLE_REMOVE);
    rule.expire_markers = false;
    assert_int_equal(decide(rule, version, CLOCK_DAY), LIFECYCLE_KEEP);
    rule.expire_days = 2;
    assert_int_equal(decide(rule, version, CLOCK_DAY), LIFECYCLE_KEEP);
    assert_int_equal(decide(rule, version, 2 * CLOCK_DAY), LIFECYCLE_REMOVE);
}

static void earliest_rule_says_when_an_object_expires(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    const Object object = {.key = "k", .is_latest = true};
    LifecycleRule late = make_rule(), early = make_rule(), other = make_rule();
    const LifecycleRule *found = NULL;
    List rules = {0};
    late.expire_days = 9;
    early.expire_days = 3;
    early.id = "early";
    other.expire_days = 1;
    other.prefix = "x";
    list_add(&rules, arena, &late);
    list_add(&rules, arena, &early);
    list_add(&rules, arena, &other);
    assert_true(lifecycle_expiry(&rules, &object, 0, &found) == 3 * CLOCK_DAY);
    assert_string_equal(found->id, "early");
    rules.n = 0;
    assert_true(lifecycle_expiry(&rules, &object, 0, &found) == INT64_MAX);
}

/* ---- the worker ---- */

typedef struct World {
    Shop *shop;
    Clock *clock;
    Lifecycle *lifecycle;
} World;

/* What happens to a bucket as soon as its rules were read. */
typedef void (*Meanwhile)(Txn *txn, Bucket *bucket);
static struct {
    World *world;
    Meanwhile act;
    const GThread *reader; /* NULL, or: to any other thread buckets have no rules */
} meanwhile;

static void act_meanwhile(void)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(GError) error = NULL;
    Bucket *bucket = NULL;
    Txn *txn = begin(meanwhile.world->shop->fixture->store);
    assert_ok(bucket_get(txn, arena, "bucket", &bucket, &error), error);
    if (bucket)
        meanwhile.act(txn, bucket);
    commit(txn);
}

/* "expire=1 noncurrent=2 newer=3 abort=4 markers tag=k=v prefix=p": a rule. */
static bool read_rules(Arena *arena, const char *body, List *rules, GError **error)
{
    LifecycleRule rule = make_rule();
    char *rest = arena_strdup(arena, body), *word;
    if (meanwhile.reader && meanwhile.reader != g_thread_self())
        return true;
    if (meanwhile.act)
        act_meanwhile();
    while ((word = strsep(&rest, " "))) {
        if (g_str_has_prefix(word, "expire="))
            rule.expire_days = atoi(word + 7);
        else if (g_str_has_prefix(word, "noncurrent="))
            rule.noncurrent_days = atoi(word + 11);
        else if (g_str_has_prefix(word, "newer="))
            rule.newer_noncurrent = atoi(word + 6);
        else if (g_str_has_prefix(word, "abort="))
            rule.abort_days = atoi(word + 6);
        else if (g_str_has_prefix(word, "prefix="))
            rule.prefix = word + 7;
        else if (g_str_has_prefix(word, "tag="))
            list_add(&rule.tags, arena, word + 4);
        else if (strcmp(word, "markers") == 0)
            rule.expire_markers = true;
        else
            return trouble_set(error, "no rule: %s", word);
    }
    list_add(rules, arena, arena_memdup(arena, &rule, sizeof(rule)));
    return true;
}

static int world_set_up(void **state)
{
    World *world = g_new0(World, 1);
    shop_set_up((void **)&world->shop);
    world->shop->now -= world->shop->now % CLOCK_DAY;
    world->clock = clock_new_manual(world->shop->now);
    meanwhile.world = world;
    meanwhile.act = NULL;
    meanwhile.reader = NULL;
    *state = world;
    return 0;
}

static int world_tear_down(void **state)
{
    World *world = *state;
    /* The worker may be waiting for its turn to write. */
    txn_rollback(g_steal_pointer(&world->shop->txn));
    lifecycle_free(world->lifecycle);
    clock_free(world->clock);
    shop_tear_down((void **)&world->shop);
    g_free(world);
    return 0;
}

static void set_rules(World *world, const char *rules)
{
    g_autoptr(GError) error = NULL;
    assert_ok(bucket_document_set(world->shop->txn, world->shop->bucket, DOCUMENT_LIFECYCLE, rules,
                                  &error),
              error);
}

/* So many days later, the rules are done. */
static void pass_days(World *world, int64_t days)
{
    g_autoptr(GError) error = NULL;
    Shop *shop = world->shop;
    commit(g_steal_pointer(&shop->txn));
    if (!world->lifecycle) {
        const LifecycleConfig config = {shop->fixture->store, shop->blobs, world->clock,
                                        world->clock, read_rules};
        world->lifecycle = lifecycle_new(&config);
    }
    clock_advance(world->clock, days * CLOCK_DAY);
    shop->now += days * CLOCK_DAY;
    bool ok = lifecycle_run(world->lifecycle, &error);
    shop->txn = begin(shop->fixture->store);
    assert_ok(ok, error);
}

/* Versions of the key, delete markers included, the newest first: "M" or "o" each. */
static const char *versions(World *world, const char *key)
{
    g_autoptr(GError) error = NULL;
    GString *text = g_string_new(NULL);
    List objects = {0};
    assert_ok(record_query(world->shop->txn, world->shop->arena, QUERY_LIFECYCLE_OBJECTS, &objects,
                           &error, "bucket", "", ""),
              error);
    LIST_EACH (const Object *, object, &objects) {
        if (strcmp(object->key, key) == 0)
            g_string_append_c(text, object->is_marker ? 'M' : 'o');
    }
    const char *copy = arena_strdup(world->shop->arena, text->str);
    g_string_free(text, TRUE);
    return copy;
}

static void expired_object_is_gone_with_its_bytes(void **state)
{
    World *world = *state;
    shop_put(world->shop, "a/k");
    shop_put(world->shop, "b/k");
    set_rules(world, "prefix=a/ expire=2");
    pass_days(world, 1);
    assert_string_equal(versions(world, "a/k"), "o");
    pass_days(world, 1);
    assert_string_equal(versions(world, "a/k"), "");
    assert_string_equal(versions(world, "b/k"), "o");
    assert_int_equal(shop_count_blobs(world->shop), 1);
}

static void expired_object_gets_a_marker_where_versions_are_kept(void **state)
{
    World *world = *state;
    shop_set_versioning(world->shop, "Enabled");
    shop_put(world->shop, "k");
    set_rules(world, "expire=1");
    pass_days(world, 1);
    assert_string_equal(versions(world, "k"), "Mo");
    pass_days(world, 5);
    assert_string_equal(versions(world, "k"), "Mo");
}

static void noncurrent_versions_are_counted_from_their_successor(void **state)
{
    World *world = *state;
    shop_set_versioning(world->shop, "Enabled");
    shop_put(world->shop, "k");
    set_rules(world, "noncurrent=2");
    pass_days(world, 5);
    shop_put(world->shop, "k");
    pass_days(world, 1);
    assert_string_equal(versions(world, "k"), "oo");
    pass_days(world, 1);
    assert_string_equal(versions(world, "k"), "o");
}

static void newest_noncurrent_versions_stay(void **state)
{
    World *world = *state;
    shop_set_versioning(world->shop, "Enabled");
    for (int i = 0; i < 6; i++)
        shop_put(world->shop, "k");
    set_rules(world, "noncurrent=1 newer=2");
    pass_days(world, 1);
    assert_string_equal(versions(world, "k"), "ooo");
}

static void object_marker_and_versions_go_in_the_end(void **state)
{
    World *world = *state;
    shop_set_versioning(world->shop, "Enabled");
    shop_put(world->shop, "k");
    set_rules(world, "expire=1 noncurrent=1 markers");
    pass_days(world, 1);
    assert_string_equal(versions(world, "k"), "Mo");
    pass_days(world, 1);
    assert_string_equal(versions(world, "k"), "M");
    pass_days(world, 1);
    assert_string_equal(versions(world, "k"), "");
    assert_int_equal(shop_count_blobs(world->shop), 0);
}

static void locked_version_stays(void **state)
{
    World *world = *state;
    Shop *shop = world->shop;
    g_autoptr(GError) error = NULL;
    shop_set_versioning(shop, "Enabled");
    Object *object = shop_put(shop, "k");
    object->lock_mode = "GOVERNANCE";
    object->retain_until = shop->now + 5 * CLOCK_DAY;
    assert_ok(object_put(shop->txn, object, &error), error);
    shop_put(shop, "k");
    shop_put(shop, "l");
    shop_put(shop, "l");
    set_rules(world, "noncurrent=1");
    pass_days(world, 2);
    assert_string_equal(versions(world, "k"), "oo");
    assert_string_equal(versions(world, "l"), "o");
    pass_days(world, 4);
    assert_string_equal(versions(world, "k"), "o");
}

static void tags_choose_objects(void **state)
{
    World *world = *state;
    g_autoptr(GError) error = NULL;
    shop_put(world->shop, "k");
    Object *object = shop_put(world->shop, "l");
    object->tags = "a=b&c=d";
    assert_ok(object_put(world->shop->txn, object, &error), error);
    set_rules(world, "expire=1 tag=c=d");
    pass_days(world, 1);
    assert_string_equal(versions(world, "k"), "o");
    assert_string_equal(versions(world, "l"), "");
}

/* More than a piece, so that a key's versions lie in several. */
static void large_buckets_are_looked_at_in_pieces(void **state)
{
    World *world = *state;
    shop_set_versioning(world->shop, "Enabled");
    for (int i = 0; i < 1203; i++)
        shop_put(world->shop, "k");
    shop_put(world->shop, "l");
    shop_remove(world->shop, "m", NULL);
    set_rules(world, "noncurrent=1 newer=2 markers");
    pass_days(world, 1);
    assert_string_equal(versions(world, "k"), "ooo");
    assert_string_equal(versions(world, "l"), "o");
    assert_string_equal(versions(world, "m"), "");
}

static bool has_upload(World *world, const char *key, const char *id)
{
    Upload *found;
    return upload_find(world->shop->txn, world->shop->arena, world->shop->bucket, key, id, &found,
                       NULL);
}

static void old_uploads_are_aborted(void **state)
{
    World *world = *state;
    Shop *shop = world->shop;
    g_autoptr(GError) error = NULL;
    Upload upload = {.bucket = "bucket", .key = "a", .account_id = ACCOUNT, .initiator = "i"};
    Upload other = upload;
    other.key = "b";
    assert_ok(upload_create(shop->txn, shop->arena, &upload, shop->now, &error), error);
    assert_ok(upload_create(shop->txn, shop->arena, &other, shop->now, &error), error);
    set_rules(world, "abort=2 prefix=a");
    pass_days(world, 1);
    assert_true(has_upload(world, "a", upload.id));
    pass_days(world, 1);
    assert_false(has_upload(world, "a", upload.id));
    assert_true(has_upload(world, "b", other.id));
}

static void take_rules_away(Txn *txn, Bucket *bucket)
{
    g_autoptr(GError) error = NULL;
    assert_ok(bucket_document_set(txn, bucket, DOCUMENT_LIFECYCLE, NULL, &error), error);
}

static void rules_that_are_taken_away_remove_nothing_more(void **state)
{
    World *world = *state;
    Shop *shop = world->shop;
    g_autoptr(GError) error = NULL;
    Upload upload = {.bucket = "bucket", .key = "k", .account_id = ACCOUNT, .initiator = "i"};
    shop_put(shop, "k");
    assert_ok(upload_create(shop->txn, shop->arena, &upload, shop->now, &error), error);
    set_rules(world, "expire=1 abort=1");
    meanwhile.act = take_rules_away;
    pass_days(world, 3);
    assert_string_equal(versions(world, "k"), "o");
    assert_true(has_upload(world, "k", upload.id));
}

static void spare_uploads(Txn *txn, Bucket *bucket)
{
    g_autoptr(GError) error = NULL;
    assert_ok(bucket_document_set(txn, bucket, DOCUMENT_LIFECYCLE, "expire=1", &error), error);
}

static void rules_that_change_count_from_the_next_look_on(void **state)
{
    World *world = *state;
    Shop *shop = world->shop;
    g_autoptr(GError) error = NULL;
    Upload upload = {.bucket = "bucket", .key = "k", .account_id = ACCOUNT, .initiator = "i"};
    assert_ok(upload_create(shop->txn, shop->arena, &upload, shop->now, &error), error);
    set_rules(world, "abort=1");
    meanwhile.act = spare_uploads;
    pass_days(world, 3);
    assert_true(has_upload(world, "k", upload.id));
    shop_put(shop, "k");
    pass_days(world, 3);
    assert_string_equal(versions(world, "k"), "");
    assert_true(has_upload(world, "k", upload.id));
}

/* Its object is still found, as it is when the bucket goes between looking and removing. */
static void delete_bucket(Txn *txn, Bucket *bucket)
{
    g_autoptr(GError) error = NULL;
    assert_ok(bucket_delete(txn, bucket->name, &error), error);
}

static void deleted_bucket_hides_no_other_s_trouble(void **state)
{
    World *world = *state;
    Shop *shop = world->shop;
    g_autoptr(GError) error = NULL;
    Bucket *other = NULL;
    shop_put(shop, "k");
    set_rules(world, "expire=1");
    shop_create_bucket(shop, "other");
    assert_ok(bucket_find(shop->txn, shop->arena, "other", &other, &error), error);
    assert_ok(bucket_document_set(shop->txn, other, DOCUMENT_LIFECYCLE, "nonsense", &error), error);
    meanwhile.act = delete_bucket;
    meanwhile.reader = g_thread_self();
    commit(g_steal_pointer(&shop->txn));
    clock_advance(world->clock, 3 * CLOCK_DAY);
    const LifecycleConfig config = {shop->fixture->store, shop->blobs, world->clock, world->clock,
                                    read_rules};
    world->lifecycle = lifecycle_new(&config);
    assert_false(lifecycle_run(world->lifecycle, &error));
    assert_error_says(error, "nonsense");
}

static void rules_that_cannot_be_read_are_told(void **state)
{
    World *world = *state;
    Shop *shop = world->shop;
    g_autoptr(GError) error = NULL;
    set_rules(world, "nonsense");
    commit(g_steal_pointer(&shop->txn));
    const LifecycleConfig config = {shop->fixture->store, shop->blobs, world->clock, world->clock,
                                    read_rules};
    world->lifecycle = lifecycle_new(&config);
    assert_false(lifecycle_run(world->lifecycle, &error));
    assert_error_says(error, "nonsense");
}

static void objects_age_with_a_faster_clock(void **state)
{
    World *world = *state;
    Shop *shop = world->shop;
    g_autoptr(GError) error = NULL;
    g_autoptr(Clock) fast = clock_new_manual(shop->now);
    shop_put(shop, "old");
    set_rules(world, "expire=2");
    commit(g_steal_pointer(&shop->txn));
    const LifecycleConfig config = {shop->fixture->store, shop->blobs, world->clock, fast,
                                    read_rules};
    world->lifecycle = lifecycle_new(&config);
    clock_advance(world->clock, CLOCK_SECOND);
    clock_advance(fast, CLOCK_DAY);
    shop->now += CLOCK_SECOND;
    shop->txn = begin(shop->fixture->store);
    shop_put(shop, "new");
    commit(g_steal_pointer(&shop->txn));
    clock_advance(world->clock, CLOCK_SECOND);
    clock_advance(fast, CLOCK_DAY);
    assert_ok(lifecycle_run(world->lifecycle, &error), error);
    shop->txn = begin(shop->fixture->store);
    assert_string_equal(versions(world, "old"), "");
    assert_string_equal(versions(world, "new"), "o");
}

#define world_test(test) cmocka_unit_test_setup_teardown(test, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(days_end_at_midnight),
        cmocka_unit_test(rule_covers_what_all_its_conditions_fit),
        cmocka_unit_test(current_version_expires_when_its_days_are_over),
        cmocka_unit_test(current_version_expires_at_a_date),
        cmocka_unit_test(noncurrent_versions_go_but_the_newest_of_them),
        cmocka_unit_test(markers_go_when_nothing_is_under_them),
        cmocka_unit_test(earliest_rule_says_when_an_object_expires),
        world_test(expired_object_is_gone_with_its_bytes),
        world_test(expired_object_gets_a_marker_where_versions_are_kept),
        world_test(noncurrent_versions_are_counted_from_their_successor),
        world_test(newest_noncurrent_versions_stay),
        world_test(object_marker_and_versions_go_in_the_end),
        world_test(locked_version_stays),
        world_test(tags_choose_objects),
        world_test(large_buckets_are_looked_at_in_pieces),
        world_test(old_uploads_are_aborted),
        world_test(rules_that_are_taken_away_remove_nothing_more),
        world_test(rules_that_change_count_from_the_next_look_on),
        world_test(deleted_bucket_hides_no_other_s_trouble),
        world_test(rules_that_cannot_be_read_are_told),
        world_test(objects_age_with_a_faster_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
