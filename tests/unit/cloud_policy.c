/* cloud/policy.h: documents that are wrong, and who may do what under those that are right. */
#include "tests/unit/unit.h"
#include "base/fault.h"
#include "cloud/known_policies.h"
#include "cloud/policy.h"

#define ALICE "arn:aws:iam::111111111111:user/alice"
#define ROOT "arn:aws:iam::111111111111:root"
#define CANONICAL "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define BUCKET "arn:aws:s3:::b"

/* A policy of one statement; text is put into its place. */
#define STATEMENT(text) "{\"Version\": \"2012-10-17\", \"Statement\": {" text "}}"
#define ALLOW(text) STATEMENT("\"Effect\": \"Allow\", " text)
#define ON_ALL "\"Action\": \"s3:*\", \"Resource\": \"" BUCKET "/*\""
#define BY_ALL "\"Principal\": \"*\", "

static Policy *read_as(Arena *arena, PolicyKind kind, const char *json)
{
    g_autoptr(GError) error = NULL;
    Policy *policy = NULL;
    policy_read(arena, json, kind, &policy, &error);
    if (error)
        fail_msg("%s: %s", error->message, json);
    return policy;
}

static PolicyRequest alice_gets(const char *key)
{
    return (PolicyRequest){
        .action = "s3:GetObject",
        .resource = key,
        .account_id = "111111111111",
        .arn = ALICE,
        .user_id = "AIDAALICE",
        .canonical_id = CANONICAL,
        .now = INT64_C(1795339805000000), /* 2026-11-22T09:30:05Z */
    };
}

/* ---- documents ---- */

typedef struct Mistake {
    const char *json, *of_resource, *of_identity;
} Mistake;

static const Mistake mistakes[] = {
    {"", "Policies must be valid JSON and the first byte must be '{'", "Syntax errors in policy."},
    {" {}", "first byte must be '{'", "Syntax errors"},
    {"{\"Statement\": [", "must be valid JSON", "Syntax errors"},
    {"{\"Version\": 1, \"Version\": 2}", "must be valid JSON", "Syntax errors"},
    {"{}", "Missing required field Statement", "Syntax errors"},
    {"{\"Statement\": []}", "Statement is empty!", "Syntax errors"},
    {"{\"Statement\": [7]}", "invalid Json", "Syntax errors"},
    {"{\"Version\": \"2013-01-01\", \"Statement\": {}}",
     "The policy must contain a valid version string", "Syntax errors"},
    {"{\"Statment\": {}}", "Unknown field Statment", "Syntax errors"},
    {STATEMENT(BY_ALL ON_ALL), "Missing required field Effect", "Syntax errors"},
    {STATEMENT("\"Effect\": \"allow\", " BY_ALL ON_ALL), "Invalid effect: allow", "Syntax errors"},
    {ALLOW(BY_ALL "\"Resource\": \"*\""), "Missing required field Action", NULL},
    {ALLOW("\"Resource\": \"*\""), NULL, "Policy statement must contain actions."},
    {ALLOW("\"Action\": \"s3:*\""), NULL, "Policy statement must contain resources."},
    {ALLOW("\"Action\": \"GetObject\", \"Resource\": \"*\""), NULL, "prefaced by a vendor"},
    {ALLOW(BY_ALL "\"Action\": \"GetObject\", \"Resource\": \"*\""), "Policy has invalid action",
     NULL},
    {ALLOW(BY_ALL "\"Action\": [], \"Resource\": \"*\""), "Policy has invalid action", NULL},
    {ALLOW(BY_ALL "\"Action\": \"s3:*\", \"Resource\": \"b/*\""), "Policy has invalid resource",
     NULL},
    {ALLOW("\"Action\": \"s3:*\", \"Resource\": \"b/*\""), NULL,
     "Resource b/* must be in ARN format or \"*\"."},
    {ALLOW(BY_ALL ON_ALL), NULL, "should not specify a principal"},
    {ALLOW(ON_ALL), "Missing required field Principal", NULL},
    {ALLOW("\"Principal\": \"111111111111\", " ON_ALL), "Invalid principal in policy", NULL},
    {ALLOW("\"Principal\": {}, " ON_ALL), "Invalid principal in policy", NULL},
    {ALLOW("\"Principal\": {\"AWS\": \"alice\"}, " ON_ALL), "Invalid principal in policy", NULL},
    {ALLOW("\"Principal\": {\"AWS\": \"arn:aws:iam::1:user/a\"}, " ON_ALL),
     "Invalid principal in policy", NULL},
    {ALLOW("\"Principal\": {\"AWS\": \"arn:aws:iam::111111111111:user/*\"}, " ON_ALL),
     "Invalid principal in policy", NULL},
    {ALLOW("\"Principal\": {\"CanonicalUser\": \"abc\"}, " ON_ALL), "Invalid principal in policy",
     NULL},
    {ALLOW(BY_ALL ON_ALL ", \"NotAction\": \"s3:Get*\""), "invalid Json", NULL},
    {ALLOW(BY_ALL ON_ALL ", \"Condition\": {\"StringIs\": {\"aws:a\": \"b\"}}"),
     "Invalid Condition type : StringIs", NULL},
    {ALLOW(BY_ALL ON_ALL ", \"Condition\": {\"StringEquals\": {\"a\": \"b\"}}"),
     "Policy has an invalid condition key", NULL},
    {ALLOW(BY_ALL ON_ALL ", \"Condition\": {\"StringEquals\": {\"aws:a\": {}}}"), "invalid Json",
     NULL},
    {ALLOW(BY_ALL ON_ALL ", \"Condition\": []"), "invalid Json", NULL},
};

