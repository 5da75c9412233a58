/* backends/netns/rules.h: the text for nft and the judgement of connections, from one form. */
#include "tests/unit/unit.h"
#include "backends/netns/plan.h"
#include "backends/netns/rules.h"

#define A "172.31.0.10"
#define B "172.31.0.11"
#define EVERYBODY "0.0.0.0/0"
#define TCP 6
#define UDP 17
#define ICMP 1

static int set_up(void **state)
{
    *state = arena_new();
    return 0;
}

static int tear_down(void **state)
{
    arena_free(*state);
    return 0;
}

static FirewallGroup *add_group(Arena *arena, List *groups, const char *id, const char *address)
{
    FirewallGroup *group = arena_new_struct(arena, FirewallGroup);
    group->id = id;
    if (address)
        list_add(&group->addresses, arena, address);
    list_add(groups, arena, group);
    return group;
}

static void add_rule(Arena *arena, FirewallGroup *group, FirewallRule rule)
{
    list_add(&group->rules, arena, arena_memdup(arena, &rule, sizeof(rule)));
}

static Rules *parse(const List *groups)
{
    g_autoptr(GError) error = NULL;
    Rules *rules = NULL;
    rules_parse(groups, &rules, &error);
    assert_no_error(error);
    return rules;
}

static void assert_refused(Arena *arena, FirewallRule rule, const char *says)
{
    g_autoptr(GError) error = NULL;
    Rules *rules = NULL;
    List groups = {0};
    add_rule(arena, add_group(arena, &groups, "sg-1", NULL), rule);
    assert_false(rules_parse(&groups, &rules, &error));
    assert_null(rules);
    assert_error_says(error, says);
}

/* Group sg-1 has member A and this rule; sg-2 has member B. */
static Rules *parse_rule(Arena *arena, FirewallRule rule)
{
    List groups = {0};
    add_rule(arena, add_group(arena, &groups, "sg-1", A), rule);
    add_group(arena, &groups, "sg-2", B);
    return parse(&groups);
}

static char *change(const Rules *before, const Rules *after, bool *ret_revokes)
{
    GString *text = g_string_new(NULL);
    *ret_revokes = rules_append_change(before, after, text);
    return g_string_free(text, FALSE);
}

static void assert_text(Arena *arena, FirewallRule rule, const char *line)
{
    bool revokes;
    g_autoptr(Rules) rules = parse_rule(arena, rule);
    g_autofree char *text = change(NULL, rules, &revokes);
    g_autofree char *command = g_strdup_printf("add rule ip vpc %s\n", line);
    if (!strstr(text, command))
        fail_msg("no \"%s\" in:\n%s", line, text);
}

static Flow flow(const char *source, const char *destination, int protocol, int port)
{
    Flow flow = {.protocol = (uint8_t)protocol, .port = (uint16_t)port};
    ipv4_parse(source, &flow.source);
    ipv4_parse(destination, &flow.destination);
    return flow;
}

static bool lets_in(Arena *arena, FirewallRule rule, Flow f)
{
    g_autoptr(Rules) rules = parse_rule(arena, rule);
    return rules_allow_in(rules, &f);
}

static void a_rule_becomes_an_nft_rule(void **state)
{
    assert_text(*state, (FirewallRule){FIREWALL_INGRESS, TCP, 22, 80, "10.0.0.5/8", NULL},
                "in_sg-1 ip saddr 10.0.0.0/8 tcp dport 22-80 accept");
    assert_text(*state, (FirewallRule){FIREWALL_EGRESS, UDP, 53, 53, NULL, "sg-2"},
                "out_sg-1 ip daddr @m_sg-2 udp dport 53-53 accept");
    assert_text(*state, (FirewallRule){FIREWALL_INGRESS, TCP, -1, -1, EVERYBODY, NULL},
                "in_sg-1 ip protocol 6 accept");
    assert_text(*state, (FirewallRule){FIREWALL_INGRESS, ICMP, 3, 4, EVERYBODY, NULL},
                "in_sg-1 icmp type 3 icmp code 4 accept");
    assert_text(*state, (FirewallRule){FIREWALL_INGRESS, ICMP, -1, -1, EVERYBODY, NULL},
                "in_sg-1 ip protocol 1 accept");
    assert_text(*state, (FirewallRule){FIREWALL_INGRESS, 50, 0, 0, EVERYBODY, NULL},
                "in_sg-1 ip protocol 50 accept");
    assert_text(*state, (FirewallRule){FIREWALL_EGRESS, -1, -1, -1, EVERYBODY, NULL},
                "out_sg-1 accept");
}

