/* api/s3/access.h: who may do what with whose bucket and object, and ACLs on the wire.
 *
 * The cast: ACCOUNT owns the bucket "b"; its root is OWNER and its user alice ALICE;
 * OTHER_ACCOUNT's root is STRANGER and its user bob BOB; NOBODY does not sign. */
#include "tests/unit/cloud_fixture.h"
#include "api/s3/access.h"
#include "api/s3/acl_wire.h"
#include "api/s3/operations.h"
#include "cloud/iam.h"

#define OWNER_ID "1111111111111111111111111111111111111111111111111111111111111111"
#define STRANGER_ID "2222222222222222222222222222222222222222222222222222222222222222"
#define NOW INT64_C(1795339805000000)

typedef enum Who { OWNER, ALICE, STRANGER, BOB, NOBODY } Who;

typedef struct Scene {
    CloudFixture *fixture;
    Clock *clock;
    S3Config config;
    Bucket bucket;
    Object object;
    bool missing; /* the object is not there */
    Header headers[4];
    const char *query;
    const char *document; /* NULL: no body */
    HttpReply reply;
} Scene;

static void put_account(Scene *scene, const char *id, const char *name, const char *canonical_id)
{
    g_autoptr(Txn) txn = NULL;
    const Account account = {.id = id, .name = name, .canonical_id = canonical_id};
    assert_works(txn_begin(cloud_store(scene->fixture->cloud), &txn, error) &&
                 account_insert(txn, &account, error) && txn_commit(&txn, error));
}

static int scene_set_up(void **state)
{
    cloud_set_up(state);
    Scene *scene = g_new0(Scene, 1);
    scene->fixture = *state;
    scene->clock = clock_new_manual(NOW);
    scene->config =
        (S3Config){.cloud = scene->fixture->cloud, .clock = scene->clock, .region = "us-east-1"};
    scene->bucket = (Bucket){.name = "b", .account_id = ACCOUNT, .region = "us-east-1"};
    scene->object = (Object){.bucket = "b", .key = "k", .account_id = ACCOUNT};
    scene->query = "";
    User *user;
    put_account(scene, ACCOUNT, "owner", OWNER_ID);
    put_account(scene, OTHER_ACCOUNT, "stranger@example.com", STRANGER_ID);
    assert_works(iam_create_user(&scene->fixture->context, "alice", NULL, &user, error) &&
                 iam_create_user(&scene->fixture->other, "bob", NULL, &user, error));
    *state = scene;
    return 0;
}

static int scene_tear_down(void **state)
{
    Scene *scene = *state;
    *state = scene->fixture;
    http_reply_clear(&scene->reply);
    clock_free(scene->clock);
    g_free(scene);
    return cloud_tear_down(state);
}

static Arena *arena_of(Scene *scene)
{
    return scene->fixture->context.arena;
}

static S3Call call_of(Scene *scene, Who who)
{
    static const Caller callers[] = {
        [OWNER] = {ACCOUNT, "arn:aws:iam::" ACCOUNT ":root", ACCOUNT},
        [ALICE] = {ACCOUNT, "arn:aws:iam::" ACCOUNT ":user/alice", "AIDAALICE"},
        [STRANGER] = {OTHER_ACCOUNT, "arn:aws:iam::" OTHER_ACCOUNT ":root", OTHER_ACCOUNT},
        [BOB] = {OTHER_ACCOUNT, "arn:aws:iam::" OTHER_ACCOUNT ":user/bob", "AIDABOB"},
        [NOBODY] = {0},
    };
    HttpRequest *http = arena_new_struct(arena_of(scene), HttpRequest);
    *http = (HttpRequest){.method = "GET",
                          .path = "/b/k",
                          .query = scene->query,
                          .headers = scene->headers,
                          .source_ip = "192.0.2.7"};
    while (http->n_headers < G_N_ELEMENTS(scene->headers) && scene->headers[http->n_headers].name)
        http->n_headers++;
    S3Call call = {
        .s3 = &scene->config,
        .arena = arena_of(scene),
        .http = http,
        .reply = &scene->reply,
        .bucket_name = "b",
        .signature = {.anonymous = who == NOBODY,
                      .caller = callers[who],
                      .auth_type = "REST-HEADER"},
        .caller_id = who == NOBODY                  ? NULL
                     : who == OWNER || who == ALICE ? OWNER_ID
                                                    : STRANGER_ID,
    };
    assert_true(params_decode(&call.params, call.arena, scene->query, strlen(scene->query), NULL));
    return call;
}

