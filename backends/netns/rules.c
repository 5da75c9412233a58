/* Security groups as nft commands and as a predicate.
 *
 * A group is, in nft, a set of its members' addresses ("m_ID") and two chains of its rules
 * ("in_ID", "out_ID"). The chains "ingress" and "egress" jump to each group that the packet's
 * guest is a member of. They are looked up only for the first packet of a connection, so their
 * length (AWS allows 500 groups a VPC) does not matter for throughput.
 *
 * Invariant: ids in commands passed id_is_plain, and numbers and addresses are formatted from
 * parsed values, so a rule cannot say more to nft than it means. */
#include "backends/netns/rules.h"
#include "backends/netns/plan.h"
#include "base/fault.h"

#include <netinet/in.h>
#include <string.h>

#define MAX_PORT 65535

typedef struct Permit {
    FirewallDirection direction;
    int protocol;      /* or FIREWALL_ALL_PROTOCOLS */
    int from, to;      /* ports, or ICMP type and code */
    const char *group; /* NULL: cidr */
    Cidr cidr;
} Permit;

typedef struct Group {
    const char *id;
    Permit *permits;
    size_t n_permits;
    GHashTable *addresses; /* set of uint32_t as pointers */
    const char *in, *out;  /* the chains' rules, an nft command a line */
} Group;

struct Rules {
    Arena *arena;
    GHashTable *groups;    /* id → Group * */
    GHashTable *by_member; /* address → GPtrArray of Group * */
};

static void *address_key(uint32_t address)
{
    return GUINT_TO_POINTER(address);
}

static bool is_port(int port)
{
    return port >= 0 && port <= MAX_PORT;
}

static bool has_ports(int protocol)
{
    return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP;
}

static bool parse_permit(const char *id, const FirewallRule *rule, Arena *arena, Permit *permit,
                         GError **error)
{
    *permit = (Permit){rule->direction, rule->protocol, rule->from, rule->to, NULL, {0, 0}};
    if (rule->protocol < FIREWALL_ALL_PROTOCOLS || rule->protocol > 255)
        return trouble_set(error, "group %s: no protocol has number %d", id, rule->protocol);
    if (!rule->cidr == !rule->group)
        return trouble_set(error, "group %s: a rule needs a CIDR block or a group", id);
    if (rule->group && !id_is_plain(rule->group))
        return trouble_set(error, "group %s: '%s' is no group id", id, rule->group);
    if (rule->cidr && !ipv4_parse_cidr(rule->cidr, &permit->cidr))
        return trouble_set(error, "group %s: '%s' is no CIDR block", id, rule->cidr);
    permit->group = arena_strdup(arena, rule->group);

    if (has_ports(rule->protocol) && rule->from == FIREWALL_ANY_PORT) {
        permit->from = 0;
        permit->to = MAX_PORT;
    }
    if (has_ports(rule->protocol) &&
        (!is_port(permit->from) || !is_port(permit->to) || permit->from > permit->to))
        return trouble_set(error, "group %s: %d to %d is no range of ports", id, rule->from,
                           rule->to);
    if (rule->protocol == IPPROTO_ICMP &&
        (rule->from < -1 || rule->from > 255 || rule->to < -1 || rule->to > 255))
        return trouble_set(error, "group %s: there is no ICMP type %d, code %d", id, rule->from,
                           rule->to);
    return true;
}

static void append_match(const Permit *permit, GString *text)
{
    const char *end = permit->direction == FIREWALL_INGRESS ? "saddr" : "daddr";
    char cidr[IPV4_TEXT_SIZE];
    if (permit->group)
        g_string_append_printf(text, " ip %s @m_%s", end, permit->group);
    else if (permit->cidr.prefix > 0)
        g_string_append_printf(text, " ip %s %s", end, ipv4_format_cidr(permit->cidr, cidr));

    bool all_ports = permit->from == 0 && permit->to == MAX_PORT;
    if (has_ports(permit->protocol) && !all_ports)
        g_string_append_printf(text, " %s dport %d-%d",
                               permit->protocol == IPPROTO_TCP ? "tcp" : "udp", permit->from,
                               permit->to);
    else if (permit->protocol == IPPROTO_ICMP && permit->from >= 0)
        g_string_append_printf(text, " icmp type %d", permit->from);
    else if (permit->protocol != FIREWALL_ALL_PROTOCOLS)
        g_string_append_printf(text, " ip protocol %d", permit->protocol);
    if (permit->protocol == IPPROTO_ICMP && permit->from >= 0 && permit->to >= 0)
        g_string_append_printf(text, " icmp code %d", permit->to);
}

