/* Security groups and their rules. */
#pragma once

#include "cloud/cloud.h"
#include "cloud/find.h"
#include "cloud/tags.h"

/* AWS's default quotas ("Amazon VPC quotas", security groups). */
#define GROUPS_PER_ACCOUNT 2500
#define RULES_PER_GROUP 60 /* in each direction */
#define GROUPS_PER_ENI 5

/* The default group of a new VPC with its rules: all from itself in, all out. In a transaction of
 * the caller. */
bool security_group_create_default(Context *context, Txn *txn, const char *account_id,
                                   const char *vpc_id, GError **error);
/* Groups by id or by name (names: of the default VPC only), for RunInstances and attributes, inside
 * a transaction; NULL or empty lists give the VPC's default group. An id in the list of names and
 * a name in the list of ids are accepted, as old clients send them. SecurityGroup *. Faults
 * InvalidGroup.NotFound, InvalidParameter (a group of another VPC),
 * SecurityGroupsPerInstanceLimitExceeded. */
bool security_groups_resolve(Context *context, Txn *txn, const char *vpc_id, const List *ids,
                             const List *names, List *list, GError **error);

/* Which group a request means: by id, or by name in the default VPC. Either may be NULL; a name in
 * the place of the id is accepted, as old clients send it. */
typedef struct GroupRef {
    const char *id, *name;
} GroupRef;

/* The group, if the caller owns it, inside a transaction. Faults MissingParameter,
 * InvalidGroup.NotFound. */
bool security_group_resolve(Context *context, Txn *txn, const GroupRef *ref,
                            SecurityGroup **ret_group, GError **error);

/* CreateSecurityGroup: with the rule that lets all out. vpc_id NULL: the default VPC. tags: TagPair
 * *. Faults: InvalidGroup.Duplicate, InvalidParameterValue, InvalidVpcID.NotFound,
 * SecurityGroupLimitExceeded, those of tags. */
bool security_group_create(Context *context, const char *name, const char *description,
                           const char *vpc_id, const List *tags, const char **ret_id,
                           GError **error);
/* DeleteSecurityGroup. Faults: CannotDelete (a default group), DependencyViolation (an interface or
 * another group's rule uses it), InvalidGroup.NotFound. */
bool security_group_remove(Context *context, const GroupRef *ref, const char **ret_id,
                           GError **error);

typedef struct GroupView {
    SecurityGroup *group;
    List ingress, egress; /* of GroupRule *, in the order in which they were made */
    const List *tags;     /* of Tag *; may be NULL */
} GroupView;

/* Groups by id (page->ids), by name in the default VPC (NULL or empty: all) and by filters:
 * GroupView *. Faults InvalidGroup.NotFound, InvalidGroupId.Malformed. */
bool security_groups_find(Context *context, const Page *page, const List *names, List *ret_views,
                          const char **ret_token, GError **error);

/* One permission as a request names it: protocol, ports and exactly one peer. */
#define RULE_PORT_ABSENT INT64_MIN
typedef struct RuleSpec {
    const char *protocol;       /* tcp, udp, icmp, icmpv6, a number, -1 */
    int64_t from_port, to_port; /* ICMP: type and code */
    const char *cidr, *cidr6, *prefix_list_id;
    GroupRef group;
    const char *group_owner; /* account of the group; NULL: the caller's */
    const char *description;
} RuleSpec;

typedef struct RuleView {
    GroupRule *rule;
    const List *tags; /* of Tag *; may be NULL */
} RuleView;

/* Adds rules, all or none: GroupRule *, in the order of the specs (RuleSpec *). tags (TagPair *) go
 * to each. Faults: InvalidPermission.Duplicate, InvalidPermission.Malformed, InvalidParameterValue,
 * InvalidGroup.NotFound, RulesPerSecurityGroupLimitExceeded. */
bool security_group_authorize(Context *context, const GroupRef *ref, bool egress, const List *specs,
                              const List *tags, List *ret_rules, GError **error);
/* Removes the rules that the specs name and those with the ids, all or none: GroupRule * of what
 * was removed. Faults: InvalidPermission.NotFound, InvalidSecurityGroupRuleId.*. */
bool security_group_revoke(Context *context, const GroupRef *ref, bool egress, const List *specs,
                           const List *rule_ids, List *ret_rules, GError **error);

/* RuleView * of a page of rules. */
bool security_group_rules_find(Context *context, const Page *page, List *ret_views,
                               const char **ret_token, GError **error);

/* "tcp", "udp", "icmp", "icmpv6", "-1", or the number, as replies show a protocol. */
const char *security_group_protocol(Arena *arena, int64_t protocol);