static bool ask(Scene *scene, Who who, const S3Operation *operation)
{
    g_autoptr(Txn) txn = NULL;
    g_autoptr(GError) refusal = NULL;
    S3Call call = call_of(scene, who);
    bool creates = strcmp(operation->action, "s3:CreateBucket") == 0;
    call.operation = operation;
    call.bucket = creates ? NULL : &scene->bucket;
    call.key = operation->level == S3_OBJECT ? "k" : NULL;
    call.object = operation->acl_of == S3_ACL_OBJECT && !scene->missing ? &scene->object : NULL;
    assert_works(txn_begin_read(cloud_store(scene->fixture->cloud), &txn, error));
    bool allowed = s3_check_access(&call, txn, &refusal);
    if (allowed && call.undecided) {
        call.document = scene->document ? scene->document : "";
        call.document_size = strlen(call.document);
        allowed = s3_check_access_of_body(&call, txn, &refusal);
    }
    if (!allowed)
        check_fault(refusal, FAULT_ACCESS_DENIED, "Access Denied");
    return allowed;
}

static const S3Operation get = {
    .level = S3_OBJECT, .action = "s3:GetObject", .acl_of = S3_ACL_OBJECT, .acl = ACL_READ};
static const S3Operation put = {
    .level = S3_OBJECT, .action = "s3:PutObject", .acl_of = S3_ACL_BUCKET, .acl = ACL_WRITE};
static const S3Operation list = {
    .level = S3_BUCKET, .action = "s3:ListBucket", .acl_of = S3_ACL_BUCKET, .acl = ACL_READ};
static const S3Operation get_policy = {.level = S3_BUCKET, .action = "s3:GetBucketPolicy"};
static const S3Operation create = {
    .level = S3_BUCKET, .action = "s3:CreateBucket", .handle = s3_create_bucket};
static const S3Operation put_tagging = {
    .level = S3_OBJECT, .action = "s3:PutObjectTagging", .handle = s3_put_object_tagging};
static const S3Operation put_retention = {
    .level = S3_OBJECT, .action = "s3:PutObjectRetention", .handle = s3_put_object_retention};
static const S3Operation put_legal_hold = {
    .level = S3_OBJECT, .action = "s3:PutObjectLegalHold", .handle = s3_put_object_legal_hold};
static const S3Operation get_acl = {
    .level = S3_OBJECT, .action = "s3:GetObjectAcl", .acl_of = S3_ACL_OBJECT, .acl = ACL_READ_ACP};

/* Who of OWNER, ALICE, STRANGER, BOB and NOBODY may: "o", "a", "s", "b", "n". */
#define assert_may(scene, operation, expected)                                                     \
    do {                                                                                           \
        char who_[6] = "";                                                                         \
        for (int w_ = OWNER; w_ <= NOBODY; w_++)                                                   \
            if (ask(scene, (Who)w_, operation))                                                    \
                strncat(who_, &"oasbn"[w_], 1);                                                    \
        assert_string_equal(who_, expected);                                                       \
    } while (0)

static void set_policy(Scene *scene, const char *statement)
{
    g_autoptr(Txn) txn = NULL;
    const char *json = arena_printf(arena_of(scene),
                                    "{\"Version\": \"2012-10-17\", \"Statement\": "
                                    "[%s]}",
                                    statement);
    assert_works(txn_begin(cloud_store(scene->fixture->cloud), &txn, error) &&
                 bucket_document_set(txn, &scene->bucket, DOCUMENT_POLICY, json, error) &&
                 txn_commit(&txn, error));
}

/* On the bucket and all in it. */
#define SAYS(effect, principal, action)                                                            \
    "{\"Effect\": \"" effect "\", \"Principal\": " principal ", \"Action\": \"" action             \
    "\", \"Resource\": [\"arn:aws:s3:::b\", \"arn:aws:s3:::b/*\"]"
#define ALLOWS(principal, action) SAYS("Allow", principal, action) "}"
#define DENIES(principal, action) SAYS("Deny", principal, action) "}"
#define EVERYBODY "\"*\""
#define AWS(who) "{\"AWS\": \"" who "\"}"

