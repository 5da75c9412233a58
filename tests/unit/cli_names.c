/* cli/names.h, cli/dns_forwarders.h: what is written into other programs' files. */
#include "tests/unit/unit.h"
#include "cli/names.h"

static char *hosts(const char *status_text)
{
    json_t *status = json_loads(status_text, 0, NULL);
    GString *text = g_string_new(NULL);
    assert_non_null(status);
    names_append_hosts(status, text);
    json_decref(status);
    return g_string_free(text, FALSE);
}

static void each_name_is_a_line(void **state)
{
    g_autofree char *text =
        hosts("{\"instances\":[{\"public_ip\":\"127.77.0.5\",\"public_dns\":\"ec2-5.test\"},"
              "{\"id\":\"i-without\"}],"
              "\"load_balancers\":[{\"address\":\"127.77.0.9\",\"dns_name\":\"Web-1.elb.test\"}]}");
    assert_string_equal(text, "127.77.0.9\tWeb-1.elb.test\n127.77.0.5\tec2-5.test\n");
}

static void the_endpoint_is_on_the_loopback_when_it_is_everywhere(void **state)
{
    g_autofree char *text = hosts("{\"endpoint\":\"http://0.0.0.0:4566\","
                                  "\"dns\":{\"domains\":[\"cloud.test\"]}}");
    assert_true(g_str_has_prefix(text, "127.0.0.1\tcloud.test\n"));
    assert_non_null(strstr(text, "\n127.0.0.1\ts3.cloud.test\n"));
}

static void what_would_say_something_else_is_left_out(void **state)
{
    static const char *const rows[] = {
        "{}",
        "7",
        "{\"public_ip\":\"127.0.0.1\",\"public_dns\":\"a b\"}",
        "{\"public_ip\":\"127.0.0.1\",\"public_dns\":\"a\\n10.0.0.1 bank.example\"}",
        "{\"public_ip\":\"127.0.0.1 x\",\"public_dns\":\"a\"}",
        "{\"public_ip\":\"127.0.0.1\",\"public_dns\":\"\"}",
        "{\"public_ip\":\"127.0.0.1\",\"public_dns\":\"#a\"}",
        "{\"public_ip\":\"127.0.0.1\",\"public_dns\":\"a..b\"}",
        "{\"public_ip\":7,\"public_dns\":\"a\"}",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *status = g_strdup_printf("{\"instances\":[%s]}", rows[i]);
        g_autofree char *text = hosts(status);
        assert_string_equal(text, "");
    }
    static const char *const odd[] = {"{}", "{\"instances\":7,\"endpoint\":[],\"dns\":1}",
                                      "{\"endpoint\":\"x\",\"dns\":{\"domains\":[\"a\"]}}"};
    for (size_t i = 0; i < G_N_ELEMENTS(odd); i++) {
        g_autofree char *text = hosts(odd[i]);
        assert_string_equal(text, "");
    }
}

static void forwarders_are_found_by_name(void **state)
{
    assert_string_equal(dns_forwarder_named("networkmanager")->name, "NetworkManager");
    assert_null(dns_forwarder_named("bind"));
    assert_null(dns_forwarder_named(""));
    assert_null(dns_forwarder_choose("/nowhere"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_name_is_a_line),
        cmocka_unit_test(the_endpoint_is_on_the_loopback_when_it_is_everywhere),
        cmocka_unit_test(what_would_say_something_else_is_left_out),
        cmocka_unit_test(forwarders_are_found_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