static void check_mistake(const char *json, PolicyKind kind, Fault fault, const char *sentence)
{
    if (!sentence)
        return;
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(GError) error = NULL;
    Policy *policy = NULL;
    if (policy_read(arena, json, kind, &policy, &error))
        fail_msg("read although it is wrong: %s", json);
    assert_null(policy);
    assert_true(fault_is(error, fault));
    assert_error_says(error, sentence);
}

static void mistakes_are_told_in_the_words_of_each_service(void **state)
{
    for (size_t i = 0; i < G_N_ELEMENTS(mistakes); i++) {
        const Mistake *mistake = &mistakes[i];
        check_mistake(mistake->json, POLICY_OF_RESOURCE, FAULT_MALFORMED_POLICY,
                      mistake->of_resource);
        check_mistake(mistake->json, POLICY_OF_IDENTITY, FAULT_MALFORMED_POLICY_DOCUMENT,
                      mistake->of_identity);
    }
}

static void a_document_that_is_too_long_is_refused(void **state)
{
    g_autoptr(GString) json = g_string_new("{\"Id\": \"");
    while (json->len < POLICY_MAX_SIZE)
        g_string_append_c(json, 'x');
    g_string_append(json, "\", \"Statement\": []}");
    check_mistake(json->str, POLICY_OF_RESOURCE, FAULT_MALFORMED_POLICY, "valid JSON");
}

typedef struct BucketMistake {
    const char *json, *sentence; /* NULL: it is right */
} BucketMistake;

static const BucketMistake bucket_mistakes[] = {
    {ALLOW(BY_ALL ON_ALL), NULL},
    {ALLOW(BY_ALL "\"Action\": \"s3:ListBucket\", \"Resource\": \"" BUCKET "\""), NULL},
    {ALLOW(BY_ALL "\"Action\": [\"s3:ListBucket\", \"s3:GetObject\"], \"Resource\": [\"" BUCKET
                  "\", \"" BUCKET "/*\"]"),
     NULL},
    {ALLOW(BY_ALL "\"Action\": \"S3:getobject\", \"Resource\": \"" BUCKET "*\""), NULL},
    {ALLOW(BY_ALL "\"Action\": \"s3:*\", \"Resource\": \"arn:aws:s3:::other/*\""),
     "Policy has invalid resource"},
    {ALLOW(BY_ALL "\"Action\": \"s3:*\", \"Resource\": \"*\""), "Policy has invalid resource"},
    {ALLOW(BY_ALL "\"Action\": \"s3:*\", \"Resource\": \"" BUCKET "b/*\""),
     "Policy has invalid resource"},
    {ALLOW(BY_ALL "\"Action\": \"s3:GetObjekt\", \"Resource\": \"" BUCKET "/*\""),
     "Policy has invalid action"},
    {ALLOW(BY_ALL "\"Action\": \"ec2:RunInstances\", \"Resource\": \"" BUCKET "/*\""),
     "Policy has invalid action"},
    {ALLOW(BY_ALL "\"Action\": \"s3:GetObject\", \"Resource\": \"" BUCKET "\""),
     "Action does not apply to any resource(s) in statement"},
    {ALLOW(BY_ALL "\"Action\": \"s3:ListBucket\", \"Resource\": \"" BUCKET "/*\""),
     "Action does not apply to any resource(s) in statement"},
};

