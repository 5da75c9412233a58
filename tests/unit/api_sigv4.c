/* Signature Version 4. The signed examples were made with botocore 1.29 and boto 2.49 (the odd
 * scope), at FAKE_NOW. */
#include "tests/unit/api_verify_fixture.h"
#include "api/signature/canonical.h"
#include "api/signature/key_cache.h"
#include "api/signature/sigv4.h"

static const char post[] =
    "POST /\nHost: 127.0.0.1:4566\n"
    "Content-Type: application/x-www-form-urlencoded; charset=utf-8\n"
    "User-Agent: Boto3/1.0  md/test\nX-Amz-Date: 20261122T093005Z\n"
    "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/us-east-1/ec2/aws4_request, "
    "SignedHeaders=content-type;host;x-amz-date, "
    "Signature=b5b4b552a7b0a05407297b32ccae7506d9eeba08020f80e8f85321476e49ae7b\n\n"
    "Action=DescribeInstances&Version=2016-11-15&Filter.1.Name=tag%3Aa+b&Filter.1.Value.1=%C3%A4%"
    "26";

static const char presigned[] =
    "GET /?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256"
    "&X-Amz-Credential=AKIDEXAMPLE%2F20261122%2Fus-east-1%2Fsts%2Faws4_request"
    "&X-Amz-Date=20261122T093005Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host"
    "&X-Amz-Signature=2e36d9402f93d32351cffefc1971c9a8a44a14542cbbe21f6fff069c1701dfbb\n"
    "Host: 127.0.0.1:4566\n";

static void signed_post_is_believed(void **state)
{
    assert_verifies(post);
}

static void signed_get_is_believed(void **state)
{
    assert_verifies(
        "GET /2012-06-01/?Version=2012-06-01&Action=DescribeLoadBalancers&b=2&a=%2F%20x&a=1\n"
        "Host: 127.0.0.1:4566\nX-Amz-Date: 20261122T093005Z\n"
        "Authorization: AWS4-HMAC-SHA256 "
        "Credential=AKIDEXAMPLE/20261122/us-east-1/elasticloadbalancing/aws4_request, "
        "SignedHeaders=host;x-amz-date, "
        "Signature=9b8a9ca8c2b942be277189e949a274dbadf920e96467c3808d8337a65af491c5\n");
}

static void odd_scope_without_spaces_is_believed(void **state)
{
    assert_verifies(
        "GET /?Action=DescribeInstances&InstanceId.1=i-12345678&InstanceId.10=i-abc"
        "&InstanceId.2=a%20b%2Bc%2F~%2A%C3%A9&Version=2009-11-30\n"
        "Host: 127.0.0.1:4566\nX-Amz-Date: 20261122T093005Z\n"
        "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/0/127/aws4_request,"
        "SignedHeaders=host;x-amz-date,"
        "Signature=435d4152a4eb68c17e278a4527c4c56d7337a953ca7b9bd9100d4100899f5c57\n");
}

static void odd_path_and_header_are_believed(void **state)
{
    assert_verifies("GET /a//b/../c%20d/./\nHost: 127.0.0.1:4566\nX-Odd:   a   b  \n"
                    "X-Amz-Test: t\nX-Amz-Date: 20261122T093005Z\n"
                    "Authorization: AWS4-HMAC-SHA256 "
                    "Credential=AKIDEXAMPLE/20261122/us-east-1/ec2/aws4_request, "
                    "SignedHeaders=host;x-amz-date;x-amz-test;x-odd, Signature="
                    "c63340471a1038872a9d63bc9e1fd204088baa5f09ac768113ea5f3093c466a0\n");
}

static void presigned_url_is_believed(void **state)
{
    assert_verifies(presigned);
}

static void host_signed_without_its_port_is_believed(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    const char *text = fake_sign_v4(arena, "POST", "localhost", "/", "ec2", "Action=A", FAKE_NOW);
    g_autofree char *sent = with(text, "localhost", "localhost:4566");
    assert_verifies(sent);
}

