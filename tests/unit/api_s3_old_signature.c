/* Who signed a request to S3, in Version 2 and in forms. The examples with AKIAIOSFODNN7EXAMPLE are
 * published: "Signing and authenticating REST requests" (Amazon S3 User Guide), "Browser-based
 * uploads using POST" (Amazon S3 API Reference). */
#include "tests/unit/api_s3_signature_fixture.h"
#include "api/s3/post_policy.h"

static void published_version_2_is_believed(void **state)
{
    assert_believed_at("GET /photos/puppy.jpg\nHost: awsexamplebucket1.us-west-1.s3.amazonaws.com\n"
                       "Date: Tue, 27 Mar 2007 19:36:42 +0000\n"
                       "Authorization: AWS " DOC_KEY ":qgk2+6Sv9/oM7G3qLEjTH1a1l1g=\n",
                       DOC_2007, "awsexamplebucket1", "111122223333");
    assert_believed_at("PUT /photos/puppy.jpg\nContent-Type: image/jpeg\nContent-Length: 94328\n"
                       "Host: awsexamplebucket1.s3.us-west-1.amazonaws.com\n"
                       "Date: Tue, 27 Mar 2007 21:15:45 +0000\n"
                       "Authorization: AWS " DOC_KEY ":iqRzw+ileNPu1fhspnRs8nOjjIA=\n",
                       DOC_2007 + MINUTES(99), "awsexamplebucket1", "111122223333");
}

static const char version2[] =
    "PUT /bkt/a%20b%2Bc?acl\nHost: 127.0.0.1:4566\nContent-Type: text/plain\n"
    "x-amz-acl: public-read\nx-amz-meta-a:  b  c \nDate: Sun, 22 Nov 2026 09:30:05 GMT\n"
    "Authorization: AWS AKIDEXAMPLE:QUGspDuK8fzzzRYuCixLA1iBjw4=\nContent-Length: 0\n";

static void version_2_header_is_believed(void **state)
{
    assert_now(version2);
    g_auto(Outcome) outcome = check_at(version2, FAKE_NOW, NULL);
    assert_true(outcome.signature.version2);
    assert_string_equal(outcome.signature.version, "AWS");
    assert_string_equal(outcome.signature.auth_type, "REST-HEADER");
    g_autofree char *flag = with(version2, "?acl", "?acl=&prefix=any");
    assert_now(flag);
}

/* As botocore, the command line and s3cmd do it. */
static void version_2_readings_of_clients_are_believed(void **state)
{
    assert_now("GET /bkt?acl\nHost: x\nDate: Sun, 22 Nov 2026 09:30:05 GMT\n"
               "Authorization: AWS AKIDEXAMPLE:YG4TljECKy1UiPHxsD8BDQ7f8pY=\n");
    const char *url = "PUT /bkt/key?AWSAccessKeyId=AKIDEXAMPLE&Expires=1795340705&x-amz-acl=private"
                      "&Signature=a2A5o4lo%2F3%2BOhS3NjO0q86okmf0%3D\nHost: x\n";
    assert_now(url);
    g_autofree char *twice = g_strconcat(url, "x-amz-acl: private\n", NULL);
    assert_now(twice);
    g_autofree char *other = g_strconcat(url, "x-amz-acl: public-read\n", NULL);
    assert_refused(other, FAKE_NOW, FAULT_SIGNATURE_DOES_NOT_MATCH, WRONG);
}

