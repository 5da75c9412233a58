/* api/query.h: what the decoder takes, what it refuses, and the tree of names. */
#include "tests/unit/unit.h"
#include "api/query.h"
#include "base/fault.h"

static bool decode(Arena *arena, const char *text, Params *params, GError **error)
{
    *params = (Params){0};
    return params_decode(params, arena, text, strlen(text), error);
}

static void assert_refused(const char *text, size_t size, Fault fault)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(GError) error = NULL;
    Params params = {0};
    assert_false(params_decode(&params, arena, text, size, &error));
    assert_true(fault_is(error, fault));
    assert_int_equal(params.n, 0);
}

static void pairs_are_decoded(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    Params params;
    assert_true(decode(arena, "Action=A+b%20c&Empty=&None&%C3%A4=%2B=", &params, NULL));
    assert_int_equal(params.n, 4);
    assert_string_equal(params_get(&params, "Action"), "A b c");
    assert_string_equal(params_get(&params, "Empty"), "");
    assert_string_equal(params_get(&params, "None"), "");
    assert_string_equal(params_get(&params, "ä"), "+=");
    assert_null(params_get(&params, "action"));
}

static void empty_pairs_are_skipped(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    Params params;
    assert_true(decode(arena, "&&a=1&", &params, NULL));
    assert_int_equal(params.n, 1);
    assert_true(decode(arena, "", &params, NULL));
    assert_int_equal(params.n, 0);
}

static void two_texts_make_one_list(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    Params params;
    assert_true(decode(arena, "a=1", &params, NULL));
    assert_true(params_decode(&params, arena, "b=2", 3, NULL));
    assert_int_equal(params.n, 2);
    assert_string_equal(params.items[1].value, "2");
}

static void broken_text_is_refused(void **state)
{
    static const char *const texts[] = {"a=%",    "a=%4",  "a=%zz", "a=%00",      "=1",
                                        "a=\xff", "a=%ff", "a=%C3", "a=%ED%A0%80"};
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
        assert_refused(texts[i], strlen(texts[i]), FAULT_MALFORMED_QUERY_STRING);
    assert_refused("a=\0b", 4, FAULT_MALFORMED_QUERY_STRING);
}

static void too_many_parameters_are_refused(void **state)
{
    g_autoptr(GString) text = g_string_new("a");
    for (int i = 0; i < QUERY_MAX_PARAMETERS; i++)
        g_string_append(text, "&a");
    assert_refused(text->str, text->len, FAULT_MALFORMED_QUERY_STRING);
}

static ParamNode *tree(Arena *arena, const char *text, GError **error)
{
    Params params;
    ParamNode *root = NULL;
    assert_true(decode(arena, text, &params, NULL));
    return params_tree(&params, arena, &root, error) ? root : NULL;
}

static void names_make_a_tree(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    ParamNode *root = tree(arena, "F.1.V.2=b&F.1.N=n&A=1&F.1.V.1=a&F-x=2", NULL);
    assert_string_equal(param_node_find(root, "F.1.V.2")->value, "b");
    assert_string_equal(param_node_find(param_node_find(root, "F.1"), "N")->value, "n");
    assert_string_equal(param_node_find(root, "F-x")->value, "2");
    assert_null(param_node_find(root, "F")->value);
    assert_null(param_node_find(root, "F.1.V.3"));
    assert_null(param_node_find(root, "B"));
}

static void a_node_knows_its_path(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    ParamNode *node = param_node_find(tree(arena, "F.12.Value.1=x", NULL), "F.12");
    assert_int_equal(node->path_size, 4);
    assert_memory_equal(node->path, "F.12", 4);
}

static void indices_come_in_numeric_order(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    ParamNode *root = tree(arena, "X.10=c&X.9=b&X.100=d&X.1=a", NULL);
    g_autoptr(GString) values = g_string_new(NULL);
    for (ParamNode *node = param_node_find(root, "X")->child; node; node = node->next)
        g_string_append(values, node->value);
    assert_string_equal(values->str, "abcd");
}

static void only_plain_numbers_are_indices(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    ParamNode *list =
        param_node_find(tree(arena, "X.01=a&X.-1=a&X.a=a&X.1234567=a&X.=a", NULL), "X");
    for (ParamNode *node = list->child; node; node = node->next)
        assert_false(param_node_is_index(node));
    list = param_node_find(tree(arena, "X.0=a&X.7=a&X.999999=a", NULL), "X");
    for (ParamNode *node = list->child; node; node = node->next)
        assert_true(param_node_is_index(node));
}

static void one_name_has_one_value(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(GError) error = NULL;
    assert_non_null(tree(arena, "a=1&a=1", NULL));
    assert_null(tree(arena, "a=1&a=2", &error));
    assert_true(fault_is(error, FAULT_INVALID_PARAMETER_COMBINATION));
}

static void deep_names_are_refused(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(GError) error = NULL;
    assert_non_null(tree(arena, "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a=1", NULL));
    assert_null(tree(arena, "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a=1", &error));
    assert_true(fault_is(error, FAULT_MALFORMED_QUERY_STRING));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_are_decoded),
        cmocka_unit_test(empty_pairs_are_skipped),
        cmocka_unit_test(two_texts_make_one_list),
        cmocka_unit_test(broken_text_is_refused),
        cmocka_unit_test(too_many_parameters_are_refused),
        cmocka_unit_test(names_make_a_tree),
        cmocka_unit_test(a_node_knows_its_path),
        cmocka_unit_test(indices_come_in_numeric_order),
        cmocka_unit_test(only_plain_numbers_are_indices),
        cmocka_unit_test(one_name_has_one_value),
        cmocka_unit_test(deep_names_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