/* The commands that fill one chain of the group. */
static const char *format_chain(const Rules *rules, const Group *group, FirewallDirection direction)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (size_t i = 0; i < group->n_permits; i++) {
        const Permit *permit = &group->permits[i];
        if (permit->direction != direction)
            continue;
        if (permit->group && !g_hash_table_contains(rules->groups, permit->group))
            continue;
        g_string_append_printf(text, "add rule " RULES_TABLE " %s_%s",
                               direction == FIREWALL_INGRESS ? "in" : "out", group->id);
        append_match(permit, text);
        g_string_append(text, " accept\n");
    }
    return arena_strdup(rules->arena, text->str);
}

static void add_member(Rules *rules, Group *group, uint32_t address)
{
    if (!g_hash_table_add(group->addresses, address_key(address)))
        return;
    GPtrArray *groups = g_hash_table_lookup(rules->by_member, address_key(address));
    if (!groups) {
        groups = g_ptr_array_new();
        g_hash_table_insert(rules->by_member, address_key(address), groups);
    }
    g_ptr_array_add(groups, group);
}

static bool parse_group(Rules *rules, const FirewallGroup *source, GError **error)
{
    if (!id_is_plain(source->id))
        return trouble_set(error, "'%s' is no group id", source->id);
    Group *group = arena_new_struct(rules->arena, Group);
    group->id = arena_strdup(rules->arena, source->id);
    group->addresses = g_hash_table_new(NULL, NULL);
    if (!g_hash_table_insert(rules->groups, (char *)group->id, group))
        return trouble_set(error, "group %s is there twice", source->id);

    group->permits = arena_alloc(rules->arena, sizeof(Permit) * MAX(source->rules.n, 1));
    LIST_EACH (const FirewallRule *, rule, &source->rules) {
        if (!parse_permit(group->id, rule, rules->arena, &group->permits[group->n_permits++],
                          error))
            return false;
    }
    LIST_EACH (const char *, text, &source->addresses) {
        uint32_t address;
        if (!ipv4_parse(text, &address))
            return trouble_set(error, "group %s: '%s' is no address", group->id, text);
        add_member(rules, group, address);
    }
    return true;
}

static void free_group(void *data)
{
    Group *group = data;
    g_hash_table_unref(group->addresses);
}

static void free_array(void *data)
{
    g_ptr_array_unref(data);
}

bool rules_parse(const List *groups, Rules **ret_rules, GError **error)
{
    g_autoptr(Rules) rules = g_new0(Rules, 1);
    rules->arena = arena_new();
    rules->groups = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_group);
    rules->by_member = g_hash_table_new_full(NULL, NULL, NULL, free_array);
    LIST_EACH (const FirewallGroup *, group, groups) {
        if (!parse_group(rules, group, error))
            return false;
    }
    GHashTableIter iter;
    Group *group;
    g_hash_table_iter_init(&iter, rules->groups);
    while (g_hash_table_iter_next(&iter, NULL, (void **)&group)) {
        group->in = format_chain(rules, group, FIREWALL_INGRESS);
        group->out = format_chain(rules, group, FIREWALL_EGRESS);
    }
    *ret_rules = g_steal_pointer(&rules);
    return true;
}

void nft_rules_free(Rules *rules)
{
    if (!rules)
        return;
    g_hash_table_unref(rules->by_member);
    g_hash_table_unref(rules->groups);
    arena_free(rules->arena);
    g_free(rules);
}

static const Group *find_group(const Rules *rules, const char *id)
{
    return rules ? g_hash_table_lookup(rules->groups, id) : NULL;
}

/* Elements that are in one group's set and not in the other's (which may be NULL). */
static bool append_elements(const char *verb, const Group *has, const Group *lacks,
                            GString *commands)
{
    GHashTableIter iter;
    void *key;
    bool any = false;
    g_hash_table_iter_init(&iter, has->addresses);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        char address[IPV4_TEXT_SIZE];
        if (lacks && g_hash_table_contains(lacks->addresses, key))
            continue;
        if (!any)
            g_string_append_printf(commands, "%s element " RULES_TABLE " m_%s { ", verb, has->id);
        else
            g_string_append(commands, ", ");
        g_string_append(commands, ipv4_format(GPOINTER_TO_UINT(key), address));
        any = true;
    }
    if (any)
        g_string_append(commands, " }\n");
    return any;
}

static bool append_chain(const char *chain, const char *id, const char *before, const char *after,
                         GString *commands)
{
    if (g_strcmp0(before, after) == 0)
        return false;
    if (before)
        g_string_append_printf(commands, "flush chain " RULES_TABLE " %s_%s\n", chain, id);
    g_string_append(commands, after);
    /* Only a chain that had rules can have allowed anything. */
    return before && *before;
}

static bool append_group(const Group *before, const Group *after, GString *commands)
{
    bool revokes = append_chain("in", after->id, before ? before->in : NULL, after->in, commands);
    revokes |= append_chain("out", after->id, before ? before->out : NULL, after->out, commands);
    append_elements("add", after, before, commands);
    if (before)
        revokes |= append_elements("delete", before, after, commands);
    return revokes;
}

