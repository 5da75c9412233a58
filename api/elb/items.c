/* What replies show of a load balancer. */
#include "api/elb/items.h"

#include <stdlib.h>
#include <string.h>

/* Of Elastic Load Balancing in us-east-1 ("Elastic Load Balancing endpoints and quotas"). */
#define HOSTED_ZONE_ID "Z35SXDOTRQ7X7K"

void elb_listener_specs(Arena *arena, const List *listeners, List *ret_specs)
{
    LIST_EACH (const ElbListener *, listener, listeners) {
        ListenerSpec *spec = arena_new_struct(arena, ListenerSpec);
        *spec = (ListenerSpec){
            .protocol = listener->protocol,
            .instance_protocol = listener->instance_protocol,
            .port = listener->port,
            .instance_port = listener->instance_port,
            .certificate = listener->certificate,
        };
        list_add(ret_specs, arena, spec);
    }
}

void elb_instances(Arena *arena, const List *ids, List *ret_instances)
{
    LIST_EACH (const char *, id, ids) {
        ElbInstance *instance = shape_new(arena, ElbInstance_shape());
        instance->instance_id = id;
        list_add(ret_instances, arena, instance);
    }
}

void elb_instance_ids(Arena *arena, const List *instances, List *ret_ids)
{
    LIST_EACH (const ElbInstance *, instance, instances)
        list_add(ret_ids, arena, instance->instance_id ? instance->instance_id : "");
}

ElbHealthCheck *elb_health_check(Arena *arena, const HealthCheck *check)
{
    ElbHealthCheck *item = shape_new(arena, ElbHealthCheck_shape());
    *item = (ElbHealthCheck){
        .target = check->target,
        .interval = check->interval,
        .timeout = check->timeout,
        .unhealthy = check->unhealthy,
        .healthy = check->healthy,
    };
    return item;
}

/* ---- attributes ---- */

ElbAttributes *elb_attributes(Arena *arena, const Balancer *balancer)
{
    ElbAttributes *item = shape_new(arena, ElbAttributes_shape());
    item->cross_zone = shape_new(arena, ElbCrossZone_shape());
    item->cross_zone->enabled = balancer->cross_zone;
    item->access_log = shape_new(arena, ElbAccessLog_shape());
    item->access_log->enabled = balancer->access_log;
    if (balancer->access_log) {
        item->access_log->bucket = balancer->log_bucket;
        item->access_log->prefix = balancer->log_prefix;
        item->access_log->interval = balancer->log_interval;
    }
    item->draining = shape_new(arena, ElbDraining_shape());
    item->draining->enabled = balancer->draining;
    item->draining->timeout = balancer->draining_timeout;
    item->settings = shape_new(arena, ElbConnectionSettings_shape());
    item->settings->idle_timeout = balancer->idle_timeout;
    ElbAdditional *mode = shape_new(arena, ElbAdditional_shape());
    mode->key = "elb.http.desyncmitigationmode";
    mode->value = balancer->desync_mode;
    list_add(&item->additional, arena, mode);
    return item;
}

/* ---- descriptions ---- */

/* "a b" → its words. */
static void add_words(Arena *arena, const char *text, List *ret_words)
{
    g_auto(GStrv) words = g_strsplit(text, " ", -1);
    for (char **word = words; *word; word++) {
        if (**word)
            list_add(ret_words, arena, arena_strdup(arena, *word));
    }
}

static void add_listeners(Arena *arena, const BalancerView *view, ElbDescription *item)
{
    LIST_EACH (const BalancerListener *, listener, &view->listeners) {
        ElbListener *shown = shape_new(arena, ElbListener_shape());
        *shown = (ElbListener){
            .protocol = listener->protocol,
            .port = atoi(listener->port),
            .instance_protocol = listener->instance_protocol,
            .instance_port = listener->instance_port,
            .certificate = listener->certificate,
        };
        list_add(&item->first_listeners, arena, shown);
        ElbListenerDescription *description = shape_new(arena, ElbListenerDescription_shape());
        description->listener = shown;
        add_words(arena, listener->policies, &description->policies);
        list_add(&item->listeners, arena, description);
    }
    LIST_EACH (const BalancerServer *, server, &view->servers) {
        ElbBackendServer *shown = shape_new(arena, ElbBackendServer_shape());
        shown->port = atoi(server->port);
        add_words(arena, server->policies, &shown->policies);
        list_add(&item->servers, arena, shown);
    }
}

static const char *first_value(const BalancerPolicyView *policy)
{
    const BalancerPolicyAttribute *attribute =
        policy->attributes.n > 0 ? list_at(&policy->attributes, 0) : NULL;
    return attribute ? attribute->value : NULL;
}

static ElbPolicies *policies_of(Arena *arena, const BalancerView *view)
{
    ElbPolicies *item = shape_new(arena, ElbPolicies_shape());
    LIST_EACH (const BalancerPolicyView *, policy, &view->policies) {
        const char *name = policy->policy->name;
        if (g_str_has_prefix(policy->policy->type, "AppCookie")) {
            ElbAppCookiePolicy *shown = shape_new(arena, ElbAppCookiePolicy_shape());
            shown->name = name;
            shown->cookie = first_value(policy);
            list_add(&item->app_cookie, arena, shown);
        } else if (g_str_has_prefix(policy->policy->type, "LBCookie")) {
            ElbLbCookiePolicy *shown = shape_new(arena, ElbLbCookiePolicy_shape());
            shown->name = name;
            if (first_value(policy))
                shown->seconds = g_ascii_strtoll(first_value(policy), NULL, 10);
            list_add(&item->lb_cookie, arena, shown);
        } else {
            list_add(&item->others, arena, name);
        }
    }
    return item;
}

static void add_places(Arena *arena, const BalancerView *view, ElbDescription *item)
{
    LIST_EACH (const BalancerPlace *, place, &view->places) {
        list_add(&item->zones, arena, place->zone);
        list_add(&item->subnets, arena, place->subnet_id);
    }
    LIST_EACH (const SecurityGroup *, group, &view->groups) {
        list_add(&item->groups, arena, group->id);
        if (item->source_group)
            continue;
        item->source_group = shape_new(arena, ElbSourceGroup_shape());
        item->source_group->owner = group->account_id;
        item->source_group->name = group->name;
    }
}

ElbDescription *elb_description(Call *call, const BalancerView *view)
{
    Arena *arena = call->context.arena;
    const Balancer *balancer = view->balancer;
    const HealthCheck check = {
        .target = balancer->health_target,
        .interval = balancer->health_interval,
        .timeout = balancer->health_timeout,
        .unhealthy = balancer->unhealthy_threshold,
        .healthy = balancer->healthy_threshold,
    };
    List ids = {0};
    LIST_EACH (const BalancerInstance *, member, &view->instances) {
        if (!member->draining_until)
            list_add(&ids, arena, member->instance_id);
    }
    ElbDescription *item = shape_new(arena, ElbDescription_shape());
    item->name = balancer->name;
    item->dns_name = view->dns_name;
    item->zone_name = view->dns_name;
    item->zone_id = HOSTED_ZONE_ID;
    item->policies = policies_of(arena, view);
    item->vpc_id = balancer->vpc_id;
    item->health_check = elb_health_check(arena, &check);
    item->created = balancer->created;
    item->scheme = balancer->scheme;
    add_listeners(arena, view, item);
    add_places(arena, view, item);
    elb_instances(arena, &ids, &item->instances);
    return item;
}
