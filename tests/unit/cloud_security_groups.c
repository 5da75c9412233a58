/* cloud/security_groups.h: groups as such; rules are in cloud_group_rules.c. */
#include "tests/unit/cloud_fixture.h"
#include "cloud/security_groups.h"

static const char *create(Context *context, const char *name)
{
    const char *id = NULL;
    List none = {0};
    assert_works(security_group_create(context, name, "for a test", NULL, &none, &id, error));
    return id;
}

static List find_named(Context *context, const char *name)
{
    List views = {0}, names = texts(context, name, NULL);
    const char *token;
    Page page = {0};
    assert_works(security_groups_find(context, &page, &names, &views, &token, error));
    return views;
}

static void new_group_lets_all_out_and_nothing_in(void **state)
{
    CloudFixture *fixture = *state;
    Context *context = &fixture->context;
    create(context, "web");
    const GroupView *view = find_named(context, "web").items[0];
    assert_int_equal(view->ingress.n, 0);
    assert_int_equal(view->egress.n, 1);
    const GroupRule *rule = view->egress.items[0];
    assert_string_equal(rule->cidr, "0.0.0.0/0");
    assert_int_equal(rule->protocol, -1);
    assert_string_equal(view->group->vpc_id, default_vpc(context)->id);
    assert_int_equal(cloud_network_wakes(fixture), 1);
}

static void default_group_lets_its_members_in(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    const GroupView *view = find_named(context, "default").items[0];
    assert_int_equal(view->ingress.n, 1);
    const GroupRule *rule = view->ingress.items[0];
    assert_string_equal(rule->source_group_id, view->group->id);
    assert_null(rule->cidr);
}

static void name_is_taken_once_a_vpc(void **state)
{
    CloudFixture *fixture = *state;
    Context *context = &fixture->context;
    List none = {0};
    const char *id;
    create(context, "web");
    create(&fixture->other, "web");
    g_autofree char *says = g_strdup_printf("The security group 'web' already exists for VPC '%s'",
                                            default_vpc(context)->id);
    assert_fault(security_group_create(context, "web", "again", NULL, &none, &id, error),
                 FAULT_INVALID_GROUP_DUPLICATE, says);
}

static void bad_names_and_descriptions_are_refused(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    g_autofree char *long_text = g_strnfill(256, 'x');
    List none = {0};
    const char *id;
    const char *const names[] = {"", "default", "sg-12345678", long_text, "a\nb", "ü"};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        assert_fault(security_group_create(context, names[i], "d", NULL, &none, &id, error),
                     FAULT_INVALID_PARAMETER_VALUE, "");
    assert_fault(security_group_create(context, "x", long_text, NULL, &none, &id, error),
                 FAULT_INVALID_PARAMETER_VALUE, "Invalid security group description");
    assert_fault(security_group_create(context, "x", "", NULL, &none, &id, error),
                 FAULT_MISSING_PARAMETER, "GroupDescription");
}

static void group_needs_a_vpc_of_the_caller(void **state)
{
    CloudFixture *fixture = *state;
    List none = {0};
    const char *id, *vpc_id = default_vpc(&fixture->other)->id;
    assert_fault(security_group_create(&fixture->context, "x", "d", vpc_id, &none, &id, error),
                 FAULT_INVALID_VPC_ID_NOT_FOUND, "does not exist");
}

static void refused_tags_leave_no_group(void **state)
{
    CloudFixture *fixture = *state;
    Context *context = &fixture->context;
    List bad = pairs(context, "aws:x", "x", NULL), names = texts(context, "web", NULL), views = {0};
    const char *id, *token;
    Page page = {0};
    assert_fault(security_group_create(context, "web", "d", NULL, &bad, &id, error),
                 FAULT_RESERVED_TAG, "reserved");
    assert_fault(security_groups_find(context, &page, &names, &views, &token, error),
                 FAULT_INVALID_GROUP_NOT_FOUND, "does not exist in default VPC");
    assert_int_equal(cloud_network_wakes(fixture), 0);
}

static void deleted_group_is_gone_with_rules_and_tags(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    List tags = pairs(context, "Name", "x", NULL), left = {0};
    const char *id, *deleted, *token;
    assert_works(security_group_create(context, "web", "d", NULL, &tags, &id, error));
    GroupRef ref = {.name = "web"};
    assert_works(security_group_remove(context, &ref, &deleted, error));
    assert_string_equal(deleted, id);
    List by_group = filter(context, "group-id", id), by_tag = filter(context, "key", "Name");
    Page rules = {.filters = &by_group}, tagged = {.filters = &by_tag};
    assert_works(security_group_rules_find(context, &rules, &left, &token, error) &&
                 tags_find(context, &tagged, &left, &token, error));
    assert_int_equal(left.n, 0);
    assert_fault(security_group_remove(context, &ref, &deleted, error),
                 FAULT_INVALID_GROUP_NOT_FOUND, "The security group 'web' does not exist");
}

static void default_group_cannot_be_deleted(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    const char *id;
    GroupRef ref = {.name = "default"};
    assert_fault(security_group_remove(context, &ref, &id, error), FAULT_CANNOT_DELETE,
                 "name: \"default\" cannot be deleted by a user");
}

