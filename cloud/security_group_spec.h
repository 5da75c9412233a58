/* From a permission as a request names it to a rule as the store keeps it. Private to cloud/. */
#pragma once

#include "cloud/security_groups.h"

/* Fills *ret_rule but its id and time. Faults as security_group_authorize. */
bool rule_from_spec(Context *context, Txn *txn, const SecurityGroup *group, bool egress,
                    const RuleSpec *spec, GroupRule *ret_rule, GError **error);

/* Both let the same in or out. */
bool rule_equals(const GroupRule *a, const GroupRule *b);
/* As AWS's messages show it: "peer: 0.0.0.0/0, TCP, from port: 22, to port: 22, ALLOW". */
const char *rule_text(Arena *arena, const GroupRule *rule);

/* The group by id, or by name in that VPC. Fault InvalidGroup.NotFound. */
bool security_group_resolve_in(Context *context, Txn *txn, const char *vpc_id, const GroupRef *ref,
                               SecurityGroup **ret_group, GError **error);
