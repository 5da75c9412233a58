/* Load balancers, their tags and the account's limits. */
#include "api/elb/handlers.h"
#include "api/elb/items.h"
#include "cloud/balancers.h"
#include <string.h>

#define PAGE_SIZE 400

static void add_tags(Arena *arena, const List *tags, List *pairs)
{
    LIST_EACH (const ElbTag *, tag, tags) {
        TagPair *pair = arena_new_struct(arena, TagPair);
        *pair = (TagPair){tag->key, tag->value};
        list_add(pairs, arena, pair);
    }
}

bool elb_api_create(Call *call, const CreateLoadBalancerRequest *request,
                    CreateLoadBalancerReply *reply, GError **error)
{
    BalancerSpec spec = {
        .name = request->name,
        .scheme = request->scheme && *request->scheme ? request->scheme : NULL,
        .zones = request->zones,
        .subnets = request->subnets,
        .groups = request->groups,
    };
    elb_listener_specs(call->context.arena, &request->listeners, &spec.listeners);
    add_tags(call->context.arena, &request->tags, &spec.tags);
    return balancer_create(&call->context, &spec, &reply->dns_name, error);
}

bool elb_api_delete(Call *call, const DeleteLoadBalancerRequest *request, ElbNothing *reply,
                    GError **error)
{
    return balancer_remove(&call->context, request->name, error);
}

bool elb_api_describe(Call *call, const DescribeLoadBalancersRequest *request,
                      DescribeLoadBalancersReply *reply, GError **error)
{
    const Page page = {
        .ids = &request->names,
        .limit = request->page_size == ABSENT ? PAGE_SIZE : request->page_size,
        .token = request->marker,
    };
    List views = {0};
    if (!balancers_find(&call->context, &page, &views, &reply->marker, error))
        return false;
    LIST_EACH (const BalancerView *, view, &views)
        list_add(&reply->balancers, call->context.arena, elb_description(call, view));
    return true;
}

/* ---- limits ---- */

static const char *limit_name(Arena *arena, const void *limit)
{
    return ((const ElbLimit *)limit)->name;
}

bool elb_api_describe_account_limits(Call *call, const DescribeAccountLimitsRequest *request,
                                     DescribeAccountLimitsReply *reply, GError **error)
{
    static const struct {
        const char *name;
        int max;
    } limits[] = {
        {"classic-load-balancers", BALANCERS_PER_ACCOUNT},
        {"classic-listeners", LISTENERS_PER_BALANCER},
        {"classic-registered-instances", INSTANCES_PER_BALANCER},
    };
    Arena *arena = call->context.arena;
    const Page page = {
        .limit = request->page_size == ABSENT ? PAGE_SIZE : request->page_size,
        .token = request->marker,
    };
    List all = {0};
    for (size_t i = 0; i < G_N_ELEMENTS(limits); i++) {
        ElbLimit *limit = shape_new(arena, ElbLimit_shape());
        limit->name = limits[i].name;
        limit->max = arena_printf(arena, "%d", limits[i].max);
        list_add(&all, arena, limit);
    }
    return cloud_page_of(&call->context, "balancer limits", &page, &all, limit_name, &reply->limits,
                         &reply->marker, error);
}

/* ---- tags ---- */

bool elb_api_add_tags(Call *call, const ElbAddTagsRequest *request, ElbNothing *reply,
                      GError **error)
{
    List pairs = {0};
    add_tags(call->context.arena, &request->tags, &pairs);
    return balancer_add_tags(&call->context, &request->names, &pairs, error);
}

bool elb_api_remove_tags(Call *call, const ElbRemoveTagsRequest *request, ElbNothing *reply,
                         GError **error)
{
    List keys = {0};
    LIST_EACH (const ElbTagKey *, tag, &request->tags) {
        if (tag->key)
            list_add(&keys, call->context.arena, tag->key);
    }
    return balancer_remove_tags(&call->context, &request->names, &keys, error);
}

bool elb_api_describe_tags(Call *call, const ElbDescribeTagsRequest *request,
                           ElbDescribeTagsReply *reply, GError **error)
{
    Arena *arena = call->context.arena;
    List all = {0};
    if (!balancer_find_tags(&call->context, &request->names, &all, error))
        return false;
    LIST_EACH (const BalancerTags *, tags, &all) {
        ElbTagDescription *description = shape_new(arena, ElbTagDescription_shape());
        description->name = tags->name;
        LIST_EACH (const BalancerTag *, tag, &tags->tags) {
            ElbTag *item = shape_new(arena, ElbTag_shape());
            item->key = tag->key;
            item->value = tag->value;
            list_add(&description->tags, arena, item);
        }
        list_add(&reply->descriptions, arena, description);
    }
    return true;
}