static void changed_version_2_is_refused(void **state)
{
    static const char *const changes[][2] = {
        {"PUT", "GET"},         {"?acl", "?policy"},      {"?acl", ""},
        {"plain", "html"},      {"public-read", "other"}, {"b  c", "b c"},
        {":05 GMT", ":06 GMT"}, {"%2Bc", "%2Bd"},         {"QUGs", "QUGt"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(changes); i++) {
        g_autofree char *text = with(version2, changes[i][0], changes[i][1]);
        assert_refused(text, FAKE_NOW, FAULT_SIGNATURE_DOES_NOT_MATCH, WRONG);
    }
    g_autofree char *text = with(version2, "PUT", "GET");
    g_auto(Outcome) outcome = check_at(text, FAKE_NOW, NULL);
    assert_string_equal(value_of(&outcome, "StringToSign"),
                        "GET\n\ntext/plain\nSun, 22 Nov 2026 09:30:05 GMT\n"
                        "x-amz-acl:public-read\nx-amz-meta-a:b  c\n/bkt/a%20b%2Bc?acl");
    assert_null(value_of(&outcome, "CanonicalRequest"));
}

static void broken_version_2_is_described(void **state)
{
    g_autofree char *colon = with(version2, "AKIDEXAMPLE:", "AKIDEXAMPLE");
    assert_refused(colon, FAKE_NOW, FAULT_INVALID_ARGUMENT,
                   "AWS authorization header is invalid.  Expected AwsAccessKeyId:signature");
    g_autofree char *date = with(version2, "Date: Sun, 22 Nov", "Date: Sun, 42 Nov");
    assert_refused(date, FAKE_NOW, FAULT_ACCESS_DENIED,
                   "AWS authentication requires a valid Date or x-amz-date header");
    g_auto(Outcome) outcome = check_at(version2, FAKE_NOW + MINUTES(16), NULL);
    assert_true(fault_is(outcome.error, FAULT_REQUEST_TIME_TOO_SKEWED));
    assert_string_equal(value_of(&outcome, "RequestTime"), "Sun, 22 Nov 2026 09:30:05 GMT");
}

static const char url2[] =
    "GET /bkt/key?versionId=abc&response-content-type=text%2Fplain&prefix=x"
    "&AWSAccessKeyId=AKIDEXAMPLE&Signature=q3UrQxLFgSzuPIJLLOvg6P4V6C4%3D&Expires=1795340705\n"
    "Host: 127.0.0.1:4566\n";

static void version_2_url_is_believed_until_it_ends(void **state)
{
    assert_now(url2);
    g_auto(Outcome) outcome = check_at(url2, FAKE_NOW + MINUTES(16), NULL);
    assert_true(fault_is(outcome.error, FAULT_ACCESS_DENIED));
    assert_string_equal(value_of(&outcome, "Expires"), "2026-11-22T09:45:05Z");
    assert_null(value_of(&outcome, "X-Amz-Expires"));
    g_autofree char *text = with(url2, "=1795340705", "=tomorrow");
    assert_refused(text, FAKE_NOW, FAULT_ACCESS_DENIED,
                   "Invalid date (should be seconds since epoch): tomorrow");
    g_autofree char *none = with(url2, "Expires", "Nothing");
    assert_refused(none, FAKE_NOW, FAULT_ACCESS_DENIED,
                   "Query-string authentication requires the Signature, Expires and "
                   "AWSAccessKeyId parameters");
}

/* What reads an object must not be made to do something else by whoever got it. */
static void version_2_url_is_for_one_operation(void **state)
{
    static const char url[] = "GET /bkt/key?AWSAccessKeyId=AKIDEXAMPLE"
                              "&Signature=5G1Deq0suOZkCoFXFGwkPuZg3ts%3D&Expires=1795340705\n"
                              "Host: 127.0.0.1:4566\n";
    assert_now(url);
    for (size_t i = 0; i < s3_n_operations; i++) {
        const char *subresource = s3_operations[i].subresource;
        /* With and without it a bucket's objects are listed. */
        if (!subresource || strcmp(subresource, "list-type") == 0)
            continue;
        g_autofree char *query = g_strdup_printf("?%s&AWS", subresource);
        g_autofree char *text = with(url, "?AWS", query);
        assert_refused(text, FAKE_NOW, FAULT_SIGNATURE_DOES_NOT_MATCH, WRONG);
    }
}

/* ---- forms ---- */

static bool check_form(Arena *arena, const char *const *pairs, S3Signature *ret_signature,
                       const char **ret_policy, GError **error)
{
    g_autoptr(Clock) clock = clock_new_manual(FAKE_NOW);
    const KeySource keys = {find_key, NULL};
    g_autoptr(Verifier) verifier = verifier_new(&keys, clock);
    Param items[8];
    Params fields = {items, 0};
    for (; *pairs; pairs += 2)
        items[fields.n++] = (Param){pairs[0], pairs[1]};
    return verifier_check_form(verifier, arena, &fields, ret_signature, ret_policy, error);
}

/* {"expiration":"2026-12-01T00:00:00Z"} */
#define POLICY "eyJleHBpcmF0aW9uIjoiMjAyNi0xMi0wMVQwMDowMDowMFoifQ=="
#define FORM_V4(signature)                                                                         \
    (const char *const[])                                                                          \
    {                                                                                              \
        "policy", POLICY, "x-amz-algorithm", "AWS4-HMAC-SHA256", "x-amz-credential",               \
            "AKIDEXAMPLE/20261122/us-east-1/s3/aws4_request", "x-amz-date", "20261122T093005Z",    \
            "x-amz-signature", signature, NULL                                                     \
    }
#define FORM_V2(signature)                                                                         \
    (const char *const[])                                                                          \
    {                                                                                              \
        "policy", POLICY, "awsaccesskeyid", "AKIDEXAMPLE", "signature", signature, NULL            \
    }

static void signed_forms_are_believed(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(GError) error = NULL;
    S3Signature signature;
    const char *policy;
    check_form(arena, FORM_V4("2b964c20928f50bc1f21bb8f8e3da72428828dbd4665e9a64c61b15a36a7c01a"),
               &signature, &policy, &error);
    assert_no_error(error);
    assert_string_equal(policy, "{\"expiration\":\"2026-12-01T00:00:00Z\"}");
    assert_string_equal(signature.auth_type, "POST");
    assert_string_equal(signature.caller.account_id, "123456789012");
    check_form(arena, FORM_V2("gUU/lwPqe7SqvDzE97z6Q09k/6U="), &signature, &policy, &error);
    assert_no_error(error);
    assert_true(signature.version2);
}

/* "Example: Browser-Based Upload using HTTP POST" */
static void published_form_is_believed(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(GError) error = NULL;
    S3Signature signature;
    PostPolicySize size;
    const char *policy;
    Param items[] = {
        {"key", "user/user1/MyPhoto.jpg"},
        {"acl", "public-read"},
        {"success_action_redirect",
         "http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html"},
        {"content-type", "image/jpeg"},
        {"x-amz-meta-uuid", "14365123651274"},
        {"x-amz-server-side-encryption", "AES256"},
        {"x-amz-credential", DOC_KEY "/20151229/us-east-1/s3/aws4_request"},
        {"x-amz-algorithm", "AWS4-HMAC-SHA256"},
        {"x-amz-date", "20151229T000000Z"},
        {"x-amz-meta-tag", ""},
        {"policy",
         "eyAiZXhwaXJhdGlvbiI6ICIyMDE1LTEyLTMwVDEyOjAwOjAwLjAwMFoiLA0KICAiY29uZGl0aW9ucyI6IFsNCiAg"
         "ICB7ImJ1Y2tldCI6ICJzaWd2NGV4YW1wbGVidWNrZXQifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRrZXkiLCAi"
         "dXNlci91c2VyMS8iXSwNCiAgICB7ImFjbCI6ICJwdWJsaWMtcmVhZCJ9LA0KICAgIHsic3VjY2Vzc19hY3Rpb25f"
         "cmVkaXJlY3QiOiAiaHR0cDovL3NpZ3Y0ZXhhbXBsZWJ1Y2tldC5zMy5hbWF6b25hd3MuY29tL3N1Y2Nlc3NmdWxf"
         "dXBsb2FkLmh0bWwifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRDb250ZW50LVR5cGUiLCAiaW1hZ2UvIl0sDQog"
         "ICAgeyJ4LWFtei1tZXRhLXV1aWQiOiAiMTQzNjUxMjM2NTEyNzQifSwNCiAgICB7IngtYW16LXNlcnZlci1zaWRl"
         "LWVuY3J5cHRpb24iOiAiQUVTMjU2In0sDQogICAgWyJzdGFydHMtd2l0aCIsICIkeC1hbXotbWV0YS10YWciLCAi"
         "Il0sDQoNCiAgICB7IngtYW16LWNyZWRlbnRpYWwiOiAiQUtJQUlPU0ZPRE5ON0VYQU1QTEUvMjAxNTEyMjkvdXMt"
         "ZWFzdC0xL3MzL2F3czRfcmVxdWVzdCJ9LA0KICAgIHsieC1hbXotYWxnb3JpdGhtIjogIkFXUzQtSE1BQy1TSEEy"
         "NTYifSwNCiAgICB7IngtYW16LWRhdGUiOiAiMjAxNTEyMjlUMDAwMDAwWiIgfQ0KICBdDQp9"},
        {"x-amz-signature", "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e"},
    };
    const Params fields = {items, G_N_ELEMENTS(items)};
    g_autoptr(Clock) clock = clock_new_manual(FAKE_NOW);
    const KeySource keys = {find_key, NULL};
    g_autoptr(Verifier) verifier = verifier_new(&keys, clock);
    verifier_check_form(verifier, arena, &fields, &signature, &policy, &error);
    assert_no_error(error);
    assert_string_equal(signature.caller.account_id, "111122223333");
    /* A second before noon UTC on December 30, 2015. */
    post_policy_check(arena, policy, &fields, "sigv4examplebucket", INT64_C(1451476799000000),
                      &size, &error);
    assert_no_error(error);
}

static void form_without_policy_is_anonymous(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    S3Signature signature;
    const char *policy = "";
    const char *const pairs[] = {"key", "a", NULL};
    assert_true(check_form(arena, pairs, &signature, &policy, NULL));
    assert_true(signature.anonymous);
    assert_null(policy);
}

static void assert_form_refused(const char *const *pairs, Fault fault)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(GError) error = NULL;
    S3Signature signature;
    const char *policy;
    assert_false(check_form(arena, pairs, &signature, &policy, &error));
    assert_true(fault_is(error, fault));
}

