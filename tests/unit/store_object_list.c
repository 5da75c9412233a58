/* store/object_list.h: listings agree with a plain model, page by page, and read what they show. */
#include "tests/unit/store_fixture.h"
#include "store/object_list.h"
#include "store/txn.h"

#include <time.h>

static void put_version(Txn *txn, const char *key, const char *rank, bool is_latest, bool is_marker)
{
    g_autoptr(GError) error = NULL;
    Object object = {
        .bucket = "b",
        .key = key,
        .rank = rank,
        .version_id = rank,
        .is_latest = is_latest,
        .is_marker = is_marker,
        .account_id = ACCOUNT,
        .size = 7,
        .etag = "e",
        .headers = "content-type: text/plain\n",
        .acl = "READ group AllUsers",
        .tags = "a=b",
        .storage_class = "GLACIER",
        .legal_hold = true,
    };
    assert_ok(object_insert(txn, &object, &error), error);
}

static void put_key(Txn *txn, const char *key)
{
    put_version(txn, key, "8000000000000000", true, false);
}

/* Keys, and common prefixes as "(prefix)", joined by blanks; a version as "key@rank"; an ellipsis
 * when there is more. */
static const char *list_text(Fixture *f, Txn *txn, const ObjectScan *scan)
{
    g_autoptr(GError) error = NULL;
    List list = {0};
    bool more = false;
    assert_ok(object_list(txn, f->arena, scan, &list, &more, &error), error);
    g_autoptr(GString) text = g_string_new(NULL);
    LIST_EACH (ObjectListItem *, item, &list) {
        if (text->len > 0)
            g_string_append_c(text, ' ');
        if (!item->object)
            g_string_append_printf(text, "(%s)", item->prefix);
        else if (scan->versions)
            g_string_append_printf(text, "%s@%s", item->object->key, item->object->rank);
        else
            g_string_append(text, item->object->key);
    }
    if (more)
        g_string_append(text, " ...");
    return arena_strdup(f->arena, text->str);
}

static Txn *begin_with_keys(Fixture *f, const char *keys)
{
    Txn *txn = begin(f->store);
    g_auto(GStrv) split = g_strsplit(keys, " ", -1);
    for (char **key = split; *key; key++)
        put_key(txn, *key);
    return txn;
}

static void keys_come_in_order_of_their_bytes(void **state)
{
    Fixture *f = *state;
    g_autoptr(Txn) txn = begin_with_keys(f, "b a/ a A Z a! é e z ~ \xf0\x9f\x98\x80 日本");
    assert_string_equal(list_text(f, txn, &(ObjectScan){.bucket = "b", .limit = 100}),
                        "A Z a a! a/ b e z ~ é 日本 \xf0\x9f\x98\x80");
}

static void other_buckets_are_not_seen(void **state)
{
    Fixture *f = *state;
    g_autoptr(Txn) txn = begin_with_keys(f, "a");
    assert_string_equal(list_text(f, txn, &(ObjectScan){.bucket = "a", .limit = 9}), "");
    assert_string_equal(list_text(f, txn, &(ObjectScan){.bucket = "bb", .limit = 9}), "");
}

static void listed_objects_are_lean(void **state)
{
    Fixture *f = *state;
    g_autoptr(GError) error = NULL;
    g_autoptr(Txn) txn = begin_with_keys(f, "a");
    List list = {0};
    bool more = true;
    ObjectScan scan = {.bucket = "b", .limit = 1};
    assert_ok(object_list(txn, f->arena, &scan, &list, &more, &error), error);
    assert_false(more);
    const Object *object = ((ObjectListItem *)list_at(&list, 0))->object;
    assert_null(object->headers);
    assert_null(object->acl);
    assert_null(object->tags);
    assert_string_equal(object->etag, "e");
    assert_string_equal(object->storage_class, "GLACIER");
    assert_int_equal(object->size, 7);
    assert_true(object->legal_hold);
}

