/* api/s3/control_address.h: what is for S3 Control, and which bucket. */
#include "api/s3/control_address.h"
#include "base/fault.h"
#include "tests/unit/unit.h"

#define ACCOUNT "123456789012"

/* account NULL: no such header. */
static HttpRequest request_of(const char *host, const char *account, const char *path,
                              Header headers[2])
{
    headers[0] = (Header){"Host", host};
    headers[1] = (Header){"x-amz-account-id", account};
    return (HttpRequest){.method = "GET",
                         .path = path,
                         .query = "",
                         .headers = headers,
                         .n_headers = account ? 2 : 1};
}

static void requests_for_s3_control_are_known(void **state)
{
    static const struct {
        const char *host, *account, *path;
        bool control;
    } cases[] = {
        {"127.0.0.1:4566", ACCOUNT, "/v20180820/tags/arn", true},
        {ACCOUNT ".localhost:4566", ACCOUNT, "/v20180820/tags/arn", true},
        {"s3-control.us-east-1.amazonaws.com", NULL, "/v20180820/tags/arn", true},
        {ACCOUNT ".s3-control.us-east-1.amazonaws.com", NULL, "/v20180820/tags/arn", true},
        /* Objects of buckets that have such names. */
        {"127.0.0.1:4566", NULL, "/v20180820/tags/arn", false},
        {ACCOUNT ".localhost:4566", NULL, "/v20180820/tags/arn", false},
        {"my-s3-control.localhost", NULL, "/v20180820/tags/arn", false},
        {"127.0.0.1:4566", ACCOUNT, "/v20180820", false},
        {"127.0.0.1:4566", ACCOUNT, "/bucket/v20180820/", false},
        {"s3-control.us-east-1.amazonaws.com", NULL, "/", false},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        Header headers[2];
        HttpRequest request = request_of(cases[i].host, cases[i].account, cases[i].path, headers);
        if (s3_control_is_meant(&request) != cases[i].control)
            fail_msg("%s%s", cases[i].host, cases[i].path);
    }
}

static void both_forms_of_a_bucket_s_arn_are_read(void **state)
{
    static const struct {
        const char *path, *bucket, *region, *account;
    } cases[] = {
        {"/v20180820/tags/arn:aws:s3:::my.bucket", "my.bucket", "", ""},
        {"/v20180820/tags/arn%3Aaws%3As3%3A%3A%3Abucket", "bucket", "", ""},
        {"/v20180820/tags/arn:aws-cn:s3:::bucket", "bucket", "", ""},
        {"/v20180820/tags/arn%3Aaws%3As3%3Aeu-west-1%3A" ACCOUNT "%3Abucket/b", "b", "eu-west-1",
         ACCOUNT},
        {"/v20180820/tags/arn:aws:s3:eu-west-1:" ACCOUNT ":bucket%2Fb", "b", "eu-west-1", ACCOUNT},
        {"/v20180820/configuration/publicAccessBlock", NULL, NULL, NULL},
    };
    g_autoptr(Arena) arena = arena_new();
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        Header headers[2];
        HttpRequest request = request_of("localhost", ACCOUNT, cases[i].path, headers);
        S3ControlAddress address;
        g_autoptr(GError) error = NULL;
        s3_control_address_read(arena, &request, &address, &error);
        assert_no_error(error);
        if (g_strcmp0(address.bucket, cases[i].bucket) != 0 ||
            g_strcmp0(address.region, cases[i].region) != 0 ||
            g_strcmp0(address.account_id, cases[i].account) != 0)
            fail_msg("%s: %s %s %s", cases[i].path, address.bucket, address.region,
                     address.account_id);
        assert_string_equal(address.caller_says, ACCOUNT);
    }
}

static void what_is_no_bucket_is_refused(void **state)
{
    static const struct {
        const char *account, *arn;
        Fault fault;
    } cases[] = {
        {ACCOUNT, "", FAULT_INVALID_REQUEST},
        {ACCOUNT, "bucket", FAULT_INVALID_REQUEST},
        {ACCOUNT, "arn:aws:s3:::", FAULT_INVALID_REQUEST},
        {ACCOUNT, "arn:aws:s3::bucket", FAULT_INVALID_REQUEST},
        {ACCOUNT, "arn::s3:::bucket", FAULT_INVALID_REQUEST},
        {ACCOUNT, "urn:aws:s3:::bucket", FAULT_INVALID_REQUEST},
        {ACCOUNT, "arn:aws:s3:::bucket/key", FAULT_INVALID_REQUEST},
        {ACCOUNT, "arn:aws:s3:us-east-1:" ACCOUNT ":bucket/", FAULT_INVALID_REQUEST},
        {ACCOUNT, "arn:aws:s3:us-east-1:" ACCOUNT ":accesspoint/a", FAULT_NOT_IMPLEMENTED},
        {ACCOUNT, "arn:aws:s3express:us-east-1:" ACCOUNT ":bucket/b", FAULT_NOT_IMPLEMENTED},
        {ACCOUNT, "arn:aws:s3:::b%00c", FAULT_INVALID_URI},
        {ACCOUNT, "arn:aws:s3:::%f", FAULT_INVALID_URI},
        {NULL, "arn:aws:s3:::bucket", FAULT_INVALID_REQUEST},
        {"", "arn:aws:s3:::bucket", FAULT_INVALID_REQUEST},
        {"12345678901", "arn:aws:s3:::bucket", FAULT_INVALID_REQUEST},
        {"12345678901x", "arn:aws:s3:::bucket", FAULT_INVALID_REQUEST},
    };
    g_autoptr(Arena) arena = arena_new();
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        Header headers[2];
        const char *path = arena_printf(arena, "/v20180820/tags/%s", cases[i].arn);
        HttpRequest request = request_of("localhost", cases[i].account, path, headers);
        S3ControlAddress address;
        g_autoptr(GError) error = NULL;
        if (s3_control_address_read(arena, &request, &address, &error) ||
            !fault_is(error, cases[i].fault))
            fail_msg("%s of %s: %s", cases[i].arn, cases[i].account,
                     error ? error->message : "taken");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_for_s3_control_are_known),
        cmocka_unit_test(both_forms_of_a_bucket_s_arn_are_read),
        cmocka_unit_test(what_is_no_bucket_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
