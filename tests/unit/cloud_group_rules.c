/* cloud/security_groups.h: rules, as they are asked for, kept, told and taken back. */
#include "tests/unit/cloud_fixture.h"
#include "cloud/security_groups.h"

static const GroupRef the_default = {.name = "default"};

static bool authorize(Context *context, const List *specs, List *rules, GError **error)
{
    List none = {0};
    return security_group_authorize(context, &the_default, false, specs, &none, rules, error);
}

static bool revoke_specs(Context *context, const List *specs, List *rules, GError **error)
{
    List none = {0};
    return security_group_revoke(context, &the_default, false, specs, &none, rules, error);
}

/* A list of one spec. */
static List spec_of(Context *context, const char *protocol, int64_t from, int64_t to,
                    const char *cidr)
{
    List specs = {0};
    RuleSpec *spec = arena_new_struct(context->arena, RuleSpec);
    *spec = (RuleSpec){.protocol = protocol, .from_port = from, .to_port = to, .cidr = cidr};
    list_add(&specs, context->arena, spec);
    return specs;
}

static size_t count_rules(Context *context)
{
    List views = {0};
    const char *token;
    Page page = {0};
    assert_works(security_group_rules_find(context, &page, &views, &token, error));
    return views.n;
}

static void rule_is_kept_in_canonical_form(void **state)
{
    CloudFixture *fixture = *state;
    Context *context = &fixture->context;
    List specs = spec_of(context, "TCP", 22, 22, "10.1.2.3/8"), rules = {0};
    assert_works(authorize(context, &specs, &rules, error));
    const GroupRule *rule = list_at(&rules, 0);
    assert_true(g_str_has_prefix(rule->id, "sgr-"));
    assert_string_equal(rule->cidr, "10.0.0.0/8");
    assert_int_equal(rule->protocol, 6);
    assert_string_equal(security_group_protocol(context->arena, rule->protocol), "tcp");
    assert_int_equal(cloud_network_wakes(fixture), 1);
}

static void same_rule_in_other_words_is_a_duplicate(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    List specs = spec_of(context, "tcp", 22, 22, "0.0.0.0/0"), rules = {0};
    List again = spec_of(context, "6", 22, 22, "1.2.3.4/0");
    assert_works(authorize(context, &specs, &rules, error));
    assert_fault(authorize(context, &again, &rules, error), FAULT_INVALID_PERMISSION_DUPLICATE,
                 "the specified rule \"peer: 0.0.0.0/0, TCP, from port: 22, to port: 22, ALLOW\" "
                 "already exists");
    List icmp = spec_of(context, "icmp", 8, -1, "0.0.0.0/0"),
         all = spec_of(context, "-1", 1, 2, "0.0.0.0/0");
    assert_works(authorize(context, &icmp, &rules, error) &&
                 authorize(context, &all, &rules, error));
    assert_fault(authorize(context, &icmp, &rules, error), FAULT_INVALID_PERMISSION_DUPLICATE,
                 "peer: 0.0.0.0/0, ICMP, type: 8, code: ALL, ALLOW");
    assert_fault(authorize(context, &all, &rules, error), FAULT_INVALID_PERMISSION_DUPLICATE,
                 "peer: 0.0.0.0/0, ALL, ALLOW");
}

static void one_bad_rule_refuses_all(void **state)
{
    CloudFixture *fixture = *state;
    Context *context = &fixture->context;
    size_t before = count_rules(context);
    List specs = spec_of(context, "tcp", 22, 22, "0.0.0.0/0"), rules = {0};
    list_add(&specs, context->arena, spec_of(context, "tcp", 80, 80, "nonsense").items[0]);
    assert_fault(authorize(context, &specs, &rules, error), FAULT_INVALID_PARAMETER_VALUE,
                 "CIDR block nonsense is malformed");
    assert_int_equal(count_rules(context), before);
    assert_int_equal(cloud_network_wakes(fixture), 0);
}

static void rule_named_twice_in_a_request_is_refused(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    List specs = spec_of(context, "tcp", 22, 22, "0.0.0.0/0"), rules = {0};
    list_add(&specs, context->arena, specs.items[0]);
    assert_fault(authorize(context, &specs, &rules, error), FAULT_INVALID_PARAMETER_VALUE,
                 "The same permission must not appear multiple times");
}

