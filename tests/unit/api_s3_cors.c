/* api/s3/cors.h: which rule is for a cross-origin request. */
#include "tests/unit/unit.h"
#include "api/s3/cors.h"

#define ORIGIN(text) "<AllowedOrigin>" text "</AllowedOrigin>"
#define METHOD(text) "<AllowedMethod>" text "</AllowedMethod>"
#define HEADER(text) "<AllowedHeader>" text "</AllowedHeader>"
#define RULE(id, text) "<CORSRule><ID>" id "</ID>" text "</CORSRule>"

/* The ID of the rule that is found; NULL: none. */
static const char *find(Arena *arena, const char *rules, CorsRequest request)
{
    char *text = arena_printf(arena, "<CORSConfiguration>%s</CORSConfiguration>", rules);
    XmlNode *root;
    assert_true(xml_parse(arena, text, strlen(text), &root, NULL));
    return xml_child_text(cors_find_rule(root, &request), "ID");
}

static void one_star_stands_for_any_text(void **state)
{
    assert_true(cors_pattern_fits("*", "http://a", false));
    assert_true(cors_pattern_fits("http://*.example.com", "http://www.example.com", false));
    assert_false(cors_pattern_fits("http://*.example.com", "http://example.com", false));
    assert_false(cors_pattern_fits("http://*.example.com", "http://www.example.com.evil", false));
    assert_true(cors_pattern_fits("x-amz-*", "X-Amz-", true));
    assert_false(cors_pattern_fits("aa*aa", "aaa", false));
    assert_true(cors_pattern_fits("aa*aa", "aaaa", false));
    assert_false(cors_pattern_fits("a", "A", false));
    assert_false(cors_pattern_fits("", "a", false));
    assert_true(cors_pattern_fits("", "", false));
}

static void origin_and_method_must_fit_one_rule(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    const char *rules = RULE("1", ORIGIN("http://a") METHOD("GET"))
        RULE("2", ORIGIN("http://b") METHOD("PUT") METHOD("POST"));
    assert_string_equal(find(arena, rules, (CorsRequest){"http://a", "GET"}), "1");
    assert_string_equal(find(arena, rules, (CorsRequest){"http://b", "POST"}), "2");
    assert_null(find(arena, rules, (CorsRequest){"http://a", "PUT"}));
    assert_null(find(arena, rules, (CorsRequest){"http://c", "GET"}));
    assert_null(find(arena, rules, (CorsRequest){"http://a", "get"}));
}

static void first_rule_that_fits_is_taken(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    const char *rules = RULE("1", ORIGIN("*") METHOD("GET")) RULE("2", ORIGIN("*") METHOD("GET"));
    assert_string_equal(find(arena, rules, (CorsRequest){"http://a", "GET"}), "1");
}

static void every_asked_header_must_be_allowed(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    const char *rules = RULE("1", ORIGIN("*") METHOD("PUT") HEADER("x-amz-*") HEADER("Range"));
    assert_string_equal(find(arena, rules, (CorsRequest){"o", "PUT", "X-AMZ-date, range"}), "1");
    assert_string_equal(find(arena, rules, (CorsRequest){"o", "PUT", ""}), "1");
    assert_string_equal(find(arena, rules, (CorsRequest){"o", "PUT", NULL}), "1");
    assert_null(find(arena, rules, (CorsRequest){"o", "PUT", "x-amz-date,authorization"}));
}

static void rule_without_headers_allows_none(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    const char *rules =
        RULE("1", ORIGIN("*") METHOD("PUT")) RULE("2", ORIGIN("*") METHOD("PUT") HEADER("*"));
    assert_string_equal(find(arena, rules, (CorsRequest){"o", "PUT", "a"}), "2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_star_stands_for_any_text),
        cmocka_unit_test(origin_and_method_must_fit_one_rule),
        cmocka_unit_test(first_rule_that_fits_is_taken),
        cmocka_unit_test(every_asked_header_must_be_allowed),
        cmocka_unit_test(rule_without_headers_allows_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
