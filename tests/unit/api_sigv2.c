/* Signature Version 2. The signed examples were made with boto 2.49, but for those that sign a
 * port or an Expires: hashlib. */
#include "tests/unit/api_verify_fixture.h"

#define PARAMS                                                                                     \
    "AWSAccessKeyId=AKIDEXAMPLE&Action=DescribeInstances&InstanceId.1=i-12345678"                  \
    "&InstanceId.10=i-abc&InstanceId.2=a%20b%2Bc%2F~%2A%C3%A9"

static const char get[] = "GET /?" PARAMS "&SignatureMethod=HmacSHA256&SignatureVersion=2"
                          "&Timestamp=2026-11-22T09%3A30%3A05Z&Version=2009-11-30"
                          "&Signature=%2BrJJkGoZks%2Bip%2FIMDLfmp%2B5LnWsFvD9n%2BPmB6nmNpFg%3D\n"
                          "Host: 127.0.0.1:4566\n";

static void get_is_believed(void **state)
{
    assert_verifies(get);
}

static void post_is_believed(void **state)
{
    assert_verifies("POST /\nHost: 127.0.0.1:4566\n"
                    "Content-Type: application/x-www-form-urlencoded; charset=UTF-8\n\n" PARAMS
                    "&SignatureMethod=HmacSHA256&SignatureVersion=2"
                    "&Timestamp=2026-11-22T09%3A30%3A05Z&Version=2009-11-30"
                    "&Signature=V0P5rOhgDaV8SWGkCTLLSC9ORNkw89NkaIW4ZSeR6BA%3D");
}

static void sha1_is_believed(void **state)
{
    assert_verifies("GET /?" PARAMS "&SignatureMethod=HmacSHA1&SignatureVersion=2"
                    "&Timestamp=2026-11-22T09%3A30%3A05Z&Version=2009-11-30"
                    "&Signature=S09JTQO2JUdVFKEYd5SX73HDvHs%3D\nHost: 127.0.0.1\n");
}

static void signed_port_and_capitals_are_believed(void **state)
{
    assert_verifies("GET /?" PARAMS "&SignatureMethod=HmacSHA256&SignatureVersion=2"
                    "&Timestamp=2026-11-22T09%3A30%3A05Z&Version=2009-11-30"
                    "&Signature=tZ/O4ZVlda3iKT35B5AW1jDXOIBnBkHR4ovyaeBMU2c%3D\n"
                    "Host: LocalHost:4566\n");
}

static void order_and_spelling_do_not_matter(void **state)
{
    assert_verifies("GET /?Version=2009-11-30&Timestamp=2026-11-22T09:30:05Z&SignatureVersion=2"
                    "&SignatureMethod=HmacSHA256&InstanceId.2=a+b%2bc/~*%C3%A9&InstanceId.10=i-abc"
                    "&InstanceId.1=i-12345678&Action=DescribeInstances&AWSAccessKeyId=AKIDEXAMPLE"
                    "&Signature=tZ/O4ZVlda3iKT35B5AW1jDXOIBnBkHR4ovyaeBMU2c=\n"
                    "Host: localhost:4566\n");
}

static const char expiring[] =
    "GET /?AWSAccessKeyId=AKIDEXAMPLE&Action=DescribeInstances&Expires=2026-11-22T09%3A40%3A05Z"
    "&InstanceId.1=i-12345678&InstanceId.10=i-abc&InstanceId.2=a%20b%2Bc%2F~%2A%C3%A9"
    "&SignatureMethod=HmacSHA256&SignatureVersion=2&Version=2009-11-30"
    "&Signature=bnOhBxiks%2BAJfMzPV7vpR5ojql%2B%2BaL90OUTYY9IDgv4%3D\nHost: localhost:4566\n";

static void expiry_is_kept(void **state)
{
    assert_verifies(expiring);
    assert_refuses(expiring, FAKE_NOW + MINUTES(11), PROTOCOL_EC2, FAULT_REQUEST_EXPIRED,
                   "Request has expired. Expires date is 2026-11-22T09:40:05Z");
}

static void old_timestamp_is_refused(void **state)
{
    assert_refuses(get, FAKE_NOW + MINUTES(16), PROTOCOL_EC2, FAULT_REQUEST_EXPIRED,
                   "Request has expired. Timestamp date is 2026-11-22T09:30:05Z");
    assert_false(verify_at(get, FAKE_NOW - MINUTES(16), PROTOCOL_EC2, NULL));
}

static void any_change_is_refused(void **state)
{
    static const char *const changes[][2] = {
        {"GET /", "GET /x"},
        {"127.0.0.1", "127.0.0.2"},
        {"i-12345678", "i-12345679"},
        {"GET /", "POST /"},
        {"Version=2009-11-30", "Version=2009-11-30&New=1"},
        {"HmacSHA256", "HmacSHA1"},
        {"%2BrJJ", "%2BrJK"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(changes); i++) {
        g_autofree char *text = with(get, changes[i][0], changes[i][1]);
        assert_refuses(text, FAKE_NOW, PROTOCOL_EC2, FAULT_SIGNATURE_DOES_NOT_MATCH,
                       WRONG_SIGNATURE);
    }
}

static void missing_parameters_are_named(void **state)
{
    static const char *const names[][2] = {
        {"AWSAccessKeyId", "AWSAccessKeyId"},
        {"SignatureMethod", "SignatureMethod"},
        {"Timestamp", "Timestamp or Expires"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *text = with(get, names[i][0], "Foo");
        g_autofree char *message =
            g_strconcat("The request must contain the parameter ", names[i][1], NULL);
        assert_refuses(text, FAKE_NOW, PROTOCOL_EC2, FAULT_MISSING_PARAMETER, message);
    }
}

static void other_methods_are_refused(void **state)
{
    g_autofree char *text = with(get, "HmacSHA256", "HmacMD5");
    assert_refuses(text, FAKE_NOW, PROTOCOL_EC2, FAULT_INCOMPLETE_SIGNATURE,
                   "SignatureMethod must be HmacSHA256 or HmacSHA1.");
    g_autofree char *version = with(get, "SignatureVersion=2", "SignatureVersion=3");
    assert_refuses(version, FAKE_NOW, PROTOCOL_EC2, FAULT_INCOMPLETE_SIGNATURE,
                   "SignatureVersion '3' is not supported here: use 1, 2 or an Authorization "
                   "header.");
    g_autofree char *time = with(get, "2026-11-22T09%3A30%3A05Z", "noon");
    assert_refuses(time, FAKE_NOW, PROTOCOL_EC2, FAULT_INCOMPLETE_SIGNATURE,
                   "Timestamp 'noon' is not an ISO 8601 time.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(get_is_believed),
        cmocka_unit_test(post_is_believed),
        cmocka_unit_test(sha1_is_believed),
        cmocka_unit_test(signed_port_and_capitals_are_believed),
        cmocka_unit_test(order_and_spelling_do_not_matter),
        cmocka_unit_test(expiry_is_kept),
        cmocka_unit_test(old_timestamp_is_refused),
        cmocka_unit_test(any_change_is_refused),
        cmocka_unit_test(missing_parameters_are_named),
        cmocka_unit_test(other_methods_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
