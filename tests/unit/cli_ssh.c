/* cli/ssh_arguments.h: ssh's command line with an instance in the place of the host. */
#include "tests/unit/unit.h"
#include "cli/ssh_arguments.h"

#define ID "i-0123456789abcdef0"
#define ARGV(...) ((char **)(const char *[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static const Instance instance = {.id = ID, .public_ip = "127.77.0.1"};

static void parse(Arena *arena, char **argv, SshArguments *ret)
{
    g_autoptr(GError) error = NULL;
    ssh_arguments_parse(arena, (int)g_strv_length(argv), argv, ret, &error);
    assert_no_error(error);
}

/* What ssh gets, joined by spaces, without our own -o options. */
static const char *line(Arena *arena, char **argv, const char *identity)
{
    SshArguments arguments;
    parse(arena, argv, &arguments);
    const char *const *words = ssh_command_line(arena, &arguments, &instance, "/state", identity);
    g_autoptr(GString) joined = g_string_new(NULL);
    for (size_t i = 0; words[i]; i++) {
        if (strcmp(words[i], "-o") == 0 && words[i + 1] && g_ascii_isupper(words[i + 1][0])) {
            i++;
            continue;
        }
        g_string_append_printf(joined, "%s%s", joined->len ? " " : "", words[i]);
    }
    return arena_strdup(arena, joined->str);
}

static bool has_option(Arena *arena, char **argv, const char *state_dir, const char *option)
{
    SshArguments arguments;
    parse(arena, argv, &arguments);
    return g_strv_contains(ssh_command_line(arena, &arguments, &instance, state_dir, NULL), option);
}

static void id_alone_becomes_the_address(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    assert_string_equal(line(arena, ARGV(ID), NULL), "ssh -- 127.77.0.1");
}

static void options_stand_before_and_after_the_host(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    assert_string_equal(
        line(arena, ARGV("-i", "k.pem", "-4v", ID, "-p22", "-L", "8080:x:80"), NULL),
        "ssh -i k.pem -4v -p22 -L 8080:x:80 -- 127.77.0.1");
}

static void a_command_keeps_its_own_options(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    assert_string_equal(line(arena, ARGV(ID, "ls", "-l", "--wait", "--"), NULL),
                        "ssh -- 127.77.0.1 ls -l --wait --");
    assert_string_equal(line(arena, ARGV(ID, "--", "-x"), NULL), "ssh -- 127.77.0.1 -x");
    assert_string_equal(line(arena, ARGV("--", ID, "ls"), NULL), "ssh -- 127.77.0.1 ls");
}

static void our_options_are_told_apart(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    SshArguments arguments;
    parse(arena, ARGV("--wait", "5", "-v", "--state=/s", ID), &arguments);
    assert_int_equal(arguments.own.n, 3);
    assert_string_equal(list_at(&arguments.own, 0), "--wait");
    assert_string_equal(list_at(&arguments.own, 1), "5");
    assert_string_equal(list_at(&arguments.own, 2), "--state=/s");
    assert_int_equal(arguments.options.n, 1);
}

static void port_and_identity_are_noticed(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    SshArguments arguments;
    parse(arena, ARGV("-vp", "2222", ID), &arguments);
    assert_string_equal(arguments.port, "2222");
    assert_false(arguments.has_identity);
    parse(arena, ARGV(ID, "-ikey", "-p22"), &arguments);
    assert_string_equal(arguments.port, "22");
    assert_true(arguments.has_identity);
    parse(arena, ARGV("-o", "-p", ID), &arguments);
    assert_null(arguments.port);
}

static void user_is_root_unless_named(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    assert_true(has_option(arena, ARGV(ID), "/state", "User=root"));
    assert_true(has_option(arena, ARGV("admin@" ID), "/state", "User=admin"));
}

static void host_keys_are_kept_by_instance(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    assert_true(has_option(arena, ARGV(ID), "/state", "HostKeyAlias=" ID));
    assert_true(has_option(arena, ARGV(ID), "/state", "UserKnownHostsFile=\"/state/known_hosts\""));
    assert_true(
        has_option(arena, ARGV(ID), "/a b%\"", "UserKnownHostsFile=\"/a b%%\\\"/known_hosts\""));
}

static void an_identity_found_comes_last(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    assert_string_equal(line(arena, ARGV(ID, "true"), "./k.pem"),
                        "ssh -i ./k.pem -- 127.77.0.1 true");
}

static void what_is_no_instance_is_wrong_usage(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    char **const wrong[] = {ARGV(),          ARGV("-v"),         ARGV("-p", ID),
                            ARGV("example"), ARGV("root@"),      ARGV(ID "x"),
                            ARGV("-"),       ARGV("--wait", ID), ARGV("--")};
    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autoptr(GError) error = NULL;
        SshArguments arguments;
        assert_false(
            ssh_arguments_parse(arena, (int)g_strv_length(wrong[i]), wrong[i], &arguments, &error));
        assert_int_equal(error->domain, G_OPTION_ERROR);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(id_alone_becomes_the_address),
        cmocka_unit_test(options_stand_before_and_after_the_host),
        cmocka_unit_test(a_command_keeps_its_own_options),
        cmocka_unit_test(our_options_are_told_apart),
        cmocka_unit_test(port_and_identity_are_noticed),
        cmocka_unit_test(user_is_root_unless_named),
        cmocka_unit_test(host_keys_are_kept_by_instance),
        cmocka_unit_test(an_identity_found_comes_last),
        cmocka_unit_test(what_is_no_instance_is_wrong_usage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
