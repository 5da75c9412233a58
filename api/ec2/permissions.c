/* Permissions of security groups in requests and replies. */
#include "api/ec2/permissions.h"

#include "api/ec2/tag_items.h"

#define ALL_PROTOCOLS (-1)
#define PORT_MAX 65535

static RuleSpec *add_spec(Call *call, List *specs, const char *protocol, int64_t from, int64_t to)
{
    RuleSpec *spec = arena_new_struct(call->context.arena, RuleSpec);
    *spec = (RuleSpec){
        .protocol = protocol,
        .from_port = from == ABSENT ? RULE_PORT_ABSENT : from,
        .to_port = to == ABSENT ? RULE_PORT_ABSENT : to,
    };
    list_add(specs, call->context.arena, spec);
    return spec;
}

/* A spec with the permission's protocol and ports, its peer still to be named. */
static RuleSpec *add_part(Call *call, List *specs, const IpPermission *permission)
{
    return add_spec(call, specs, permission->ip_protocol, permission->from_port,
                    permission->to_port);
}

static void add_permission(Call *call, List *specs, const IpPermission *permission)
{
    size_t before = specs->n;
    LIST_EACH (const IpRange *, range, &permission->ip_ranges) {
        RuleSpec *spec = add_part(call, specs, permission);
        spec->cidr = range->cidr_ip;
        spec->description = range->description;
    }
    LIST_EACH (const Ipv6Range *, range6, &permission->ipv6_ranges) {
        RuleSpec *spec = add_part(call, specs, permission);
        spec->cidr6 = range6->cidr_ipv6;
        spec->description = range6->description;
    }
    LIST_EACH (const PrefixListId *, prefix_list, &permission->prefix_list_ids) {
        RuleSpec *spec = add_part(call, specs, permission);
        spec->prefix_list_id = prefix_list->prefix_list_id;
        spec->description = prefix_list->description;
    }
    LIST_EACH (const UserIdGroupPair *, pair, &permission->groups) {
        RuleSpec *spec = add_part(call, specs, permission);
        spec->group = (GroupRef){.id = pair->group_id, .name = pair->group_name};
        spec->group_owner = pair->user_id;
        spec->description = pair->description;
    }
    if (specs->n == before) /* that it names nobody is for cloud/ to refuse */
        add_part(call, specs, permission);
}

static void add_flat_group(Call *call, List *specs, const Permissions *permissions,
                           const char *protocol, int64_t from, int64_t to)
{
    RuleSpec *spec = add_spec(call, specs, protocol, from, to);
    spec->group.name = permissions->source_group_name;
    spec->group_owner = permissions->source_group_owner_id;
}

/* The form of the first API versions. A source group without protocol means full TCP, UDP and ICMP
 * access (AuthorizeSecurityGroupIngress, SourceSecurityGroupName). */
static void add_flat(Call *call, List *specs, const Permissions *permissions)
{
    if (permissions->cidr_ip || (permissions->ip_protocol && !permissions->source_group_name)) {
        RuleSpec *spec = add_spec(call, specs, permissions->ip_protocol, permissions->from_port,
                                  permissions->to_port);
        spec->cidr = permissions->cidr_ip;
    }
    if (permissions->source_group_name && permissions->ip_protocol) {
        add_flat_group(call, specs, permissions, permissions->ip_protocol, permissions->from_port,
                       permissions->to_port);
    } else if (permissions->source_group_name) {
        add_flat_group(call, specs, permissions, "tcp", 0, PORT_MAX);
        add_flat_group(call, specs, permissions, "udp", 0, PORT_MAX);
        add_flat_group(call, specs, permissions, "icmp", -1, -1);
    }
}

List ec2_rule_specs(Call *call, const Permissions *permissions)
{
    List specs = {0};
    LIST_EACH (const IpPermission *, permission, &permissions->ip_permissions)
        add_permission(call, &specs, permission);
    add_flat(call, &specs, permissions);
    return specs;
}

