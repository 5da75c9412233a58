/* api/s3/lifecycle.h and tagging.h: what documents may say, and what is read of them. */
#include "tests/unit/unit.h"
#include "api/s3/lifecycle.h"
#include "api/s3/tagging.h"
#include "base/fault.h"

#define RULE(text) "<Rule><Status>Enabled</Status>" text "</Rule>"
#define ALL "<Filter/>"
#define EXPIRE(text) "<Expiration>" text "</Expiration>"
#define DAYS(n) "<Days>" n "</Days>"
#define TAG(k, v) "<Tag><Key>" k "</Key><Value>" v "</Value></Tag>"

static XmlNode *parse(Arena *arena, const char *root_name, const char *text)
{
    char *whole = arena_printf(arena, "<%s>%s</%s>", root_name, text, root_name);
    XmlNode *root;
    assert_true(xml_parse(arena, whole, strlen(whole), &root, NULL));
    return root;
}

static void assert_taken(const char *text)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(GError) error = NULL;
    XmlNode *root = parse(arena, "LifecycleConfiguration", text);
    assert_true(document_check(root, "LifecycleConfiguration", NULL));
    lifecycle_document_check(root, &error);
    assert_no_error(error);
}

static void assert_refused(const char *text, Fault fault)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(GError) error = NULL;
    XmlNode *root = parse(arena, "LifecycleConfiguration", text);
    assert_true(document_check(root, "LifecycleConfiguration", NULL));
    assert_false(lifecycle_document_check(root, &error));
    if (!fault_is(error, fault))
        fail_msg("another error: %s", error->message);
}

static void usual_rules_are_taken(void **state)
{
    assert_taken(RULE("<Prefix/>" EXPIRE(DAYS("1"))));
    assert_taken(RULE(ALL EXPIRE("<Date>2030-01-01T00:00:00.000Z</Date>")));
    assert_taken(RULE(ALL EXPIRE("<ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker>")));
    assert_taken(
        RULE("<Filter><And><Prefix>a</Prefix>" TAG("k", "v") TAG("l", "") "</And></Filter>" EXPIRE(
            DAYS("365")) "<Transition><Days>30</Days>"
                         "<StorageClass>STANDARD_IA</StorageClass></Transition>"));
    assert_taken(RULE(ALL "<NoncurrentVersionExpiration><NoncurrentDays>3</NoncurrentDays>"
                          "<NewerNoncurrentVersions>2</NewerNoncurrentVersions>"
                          "</NoncurrentVersionExpiration>"));
    assert_taken(RULE(ALL "<AbortIncompleteMultipartUpload><DaysAfterInitiation>7"
                          "</DaysAfterInitiation></AbortIncompleteMultipartUpload>"));
}

static void rules_without_filter_or_action_are_refused(void **state)
{
    assert_refused(RULE(EXPIRE(DAYS("1"))), FAULT_MALFORMED_XML);
    assert_refused(RULE("<Prefix/>" ALL EXPIRE(DAYS("1"))), FAULT_MALFORMED_XML);
    assert_refused(RULE(ALL), FAULT_INVALID_REQUEST);
    assert_refused(RULE("<Filter><Prefix>a</Prefix>" TAG("k", "v") "</Filter>" EXPIRE(DAYS("1"))),
                   FAULT_MALFORMED_XML);
}

static void times_must_make_sense(void **state)
{
    assert_refused(RULE(ALL EXPIRE(DAYS("0"))), FAULT_INVALID_ARGUMENT);
    assert_refused(RULE(ALL EXPIRE(DAYS("-1"))), FAULT_INVALID_ARGUMENT);
    assert_refused(RULE(ALL EXPIRE("")), FAULT_MALFORMED_XML);
    assert_refused(RULE(ALL EXPIRE(DAYS("1") "<Date>2030-01-01</Date>")), FAULT_MALFORMED_XML);
    assert_refused(RULE(ALL EXPIRE("<Date>2030-01-01T01:00:00Z</Date>")), FAULT_INVALID_ARGUMENT);
    assert_refused(RULE(ALL EXPIRE(DAYS("30")) "<Transition><Days>30</Days><StorageClass>GLACIER"
                                               "</StorageClass></Transition>"),
                   FAULT_INVALID_ARGUMENT);
    assert_refused(RULE(ALL "<Transition><Days>29</Days><StorageClass>ONEZONE_IA</StorageClass>"
                            "</Transition>"),
                   FAULT_INVALID_ARGUMENT);
    assert_refused(RULE(ALL "<NoncurrentVersionExpiration><NoncurrentDays>0</NoncurrentDays>"
                            "</NoncurrentVersionExpiration>"),
                   FAULT_INVALID_ARGUMENT);
}

static void ids_are_unique_and_short(void **state)
{
    g_autofree char *name = g_strnfill(256, 'x');
    g_autofree char *text = g_strdup_printf(
        "<Rule><ID>%s</ID><Status>Enabled</Status>" ALL EXPIRE(DAYS("1")) "</Rule>", name);
    assert_refused(text, FAULT_INVALID_ARGUMENT);
    assert_refused(RULE("<ID>a</ID>" ALL EXPIRE(DAYS("1")))
                       RULE("<ID>a</ID>" ALL EXPIRE(DAYS("1"))),
                   FAULT_INVALID_ARGUMENT);
}