static void a_bucket_policy_is_about_its_bucket(void **state)
{
    for (size_t i = 0; i < G_N_ELEMENTS(bucket_mistakes); i++) {
        g_autoptr(Arena) arena = arena_new();
        g_autoptr(GError) error = NULL;
        const BucketMistake *mistake = &bucket_mistakes[i];
        const Policy *policy = read_as(arena, POLICY_OF_RESOURCE, mistake->json);
        bool right = policy_check_resources(policy, BUCKET, &error);
        if (right != !mistake->sentence)
            fail_msg("%s: %s", error ? error->message : "taken for right", mistake->json);
        if (mistake->sentence)
            assert_error_says(error, mistake->sentence);
    }
}

/* ---- decisions ---- */

typedef struct Case {
    const char *elements; /* of a statement that allows */
    PolicyDecision decision;
} Case;

/* alice gets b/home/alice/a */
static const Case cases[] = {
    {BY_ALL ON_ALL, POLICY_ALLOW},
    {"\"Principal\": {\"AWS\": \"*\"}, " ON_ALL, POLICY_ALLOW},
    {"\"Principal\": {\"AWS\": \"111111111111\"}, " ON_ALL, POLICY_ALLOW},
    {"\"Principal\": {\"AWS\": [\"222222222222\", \"" ROOT "\"]}, " ON_ALL, POLICY_ALLOW},
    {"\"Principal\": {\"AWS\": \"222222222222\"}, " ON_ALL, POLICY_SILENT},
    {"\"Principal\": {\"AWS\": \"" ALICE "\"}, " ON_ALL, POLICY_ALLOW},
    {"\"Principal\": {\"AWS\": \"arn:aws:iam::111111111111:user/staff/alice\"}, " ON_ALL,
     POLICY_ALLOW},
    {"\"Principal\": {\"AWS\": \"" ALICE "2\"}, " ON_ALL, POLICY_SILENT},
    {"\"Principal\": {\"AWS\": \"AIDAALICE\"}, " ON_ALL, POLICY_ALLOW},
    {"\"Principal\": {\"CanonicalUser\": \"" CANONICAL "\"}, " ON_ALL, POLICY_ALLOW},
    {"\"Principal\": {\"Service\": \"logging.s3.amazonaws.com\"}, " ON_ALL, POLICY_SILENT},
    {"\"NotPrincipal\": {\"AWS\": \"" ALICE "\"}, " ON_ALL, POLICY_SILENT},
    {"\"NotPrincipal\": {\"AWS\": \"222222222222\"}, " ON_ALL, POLICY_ALLOW},

    {BY_ALL "\"Resource\": \"*\", \"Action\": \"S3:GETOBJECT\"", POLICY_ALLOW},
    {BY_ALL "\"Resource\": \"*\", \"Action\": [\"s3:Put*\", \"s3:Get?bject\"]", POLICY_ALLOW},
    {BY_ALL "\"Resource\": \"*\", \"Action\": \"*\"", POLICY_ALLOW},
    {BY_ALL "\"Resource\": \"*\", \"Action\": \"s3:GetObjectAcl\"", POLICY_SILENT},
    {BY_ALL "\"Resource\": \"*\", \"NotAction\": \"s3:Put*\"", POLICY_ALLOW},
    {BY_ALL "\"Resource\": \"*\", \"NotAction\": [\"s3:Put*\", \"s3:Get*\"]", POLICY_SILENT},

    {BY_ALL "\"Action\": \"s3:*\", \"Resource\": \"" BUCKET "/home/*/a\"", POLICY_ALLOW},
    {BY_ALL "\"Action\": \"s3:*\", \"Resource\": \"" BUCKET "/home/?\"", POLICY_SILENT},
    {BY_ALL "\"Action\": \"s3:*\", \"Resource\": \"" BUCKET "/HOME/*\"", POLICY_SILENT},
    {BY_ALL "\"Action\": \"s3:*\", \"Resource\": \"" BUCKET "\"", POLICY_SILENT},
    {BY_ALL "\"Action\": \"s3:*\", \"NotResource\": \"" BUCKET "/home/*\"", POLICY_SILENT},
    {BY_ALL "\"Action\": \"s3:*\", \"NotResource\": \"" BUCKET "/away/*\"", POLICY_ALLOW},
    {BY_ALL "\"Action\": \"s3:*\", \"Resource\": \"" BUCKET "/home/${aws:username}/*\"",
     POLICY_ALLOW},
    {BY_ALL "\"Action\": \"s3:*\", \"Resource\": \"" BUCKET "/home/${AWS:UserName}/*\"",
     POLICY_ALLOW},
    {BY_ALL "\"Action\": \"s3:*\", \"Resource\": \"" BUCKET "/home/${aws:absent}/*\"",
     POLICY_SILENT},
    {BY_ALL "\"Action\": \"s3:*\", \"Resource\": \"" BUCKET "/home/${aws:absent, 'alice'}/*\"",
     POLICY_ALLOW},
    {BY_ALL "\"Action\": \"s3:*\", \"Resource\": \"" BUCKET "/home/${*}/a\"", POLICY_SILENT},
};

