/* Groups. */
#include "api/autoscaling/handlers.h"
#include "api/autoscaling/page.h"
#include "api/autoscaling/templates.h"
#include "cloud/launch_configurations.h"
#include <string.h>

static List hook_specs(Call *call, const List *hooks)
{
    List all = {0};
    LIST_EACH (const AsHookSpecification *, hook, hooks) {
        LifecycleHookSpec *spec = arena_new_struct(call->context.arena, LifecycleHookSpec);
        *spec = (LifecycleHookSpec){
            .name = hook->name,
            .transition = hook->transition,
            .target_arn = hook->target_arn,
            .role_arn = hook->role_arn,
            .metadata = hook->metadata,
            .default_result = hook->default_result,
            .heartbeat = as_number(hook->heartbeat),
        };
        list_add(&all, call->context.arena, spec);
    }
    return all;
}

bool autoscaling_api_create_group(Call *call, const AsCreateGroupRequest *request, AsNothing *reply,
                                  GError **error)
{
    ScalingGroupSpec spec = {
        .name = request->name,
        .launch_configuration = request->launch_configuration,
        .instance_id = request->instance_id,
        .min_size = request->min_size,
        .max_size = request->max_size,
        .desired = as_number(request->desired),
        .cooldown =
            as_number(request->cooldown == ABSENT ? request->old_cooldown : request->cooldown),
        .health_grace = as_number(request->health_grace),
        .max_lifetime = as_number(request->max_lifetime),
        .warmup = as_number(request->warmup),
        .zones_said = request->zones.n > 0,
        .zones = request->zones,
        .subnets = request->subnets,
        .health_check_type = request->health_check_type,
        .termination_policies = request->termination_policies,
        .protect_new = as_truth(request->protect_new),
        .capacity_rebalance = as_truth(request->capacity_rebalance),
        .placement_group = request->placement_group,
        .role_arn = request->role_arn,
        .context = request->context,
        .desired_type = request->desired_type,
        .balancers = request->balancers,
        .tags = as_tags(call, &request->tags),
        .hooks = hook_specs(call, &request->hooks),
    };
    return as_use_templates(call, request->template, request->mixed, &spec, error) &&
           scaling_group_create(&call->context, &spec, error);
}

bool autoscaling_api_update_group(Call *call, const AsUpdateGroupRequest *request, AsNothing *reply,
                                  GError **error)
{
    ScalingGroupSpec spec = {
        .name = request->name,
        .launch_configuration = request->launch_configuration,
        .min_size = as_number(request->min_size),
        .max_size = as_number(request->max_size),
        .desired = as_number(request->desired),
        .cooldown =
            as_number(request->cooldown == ABSENT ? request->old_cooldown : request->cooldown),
        .health_grace = as_number(request->health_grace),
        .max_lifetime = as_number(request->max_lifetime),
        .warmup = as_number(request->warmup),
        .zones_said = request->zones.n > 0,
        .zones = request->zones,
        .subnets = request->subnets,
        .health_check_type = request->health_check_type,
        .termination_policies = request->termination_policies,
        .protect_new = as_truth(request->protect_new),
        .capacity_rebalance = as_truth(request->capacity_rebalance),
        .placement_group = request->placement_group,
        .role_arn = request->role_arn,
        .context = request->context,
        .desired_type = request->desired_type,
    };
    return as_use_templates(call, request->template, request->mixed, &spec, error) &&
           scaling_group_update(&call->context, &spec, error);
}

bool autoscaling_api_delete_group(Call *call, const AsDeleteGroupRequest *request, AsNothing *reply,
                                  GError **error)
{
    return scaling_group_remove(&call->context, request->name, request->force == 1, error);
}

bool autoscaling_api_set_desired_capacity(Call *call, const AsSetDesiredCapacityRequest *request,
                                          AsNothing *reply, GError **error)
{
    return scaling_group_set_desired(&call->context, request->name, request->desired,
                                     request->honor_cooldown == 1, error);
}

/* ---- describing ---- */

static AsInstance *instance_item(Call *call, const ScalingInstance *member)
{
    AsInstance *item = shape_new(call->context.arena, AsInstance_shape());
    item->instance_id = member->instance_id;
    item->instance_type = member->type;
    item->zone = member->zone;
    item->state = state_name(&lifecycle_machine, member->state);
    item->health = as_health(member);
    item->launch_configuration = member->launch_configuration;
    item->template = as_member_template(call, member);
    item->protected = member->protected;
    return item;
}