static void bad_protocols_and_ports_are_refused(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    const struct {
        const char *protocol;
        int64_t from, to;
        Fault fault;
        const char *says;
    } rows[] = {
        {"tpc", 22, 22, FAULT_INVALID_PARAMETER_VALUE,
         "Invalid value 'tpc' for IP protocol. Unknown protocol."},
        {"256", 22, 22, FAULT_INVALID_PARAMETER_VALUE, "Unknown protocol"},
        {NULL, 22, 22, FAULT_MISSING_PARAMETER, "ipProtocol"},
        {"tcp", RULE_PORT_ABSENT, 22, FAULT_INVALID_PARAMETER_VALUE,
         "Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange."},
        {"udp", 22, RULE_PORT_ABSENT, FAULT_INVALID_PARAMETER_VALUE, "Must specify both"},
        {"icmp", RULE_PORT_ABSENT, RULE_PORT_ABSENT, FAULT_INVALID_PARAMETER_VALUE,
         "Must specify both from and to ports with ICMP."},
        {"tcp", -1, -1, FAULT_INVALID_PERMISSION_MALFORMED, "TCP/UDP port (-1) out of range"},
        {"tcp", 1, 65536, FAULT_INVALID_PERMISSION_MALFORMED, "TCP/UDP port (65536) out of range"},
        {"tcp", 443, 80, FAULT_INVALID_PERMISSION_MALFORMED, "(443-80)"},
        {"icmp", 256, 0, FAULT_INVALID_PERMISSION_MALFORMED, "ICMP type (256)"},
        {"icmp", -1, 0, FAULT_INVALID_PERMISSION_MALFORMED, "ICMP code (0)"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        List specs = spec_of(context, rows[i].protocol, rows[i].from, rows[i].to, "0.0.0.0/0");
        List rules = {0};
        assert_fault(authorize(context, &specs, &rules, error), rows[i].fault, rows[i].says);
    }
}

static void ports_mean_nothing_to_other_protocols(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    static const char *const protocols[] = {"-1", "all", "50"};
    for (size_t i = 0; i < G_N_ELEMENTS(protocols); i++) {
        g_autofree char *cidr = g_strdup_printf("10.%zu.0.0/16", i);
        List specs = spec_of(context, protocols[i], 22, 80, cidr), rules = {0};
        assert_works(authorize(context, &specs, &rules, error));
        const GroupRule *rule = list_at(&rules, 0);
        assert_int_equal(rule->from_port, -1);
        assert_int_equal(rule->to_port, -1);
    }
}

static void rule_without_peer_is_refused(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    List specs = spec_of(context, "tcp", 22, 22, NULL), none = {0}, rules = {0};
    assert_fault(authorize(context, &specs, &rules, error), FAULT_MISSING_PARAMETER, "ipRanges");
    assert_fault(authorize(context, &none, &rules, error), FAULT_MISSING_PARAMETER,
                 "ipPermissions");
}

static void odd_descriptions_are_refused(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    List specs = spec_of(context, "tcp", 22, 22, "0.0.0.0/0"), rules = {0};
    RuleSpec *spec = specs.items[0];
    spec->description = "<script>";
    assert_fault(authorize(context, &specs, &rules, error), FAULT_INVALID_PARAMETER_VALUE,
                 "Invalid rule description");
    spec->description = "from the office (2nd floor)";
    assert_works(authorize(context, &specs, &rules, error));
    assert_string_equal(((GroupRule *)list_at(&rules, 0))->description, spec->description);
}

static void group_of_another_account_does_not_exist(void **state)
{
    CloudFixture *fixture = *state;
    Context *context = &fixture->context;
    List specs = spec_of(context, "tcp", 22, 22, NULL), rules = {0};
    RuleSpec *spec = specs.items[0];
    spec->group.name = "default";
    spec->group_owner = OTHER_ACCOUNT;
    assert_fault(authorize(context, &specs, &rules, error), FAULT_INVALID_GROUP_NOT_FOUND,
                 "does not exist");
    spec->group = (GroupRef){.id = group_id(&fixture->other, "default")};
    spec->group_owner = NULL;
    assert_fault(authorize(context, &specs, &rules, error), FAULT_INVALID_GROUP_NOT_FOUND,
                 "does not exist");
}

static void group_by_name_is_kept_by_id(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    List specs = spec_of(context, "tcp", 22, 22, NULL), rules = {0};
    RuleSpec *spec = specs.items[0];
    spec->group.name = "default";
    spec->group_owner = ACCOUNT;
    assert_works(authorize(context, &specs, &rules, error));
    const GroupRule *rule = list_at(&rules, 0);
    assert_string_equal(rule->source_group_id, group_id(context, "default"));
}

static void sixty_rules_fit_and_no_more(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    List specs = {0}, rules = {0};
    for (int port = 2; port <= RULES_PER_GROUP; port++) /* one is there */
        list_add(&specs, context->arena, spec_of(context, "tcp", port, port, "0.0.0.0/0").items[0]);
    assert_works(authorize(context, &specs, &rules, error));
    List more = spec_of(context, "tcp", 1, 1, "0.0.0.0/0");
    assert_fault(authorize(context, &more, &rules, error), FAULT_RULES_PER_GROUP_LIMIT_EXCEEDED,
                 "The maximum number of rules per security group has been reached.");
}

static void rules_are_listed_in_the_order_asked_for(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    List specs = {0}, rules = {0}, views = {0}, names = texts(context, "default", NULL);
    const char *token;
    Page page = {0};
    for (int i = 0; i < 20; i++)
        list_add(&specs, context->arena,
                 spec_of(context, "udp", 100 - i, 100 - i, "0.0.0.0/0").items[0]);
    assert_works(authorize(context, &specs, &rules, error) &&
                 security_groups_find(context, &page, &names, &views, &token, error));
    const GroupView *view = list_at(&views, 0);
    assert_int_equal(view->ingress.n, 21);
    for (size_t i = 0; i < 20; i++)
        assert_int_equal(((GroupRule *)view->ingress.items[i + 1])->from_port, 100 - (int)i);
}

static void revoked_rule_is_gone_with_its_tags(void **state)
{
    CloudFixture *fixture = *state;
    Context *context = &fixture->context;
    size_t before = count_rules(context);
    List specs = spec_of(context, "tcp", 22, 22, "0.0.0.0/0"), rules = {0}, left = {0};
    List tags = pairs(context, "Name", "ssh", NULL), named = filter(context, "key", "Name");
    const char *token;
    Page tagged = {.filters = &named};
    assert_works(
        security_group_authorize(context, &the_default, false, &specs, &tags, &rules, error) &&
        tags_find(context, &tagged, &left, &token, error));
    assert_int_equal(left.n, 1);
    left = (List){0};
    assert_works(revoke_specs(context, &specs, &rules, error) &&
                 tags_find(context, &tagged, &left, &token, error));
    assert_int_equal(left.n, 0);
    assert_int_equal(count_rules(context), before);
    assert_int_equal(cloud_network_wakes(fixture), 2);
}

static void revoking_what_is_not_there_revokes_nothing(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    List specs = spec_of(context, "tcp", 22, 22, "0.0.0.0/0"), rules = {0}, none = {0};
    assert_works(authorize(context, &specs, &rules, error));
    list_add(&specs, context->arena, spec_of(context, "tcp", 23, 23, "0.0.0.0/0").items[0]);
    size_t before = count_rules(context);
    assert_fault(revoke_specs(context, &specs, &rules, error), FAULT_INVALID_PERMISSION_NOT_FOUND,
                 "The specified rule does not exist in this security group.");
    assert_fault(revoke_specs(context, &none, &rules, error), FAULT_MISSING_PARAMETER,
                 "Either 'ipPermissions' or 'securityGroupRuleIds' should be provided.");
    assert_int_equal(count_rules(context), before);
}

static bool revoke_ids(Context *context, bool egress, const List *ids, List *rules, GError **error)
{
    List none = {0};
    return security_group_revoke(context, &the_default, egress, &none, ids, rules, error);
}

static void rules_are_revoked_by_id_in_their_direction(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    List specs = spec_of(context, "tcp", 22, 22, "0.0.0.0/0"), rules = {0}, revoked = {0};
    assert_works(authorize(context, &specs, &rules, error));
    const GroupRule *rule = list_at(&rules, 0);
    List ids = texts(context, rule->id, NULL), odd = texts(context, "sgr-x", NULL);
    assert_fault(revoke_ids(context, true, &ids, &revoked, error),
                 FAULT_INVALID_SECURITY_GROUP_RULE_ID_NOT_FOUND, rule->id);
    assert_fault(revoke_ids(context, false, &odd, &revoked, error),
                 FAULT_INVALID_SECURITY_GROUP_RULE_ID_MALFORMED, "sgr-x");
    assert_works(revoke_ids(context, false, &ids, &revoked, error));
    assert_int_equal(revoked.n, 1);
    assert_fault(revoke_ids(context, false, &ids, &revoked, error),
                 FAULT_INVALID_SECURITY_GROUP_RULE_ID_NOT_FOUND, "does not exist");
}

static void egress_has_rules_of_its_own(void **state)
{
    Context *context = &((CloudFixture *)*state)->context;
    List specs = spec_of(context, "-1", RULE_PORT_ABSENT, RULE_PORT_ABSENT, "0.0.0.0/0");
    List none = {0}, rules = {0};
    assert_fault(
        security_group_authorize(context, &the_default, true, &specs, &none, &rules, error),
        FAULT_INVALID_PERMISSION_DUPLICATE, "already exists");
    assert_works(security_group_revoke(context, &the_default, true, &specs, &none, &rules, error));
    assert_true(((GroupRule *)list_at(&rules, 0))->egress);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cloud_test(rule_is_kept_in_canonical_form),
        cloud_test(same_rule_in_other_words_is_a_duplicate),
        cloud_test(one_bad_rule_refuses_all),
        cloud_test(rule_named_twice_in_a_request_is_refused),
        cloud_test(bad_protocols_and_ports_are_refused),
        cloud_test(ports_mean_nothing_to_other_protocols),
        cloud_test(rule_without_peer_is_refused),
        cloud_test(odd_descriptions_are_refused),
        cloud_test(group_of_another_account_does_not_exist),
        cloud_test(group_by_name_is_kept_by_id),
        cloud_test(sixty_rules_fit_and_no_more),
        cloud_test(rules_are_listed_in_the_order_asked_for),
        cloud_test(revoked_rule_is_gone_with_its_tags),
        cloud_test(revoking_what_is_not_there_revokes_nothing),
        cloud_test(rules_are_revoked_by_id_in_their_direction),
        cloud_test(egress_has_rules_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