static PolicyDecision decide(const char *elements, const PolicyRequest *request)
{
    g_autoptr(Arena) arena = arena_new();
    const char *json = arena_printf(arena,
                                    "{\"Version\": \"2012-10-17\", \"Statement\": "
                                    "[{\"Sid\": \"one\", \"Effect\": \"Allow\", %s}]}",
                                    elements);
    PolicyRequest with_facts = *request;
    policy_add_caller_facts(arena, &with_facts);
    policy_add_fact(arena, &with_facts, "aws:SourceIp", "192.0.2.77");
    policy_add_fact(arena, &with_facts, "aws:SecureTransport", "false");
    policy_add_fact(arena, &with_facts, "aws:Referer", "http://www.example.com/a?b");
    policy_add_fact(arena, &with_facts, "s3:prefix", "home/alice/");
    policy_add_fact(arena, &with_facts, "s3:max-keys", "10");
    policy_add_fact(arena, &with_facts, "s3:RequestObjectTagKeys", "a");
    policy_add_fact(arena, &with_facts, "s3:RequestObjectTagKeys", "b");
    policy_add_fact(arena, &with_facts, "test:blob", "AAEC");
    return policy_evaluate(read_as(arena, POLICY_OF_RESOURCE, json), &with_facts);
}

static void check_cases(const Case *table, size_t n, const char *before, const char *after)
{
    PolicyRequest request = alice_gets(BUCKET "/home/alice/a");
    for (size_t i = 0; i < n; i++) {
        g_autofree char *elements = g_strconcat(before, table[i].elements, after, NULL);
        PolicyDecision decision = decide(elements, &request);
        if (decision != table[i].decision)
            fail_msg("%d instead of %d: %s", decision, table[i].decision, elements);
    }
}

static void who_what_and_on_what(void **state)
{
    check_cases(cases, G_N_ELEMENTS(cases), "", "");
}