static void prefix_and_delimiter(void **state)
{
    Fixture *f = *state;
    g_autoptr(Txn) txn = begin_with_keys(f, "a a/ a/1 a/2 a/b/1 a0 b/1 b/2 c");
    ObjectScan scan = {.bucket = "b", .delimiter = "/", .limit = 100};
    assert_string_equal(list_text(f, txn, &scan), "a (a/) a0 (b/) c");
    scan.prefix = "a/";
    assert_string_equal(list_text(f, txn, &scan), "a/ a/1 a/2 (a/b/)");
    scan.prefix = "a";
    assert_string_equal(list_text(f, txn, &scan), "a (a/) a0");
    scan.prefix = "nothing";
    assert_string_equal(list_text(f, txn, &scan), "");
    scan.prefix = "";
    scan.delimiter = "";
    scan.limit = 3;
    assert_string_equal(list_text(f, txn, &scan), "a a/ a/1 ...");
}

static void delimiter_may_be_long_or_not_ascii(void **state)
{
    Fixture *f = *state;
    g_autoptr(Txn) txn = begin_with_keys(f, "x--1 x--2 x-3 y é¦1 é¦2 日本/1 日本/2 日木");
    ObjectScan scan = {.bucket = "b", .delimiter = "--", .limit = 100};
    assert_string_equal(list_text(f, txn, &scan), "(x--) x-3 y é¦1 é¦2 日木 日本/1 日本/2");
    scan.delimiter = "¦";
    assert_string_equal(list_text(f, txn, &scan), "x--1 x--2 x-3 y (é¦) 日木 日本/1 日本/2");
    scan.delimiter = "本";
    assert_string_equal(list_text(f, txn, &scan), "x--1 x--2 x-3 y é¦1 é¦2 日木 (日本)");
}

static void common_prefix_that_the_marker_lies_in_is_over(void **state)
{
    Fixture *f = *state;
    g_autoptr(Txn) txn = begin_with_keys(f, "a a/1 a/2 a/3 b c/1 c/2");
    ObjectScan scan = {.bucket = "b", .delimiter = "/", .limit = 100, .after = "a/"};
    assert_string_equal(list_text(f, txn, &scan), "b (c/)");
    scan.after = "a/2";
    assert_string_equal(list_text(f, txn, &scan), "b (c/)");
    scan.after = "a/zzz";
    assert_string_equal(list_text(f, txn, &scan), "b (c/)");
    scan.after = "a";
    assert_string_equal(list_text(f, txn, &scan), "(a/) b (c/)");
    scan.after = "c/2";
    assert_string_equal(list_text(f, txn, &scan), "");
    scan.delimiter = NULL;
    scan.after = "a/2";
    assert_string_equal(list_text(f, txn, &scan), "a/3 b c/1 c/2");
}

static void marker_may_lie_outside_of_the_prefix(void **state)
{
    Fixture *f = *state;
    g_autoptr(Txn) txn = begin_with_keys(f, "a b/1 b/2 c");
    ObjectScan scan = {.bucket = "b", .prefix = "b/", .limit = 100, .after = "a"};
    assert_string_equal(list_text(f, txn, &scan), "b/1 b/2");
    scan.after = "c";
    assert_string_equal(list_text(f, txn, &scan), "");
    scan.after = "b";
    assert_string_equal(list_text(f, txn, &scan), "b/1 b/2");
}

static void limit_counts_keys_and_prefixes(void **state)
{
    Fixture *f = *state;
    g_autoptr(Txn) txn = begin_with_keys(f, "a a/1 a/2 b");
    ObjectScan scan = {.bucket = "b", .delimiter = "/", .limit = 0};
    assert_string_equal(list_text(f, txn, &scan), "");
    scan.limit = 2;
    assert_string_equal(list_text(f, txn, &scan), "a (a/) ...");
    scan.limit = 3;
    assert_string_equal(list_text(f, txn, &scan), "a (a/) b");
}

static void put_some_versions(Txn *txn)
{
    put_version(txn, "a", "1000000000000000", true, true);
    put_version(txn, "a", "2000000000000000", false, false);
    put_version(txn, "b", "1000000000000000", true, false);
    put_version(txn, "b", "2000000000000000", false, false);
    put_version(txn, "b", "3000000000000000", false, true);
    put_version(txn, "c/1", "1000000000000000", true, true);
}

