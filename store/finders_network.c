/* The filters of DescribeVpcs, DescribeSubnets, DescribeSecurityGroups and
 * DescribeSecurityGroupRules. Names and meanings: these pages of the Amazon EC2 API reference;
 * constants as in finders_instance.c. */
#include "store/find.h"

#include "store/filters.h"
#include <string.h>

/* Network interfaces' addresses of a subnet; AWS keeps five of each for itself. */
#define FREE_ADDRESSES                                                                             \
    "CAST((1 << (32 - CAST(substr(s.cidr, instr(s.cidr, '/') + 1) AS INTEGER))) - 5"               \
    " - (SELECT count(*) FROM eni e WHERE e.subnet_id = s.id) AS TEXT) $"
#define ZONE_ID "(SELECT z.id FROM zone z WHERE z.name = s.zone) $"
#define SUBNET_ARN                                                                                 \
    "'arn:aws:ec2:' || (SELECT z.region FROM zone z WHERE z.name = s.zone) || ':' ||"              \
    " s.account_id || ':subnet/' || s.id $"

static const FinderFilter vpc_filters[] = {
    {"vpc-id", "v.id $"},
    {"owner-id", "v.account_id $"},
    {"cidr", "v.cidr $"},
    {"cidr-block", "v.cidr $"},
    {"cidrBlock", "v.cidr $"},
    {"cidr-block-association.cidr-block", "v.cidr $"},
    {"cidr-block-association.association-id", "'vpc-cidr-assoc-' || substr(v.id, 5) $"},
    {"cidr-block-association.state", ALWAYS("associated")},
    {"dhcp-options-id", "v.dhcp_options_id $"},
    {"dhcpOptionsId", "v.dhcp_options_id $"},
    {"is-default", BOOLEAN("v.is_default")},
    {"isDefault", BOOLEAN("v.is_default")},
    {"state", ALWAYS("available")},
    {"ipv6-cidr-block-association.ipv6-cidr-block", NEVER},
    {"ipv6-cidr-block-association.ipv6-pool", NEVER},
    {"ipv6-cidr-block-association.association-id", NEVER},
    {"ipv6-cidr-block-association.state", NEVER},
};

const Finder vpc_finder = {
    .type = vpc_record_type,
    .alias = "v",
    .scope = "v.account_id = ?1",
    FILTERS(vpc_filters),
};

static const FinderFilter subnet_filters[] = {
    {"subnet-id", "s.id $"},
    {"subnet-arn", SUBNET_ARN},
    {"owner-id", "s.account_id $"},
    {"vpc-id", "s.vpc_id $"},
    {"availability-zone", "s.zone $"},
    {"availabilityZone", "s.zone $"},
    {"availability-zone-id", ZONE_ID},
    {"availabilityZoneId", ZONE_ID},
    {"available-ip-address-count", FREE_ADDRESSES},
    {"cidr-block", "s.cidr $"},
    {"cidr", "s.cidr $"},
    {"cidrBlock", "s.cidr $"},
    {"default-for-az", BOOLEAN("s.is_default")},
    {"defaultForAz", BOOLEAN("s.is_default")},
    {"map-public-ip-on-launch", BOOLEAN("s.map_public_ip")},
    {"state", ALWAYS("available")},
    {"customer-owned-ipv4-pool", NEVER},
    {"map-customer-owned-ip-on-launch", ALWAYS("false")},
    {"enable-dns64", ALWAYS("false")},
    {"enable-lni-at-device-index", NEVER},
    {"ipv6-native", ALWAYS("false")},
    {"ipv6-cidr-block-association.ipv6-cidr-block", NEVER},
    {"ipv6-cidr-block-association.association-id", NEVER},
    {"ipv6-cidr-block-association.state", NEVER},
    {"outpost-arn", NEVER},
    {"private-dns-name-options-on-launch.hostname-type", ALWAYS("ip-name")},
    {"private-dns-name-options-on-launch.enable-resource-name-dns-a-record", ALWAYS("false")},
    {"private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record", ALWAYS("false")},
};

