/* Scaling groups that launch by a template: which version, which types. Private to cloud/. Inside
 * a transaction. What is wrong with a template is a ValidationError that begins with "You must use
 * a valid fully-formed launch template." */
#pragma once

#include "cloud/launch_templates.h"
#include "cloud/scaling.h"

struct Candidate;

/* Has the group launch by the template that the spec names, instead of by what it did. */
bool scaling_template_set(Context *context, Txn *txn, const ScalingGroupSpec *spec,
                          ScalingGroup *group, GError **error);
void scaling_template_unset(ScalingGroup *group);

/* What it launches now: *spec, but for zone, subnet and the group's tags. */
bool scaling_template_use(Context *context, Txn *txn, const ScalingGroup *group, RunSpec *spec,
                          GError **error);
/* const char *: the types of a mixed instances policy in the order of preference; none: that of
 * the template. */
List scaling_template_types(Arena *arena, const ScalingGroup *group);

/* Whether a member was launched by what the group would launch it by now. */
bool scaling_template_matches(Context *context, Txn *txn, const ScalingGroup *group,
                              const ScalingInstance *member, bool *ret_matches, GError **error);
/* What victims are chosen by, of a member that was launched by a template. */
bool scaling_template_judge(Context *context, Txn *txn, const ScalingGroup *group,
                            const ScalingInstance *member, struct Candidate *candidate,
                            GError **error);