static void let_user(Context *context, const char *user, const char *effect, const char *action)
{
    const char *json = arena_printf(context->arena,
                                    "{\"Statement\": {\"Effect\": \"%s\", \"Action\": \"%s\", "
                                    "\"Resource\": \"arn:aws:s3:::b*\"}}",
                                    effect, action);
    assert_works(iam_put_user_policy(context, user, effect, json, error));
}

/* ---- nothing but the defaults ---- */

static void at_first_it_is_for_its_owner_alone(void **state)
{
    Scene *scene = *state;
    assert_may(scene, &get, "o");
    assert_may(scene, &put, "o");
    assert_may(scene, &list, "o");
    assert_may(scene, &get_policy, "o");
}

static void a_bucket_is_made_by_accounts_and_those_they_let(void **state)
{
    Scene *scene = *state;
    assert_may(scene, &create, "os");
    let_user(&scene->fixture->other, "bob", "Allow", "s3:CreateBucket");
    assert_may(scene, &create, "osb");
}

/* ---- own policies ---- */

static void a_user_may_what_his_account_lets_him(void **state)
{
    Scene *scene = *state;
    let_user(&scene->fixture->context, "alice", "Allow", "s3:Get*");
    assert_may(scene, &get, "oa");
    assert_may(scene, &put, "o");
}

static void a_user_of_elsewhere_needs_both_accounts(void **state)
{
    Scene *scene = *state;
    let_user(&scene->fixture->other, "bob", "Allow", "s3:*");
    assert_may(scene, &get, "o");
    set_policy(scene, ALLOWS(AWS(OTHER_ACCOUNT), "s3:GetObject"));
    assert_may(scene, &get, "osb");
    let_user(&scene->fixture->other, "bob", "Deny", "s3:GetObject");
    assert_may(scene, &get, "os");
}

/* ---- the bucket's policy ---- */

static void a_policy_lets_others_in(void **state)
{
    Scene *scene = *state;
    set_policy(scene, ALLOWS(AWS(OTHER_ACCOUNT), "s3:GetObject"));
    assert_may(scene, &get, "os");
    assert_may(scene, &put, "o");
    set_policy(scene, ALLOWS(EVERYBODY, "s3:GetObject"));
    assert_may(scene, &get, "oasn");
}

static void a_policy_that_names_a_user_is_enough_for_him(void **state)
{
    Scene *scene = *state;
    set_policy(scene, ALLOWS(AWS("arn:aws:iam::" ACCOUNT ":user/alice"), "s3:PutObject"));
    assert_may(scene, &put, "oa");
    set_policy(scene, ALLOWS(AWS(ACCOUNT), "s3:PutObject"));
    assert_may(scene, &put, "o");
}

static void a_deny_is_for_the_owner_too_but_the_policy_can_be_mended(void **state)
{
    Scene *scene = *state;
    set_policy(scene, ALLOWS(EVERYBODY, "s3:*") ", " DENIES(EVERYBODY, "s3:*"));
    assert_may(scene, &get, "");
    assert_may(scene, &get_policy, "o");
}

static void conditions_see_the_request(void **state)
{
    Scene *scene = *state;
    static const struct {
        const char *condition, *expected;
    } rows[] = {
        {"\"IpAddress\": {\"aws:SourceIp\": \"192.0.2.0/24\"}", "oasn"},
        {"\"IpAddress\": {\"aws:SourceIp\": \"198.51.100.0/24\"}", "o"},
        {"\"StringLike\": {\"aws:Referer\": \"http://www.example.com/*\"}", "oasn"},
        {"\"StringEquals\": {\"s3:prefix\": \"home/\"}", "oasn"},
        {"\"NumericLessThan\": {\"s3:max-keys\": \"5\"}", "o"},
        {"\"StringEquals\": {\"s3:authType\": \"REST-HEADER\"}", "oas"},
        {"\"Null\": {\"s3:x-amz-acl\": \"false\"}", "o"},
    };
    scene->headers[0] = (Header){"Referer", "http://www.example.com/page"};
    scene->query = "prefix=home%2F&max-keys=5";
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        set_policy(scene,
                   arena_printf(arena_of(scene), "%s, \"Condition\": {%s}}",
                                SAYS("Allow", EVERYBODY, "s3:ListBucket"), rows[i].condition));
        assert_may(scene, &list, rows[i].expected);
    }
}

