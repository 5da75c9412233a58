/* cli/target.h, cli/environment.h, cli/client.h: which cloud, and what its clients are told. */
#include "tests/unit/unit.h"
#include "cli/client.h"
#include "cli/environment.h"

#include <unistd.h>

#define GOOD                                                                                       \
    "[default]\n"                                                                                  \
    "aws_access_key_id = AKIAEXAMPLE\n"                                                            \
    "aws_secret_access_key=a/b+c\\n=\n"                                                            \
    "# a comment\n"                                                                                \
    "region = us-east-1\n"                                                                         \
    "endpoint_url = http://127.0.0.1:4566\n"

static void state_is_the_option_then_the_variable_then_the_default(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    assert_string_equal(target_choose_state(arena, "/option", "/variable", true, "/data"),
                        "/option");
    assert_string_equal(target_choose_state(arena, NULL, "/variable", true, "/data"), "/variable");
    assert_string_equal(target_choose_state(arena, "", "", true, "/data"), "/var/lib/cumulet");
    assert_string_equal(target_choose_state(arena, NULL, NULL, false, "/data"), "/data/cumulet");
}

static void state_is_absolute(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    g_autofree char *here = g_get_current_dir();
    g_autofree char *expected = g_build_filename(here, "x", NULL);
    assert_string_equal(target_choose_state(arena, "./y/../x/", NULL, true, "/data"), expected);
}

static void start_command_is_ready_for_the_shell(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    assert_string_equal(target_start_command(arena, "/plain/dir"),
                        "./start --detach --state /plain/dir");
    assert_string_equal(target_start_command(arena, "/o'b x"),
                        "./start --detach --state '/o'\\''b x'");
}

static void credentials_are_read_as_they_stand(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(GError) error = NULL;
    Target target = {.credentials = "FILE"};
    assert_true(target_parse(arena, GOOD, &target, &error));
    assert_string_equal(target.access_key_id, "AKIAEXAMPLE");
    assert_string_equal(target.secret_access_key, "a/b+c\\n=");
    assert_string_equal(target.region, "us-east-1");
    assert_string_equal(target.endpoint, "http://127.0.0.1:4566");
    assert_null(target.account_id);
}

static void damaged_credentials_are_refused(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    const struct {
        const char *text;
        const char *says;
    } damaged[] = {
        {"", "aws_access_key_id"},
        {"garbage", "FILE is damaged"},
        {"[other]\naws_access_key_id = x\n", "aws_access_key_id"},
        {"[default]\naws_access_key_id = x\naws_secret_access_key =\n", "aws_secret_access_key"},
        {"[default]\naws_access_key_id=x\naws_secret_access_key=y\nregion=z\n", "endpoint_url"},
        {"[default]\naws_access_key_id=x\naws_secret_access_key=y\nregion=z\n"
         "endpoint_url=ftp://127.0.0.1\n",
         "no http:// address"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(damaged); i++) {
        g_autoptr(GError) error = NULL;
        Target target = {.credentials = "FILE"};
        assert_false(target_parse(arena, damaged[i].text, &target, &error));
        assert_error_says(error, damaged[i].says);
    }
}

static Target example(void)
{
    return (Target){.state_dir = "/state",
                    .access_key_id = "AKIAEXAMPLE",
                    .secret_access_key = "secret",
                    .region = "us-east-1",
                    .endpoint = "http://127.0.0.1:4566"};
}

/* NULL: not in the list; "-": to be unset. */
static const char *value_of(const List *variables, const char *name)
{
    const char *value = NULL;
    LIST_EACH (const Variable *, variable, variables)
        if (strcmp(variable->name, name) == 0)
            value = variable->value ? variable->value : "-";
    return value;
}

static void environment_points_new_and_old_tools_here(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    Target target = example();
    List variables;
    environment_list(arena, &target, NULL, &variables);
    assert_string_equal(value_of(&variables, "AWS_ENDPOINT_URL"), "http://127.0.0.1:4566");
    assert_string_equal(value_of(&variables, "EC2_URL"), "http://127.0.0.1:4566");
    assert_string_equal(value_of(&variables, "AWS_ACCESS_KEY_ID"), "AKIAEXAMPLE");
    assert_string_equal(value_of(&variables, "EC2_SECRET_KEY"), "secret");
    assert_string_equal(value_of(&variables, "CUMULET_STATE"), "/state");
    assert_string_equal(value_of(&variables, "AWS_PROFILE"), "-");
    assert_null(value_of(&variables, "no_proxy"));
}

static void endpoints_of_single_services_are_unset(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    Target target = example();
    List variables;
    const char *const current[] = {"AWS_ENDPOINT_URL_S3=https://s3.example.com",
                                   "AWS_ENDPOINT_URL_$(reboot)=x", "AWS_ENDPOINT_URLS=x", NULL};
    environment_list(arena, &target, current, &variables);
    assert_string_equal(value_of(&variables, "AWS_ENDPOINT_URL_S3"), "-");
    assert_null(value_of(&variables, "AWS_ENDPOINT_URL_$(reboot)"));
    assert_null(value_of(&variables, "AWS_ENDPOINT_URLS"));
}

static void a_proxy_is_bypassed(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    Target target = example();
    List variables;
    const char *const current[] = {"HTTP_PROXY=http://proxy", "no_proxy=a,b", "NO_PROXY=127.0.0.1",
                                   NULL};
    environment_list(arena, &target, current, &variables);
    assert_string_equal(value_of(&variables, "no_proxy"), "a,b,127.0.0.1");
    assert_null(value_of(&variables, "NO_PROXY"));
}

static void lines_are_quoted_for_the_shell(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    const Variable odd = {"NAME", "it's $HOME `x`"};
    const Variable unset = {"NAME", NULL};
    assert_string_equal(environment_line(arena, &odd, false), "export NAME='it'\\''s $HOME `x`'");
    assert_string_equal(environment_line(arena, &odd, true), "unset NAME");
    assert_string_equal(environment_line(arena, &unset, false), "unset NAME");
}

static const char *refusal_text(Arena *arena, const char *body)
{
    Refusal refusal;
    client_read_refusal(arena, body, &refusal);
    return refusal.text;
}

static void a_refusal_is_its_message(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    Refusal refusal;
    client_read_refusal(arena, "{\"Code\": \"X\", \"Message\": \"not so\"}", &refusal);
    assert_string_equal(refusal.code, "X");
    assert_string_equal(refusal.text, "not so");
    assert_string_equal(refusal_text(arena, " no reset\n"), "no reset");
    assert_string_equal(refusal_text(arena, "{\"Message\": \"cut"), "{\"Message\": \"cut");
    assert_string_equal(refusal_text(arena, "a\033[2Jb"), "a?[2Jb");
    assert_string_equal(refusal_text(arena, ""), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(state_is_the_option_then_the_variable_then_the_default),
        cmocka_unit_test(state_is_absolute),
        cmocka_unit_test(start_command_is_ready_for_the_shell),
        cmocka_unit_test(credentials_are_read_as_they_stand),
        cmocka_unit_test(damaged_credentials_are_refused),
        cmocka_unit_test(environment_points_new_and_old_tools_here),
        cmocka_unit_test(endpoints_of_single_services_are_unset),
        cmocka_unit_test(a_proxy_is_bypassed),
        cmocka_unit_test(lines_are_quoted_for_the_shell),
        cmocka_unit_test(a_refusal_is_its_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
