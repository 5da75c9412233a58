/* EC2's tools for key pairs, security groups and tags. */
#include "cli/classic/ec2_lines.h"
#include "cli/command.h"

#include <stdlib.h>
#include <string.h>

/* ---- key pairs ---- */

#define KEY_PAIR "Name=keyName Fingerprint=keyFingerprint"

static const Line made_key_lines[] = {{"KEYPAIR", "", KEY_PAIR}, {0}};
static const Line key_lines[] = {{"KEYPAIR", "keySet/item", KEY_PAIR}, {0}};
static const Line asked_key_lines[] = {{"KEYPAIR", "", "Name=$KeyName"}, {0}};

static const Option key_options[] = {
    {NULL, 0, TEXT, "KeyName", NULL, OPERAND | REQUIRED},
    {0},
};
static const Option keys_options[] = {
    {NULL, 0, LIST, "KeyName.#", NULL, OPERAND},
    {"filter", 'F', FILTER, "Filter.#"},
    {0},
};
static const Option import_options[] = {
    {NULL, 0, TEXT, "KeyName", NULL, OPERAND | REQUIRED},
    {"public-key-file", 'f', FILE64, "PublicKeyMaterial", NULL, REQUIRED},
    {0},
};

/* ---- security groups ---- */

#define RULE(way)                                                                                  \
    "Owner=../../../../ownerId GroupName=../../../../groupName Way='ALLOWS "                       \
    "Protocol=../../ipProtocol FromPort=../../fromPort ToPort=../../toPort From='FROM " way

static const Line group_parts[] = {
    {"PERMISSION", "ipPermissions/item/ipRanges/item",
     RULE("Kind='CIDR Range=cidrIp Side='ingress")},
    {"PERMISSION", "ipPermissions/item/groups/item",
     RULE("Kind='USER User=userId NAME='NAME Group=groupName ID='ID GroupID=groupId "
          "Side='ingress")},
    {"PERMISSION", "ipPermissionsEgress/item/ipRanges/item",
     RULE("Kind='CIDR Range=cidrIp Side='egress")},
    {"PERMISSION", "ipPermissionsEgress/item/groups/item",
     RULE("Kind='USER User=userId NAME='NAME Group=groupName ID='ID GroupID=groupId "
          "Side='egress")},
    {"TAG", "tagSet/item",
     "ResourceType='security-group ResourceID=../../groupId Key=key Value=value"},
    {0},
};
static const Line group_lines[] = {
    {"GROUP", "securityGroupInfo/item",
     "GroupID=groupId Owner=ownerId GroupName=groupName Description=groupDescription VPC=vpcId",
     group_parts},
    {0},
};
static const Line made_group_lines[] = {
    {"GROUP", "", "GroupID=groupId GroupName=$GroupName Description=$GroupDescription"},
    {0},
};
static const Line deleted_group_lines[] = {
    {"RETURN", "", "Return=return"},
    {0},
};
static const Line rule_lines[] = {
    {"SECURITYGROUPRULE", "securityGroupRuleSet/item",
     "RuleID=securityGroupRuleId GroupID=groupId Side=?isEgress:egress:ingress "
     "Protocol=ipProtocol FromPort=fromPort ToPort=toPort "
     "Source=cidrIpv4|referencedGroupInfo/groupId"},
    {0},
};

/* A group is named by its id or its name. */
static void add_group(Form *form, const char *group, const char *id_param, const char *name_param)
{
    form_add(form, g_str_has_prefix(group, "sg-") ? id_param : name_param, group);
}

static bool finish_delete(Form *form, GError **error)
{
    add_group(form, form_kept(form, "group"), "GroupId", "GroupName");
    return true;
}

static bool finish_groups(Form *form, GError **error)
{
    List groups = {0};
    form_kept_all(form, "group", &groups);
    LIST_EACH (const char *, group, &groups)
        add_group(form, group, "GroupId.#", "GroupName.#");
    return true;
}

/* ---- rules ---- */

typedef struct Ports {
    const char *from, *to;
} Ports;

static bool is_number(const char *text)
{
    const char *digits = text + (*text == '-');
    return *digits && strspn(digits, "0123456789") == strlen(digits);
}

