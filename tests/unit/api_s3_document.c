/* api/s3/document.h: what is an XML body, what fits its schema, and how it is written again. */
#include "tests/unit/unit.h"
#include "api/s3/document.h"
#include "base/fault.h"

static bool parses(const char *text)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(GError) error = NULL;
    XmlNode *root;
    bool good = xml_parse(arena, text, strlen(text), &root, &error);
    if (!good)
        assert_true(fault_is(error, FAULT_MALFORMED_XML));
    return good;
}

static bool fits(const char *schema, const char *text)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(GError) error = NULL;
    XmlNode *root;
    assert_true(xml_parse(arena, text, strlen(text), &root, NULL));
    bool good = document_check(root, schema, &error);
    if (!good)
        assert_true(fault_is(error, FAULT_MALFORMED_XML));
    return good;
}

static void assert_written(const char *text, const char *expected)
{
    g_autoptr(Arena) arena = arena_new();
    g_auto(Buffer) out = {0};
    XmlNode *root;
    assert_true(xml_parse(arena, text, strlen(text), &root, NULL));
    document_write(&out, root);
    assert_string_equal(buffer_text(&out), expected);
}

static void elements_become_a_tree(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    const char *text = "<?xml version=\"1.0\"?><!-- c --><a>\n <b> x &lt;&#x41;<![CDATA[&]]> </b>"
                       "<c/><b>2</b>\n</a>";
    XmlNode *root;
    assert_true(xml_parse(arena, text, strlen(text), &root, NULL));
    assert_string_equal(root->name, "a");
    const XmlNode *b = xml_child(root, "b");
    assert_string_equal(b->text, " x <A& ");
    assert_string_equal(xml_next(b)->text, "2");
    assert_null(xml_next(xml_next(b)));
    assert_string_equal(xml_child_text(root, "c"), "");
    assert_null(xml_child_text(root, "d"));
    assert_null(xml_child(NULL, "d"));
}

static void namespace_and_prefix_do_not_matter(void **state)
{
    assert_true(fits("VersioningConfiguration",
                     "<s:VersioningConfiguration xmlns:s=\"http://any\"><s:Status>Enabled"
                     "</s:Status></s:VersioningConfiguration>"));
    assert_true(
        fits("VersioningConfiguration",
             "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"));
}

static void what_is_not_xml_is_malformed(void **state)
{
    static const char *const bad[] = {"",        " ",           "{}",         "<a>",
                                      "<a></b>", "<a/><b/>",    "<a>&x;</a>", "<a b=1/>",
                                      "<a>\x01", "<a>\xff</a>", "x<a/>"};
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        assert_false(parses(bad[i]));
}

static void bytes_behind_nul_are_seen(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    XmlNode *root;
    assert_false(xml_parse(arena, "<a/>\0<b/>", 9, &root, NULL));
    assert_false(xml_parse(arena, "<a>x\0y</a>", 10, &root, NULL));
}

static void everything_is_utf8(void **state)
{
    assert_true(parses("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>x</a>"));
    assert_false(parses("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>\xfc</a>"));
    assert_true(parses("<?xml version=\"1.0\" encoding=\"no-such\"?><a>\xc3\xbc</a>"));
    assert_true(parses("\xef\xbb\xbf<a/>"));
}

static void doctype_is_refused(void **state)
{
    assert_false(parses("<!DOCTYPE a><a/>"));
    assert_false(parses("<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>"));
    assert_false(parses("<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>"));
    assert_false(parses("<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>"));
    assert_false(parses("<!DOCTYPE a [<!ENTITY b \"&a;&a;\"><!ENTITY c \"&b;&b;\">]><a>&c;</a>"));
}

static void text_between_elements_is_refused(void **state)
{
    assert_false(parses("<a>x<b/></a>"));
    assert_false(parses("<a><b/>x</a>"));
    assert_false(parses("<a><b/>x<b/></a>"));
    assert_true(parses("<a> <b/> </a>"));
}

static char *nested(unsigned depth)
{
    GString *text = g_string_new(NULL);
    for (unsigned i = 0; i < depth; i++)
        g_string_append(text, "<a>");
    for (unsigned i = 0; i < depth; i++)
        g_string_append(text, "</a>");
    return g_string_free(text, FALSE);
}

static void depth_and_size_are_bounded(void **state)
{
    g_autofree char *deep = nested(XML_MAX_DEPTH), *deeper = nested(XML_MAX_DEPTH + 1);
    assert_true(parses(deep));
    assert_false(parses(deeper));
    GString *wide = g_string_new("<a>");
    for (unsigned i = 0; i < XML_MAX_NODES; i++)
        g_string_append(wide, "<b/>");
    g_string_append(wide, "</a>");
    assert_false(parses(wide->str));
    g_string_free(wide, TRUE);
}

static void element_counts_are_checked(void **state)
{
    assert_true(fits("Tagging", "<Tagging><TagSet/></Tagging>"));
    assert_false(fits("Tagging", "<Tagging/>"));
    assert_false(fits("Tagging", "<Tagging><TagSet/><TagSet/></Tagging>"));
    assert_false(fits("Tagging", "<Tagging><TagSet><Tag><Key>k</Key></Tag></TagSet></Tagging>"));
    assert_true(fits("Tagging", "<Tagging><TagSet><Tag><Value/><Key>k</Key></Tag>"
                                "<Tag><Key>k</Key><Value/></Tag></TagSet></Tagging>"));
    assert_false(fits("CORSConfiguration", "<CORSConfiguration/>"));
}