static void a_range_of_ports_has_both_its_ends(void **state)
{
    FirewallRule rule = {FIREWALL_INGRESS, TCP, 80, 81, EVERYBODY, NULL};
    assert_false(lets_in(*state, rule, flow("8.8.8.8", A, TCP, 79)));
    assert_true(lets_in(*state, rule, flow("8.8.8.8", A, TCP, 80)));
    assert_true(lets_in(*state, rule, flow("8.8.8.8", A, TCP, 81)));
    assert_false(lets_in(*state, rule, flow("8.8.8.8", A, TCP, 82)));
    assert_false(lets_in(*state, rule, flow("8.8.8.8", A, UDP, 80)));
}

static void only_members_are_let_in(void **state)
{
    FirewallRule rule = {FIREWALL_INGRESS, -1, -1, -1, EVERYBODY, NULL};
    assert_true(lets_in(*state, rule, flow(B, A, TCP, 80)));
    assert_false(lets_in(*state, rule, flow(A, B, TCP, 80)));
}

static void a_group_as_peer_means_its_members(void **state)
{
    FirewallRule rule = {FIREWALL_INGRESS, TCP, 80, 80, NULL, "sg-2"};
    assert_true(lets_in(*state, rule, flow(B, A, TCP, 80)));
    assert_false(lets_in(*state, rule, flow("172.31.0.12", A, TCP, 80)));
    rule.group = "sg-gone";
    assert_false(lets_in(*state, rule, flow(B, A, TCP, 80)));
}

static void icmp_has_type_and_code(void **state)
{
    FirewallRule rule = {FIREWALL_INGRESS, ICMP, 8, -1, EVERYBODY, NULL};
    Flow ping = flow(B, A, ICMP, 0);
    ping.icmp_type = 8;
    assert_true(lets_in(*state, rule, ping));
    rule.to = 1;
    assert_false(lets_in(*state, rule, ping));
    ping.icmp_code = 1;
    assert_true(lets_in(*state, rule, ping));
    rule.from = 0;
    assert_false(lets_in(*state, rule, ping));
}

static void directions_are_apart(void **state)
{
    g_autoptr(Rules) rules =
        parse_rule(*state, (FirewallRule){FIREWALL_EGRESS, TCP, 80, 80, EVERYBODY, NULL});
    Flow out = flow(A, B, TCP, 80), in = flow(B, A, TCP, 80);
    assert_true(rules_allow_out(rules, &out));
    assert_false(rules_allow_in(rules, &in));
}

static void a_cidr_block_has_its_edges(void **state)
{
    FirewallRule rule = {FIREWALL_INGRESS, TCP, 80, 80, "10.1.2.0/23", NULL};
    assert_false(lets_in(*state, rule, flow("10.1.1.255", A, TCP, 80)));
    assert_true(lets_in(*state, rule, flow("10.1.2.0", A, TCP, 80)));
    assert_true(lets_in(*state, rule, flow("10.1.3.255", A, TCP, 80)));
    assert_false(lets_in(*state, rule, flow("10.1.4.0", A, TCP, 80)));
    rule.cidr = "10.1.2.3/32";
    assert_true(lets_in(*state, rule, flow("10.1.2.3", A, TCP, 80)));
    assert_false(lets_in(*state, rule, flow("10.1.2.2", A, TCP, 80)));
}

static void the_same_again_is_no_change(void **state)
{
    bool revokes;
    FirewallRule rule = {FIREWALL_INGRESS, TCP, 80, 80, EVERYBODY, NULL};
    g_autoptr(Rules) before = parse_rule(*state, rule);
    g_autoptr(Rules) after = parse_rule(*state, rule);
    g_autofree char *text = change(before, after, &revokes);
    assert_string_equal(text, "");
    assert_false(revokes);
}

