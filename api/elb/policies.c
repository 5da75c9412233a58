/* Policies of load balancers. */
#include "api/elb/handlers.h"
#include "base/fault.h"
#include "cloud/balancers.h"
#include <inttypes.h>

static void add_attribute(Arena *arena, List *attributes, const char *name, const char *value)
{
    BalancerPolicyAttribute *attribute = arena_new_struct(arena, BalancerPolicyAttribute);
    attribute->name = name ? name : "";
    attribute->value = value ? value : "";
    list_add(attributes, arena, attribute);
}

bool elb_api_create_app_cookie_policy(Call *call,
                                      const CreateAppCookieStickinessPolicyRequest *request,
                                      ElbNothing *reply, GError **error)
{
    List attributes = {0};
    add_attribute(call->context.arena, &attributes, "CookieName", request->cookie);
    return balancer_add_policy(&call->context, request->name, request->policy,
                               "AppCookieStickinessPolicyType", &attributes, error);
}

bool elb_api_create_lb_cookie_policy(Call *call,
                                     const CreateLBCookieStickinessPolicyRequest *request,
                                     ElbNothing *reply, GError **error)
{
    Arena *arena = call->context.arena;
    List attributes = {0};
    if (request->seconds != ABSENT)
        add_attribute(arena, &attributes, "CookieExpirationPeriod",
                      arena_printf(arena, "%" PRId64, request->seconds));
    return balancer_add_policy(&call->context, request->name, request->policy,
                               "LBCookieStickinessPolicyType", &attributes, error);
}

bool elb_api_create_policy(Call *call, const CreateLoadBalancerPolicyRequest *request,
                           ElbNothing *reply, GError **error)
{
    List attributes = {0};
    LIST_EACH (const ElbPolicyAttribute *, attribute, &request->attributes)
        add_attribute(call->context.arena, &attributes, attribute->name, attribute->value);
    return balancer_add_policy(&call->context, request->name, request->policy, request->type,
                               &attributes, error);
}

bool elb_api_delete_policy(Call *call, const DeleteLoadBalancerPolicyRequest *request,
                           ElbNothing *reply, GError **error)
{
    return balancer_remove_policy(&call->context, request->name, request->policy, error);
}

bool elb_api_set_listener_policies(Call *call,
                                   const SetLoadBalancerPoliciesOfListenerRequest *request,
                                   ElbNothing *reply, GError **error)
{
    return balancer_set_listener_policies(&call->context, request->name, request->port,
                                          &request->policies, error);
}

bool elb_api_set_server_policies(Call *call,
                                 const SetLoadBalancerPoliciesForBackendServerRequest *request,
                                 ElbNothing *reply, GError **error)
{
    return balancer_set_server_policies(&call->context, request->name, request->port,
                                        &request->policies, error);
}

bool elb_api_describe_policies(Call *call, const DescribeLoadBalancerPoliciesRequest *request,
                               DescribeLoadBalancerPoliciesReply *reply, GError **error)
{
    Arena *arena = call->context.arena;
    List views = {0};
    if (!balancer_find_policies(&call->context, request->name, &request->policies, &views, error))
        return false;
    LIST_EACH (const BalancerPolicyView *, view, &views) {
        ElbPolicyDescription *item = shape_new(arena, ElbPolicyDescription_shape());
        item->name = view->policy->name;
        item->type = view->policy->type;
        LIST_EACH (const BalancerPolicyAttribute *, attribute, &view->attributes) {
            ElbPolicyAttribute *shown = shape_new(arena, ElbPolicyAttribute_shape());
            shown->name = attribute->name;
            shown->value = attribute->value;
            list_add(&item->attributes, arena, shown);
        }
        list_add(&reply->policies, arena, item);
    }
    return true;
}

static ElbPolicyAttributeType *attribute_type(Arena *arena, const PolicyAttributeType *type)
{
    ElbPolicyAttributeType *item = shape_new(arena, ElbPolicyAttributeType_shape());
    *item = (ElbPolicyAttributeType){
        .name = type->name,
        .type = type->type,
        .description = type->description,
        .otherwise = type->otherwise,
        .cardinality = type->cardinality,
    };
    return item;
}

bool elb_api_describe_policy_types(Call *call,
                                   const DescribeLoadBalancerPolicyTypesRequest *request,
                                   DescribeLoadBalancerPolicyTypesReply *reply, GError **error)
{
    Arena *arena = call->context.arena;
    List types = {0};
    if (!balancer_policy_types(&call->context, &request->types, &types, error))
        return false;
    LIST_EACH (const PolicyType *, type, &types) {
        ElbPolicyType *item = shape_new(arena, ElbPolicyType_shape());
        item->name = type->name;
        item->description = type->description;
        LIST_EACH (const PolicyAttributeType *, attribute, &type->attributes)
            list_add(&item->attributes, arena, attribute_type(arena, attribute));
        list_add(&reply->types, arena, item);
    }
    return true;
}