static void conditions_see_tags(void **state)
{
    Scene *scene = *state;
    scene->object.tags = "team=blue%20sky";
    set_policy(scene,
               SAYS("Allow", EVERYBODY, "s3:GetObject") ", \"Condition\": {\"StringEquals\": "
                                                        "{\"s3:ExistingObjectTag/team\": "
                                                        "\"blue sky\"}}}");
    assert_may(scene, &get, "oasn");
    scene->object.tags = NULL;
    assert_may(scene, &get, "o");
    set_policy(scene, SAYS("Allow", EVERYBODY, "s3:PutObject*") ", \"Condition\": {"
                                                                "\"ForAllValues:StringEquals\": "
                                                                "{\"s3:RequestObjectTagKeys\": "
                                                                "[\"a\", \"b\"]}}}");
    scene->headers[0] = (Header){"x-amz-tagging", "a=1&b=2"};
    assert_may(scene, &put, "oasn");
    scene->headers[0].value = "a=1&c=2";
    assert_may(scene, &put, "o");
}

static void what_a_header_asks_for_must_be_allowed_too(void **state)
{
    Scene *scene = *state;
    set_policy(scene, ALLOWS(AWS(OTHER_ACCOUNT), "s3:PutObject"));
    assert_may(scene, &put, "os");
    scene->headers[0] = (Header){"x-amz-acl", "public-read"};
    assert_may(scene, &put, "o");
    set_policy(scene, ALLOWS(AWS(OTHER_ACCOUNT), "s3:PutObject*"));
    assert_may(scene, &put, "os");
}

/* Whether a bucket's policy lets its owner's user do it under that condition, with that body. */
static bool lets_by_body(Scene *scene, const S3Operation *operation, const char *condition,
                         const char *document)
{
    scene->document = document;
    set_policy(scene, arena_printf(arena_of(scene), "%s, \"Condition\": {%s}}",
                                   SAYS("Allow", EVERYBODY, "s3:Put*"), condition));
    return ask(scene, ALICE, operation);
}

#define TAGGING(key, value)                                                                        \
    "<Tagging><TagSet><Tag><Key>" key "</Key><Value>" value "</Value></Tag></TagSet></Tagging>"
#define RETENTION(mode)                                                                            \
    "<Retention><Mode>" mode "</Mode><RetainUntilDate>2026-11-29T00:00:00Z</RetainUntilDate>"      \
    "</Retention>"

