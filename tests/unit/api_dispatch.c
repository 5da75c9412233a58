/* api/dispatch.h: from a signed request to its reply, and every refusal on the way. */
#include "tests/unit/api_fixture.h"

static const Service *const services[] = {&service_fake, &service_mirror, &service_sts, NULL};

typedef struct Asked {
    Arena *arena;
    HttpReply reply;
    char *body;
    bool was_write;
} Asked;

static void asked_clear(Asked *asked)
{
    g_free(asked->body);
    http_reply_clear(&asked->reply);
    arena_free(asked->arena);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Asked, asked_clear)

static Asked ask_text(Arena *arena, const char *text)
{
    Asked asked = {.arena = arena};
    g_autoptr(Clock) clock = clock_new_manual(FAKE_NOW);
    const DispatchConfig config = {
        .services = services, .clock = clock, .region = "us-east-1", .keys = fake_keys};
    g_autoptr(Dispatcher) dispatcher = dispatcher_new(&config);
    Dispatch *dispatch;
    dispatch_begin(dispatcher, arena, fake_request(arena, text), &asked.reply, &dispatch);
    if (dispatch) {
        asked.was_write = true;
        assert_int_equal(asked.reply.status, 0);
        dispatch_run(dispatch, &asked.reply);
    }
    asked.body = g_strdup(buffer_text(&asked.reply.body));
    assert_string_equal(asked.reply.content_type, "text/xml;charset=UTF-8");
    assert_non_null(strstr(asked.body, asked.reply.request_id));
    return asked;
}

static Asked ask(const char *service, const char *body)
{
    Arena *arena = arena_new();
    return ask_text(arena,
                    fake_sign_v4(arena, "POST", "127.0.0.1:4566", "/", service, body, FAKE_NOW));
}

static void assert_answers(const char *service, const char *body, unsigned status, const char *has)
{
    g_auto(Asked) asked = ask(service, body);
    if (!strstr(asked.body, has))
        fail_msg("no \"%s\" in %s", has, asked.body);
    assert_int_equal(asked.reply.status, status);
}

static void reading_action_is_answered_at_once(void **state)
{
    g_auto(Asked) asked = ask("fake", "Action=Describe&Version=2012-01-01&Name=n");
    assert_int_equal(asked.reply.status, 200);
    assert_false(asked.was_write);
    assert_non_null(strstr(asked.body, "<DescribeResponse xmlns=\"http://fake.amazonaws.com/doc/"
                                       "2012-01-01/\"><requestId>"));
    assert_non_null(strstr(asked.body, "</requestId><name>n</name>"));
}

static void writing_action_waits_to_be_run(void **state)
{
    g_auto(Asked) asked = ask("fake", "Action=Create&Version=2016-11-15&Name=n");
    assert_int_equal(asked.reply.status, 200);
    assert_true(asked.was_write);
}

static void identity_is_told(void **state)
{
    assert_answers("sts", "Action=GetCallerIdentity&Version=2011-06-15", 200,
                   "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
                   "<GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:root</Arn>"
                   "<UserId>123456789012</UserId><Account>123456789012</Account>"
                   "</GetCallerIdentityResult><ResponseMetadata><RequestId>");
}

static void faults_are_told(void **state)
{
    assert_answers("fake", "Action=Fail&Version=2016-11-15&Name=ami-1", 400,
                   "<Code>InvalidAMIID.NotFound</Code><Message>The image id '[ami-1]' does not "
                   "exist</Message>");
}

static void troubles_are_kept_to_ourselves(void **state)
{
    g_test_expect_message("api", G_LOG_LEVEL_WARNING,
                          "fake Break failed, request *: the disk /secret/path is full");
    g_auto(Asked) asked = ask("fake", "Action=Break&Version=2016-11-15&Name=n");
    g_test_assert_expected_messages();
    assert_int_equal(asked.reply.status, 500);
    assert_non_null(strstr(asked.body, "<Code>InternalError</Code>"));
    assert_null(strstr(asked.body, "secret"));
}

static void unknown_actions_and_versions_are_refused(void **state)
{
    assert_answers("fake", "Action=Nothing&Version=2016-11-15", 400,
                   "<Response><Errors><Error><Code>InvalidAction</Code><Message>The action Nothing "
                   "is not valid for this web service.</Message>");
    assert_answers("fake", "Action=Ancient&Version=2016-11-15&Name=n", 400, "InvalidAction");
    assert_answers("fake", "Action=Ancient&Version=2010-08-31&Name=n", 200, "<name>n</name>");
    assert_answers("fake", "Action=Describe&Version=2099-01-01", 400, "NoSuchVersion");
    assert_answers("fake", "Action=Describe", 400, "MissingParameter");
    assert_answers("fake", "Version=2016-11-15", 400, "<Code>MissingAction</Code>");
    assert_answers("127", "Action=Whatever&Version=2016-11-15", 400,
                   "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidAction</Code>");
}

