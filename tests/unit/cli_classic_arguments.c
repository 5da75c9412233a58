/* cli/classic/arguments.h: what the tools' command lines become. */
#include "tests/unit/unit.h"
#include "cli/classic/arguments.h"
#include "cli/command.h"

#include <string.h>

#define ARGV(...) ((char **)(const char *[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static const Option some_options[] = {
    {"name n", 0, TEXT, "Name", NULL, OPERAND | REQUIRED},
    {"zones", 'z', LIST, "Zones.member.#"},
    {"listener", 'l', FIELDS, "Listeners.member.#", "protocol=Protocol lb-port=Port"},
    {"dimensions", 'd', PAIRS, "Dimensions.member.#"},
    {"increment", 0, TEXT, "Increment"},
    {"on", 'o', FLAG, "Switch", "yes"},
    {"kept also-kept", 'k', KEPT},
    {"data", 0, BASE64, "Data"},
    {"block", 'b', BLOCK, "Blocks.member.#"},
    {0},
};
static const Tool some_tool = {"as-some", "Does something", "Some", .fixed = "Zones=&Kind=a",
                               .options = some_options};

static const Option plain_options[] = {
    {NULL, 0, LIST, "InstanceId.#", NULL, OPERAND},
    {"filter", 'F', FILTER, "Filter.#"},
    {"tag", 't', PAIRS, "Tag.#", "Key Value?"},
    {0},
};
static const Tool plain_tool = {"ec2-some", "Does something", "Some", .options = plain_options};

/* The request's body behind "Action=Some&Version=…&", or the error's words. */
static const char *body_of(Arena *arena, const Family *family, const Tool *tool, char **argv)
{
    g_autoptr(GError) error = NULL;
    Form *form = form_new(arena, family, tool, tool->names);
    if (!arguments_read(form, (int)g_strv_length(argv), argv, &error)) {
        assert_true(error->domain == G_OPTION_ERROR);
        return arena_strdup(arena, error->message);
    }
    const char *body = form_body(form, NULL, NULL);
    assert_true(g_str_has_prefix(body, "Action=Some&Version="));
    return body + strlen("Action=Some&Version=2011-01-01&");
}

static void check_body(char **argv, const char *wanted)
{
    g_autoptr(Arena) arena = arena_new();
    assert_string_equal(body_of(arena, &as_family, &some_tool, argv), wanted);
}

static void check_plain(char **argv, const char *wanted)
{
    g_autoptr(Arena) arena = arena_new();
    assert_string_equal(body_of(arena, &ec2_family, &plain_tool, argv), wanted);
}

static void values_stand_beside_or_behind_an_equals_sign(void **state)
{
    check_body(ARGV("x", "--increment", "1"), "Zones=&Kind=a&Name=x&Increment=1");
    check_body(ARGV("x", "--increment=-1"), "Zones=&Kind=a&Name=x&Increment=-1");
    check_body(ARGV("x", "--increment", "-1"), "Zones=&Kind=a&Name=x&Increment=-1");
    check_body(ARGV("x", "--increment="), "Zones=&Kind=a&Name=x&Increment=");
    check_body(ARGV("x", "-o"), "Zones=&Kind=a&Name=x&Switch=yes");
    check_body(ARGV("--name", "x&y"), "Zones=&Kind=a&Name=x%26y");
}

static void lists_are_given_in_three_ways(void **state)
{
    const char *wanted = "Kind=a&Name=x&Zones.member.1=a&Zones.member.2=b";
    check_body(ARGV("x", "-z", "a", "b"), wanted);
    check_body(ARGV("x", "-z", "a, b"), wanted);
    check_body(ARGV("x", "-z", "a", "--zones", "b"), wanted);
    check_body(ARGV("x", "-z", "a", "b", "-o"),
               "Kind=a&Name=x&Zones.member.1=a&Zones.member.2=b&Switch=yes");
}

static void structures_and_pairs(void **state)
{
    check_body(ARGV("x", "-l", "protocol=tcp, lb-port=80", "lb-port=81"),
               "Zones=&Kind=a&Name=x&Listeners.member.1.Protocol=tcp&Listeners.member.1.Port=80&"
               "Listeners.member.2.Port=81");
    check_body(ARGV("x", "-d", "A=1,B=2=3"),
               "Zones=&Kind=a&Name=x&Dimensions.member.1.Name=A&Dimensions.member.1.Value=1&"
               "Dimensions.member.2.Name=B&Dimensions.member.2.Value=2%3D3");
}