static void unknown_elements_are_malformed(void **state)
{
    assert_false(fits("Tagging", "<Tagging><TagSet/><More/></Tagging>"));
    assert_false(fits("Tagging", "<Other><TagSet/></Other>"));
    assert_false(fits("Tagging", "<Tagging>text</Tagging>"));
    assert_false(fits("NoSuchSchema", "<NoSuchSchema/>"));
}

static void values_are_checked(void **state)
{
#define VERSIONING(status)                                                                         \
    "<VersioningConfiguration><Status>" status "</Status></VersioningConfiguration>"
    assert_true(fits("VersioningConfiguration", VERSIONING("Suspended")));
    assert_false(fits("VersioningConfiguration", VERSIONING("enabled")));
    assert_false(fits("VersioningConfiguration", VERSIONING("")));
    assert_false(fits("VersioningConfiguration", VERSIONING("<x/>")));
#define RESTORE(days) "<RestoreRequest><Days>" days "</Days></RestoreRequest>"
    assert_true(fits("RestoreRequest", RESTORE(" 12\n")));
    assert_false(fits("RestoreRequest", RESTORE("1.5")));
    assert_false(fits("RestoreRequest", RESTORE("")));
    assert_false(fits("RestoreRequest", RESTORE("-")));
    assert_false(fits("RestoreRequest", RESTORE("99999999999999999999")));
#define BLOCK(value)                                                                               \
    "<PublicAccessBlockConfiguration><BlockPublicAcls>" value                                      \
    "</BlockPublicAcls></PublicAccessBlockConfiguration>"
    assert_true(fits("PublicAccessBlockConfiguration", BLOCK("true")));
    assert_true(fits("PublicAccessBlockConfiguration", BLOCK("FALSE")));
    assert_false(fits("PublicAccessBlockConfiguration", BLOCK("yes")));
#define RETENTION(date) "<Retention><RetainUntilDate>" date "</RetainUntilDate></Retention>"
    assert_true(fits("Retention", RETENTION("2030-01-01T00:00:00Z")));
    assert_true(fits("Retention", RETENTION("2030-01-01")));
    assert_false(fits("Retention", RETENTION("tomorrow")));
}

static void grantee_needs_a_known_type(void **state)
{
#define POLICY(attribute)                                                                          \
    "<AccessControlPolicy><AccessControlList><Grant><Grantee " attribute                           \
    "><ID>1</ID></Grantee><Permission>READ</Permission></Grant></AccessControlList>"               \
    "</AccessControlPolicy>"
#define XSI "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" "
    assert_true(fits("AccessControlPolicy", POLICY(XSI "xsi:type=\"CanonicalUser\"")));
    assert_false(fits("AccessControlPolicy", POLICY(XSI "xsi:type=\"Nobody\"")));
    assert_false(fits("AccessControlPolicy", POLICY("type=\"CanonicalUser\"")));
}

static void old_root_of_bucket_location_is_known(void **state)
{
    assert_true(fits("CreateBucketConfiguration",
                     "<CreateBucketConstraint><LocationConstraint>EU</LocationConstraint>"
                     "</CreateBucketConstraint>"));
}

static void numbers_truths_and_times_are_read(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    const char *text = "<a><n> -7 </n><t>TRUE</t><f>0</f><d>1970-01-02</d></a>";
    XmlNode *root;
    int64_t value;
    assert_true(xml_parse(arena, text, strlen(text), &root, NULL));
    assert_true(xml_child_int(root, "n", &value));
    assert_int_equal(value, -7);
    assert_false(xml_child_int(root, "t", &value));
    assert_true(xml_child_is_true(root, "t"));
    assert_false(xml_child_is_true(root, "f"));
    assert_true(xml_child_time(root, "d", &value));
    assert_true(value == INT64_C(86400000000));
}

static void documents_are_written_in_one_form(void **state)
{
#define HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
#define ROOT(name) "<" name " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\""
    assert_written("<x:a xmlns:x=\"u\">\n <x:b>1 &amp; 2</x:b><c></c> </x:a>",
                   HEAD ROOT("a") "><b>1 &amp; 2</b><c/></a>");
    assert_written("<a/>", HEAD ROOT("a") "/>");
    assert_written("<a><Grantee " XSI "xsi:type='Group'/></a>",
                   HEAD ROOT("a") "><Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance"
                                  "\" xsi:type=\"Group\"/></a>");
}

static void leaves_can_be_added(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    XmlNode root = {.name = "a", .text = ""};
    xml_add(arena, &root, "b", "1");
    xml_add(arena, &root, "b", "2");
    assert_string_equal(xml_next(xml_child(&root, "b"))->text, "2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements_become_a_tree),
        cmocka_unit_test(namespace_and_prefix_do_not_matter),
        cmocka_unit_test(what_is_not_xml_is_malformed),
        cmocka_unit_test(bytes_behind_nul_are_seen),
        cmocka_unit_test(everything_is_utf8),
        cmocka_unit_test(doctype_is_refused),
        cmocka_unit_test(text_between_elements_is_refused),
        cmocka_unit_test(depth_and_size_are_bounded),
        cmocka_unit_test(element_counts_are_checked),
        cmocka_unit_test(unknown_elements_are_malformed),
        cmocka_unit_test(values_are_checked),
        cmocka_unit_test(grantee_needs_a_known_type),
        cmocka_unit_test(old_root_of_bucket_location_is_known),
        cmocka_unit_test(numbers_truths_and_times_are_read),
        cmocka_unit_test(documents_are_written_in_one_form),
        cmocka_unit_test(leaves_can_be_added),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
