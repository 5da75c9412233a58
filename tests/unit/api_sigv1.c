/* Signature Version 1. The signed example was made with boto 2.49. */
#include "tests/unit/api_verify_fixture.h"

static const char get[] =
    "GET /?aaa=z%C3%A9&Action=DescribeLoadBalancers&AWSAccessKeyId=AKIDEXAMPLE&Bbb=y"
    "&LoadBalancerNames.member.1=lb%201&SignatureVersion=1&Timestamp=2026-11-22T09%3A30%3A05Z"
    "&Version=2009-05-15&Signature=wEwkE3OSaJeRDRqfWBBWkR9Ex5Y%3D\nHost: 127.0.0.1\n";

static void get_is_believed(void **state)
{
    assert_verifies(get);
}

static void any_change_is_refused(void **state)
{
    static const char *const changes[][2] = {
        {"Bbb=y", "Bbb=z"}, {"Bbb=y", "Bbb=y&c=d"}, {"&Bbb=y", ""}, {"wEwk", "wEwl"}};
    for (size_t i = 0; i < G_N_ELEMENTS(changes); i++) {
        g_autofree char *text = with(get, changes[i][0], changes[i][1]);
        assert_refuses(text, FAKE_NOW, PROTOCOL_QUERY, FAULT_SIGNATURE_DOES_NOT_MATCH,
                       WRONG_SIGNATURE);
    }
}

static void version_has_to_be_said(void **state)
{
    g_autofree char *text = with(get, "SignatureVersion=1", "Foo=1");
    assert_refuses(text, FAKE_NOW, PROTOCOL_QUERY, FAULT_MISSING_PARAMETER,
                   "The request must contain the parameter SignatureVersion");
}

static void old_timestamp_is_refused(void **state)
{
    assert_refuses(get, FAKE_NOW + MINUTES(16), PROTOCOL_QUERY, FAULT_SIGNATURE_DOES_NOT_MATCH,
                   "Timestamp date is 2026-11-22T09:30:05Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(get_is_believed),
        cmocka_unit_test(any_change_is_refused),
        cmocka_unit_test(version_has_to_be_said),
        cmocka_unit_test(old_timestamp_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
