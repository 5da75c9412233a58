/* Listeners, zones, subnets, groups and attributes of load balancers. */
#include "api/elb/handlers.h"
#include "api/elb/items.h"
#include "base/fault.h"
#include "cloud/balancers.h"
#include <string.h>

/* ---- listeners ---- */

bool elb_api_create_listeners(Call *call, const CreateLoadBalancerListenersRequest *request,
                              ElbNothing *reply, GError **error)
{
    List specs = {0};
    elb_listener_specs(call->context.arena, &request->listeners, &specs);
    return balancer_add_listeners(&call->context, request->name, &specs, error);
}

bool elb_api_delete_listeners(Call *call, const DeleteLoadBalancerListenersRequest *request,
                              ElbNothing *reply, GError **error)
{
    return balancer_remove_listeners(&call->context, request->name, &request->ports, error);
}

bool elb_api_set_certificate(Call *call,
                             const SetLoadBalancerListenerSSLCertificateRequest *request,
                             ElbNothing *reply, GError **error)
{
    return balancer_set_certificate(&call->context, request->name, request->port,
                                    request->certificate, error);
}

/* ---- zones, subnets, groups ---- */

bool elb_api_enable_zones(Call *call, const ElbZonesRequest *request, ElbZonesReply *reply,
                          GError **error)
{
    return balancer_enable_zones(&call->context, request->name, &request->zones, &reply->zones,
                                 error);
}

bool elb_api_disable_zones(Call *call, const ElbZonesRequest *request, ElbZonesReply *reply,
                           GError **error)
{
    return balancer_disable_zones(&call->context, request->name, &request->zones, &reply->zones,
                                  error);
}

bool elb_api_attach_subnets(Call *call, const ElbSubnetsRequest *request, ElbSubnetsReply *reply,
                            GError **error)
{
    return balancer_attach_subnets(&call->context, request->name, &request->subnets,
                                   &reply->subnets, error);
}

bool elb_api_detach_subnets(Call *call, const ElbSubnetsRequest *request, ElbSubnetsReply *reply,
                            GError **error)
{
    return balancer_detach_subnets(&call->context, request->name, &request->subnets,
                                   &reply->subnets, error);
}

bool elb_api_apply_groups(Call *call, const ApplySecurityGroupsRequest *request,
                          ApplySecurityGroupsReply *reply, GError **error)
{
    return balancer_set_groups(&call->context, request->name, &request->groups, &reply->groups,
                               error);
}

/* ---- attributes ---- */

static int64_t number(int64_t value)
{
    return value == ABSENT ? -1 : value;
}

static bool add_additional(const List *attributes, BalancerChange *change, GError **error)
{
    LIST_EACH (const ElbAdditional *, attribute, attributes) {
        const char *key = attribute->key ? attribute->key : "";
        if (strcmp(key, "elb.http.desyncmitigationmode") != 0)
            return fault_set(error, FAULT_LOAD_BALANCER_ATTRIBUTE_NOT_FOUND,
                             "The load balancer attribute '%.256s' does not exist", key);
        change->desync_mode = attribute->value ? attribute->value : "";
    }
    return true;
}

static bool change_of(const ElbAttributes *attributes, BalancerChange *ret_change, GError **error)
{
    BalancerChange change = {-1, -1, -1, -1, -1, -1, NULL, NULL, NULL};
    if (attributes->cross_zone)
        change.cross_zone = attributes->cross_zone->enabled;
    if (attributes->draining) {
        change.draining = attributes->draining->enabled;
        change.draining_timeout = number(attributes->draining->timeout);
    }
    if (attributes->settings)
        change.idle_timeout = number(attributes->settings->idle_timeout);
    if (attributes->access_log) {
        change.access_log = attributes->access_log->enabled;
        change.log_interval = number(attributes->access_log->interval);
        change.log_bucket = attributes->access_log->bucket;
        change.log_prefix = attributes->access_log->prefix;
    }
    *ret_change = change;
    return add_additional(&attributes->additional, ret_change, error);
}

bool elb_api_describe_attributes(Call *call, const DescribeLoadBalancerAttributesRequest *request,
                                 DescribeLoadBalancerAttributesReply *reply, GError **error)
{
    BalancerView *view;
    if (!balancer_find_one(&call->context, request->name, &view, error))
        return false;
    reply->attributes = elb_attributes(call->context.arena, view->balancer);
    return true;
}

bool elb_api_modify_attributes(Call *call, const ModifyLoadBalancerAttributesRequest *request,
                               ModifyLoadBalancerAttributesReply *reply, GError **error)
{
    BalancerChange change;
    BalancerView *view;
    if (!change_of(request->attributes, &change, error) ||
        !balancer_modify(&call->context, request->name, &change, error) ||
        !balancer_find_one(&call->context, request->name, &view, error))
        return false;
    reply->name = request->name;
    reply->attributes = elb_attributes(call->context.arena, view->balancer);
    return true;
}