static void uploads_have_no_tags(void **state)
{
    assert_refused(RULE("<Filter>" TAG("k", "v") "</Filter><AbortIncompleteMultipartUpload>"
                                                 "<DaysAfterInitiation>7</DaysAfterInitiation>"
                                                 "</AbortIncompleteMultipartUpload>"),
                   FAULT_INVALID_REQUEST);
}

static void rules_are_read(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    List rules = {0};
    const char *body = "<LifecycleConfiguration><Rule><ID>off</ID><Status>Disabled</Status>" ALL
        EXPIRE(DAYS("1")) "</Rule>" RULE("<ID>on</ID><Filter><And><Prefix>a/</Prefix>" TAG(
            "k k", "v&amp;") "<ObjectSizeGreaterThan>5</ObjectSizeGreaterThan></And></"
                             "Filter>" EXPIRE(DAYS("3")) "<NoncurrentVersionExpiration><"
                                                         "NoncurrentDays>4</NoncurrentDays>"
                                                         "<NewerNoncurrentVersions>2</"
                                                         "NewerNoncurrentVersions>"
                                                         "</NoncurrentVersionExpiration>") "</"
                                                                                           "Lifecyc"
                                                                                           "leConfi"
                                                                                           "guratio"
                                                                                           "n>";
    assert_true(s3_lifecycle_read(arena, body, &rules, NULL));
    assert_int_equal(rules.n, 1);
    const LifecycleRule *rule = list_at(&rules, 0);
    assert_string_equal(rule->id, "on");
    assert_string_equal(rule->prefix, "a/");
    assert_int_equal(rule->expire_days, 3);
    assert_int_equal(rule->noncurrent_days, 4);
    assert_int_equal(rule->newer_noncurrent, 2);
    assert_true(rule->smaller_than == INT64_MAX);
    assert_true(lifecycle_rule_covers(rule, "a/b", 6, "x=y&k%20k=v%26"));
    assert_false(lifecycle_rule_covers(rule, "a/b", 5, "x=y&k%20k=v%26"));
}

static void old_form_has_its_prefix_in_the_rule(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    List rules = {0};
    const char *body = "<LifecycleConfiguration>" RULE("<ID>i</ID><Prefix>p</Prefix>" EXPIRE(
        "<Date>1970-01-02</Date>")) "</LifecycleConfiguration>";
    assert_true(s3_lifecycle_read(arena, body, &rules, NULL));
    const LifecycleRule *rule = list_at(&rules, 0);
    assert_string_equal(rule->prefix, "p");
    assert_true(rule->expire_date == INT64_C(86400) * CLOCK_SECOND);
}

/* ---- tags ---- */

static const char *tags_of(Arena *arena, const char *text, GError **error)
{
    const char *tags = "refused";
    if (s3_tags_from_document(arena, parse(arena, "TagSet", text), OBJECT_TAGS_MAX, &tags, error))
        return tags ? tags : "none";
    return tags;
}

static void tags_are_kept_in_one_form(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    assert_string_equal(tags_of(arena, TAG("a b", "=/") TAG("k", ""), NULL), "a%20b=%3D%2F&k=");
    assert_string_equal(tags_of(arena, "", NULL), "none");
    assert_int_equal(s3_tags_count("a%20b=%3D%2F&k="), 2);
    assert_int_equal(s3_tags_count(NULL), 0);
}

static void bad_tags_are_refused(void **state)
{
    g_autofree char *key = g_strnfill(129, 'x'), *value = g_strnfill(257, 'x');
    g_autofree char *long_key = g_strdup_printf(TAG("%s", ""), key);
    g_autofree char *long_value = g_strdup_printf(TAG("k", "%s"), value);
    const char *const bad[] = {TAG("", "v"),      TAG("k", "a") TAG("k", "b"),
                               TAG("aws:x", "v"), TAG("k", "&lt;"),
                               long_key,          long_value};
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(Arena) arena = arena_new();
        g_autoptr(GError) error = NULL;
        tags_of(arena, bad[i], &error);
        assert_true(fault_is(error, FAULT_INVALID_TAG));
    }
}

static void eleven_tags_are_too_many(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    for (int i = 0; i < 10; i++)
        g_string_append_printf(text, TAG("k%d", "v"), i);
    assert_int_equal(s3_tags_count(tags_of(arena, text->str, NULL)), 10);
    g_string_append(text, TAG("more", "v"));
    tags_of(arena, text->str, &error);
    assert_true(fault_is(error, FAULT_BAD_REQUEST));
}

static void letters_of_any_script_may_be_in_tags(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    assert_string_equal(tags_of(arena, TAG("ключ", "ü"), NULL), "%D0%BA%D0%BB%D1%8E%D1%87=%C3%BC");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usual_rules_are_taken),
        cmocka_unit_test(rules_without_filter_or_action_are_refused),
        cmocka_unit_test(times_must_make_sense),
        cmocka_unit_test(ids_are_unique_and_short),
        cmocka_unit_test(uploads_have_no_tags),
        cmocka_unit_test(rules_are_read),
        cmocka_unit_test(old_form_has_its_prefix_in_the_rule),
        cmocka_unit_test(tags_are_kept_in_one_form),
        cmocka_unit_test(bad_tags_are_refused),
        cmocka_unit_test(eleven_tags_are_too_many),
        cmocka_unit_test(letters_of_any_script_may_be_in_tags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
