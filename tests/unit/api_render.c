/* api/render.h and api/xml.h: replies and errors as documents, and text that cannot break them. */
#include "tests/unit/api_fixture.h"
#include "api/render.h"
#include "api/xml.h"

static void assert_renders(const Service *service, const char *version, const FakeReply *reply,
                           const char *expected)
{
    g_auto(Buffer) xml = {0};
    render_reply(&xml, service, "Describe", FakeReply_shape(), version, "id-1", reply);
    assert_string_equal(buffer_text(&xml), expected);
}

static FakeReply empty_reply(void)
{
    FakeReply reply;
    shape_clear(FakeReply_shape(), &reply);
    return reply;
}

#define HEAD                                                                                       \
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"                                                 \
    "<DescribeResponse xmlns=\"http://fake.amazonaws.com/doc/2016-11-15/\">"                       \
    "<requestId>id-1</requestId>"

static void absent_members_are_left_out(void **state)
{
    FakeReply reply = empty_reply();
    reply.name = "";
    assert_renders(&service_fake, "2016-11-15", &reply,
                   HEAD "<nextToken/><named/><tagSet/></DescribeResponse>");
}

static void every_kind_is_rendered(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    FakeReply reply = empty_reply();
    reply.name = "a<b";
    reply.kept = "t";
    reply.count = -42;
    reply.flag = 1;
    reply.ratio = 10;
    reply.start = FAKE_NOW;
    list_add(&reply.ids, arena, "i-1");
    list_add(&reply.ids, arena, "i-2");
    list_add(&reply.flat, arena, "f1");
    list_add(&reply.flat, arena, "f2");
    list_add(&reply.named, arena, "sg-1");
    FakeRange range = {.cidr = "::/0", .port = ABSENT};
    reply.range = &range;
    FakeTag tag = {.key = "k"};
    list_add(&reply.tags, arena, &tag);
    reply.recent = "r";
    reply.page.max_results = 0;
    assert_renders(&service_fake, "2016-11-15", &reply,
                   HEAD "<name>a&lt;b</name><nextToken>t</nextToken><count>-42</count>"
                        "<return>true</return><ratio>10.0</ratio>"
                        "<startTime>2026-11-22T09:30:05.000Z</startTime>"
                        "<idSet><item>i-1</item><item>i-2</item></idSet>"
                        "<flat>f1</flat><flat>f2</flat>"
                        "<named><groupId>sg-1</groupId></named>"
                        "<range><cidrIp>::/0</cidrIp></range>"
                        "<tagSet><item><key>k</key><value/></item></tagSet>"
                        "<recent>r</recent><maxResults>0</maxResults></DescribeResponse>");
}

static void rows_and_namespace_follow_the_version(void **state)
{
    FakeReply reply = empty_reply();
    reply.recent = "r";
    assert_renders(&service_fake, "2009-11-30", &reply,
                   "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                   "<DescribeResponse xmlns=\"http://fake.amazonaws.com/doc/2009-11-30/\">"
                   "<requestId>id-1</requestId><nextToken/><named/><tagSet/></DescribeResponse>");
}

static void query_replies_have_a_result_and_metadata(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    FakeReply reply = empty_reply();
    list_add(&reply.ids, arena, "1");
    assert_renders(&service_mirror, "2011-06-15", &reply,
                   "<DescribeResponse xmlns=\"https://mirror.amazonaws.com/doc/2011-06-15/\">"
                   "<DescribeResult><NextToken/><IdSet><member>1</member></IdSet><Named/><TagSet/>"
                   "</DescribeResult><ResponseMetadata><RequestId>id-1</RequestId>"
                   "</ResponseMetadata></DescribeResponse>");
}

