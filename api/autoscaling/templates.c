/* Launch templates and mixed instances policies. Instances are on demand alone: what asks for spot
 * instances is refused, rather than answered with others. */
#include "api/autoscaling/templates.h"

#include "api/shape_text.h"
#include "base/fault.h"
#include <string.h>

/* AWS: InstancesDistribution, its defaults. */
#define STRATEGY_DEFAULT "prioritized"
#define PERCENTAGE_DEFAULT 100

static bool refuse(GError **error, const char *what)
{
    return fault_set(error, FAULT_VALIDATION_ERROR, "%s", what);
}

static bool use_template(const AsTemplateUse *use, ScalingGroupSpec *spec, GError **error)
{
    bool by_id = use->template_id && *use->template_id, by_name = use->name && *use->name;
    if (by_id == by_name)
        return refuse(error, "Valid requests must contain either launchTemplateId or "
                             "LaunchTemplateName");
    spec->template_said = true;
    spec->template_id = by_id ? use->template_id : NULL;
    spec->template_name = by_name ? use->name : NULL;
    spec->template_version = use->version;
    return true;
}

static bool check_overrides(const List *overrides, GError **error)
{
    LIST_EACH (const AsTemplateOverride *, override, overrides) {
        if (override->weight || override->template || override->requirements)
            return refuse(error, "Overrides of a mixed instances policy have an InstanceType alone "
                                 "here: no WeightedCapacity, LaunchTemplateSpecification or "
                                 "InstanceRequirements.");
        if (!override->instance_type || !*override->instance_type)
            return refuse(error, "Each override of a mixed instances policy must contain an "
                                 "InstanceType.");
    }
    return true;
}

static bool check_distribution(const AsDistribution *distribution, GError **error)
{
    if (!distribution)
        return true;
    const char *strategy = distribution->on_demand_strategy;
    if (distribution->spot_strategy || distribution->spot_pools != ABSENT ||
        (distribution->spot_max_price && *distribution->spot_max_price) ||
        (distribution->on_demand_percentage != ABSENT &&
         distribution->on_demand_percentage != PERCENTAGE_DEFAULT))
        return refuse(error, "Spot instances are not offered: OnDemandPercentageAboveBaseCapacity "
                             "must be 100, and nothing of Spot may be specified.");
    return !strategy || !*strategy || strcmp(strategy, STRATEGY_DEFAULT) == 0 ||
           refuse(error, "Instance types have no prices here: OnDemandAllocationStrategy must be "
                         "prioritized.");
}

bool as_use_templates(Call *call, const AsTemplateUse *use, const AsMixedPolicy *mixed,
                      ScalingGroupSpec *spec, GError **error)
{
    if (use && mixed)
        return refuse(error, "Valid requests must contain either LaunchTemplate, "
                             "LaunchConfigurationName, InstanceId or MixedInstancesPolicy "
                             "parameter.");
    if (use)
        return use_template(use, spec, error);
    if (!mixed)
        return true;
    if (!mixed->template || !mixed->template->template)
        return refuse(error, "A MixedInstancesPolicy must contain a LaunchTemplate with its "
                             "LaunchTemplateSpecification.");
    spec->mixed_policy = shape_text(call->context.arena, AsMixedPolicy_shape(), mixed);
    return check_overrides(&mixed->template->overrides, error) &&
           check_distribution(mixed->distribution, error) &&
           use_template(mixed->template->template, spec, error);
}

/* ---- replies ---- */

static AsTemplateUse *use_item(Call *call, const char *id, const char *name, const char *version)
{
    AsTemplateUse *item = shape_new(call->context.arena, AsTemplateUse_shape());
    item->template_id = id;
    item->name = name;
    item->version = version;
    return item;
}

AsTemplateUse *as_member_template(Call *call, const ScalingInstance *member)
{
    return member->launch_template_id
               ? use_item(call, member->launch_template_id, member->launch_template_name,
                          member->launch_template_version)
               : NULL;
}

static void fill_defaults(Call *call, AsMixedPolicy *mixed)
{
    if (!mixed->distribution)
        mixed->distribution = shape_new(call->context.arena, AsDistribution_shape());
    AsDistribution *distribution = mixed->distribution;
    distribution->on_demand_strategy = STRATEGY_DEFAULT;
    distribution->on_demand_percentage = PERCENTAGE_DEFAULT;
    if (distribution->on_demand_base == ABSENT)
        distribution->on_demand_base = 0;
}

bool as_group_templates(Call *call, const ScalingGroup *group, AsGroup *item, GError **error)
{
    void *mixed;
    if (!group->launch_template_id)
        return true;
    AsTemplateUse *use = use_item(call, group->launch_template_id, group->launch_template_name,
                                  group->launch_template_version);
    if (!group->mixed_policy) {
        item->template = use;
        return true;
    }
    if (!shape_from_text(call->context.arena, AsMixedPolicy_shape(), group->mixed_policy,
                         call->version, &mixed, error))
        return false;
    item->mixed = mixed;
    item->mixed->template->template = use;
    fill_defaults(call, item->mixed);
    return true;
}