static void block_devices(void **state)
{
    check_body(ARGV("x", "-b", "/dev/sdb=ephemeral0", "-b", "/dev/sdc=none", "-b", "/dev/sdd=:9"),
               "Zones=&Kind=a&Name=x&Blocks.member.1.DeviceName=%2Fdev%2Fsdb&"
               "Blocks.member.1.VirtualName=ephemeral0&"
               "Blocks.member.2.DeviceName=%2Fdev%2Fsdc&Blocks.member.2.NoDevice=true&"
               "Blocks.member.3.DeviceName=%2Fdev%2Fsdd&Blocks.member.3.Ebs.VolumeSize=9");
}

static void filters_of_one_name_are_one(void **state)
{
    check_plain(ARGV("i-1", "-F", "a=1", "-F", "b=2", "-F", "a=3", "i-2"),
                "InstanceId.1=i-1&Filter.1.Name=a&Filter.1.Value.1=1&Filter.2.Name=b&"
                "Filter.2.Value.1=2&Filter.1.Value.2=3&InstanceId.2=i-2");
}

static void a_tag_may_lack_its_value(void **state)
{
    check_plain(ARGV("-t", "a", "-t", "b="), "Tag.1.Key=a&Tag.2.Key=b&Tag.2.Value=");
}

static void slips_are_said(void **state)
{
    check_body(ARGV("-o"), "Required parameter 'Name' missing (-h for usage)");
    check_body(ARGV("x", "y"), "Unexpected argument 'y' (-h for usage)");
    check_body(ARGV("x", "--incremen", "1"),
               "Unknown option '--incremen'; did you mean '--increment'?");
    check_body(ARGV("x", "-Q"), "Unknown option '-Q'");
    check_body(ARGV("x", "-z"), "Option '-z' requires an argument (-h for usage)");
    check_body(ARGV("x", "-z", "--on"), "Option '-z' requires an argument (-h for usage)");
    check_body(ARGV("x", "--on=1"), "Option '--on' takes no argument");
    check_body(ARGV("x", "-d", "A"),
               "Invalid argument for '-d, --dimensions VALUE': 'A' is not of the form NAME=VALUE");
}

static void words_behind_two_hyphens_are_operands(void **state)
{
    check_body(ARGV("--", "-x"), "Zones=&Kind=a&Name=-x");
}

static void help_needs_nothing_else(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(GError) error = NULL;
    Form *form = form_new(arena, &as_family, &some_tool, "as-some");
    assert_true(arguments_read(form, 1, ARGV("-?"), &error));
    assert_true(form->common.help);
}

static void kept_options_go_by_their_first_name(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(GError) error = NULL;
    Form *form = form_new(arena, &as_family, &some_tool, "as-some");
    assert_true(arguments_read(form, 5, ARGV("x", "--also-kept", "1", "-k", "2"), &error));
    List kept = {0};
    form_kept_all(form, "kept", &kept);
    assert_int_equal(kept.n, 2);
    assert_string_equal(form_kept(form, "kept"), "1");
    assert_null(form_kept(form, "other"));
}

static void every_tool_has_one_name_and_paths_that_are_read(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    List names = {0};
    tool_names(arena, &names);
    for (size_t i = 0; list_at(&names, i); i++)
        assert_true(g_hash_table_add(seen, list_at(&names, i)));
    for (const ToolTable *table = tool_tables; table->family; table++)
        for (const Tool *tool = table->tools; tool->names; tool++)
            for (const Option *option = tool->options; option->kind != END; option++)
                assert_true(option->param || option->kind == KEPT || option->kind == KEPT_FLAG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_stand_beside_or_behind_an_equals_sign),
        cmocka_unit_test(lists_are_given_in_three_ways),
        cmocka_unit_test(structures_and_pairs),
        cmocka_unit_test(block_devices),
        cmocka_unit_test(filters_of_one_name_are_one),
        cmocka_unit_test(a_tag_may_lack_its_value),
        cmocka_unit_test(slips_are_said),
        cmocka_unit_test(words_behind_two_hyphens_are_operands),
        cmocka_unit_test(help_needs_nothing_else),
        cmocka_unit_test(kept_options_go_by_their_first_name),
        cmocka_unit_test(every_tool_has_one_name_and_paths_that_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