static const Case condition_cases[] = {
    {"\"StringEquals\": {\"s3:prefix\": \"home/alice/\"}", POLICY_ALLOW},
    {"\"StringEquals\": {\"S3:Prefix\": [\"x\", \"home/alice/\"]}", POLICY_ALLOW},
    {"\"StringEquals\": {\"s3:prefix\": \"home/${aws:username}/\"}", POLICY_ALLOW},
    {"\"StringEquals\": {\"s3:prefix\": \"home/*\"}", POLICY_SILENT},
    {"\"StringEquals\": {\"s3:prefix\": \"Home/alice/\"}", POLICY_SILENT},
    {"\"StringEqualsIgnoreCase\": {\"s3:prefix\": \"HOME/alice/\"}", POLICY_ALLOW},
    {"\"StringNotEquals\": {\"s3:prefix\": [\"x\", \"y\"]}", POLICY_ALLOW},
    {"\"StringNotEquals\": {\"s3:prefix\": [\"x\", \"home/alice/\"]}", POLICY_SILENT},
    {"\"StringNotEqualsIgnoreCase\": {\"s3:prefix\": \"HOME/ALICE/\"}", POLICY_SILENT},
    {"\"StringLike\": {\"s3:prefix\": \"home/*\"}", POLICY_ALLOW},
    {"\"StringLike\": {\"aws:Referer\": \"http://www.example.com/*\"}", POLICY_ALLOW},
    {"\"StringNotLike\": {\"s3:prefix\": \"home/*\"}", POLICY_SILENT},
    {"\"StringEquals\": {\"aws:absent\": \"x\"}", POLICY_SILENT},
    {"\"StringNotEquals\": {\"aws:absent\": \"x\"}", POLICY_ALLOW},
    {"\"StringEqualsIfExists\": {\"aws:absent\": \"x\"}", POLICY_ALLOW},
    {"\"StringEqualsIfExists\": {\"s3:prefix\": \"x\"}", POLICY_SILENT},
    {"\"StringLike\": {\"s3:prefix\": \"home/*\"}, \"Bool\": {\"aws:SecureTransport\": true}",
     POLICY_SILENT},

    {"\"NumericLessThanEquals\": {\"s3:max-keys\": 10}", POLICY_ALLOW},
    {"\"NumericLessThan\": {\"s3:max-keys\": \"10\"}", POLICY_SILENT},
    {"\"NumericGreaterThan\": {\"s3:max-keys\": \"9.5\"}", POLICY_ALLOW},
    {"\"NumericGreaterThanEquals\": {\"s3:max-keys\": 11}", POLICY_SILENT},
    {"\"NumericEquals\": {\"s3:max-keys\": \"1e1\"}", POLICY_ALLOW},
    {"\"NumericEquals\": {\"s3:max-keys\": \"ten\"}", POLICY_SILENT},
    {"\"NumericNotEquals\": {\"s3:max-keys\": \"10\"}", POLICY_SILENT},

    {"\"DateGreaterThan\": {\"aws:CurrentTime\": \"2026-11-22T09:30:00Z\"}", POLICY_ALLOW},
    {"\"DateGreaterThan\": {\"aws:CurrentTime\": \"2026-11-22\"}", POLICY_ALLOW},
    {"\"DateLessThan\": {\"aws:CurrentTime\": \"2026-11-22T09:30:00Z\"}", POLICY_SILENT},
    {"\"DateLessThan\": {\"aws:EpochTime\": 1795339806}", POLICY_ALLOW},
    {"\"NumericEquals\": {\"aws:EpochTime\": \"1795339805\"}", POLICY_ALLOW},

    {"\"Bool\": {\"aws:SecureTransport\": \"false\"}", POLICY_ALLOW},
    {"\"Bool\": {\"aws:SecureTransport\": \"true\"}", POLICY_SILENT},
    {"\"BinaryEquals\": {\"test:blob\": \"AAEC\"}", POLICY_ALLOW},
    {"\"BinaryEquals\": {\"test:blob\": \"AAED\"}", POLICY_SILENT},

    {"\"IpAddress\": {\"aws:SourceIp\": \"192.0.2.0/24\"}", POLICY_ALLOW},
    {"\"IpAddress\": {\"aws:SourceIp\": [\"10.0.0.0/8\", \"192.0.2.77\"]}", POLICY_ALLOW},
    {"\"IpAddress\": {\"aws:SourceIp\": \"192.0.2.64/28\"}", POLICY_ALLOW},
    {"\"IpAddress\": {\"aws:SourceIp\": \"192.0.2.80/28\"}", POLICY_SILENT},
    {"\"IpAddress\": {\"aws:SourceIp\": \"2001:db8::/32\"}", POLICY_SILENT},
    {"\"IpAddress\": {\"aws:SourceIp\": \"everywhere\"}", POLICY_SILENT},
    {"\"NotIpAddress\": {\"aws:SourceIp\": \"192.0.2.0/24\"}", POLICY_SILENT},
    {"\"NotIpAddress\": {\"aws:SourceIp\": \"10.0.0.0/8\"}", POLICY_ALLOW},

    {"\"ArnEquals\": {\"aws:PrincipalArn\": \"" ALICE "\"}", POLICY_ALLOW},
    {"\"ArnLike\": {\"aws:PrincipalArn\": \"arn:aws:iam::*:user/a*\"}", POLICY_ALLOW},
    {"\"ArnLike\": {\"aws:PrincipalArn\": \"arn:*\"}", POLICY_SILENT},
    {"\"ArnNotLike\": {\"aws:PrincipalArn\": \"arn:aws:iam::*:user/a*\"}", POLICY_SILENT},

    {"\"Null\": {\"aws:absent\": \"true\"}", POLICY_ALLOW},
    {"\"Null\": {\"aws:absent\": \"false\"}", POLICY_SILENT},
    {"\"Null\": {\"s3:prefix\": \"false\"}", POLICY_ALLOW},

    {"\"ForAllValues:StringEquals\": {\"s3:RequestObjectTagKeys\": [\"a\", \"b\", \"c\"]}",
     POLICY_ALLOW},
    {"\"ForAllValues:StringEquals\": {\"s3:RequestObjectTagKeys\": [\"a\"]}", POLICY_SILENT},
    {"\"ForAllValues:StringEquals\": {\"aws:TagKeys\": [\"a\"]}", POLICY_ALLOW},
    {"\"ForAnyValue:StringEquals\": {\"s3:RequestObjectTagKeys\": [\"b\", \"z\"]}", POLICY_ALLOW},
    {"\"ForAnyValue:StringEquals\": {\"aws:TagKeys\": [\"a\"]}", POLICY_SILENT},
    {"\"ForAnyValue:StringNotEquals\": {\"s3:RequestObjectTagKeys\": [\"a\"]}", POLICY_ALLOW},
    {"\"ForAllValues:StringNotEquals\": {\"s3:RequestObjectTagKeys\": [\"a\"]}", POLICY_SILENT},
};