static void current_objects_are_without_markers_and_older_versions(void **state)
{
    Fixture *f = *state;
    g_autoptr(Txn) txn = begin(f->store);
    put_some_versions(txn);
    ObjectScan scan = {.bucket = "b", .delimiter = "/", .limit = 100};
    assert_string_equal(list_text(f, txn, &scan), "b");
}

static void versions_come_newest_first_and_go_on_anywhere(void **state)
{
    Fixture *f = *state;
    g_autoptr(Txn) txn = begin(f->store);
    put_some_versions(txn);
    ObjectScan scan = {.bucket = "b", .delimiter = "/", .limit = 3, .versions = true};
    assert_string_equal(list_text(f, txn, &scan),
                        "a@1000000000000000 a@2000000000000000 b@1000000000000000 ...");
    scan.after = "b";
    scan.after_rank = "1000000000000000";
    assert_string_equal(list_text(f, txn, &scan), "b@2000000000000000 b@3000000000000000 (c/)");
    scan.after_rank = NULL;
    assert_string_equal(list_text(f, txn, &scan), "(c/)");
    scan.after = "a";
    scan.after_rank = "1800000000000000"; /* of a version that is gone */
    scan.limit = 1;
    assert_string_equal(list_text(f, txn, &scan), "a@2000000000000000 ...");
}

static void put_upload(Txn *txn, const char *id, const char *key, bool completed)
{
    g_autoptr(GError) error = NULL;
    Upload upload = {
        .id = id,
        .bucket = "b",
        .key = key,
        .account_id = ACCOUNT,
        .initiator = "arn",
        .completed = completed,
    };
    assert_ok(upload_insert(txn, &upload, &error), error);
}

static const char *list_uploads(Fixture *f, Txn *txn, const UploadScan *scan)
{
    g_autoptr(GError) error = NULL;
    List list = {0};
    bool more = false;
    assert_ok(upload_list(txn, f->arena, scan, &list, &more, &error), error);
    g_autoptr(GString) text = g_string_new(NULL);
    LIST_EACH (UploadListItem *, item, &list) {
        if (item->upload)
            g_string_append_printf(text, "%s:%s ", item->upload->key, item->upload->id);
        else
            g_string_append_printf(text, "(%s) ", item->prefix);
    }
    if (more)
        g_string_append(text, "...");
    return arena_strdup(f->arena, text->str);
}

static void uploads_are_listed_by_key_and_id(void **state)
{
    Fixture *f = *state;
    g_autoptr(Txn) txn = begin(f->store);
    put_upload(txn, "4", "a", false);
    put_upload(txn, "2", "a", false);
    put_upload(txn, "3", "b/1", false);
    put_upload(txn, "1", "b/2", false);
    put_upload(txn, "5", "c", true);
    put_upload(txn, "6", "d", false);
    UploadScan scan = {.bucket = "b", .limit = 3};
    assert_string_equal(list_uploads(f, txn, &scan), "a:2 a:4 b/1:3 ...");
    scan.after = "a";
    scan.after_upload = "2";
    assert_string_equal(list_uploads(f, txn, &scan), "a:4 b/1:3 b/2:1 ...");
    scan.after_upload = NULL;
    scan.delimiter = "/";
    assert_string_equal(list_uploads(f, txn, &scan), "(b/) d:6 ");
    scan.prefix = "b/";
    assert_string_equal(list_uploads(f, txn, &scan), "b/1:3 b/2:1 ");
}

/* The model: sorted keys, and what a page of them is. */

typedef struct Page {
    List items; /* of char *: keys, and common prefixes as "(prefix)" */
    bool more;
} Page;