static void wrong_forms_are_refused(void **state)
{
    assert_form_refused(FORM_V4("00"), FAULT_SIGNATURE_DOES_NOT_MATCH);
    assert_form_refused(FORM_V2("AAAA"), FAULT_SIGNATURE_DOES_NOT_MATCH);
    assert_form_refused((const char *const[]){"policy", POLICY, NULL}, FAULT_INVALID_ARGUMENT);
    assert_form_refused((const char *const[]){"policy", POLICY, "x-amz-signature", "00", NULL},
                        FAULT_INVALID_ARGUMENT);
    assert_form_refused((const char *const[]){"policy", POLICY, "awsaccesskeyid", "AKIDOTHER",
                                              "signature", "AAAA", NULL},
                        FAULT_INVALID_ACCESS_KEY_ID);
    assert_form_refused((const char *const[]){"policy", "?", "awsaccesskeyid", "AKIDEXAMPLE",
                                              "signature", "AAAA", NULL},
                        FAULT_INVALID_POLICY_DOCUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_version_2_is_believed),
        cmocka_unit_test(version_2_header_is_believed),
        cmocka_unit_test(version_2_readings_of_clients_are_believed),
        cmocka_unit_test(changed_version_2_is_refused),
        cmocka_unit_test(broken_version_2_is_described),
        cmocka_unit_test(version_2_url_is_believed_until_it_ends),
        cmocka_unit_test(version_2_url_is_for_one_operation),
        cmocka_unit_test(signed_forms_are_believed),
        cmocka_unit_test(published_form_is_believed),
        cmocka_unit_test(form_without_policy_is_anonymous),
        cmocka_unit_test(wrong_forms_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