static void on_which_condition(void **state)
{
    check_cases(condition_cases, G_N_ELEMENTS(condition_cases), BY_ALL ON_ALL ", \"Condition\": {",
                "}");
}

static void a_deny_beats_every_allow_wherever_it_stands(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    PolicyRequest request = alice_gets(BUCKET "/k");
    const Policy *policy = read_as(
        arena, POLICY_OF_RESOURCE,
        "{\"Statement\": [{\"Effect\": \"Allow\", " BY_ALL ON_ALL "}, {\"Effect\": \"Deny\", "
        "\"Principal\": {\"AWS\": \"111111111111\"}, \"Action\": \"s3:Get*\", \"Resource\": \"*\"},"
        " {\"Effect\": \"Allow\", " BY_ALL ON_ALL "}]}");
    assert_int_equal(policy_evaluate(policy, &request), POLICY_DENY);
    request.action = "s3:PutObject";
    assert_int_equal(policy_evaluate(policy, &request), POLICY_ALLOW);
}

static void the_anonymous_are_only_everybody(void **state)
{
    PolicyRequest nobody = {.action = "s3:GetObject", .resource = BUCKET "/home/alice/a"};
    assert_int_equal(decide(BY_ALL ON_ALL, &nobody), POLICY_ALLOW);
    assert_int_equal(decide("\"Principal\": {\"AWS\": \"*\"}, " ON_ALL, &nobody), POLICY_ALLOW);
    assert_int_equal(decide("\"Principal\": {\"AWS\": \"111111111111\"}, " ON_ALL, &nobody),
                     POLICY_SILENT);
    assert_int_equal(decide("\"NotPrincipal\": {\"AWS\": \"111111111111\"}, " ON_ALL, &nobody),
                     POLICY_ALLOW);
}

static void what_the_account_may_its_user_may_not_yet(void **state)
{
    PolicyRequest request = alice_gets(BUCKET "/home/alice/a");
    request.named = true;
    assert_int_equal(decide("\"Principal\": {\"AWS\": \"111111111111\"}, " ON_ALL, &request),
                     POLICY_SILENT);
    assert_int_equal(decide("\"Principal\": {\"AWS\": \"" ALICE "\"}, " ON_ALL, &request),
                     POLICY_ALLOW);
    assert_int_equal(decide(BY_ALL ON_ALL, &request), POLICY_ALLOW);
}