static Page model_page(Arena *arena, const GPtrArray *keys, const ObjectScan *scan)
{
    Page page = {0};
    const char *last = NULL; /* common prefix */
    for (size_t i = 0; i < keys->len; i++) {
        const char *key = keys->pdata[i], *text = key;
        if (!g_str_has_prefix(key, scan->prefix))
            continue;
        const char *found =
            *scan->delimiter ? strstr(key + strlen(scan->prefix), scan->delimiter) : NULL;
        if (found) {
            char *common =
                arena_strndup(arena, key, (size_t)(found - key) + strlen(scan->delimiter));
            if (last && strcmp(last, common) == 0)
                continue;
            last = common;
            if (scan->after &&
                (g_str_has_prefix(scan->after, common) || strcmp(common, scan->after) < 0))
                continue;
            text = arena_printf(arena, "(%s)", common);
        } else if (scan->after && strcmp(key, scan->after) <= 0) {
            continue;
        }
        if (page.items.n == (size_t)scan->limit) {
            page.more = true;
            break;
        }
        list_add(&page.items, arena, text);
    }
    return page;
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Texts of few different pieces, so that prefixes and delimiters are met often. */
static char *random_text(Arena *arena, GRand *random, int most)
{
    static const char *const pieces[] = {
        "a", "b",  "/",    "//", "-", "é",  "ê", "\x7f", "%", "_",   "\\",
        "'", "\"", "\x01", " ",  "+", "日", "&", "*",    "?", "<a>", "\xf4\x8f\xbf\xbf",
        "\n"};
    g_autoptr(GString) text = g_string_new(NULL);
    for (int n = g_rand_int_range(random, 0, most + 1); n > 0; n--)
        g_string_append(text, pieces[g_rand_int_range(random, 0, G_N_ELEMENTS(pieces))]);
    return arena_strdup(arena, text->str);
}

static GPtrArray *put_random_keys(Fixture *f, Txn *txn, GRand *random, size_t n)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    GPtrArray *keys = g_ptr_array_new();
    while (keys->len < n) {
        char *key = random_text(f->arena, random, 6);
        if (!*key || !g_hash_table_add(seen, key))
            continue;
        put_version(txn, key, "8000000000000000", true, false);
        put_version(txn, key, "9000000000000000", false, false);
        g_ptr_array_add(keys, key);
    }
    g_ptr_array_sort(keys, compare_keys);
    return keys;
}

/* Walks all pages; returns how many. */
static size_t walk_and_compare(Fixture *f, Txn *txn, const GPtrArray *keys, ObjectScan *scan)
{
    g_autoptr(GError) error = NULL;
    for (size_t n = 1;; n++) {
        Page page = model_page(f->arena, keys, scan);
        List list = {0};
        bool more = false;
        assert_ok(object_list(txn, f->arena, scan, &list, &more, &error), error);
        assert_int_equal(list.n, page.items.n);
        assert_int_equal(more, page.more);
        for (size_t i = 0; i < list.n; i++) {
            const ObjectListItem *item = list_at(&list, i);
            const char *text =
                item->object ? item->object->key : arena_printf(f->arena, "(%s)", item->prefix);
            assert_string_equal(text, list_at(&page.items, i));
        }
        if (!more)
            return n;
        const ObjectListItem *last = list_at(&list, list.n - 1);
        scan->after = last->object ? last->object->key : last->prefix;
    }
}

static void pages_agree_with_a_plain_model(void **state)
{
    Fixture *f = *state;
    g_autoptr(GRand) random = g_rand_new_with_seed(20101122);
    g_autoptr(Txn) txn = begin(f->store);
    g_autoptr(GPtrArray) keys = put_random_keys(f, txn, random, 800);
    size_t pages = 0;
    for (unsigned i = 0; pages < 1000 || i < 200; i++) {
        ObjectScan scan = {
            .bucket = "b",
            .prefix = random_text(f->arena, random, 2),
            .delimiter = i % 3 == 0 ? "/" : random_text(f->arena, random, 2),
            .after = i % 2 == 0 ? NULL : random_text(f->arena, random, 4),
            .limit = g_rand_int_range(random, 1, 60),
        };
        pages += walk_and_compare(f, txn, keys, &scan);
    }
}