static void conditions_see_what_bodies_say(void **state)
{
    Scene *scene = *state;
    static const struct {
        const S3Operation *operation;
        const char *condition, *right, *wrong;
    } rows[] = {
        {&put_tagging, "\"StringEquals\": {\"s3:RequestObjectTag/team\": \"blue sky\"}",
         TAGGING("team", "blue sky"), TAGGING("team", "red")},
        {&put_tagging, "\"ForAnyValue:StringEquals\": {\"s3:RequestObjectTagKeys\": \"team\"}",
         TAGGING("team", ""), TAGGING("other", "team")},
        {&put_retention, "\"StringEquals\": {\"s3:object-lock-mode\": \"GOVERNANCE\"}",
         RETENTION("GOVERNANCE"), RETENTION("COMPLIANCE")},
        /* From 22 November, 09:30: six days and a half. */
        {&put_retention, "\"NumericEquals\": {\"s3:object-lock-remaining-retention-days\": \"7\"}",
         RETENTION("GOVERNANCE"), "<Retention/>"},
        {&put_retention,
         "\"DateLessThan\": {\"s3:object-lock-retain-until-date\": \"2026-11-29T00:00:01Z\"}",
         RETENTION("GOVERNANCE"), "<Retention/>"},
        {&put_legal_hold, "\"StringEquals\": {\"s3:object-lock-legal-hold\": \"ON\"}",
         "<LegalHold><Status>ON</Status></LegalHold>",
         "<LegalHold><Status>OFF</Status></LegalHold>"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (!lets_by_body(scene, rows[i].operation, rows[i].condition, rows[i].right))
            fail_msg("refused: %s", rows[i].right);
        if (lets_by_body(scene, rows[i].operation, rows[i].condition, rows[i].wrong))
            fail_msg("allowed: %s", rows[i].wrong);
        assert_false(lets_by_body(scene, rows[i].operation, rows[i].condition, "<no"));
        assert_false(lets_by_body(scene, rows[i].operation, rows[i].condition, NULL));
    }
}

static void a_header_does_not_stand_for_a_body(void **state)
{
    Scene *scene = *state;
    scene->headers[0] = (Header){"x-amz-tagging", "team=blue"};
    scene->headers[1] = (Header){"x-amz-object-lock-legal-hold", "ON"};
    assert_false(lets_by_body(scene, &put_tagging,
                              "\"StringEquals\": {\"s3:RequestObjectTag/team\": \"blue\"}",
                              "<Tagging><TagSet/></Tagging>"));
    assert_false(lets_by_body(scene, &put_legal_hold,
                              "\"StringEquals\": {\"s3:object-lock-legal-hold\": \"ON\"}",
                              "<LegalHold/>"));
}

static void a_user_may_make_buckets_where_he_is_let(void **state)
{
    Scene *scene = *state;
    assert_works(iam_put_user_policy(
        &scene->fixture->other, "bob", "p",
        "{\"Statement\": {\"Effect\": \"Allow\", \"Action\": \"s3:CreateBucket\", \"Resource\": "
        "\"arn:aws:s3:::*\", \"Condition\": {\"StringLike\": {\"s3:LocationConstraint\": "
        "\"eu-*\"}}}}",
        error));
    assert_may(scene, &create, "os");
    scene->document = "<CreateBucketConfiguration><LocationConstraint>eu-west-1"
                      "</LocationConstraint></CreateBucketConfiguration>";
    assert_may(scene, &create, "osb");
    scene->document = "<CreateBucketConstraint><LocationConstraint>us-west-1"
                      "</LocationConstraint></CreateBucketConstraint>";
    assert_may(scene, &create, "os");
}

static void who_may_write_may_not_tag_or_lock_for_that(void **state)
{
    Scene *scene = *state;
    static const char *const names[] = {"x-amz-tagging", "x-amz-object-lock-mode",
                                        "x-amz-object-lock-legal-hold"};
    scene->bucket.acl = "FULL_CONTROL id " OWNER_ID "\nWRITE group AllUsers";
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        scene->headers[0] = (Header){names[i], "a=b"};
        assert_may(scene, &put, "o");
    }
    scene->headers[0] = (Header){"x-amz-acl", "bucket-owner-full-control"};
    assert_may(scene, &put, "oasn");
    scene->headers[0] = (Header){"x-amz-tagging", "a=b"};
    set_policy(scene, ALLOWS(EVERYBODY, "s3:PutObjectTagging"));
    assert_may(scene, &put, "oasn");
}

static void the_damage_of_public_policies_can_be_limited(void **state)
{
    Scene *scene = *state;
    set_policy(scene, ALLOWS(EVERYBODY, "s3:GetObject"));
    scene->bucket.public_access_block = PUBLIC_ACCESS_RESTRICT_BUCKETS;
    assert_may(scene, &get, "oa");
    set_policy(scene, ALLOWS(AWS(OTHER_ACCOUNT), "s3:GetObject"));
    assert_may(scene, &get, "os");
}

/* ---- ACLs ---- */

static void acls_let_others_in(void **state)
{
    Scene *scene = *state;
    scene->object.acl = "FULL_CONTROL id " OWNER_ID "\nREAD id " STRANGER_ID;
    assert_may(scene, &get, "os");
    assert_may(scene, &get_acl, "o");
    scene->object.acl = "FULL_CONTROL id " OWNER_ID "\nREAD group AuthenticatedUsers";
    assert_may(scene, &get, "oas");
    scene->object.acl = "FULL_CONTROL id " OWNER_ID "\nREAD group AllUsers";
    assert_may(scene, &get, "oasn");
    assert_may(scene, &put, "o");
    scene->bucket.acl = "FULL_CONTROL id " OWNER_ID "\nWRITE group AllUsers";
    assert_may(scene, &put, "oasn");
    assert_may(scene, &list, "o");
}

static void acls_do_not_count_where_ownership_is_enforced(void **state)
{
    Scene *scene = *state;
    scene->object.acl = "READ group AllUsers";
    scene->object.account_id = OTHER_ACCOUNT;
    assert_may(scene, &get, "osbn"); /* alice is a stranger to it, and her account is silent */
    scene->bucket.ownership = "BucketOwnerEnforced";
    assert_may(scene, &get, "o");
}

