/* base/arena.h: allocations are zeroed, apart, aligned, and lists grow. */
#include "tests/unit/unit.h"
#include "base/arena.h"

#include <string.h>

static void memory_is_zeroed_and_aligned(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    for (size_t size = 1; size < 10000; size += 37) {
        char *memory = arena_alloc(arena, size);
        assert_int_equal((uintptr_t)memory % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(memory[i], 0);
        memset(memory, 0xff, size);
    }
}

static void allocations_do_not_overlap(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    int *numbers[3000];
    for (int i = 0; i < 3000; i++) {
        numbers[i] = arena_new_struct(arena, int);
        *numbers[i] = i;
    }
    for (int i = 0; i < 3000; i++)
        assert_int_equal(*numbers[i], i);
}

static void empty_allocations_differ(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    assert_ptr_not_equal(arena_alloc(arena, 0), arena_alloc(arena, 0));
}

static void small_allocations_go_on_behind_a_large_one(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    char *before = arena_strdup(arena, "before");
    memset(arena_alloc(arena, 1 << 20), 'x', 1 << 20);
    char *after = arena_strdup(arena, "after");
    assert_string_equal(before, "before");
    assert_string_equal(after, "after");
}

static void size_counts_what_was_asked_for(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    assert_int_equal(arena_size(arena), 0);
    arena_alloc(arena, 5);
    arena_strdup(arena, "1234");
    assert_int_equal(arena_size(arena), 10);
}

static void copies_of_null_are_null(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    assert_null(arena_strdup(arena, NULL));
    assert_null(arena_strndup(arena, NULL, 3));
    assert_null(arena_memdup(arena, NULL, 3));
}

static void strndup_ends_at_the_first_nul(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    assert_string_equal(arena_strndup(arena, "abcdef", 3), "abc");
    assert_string_equal(arena_strndup(arena, "ab", 100), "ab");
    assert_string_equal(arena_strndup(arena, "ab", 0), "");
}

static void memdup_copies_bytes(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    assert_memory_equal(arena_memdup(arena, "a\0b", 3), "a\0b", 3);
}

static void printf_formats_any_length(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    g_autofree char *expected = g_strnfill(20000, ' ');
    assert_string_equal(arena_printf(arena, "%s-%d", "i", 7), "i-7");
    assert_string_equal(arena_printf(arena, "%20000s", ""), expected);
}

static void free_accepts_null(void **state)
{
    arena_free(NULL);
}

static void list_keeps_order_while_it_grows(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    List list = {0};
    for (size_t i = 0; i < 1000; i++)
        list_add(&list, arena, arena_printf(arena, "%zu", i));
    assert_int_equal(list.n, 1000);
    assert_string_equal(list_at(&list, 0), "0");
    assert_string_equal(list_at(&list, 999), "999");
}

static void list_has_compares_text(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    List list = {0};
    assert_false(list_has(&list, "a"));
    list_add(&list, arena, "a");
    assert_true(list_has(&list, arena_strdup(arena, "a")));
    assert_false(list_has(&list, "b"));
}

static void list_each_obeys_break_and_continue(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(GString) seen = g_string_new(NULL);
    List list = {0};
    for (const char *s = "abcd"; *s; s++)
        list_add(&list, arena, s);
    LIST_EACH (const char *, s, &list) {
        if (*s == 'b')
            continue;
        if (*s == 'd')
            break;
        g_string_append_c(seen, *s);
    }
    assert_string_equal(seen->str, "ac");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_and_aligned),
        cmocka_unit_test(allocations_do_not_overlap),
        cmocka_unit_test(empty_allocations_differ),
        cmocka_unit_test(small_allocations_go_on_behind_a_large_one),
        cmocka_unit_test(size_counts_what_was_asked_for),
        cmocka_unit_test(copies_of_null_are_null),
        cmocka_unit_test(strndup_ends_at_the_first_nul),
        cmocka_unit_test(memdup_copies_bytes),
        cmocka_unit_test(printf_formats_any_length),
        cmocka_unit_test(free_accepts_null),
        cmocka_unit_test(list_keeps_order_while_it_grows),
        cmocka_unit_test(list_has_compares_text),
        cmocka_unit_test(list_each_obeys_break_and_continue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