/* The plan of the statement with that text which the connection has prepared. */
static const char *plan_of(Fixture *f, Txn *txn, const char *text)
{
    sqlite3_stmt *statement = NULL, *plan = NULL;
    sqlite3 *db = txn->connection->db;
    while ((statement = sqlite3_next_stmt(db, statement)))
        if (strstr(sqlite3_sql(statement), text))
            break;
    assert_non_null(statement);
    const char *sql = arena_printf(f->arena, "EXPLAIN QUERY PLAN %s", sqlite3_sql(statement));
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &plan, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(plan), SQLITE_ROW);
    const char *detail = arena_strdup(f->arena, (const char *)sqlite3_column_text(plan, 3));
    assert_int_equal(sqlite3_step(plan), SQLITE_DONE); /* one step: nothing is sorted */
    sqlite3_finalize(plan);
    return detail;
}

static void listings_search_their_indexes(void **state)
{
    Fixture *f = *state;
    g_autoptr(Txn) txn = begin_with_keys(f, "a");
    list_text(f, txn, &(ObjectScan){.bucket = "b", .limit = 9});
    assert_string_equal(plan_of(f, txn, "FROM object INDEXED BY object_current"),
                        "SEARCH object USING INDEX object_current"
                        " (bucket=? AND (key,rank)>(?,?) AND key<?)");
    list_text(f, txn, &(ObjectScan){.bucket = "b", .limit = 9, .versions = true});
    assert_string_equal(plan_of(f, txn, "FROM object WHERE bucket = ?1 AND (key"),
                        "SEARCH object USING PRIMARY KEY"
                        " (bucket=? AND (key,rank)>(?,?) AND key<?)");
    list_uploads(f, txn, &(UploadScan){.bucket = "b", .limit = 9});
    assert_string_equal(plan_of(f, txn, "FROM upload WHERE bucket = ?1 AND (key"),
                        "SEARCH upload USING INDEX upload_bucket"
                        " (bucket=? AND (key,id)>(?,?) AND key<?)");
}

static int64_t cpu_time(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

/* 100 prefixes of 500 keys each, and 20,000 old versions and markers of one key before them. */
static void listing_costs_what_it_shows(void **state)
{
    Fixture *f = *state;
    g_autoptr(Txn) txn = begin(f->store);
    for (int i = 0; i < 20000; i++)
        put_version(txn, "a", arena_printf(f->arena, "%016x", i), i == 0, i % 2 == 0);
    for (int i = 0; i < 50000; i++)
        put_key(txn, arena_printf(f->arena, "p%02d/%03d", i % 100, i / 100));
    int64_t start = cpu_time();
    ObjectScan scan = {.bucket = "b", .delimiter = "/", .limit = 1000};
    assert_int_equal(strlen(list_text(f, txn, &scan)), 100 * 7 - 1);
    int64_t prefixes = cpu_time() - start;
    start = cpu_time();
    list_text(f, txn, &(ObjectScan){.bucket = "b", .limit = 1000});
    int64_t keys = cpu_time() - start;
    /* About 0.6 and 2 ms; reading all of it takes over 50. */
    print_message("100 prefixes: %d us, 1000 keys: %d us\n", (int)prefixes, (int)keys);
    assert_true(prefixes < 20000);
    assert_true(keys < 20000);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)
    const struct CMUnitTest tests[] = {
        T(keys_come_in_order_of_their_bytes),
        T(other_buckets_are_not_seen),
        T(listed_objects_are_lean),
        T(prefix_and_delimiter),
        T(delimiter_may_be_long_or_not_ascii),
        T(common_prefix_that_the_marker_lies_in_is_over),
        T(marker_may_lie_outside_of_the_prefix),
        T(limit_counts_keys_and_prefixes),
        T(current_objects_are_without_markers_and_older_versions),
        T(versions_come_newest_first_and_go_on_anywhere),
        T(uploads_are_listed_by_key_and_id),
        T(pages_agree_with_a_plain_model),
        T(listings_search_their_indexes),
        T(listing_costs_what_it_shows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