static void append_jumps(const Rules *after, GString *commands)
{
    GHashTableIter iter;
    const char *id;
    g_string_append(commands, "flush chain " RULES_TABLE " ingress\n"
                              "flush chain " RULES_TABLE " egress\n");
    g_hash_table_iter_init(&iter, after->groups);
    while (g_hash_table_iter_next(&iter, (void **)&id, NULL))
        g_string_append_printf(commands,
                               "add rule " RULES_TABLE " ingress ip daddr @m_%s jump in_%s\n"
                               "add rule " RULES_TABLE " egress ip saddr @m_%s jump out_%s\n",
                               id, id, id, id);
}

/* Sets and chains first, since rules refer to them. */
static bool append_new_groups(const Rules *before, const Rules *after, GString *commands)
{
    GHashTableIter iter;
    const char *id;
    bool any = false;
    g_hash_table_iter_init(&iter, after->groups);
    while (g_hash_table_iter_next(&iter, (void **)&id, NULL)) {
        if (find_group(before, id))
            continue;
        any = true;
        g_string_append_printf(commands,
                               "add set " RULES_TABLE " m_%s { type ipv4_addr; }\n"
                               "add chain " RULES_TABLE " in_%s\n"
                               "add chain " RULES_TABLE " out_%s\n",
                               id, id, id);
    }
    return any;
}

/* Chains first, so that nothing refers to the sets any more. */
static void append_gone_groups(const GPtrArray *gone, GString *commands)
{
    for (unsigned i = 0; i < gone->len; i++) {
        const char *id = gone->pdata[i];
        g_string_append_printf(commands,
                               "flush chain " RULES_TABLE " in_%s\n"
                               "flush chain " RULES_TABLE " out_%s\n"
                               "delete chain " RULES_TABLE " in_%s\n"
                               "delete chain " RULES_TABLE " out_%s\n",
                               id, id, id, id);
    }
    for (unsigned i = 0; i < gone->len; i++)
        g_string_append_printf(commands, "delete set " RULES_TABLE " m_%s\n",
                               (const char *)gone->pdata[i]);
}

static GPtrArray *find_gone(const Rules *before, const Rules *after)
{
    GPtrArray *gone = g_ptr_array_new();
    if (!before)
        return gone;
    GHashTableIter iter;
    void *id;
    g_hash_table_iter_init(&iter, before->groups);
    while (g_hash_table_iter_next(&iter, &id, NULL)) {
        if (!find_group(after, id))
            g_ptr_array_add(gone, id);
    }
    return gone;
}

bool rules_append_change(const Rules *before, const Rules *after, GString *commands)
{
    g_autoptr(GPtrArray) gone = find_gone(before, after);
    bool revokes = gone->len > 0;
    bool any_new = append_new_groups(before, after, commands);

    GHashTableIter iter;
    const Group *group;
    g_hash_table_iter_init(&iter, after->groups);
    while (g_hash_table_iter_next(&iter, NULL, (void **)&group))
        revokes |= append_group(find_group(before, group->id), group, commands);
    if (any_new || gone->len > 0)
        append_jumps(after, commands);
    append_gone_groups(gone, commands);
    return revokes;
}

static bool peer_matches(const Rules *rules, const Permit *permit, uint32_t peer)
{
    if (!permit->group)
        return ipv4_in_cidr(permit->cidr, peer);
    const Group *group = find_group(rules, permit->group);
    return group && g_hash_table_contains(group->addresses, address_key(peer));
}

static bool traffic_matches(const Permit *permit, const Flow *flow)
{
    if (permit->protocol == FIREWALL_ALL_PROTOCOLS)
        return true;
    if (permit->protocol != flow->protocol)
        return false;
    if (has_ports(permit->protocol))
        return flow->port >= permit->from && flow->port <= permit->to;
    if (permit->protocol == IPPROTO_ICMP)
        return permit->from < 0 || (flow->icmp_type == permit->from &&
                                    (permit->to < 0 || flow->icmp_code == permit->to));
    return true;
}

static bool allow(const Rules *rules, FirewallDirection direction, uint32_t guest, uint32_t peer,
                  const Flow *flow)
{
    const GPtrArray *groups = g_hash_table_lookup(rules->by_member, address_key(guest));
    for (unsigned i = 0; groups && i < groups->len; i++) {
        const Group *group = groups->pdata[i];
        for (size_t j = 0; j < group->n_permits; j++) {
            const Permit *permit = &group->permits[j];
            if (permit->direction == direction && traffic_matches(permit, flow) &&
                peer_matches(rules, permit, peer))
                return true;
        }
    }
    return false;
}

bool rules_allow_out(const Rules *rules, const Flow *flow)
{
    return allow(rules, FIREWALL_EGRESS, flow->source, flow->destination, flow);
}

bool rules_allow_in(const Rules *rules, const Flow *flow)
{
    return allow(rules, FIREWALL_INGRESS, flow->destination, flow->source, flow);
}