static void any_change_is_refused(void **state)
{
    static const char *const changes[][2] = {
        {"POST /", "GET /"},      {"POST /", "POST /x"},     {"127.0.0.1", "127.0.0.2"},
        {"utf-8", "utf-9"},       {"Describe", "Terminate"}, {"us-east-1", "us-east-2"},
        {"POST /", "POST /?a=b"}, {"b5b4", "b5b5"},          {"b5b4", "B5b4"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(changes); i++) {
        g_autofree char *text = with(post, changes[i][0], changes[i][1]);
        assert_refuses(text, FAKE_NOW, PROTOCOL_EC2, FAULT_SIGNATURE_DOES_NOT_MATCH,
                       WRONG_SIGNATURE);
    }
}

static void another_payload_hash_is_refused(void **state)
{
    g_autofree char *text =
        with(post, "X-Amz-Date:", "X-Amz-Content-SHA256: UNSIGNED-PAYLOAD\nX-Amz-Date:");
    assert_refuses(text, FAKE_NOW, PROTOCOL_EC2, FAULT_SIGNATURE_DOES_NOT_MATCH, WRONG_SIGNATURE);
}

static void unknown_key_is_refused(void **state)
{
    g_autofree char *text = with(post, "AKIDEXAMPLE", "AKIDOTHER");
    assert_refuses(text, FAKE_NOW, PROTOCOL_EC2, FAULT_AUTH_FAILURE,
                   "AWS was not able to validate the provided access credentials");
    assert_refuses(text, FAKE_NOW, PROTOCOL_QUERY, FAULT_INVALID_CLIENT_TOKEN_ID,
                   "The security token included in the request is invalid.");
}

static void time_is_fifteen_minutes_wide(void **state)
{
    assert_true(verify_at(post, FAKE_NOW + MINUTES(15), PROTOCOL_EC2, NULL));
    assert_true(verify_at(post, FAKE_NOW - MINUTES(15), PROTOCOL_EC2, NULL));
    assert_refuses(post, FAKE_NOW + MINUTES(16), PROTOCOL_QUERY, FAULT_SIGNATURE_DOES_NOT_MATCH,
                   "Signature expired: 20261122T093005Z is now earlier than 20261122T093105Z "
                   "(20261122T094605Z - 15 min.)");
    assert_refuses(post, FAKE_NOW + MINUTES(16), PROTOCOL_EC2, FAULT_REQUEST_EXPIRED,
                   "Request has expired. Signature expired: 20261122T093005Z is now earlier than "
                   "20261122T093105Z (20261122T094605Z - 15 min.)");
    assert_refuses(post, FAKE_NOW - MINUTES(16), PROTOCOL_EC2, FAULT_REQUEST_EXPIRED,
                   "Signature not yet current: 20261122T093005Z is still later than "
                   "20261122T092905Z (20261122T091405Z + 15 min.)");
}

static void presigned_url_lives_as_long_as_it_says(void **state)
{
    g_autofree char *hour = with(presigned, "Expires=900", "Expires=604801");
    assert_true(verify_at(presigned, FAKE_NOW + MINUTES(15), PROTOCOL_QUERY, NULL));
    assert_false(verify_at(presigned, FAKE_NOW + MINUTES(15) + 1, PROTOCOL_QUERY, NULL));
    assert_refuses(hour, FAKE_NOW, PROTOCOL_QUERY, FAULT_INCOMPLETE_SIGNATURE,
                   "X-Amz-Expires must be less than a week (in seconds); that is, the given "
                   "X-Amz-Expires must be less than 604800 seconds");
}

static void missing_parts_are_named(void **state)
{
    static const char *const cases[][3] = {
        {"Signature=", "Foo=", "Authorization header requires 'Signature' parameter."},
        {"Credential=", "Foo=", "Authorization header requires 'Credential' parameter."},
        {"SignedHeaders=", "Foo=", "Authorization header requires 'SignedHeaders' parameter."},
        {";host;", ";", "'Host' must be a 'SignedHeader' in the AWS Authorization."},
        {"aws4_request", "aws5_request",
         "Credential should be scoped with a valid terminator: 'aws4_request', not "
         "'aws5_request'."},
        {"AKIDEXAMPLE/20261122/us-east-1/ec2/", "",
         "Credential must have at least 5 slash-delimited elements, got 'aws4_request'."},
        {"/20261122/", "/20261123/",
         "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from "
         "HTTP: '20261123' != '20261122', from '20261122T093005Z'."},
        {"X-Amz-Date: 20261122T093005Z", "X-Amz-Date: yesterday",
         "Date must be in ISO-8601 'basic format'. Got 'yesterday'. See "
         "http://en.wikipedia.org/wiki/ISO_8601"},
        {"X-Amz-Date", "X-Date",
         "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = with(post, cases[i][0], cases[i][1]);
        assert_refuses(text, FAKE_NOW, PROTOCOL_EC2, FAULT_INCOMPLETE_SIGNATURE, cases[i][2]);
    }
}

static void unsigned_request_is_refused(void **state)
{
    const char *text = "POST /\nHost: x\n\nAction=DescribeInstances";
    assert_refuses(text, FAKE_NOW, PROTOCOL_EC2, FAULT_MISSING_PARAMETER,
                   "The request must contain the parameter AWSAccessKeyId");
    assert_refuses(text, FAKE_NOW, PROTOCOL_QUERY, FAULT_MISSING_AUTHENTICATION_TOKEN,
                   "Request is missing Authentication Token");
}

/* "Deriving the signing key", AWS General Reference: a published example. */
static void published_signing_key_is_derived(void **state)
{
    const Claim claim = {.date = "20120215", .region = "us-east-1", .service = "iam"};
    uint8_t key[SHA256_SIZE];
    char hex[2 * SHA256_SIZE + 1];
    sigv4_derive_key(FAKE_SECRET, &claim, key);
    hex_encode(key, sizeof(key), hex);
    assert_string_equal(hex, "f4780e2d9f65fa895f9c67b32ce1baf0b0d8a43505a000a1a9e090d414db404d");
}

static void assert_path(const char *path, const char *expected)
{
    g_autoptr(Arena) arena = arena_new();
    g_auto(Buffer) out = {0};
    canonical_path(&out, arena, path);
    assert_string_equal(buffer_text(&out), expected);
}

static void paths_are_normalised(void **state)
{
    assert_path("", "/");
    assert_path("/", "/");
    assert_path("//", "/");
    assert_path("/a/..", "/");
    assert_path("/../../a", "/a");
    assert_path("/a/./b/", "/a/b/");
    assert_path("//example//", "/example/");
    assert_path("/a%20b", "/a%2520b");
    assert_path("a", "/a");
}

static void host_loses_its_port(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    assert_string_equal(canonical_host_without_port(arena, "a:1"), "a");
    assert_string_equal(canonical_host_without_port(arena, "[::1]:4566"), "[::1]");
    assert_null(canonical_host_without_port(arena, "a"));
    assert_null(canonical_host_without_port(arena, "::1"));
    assert_null(canonical_host_without_port(arena, ":1"));
}

static void cached_key_is_only_for_its_secret(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(KeyCache) cache = key_cache_new();
    const Claim claim = {.access_key_id = "A",
                         .scope = "20120215/us-east-1/iam/aws4_request",
                         .date = "20120215",
                         .region = "us-east-1",
                         .service = "iam"};
    uint8_t key[SHA256_SIZE];
    assert_false(key_cache_get(cache, arena, &claim, "secret", key));
    key_cache_put(cache, arena, &claim, "secret", key);
    assert_true(key_cache_get(cache, arena, &claim, "secret", key));
    assert_false(key_cache_get(cache, arena, &claim, "other", key));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signed_post_is_believed),
        cmocka_unit_test(signed_get_is_believed),
        cmocka_unit_test(odd_scope_without_spaces_is_believed),
        cmocka_unit_test(odd_path_and_header_are_believed),
        cmocka_unit_test(presigned_url_is_believed),
        cmocka_unit_test(host_signed_without_its_port_is_believed),
        cmocka_unit_test(any_change_is_refused),
        cmocka_unit_test(another_payload_hash_is_refused),
        cmocka_unit_test(unknown_key_is_refused),
        cmocka_unit_test(time_is_fifteen_minutes_wide),
        cmocka_unit_test(presigned_url_lives_as_long_as_it_says),
        cmocka_unit_test(missing_parts_are_named),
        cmocka_unit_test(unsigned_request_is_refused),
        cmocka_unit_test(published_signing_key_is_derived),
        cmocka_unit_test(paths_are_normalised),
        cmocka_unit_test(host_loses_its_port),
        cmocka_unit_test(cached_key_is_only_for_its_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
