/* Remembered replies: which are found, and when they are forgotten. */
#include "api/reply_cache.h"

#include "tests/unit/unit.h"

#define LONG_BODY 8000

static const char first_id[] = "11111111-1111-4111-8111-111111111111";

static ReplyCache *cache;
static Arena *arena;

static int set_up(void **state)
{
    cache = reply_cache_new(4096, true);
    arena = arena_new();
    return 0;
}

static int tear_down(void **state)
{
    reply_cache_free(cache);
    arena_free(arena);
    return 0;
}

/* Adds a reply of size bytes that begins with its request id; it is cleared again. */
static void add(const char *key, uint64_t version, size_t size)
{
    HttpReply reply = {.status = 200, .request_id = first_id};
    buffer_add_text(&reply.body, first_id);
    while (reply.body.size < size)
        buffer_add_char(&reply.body, 'x');
    reply_cache_add(cache, key, version, &reply);
    http_reply_clear(&reply);
}

static bool finds(const char *key, uint64_t version)
{
    HttpReply reply = {0};
    bool found = reply_cache_find(cache, arena, key, version, &reply);
    assert_int_equal(found, reply.shared.bytes != NULL);
    http_reply_clear(&reply);
    return found;
}

/* What is kept around small bodies counts. */
static void small_replies_are_bounded(void **state)
{
    g_autofree char *text = g_strnfill(4000, 'x');
    reply_cache_free(cache);
    cache = reply_cache_new(0, false);
    for (unsigned i = 0; i < 6000; i++) {
        char key[16];
        g_snprintf(key, sizeof(key), "%u", i);
        HttpReply reply = {.status = 200, .request_id = first_id};
        http_reply_header(&reply, arena, "x-amz-meta-long", text);
        reply_cache_add(cache, key, 2, &reply);
        http_reply_clear(&reply);
    }
    assert_true(finds("5999", 2));
    assert_false(finds("0", 2));
}

static void headers_are_found_again(void **state)
{
    HttpReply reply = {.status = 200, .request_id = first_id}, found = {0};
    http_reply_header(&reply, arena, "ETag", "\"1\"");
    http_reply_header(&reply, arena, "x-amz-meta-empty", "");
    while (reply.body.size < LONG_BODY)
        buffer_add_char(&reply.body, 'x');
    reply_cache_add(cache, "a", 2, &reply);
    http_reply_clear(&reply);
    assert_true(reply_cache_find(cache, arena, "a", 2, &found));
    assert_int_equal(found.headers.n, 2);
    const Header *header = list_at(&found.headers, 0);
    assert_string_equal(header->name, "ETag");
    assert_string_equal(header->value, "\"1\"");
    assert_int_equal(found.shared.id_size, 0); /* this body shows none */
    http_reply_clear(&found);
}

static void reply_is_found_again(void **state)
{
    add("a", 2, LONG_BODY);
    assert_true(finds("a", 2));
    assert_false(finds("b", 2));
}

static void shared_body_says_where_its_request_id_stands(void **state)
{
    add("a", 2, LONG_BODY);
    HttpReply reply = {0};
    assert_true(reply_cache_find(cache, arena, "a", 2, &reply));
    assert_int_equal(reply.shared.id_at, 0);
    assert_int_equal(reply.shared.id_size, strlen(first_id));
    assert_int_equal(g_bytes_get_size(reply.shared.bytes), LONG_BODY);
    http_reply_clear(&reply);
}

static void reply_of_an_older_version_is_not_found(void **state)
{
    add("a", 2, LONG_BODY);
    assert_false(finds("a", 4));
    assert_false(finds("a", 2)); /* the store never goes back: it is forgotten */
}

static void reply_that_was_overtaken_is_not_remembered(void **state)
{
    add("b", 4, LONG_BODY);
    add("a", 2, LONG_BODY);
    assert_false(finds("a", 2));
    assert_false(finds("a", 4));
    assert_true(finds("b", 4));
}

static void nothing_is_remembered_or_found_during_a_commit(void **state)
{
    add("a", 3, LONG_BODY);
    assert_false(finds("a", 3));
    add("a", 2, LONG_BODY);
    assert_false(finds("a", 3));
    assert_true(finds("a", 2));
}

static void short_and_huge_replies_are_not_remembered(void **state)
{
    add("short", 2, 100);
    add("huge", 2, 9 * 1024 * 1024);
    assert_false(finds("short", 2));
    assert_false(finds("huge", 2));
}

static void oldest_replies_make_room(void **state)
{
    add("a", 2, 7 * 1024 * 1024);
    add("b", 2, 7 * 1024 * 1024);
    add("c", 2, 7 * 1024 * 1024);
    assert_false(finds("a", 2));
    assert_true(finds("b", 2));
    assert_true(finds("c", 2));
}

static void reply_given_out_outlives_the_cache(void **state)
{
    HttpReply reply = {0};
    add("a", 2, LONG_BODY);
    assert_true(reply_cache_find(cache, arena, "a", 2, &reply));
    assert_false(finds("a", 4));
    assert_memory_equal(g_bytes_get_data(reply.shared.bytes, NULL), first_id, strlen(first_id));
    http_reply_clear(&reply);
}

static void large_bodies_memory_is_lent_again(void **state)
{
    Buffer body = {0};
    add("a", 2, 1024 * 1024);
    reply_cache_lend(cache, &body);
    assert_null(body.data); /* it is in use */
    assert_false(finds("a", 4));
    reply_cache_lend(cache, &body);
    assert_in_range(body.capacity, 1024 * 1024, SIZE_MAX);
    buffer_add_text(&body, "short");
    reply_cache_fit(cache, &body);
    assert_in_range(body.capacity, 5, 4096);
    assert_memory_equal(body.data, "short", 5);
    buffer_clear(&body);
    reply_cache_lend(cache, &body);
    assert_in_range(body.capacity, 1024 * 1024, SIZE_MAX);
    buffer_clear(&body);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(headers_are_found_again),
        CASE(reply_is_found_again),
        CASE(shared_body_says_where_its_request_id_stands),
        CASE(reply_of_an_older_version_is_not_found),
        CASE(reply_that_was_overtaken_is_not_remembered),
        CASE(nothing_is_remembered_or_found_during_a_commit),
        CASE(short_and_huge_replies_are_not_remembered),
        CASE(oldest_replies_make_room),
        CASE(small_replies_are_bounded),
        CASE(reply_given_out_outlives_the_cache),
        CASE(large_bodies_memory_is_lent_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
