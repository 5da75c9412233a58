/* api/s3/website.h: redirects, pages and what a configuration may say. */
#include "tests/unit/unit.h"
#include "api/s3/website.h"
#include "base/fault.h"

#define INDEX "<IndexDocument><Suffix>index.html</Suffix></IndexDocument>"
#define RULES(text) INDEX "<RoutingRules>" text "</RoutingRules>"
#define RULE(condition, redirect)                                                                  \
    "<RoutingRule><Condition>" condition "</Condition><Redirect>" redirect                         \
    "</Redirect></RoutingRule>"
#define PREFIX(text) "<KeyPrefixEquals>" text "</KeyPrefixEquals>"
#define ERROR(code) "<HttpErrorCodeReturnedEquals>" code "</HttpErrorCodeReturnedEquals>"

static XmlNode *parse(Arena *arena, const char *text)
{
    char *whole = arena_printf(arena, "<WebsiteConfiguration>%s</WebsiteConfiguration>", text);
    XmlNode *root;
    assert_true(xml_parse(arena, whole, strlen(whole), &root, NULL));
    assert_true(document_check(root, "WebsiteConfiguration", NULL));
    return root;
}

/* "301 http://…", or NULL. */
static const char *redirect(Arena *arena, const char *text, const char *key, unsigned status)
{
    WebsiteRedirect found;
    if (!website_find_redirect(arena, parse(arena, text), "site", key, status, &found))
        return NULL;
    return arena_printf(arena, "%u %s", found.status, found.location);
}

static void assert_refused(const char *text, Fault fault)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(GError) error = NULL;
    assert_false(website_check(parse(arena, text), &error));
    assert_true(fault_is(error, fault));
}

static void all_requests_can_go_elsewhere(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    const char *text = "<RedirectAllRequestsTo><HostName>other</HostName></RedirectAllRequestsTo>";
    assert_string_equal(redirect(arena, text, "", 0), "301 http://other/");
    assert_string_equal(redirect(arena, text, "a b/c", 0), "301 http://other/a%20b/c");
}

static void prefix_can_be_replaced(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    const char *text = RULES(
        RULE(PREFIX("old/"), "<ReplaceKeyPrefixWith>new/</ReplaceKeyPrefixWith>"
                             "<HttpRedirectCode>302</HttpRedirectCode><Protocol>https</Protocol>"));
    assert_string_equal(redirect(arena, text, "old/x", 0), "302 https://site/new/x");
    assert_null(redirect(arena, text, "new/x", 0));
}

static void key_can_be_replaced(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    const char *text =
        RULES(RULE(PREFIX("a"), "<ReplaceKeyWith>b</ReplaceKeyWith><HostName>h</HostName>"));
    assert_string_equal(redirect(arena, text, "abc", 0), "301 http://h/b");
}

static void error_rules_wait_for_the_error(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    const char *text = RULES(RULE(PREFIX("a/") ERROR("404"), "<HostName>h</HostName>"));
    assert_null(redirect(arena, text, "a/b", 0));
    assert_null(redirect(arena, text, "a/b", 403));
    assert_null(redirect(arena, text, "b", 404));
    assert_string_equal(redirect(arena, text, "a/b", 404), "301 http://h/a/b");
}

static void rules_without_error_do_not_fire_twice(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    const char *text = RULES(RULE(PREFIX("a/"), "<HostName>h</HostName>"));
    assert_null(redirect(arena, text, "a/b", 404));
}

static void folders_have_an_index(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    const XmlNode *site = parse(arena, INDEX);
    assert_string_equal(website_page_key(arena, site, ""), "index.html");
    assert_string_equal(website_page_key(arena, site, "a/"), "a/index.html");
    assert_string_equal(website_page_key(arena, site, "a"), "a");
}

static void good_configurations_are_taken(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    assert_true(website_check(parse(arena, INDEX), NULL));
    assert_true(
        website_check(parse(arena, RULES(RULE(PREFIX("a"), "<HostName>h</HostName>"))), NULL));
}

static void bad_configurations_are_refused(void **state)
{
#define ALL "<RedirectAllRequestsTo><HostName>h</HostName></RedirectAllRequestsTo>"
    assert_refused("", FAULT_INVALID_ARGUMENT);
    assert_refused(ALL INDEX, FAULT_INVALID_ARGUMENT);
    assert_refused("<IndexDocument><Suffix/></IndexDocument>", FAULT_INVALID_ARGUMENT);
    assert_refused("<IndexDocument><Suffix>a/b</Suffix></IndexDocument>", FAULT_INVALID_ARGUMENT);
    assert_refused(RULES(RULE(ERROR("200"), "<HostName>h</HostName>")), FAULT_INVALID_REQUEST);
    assert_refused(RULES(RULE("", "<HostName>h</HostName>")), FAULT_INVALID_REQUEST);
    assert_refused(RULES(RULE(PREFIX("a"), "<Protocol>ftp</Protocol>")), FAULT_INVALID_REQUEST);
    assert_refused(RULES(RULE(PREFIX("a"), "<HttpRedirectCode>200</HttpRedirectCode>")),
                   FAULT_INVALID_REQUEST);
    assert_refused(RULES(RULE(PREFIX("a"), "<HttpRedirectCode>300</HttpRedirectCode>")),
                   FAULT_INVALID_REQUEST);
    assert_refused(RULES(RULE(PREFIX("a"), "")), FAULT_MALFORMED_XML);
    assert_refused(RULES(RULE(PREFIX("a"), "<ReplaceKeyWith>b</ReplaceKeyWith>"
                                           "<ReplaceKeyPrefixWith>c</ReplaceKeyPrefixWith>")),
                   FAULT_INVALID_REQUEST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_requests_can_go_elsewhere),
        cmocka_unit_test(prefix_can_be_replaced),
        cmocka_unit_test(key_can_be_replaced),
        cmocka_unit_test(error_rules_wait_for_the_error),
        cmocka_unit_test(rules_without_error_do_not_fire_twice),
        cmocka_unit_test(folders_have_an_index),
        cmocka_unit_test(good_configurations_are_taken),
        cmocka_unit_test(bad_configurations_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