static void variables_came_with_the_version_of_2012(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    PolicyRequest request = alice_gets(BUCKET "/${aws:username}");
    policy_add_caller_facts(arena, &request);
    const Policy *policy =
        read_as(arena, POLICY_OF_IDENTITY,
                "{\"Version\": \"2008-10-17\", \"Statement\": {\"Effect\": \"Allow\", \"Action\": "
                "\"s3:*\", \"Resource\": \"" BUCKET "/${aws:username}\"}}");
    assert_int_equal(policy_evaluate(policy, &request), POLICY_ALLOW);
    request.resource = BUCKET "/alice";
    assert_int_equal(policy_evaluate(policy, &request), POLICY_SILENT);
}

static void a_user_is_known_by_his_name_in_whatever_path(void **state)
{
    PolicyRequest request = alice_gets(BUCKET "/home/alice/a");
    request.arn = "arn:aws:iam::111111111111:user/staff/north/alice";
    assert_int_equal(decide("\"Principal\": {\"AWS\": \"" ALICE "\"}, " ON_ALL, &request),
                     POLICY_ALLOW);
    assert_int_equal(decide("\"Principal\": {\"AWS\": \"arn:aws:iam::111111111111:user/staff/"
                            "north/alice\"}, " ON_ALL,
                            &request),
                     POLICY_ALLOW);
    assert_int_equal(
        decide("\"Principal\": {\"AWS\": \"arn:aws:iam::111111111111:user/staff\"}, " ON_ALL,
               &request),
        POLICY_SILENT);
    assert_int_equal(decide(BY_ALL ON_ALL ", \"Condition\": {\"ArnLike\": {\"aws:PrincipalArn\": "
                                          "\"arn:aws:iam::*:user/staff/*\"}}",
                            &request),
                     POLICY_ALLOW);
}

static void a_user_named_like_a_wildcard_is_not_everybody(void **state)
{
    PolicyRequest request = alice_gets(BUCKET "/home/alice/a");
    request.arn = "arn:aws:iam::111111111111:user/*";
    assert_int_equal(decide(BY_ALL "\"Action\": \"s3:*\", \"Resource\": \"" BUCKET
                                   "/home/${aws:username}/*\"",
                            &request),
                     POLICY_SILENT);
}

static void many_wildcards_take_no_time(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    /* Trying each way in which sixteen stars can share a thousand letters would never end. */
    g_autofree char *letters = g_strnfill(1000, 'a');
    const Policy *policy = read_as(arena, POLICY_OF_IDENTITY,
                                   ALLOW("\"Action\": \"s3:*\", \"Resource\": "
                                         "\"arn:aws:s3:::a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b\""));
    PolicyRequest request = alice_gets(arena_printf(arena, "arn:aws:s3:::%s", letters));
    assert_int_equal(policy_evaluate(policy, &request), POLICY_SILENT);
    request.resource = arena_printf(arena, "arn:aws:s3:::%sb", letters);
    assert_int_equal(policy_evaluate(policy, &request), POLICY_ALLOW);
}

/* ---- public ---- */

typedef struct PublicCase {
    const char *elements;
    bool is_public;
} PublicCase;

static const PublicCase public_cases[] = {
    {BY_ALL ON_ALL, true},
    {"\"Principal\": {\"AWS\": \"111111111111\"}, " ON_ALL, false},
    {"\"NotPrincipal\": {\"AWS\": \"111111111111\"}, " ON_ALL, true},
    {BY_ALL ON_ALL ", \"Condition\": {\"IpAddress\": {\"aws:SourceIp\": \"192.0.2.0/24\"}}", false},
    {BY_ALL ON_ALL ", \"Condition\": {\"IpAddress\": {\"aws:SourceIp\": \"0.0.0.0/0\"}}", true},
    {BY_ALL ON_ALL ", \"Condition\": {\"NotIpAddress\": {\"aws:SourceIp\": \"192.0.2.0/24\"}}",
     true},
    {BY_ALL ON_ALL ", \"Condition\": {\"StringLike\": {\"aws:Referer\": \"http://a/\"}}", true},
    {BY_ALL ON_ALL ", \"Condition\": {\"StringEquals\": {\"aws:PrincipalAccount\": \"1\"}}", false},
    {BY_ALL ON_ALL ", \"Condition\": {\"StringLike\": {\"aws:userid\": \"*\"}}", true},
    {BY_ALL ON_ALL ", \"Condition\": {\"StringEqualsIfExists\": {\"aws:userid\": \"a\"}}", true},
};

