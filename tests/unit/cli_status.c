/* cli/status.h, cli/instance.h, cli/text.h: the daemon's status as text. */
#include "tests/unit/unit.h"
#include "cli/instance.h"
#include "cli/text.h"

#define STATUS                                                                                     \
    "{\"version\":\"0.1.0\",\"pid\":42,\"endpoint\":\"http://127.0.0.1:4566\","                    \
    "\"region\":\"us-east-1\",\"account_id\":\"123456789012\",\"state_dir\":\"/s\","               \
    "\"uptime_seconds\":7500,"                                                                     \
    "\"backend\":{\"name\":\"libvirt\",\"accelerator\":\"tcg\","                                   \
    "\"reason\":\"the processor has no vmx\",\"cpus\":2,\"memory_mib\":4096,"                      \
    "\"memory_used_mib\":512,\"memory_limit_mib\":3072},"                                          \
    "\"network\":{\"backend\":\"netns\",\"privileges\":\"a user\"},"                               \
    "\"addresses\":{\"pool\":\"127.77.0.0/16\",\"used\":1},"                                       \
    "\"dns\":{\"address\":\"127.0.0.1\",\"port\":4553,"                                            \
    "\"domains\":[\"cumulet.test\",\"ec2.internal\"]},"                                            \
    "\"instances\":[{\"id\":\"i-1\",\"state\":\"running\",\"type\":\"m1.small\","                  \
    "\"public_ip\":\"127.77.0.1\",\"name\":\"we\\u001b[2Jb\",\"key_name\":\"k\","                  \
    "\"console\":\"/s/c\"},{\"id\":\"i-2\",\"state\":\"terminated\",\"type\":\"m1.small\"}],"      \
    "\"images\":[{\"id\":\"ami-1\",\"name\":\"micro\",\"kind\":\"machine\"}],"                     \
    "\"problems\":[\"the disk is nearly full\"]}"

static char *show(const char *text)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(GError) error = NULL;
    json_t *status;
    assert_true(status_parse(text, &status, &error));
    GString *out = g_string_new(NULL);
    status_show(arena, status, out);
    json_decref(status);
    return g_string_free(out, FALSE);
}

static void assert_has_line(const char *text, const char *line)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    if (!g_strv_contains((const char *const *)lines, line))
        fail_msg("no line \"%s\" in:\n%s", line, text);
}

static void the_whole_status_reads_well(void **state)
{
    g_autofree char *text = show(STATUS);
    assert_has_line(text, "daemon     0.1.0, process 42, up 2 h 5 min");
    assert_has_line(text, "endpoint   http://127.0.0.1:4566, region us-east-1, account "
                          "123456789012");
    assert_has_line(text, "backend    libvirt, tcg: the processor has no vmx");
    assert_has_line(text, "capacity   2 processors, 512 of 3072 MiB of memory used");
    assert_has_line(text, "network    netns; a user");
    assert_has_line(text, "addresses  1 used of 127.77.0.0/16");
    assert_has_line(text, "names      127.0.0.1 port 4553: cumulet.test, ec2.internal");
    assert_has_line(text, "i-2       terminated  -           -        m1.small  -      -     -    "
                          "-      -");
    assert_has_line(text, "ami-1  machine  micro");
    assert_has_line(text, "- the disk is nearly full");
    assert_null(strstr(text, "LOAD BALANCER"));
}

static void a_load_balancer_is_a_line(void **state)
{
    g_autofree char *text =
        show("{\"load_balancers\":[{\"name\":\"web\",\"address\":\"127.77.0.9\","
             "\"in_service\":\"1 of 2\",\"dns_name\":\"web-1.elb.test\"}]}");
    assert_has_line(text, "LOAD BALANCER  ADDRESS     IN SERVICE  NAME");
    assert_has_line(text, "web            127.77.0.9  1 of 2      web-1.elb.test");
}

static void names_cannot_drive_the_terminal(void **state)
{
    g_autofree char *text = show(STATUS);
    assert_null(strchr(text, '\033'));
    assert_non_null(strstr(text, "we?[2Jb"));
}

static void an_empty_status_is_short(void **state)
{
    g_autofree char *text = show("{}");
    assert_string_equal(text, "instances  none\n");
}

static void odd_types_do_no_harm(void **state)
{
    g_autofree char *text =
        show("{\"version\":[],\"pid\":\"x\",\"uptime_seconds\":\"long\",\"backend\":7,"
             "\"network\":null,\"addresses\":[1],\"instances\":[1,null,{\"id\":{}}],"
             "\"images\":{\"id\":1},\"problems\":[3]}");
    assert_non_null(strstr(text, "process x"));
    assert_non_null(strstr(text, "INSTANCE"));
}

static void what_is_no_status_is_refused(void **state)
{
    static const char *const texts[] = {"", "[]", "7", "<html>", "{\"a\":"};
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GError) error = NULL;
        json_t *status = NULL;
        assert_false(status_parse(texts[i], &status, &error));
        assert_error_says(error, "no status");
        assert_null(status);
    }
}

static void an_instance_is_found_by_id(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    json_t *status;
    Instance instance;
    assert_true(status_parse(STATUS, &status, NULL));
    assert_true(instance_find(arena, status, "i-1", &instance));
    assert_string_equal(instance.public_ip, "127.77.0.1");
    assert_string_equal(instance.console, "/s/c");
    assert_false(instance_has_ended(&instance));
    assert_true(instance_find(arena, status, "i-2", &instance));
    assert_string_equal(instance.public_ip, "");
    assert_true(instance_has_ended(&instance));
    assert_false(instance_find(arena, status, "i-3", &instance));
    json_decref(status);
}

static void durations_have_two_units_at_most(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    assert_string_equal(text_duration(arena, -5), "0 s");
    assert_string_equal(text_duration(arena, 59), "59 s");
    assert_string_equal(text_duration(arena, 60), "1 min");
    assert_string_equal(text_duration(arena, 3599), "59 min 59 s");
    assert_string_equal(text_duration(arena, 7260), "2 h 1 min");
    assert_string_equal(text_duration(arena, 90000), "1 d 1 h");
}

static void tables_align_wide_characters(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(GString) out = g_string_new(NULL);
    TextTable table = {.columns = 2};
    static const char *const cells[] = {"ä", "x", "漢字", "", "abc", "y"};
    for (size_t i = 0; i < G_N_ELEMENTS(cells); i++)
        text_table_add(&table, arena, cells[i]);
    text_table_show(&table, out);
    assert_string_equal(out->str, "ä     x\n漢字  -\nabc   y\n");
}

static void bytes_that_are_no_text_are_replaced(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    assert_string_equal(text_printable(arena, NULL), "");
    assert_string_equal(text_printable(arena, "a\tb\nc\x7f"), "a?b?c?");
    assert_true(g_utf8_validate(text_printable(arena, "\xff\xfe"), -1, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_whole_status_reads_well),
        cmocka_unit_test(a_load_balancer_is_a_line),
        cmocka_unit_test(names_cannot_drive_the_terminal),
        cmocka_unit_test(an_empty_status_is_short),
        cmocka_unit_test(odd_types_do_no_harm),
        cmocka_unit_test(what_is_no_status_is_refused),
        cmocka_unit_test(an_instance_is_found_by_id),
        cmocka_unit_test(durations_have_two_units_at_most),
        cmocka_unit_test(tables_align_wide_characters),
        cmocka_unit_test(bytes_that_are_no_text_are_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
