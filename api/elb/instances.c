/* Registered instances and their health. */
#include "api/elb/handlers.h"
#include "api/elb/items.h"
#include "cloud/balancers.h"

typedef bool (*ChangeFn)(Context *context, const char *name, const List *ids, List *ret_ids,
                         GError **error);

static bool change_members(Call *call, const RegisterInstancesRequest *request, ChangeFn change,
                           RegisterInstancesReply *reply, GError **error)
{
    Arena *arena = call->context.arena;
    List ids = {0}, left = {0};
    elb_instance_ids(arena, &request->instances, &ids);
    if (!change(&call->context, request->name, &ids, &left, error))
        return false;
    elb_instances(arena, &left, &reply->instances);
    return true;
}

bool elb_api_register_instances(Call *call, const RegisterInstancesRequest *request,
                                RegisterInstancesReply *reply, GError **error)
{
    return change_members(call, request, balancer_register, reply, error);
}

bool elb_api_deregister_instances(Call *call, const RegisterInstancesRequest *request,
                                  RegisterInstancesReply *reply, GError **error)
{
    return change_members(call, request, balancer_deregister, reply, error);
}

bool elb_api_describe_health(Call *call, const DescribeInstanceHealthRequest *request,
                             DescribeInstanceHealthReply *reply, GError **error)
{
    Arena *arena = call->context.arena;
    List ids = {0}, healths = {0};
    elb_instance_ids(arena, &request->instances, &ids);
    if (!balancer_health(&call->context, request->name, &ids, &healths, error))
        return false;
    LIST_EACH (const InstanceHealth *, health, &healths) {
        ElbInstanceState *state = shape_new(arena, ElbInstanceState_shape());
        *state = (ElbInstanceState){
            .instance_id = health->instance_id,
            .state = health->state,
            .reason_code = health->reason_code,
            .description = health->description,
        };
        list_add(&reply->states, arena, state);
    }
    return true;
}

bool elb_api_configure_health(Call *call, const ConfigureHealthCheckRequest *request,
                              ConfigureHealthCheckReply *reply, GError **error)
{
    const HealthCheck check = {
        .target = request->check->target,
        .interval = request->check->interval,
        .timeout = request->check->timeout,
        .unhealthy = request->check->unhealthy,
        .healthy = request->check->healthy,
    };
    reply->check = elb_health_check(call->context.arena, &check);
    return balancer_configure_health(&call->context, request->name, &check, error);
}