/* "22", "1024-65535", "-1"; of ICMP "TYPE:CODE". */
static bool read_ports(Form *form, const char *text, char separator, const char *option,
                       Ports *ret_ports, GError **error)
{
    const char *mark = *text ? strchr(text + 1, separator) : NULL;
    size_t length = mark ? (size_t)(mark - text) : strlen(text);
    *ret_ports = (Ports){
        .from = arena_strndup(form->arena, text, length),
        .to = mark               ? mark + 1
              : separator == '-' ? text
                                 : "-1",
    };
    return (is_number(ret_ports->from) && is_number(ret_ports->to)) ||
           usage_set(error, "Invalid argument for option '%s': '%s'", option, text);
}

static bool find_ports(Form *form, const char *protocol, Ports *ret_ports, GError **error)
{
    const char *icmp = form_kept(form, "icmp-type-code");
    const char *range = form_kept(form, "port-range");
    if (strcmp(protocol, "icmp") == 0)
        return read_ports(form, icmp ? icmp : "-1:-1", ':', "-t", ret_ports, error);
    *ret_ports = (Ports){0};
    if (range)
        return read_ports(form, range, '-', "-p", ret_ports, error);
    bool needed = strcmp(protocol, "tcp") == 0 || strcmp(protocol, "udp") == 0;
    return !needed || usage_set(error, "Required option '-p, --port-range VALUE' missing (-h for "
                                       "usage)");
}

static void add_source_groups(Form *form, const char *item)
{
    List owners = {0}, groups = {0};
    form_kept_all(form, "source-group-user", &owners);
    form_kept_all(form, "source-group", &groups);
    for (size_t i = 0; i < groups.n; i++) {
        const char *group = list_at(&groups, i);
        const char *source = arena_printf(form->arena, "%s.Groups.%zu", item, i + 1);
        if (i < owners.n)
            form_add(form, arena_printf(form->arena, "%s.UserId", source), list_at(&owners, i));
        form_add(form,
                 arena_printf(form->arena, "%s.%s", source,
                              g_str_has_prefix(group, "sg-") ? "GroupId" : "GroupName"),
                 group);
    }
}

/* One rule out of -P, -p, -t, -s, -o and -u. Without a source it is for everybody. */
static bool finish_rule(Form *form, GError **error)
{
    const char *given = form_kept(form, "protocol");
    const char *protocol = given ? given : form_kept(form, "icmp-type-code") ? "icmp" : "tcp";
    List ranges = {0};
    Ports ports;
    if (form_kept(form, "egress")) {
        const Family *family;
        bool revoke = g_str_has_prefix(form->tool->action, "Revoke");
        form->tool = tool_find(revoke ? "ec2-revoke-egress" : "ec2-authorize-egress", &family);
    }
    if (!find_ports(form, protocol, &ports, error))
        return false;
    const char *item = "IpPermissions.1";
    add_group(form, form_kept(form, "group"), "GroupId", "GroupName");
    form_add(form, "IpPermissions.1.IpProtocol", strcmp(protocol, "all") == 0 ? "-1" : protocol);
    if (ports.from) {
        form_add(form, "IpPermissions.1.FromPort", ports.from);
        form_add(form, "IpPermissions.1.ToPort", ports.to);
    }
    add_source_groups(form, item);
    form_kept_all(form, "source-or-dest-cidr", &ranges);
    if (ranges.n == 0 && !form_kept(form, "source-group"))
        list_add(&ranges, form->arena, "0.0.0.0/0");
    LIST_EACH (const char *, range, &ranges)
        form_add(form, "IpPermissions.1.IpRanges.#.CidrIp", range);
    return true;
}