static void group_in_use_cannot_be_deleted(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    const char *web = create(context, "web"), *db = create(context, "db"), *id;
    RuleSpec spec = {.protocol = "-1", .group = {.id = web}};
    List specs = {0}, none = {0}, rules = {0};
    list_add(&specs, context->arena, &spec);
    GroupRef ref_web = {.id = web}, ref_db = {.id = db};
    const EniGroup member = {.eni_id = "eni-1", .group_id = db};
    g_autoptr(Txn) txn = NULL;
    assert_works(security_group_authorize(context, &ref_db, false, &specs, &none, &rules, error) &&
                 security_group_authorize(context, &ref_web, false, &specs, &none, &rules, error));
    g_autofree char *says = g_strdup_printf("resource %s has a dependent object", web);
    assert_fault(security_group_remove(context, &ref_web, &id, error), FAULT_DEPENDENCY_VIOLATION,
                 says);
    assert_works(txn_begin(cloud_store(context->cloud), &txn, error) &&
                 eni_group_put(txn, &member, error) && txn_commit(&txn, error));
    assert_fault(security_group_remove(context, &ref_db, &id, error), FAULT_DEPENDENCY_VIOLATION,
                 "has a dependent object");
}

static void group_that_only_names_itself_can_be_deleted(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    const char *web = create(context, "web"), *id;
    RuleSpec spec = {.protocol = "-1", .group = {.id = web}};
    List specs = {0}, none = {0}, rules = {0};
    list_add(&specs, context->arena, &spec);
    GroupRef ref = {.id = web};
    assert_works(security_group_authorize(context, &ref, false, &specs, &none, &rules, error) &&
                 security_group_remove(context, &ref, &id, error));
}

static void request_without_group_is_refused(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    const char *id;
    GroupRef nothing = {0}, empty = {.id = "", .name = ""}, odd = {.id = "sg-x"};
    assert_fault(security_group_remove(context, &nothing, &id, error), FAULT_MISSING_PARAMETER,
                 "The request must contain the parameter groupName or groupId");
    assert_fault(security_group_remove(context, &empty, &id, error), FAULT_MISSING_PARAMETER,
                 "groupId");
    assert_fault(security_group_remove(context, &odd, &id, error), FAULT_INVALID_GROUP_ID_MALFORMED,
                 "Invalid id: \"sg-x\"");
}

static bool resolve(Context *context, const List *ids, const List *names, List *groups,
                    GError **error)
{
    g_autoptr(Txn) txn = NULL;
    return txn_begin_read(cloud_store(context->cloud), &txn, error) &&
           security_groups_resolve(context, txn, default_vpc(context)->id, ids, names, groups,
                                   error);
}

static void launch_without_groups_gets_the_default_one(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    List groups = {0};
    assert_works(resolve(context, NULL, NULL, &groups, error));
    assert_int_equal(groups.n, 1);
    assert_string_equal(((SecurityGroup *)groups.items[0])->name, "default");
}

static void names_and_ids_are_taken_in_each_others_place(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    const char *id = create(context, "web");
    List groups = {0}, ids = texts(context, "web", NULL);
    List names = texts(context, id, "default", NULL);
    assert_works(resolve(context, &ids, &names, &groups, error));
    assert_int_equal(groups.n, 2);
}

static void more_groups_than_an_interface_may_have_are_refused(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    List groups = {0}, ids = {0};
    for (int i = 0; i <= GROUPS_PER_ENI; i++)
        list_add(&ids, context->arena, create(context, arena_printf(context->arena, "g%d", i)));
    assert_fault(resolve(context, &ids, NULL, &groups, error),
                 FAULT_SECURITY_GROUPS_PER_INSTANCE_LIMIT_EXCEEDED, "maximum number");
}

static void groups_are_found_by_id_name_and_filter(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    const char *web = create(context, "web"), *token;
    create(context, "db");
    List ids = texts(context, web, NULL), names = texts(context, "db", NULL), both = {0}, by = {0};
    List named = filter(context, "group-name", "w*");
    Page page = {.ids = &ids}, filtered = {.filters = &named};
    assert_works(security_groups_find(context, &page, &names, &both, &token, error) &&
                 security_groups_find(context, &filtered, NULL, &by, &token, error));
    assert_int_equal(both.n, 2);
    assert_int_equal(by.n, 1);
    assert_string_equal(((GroupView *)by.items[0])->group->id, web);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cloud_test(new_group_lets_all_out_and_nothing_in),
        cloud_test(default_group_lets_its_members_in),
        cloud_test(name_is_taken_once_a_vpc),
        cloud_test(bad_names_and_descriptions_are_refused),
        cloud_test(group_needs_a_vpc_of_the_caller),
        cloud_test(refused_tags_leave_no_group),
        cloud_test(deleted_group_is_gone_with_rules_and_tags),
        cloud_test(default_group_cannot_be_deleted),
        cloud_test(group_in_use_cannot_be_deleted),
        cloud_test(group_that_only_names_itself_can_be_deleted),
        cloud_test(request_without_group_is_refused),
        cloud_test(launch_without_groups_gets_the_default_one),
        cloud_test(names_and_ids_are_taken_in_each_others_place),
        cloud_test(more_groups_than_an_interface_may_have_are_refused),
        cloud_test(groups_are_found_by_id_name_and_filter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
