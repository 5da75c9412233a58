/* Scaling policies, and the triggers that there were before them. */
#include "api/autoscaling/handlers.h"
#include "api/autoscaling/page.h"
#include "cloud/alarms.h"
#include "cloud/scaling_decide.h"
#include <math.h>

static List step_specs(Call *call, const List *steps)
{
    List all = {0};
    LIST_EACH (const AsStep *, step, steps) {
        ScalingStep *one = arena_new_struct(call->context.arena, ScalingStep);
        *one = (ScalingStep){
            .lower = isnan(step->lower) ? -INFINITY : step->lower,
            .upper = isnan(step->upper) ? INFINITY : step->upper,
            .amount = step->amount,
        };
        list_add(&all, call->context.arena, one);
    }
    return all;
}

static void use_tracking(Call *call, const AsTargetTracking *tracking, ScalingPolicySpec *spec)
{
    spec->tracks = true;
    spec->target = tracking->target;
    spec->disable_scale_in = tracking->disable_scale_in == 1;
    if (tracking->predefined) {
        spec->predefined = tracking->predefined->type;
        spec->resource_label = tracking->predefined->resource_label;
    }
    if (tracking->customized) {
        spec->metric_name = tracking->customized->name;
        spec->metric_namespace = tracking->customized->space;
        spec->metric_statistic = tracking->customized->statistic;
        spec->metric_unit = tracking->customized->unit;
        spec->metric_dimensions = as_dimensions(call, &tracking->customized->dimensions);
    }
}

bool autoscaling_api_put_policy(Call *call, const AsPutPolicyRequest *request,
                                AsPutPolicyReply *reply, GError **error)
{
    List names = {0};
    ScalingPolicySpec spec = {
        .group = request->group,
        .name = request->name,
        .type = request->type,
        .enabled = request->enabled != 0,
        .adjustment_type = request->adjustment_type,
        .amount_said = request->amount != ABSENT,
        .amount = request->amount,
        .min_step = as_number(request->min_step),
        .min_magnitude = as_number(request->min_magnitude),
        .cooldown = as_number(request->cooldown),
        .warmup = as_number(request->warmup),
        .aggregation = request->aggregation,
        .steps = step_specs(call, &request->steps),
    };
    if (request->tracking)
        use_tracking(call, request->tracking, &spec);
    if (!scaling_policy_put_spec(&call->context, &spec, &reply->arn, &names, error))
        return false;
    LIST_EACH (const char *, name, &names) {
        AsAlarm *item = shape_new(call->context.arena, AsAlarm_shape());
        item->name = name;
        item->arn = alarm_arn(&call->context, name);
        list_add(&reply->alarms, call->context.arena, item);
    }
    return true;
}

/* ---- describing ---- */

static AsTargetTracking *tracking_item(Call *call, const ScalingPolicy *policy)
{
    Arena *arena = call->context.arena;
    if (!policy->target)
        return NULL;
    AsTargetTracking *item = shape_new(arena, AsTargetTracking_shape());
    item->target = g_ascii_strtod(policy->target, NULL);
    item->disable_scale_in = policy->disable_scale_in;
    if (policy->predefined) {
        item->predefined = shape_new(arena, AsPredefinedMetric_shape());
        item->predefined->type = policy->predefined;
        item->predefined->resource_label = policy->resource_label;
        return item;
    }
    List dimensions = scaling_dimensions(arena, policy->metric_dimensions);
    item->customized = shape_new(arena, AsCustomizedMetric_shape());
    item->customized->name = policy->metric_name;
    item->customized->space = policy->metric_namespace;
    item->customized->statistic = policy->metric_statistic;
    item->customized->unit = policy->metric_unit;
    item->customized->dimensions = as_dimension_items(call, &dimensions);
    return item;
}