static void service_is_found_behind_an_odd_scope(void **state)
{
    assert_answers("127", "Action=Echo&Version=2011-06-15&Name=x", 200,
                   "<EchoResult><Name>x</Name>");
}

static void version_may_stand_in_the_path(void **state)
{
    Arena *arena = arena_new();
    g_auto(Asked) asked = ask_text(arena, fake_sign_v4(arena, "POST", "127.0.0.1", "/2011-06-15/",
                                                       "mirror", "Action=Echo&Name=x", FAKE_NOW));
    assert_int_equal(asked.reply.status, 200);
}

static void binding_faults_come_before_the_handler(void **state)
{
    assert_answers("fake", "Action=Create&Version=2016-11-15", 400,
                   "<Code>MissingParameter</Code><Message>The request must contain the parameter "
                   "Name</Message>");
    assert_answers("fake", "Action=Create&Version=2016-11-15&Name=n&Nmae=n", 400,
                   "<Code>UnknownParameter</Code>");
    Arena *arena = arena_new();
    g_auto(Asked) asked = ask_text(arena, "POST /\nHost: fake\n\nAction=%zz");
    assert_int_equal(asked.reply.status, 404);
    assert_non_null(strstr(asked.body, "<Code>MalformedQueryString</Code>"));
}

static void dry_run_does_nothing(void **state)
{
    assert_answers("fake", "Action=Break&Version=2016-11-15&Name=n&DryRun=true", 412,
                   "<Code>DryRunOperation</Code><Message>Request would have succeeded, but DryRun "
                   "flag is set.</Message>");
    assert_answers("fake", "Action=Create&Version=2016-11-15&DryRun=true", 400, "MissingParameter");
    assert_answers("fake", "Action=Create&Version=2016-11-15&Name=n&DryRun=false", 200, "<name>");
    assert_answers("fake", "Action=Create&Version=2016-11-15&Name=n&DryRun=maybe", 400,
                   "InvalidParameterValue");
}

static void nobody_gets_anything_unsigned(void **state)
{
    Arena *arena = arena_new();
    g_auto(Asked) asked = ask_text(arena, "POST /\nHost: fake\n\nAction=Nothing&Version=1");
    assert_int_equal(asked.reply.status, 400);
    assert_non_null(strstr(asked.body, "the parameter AWSAccessKeyId"));
}

static void other_methods_are_not_allowed(void **state)
{
    Arena *arena = arena_new();
    g_auto(Asked) asked = ask_text(arena, "DELETE /\nHost: fake\n");
    assert_int_equal(asked.reply.status, 405);
    assert_string_equal(asked.reply.allow, "GET, POST");
}

static char *digest_of(const char *body)
{
    assert_answers("fake", body, 200, "<name>");
    return g_strdup(fake_last_digest());
}

static void repeated_request_has_the_same_digest(void **state)
{
    g_autofree char *first = digest_of("Action=Create&Version=2016-11-15&Name=n&ClientToken=a");
    g_autofree char *again = digest_of("Name=n&Version=2016-11-15&Action=Create&ClientToken=b");
    g_autofree char *other = digest_of("Action=Create&Version=2016-11-15&Name=m&ClientToken=a");
    assert_string_equal(first, again);
    assert_string_not_equal(first, other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reading_action_is_answered_at_once),
        cmocka_unit_test(writing_action_waits_to_be_run),
        cmocka_unit_test(identity_is_told),
        cmocka_unit_test(faults_are_told),
        cmocka_unit_test(troubles_are_kept_to_ourselves),
        cmocka_unit_test(unknown_actions_and_versions_are_refused),
        cmocka_unit_test(service_is_found_behind_an_odd_scope),
        cmocka_unit_test(version_may_stand_in_the_path),
        cmocka_unit_test(binding_faults_come_before_the_handler),
        cmocka_unit_test(dry_run_does_nothing),
        cmocka_unit_test(nobody_gets_anything_unsigned),
        cmocka_unit_test(other_methods_are_not_allowed),
        cmocka_unit_test(repeated_request_has_the_same_digest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