static void add_suspended(Call *call, const ScalingGroup *group, List *items)
{
    Arena *arena = call->context.arena;
    List lines = lines_split(arena, group->suspended);
    LIST_EACH (const char *, line, &lines) {
        AsSuspendedProcess *item = shape_new(arena, AsSuspendedProcess_shape());
        const char *tab = strchr(line, '\t');
        item->name = tab ? arena_strndup(arena, line, (size_t)(tab - line)) : line;
        item->reason = tab ? tab + 1 : NULL;
        list_add(items, arena, item);
    }
}

static void add_metrics(Call *call, const ScalingGroup *group, List *items)
{
    Arena *arena = call->context.arena;
    List lines = lines_split(arena, group->metrics);
    LIST_EACH (const char *, line, &lines) {
        AsEnabledMetric *item = shape_new(arena, AsEnabledMetric_shape());
        item->metric = line;
        item->granularity = "1Minute";
        list_add(items, arena, item);
    }
}

static bool group_item(Call *call, const ScalingGroupView *view, AsGroup **ret_item, GError **error)
{
    Arena *arena = call->context.arena;
    const ScalingGroup *group = view->group;
    AsGroup *item = shape_new(arena, AsGroup_shape());
    item->name = group->name;
    item->arn = scaling_group_arn(&call->context, group);
    item->launch_configuration = group->launch_configuration;
    if (!as_group_templates(call, group, item, error))
        return false;
    item->min_size = group->min_size;
    item->max_size = group->max_size;
    item->desired = group->desired;
    item->cooldown = item->old_cooldown = group->cooldown;
    item->zones = lines_split(arena, group->zones);
    LIST_EACH (const ScalingBalancer *, balancer, &view->balancers)
        if (!balancer->removing)
            list_add(&item->balancers, arena, balancer->balancer);
    item->health_check_type = group->health_check_type;
    item->health_grace = group->health_grace;
    LIST_EACH (const ScalingInstance *, member, &view->instances)
        list_add(&item->instances, arena, instance_item(call, member));
    item->created = group->created;
    add_suspended(call, group, &item->suspended);
    item->placement_group = group->placement_group;
    item->subnets = group->subnets;
    add_metrics(call, group, &item->metrics);
    item->status = group->deleting ? "Delete in progress" : NULL;
    LIST_EACH (const ScalingTag *, tag, &view->tags)
        list_add(&item->tags, arena, as_tag_item(call, tag));
    item->termination_policies = lines_split(arena, group->termination_policies);
    item->protect_new = group->protect_new;
    item->role_arn = group->role_arn;
    item->max_lifetime = group->max_lifetime ? group->max_lifetime : ABSENT;
    item->capacity_rebalance =
        group->capacity_rebalance == NOT_SAID ? ABSENT_BOOL : group->capacity_rebalance == 1;
    item->context = group->context;
    item->desired_type = group->desired_type;
    item->warmup = as_shown(group->warmup);
    *ret_item = item;
    return true;
}

static const char *group_key(Arena *arena, const void *item)
{
    return ((const ScalingGroupView *)item)->group->name;
}

bool autoscaling_api_describe_groups(Call *call, const AsDescribeGroupsRequest *request,
                                     AsDescribeGroupsReply *reply, GError **error)
{
    List all = {0}, page = {0}, filters = as_filters(call, &request->filters);
    if (!scaling_groups_find(&call->context, &request->names, &filters, &all, error) ||
        !as_page(call, &request->page, AS_PAGE, "scaling-groups", &all, group_key, &page,
                 &reply->end, error))
        return false;
    LIST_EACH (const ScalingGroupView *, view, &page) {
        AsGroup *item;
        if (!group_item(call, view, &item, error))
            return false;
        list_add(&reply->items, call->context.arena, item);
    }
    return true;
}

/* ---- processes and metrics ---- */

bool autoscaling_api_suspend_processes(Call *call, const AsProcessesRequest *request,
                                       AsNothing *reply, GError **error)
{
    return scaling_group_suspend(&call->context, request->name, &request->processes, error);
}

bool autoscaling_api_resume_processes(Call *call, const AsProcessesRequest *request,
                                      AsNothing *reply, GError **error)
{
    return scaling_group_resume(&call->context, request->name, &request->processes, error);
}

bool autoscaling_api_enable_metrics(Call *call, const AsEnableMetricsRequest *request,
                                    AsNothing *reply, GError **error)
{
    return scaling_group_collect(&call->context, request->name, &request->metrics,
                                 request->granularity, error);
}

bool autoscaling_api_disable_metrics(Call *call, const AsDisableMetricsRequest *request,
                                     AsNothing *reply, GError **error)
{
    return scaling_group_collect(&call->context, request->name, &request->metrics, NULL, error);
}