static void public_is_what_anybody_may(void **state)
{
    for (size_t i = 0; i < G_N_ELEMENTS(public_cases); i++) {
        g_autoptr(Arena) arena = arena_new();
        const char *json = arena_printf(arena, "{\"Statement\": {\"Effect\": \"Allow\", %s}}",
                                        public_cases[i].elements);
        if (policy_is_public(read_as(arena, POLICY_OF_RESOURCE, json)) != public_cases[i].is_public)
            fail_msg("not %s: %s", public_cases[i].is_public ? "public" : "private", json);
    }
}

static void what_is_denied_to_everybody_is_not_public(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    assert_false(policy_is_public(
        read_as(arena, POLICY_OF_RESOURCE, STATEMENT("\"Effect\": \"Deny\", " BY_ALL ON_ALL))));
}

/* ---- remembered ones ---- */

static void a_policy_is_read_once_and_lives_while_it_is_used(void **state)
{
    KnownPolicies *policies = known_policies_new();
    KnownPolicy *first = NULL, *again = NULL, *as_identity = NULL;
    g_autoptr(GError) error = NULL;
    const char *json = ALLOW("\"Action\": \"s3:*\", \"Resource\": \"*\"");
    assert_true(known_policies_read(policies, json, POLICY_OF_IDENTITY, &first, NULL));
    assert_true(known_policies_read(policies, json, POLICY_OF_IDENTITY, &again, NULL));
    assert_ptr_equal(known_policy(first), known_policy(again));
    /* As a bucket's it is wrong, whoever else has read it. */
    assert_false(known_policies_read(policies, json, POLICY_OF_RESOURCE, &as_identity, &error));
    assert_true(fault_is(error, FAULT_MALFORMED_POLICY));
    known_policies_free(policies);
    PolicyRequest request = alice_gets(BUCKET "/k");
    assert_int_equal(policy_evaluate(known_policy(first), &request), POLICY_ALLOW);
    known_policy_unref(first);
    known_policy_unref(again);
}

static KnownPolicy *read_numbered(KnownPolicies *policies, unsigned number)
{
    KnownPolicy *known = NULL;
    g_autofree char *json = g_strdup_printf("{\"Id\": \"%u\", \"Statement\": {\"Effect\": "
                                            "\"Allow\", \"Action\": \"s3:*\", "
                                            "\"Resource\": \"*\"}}",
                                            number);
    assert_true(known_policies_read(policies, json, POLICY_OF_IDENTITY, &known, NULL));
    return known;
}

static void many_policies_are_forgotten_not_those_in_use(void **state)
{
    KnownPolicies *policies = known_policies_new();
    g_autoptr(KnownPolicy) kept = read_numbered(policies, 0);
    for (unsigned i = 1; i < 1200; i++)
        known_policy_unref(read_numbered(policies, i));
    g_autoptr(KnownPolicy) again = read_numbered(policies, 0);
    assert_ptr_not_equal(known_policy(again), known_policy(kept));
    known_policies_free(policies);
    PolicyRequest request = alice_gets(BUCKET "/k");
    assert_int_equal(policy_evaluate(known_policy(kept), &request), POLICY_ALLOW);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mistakes_are_told_in_the_words_of_each_service),
        cmocka_unit_test(a_document_that_is_too_long_is_refused),
        cmocka_unit_test(a_bucket_policy_is_about_its_bucket),
        cmocka_unit_test(who_what_and_on_what),
        cmocka_unit_test(on_which_condition),
        cmocka_unit_test(a_deny_beats_every_allow_wherever_it_stands),
        cmocka_unit_test(the_anonymous_are_only_everybody),
        cmocka_unit_test(what_the_account_may_its_user_may_not_yet),
        cmocka_unit_test(variables_came_with_the_version_of_2012),
        cmocka_unit_test(a_user_is_known_by_his_name_in_whatever_path),
        cmocka_unit_test(a_user_named_like_a_wildcard_is_not_everybody),
        cmocka_unit_test(many_wildcards_take_no_time),
        cmocka_unit_test(public_is_what_anybody_may),
        cmocka_unit_test(what_is_denied_to_everybody_is_not_public),
        cmocka_unit_test(a_policy_is_read_once_and_lives_while_it_is_used),
        cmocka_unit_test(many_policies_are_forgotten_not_those_in_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
