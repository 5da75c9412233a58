/* api/admin.h: the daemon's own actions, over real sockets. */
#include "tests/unit/api_server_fixture.h"

static Answer ask(const Site *site, const char *path, const char *method)
{
    g_auto(Client) client = client_connect(site->port);
    g_autofree char *text = site_sign(method, path, "");
    client_send_request(&client, text);
    return client_receive(&client);
}

static void reset_is_refused_unless_allowed(void **state)
{
    g_autoptr(Site) site = site_open((SiteOptions){0});
    g_auto(Answer) answer = ask(site, "/_cumulet/reset", "POST");
    assert_int_equal(answer.status, 403);
    assert_non_null(strstr(answer.body, "\"Message\": \"This cloud may not be reset: start the "
                                        "daemon with --allow-reset for it\""));
    assert_int_equal(atomic_load(&site->resets), 0);
}

static void reset_is_done_where_allowed(void **state)
{
    g_autoptr(Site) site = site_open((SiteOptions){.allow_reset = true});
    g_auto(Answer) answer = ask(site, "/_cumulet/reset", "POST");
    assert_int_equal(answer.status, 200);
    assert_int_equal(atomic_load(&site->resets), 1);
}

static void wrong_names_and_methods_are_refused(void **state)
{
    g_autoptr(Site) site = site_open((SiteOptions){.allow_reset = true});
    g_auto(Answer) unknown = ask(site, "/_cumulet/nothing", "POST");
    assert_int_equal(unknown.status, 404);
    g_auto(Answer) status = ask(site, "/_cumulet/status", "POST");
    assert_int_equal(status.status, 405);
    assert_non_null(strstr(status.head, "Allow: GET"));
}

static void status_is_what_the_daemon_says(void **state)
{
    g_autoptr(Site) site = site_open((SiteOptions){0});
    g_auto(Answer) answer = ask(site, "/_cumulet/status", "GET");
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body, "{\"backend\": \"fake\"}\n");
    assert_non_null(strstr(answer.head, "Content-Type: application/json"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reset_is_refused_unless_allowed),
        cmocka_unit_test(reset_is_done_where_allowed),
        cmocka_unit_test(wrong_names_and_methods_are_refused),
        cmocka_unit_test(status_is_what_the_daemon_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
