/* Permissions as requests name them: checked and brought into the one form that is kept.
 *
 * Invariant: two specs that mean the same become equal rules, so that a duplicate is found and a
 * rule can be revoked in other words than it was authorized in. */
#include "cloud/security_group_spec.h"

#include "base/cidr.h"
#include "cloud/balancer_parts.h"
#include <netinet/in.h>
#include <string.h>

#define ALL_PROTOCOLS (-1)
#define ANY_PORT (-1)
#define DESCRIPTION_MAX_LENGTH 255
#define DESCRIPTION_PUNCTUATION " ._-:/()#,@[]+=&;{}!$*"

typedef struct ProtocolRow {
    const char *name, *label;
    int64_t number;
} ProtocolRow;

static const ProtocolRow protocols[] = {
    {"tcp", "TCP", IPPROTO_TCP},    {"udp", "UDP", IPPROTO_UDP},
    {"icmp", "ICMP", IPPROTO_ICMP}, {"icmpv6", "ICMPv6", IPPROTO_ICMPV6},
    {"-1", "ALL", ALL_PROTOCOLS},
};

static const ProtocolRow *protocol_row(int64_t number)
{
    for (size_t i = 0; i < G_N_ELEMENTS(protocols); i++) {
        if (protocols[i].number == number)
            return &protocols[i];
    }
    return NULL;
}

const char *security_group_protocol(Arena *arena, int64_t protocol)
{
    const ProtocolRow *row = protocol_row(protocol);
    return row ? row->name : arena_printf(arena, "%" G_GINT64_FORMAT, protocol);
}

static bool read_protocol(const char *text, int64_t *ret_number, GError **error)
{
    if (!text || text[0] == '\0')
        return fault_set(error, FAULT_MISSING_PARAMETER,
                         "The request must contain the parameter ipProtocol");
    for (size_t i = 0; i < G_N_ELEMENTS(protocols); i++) {
        if (g_ascii_strcasecmp(protocols[i].name, text) == 0) {
            *ret_number = protocols[i].number;
            return true;
        }
    }
    guint64 number;
    if (g_ascii_strcasecmp(text, "all") == 0)
        *ret_number = ALL_PROTOCOLS;
    else if (g_ascii_string_to_unsigned(text, 10, 0, 255, &number, NULL))
        *ret_number = (int64_t)number;
    else
        return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                         "Invalid value '%.100s' for IP protocol. Unknown protocol.", text);
    return true;
}

static bool check_ports(const GroupRule *rule, GError **error)
{
    const int64_t ports[] = {rule->from_port, rule->to_port};
    for (size_t i = 0; i < G_N_ELEMENTS(ports); i++) {
        if (ports[i] < 0 || ports[i] > G_MAXUINT16)
            return fault_set(error, FAULT_INVALID_PERMISSION_MALFORMED,
                             "TCP/UDP port (%" G_GINT64_FORMAT ") out of range", ports[i]);
    }
    if (rule->from_port > rule->to_port)
        return fault_set(error, FAULT_INVALID_PERMISSION_MALFORMED,
                         "TCP/UDP port range (%" G_GINT64_FORMAT "-%" G_GINT64_FORMAT
                         ") is invalid",
                         rule->from_port, rule->to_port);
    return true;
}

static bool check_icmp(const GroupRule *rule, GError **error)
{
    if (rule->from_port < -1 || rule->from_port > G_MAXUINT8)
        return fault_set(error, FAULT_INVALID_PERMISSION_MALFORMED,
                         "ICMP type (%" G_GINT64_FORMAT ") out of range", rule->from_port);
    if (rule->to_port < -1 || rule->to_port > G_MAXUINT8 ||
        (rule->from_port == -1 && rule->to_port != -1))
        return fault_set(error, FAULT_INVALID_PERMISSION_MALFORMED,
                         "ICMP code (%" G_GINT64_FORMAT ") out of range", rule->to_port);
    return true;
}

/* Ports count with TCP and UDP, types and codes with ICMP, nothing with other protocols. */
static bool read_ports(const RuleSpec *spec, GroupRule *rule, GError **error)
{
    bool given = spec->from_port != RULE_PORT_ABSENT && spec->to_port != RULE_PORT_ABSENT;
    rule->from_port = given ? spec->from_port : ANY_PORT;
    rule->to_port = given ? spec->to_port : ANY_PORT;
    switch (rule->protocol) {
    case IPPROTO_TCP:
    case IPPROTO_UDP:
        if (!given)
            return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                             "Invalid value 'Must specify both from and to ports with TCP/UDP.' "
                             "for portRange.");
        return check_ports(rule, error);
    case IPPROTO_ICMP:
        if (!given)
            return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                             "Invalid value 'Must specify both from and to ports with ICMP.' for "
                             "portRange.");
        return check_icmp(rule, error);
    case IPPROTO_ICMPV6:
        return check_icmp(rule, error);
    default:
        rule->from_port = rule->to_port = ANY_PORT;
        return true;
    }
}

