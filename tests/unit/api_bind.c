/* api/bind.h: wire names into structures, and what is said about wrong ones. */
#include "tests/unit/api_fixture.h"
#include "api/bind.h"

#include <math.h>

typedef struct Bound {
    Arena *arena;
    FakeRequest *request;
    ParamNode *root;
    GError *error;
} Bound;

static void bound_clear(Bound *bound)
{
    g_clear_error(&bound->error);
    arena_free(bound->arena);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Bound, bound_clear)

static Bound bind_as(const char *text, Protocol protocol, const char *version)
{
    Bound bound = {.arena = arena_new()};
    Params params = {0};
    assert_true(params_decode(&params, bound.arena, text, strlen(text), NULL));
    assert_true(params_tree(&params, bound.arena, &bound.root, NULL));
    void *request = NULL;
    if (bind_request(bound.arena, FakeRequest_shape(), bound.root, protocol, version, &request,
                     &bound.error))
        bind_check_unknown(bound.root, protocol, &bound.error);
    bound.request = request;
    return bound;
}

static Bound bind(const char *text)
{
    return bind_as(text, PROTOCOL_EC2, "2016-11-15");
}

static void assert_refused(const char *text, Fault fault, const char *message)
{
    g_auto(Bound) bound = bind(text);
    assert_true(fault_is(bound.error, fault));
    assert_string_equal(bound.error->message, message);
}

static void scalars_are_bound(void **state)
{
    g_auto(Bound) b = bind("Name=n&Count=5&Flag=True&Ratio=-1.5&StartTime=2026-11-22T09:30:05Z"
                           "&Color=red&Health.Target=TCP:80&MaxResults=7");
    assert_no_error(b.error);
    assert_string_equal(b.request->name, "n");
    assert_int_equal(b.request->count, 5);
    assert_int_equal(b.request->flag, 1);
    assert_true(b.request->ratio < -1.4 && b.request->ratio > -1.6);
    assert_int_equal(b.request->start, FAKE_NOW);
    assert_string_equal(b.request->color, "red");
    assert_string_equal(b.request->target, "TCP:80");
    assert_int_equal(b.request->page.max_results, 7);
}

static void absent_members_say_so(void **state)
{
    g_auto(Bound) b = bind("Flag=");
    assert_no_error(b.error);
    assert_null(b.request->name);
    assert_int_equal(b.request->count, 3); /* its default */
    assert_int_equal(b.request->flag, ABSENT_BOOL);
    assert_true(isnan(b.request->ratio));
    assert_int_equal(b.request->start, 0);
    assert_int_equal(b.request->ids.n, 0);
    assert_null(b.request->range);
    assert_int_equal(b.request->page.max_results, ABSENT);
}

static void lists_come_in_every_form(void **state)
{
    static const char *const forms[] = {"Id.1=a&Id.2=b", "Id.member.1=a&Id.member.2=b",
                                        "Id.20=b&Id.3=a", "Id.0=a&Id.1=b"};
    for (size_t i = 0; i < G_N_ELEMENTS(forms); i++) {
        g_auto(Bound) b = bind(forms[i]);
        assert_no_error(b.error);
        assert_int_equal(b.request->ids.n, 2);
        assert_string_equal(list_at(&b.request->ids, 0), "a");
        assert_string_equal(list_at(&b.request->ids, 1), "b");
    }
}

static void bare_value_is_a_list_of_one(void **state)
{
    g_auto(Bound) b = bind("Id=a");
    assert_no_error(b.error);
    assert_int_equal(b.request->ids.n, 1);
    g_auto(Bound) empty = bind("Id=");
    assert_no_error(empty.error);
    assert_int_equal(empty.request->ids.n, 0);
}

static void objects_nest(void **state)
{
    g_auto(Bound) b = bind("Range.Port=-1&Tag.1.Key=k1&Tag.1.Value=v&Tag.7.Key=k2");
    assert_no_error(b.error);
    assert_int_equal(b.request->range->port, -1);
    assert_int_equal(b.request->tags.n, 2);
    const FakeTag *second = list_at(&b.request->tags, 1);
    assert_string_equal(second->key, "k2");
    assert_null(second->value);
}

static void bare_value_of_an_object_sets_its_scalar(void **state)
{
    g_auto(Bound) b = bind("Range=10.0.0.0/8&Ranges.1=0.0.0.0/0&Ranges.2.CidrIp=::/0");
    assert_no_error(b.error);
    assert_string_equal(b.request->range->cidr, "10.0.0.0/8");
    assert_string_equal(((FakeRange *)list_at(&b.request->ranges, 0))->cidr, "0.0.0.0/0");
    assert_string_equal(((FakeRange *)list_at(&b.request->ranges, 1))->cidr, "::/0");
}

static void second_name_is_taken(void **state)
{
    g_auto(Bound) b = bind("OldName=n");
    assert_no_error(b.error);
    assert_string_equal(b.request->name, "n");
}