static AsPolicy *policy_item(Call *call, const ScalingPolicyView *view)
{
    Arena *arena = call->context.arena;
    const ScalingPolicy *policy = view->policy;
    List steps = scaling_steps(arena, policy);
    AsPolicy *item = shape_new(arena, AsPolicy_shape());
    item->group = policy->group_name;
    item->name = policy->name;
    item->arn = view->arn;
    item->type = policy->type;
    item->adjustment_type = policy->adjustment_type;
    item->min_step = as_shown(policy->min_step);
    item->min_magnitude = as_shown(policy->min_magnitude);
    item->amount = policy->adjustment_type && steps.n == 0 ? policy->adjustment : ABSENT;
    item->cooldown = as_shown(policy->cooldown);
    LIST_EACH (const ScalingStep *, step, &steps) {
        AsStep *one = shape_new(arena, AsStep_shape());
        one->lower = isinf(step->lower) ? NAN : step->lower;
        one->upper = isinf(step->upper) ? NAN : step->upper;
        one->amount = step->amount;
        list_add(&item->steps, arena, one);
    }
    item->aggregation = policy->aggregation;
    item->warmup = as_shown(policy->warmup);
    LIST_EACH (const Alarm *, alarm, &view->alarms) {
        AsAlarm *one = shape_new(arena, AsAlarm_shape());
        one->name = alarm->name;
        one->arn = alarm->arn;
        list_add(&item->alarms, arena, one);
    }
    item->tracking = tracking_item(call, policy);
    item->enabled = policy->enabled;
    return item;
}

static const char *policy_key(Arena *arena, const void *item)
{
    return ((const ScalingPolicyView *)item)->arn;
}

bool autoscaling_api_describe_policies(Call *call, const AsDescribePoliciesRequest *request,
                                       AsDescribePoliciesReply *reply, GError **error)
{
    List all = {0}, page = {0};
    if (!scaling_policies_find(&call->context, request->group, &request->names, &request->types,
                               &all, error) ||
        !as_page(call, &request->page, AS_PAGE, "scaling-policies", &all, policy_key, &page,
                 &reply->end, error))
        return false;
    LIST_EACH (const ScalingPolicyView *, view, &page)
        list_add(&reply->items, call->context.arena, policy_item(call, view));
    return true;
}

bool autoscaling_api_delete_policy(Call *call, const AsPolicyRequest *request, AsNothing *reply,
                                   GError **error)
{
    return scaling_policy_remove(&call->context, request->group, request->name, error);
}

bool autoscaling_api_execute_policy(Call *call, const AsExecutePolicyRequest *request,
                                    AsNothing *reply, GError **error)
{
    return scaling_policy_execute(&call->context, request->policy.group, request->policy.name,
                                  request->honor_cooldown == 1, request->value, request->threshold,
                                  error);
}

/* ---- triggers ---- */

bool autoscaling_api_put_trigger(Call *call, const AsPutTriggerRequest *request, AsNothing *reply,
                                 GError **error)
{
    const ScalingTriggerSpec spec = {
        .group = request->group,
        .name = request->name,
        .measure = request->measure,
        .statistic = request->statistic,
        .space = request->space,
        .unit = request->unit,
        .custom_unit = request->custom_unit,
        .dimensions = as_dimensions(call, &request->dimensions),
        .period = request->period,
        .breach = request->breach,
        .lower = request->lower,
        .upper = request->upper,
        .lower_increment = request->lower_increment,
        .upper_increment = request->upper_increment,
    };
    return scaling_trigger_put_spec(&call->context, &spec, error);
}

bool autoscaling_api_delete_trigger(Call *call, const AsTriggerRequest *request, AsNothing *reply,
                                    GError **error)
{
    return scaling_trigger_remove(&call->context, request->group, request->name, error);
}

bool autoscaling_api_describe_triggers(Call *call, const AsDescribeTriggersRequest *request,
                                       AsDescribeTriggersReply *reply, GError **error)
{
    Arena *arena = call->context.arena;
    ScalingTrigger *trigger;
    if (!scaling_trigger_find(&call->context, request->group, &trigger, error))
        return false;
    if (!trigger)
        return true;
    List dimensions = scaling_dimensions(arena, trigger->dimensions);
    AsTrigger *item = shape_new(arena, AsTrigger_shape());
    item->name = trigger->name;
    item->group = trigger->group_name;
    item->measure = trigger->measure;
    item->statistic = trigger->statistic;
    item->dimensions = as_dimension_items(call, &dimensions);
    item->period = trigger->period;
    item->unit = trigger->unit;
    item->custom_unit = trigger->custom_unit;
    item->space = trigger->space;
    item->lower = g_ascii_strtod(trigger->lower, NULL);
    item->lower_increment = trigger->lower_increment;
    item->upper = g_ascii_strtod(trigger->upper, NULL);
    item->upper_increment = trigger->upper_increment;
    item->breach = trigger->breach;
    item->status = trigger->status;
    item->created = trigger->created;
    list_add(&reply->items, arena, item);
    return true;
}