static void public_acls_can_be_ignored(void **state)
{
    Scene *scene = *state;
    scene->object.acl = "READ group AllUsers\nREAD id " STRANGER_ID;
    scene->bucket.public_access_block = PUBLIC_ACCESS_IGNORE_ACLS;
    assert_may(scene, &get, "os");
}

static void a_deny_beats_an_acl(void **state)
{
    Scene *scene = *state;
    scene->object.acl = "READ group AllUsers";
    set_policy(scene, DENIES(AWS(OTHER_ACCOUNT), "s3:GetObject"));
    assert_may(scene, &get, "oan");
}

static void an_object_of_somebody_else_is_his(void **state)
{
    Scene *scene = *state;
    scene->object.account_id = OTHER_ACCOUNT;
    assert_may(scene, &get, "s");
    set_policy(scene, ALLOWS(EVERYBODY, "s3:GetObject"));
    assert_may(scene, &get, "s");
    scene->object.acl = "FULL_CONTROL id " STRANGER_ID "\nREAD id " OWNER_ID;
    assert_may(scene, &get, "os");
    let_user(&scene->fixture->context, "alice", "Allow", "s3:*");
    assert_may(scene, &get, "oas");
    set_policy(scene, DENIES(EVERYBODY, "s3:GetObject"));
    assert_may(scene, &get, "");
}

static void what_is_missing_is_told_to_those_who_may_list(void **state)
{
    Scene *scene = *state;
    scene->missing = true;
    assert_may(scene, &get, "o");
    set_policy(scene, ALLOWS(EVERYBODY, "s3:GetObject"));
    assert_may(scene, &get, "o");
    set_policy(scene, ALLOWS(AWS(OTHER_ACCOUNT), "s3:ListBucket"));
    assert_may(scene, &get, "os");
    scene->bucket.acl = "READ group AllUsers";
    assert_may(scene, &get, "oasn");
    set_policy(scene, DENIES(AWS(OTHER_ACCOUNT), "s3:GetObject"));
    assert_may(scene, &get, "oan");
}

static void a_delete_marker_is_as_good_as_missing(void **state)
{
    Scene *scene = *state;
    scene->object.is_marker = true;
    assert_may(scene, &get, "o");
    set_policy(scene, ALLOWS(EVERYBODY, "s3:*"));
    assert_may(scene, &get, "oasn");
}

/* ---- ACLs in requests ---- */

static bool from_headers(Scene *scene, bool of_object, const char **ret_acl, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    S3Call call = call_of(scene, STRANGER);
    return txn_begin_read(cloud_store(scene->fixture->cloud), &txn, error) &&
           s3_acl_from_headers(&call, txn, &scene->bucket, of_object ? OTHER_ACCOUNT : ACCOUNT,
                               of_object, ret_acl, error);
}

static bool from_document_of(Scene *scene, const char *text, bool of_object, const char **ret_acl,
                             GError **error)
{
    g_autoptr(Txn) txn = NULL;
    S3Call call = call_of(scene, OWNER);
    call.document = text;
    call.document_size = strlen(text);
    return txn_begin_read(cloud_store(scene->fixture->cloud), &txn, error) &&
           s3_acl_from_document(&call, txn, &scene->bucket, ACCOUNT, of_object, ret_acl, error);
}

static bool from_document(Scene *scene, const char *text, const char **ret_acl, GError **error)
{
    return from_document_of(scene, text, false, ret_acl, error);
}

static void no_header_is_no_acl(void **state)
{
    const char *acl = "";
    assert_works(from_headers(*state, true, &acl, error));
    assert_null(acl);
}

static void canned_acls_know_the_owners(void **state)
{
    Scene *scene = *state;
    const char *acl = NULL;
    scene->headers[0] = (Header){"x-amz-acl", "bucket-owner-full-control"};
    assert_works(from_headers(scene, true, &acl, error));
    assert_string_equal(acl, "FULL_CONTROL id " STRANGER_ID "\nFULL_CONTROL id " OWNER_ID);
    scene->headers[0].value = "private";
    assert_works(from_headers(scene, false, &acl, error));
    assert_string_equal(acl, "FULL_CONTROL id " OWNER_ID);
    scene->headers[0].value = "very-private";
    assert_fault(from_headers(scene, false, &acl, error), FAULT_INVALID_ARGUMENT, "");
}