static void rows_follow_the_version(void **state)
{
    g_auto(Bound) new = bind_as("Recent=1", PROTOCOL_EC2, "2014-01-01");
    assert_string_equal(new.request->recent, "1");
    g_auto(Bound) old = bind_as("Ancient=1", PROTOCOL_EC2, "2010-12-31");
    assert_string_equal(old.request->ancient, "1");
    g_auto(Bound) wrong = bind_as("Recent=1", PROTOCOL_EC2, "2013-12-31");
    assert_true(fault_is(wrong.error, FAULT_UNKNOWN_PARAMETER));
}

static void wrong_values_are_refused(void **state)
{
    assert_refused("Count=x", FAULT_INVALID_PARAMETER_VALUE,
                   "Value (x) for parameter count is invalid. It must be an integer.");
    assert_refused("Count=6", FAULT_INVALID_PARAMETER_VALUE,
                   "Value (6) for parameter count is invalid. It must have value less than or "
                   "equal to 5.");
    assert_refused("Count=99999999999999999999", FAULT_INVALID_PARAMETER_VALUE,
                   "Value (99999999999999999999) for parameter count is invalid. It must be an "
                   "integer.");
    assert_refused("Flag=yes", FAULT_INVALID_PARAMETER_VALUE,
                   "Value (yes) for parameter flag is invalid. It must be true or false.");
    assert_refused("Color=blue", FAULT_INVALID_PARAMETER_VALUE,
                   "Value (blue) for parameter color is invalid. It must satisfy enum value set: "
                   "[red, green].");
    assert_refused("Ratio=inf", FAULT_INVALID_PARAMETER_VALUE,
                   "Value (inf) for parameter ratio is invalid. It must be a number.");
    assert_refused("Tag.1.Key=k", FAULT_INVALID_PARAMETER_VALUE,
                   "Value (k) for parameter tag.1.Key is invalid. It must have length greater "
                   "than or equal to 2.");
}

static void missing_members_are_named(void **state)
{
    assert_refused("Tag.1.Value=v", FAULT_MISSING_PARAMETER,
                   "The request must contain the parameter Tag.1.Key");
    assert_refused("Tag.1.Key=", FAULT_MISSING_PARAMETER,
                   "The request must contain the parameter Tag.1.Key");
}

static void unknown_parameters_are_named(void **state)
{
    assert_refused("Nmae=x", FAULT_UNKNOWN_PARAMETER, "The parameter Nmae is not recognized");
    assert_refused("Tag.1.Key=kk&Tag.1.Foo=x", FAULT_UNKNOWN_PARAMETER,
                   "The parameter Tag.1.Foo is not recognized");
    assert_refused("Tag=x", FAULT_UNKNOWN_PARAMETER, "The parameter Tag is not recognized");
    assert_refused("Name.1=x", FAULT_UNKNOWN_PARAMETER, "The parameter Name.1 is not recognized");
    assert_refused("Id.1.x=x", FAULT_UNKNOWN_PARAMETER, "The parameter Id.1.x is not recognized");
}

static void common_parameters_are_known(void **state)
{
    g_auto(Bound) b = bind("Action=A&Version=V&AWSAccessKeyId=A&SignatureMethod=x&Timestamp=t"
                           "&SignatureVersion=2&Signature=s&X-Amz-Date=d&DryRun=false");
    assert_no_error(b.error);
}

static void long_lists_are_refused(void **state)
{
    assert_refused("Id.1=a&Id.2=b&Id.3=c&Id.4=d&Id.5=e", FAULT_INVALID_PARAMETER_VALUE,
                   "The parameter Id has 5 values, more than the allowed 4");
}

static void long_strings_are_refused(void **state)
{
    g_autofree char *name = g_strnfill(SHAPE_MAX_STRING + 1, 'a');
    g_autofree char *text = g_strconcat("Name=", name, NULL);
    g_auto(Bound) b = bind(text);
    assert_true(fault_is(b.error, FAULT_INVALID_PARAMETER_VALUE));
    assert_true(strlen(b.error->message) < 400);
}

static void query_services_speak_their_own_words(void **state)
{
    g_auto(Bound) b = bind_as("Tag.member.1.Value=v", PROTOCOL_QUERY, "2016-11-15");
    assert_true(fault_is(b.error, FAULT_VALIDATION_ERROR));
    assert_string_equal(b.error->message,
                        "1 validation error detected: Value null at 'tag.member.1.Key' failed to "
                        "satisfy constraint: Member must not be null");
    g_auto(Bound) unknown = bind_as("Foo=v", PROTOCOL_QUERY, "2016-11-15");
    assert_no_error(unknown.error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars_are_bound),
        cmocka_unit_test(absent_members_say_so),
        cmocka_unit_test(lists_come_in_every_form),
        cmocka_unit_test(bare_value_is_a_list_of_one),
        cmocka_unit_test(objects_nest),
        cmocka_unit_test(bare_value_of_an_object_sets_its_scalar),
        cmocka_unit_test(second_name_is_taken),
        cmocka_unit_test(rows_follow_the_version),
        cmocka_unit_test(wrong_values_are_refused),
        cmocka_unit_test(missing_members_are_named),
        cmocka_unit_test(unknown_parameters_are_named),
        cmocka_unit_test(common_parameters_are_known),
        cmocka_unit_test(long_lists_are_refused),
        cmocka_unit_test(long_strings_are_refused),
        cmocka_unit_test(query_services_speak_their_own_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