static void a_new_member_is_one_element(void **state)
{
    bool revokes;
    List one = {0}, two = {0};
    add_group(*state, &one, "sg-1", A);
    FirewallGroup *group = add_group(*state, &two, "sg-1", A);
    list_add(&group->addresses, *state, B);
    g_autoptr(Rules) before = parse(&one);
    g_autoptr(Rules) after = parse(&two);
    g_autofree char *there = change(before, after, &revokes);
    assert_string_equal(there, "add element ip vpc m_sg-1 { " B " }\n");
    assert_false(revokes);
    g_autofree char *back = change(after, before, &revokes);
    assert_string_equal(back, "delete element ip vpc m_sg-1 { " B " }\n");
    assert_true(revokes);
}

static void a_changed_rule_rewrites_one_chain(void **state)
{
    bool revokes;
    g_autoptr(Rules) before =
        parse_rule(*state, (FirewallRule){FIREWALL_INGRESS, TCP, 80, 80, EVERYBODY, NULL});
    g_autoptr(Rules) after =
        parse_rule(*state, (FirewallRule){FIREWALL_INGRESS, TCP, 81, 81, EVERYBODY, NULL});
    g_autofree char *text = change(before, after, &revokes);
    assert_string_equal(text, "flush chain ip vpc in_sg-1\n"
                              "add rule ip vpc in_sg-1 tcp dport 81-81 accept\n");
    assert_true(revokes);
}

static void a_group_that_goes_leaves_no_reference(void **state)
{
    bool revokes;
    List one = {0}, none = {0};
    FirewallGroup *peer = add_group(*state, &none, "sg-1", A);
    add_rule(*state, peer, (FirewallRule){FIREWALL_INGRESS, -1, -1, -1, NULL, "sg-2"});
    list_add(&one, *state, peer);
    add_group(*state, &one, "sg-2", B);
    g_autoptr(Rules) before = parse(&one);
    g_autoptr(Rules) after = parse(&none);
    g_autofree char *text = change(before, after, &revokes);
    const char *flushed = strstr(text, "flush chain ip vpc in_sg-1\n");
    const char *deleted = strstr(text, "delete set ip vpc m_sg-2\n");
    assert_non_null(flushed);
    assert_true(deleted > flushed);
    assert_null(strstr(text, "@m_sg-2"));
    assert_true(revokes);
}

static void what_makes_no_sense_is_refused(void **state)
{
    assert_refused(*state, (FirewallRule){FIREWALL_INGRESS, TCP, 81, 80, EVERYBODY, NULL},
                   "81 to 80");
    assert_refused(*state, (FirewallRule){FIREWALL_INGRESS, TCP, 0, 65536, EVERYBODY, NULL},
                   "65536");
    assert_refused(*state, (FirewallRule){FIREWALL_INGRESS, 256, 0, 0, EVERYBODY, NULL}, "256");
    assert_refused(*state, (FirewallRule){FIREWALL_INGRESS, TCP, 1, 1, NULL, NULL}, "CIDR");
    assert_refused(*state, (FirewallRule){FIREWALL_INGRESS, TCP, 1, 1, "10.0.0.0", NULL},
                   "10.0.0.0");
    assert_refused(*state, (FirewallRule){FIREWALL_INGRESS, TCP, 1, 1, NULL, "x accept; #"},
                   "no group id");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_rule_becomes_an_nft_rule, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_range_of_ports_has_both_its_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_members_are_let_in, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_group_as_peer_means_its_members, set_up, tear_down),
        cmocka_unit_test_setup_teardown(icmp_has_type_and_code, set_up, tear_down),
        cmocka_unit_test_setup_teardown(directions_are_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cidr_block_has_its_edges, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_same_again_is_no_change, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_new_member_is_one_element, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_changed_rule_rewrites_one_chain, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_group_that_goes_leaves_no_reference, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_makes_no_sense_is_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