static bool read_source_group(Context *context, Txn *txn, const SecurityGroup *group,
                              const RuleSpec *spec, GroupRule *rule, GError **error)
{
    const char *shown = spec->group.id ? spec->group.id : spec->group.name;
    SecurityGroup *source;
    /* The group of all balancers in EC2-Classic, which scripts of the time let in. */
    if (g_strcmp0(spec->group_owner, "amazon-elb") == 0 && strcmp(shown, "amazon-elb-sg") == 0) {
        if (!balancer_open_group(context, txn, group->vpc_id, &source, error))
            return false;
        rule->source_group_id = source->id;
        return true;
    }
    /* Every VPC is a network of its own, so another account's group can have no traffic here. */
    if (spec->group_owner && spec->group_owner[0] != '\0' &&
        strcmp(spec->group_owner, context->caller.account_id) != 0)
        return fault_set(error, FAULT_INVALID_GROUP_NOT_FOUND,
                         "The security group '%.255s' does not exist", shown);
    if (!security_group_resolve_in(context, txn, group->vpc_id, &spec->group, &source, error))
        return false;
    if (strcmp(source->vpc_id, group->vpc_id) != 0)
        return fault_set(error, FAULT_INVALID_PARAMETER,
                         "You have specified two resources that belong to different networks.");
    rule->source_group_id = source->id;
    return true;
}

static bool read_peer(Context *context, Txn *txn, const SecurityGroup *group, const RuleSpec *spec,
                      GroupRule *rule, GError **error)
{
    const char *block = spec->cidr ? spec->cidr : spec->cidr6;
    if (block) {
        rule->cidr = spec->cidr ? cidr_canonical(context->arena, spec->cidr) : NULL;
        rule->cidr6 = spec->cidr ? NULL : cidr_canonical6(context->arena, spec->cidr6);
        if (!rule->cidr && !rule->cidr6)
            return fault_set(error, FAULT_INVALID_PARAMETER_VALUE, "CIDR block %.100s is malformed",
                             block);
        return true;
    }
    if (spec->prefix_list_id)
        return fault_set(error, FAULT_INVALID_PREFIX_LIST_ID_NOT_FOUND,
                         "The prefix list ID '%.100s' does not exist", spec->prefix_list_id);
    if (spec->group.id || spec->group.name)
        return read_source_group(context, txn, group, spec, rule, error);
    return fault_set(error, FAULT_MISSING_PARAMETER,
                     "The request must contain the parameter ipRanges, ipv6Ranges or groups");
}

static bool check_description(const char *description, GError **error)
{
    bool ok = strlen(description) <= DESCRIPTION_MAX_LENGTH;
    for (const char *c = description; *c; c++)
        ok = ok && (g_ascii_isalnum(*c) || strchr(DESCRIPTION_PUNCTUATION, *c));
    if (!ok)
        return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                         "Invalid rule description. Valid descriptions are strings less than 256 "
                         "characters from the following set: a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*");
    return true;
}

bool rule_from_spec(Context *context, Txn *txn, const SecurityGroup *group, bool egress,
                    const RuleSpec *spec, GroupRule *ret_rule, GError **error)
{
    GroupRule rule = {.account_id = group->account_id, .group_id = group->id, .egress = egress};
    if (spec->description && spec->description[0] != '\0') {
        rule.description = spec->description;
        if (!check_description(spec->description, error))
            return false;
    }
    if (!read_protocol(spec->protocol, &rule.protocol, error) || !read_ports(spec, &rule, error) ||
        !read_peer(context, txn, group, spec, &rule, error))
        return false;
    *ret_rule = rule;
    return true;
}

bool rule_equals(const GroupRule *a, const GroupRule *b)
{
    return a->egress == b->egress && a->protocol == b->protocol && a->from_port == b->from_port &&
           a->to_port == b->to_port && g_strcmp0(a->cidr, b->cidr) == 0 &&
           g_strcmp0(a->cidr6, b->cidr6) == 0 &&
           g_strcmp0(a->prefix_list_id, b->prefix_list_id) == 0 &&
           g_strcmp0(a->source_group_id, b->source_group_id) == 0;
}

/* ", type: 8, code: ALL" */
static const char *icmp_text(Arena *arena, const GroupRule *rule)
{
    if (rule->from_port < 0)
        return ", type: ALL, code: ALL";
    const char *code =
        rule->to_port < 0 ? "ALL" : arena_printf(arena, "%" G_GINT64_FORMAT, rule->to_port);
    return arena_printf(arena, ", type: %" G_GINT64_FORMAT ", code: %s", rule->from_port, code);
}

const char *rule_text(Arena *arena, const GroupRule *rule)
{
    const char *peer = rule->cidr ? rule->cidr : rule->cidr6 ? rule->cidr6 : rule->source_group_id;
    const ProtocolRow *row = protocol_row(rule->protocol);
    const char *label = row ? row->label : security_group_protocol(arena, rule->protocol);
    const char *ports = "";
    if (rule->protocol == IPPROTO_TCP || rule->protocol == IPPROTO_UDP)
        ports = arena_printf(arena, ", from port: %" G_GINT64_FORMAT ", to port: %" G_GINT64_FORMAT,
                             rule->from_port, rule->to_port);
    else if (rule->protocol == IPPROTO_ICMP || rule->protocol == IPPROTO_ICMPV6)
        ports = icmp_text(arena, rule);
    return arena_printf(arena, "peer: %s, %s%s, ALLOW", peer, label, ports);
}
