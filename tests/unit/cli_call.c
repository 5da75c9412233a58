/* cli/command.h, cli/commands.h, cli/suggest.h: options, operands, and slips of the fingers. */
#include "tests/unit/unit.h"
#include "cli/commands.h"
#include "cli/suggest.h"

static const GOptionEntry some_options[] = {
    {"json", 0, 0, G_OPTION_ARG_NONE, NULL, "", NULL},
    {"format", 0, 0, G_OPTION_ARG_STRING, NULL, "", "FORMAT"},
    {NULL},
};

static const Command some_command = {
    .name = "some",
    .arguments = "[THING]",
    .options = some_options,
    .operands_max = 1,
};

static const Command strict_command = {
    .name = "strict", .arguments = "THING", .operands_min = 1, .operands_max = 1};

typedef struct Parsed {
    gboolean json;
    char *format;
    Call call;
} Parsed;

static bool parse(Arena *arena, const Command *command, char **argv, Parsed *ret, GError **error)
{
    *ret = (Parsed){
        .call = {
            .arena = arena, .command = command, .argc = (int)g_strv_length(argv), .argv = argv}};
    return call_parse(&ret->call, (void *const[]){&ret->json, &ret->format}, error);
}

#define ARGV(...) ((char **)(const char *[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static void options_and_operands_mix(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(GError) error = NULL;
    Parsed parsed;
    assert_true(parse(arena, &some_command,
                      ARGV("--format=ini", "thing", "--json", "--state", "/somewhere"), &parsed,
                      &error));
    assert_true(parsed.json);
    assert_string_equal(parsed.format, "ini");
    assert_string_equal(parsed.call.state_option, "/somewhere");
    assert_int_equal(parsed.call.argc, 1);
    assert_string_equal(parsed.call.argv[0], "thing");
    assert_null(parsed.call.argv[1]);
}

static void nothing_given_changes_nothing(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    Parsed parsed;
    assert_true(parse(arena, &some_command, ARGV(), &parsed, NULL));
    assert_false(parsed.json);
    assert_null(parsed.format);
    assert_null(parsed.call.state_option);
    assert_int_equal(parsed.call.argc, 0);
}

static void two_hyphens_end_the_options(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    Parsed parsed;
    assert_true(parse(arena, &some_command, ARGV("--", "--json"), &parsed, NULL));
    assert_false(parsed.json);
    assert_string_equal(parsed.call.argv[0], "--json");
}

static void wrong_usage_is_of_the_option_domain(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    const struct {
        const Command *command;
        char **argv;
        const char *says;
    } wrong[] = {
        {&some_command, ARGV("--jsno"), "--jsno"},
        {&some_command, ARGV("--format"), "--format"},
        {&some_command, ARGV("one", "two"), "'two'"},
        {&strict_command, ARGV(), "cumulet strict THING"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autoptr(GError) error = NULL;
        Parsed parsed;
        assert_false(parse(arena, wrong[i].command, wrong[i].argv, &parsed, &error));
        assert_int_equal(error->domain, G_OPTION_ERROR);
        assert_error_says(error, wrong[i].says);
    }
}

static void a_command_is_found_by_its_whole_name_only(void **state)
{
    assert_ptr_equal(command_find("status"), &status_command);
    assert_null(command_find("stat"));
    assert_null(command_find(""));
}

static void every_command_has_its_texts(void **state)
{
    for (size_t i = 0; commands[i]; i++) {
        assert_non_null(commands[i]->arguments);
        assert_non_null(commands[i]->run);
        assert_true(g_str_has_suffix(commands[i]->help, "\n"));
        assert_false(g_str_has_suffix(commands[i]->summary, "."));
        assert_true(commands[i]->operands_min <= commands[i]->operands_max);
    }
}

static void an_unknown_command_brings_a_suggestion(void **state)
{
    const Command *command = NULL;
    g_autoptr(GError) near = NULL;
    assert_false(command_require("consoel", &command, &near));
    assert_error_says(near, "did you mean 'console'?");
    g_autoptr(GError) far = NULL;
    assert_false(command_require("launch-rockets", &command, &far));
    assert_error_says(far, "cumulet help");
    assert_null(command);
}

static void distance_counts_single_changes(void **state)
{
    assert_int_equal(edit_distance("", ""), 0);
    assert_int_equal(edit_distance("abc", "abc"), 0);
    assert_int_equal(edit_distance("", "abc"), 3);
    assert_int_equal(edit_distance("stauts", "status"), 1);
    assert_int_equal(edit_distance("satus", "status"), 1);
    assert_int_equal(edit_distance("kitten", "sitting"), 3);
}

static void distance_survives_any_length(void **state)
{
    g_autofree char *text = g_strnfill(100000, 'a');
    assert_int_equal(edit_distance(text, ""), 63);
    assert_int_equal(edit_distance(text, text), 0);
}

static void suggestions_are_near_or_begin_so(void **state)
{
    const char *const names[] = {"status", "stop", "credentials", NULL};
    assert_string_equal(suggest("creds", names) ? suggest("creds", names) : "none", "none");
    assert_string_equal(suggest("cred", names), "credentials");
    assert_string_equal(suggest("stpo", names), "stop");
    assert_null(suggest("frobnicate", names));
    assert_null(suggest("", names));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_and_operands_mix),
        cmocka_unit_test(nothing_given_changes_nothing),
        cmocka_unit_test(two_hyphens_end_the_options),
        cmocka_unit_test(wrong_usage_is_of_the_option_domain),
        cmocka_unit_test(a_command_is_found_by_its_whole_name_only),
        cmocka_unit_test(every_command_has_its_texts),
        cmocka_unit_test(an_unknown_command_brings_a_suggestion),
        cmocka_unit_test(distance_counts_single_changes),
        cmocka_unit_test(distance_survives_any_length),
        cmocka_unit_test(suggestions_are_near_or_begin_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
