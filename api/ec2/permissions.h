/* Permissions of security groups in requests and replies. */
#pragma once

#include "api/action.h"
#include "api/ec2/shapes.h"
#include "cloud/security_groups.h"

/* RuleSpec * of the permissions of a request, in the list or in the flat form of old clients: one
 * for each range, prefix list and group. */
List ec2_rule_specs(Call *call, const Permissions *permissions);

SecurityGroupRuleItem *ec2_rule_item(Call *call, const GroupRule *rule);
RevokedRule *ec2_revoked_rule(Call *call, const GroupRule *rule);
/* IpPermission * of GroupRule *: rules with the same protocol and ports are one permission. */
List ec2_permission_items(Call *call, const List *rules);