SecurityGroupRuleItem *ec2_rule_item(Call *call, const GroupRule *rule)
{
    SecurityGroupRuleItem *item = EC2_NEW(call, SecurityGroupRuleItem);
    item->rule_id = rule->id;
    item->group_id = rule->group_id;
    item->group_owner_id = rule->account_id;
    item->is_egress = rule->egress;
    item->ip_protocol = security_group_protocol(call->context.arena, rule->protocol);
    item->from_port = rule->from_port;
    item->to_port = rule->to_port;
    item->cidr_ipv4 = rule->cidr;
    item->cidr_ipv6 = rule->cidr6;
    item->prefix_list_id = rule->prefix_list_id;
    item->description = rule->description;
    if (rule->source_group_id) {
        item->referenced_group = EC2_NEW(call, ReferencedGroup);
        item->referenced_group->group_id = rule->source_group_id;
        item->referenced_group->user_id = rule->account_id;
    }
    return item;
}

RevokedRule *ec2_revoked_rule(Call *call, const GroupRule *rule)
{
    RevokedRule *item = EC2_NEW(call, RevokedRule);
    item->rule_id = rule->id;
    item->group_id = rule->group_id;
    item->is_egress = rule->egress;
    item->ip_protocol = security_group_protocol(call->context.arena, rule->protocol);
    item->from_port = rule->from_port;
    item->to_port = rule->to_port;
    item->cidr_ipv4 = rule->cidr;
    item->cidr_ipv6 = rule->cidr6;
    item->prefix_list_id = rule->prefix_list_id;
    item->referenced_group_id = rule->source_group_id;
    item->description = rule->description;
    return item;
}

static IpPermission *permission_for(Call *call, List *items, GHashTable *known,
                                    const GroupRule *rule)
{
    const char *key = arena_printf(call->context.arena,
                                   "%" G_GINT64_FORMAT " %" G_GINT64_FORMAT " %" G_GINT64_FORMAT,
                                   rule->protocol, rule->from_port, rule->to_port);
    IpPermission *item = g_hash_table_lookup(known, key);
    if (item)
        return item;
    item = EC2_NEW(call, IpPermission);
    item->ip_protocol = security_group_protocol(call->context.arena, rule->protocol);
    if (rule->protocol != ALL_PROTOCOLS) { /* AWS shows no ports where all traffic is meant */
        item->from_port = rule->from_port;
        item->to_port = rule->to_port;
    }
    g_hash_table_insert(known, (void *)key, item);
    list_add(items, call->context.arena, item);
    return item;
}

static void add_peer(Call *call, IpPermission *item, const GroupRule *rule)
{
    Arena *arena = call->context.arena;
    if (rule->cidr) {
        IpRange *range = EC2_NEW(call, IpRange);
        range->cidr_ip = rule->cidr;
        range->description = rule->description;
        list_add(&item->ip_ranges, arena, range);
    } else if (rule->cidr6) {
        Ipv6Range *range = EC2_NEW(call, Ipv6Range);
        range->cidr_ipv6 = rule->cidr6;
        range->description = rule->description;
        list_add(&item->ipv6_ranges, arena, range);
    } else if (rule->prefix_list_id) {
        PrefixListId *list = EC2_NEW(call, PrefixListId);
        list->prefix_list_id = rule->prefix_list_id;
        list->description = rule->description;
        list_add(&item->prefix_list_ids, arena, list);
    } else {
        UserIdGroupPair *pair = EC2_NEW(call, UserIdGroupPair);
        pair->group_id = rule->source_group_id;
        pair->user_id = rule->account_id;
        pair->description = rule->description;
        list_add(&item->groups, arena, pair);
    }
}

List ec2_permission_items(Call *call, const List *rules)
{
    List items = {0};
    g_autoptr(GHashTable) known = g_hash_table_new(g_str_hash, g_str_equal);
    LIST_EACH (const GroupRule *, rule, rules)
        add_peer(call, permission_for(call, &items, known, rule), rule);
    return items;
}