static void grants_are_read_from_headers(void **state)
{
    Scene *scene = *state;
    const char *acl = NULL;
    scene->headers[0] =
        (Header){"x-amz-grant-read", "id=\"" OWNER_ID "\", "
                                     "uri=\"http://acs.amazonaws.com/groups/global/AllUsers\""};
    scene->headers[1] =
        (Header){"x-amz-grant-full-control", "emailAddress=\"stranger@example.com\""};
    assert_works(from_headers(scene, true, &acl, error));
    assert_string_equal(acl,
                        "READ id " OWNER_ID "\nREAD group AllUsers\nFULL_CONTROL id " STRANGER_ID);
    static const struct {
        const char *text, *says;
        Fault fault;
    } rows[] = {
        {"id=nobody", "Invalid id", FAULT_INVALID_ARGUMENT},
        {"uri=http://example.com/", "Invalid group uri", FAULT_INVALID_ARGUMENT},
        {"emailAddress=a@example.com", "does not match any account", FAULT_UNRESOLVABLE_GRANT},
        {"emailAddress=owner", "does not match any account", FAULT_UNRESOLVABLE_GRANT},
        {"everybody", "format not recognized", FAULT_INVALID_ARGUMENT},
        {"name=owner", "format not recognized", FAULT_INVALID_ARGUMENT},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        scene->headers[0].value = rows[i].text;
        assert_fault(from_headers(scene, true, &acl, error), rows[i].fault, rows[i].says);
    }
    scene->headers[0] = (Header){"x-amz-acl", "private"};
    assert_fault(from_headers(scene, true, &acl, error), FAULT_INVALID_REQUEST,
                 "Specifying both Canned ACLs and Header Grants is not allowed");
}

static void buckets_can_refuse_acls(void **state)
{
    Scene *scene = *state;
    const char *acl = NULL;
    scene->headers[0] = (Header){"x-amz-acl", "public-read"};
    scene->bucket.public_access_block = PUBLIC_ACCESS_BLOCK_ACLS;
    assert_fault(from_headers(scene, true, &acl, error), FAULT_ACCESS_DENIED, "Access Denied");
    scene->bucket.public_access_block = 0;
    scene->bucket.ownership = "BucketOwnerEnforced";
    assert_fault(from_headers(scene, true, &acl, error), FAULT_ACCESS_CONTROL_LIST_NOT_SUPPORTED,
                 "The bucket does not allow ACLs");
    scene->headers[0].value = "bucket-owner-full-control";
    assert_works(from_headers(scene, true, &acl, error));
}

#define XSI "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type="
#define DOCUMENT(owner, grants)                                                                    \
    "<AccessControlPolicy xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Owner><ID>" owner     \
    "</ID></Owner><AccessControlList>" grants "</AccessControlList></AccessControlPolicy>"
#define PERSON(id, permission)                                                                     \
    "<Grant><Grantee " XSI "\"CanonicalUser\"><ID>" id "</ID></Grantee><Permission>" permission    \
    "</Permission></Grant>"
#define GROUP(uri, permission)                                                                     \
    "<Grant><Grantee " XSI "\"Group\"><URI>" uri "</URI></Grantee><Permission>" permission         \
    "</Permission></Grant>"

static void documents_are_read(void **state)
{
    Scene *scene = *state;
    const char *acl = NULL;
    assert_works(from_document(
        scene,
        DOCUMENT(OWNER_ID, PERSON(OWNER_ID, "FULL_CONTROL") GROUP(
                               "http://acs.amazonaws.com/groups/global/AllUsers", "READ_ACP")),
        &acl, error));
    assert_string_equal(acl, "FULL_CONTROL id " OWNER_ID "\nREAD_ACP group AllUsers");
    assert_works(from_document(scene, DOCUMENT(OWNER_ID, ""), &acl, error));
    assert_string_equal(acl, "");
}