static const Option rule_options[] = {
    {"group", 0, KEPT, "GroupName", NULL, OPERAND | REQUIRED},
    {"protocol", 'P', KEPT},
    {"port-range", 'p', KEPT},
    {"egress", 0, KEPT_FLAG},
    {"icmp-type-code", 't', KEPT},
    {"source-or-dest-cidr source-subnet cidr", 's', KEPT},
    {"source-group source-or-dest-group", 'o', KEPT},
    {"source-group-user source-or-dest-user", 'u', KEPT},
    {0},
};
static const Option create_group_options[] = {
    {NULL, 0, TEXT, "GroupName", NULL, OPERAND | REQUIRED},
    {"description", 'd', TEXT, "GroupDescription", NULL, REQUIRED},
    {"vpc", 'c', TEXT, "VpcId"},
    {0},
};
static const Option delete_group_options[] = {
    {"group", 0, KEPT, "GroupName", NULL, OPERAND | REQUIRED},
    {0},
};
static const Option groups_options[] = {
    {"group", 0, KEPT, "GroupName.#", NULL, OPERAND | MANY},
    {"filter", 'F', FILTER, "Filter.#"},
    {0},
};
static const Option rules_options[] = {
    {NULL, 0, LIST, "SecurityGroupRuleId.#", NULL, OPERAND},
    {"filter", 'F', FILTER, "Filter.#"},
    {0},
};

/* ---- tags ---- */

static const Line tag_lines[] = {
    {"TAG", "tagSet/item", "ResourceType=resourceType ResourceID=resourceId Key=key Value=value"},
    {0},
};
static const Option create_tag_options[] = {
    {NULL, 0, LIST, "ResourceId.#", NULL, OPERAND | REQUIRED},
    {"tag", 't', PAIRS, "Tag.#", "Key Value", REQUIRED},
    {0},
};
static const Option delete_tag_options[] = {
    {NULL, 0, LIST, "ResourceId.#", NULL, OPERAND | REQUIRED},
    {"tag", 't', PAIRS, "Tag.#", "Key Value?", REQUIRED},
    {0},
};
static const Option tags_options[] = {
    {"filter", 'F', FILTER, "Filter.#"},
    {0},
};

const Tool ec2_group_tools[] = {
    {"ec2-create-keypair ec2addkey ec2-add-keypair", "Makes a key pair", "CreateKeyPair",
     .options = key_options, .print = ec2_print_key_pair},
    {"ec2-import-keypair ec2ikey", "Brings a public key", "ImportKeyPair",
     .options = import_options, .lines = made_key_lines},
    {"ec2-describe-keypairs ec2dkey", "Shows key pairs", "DescribeKeyPairs",
     .options = keys_options, .lines = key_lines},
    {"ec2-delete-keypair ec2delkey", "Deletes a key pair", "DeleteKeyPair", .options = key_options,
     .lines = asked_key_lines},
    {"ec2-create-group ec2addgrp ec2-add-group", "Makes a security group", "CreateSecurityGroup",
     .options = create_group_options, .lines = made_group_lines},
    {"ec2-describe-group ec2dgrp", "Shows security groups", "DescribeSecurityGroups",
     .options = groups_options, .lines = group_lines, .finish = finish_groups},
    {"ec2-delete-group ec2delgrp", "Deletes a security group", "DeleteSecurityGroup",
     .options = delete_group_options, .lines = deleted_group_lines, .finish = finish_delete},
    {"ec2-authorize ec2auth", "Lets connections into a group's instances",
     "AuthorizeSecurityGroupIngress", .options = rule_options, .finish = finish_rule,
     .print = ec2_print_permissions},
    {"ec2-revoke ec2revoke", "Takes a group's rule away", "RevokeSecurityGroupIngress",
     .options = rule_options, .finish = finish_rule, .print = ec2_print_permissions},
    {"ec2-authorize-egress", "Lets connections out of a group's instances",
     "AuthorizeSecurityGroupEgress", .options = rule_options, .finish = finish_rule,
     .print = ec2_print_permissions},
    {"ec2-revoke-egress", "Takes a group's rule of the way out away", "RevokeSecurityGroupEgress",
     .options = rule_options, .finish = finish_rule, .print = ec2_print_permissions},
    {"ec2-describe-security-group-rules", "Shows rules of security groups",
     "DescribeSecurityGroupRules", .version = EC2_LATEST, .options = rules_options,
     .lines = rule_lines},
    {"ec2-create-tags ec2tag ec2addtag", "Tags resources", "CreateTags",
     .options = create_tag_options, .print = ec2_print_tags},
    {"ec2-delete-tags ec2deltag", "Takes tags away", "DeleteTags", .options = delete_tag_options,
     .print = ec2_print_tags},
    {"ec2-describe-tags ec2dtag", "Shows tags", "DescribeTags", .options = tags_options,
     .lines = tag_lines},
    {0},
};
