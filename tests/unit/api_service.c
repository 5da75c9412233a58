/* api/service.h: which service and action a request means. */
#include "tests/unit/api_fixture.h"
#include "api/service.h"

static const Service *const services[] = {&service_fake, &service_mirror, NULL};

static const Service *found(const char *scope, const char *host, const char *action,
                            const char *version)
{
    const ServiceHints hints = {scope, host, action, version};
    return service_find(services, &hints);
}

static void scope_comes_first(void **state)
{
    assert_ptr_equal(found("mirror", "fake.us-east-1.amazonaws.com", "Describe", "2016-11-15"),
                     &service_mirror);
}

static void host_comes_second(void **state)
{
    assert_ptr_equal(found("127", "mirror.us-east-1.amazonaws.com", "Describe", "2016-11-15"),
                     &service_mirror);
    assert_ptr_equal(found(NULL, "fake:4566", NULL, NULL), &service_fake);
    assert_null(found(NULL, "fakery", NULL, NULL));
}

static void action_and_version_come_last(void **state)
{
    assert_ptr_equal(found("127", "127.0.0.1:4566", "Echo", "2011-06-15"), &service_mirror);
    assert_ptr_equal(found("127", "127.0.0.1", "Describe", "2011-06-15"), &service_fake);
    assert_ptr_equal(found(NULL, NULL, "Echo", NULL), &service_mirror);
    assert_null(found(NULL, NULL, "Nothing", "2011-06-15"));
}

static void an_action_that_came_later_is_passed_over(void **state)
{
    static const Action actions[] = {{.name = "Recent"}};
    static const char *const versions[] = {"2009-11-30", NULL};
    const Service other = {
        .name = "other", .versions = versions, .actions = actions, .n_actions = 1};
    const Service *const both[] = {&service_fake, &other, NULL};
    const ServiceHints early = {.action = "Recent", .version = "2009-11-30"};
    const ServiceHints late = {.action = "Recent", .version = "2014-01-01"};
    assert_ptr_equal(service_find(both, &early), &other);
    assert_ptr_equal(service_find(both, &late), &service_fake);
}

static void versions_between_known_ones_are_taken(void **state)
{
    assert_true(service_has_version(&service_fake, "2009-11-30"));
    assert_true(service_has_version(&service_fake, "2012-12-12"));
    assert_true(service_has_version(&service_fake, "2016-11-15"));
    assert_false(service_has_version(&service_fake, "2009-11-29"));
    assert_false(service_has_version(&service_fake, "2016-11-16"));
    assert_false(service_has_version(&service_fake, "2012-1x-12"));
    assert_false(service_has_version(&service_fake, "2012"));
    assert_true(service_has_version(&service_mirror, "2011-06-15"));
    assert_false(service_has_version(&service_mirror, "2011-06-16"));
}

static void actions_exist_in_their_versions(void **state)
{
    assert_non_null(service_find_action(&service_fake, "Ancient", "2010-12-31"));
    assert_null(service_find_action(&service_fake, "Ancient", "2011-01-01"));
    assert_null(service_find_action(&service_fake, "Recent", "2013-12-31"));
    assert_non_null(service_find_action(&service_fake, "Recent", "2014-01-01"));
    assert_null(service_find_action(&service_fake, "describe", "2014-01-01"));
}

static void assert_sorted(const Service *service)
{
    for (size_t i = 1; i < service->n_actions; i++)
        assert_true(strcmp(service->actions[i - 1].name, service->actions[i].name) < 0);
}

static void actions_are_sorted(void **state)
{
    assert_sorted(&service_fake);
    assert_sorted(&service_mirror);
    assert_sorted(&service_sts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scope_comes_first),
        cmocka_unit_test(host_comes_second),
        cmocka_unit_test(action_and_version_come_last),
        cmocka_unit_test(an_action_that_came_later_is_passed_over),
        cmocka_unit_test(versions_between_known_ones_are_taken),
        cmocka_unit_test(actions_exist_in_their_versions),
        cmocka_unit_test(actions_are_sorted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