static void documents_that_are_wrong_are_refused(void **state)
{
    Scene *scene = *state;
    const char *acl = NULL;
    static const struct {
        const char *text;
        Fault fault;
    } rows[] = {
        {"", FAULT_MISSING_SECURITY_HEADER},
        {"no", FAULT_MALFORMED_ACL},
        {"<Acl/>", FAULT_MALFORMED_ACL},
        {"<AccessControlPolicy/>", FAULT_MALFORMED_ACL},
        {DOCUMENT(STRANGER_ID, ""), FAULT_ACCESS_DENIED},
        {DOCUMENT(OWNER_ID, PERSON(OWNER_ID, "ALL")), FAULT_MALFORMED_ACL},
        {DOCUMENT(OWNER_ID, PERSON("nobody", "READ")), FAULT_INVALID_ARGUMENT},
        {DOCUMENT(OWNER_ID, GROUP("http://example.com/", "READ")), FAULT_INVALID_ARGUMENT},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        assert_fault(from_document(scene, rows[i].text, &acl, error), rows[i].fault, "");
    scene->headers[0] = (Header){"x-amz-acl", "private"};
    assert_fault(from_document(scene, DOCUMENT(OWNER_ID, ""), &acl, error),
                 FAULT_UNEXPECTED_CONTENT, "");
    assert_works(from_document(scene, "", &acl, error));
    assert_string_equal(acl, "FULL_CONTROL id " OWNER_ID);
}

static void headers_that_grant_nothing_do_not_make_it_private(void **state)
{
    Scene *scene = *state;
    const char *acl = "untouched";
    scene->headers[0] = (Header){"x-amz-grant-write", "id=" STRANGER_ID};
    assert_fault(from_document_of(scene, "", true, &acl, error), FAULT_INVALID_ARGUMENT, "WRITE");
    assert_works(from_document_of(scene, "", false, &acl, error));
    assert_string_equal(acl, "WRITE id " STRANGER_ID);
    scene->headers[0] = (Header){"x-amz-grant-read", ""};
    assert_fault(from_document_of(scene, "", true, &acl, error), FAULT_INVALID_ARGUMENT,
                 "format not recognized");
}

static void what_is_shown_can_be_read_again(void **state)
{
    Scene *scene = *state;
    static const char kept[] = "FULL_CONTROL id " OWNER_ID "\nWRITE group LogDelivery";
    const char *acl = NULL;
    g_autoptr(Txn) txn = NULL;
    S3Call call = call_of(scene, OWNER);
    assert_works(txn_begin_read(cloud_store(scene->fixture->cloud), &txn, error) &&
                 s3_acl_reply(&call, txn, ACCOUNT, kept, error) && txn_commit(&txn, error));
    const char *shown = buffer_text(&scene->reply.body);
    assert_non_null(strstr(shown, "<DisplayName>owner</DisplayName>"));
    assert_works(from_document(scene, shown, &acl, error));
    assert_string_equal(acl, kept);
}

#define scene_test(function)                                                                       \
    cmocka_unit_test_setup_teardown(function, scene_set_up, scene_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        scene_test(at_first_it_is_for_its_owner_alone),
        scene_test(a_bucket_is_made_by_accounts_and_those_they_let),
        scene_test(a_user_may_what_his_account_lets_him),
        scene_test(a_user_of_elsewhere_needs_both_accounts),
        scene_test(a_policy_lets_others_in),
        scene_test(a_policy_that_names_a_user_is_enough_for_him),
        scene_test(a_deny_is_for_the_owner_too_but_the_policy_can_be_mended),
        scene_test(conditions_see_the_request),
        scene_test(conditions_see_tags),
        scene_test(what_a_header_asks_for_must_be_allowed_too),
        scene_test(conditions_see_what_bodies_say),
        scene_test(a_header_does_not_stand_for_a_body),
        scene_test(a_user_may_make_buckets_where_he_is_let),
        scene_test(who_may_write_may_not_tag_or_lock_for_that),
        scene_test(the_damage_of_public_policies_can_be_limited),
        scene_test(acls_let_others_in),
        scene_test(acls_do_not_count_where_ownership_is_enforced),
        scene_test(public_acls_can_be_ignored),
        scene_test(a_deny_beats_an_acl),
        scene_test(an_object_of_somebody_else_is_his),
        scene_test(what_is_missing_is_told_to_those_who_may_list),
        scene_test(a_delete_marker_is_as_good_as_missing),
        scene_test(no_header_is_no_acl),
        scene_test(canned_acls_know_the_owners),
        scene_test(grants_are_read_from_headers),
        scene_test(buckets_can_refuse_acls),
        scene_test(documents_are_read),
        scene_test(documents_that_are_wrong_are_refused),
        scene_test(headers_that_grant_nothing_do_not_make_it_private),
        scene_test(what_is_shown_can_be_read_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
