/* The security group of load balancers that are made without one.
 *
 * Invariant: a VPC has at most one, found by how its name begins. Needs nothing of balancers, since
 * rules of security groups may name it. */
#include "cloud/balancer_parts.h"

#include "base/id.h"

/* ELB's own group of a VPC: "default_elb_" and a UUID. It lets everybody in at every port. */
#define OPEN_GROUP_PREFIX "default_elb_"
#define OPEN_GROUP_DESCRIPTION                                                                     \
    "ELB created security group used when no security group is specified during ELB creation - "   \
    "modifications could affect traffic to future ELBs"
#define PROTOCOL_TCP 6

static bool add_open_rule(Context *context, Txn *txn, const SecurityGroup *group, bool egress,
                          GError **error)
{
    const GroupRule rule = {
        .id = id_new(context->arena, "sgr"),
        .account_id = group->account_id,
        .group_id = group->id,
        .egress = egress,
        .protocol = egress ? -1 : PROTOCOL_TCP,
        .from_port = egress ? -1 : 0,
        .to_port = egress ? -1 : 65535,
        .cidr = "0.0.0.0/0",
        .created = group->created,
    };
    return group_rule_insert(txn, &rule, error);
}

bool balancer_open_group(Context *context, Txn *txn, const char *vpc_id, SecurityGroup **ret_group,
                         GError **error)
{
    List groups = {0};
    if (!record_query(txn, context->arena, QUERY_GROUPS_OF_VPC, &groups, error, vpc_id))
        return false;
    LIST_EACH (SecurityGroup *, group, &groups) {
        if (g_str_has_prefix(group->name, OPEN_GROUP_PREFIX)) {
            *ret_group = group;
            return true;
        }
    }
    SecurityGroup *made = arena_new_struct(context->arena, SecurityGroup);
    *made = (SecurityGroup){
        .id = id_new(context->arena, "sg"),
        .account_id = context->caller.account_id,
        .vpc_id = vpc_id,
        .name = arena_printf(context->arena, OPEN_GROUP_PREFIX "%s", id_new_uuid(context->arena)),
        .description = OPEN_GROUP_DESCRIPTION,
        .created = cloud_now(context->cloud),
    };
    *ret_group = made;
    return security_group_insert(txn, made, error) &&
           add_open_rule(context, txn, made, false, error) &&
           add_open_rule(context, txn, made, true, error);
}
