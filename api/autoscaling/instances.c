/* Instances of groups, and activities. */
#include "api/autoscaling/handlers.h"
#include "api/autoscaling/page.h"
#include "api/autoscaling/templates.h"
#include "base/fault.h"
#include <string.h>

static const char *activity_key(Arena *arena, const void *item)
{
    return ((const ScalingActivity *)item)->id;
}

bool autoscaling_api_describe_activities(Call *call, const AsDescribeActivitiesRequest *request,
                                         AsDescribeActivitiesReply *reply, GError **error)
{
    List all = {0}, page = {0};
    if (!scaling_activities_find(&call->context, request->name, &request->ids,
                                 request->with_deleted == 1, &all, error) ||
        !as_page(call, &request->page, AS_PAGE_LONG, "scaling-activities", &all, activity_key,
                 &page, &reply->end, error))
        return false;
    LIST_EACH (const ScalingActivity *, activity, &page)
        list_add(&reply->activities.items, call->context.arena, as_activity(call, activity));
    return true;
}

static const char *member_key(Arena *arena, const void *item)
{
    return ((const ScalingInstance *)item)->instance_id;
}

bool autoscaling_api_describe_instances(Call *call, const AsDescribeInstancesRequest *request,
                                        AsDescribeInstancesReply *reply, GError **error)
{
    List all = {0}, page = {0};
    if (!scaling_instances_find(&call->context, &request->ids, &all, error) ||
        !as_page(call, &request->page, AS_PAGE, "scaling-instances", &all, member_key, &page,
                 &reply->end, error))
        return false;
    LIST_EACH (const ScalingInstance *, member, &page) {
        AsInstanceDetails *item = shape_new(call->context.arena, AsInstanceDetails_shape());
        item->instance_id = member->instance_id;
        item->instance_type = member->type;
        item->group = member->group_name;
        item->zone = member->zone;
        item->state = state_name(&lifecycle_machine, member->state);
        item->health = member->unhealthy ? "UNHEALTHY" : "HEALTHY";
        item->launch_configuration = member->launch_configuration;
        item->template = as_member_template(call, member);
        item->protected = member->protected;
        list_add(&reply->items, call->context.arena, item);
    }
    return true;
}

bool autoscaling_api_terminate_instance(Call *call, const AsTerminateRequest *request,
                                        AsTerminateReply *reply, GError **error)
{
    ScalingActivity *activity;
    if (!scaling_instance_terminate(&call->context, request->id, request->decrement == 1, &activity,
                                    error))
        return false;
    reply->activity = activity ? as_activity(call, activity) : NULL;
    return true;
}

bool autoscaling_api_set_instance_health(Call *call, const AsSetHealthRequest *request,
                                         AsNothing *reply, GError **error)
{
    bool healthy = g_ascii_strcasecmp(request->health, "Healthy") == 0;
    if (!healthy && g_ascii_strcasecmp(request->health, "Unhealthy") != 0)
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "Valid instance health states are: [Healthy, Unhealthy].");
    return scaling_instance_set_health(&call->context, request->id, healthy,
                                       request->respect_grace != 0, error);
}

bool autoscaling_api_protect_instances(Call *call, const AsProtectRequest *request,
                                       AsEmptyResult *reply, GError **error)
{
    return scaling_instances_protect(&call->context, request->name, &request->ids,
                                     request->protect == 1, error);
}

static bool check_ids(const List *ids, GError **error)
{
    return ids->n > 0 ||
           fault_set(error, FAULT_VALIDATION_ERROR, "At least one instance ID must be specified");
}

bool autoscaling_api_attach_instances(Call *call, const AsInstancesRequest *request,
                                      AsNothing *reply, GError **error)
{
    return check_ids(&request->ids, error) &&
           scaling_instances_attach(&call->context, request->name, &request->ids, error);
}

static void add_activities(Call *call, const List *activities, AsActivitiesReply *reply)
{
    LIST_EACH (const ScalingActivity *, activity, activities)
        list_add(&reply->items, call->context.arena, as_activity(call, activity));
}

bool autoscaling_api_detach_instances(Call *call, const AsShrinkRequest *request,
                                      AsActivitiesReply *reply, GError **error)
{
    List activities = {0};
    if (!check_ids(&request->instances.ids, error) ||
        !scaling_instances_detach(&call->context, request->instances.name, &request->instances.ids,
                                  request->decrement == 1, &activities, error))
        return false;
    add_activities(call, &activities, reply);
    return true;
}

bool autoscaling_api_enter_standby(Call *call, const AsShrinkRequest *request,
                                   AsActivitiesReply *reply, GError **error)
{
    List activities = {0};
    if (!check_ids(&request->instances.ids, error) ||
        !scaling_instances_enter_standby(&call->context, request->instances.name,
                                         &request->instances.ids, request->decrement == 1,
                                         &activities, error))
        return false;
    add_activities(call, &activities, reply);
    return true;
}

bool autoscaling_api_exit_standby(Call *call, const AsInstancesRequest *request,
                                  AsActivitiesReply *reply, GError **error)
{
    List activities = {0};
    if (!check_ids(&request->ids, error) ||
        !scaling_instances_exit_standby(&call->context, request->name, &request->ids, &activities,
                                        error))
        return false;
    add_activities(call, &activities, reply);
    return true;
}
