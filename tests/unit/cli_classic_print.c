/* cli/classic/reply.h and print.h: replies, paths of columns, and the three kinds of lines. */
#include "tests/unit/unit.h"
#include "cli/classic/print.h"
#include "cli/classic/refusal.h"

#include <string.h>

#define REPLY                                                                                      \
    "<R xmlns='http://x/'><RResult><a><b>1</b><b>2, 3</b></a><t>2009-11-13T14:40:00.000Z</t>"      \
    "<s><n>k</n><v>w</v></s><s><n>l</n></s><no>false</no><empty/>"                                 \
    "<g><name>one</name><m><id>x</id></m><m><id>longer</id><z>y</z></m></g>"                       \
    "<g><name>two</name></g></RResult></R>"

typedef struct Fixture {
    Arena *arena;
    xmlDoc *document;
    const Element *result;
} Fixture;

static int set_up(void **state)
{
    Fixture *fixture = g_new0(Fixture, 1);
    fixture->arena = arena_new();
    assert_true(reply_parse(REPLY, &fixture->document, NULL));
    fixture->result = reply_result(fixture->document);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    Fixture *fixture = *state;
    xmlFreeDoc(fixture->document);
    arena_free(fixture->arena);
    g_free(fixture);
    return 0;
}

static void check_column(const Fixture *fixture, const char *path, const char *wanted)
{
    assert_string_equal(column_text(NULL, fixture->arena, fixture->result, path), wanted);
}

static void columns_are_found_by_paths(void **state)
{
    check_column(*state, "a/b", "1");
    check_column(*state, "a/b*", "1,2, 3");
    check_column(*state, "a/c", "");
    check_column(*state, "", "");
    check_column(*state, "empty|a/b", "1");
    check_column(*state, "'word", "word");
    check_column(*state, "is-@a/b", "is-1");
    check_column(*state, "is-@empty", "");
    check_column(*state, "~t", "2009-11-13 14:40:00");
    check_column(*state, "?a/b:yes:no", "yes");
    check_column(*state, "?no:yes:no", "no");
    check_column(*state, "?absent:yes:no", "no");
    check_column(*state, "s{name=n,value=v}", "{name=k,value=w},{name=l}");
    check_column(*state, "s{$n=v}", "{k=w}");
    check_column(*state, "a{x=absent}", "");
}

static void names_of_other_versions_are_the_same(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    xmlDoc *document = NULL;
    assert_true(reply_parse("<x:R xmlns:x='http://y/'><x:a>1</x:a></x:R>", &document, NULL));
    assert_string_equal(text_at(arena, reply_result(document), "a"), "1");
    xmlFreeDoc(document);
}

static void texts_cannot_drive_the_terminal(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    xmlDoc *document = NULL;
    assert_true(reply_parse("<R><a>x&#9;y\n&#x9b;z</a></R>", &document, NULL));
    const char *text = text_at(arena, reply_result(document), "a");
    assert_null(strpbrk(text, "\t\n"));
    xmlFreeDoc(document);
}

static void entities_are_not_read(void **state)
{
    g_autoptr(Arena) arena = arena_new();
    xmlDoc *document = NULL;
    if (!reply_parse("<!DOCTYPE R [<!ENTITY e SYSTEM 'file:///etc/hostname'>]><R><a>&e;</a></R>",
                     &document, NULL))
        return;
    assert_string_equal(text_at(arena, reply_result(document), "a"), "");
    xmlFreeDoc(document);
}

static void what_is_no_document_is_refused(void **state)
{
    static const char *const bodies[] = {"", "text", "<a>", "{}"};
    for (size_t i = 0; i < G_N_ELEMENTS(bodies); i++) {
        g_autoptr(GError) error = NULL;
        xmlDoc *document = NULL;
        assert_false(reply_parse(bodies[i], &document, &error));
        assert_non_null(error);
    }
}

/* ---- lines ---- */

static const Line parts[] = {{"PART", "m", "ID=id Z=z"}, {0}};
static const Line lines[] = {{"GROUP", "g", "NAME=name EMPTY=empty +PARTS=m/id*", parts}, {0}};

