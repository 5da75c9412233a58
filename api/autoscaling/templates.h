/* Launch templates in Auto Scaling's requests and replies. */
#pragma once

#include "api/action.h"
#include "api/autoscaling/shapes.h"
#include "cloud/scaling.h"

/* What a request says of a template, or of a mixed instances policy, into *spec; both may be NULL.
 * Faults ValidationError: both, none within the policy, or what is not offered: weights,
 * requirements, templates of single types, spot instances. */
bool as_use_templates(Call *call, const AsTemplateUse *use, const AsMixedPolicy *mixed,
                      ScalingGroupSpec *spec, GError **error);

/* NULL: it was launched by none. */
AsTemplateUse *as_member_template(Call *call, const ScalingInstance *member);
/* Fills item->template or item->mixed. */
bool as_group_templates(Call *call, const ScalingGroup *group, AsGroup *item, GError **error);