const Finder subnet_finder = {
    .type = subnet_record_type,
    .alias = "s",
    .scope = "s.account_id = ?1",
    FILTERS(subnet_filters),
};

/* Groups with a rule that matches. Each filter may be met by another rule: so does AWS. */
#define INBOUND(condition)                                                                         \
    "g.id IN (SELECT r.group_id FROM group_rule r WHERE r.account_id = ?1 AND NOT r.egress"        \
    " AND " condition ")"
#define OUTBOUND(condition)                                                                        \
    "g.id IN (SELECT r.group_id FROM group_rule r WHERE r.account_id = ?1 AND r.egress"            \
    " AND " condition ")"
#define SOURCE_NAME "(SELECT o.name FROM security_group o WHERE o.id = r.source_group_id) $"
#define SOURCE_ACCOUNT                                                                             \
    "(SELECT o.account_id FROM security_group o WHERE o.id = r.source_group_id) $"

static const char *protocol_number(Arena *arena, const char *value)
{
    static const struct {
        const char *name;
        const char *number;
    } protocols[] = {{"tcp", "6"}, {"udp", "17"}, {"icmp", "1"}, {"icmpv6", "58"}, {"all", "-1"}};
    for (size_t i = 0; i < G_N_ELEMENTS(protocols); i++) {
        if (strcmp(protocols[i].name, value) == 0)
            return protocols[i].number;
    }
    return value;
}

static const FinderFilter security_group_filters[] = {
    {"group-id", "g.id $"},
    {"group-name", "g.name $"},
    {"description", "g.description $"},
    {"owner-id", "g.account_id $"},
    {"vpc-id", "g.vpc_id $"},
    {"ip-permission.cidr", INBOUND("r.cidr $")},
    {"ip-permission.ipv6-cidr", INBOUND("r.cidr6 $")},
    {"ip-permission.from-port", INBOUND("r.from_port $")},
    {"ip-permission.to-port", INBOUND("r.to_port $")},
    {"ip-permission.protocol", INBOUND("r.protocol $"), protocol_number},
    {"ip-permission.group-id", INBOUND("r.source_group_id $")},
    {"ip-permission.group-name", INBOUND(SOURCE_NAME)},
    {"ip-permission.user-id", INBOUND(SOURCE_ACCOUNT)},
    {"ip-permission.prefix-list-id", INBOUND("r.prefix_list_id $")},
    {"egress.ip-permission.cidr", OUTBOUND("r.cidr $")},
    {"egress.ip-permission.ipv6-cidr", OUTBOUND("r.cidr6 $")},
    {"egress.ip-permission.from-port", OUTBOUND("r.from_port $")},
    {"egress.ip-permission.to-port", OUTBOUND("r.to_port $")},
    {"egress.ip-permission.protocol", OUTBOUND("r.protocol $"), protocol_number},
    {"egress.ip-permission.group-id", OUTBOUND("r.source_group_id $")},
    {"egress.ip-permission.group-name", OUTBOUND(SOURCE_NAME)},
    {"egress.ip-permission.user-id", OUTBOUND(SOURCE_ACCOUNT)},
    {"egress.ip-permission.prefix-list-id", OUTBOUND("r.prefix_list_id $")},
};

const Finder security_group_finder = {
    .type = security_group_record_type,
    .alias = "g",
    .scope = "g.account_id = ?1",
    FILTERS(security_group_filters),
};

static const FinderFilter group_rule_filters[] = {
    {"security-group-rule-id", "r.id $"},
    {"group-id", "r.group_id $"},
};

const Finder group_rule_finder = {
    .type = group_rule_record_type,
    .alias = "r",
    .scope = "r.account_id = ?1",
    FILTERS(group_rule_filters),
};