static void check_lines(const Fixture *fixture, const Family *family, Common common,
                        const char *wanted)
{
    static const Tool tool = {"x-y", "", "Y"};
    Form *form = form_new(fixture->arena, family, &tool, "x-y");
    form->common = common;
    g_autoptr(GString) out = g_string_new(NULL);
    print_lines(form, fixture->result, lines, out);
    assert_string_equal(out->str, wanted);
}

static void ec2s_lines_keep_every_column(void **state)
{
    check_lines(*state, &ec2_family, (Common){0},
                "GROUP\tone\t\tx,longer\nPART\tx\t\nPART\tlonger\ty\nGROUP\ttwo\t\t\n");
    check_lines(*state, &ec2_family, (Common){.show_empty = true},
                "GROUP\tone\t(nil)\tx,longer\nPART\tx\t(nil)\nPART\tlonger\ty\n"
                "GROUP\ttwo\t(nil)\t(nil)\n");
}

static void padded_columns_leave_empty_ones_out(void **state)
{
    check_lines(*state, &as_family, (Common){0},
                "GROUP  one\nPART  x\nPART  longer  y\nGROUP  two\n");
    check_lines(*state, &as_family, (Common){.headers = true},
                "GROUP  NAME\nGROUP  one\nPART  ID      Z\nPART  x\nPART  longer  y\n"
                "GROUP  NAME\nGROUP  two\n");
    check_lines(*state, &as_family, (Common){.show_empty = true},
                "GROUP  one  (nil)\nPART  x       (nil)\nPART  longer  y\nGROUP  two  (nil)\n");
}

static void long_lines_tell_all_and_quote(void **state)
{
    check_lines(*state, &as_family, (Common){.show_long = true},
                "GROUP,one,(nil),\"x,longer\"\nGROUP,two,(nil),(nil)\n");
    check_lines(*state, &as_family, (Common){.show_long = true, .delimiter = "|"},
                "GROUP|one|(nil)|x,longer\nGROUP|two|(nil)|(nil)\n");
}

/* ---- refusals ---- */

static void check_refusal(const Family *family, long status, const char *body, const char *wanted)
{
    static const Tool tool = {"x-y", "", "Y"};
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(GError) error = NULL;
    g_autofree char *copy = g_strdup(body);
    Form *form = form_new(arena, family, &tool, "x-y");
    assert_false(refusal_set(form, &(Answer){.status = status, .body = copy}, &error));
    assert_string_equal(refusal_line(form, error), wanted);
}

static void refusals_are_worded_as_each_family_does(void **state)
{
    const char *ec2 = "<Response><Errors><Error><Code>A.B</Code><Message>m</Message></Error>"
                      "</Errors></Response>";
    check_refusal(&ec2_family, 400, ec2, "Client.A.B: m");
    check_refusal(&ec2_family, 503, ec2, "Server.A.B: m");
    check_refusal(&elb_family, 400,
                  "<E><Error><Code>ValidationError</Code><Message>m</Message></Error></E>",
                  "x-y:  Malformed input-m");
    check_refusal(&elb_family, 403,
                  "<E><Error><Code>AccessDenied</Code><Message>m</Message></Error></E>",
                  "x-y:  Refused: m");
    check_refusal(&mon_family, 404,
                  "<E><Error><Code>ResourceNotFound</Code><Message>m</Message></Error></E>",
                  "x-y:  ResourceNotFound: m");
    check_refusal(&mon_family, 502, "oh", "x-y:  the service answers with HTTP 502: oh");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(columns_are_found_by_paths, set_up, tear_down),
        cmocka_unit_test(names_of_other_versions_are_the_same),
        cmocka_unit_test(texts_cannot_drive_the_terminal),
        cmocka_unit_test(entities_are_not_read),
        cmocka_unit_test(what_is_no_document_is_refused),
        cmocka_unit_test_setup_teardown(ec2s_lines_keep_every_column, set_up, tear_down),
        cmocka_unit_test_setup_teardown(padded_columns_leave_empty_ones_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(long_lines_tell_all_and_quote, set_up, tear_down),
        cmocka_unit_test(refusals_are_worded_as_each_family_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
