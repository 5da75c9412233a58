/* Remembered pieces: which are found, and which go. */
#include "api/pieces.h"

#include "tests/unit/unit.h"

static PieceCache *cache;
static Arena *arena;

static int set_up(void **state)
{
    cache = piece_cache_new();
    arena = arena_new();
    return 0;
}

static int tear_down(void **state)
{
    piece_cache_free(cache);
    arena_free(arena);
    return 0;
}

static Pieces pieces_new(void)
{
    return (Pieces){.cache = cache, .arena = arena};
}

/* A reply whose piece, of that size, stands behind three other bytes. */
static void add(const char *key, uint64_t since, char letter, size_t size)
{
    g_auto(Buffer) reply = {0};
    Pieces pieces = pieces_new();
    Rendered rendered = {0};
    pieces_add(&pieces, key, since, "heading", &rendered);
    buffer_add_text(&reply, "<a>");
    rendered.at = reply.size;
    rendered.size = size;
    memset(buffer_reserve(&reply, size), letter, size);
    reply.size += size;
    pieces_end(&pieces, &reply);
}

/* The first letter of the piece, or '-'. */
static char found(const char *key)
{
    Pieces pieces = pieces_new();
    const Piece *piece = pieces_find(&pieces, key);
    char letter = piece ? *piece->xml : '-';
    pieces_end(&pieces, NULL);
    return letter;
}

static void piece_is_found_again(void **state)
{
    add("a", 2, 'x', 10);
    Pieces pieces = pieces_new();
    const Piece *piece = pieces_find(&pieces, "a");
    assert_non_null(piece);
    assert_memory_equal(piece->xml, "xxxxxxxxxx", 10);
    assert_int_equal(piece->size, 10);
    assert_int_equal(piece->since, 2);
    assert_string_equal(piece->heading, "heading");
    assert_null(pieces_find(&pieces, "b"));
    pieces_end(&pieces, NULL);
}

static void later_piece_replaces_an_older_one(void **state)
{
    add("a", 4, 'x', 10);
    add("a", 2, 'y', 10);
    assert_int_equal(found("a"), 'x');
    add("a", 6, 'z', 20);
    assert_int_equal(found("a"), 'z');
}

static void failed_reply_leaves_nothing(void **state)
{
    Pieces pieces = pieces_new();
    Rendered rendered = {0};
    pieces_add(&pieces, "a", 2, "", &rendered);
    pieces_end(&pieces, NULL);
    assert_int_equal(found("a"), '-');
}

static void piece_in_use_outlives_its_successor(void **state)
{
    add("a", 2, 'x', 10);
    Pieces pieces = pieces_new();
    const Piece *piece = pieces_find(&pieces, "a");
    add("a", 4, 'y', 10);
    assert_int_equal(*piece->xml, 'x');
    pieces_end(&pieces, NULL);
}

static void some_make_room_for_others(void **state)
{
    enum { N = 100, SIZE = 256 * 1024 };
    for (unsigned i = 0; i < N; i++)
        add(arena_printf(arena, "%u", i), 2, 'x', SIZE);
    unsigned n = 0;
    for (unsigned i = 0; i < N; i++)
        n += found(arena_printf(arena, "%u", i)) == 'x';
    assert_in_range(n, 50, 64); /* of 16 MiB */
    assert_int_equal(found("99"), 'x');
}

static void huge_piece_is_not_kept(void **state)
{
    add("a", 2, 'x', 10);
    add("huge", 2, 'y', 9 * 1024 * 1024);
    assert_int_equal(found("huge"), '-');
    assert_int_equal(found("a"), 'x');
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(piece_is_found_again),        CASE(later_piece_replaces_an_older_one),
        CASE(failed_reply_leaves_nothing), CASE(piece_in_use_outlives_its_successor),
        CASE(some_make_room_for_others),   CASE(huge_piece_is_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