static void query_reply_without_members_has_no_result(void **state)
{
    g_auto(Buffer) xml = {0};
    FakeNothing nothing = {0};
    render_reply(&xml, &service_mirror, "Silent", FakeNothing_shape(), "2011-06-15", "id",
                 &nothing);
    assert_string_equal(buffer_text(&xml),
                        "<SilentResponse xmlns=\"https://mirror.amazonaws.com/doc/2011-06-15/\">"
                        "<ResponseMetadata><RequestId>id</RequestId></ResponseMetadata>"
                        "</SilentResponse>");
}

static void integers_have_no_bounds_to_trip_over(void **state)
{
    FakeReply reply = empty_reply();
    reply.count = INT64_MAX;
    reply.ratio = 0.1;
    reply.page.max_results = INT64_MIN + 1;
    assert_renders(&service_fake, "2016-11-15", &reply,
                   HEAD "<nextToken/><count>9223372036854775807</count><ratio>0.1</ratio><named/>"
                        "<tagSet/><maxResults>-9223372036854775807</maxResults>"
                        "</DescribeResponse>");
}

static void errors_have_the_form_of_their_protocol(void **state)
{
    g_auto(Buffer) ec2 = {0}, query = {0}, unknown = {0};
    render_error(&ec2, &service_fake, "2016-11-15", "id", 400, "InvalidAMIID.NotFound", "a & b");
    assert_string_equal(buffer_text(&ec2),
                        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error>"
                        "<Code>InvalidAMIID.NotFound</Code><Message>a &amp; b</Message></Error>"
                        "</Errors><RequestID>id</RequestID></Response>");
    render_error(&query, &service_mirror, "2011-06-15", "id", 500, "InternalError", "m");
    assert_string_equal(buffer_text(&query),
                        "<ErrorResponse xmlns=\"https://mirror.amazonaws.com/doc/2011-06-15/\">"
                        "<Error><Type>Receiver</Type><Code>InternalError</Code><Message>m</Message>"
                        "</Error><RequestId>id</RequestId></ErrorResponse>");
    render_error(&unknown, NULL, NULL, "id", 400, "InvalidAction", "m");
    assert_string_equal(buffer_text(&unknown),
                        "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidAction</Code>"
                        "<Message>m</Message></Error><RequestId>id</RequestId></ErrorResponse>");
}

static void assert_escapes(const char *text, const char *expected)
{
    g_auto(Buffer) xml = {0};
    xml_element(&xml, xml_name("E", true), text);
    g_autofree char *whole = g_strdup_printf("<e>%s</e>", expected);
    assert_string_equal(buffer_text(&xml), whole);
}

static void markup_is_escaped(void **state)
{
    assert_escapes("plain", "plain");
    assert_escapes("", "");
    assert_escapes("<a href=\"x\">&'</a>", "&lt;a href=&quot;x&quot;&gt;&amp;'&lt;/a&gt;");
    assert_escapes("a\tb\nc\rd", "a\tb\nc&#xD;d");
    assert_escapes("grün 😀", "grün 😀");
}

static void what_xml_cannot_carry_is_replaced(void **state)
{
    assert_escapes("a\x01"
                   "b\x1f\x0b",
                   "a\uFFFD"
                   "b\uFFFD\uFFFD");
    assert_escapes("bad \xff\xc3 utf", "bad \uFFFD\uFFFD utf");
    assert_escapes("\xed\xa0\x80", "\uFFFD\uFFFD\uFFFD");
    assert_escapes("\xef\xbf\xbe", "\uFFFD\uFFFD\uFFFD");
    assert_escapes("cut \xe2\x82", "cut \uFFFD\uFFFD");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(absent_members_are_left_out),
        cmocka_unit_test(every_kind_is_rendered),
        cmocka_unit_test(rows_and_namespace_follow_the_version),
        cmocka_unit_test(query_replies_have_a_result_and_metadata),
        cmocka_unit_test(query_reply_without_members_has_no_result),
        cmocka_unit_test(integers_have_no_bounds_to_trip_over),
        cmocka_unit_test(errors_have_the_form_of_their_protocol),
        cmocka_unit_test(markup_is_escaped),
        cmocka_unit_test(what_xml_cannot_carry_is_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
