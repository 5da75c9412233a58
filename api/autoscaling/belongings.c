/* What belongs to groups: tags, notifications, load balancers; and what there is to choose from. */
#include "api/autoscaling/handlers.h"
#include "api/autoscaling/page.h"
#include "cloud/launch_configurations.h"

/* ---- tags ---- */

bool autoscaling_api_put_tags(Call *call, const AsTagsRequest *request, AsNothing *reply,
                              GError **error)
{
    List tags = as_tags(call, &request->tags);
    return scaling_tags_put(&call->context, &tags, error);
}

bool autoscaling_api_delete_tags(Call *call, const AsTagsRequest *request, AsNothing *reply,
                                 GError **error)
{
    List tags = as_tags(call, &request->tags);
    return scaling_tags_remove(&call->context, &tags, error);
}

static const char *tag_key_of(Arena *arena, const void *item)
{
    const ScalingTag *tag = item;
    return arena_printf(arena, "%s\n%s", tag->group_name, tag->key);
}

bool autoscaling_api_describe_tags(Call *call, const AsDescribeTagsRequest *request,
                                   AsDescribeTagsReply *reply, GError **error)
{
    List all = {0}, page = {0}, filters = as_filters(call, &request->filters);
    if (!scaling_tags_find(&call->context, &filters, &all, error) ||
        !as_page(call, &request->page, AS_PAGE, "scaling-tags", &all, tag_key_of, &page,
                 &reply->end, error))
        return false;
    LIST_EACH (const ScalingTag *, tag, &page)
        list_add(&reply->items, call->context.arena, as_tag_item(call, tag));
    return true;
}

/* ---- notifications ---- */

bool autoscaling_api_put_notification(Call *call, const AsPutNotificationRequest *request,
                                      AsNothing *reply, GError **error)
{
    return scaling_notifications_put(&call->context, request->name, request->topic, &request->types,
                                     error);
}

bool autoscaling_api_delete_notification(Call *call, const AsDeleteNotificationRequest *request,
                                         AsNothing *reply, GError **error)
{
    return scaling_notifications_remove(&call->context, request->name, request->topic, error);
}

static const char *notification_key(Arena *arena, const void *item)
{
    const ScalingNotification *one = item;
    return arena_printf(arena, "%s\n%s\n%s", one->group_name, one->topic, one->type);
}

bool autoscaling_api_describe_notifications(Call *call,
                                            const AsDescribeNotificationsRequest *request,
                                            AsDescribeNotificationsReply *reply, GError **error)
{
    List all = {0}, page = {0};
    if (!scaling_notifications_find(&call->context, &request->names, &all, error) ||
        !as_page(call, &request->page, AS_PAGE, "scaling-notifications", &all, notification_key,
                 &page, &reply->end, error))
        return false;
    LIST_EACH (const ScalingNotification *, one, &page) {
        AsNotification *item = shape_new(call->context.arena, AsNotification_shape());
        item->name = one->group_name;
        item->topic = one->topic;
        item->type = one->type;
        list_add(&reply->items, call->context.arena, item);
    }
    return true;
}

/* ---- load balancers ---- */

bool autoscaling_api_attach_balancers(Call *call, const AsBalancersRequest *request,
                                      AsEmptyResult *reply, GError **error)
{
    return scaling_balancers_attach(&call->context, request->name, &request->balancers, error);
}

bool autoscaling_api_detach_balancers(Call *call, const AsBalancersRequest *request,
                                      AsEmptyResult *reply, GError **error)
{
    return scaling_balancers_detach(&call->context, request->name, &request->balancers, error);
}

static const char *balancer_key(Arena *arena, const void *item)
{
    return ((const ScalingBalancerView *)item)->name;
}

bool autoscaling_api_describe_balancers(Call *call, const AsDescribeBalancersRequest *request,
                                        AsDescribeBalancersReply *reply, GError **error)
{
    List all = {0}, page = {0};
    if (!scaling_balancers_find(&call->context, request->name, &all, error) ||
        !as_page(call, &request->page, AS_PAGE_LONG, "scaling-balancers", &all, balancer_key, &page,
                 &reply->end, error))
        return false;
    LIST_EACH (const ScalingBalancerView *, view, &page) {
        AsBalancer *item = shape_new(call->context.arena, AsBalancer_shape());
        item->name = view->name;
        item->state = view->state;
        list_add(&reply->items, call->context.arena, item);
    }
    return true;
}

/* ---- what there is to choose from ---- */

static void add_names(Call *call, const char *const *names, List *list)
{
    for (; *names; names++)
        list_add(list, call->context.arena, *names);
}

bool autoscaling_api_describe_metric_types(Call *call, const AsNothing *request,
                                           AsMetricTypesReply *reply, GError **error)
{
    for (const char *const *name = scaling_metric_names; *name; name++) {
        AsMetricType *item = shape_new(call->context.arena, AsMetricType_shape());
        item->metric = *name;
        list_add(&reply->metrics, call->context.arena, item);
    }
    AsGranularity *minute = shape_new(call->context.arena, AsGranularity_shape());
    minute->granularity = "1Minute";
    list_add(&reply->granularities, call->context.arena, minute);
    return true;
}

bool autoscaling_api_describe_adjustment_types(Call *call, const AsNothing *request,
                                               AsAdjustmentTypesReply *reply, GError **error)
{
    static const char *const names[] = {"ChangeInCapacity", "ExactCapacity",
                                        "PercentChangeInCapacity"};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        AsAdjustmentType *item = shape_new(call->context.arena, AsAdjustmentType_shape());
        item->type = names[i];
        list_add(&reply->types, call->context.arena, item);
    }
    return true;
}

bool autoscaling_api_describe_process_types(Call *call, const AsNothing *request,
                                            AsProcessTypesReply *reply, GError **error)
{
    for (const char *const *name = scaling_process_names; *name; name++) {
        AsProcess *item = shape_new(call->context.arena, AsProcess_shape());
        item->name = *name;
        list_add(&reply->processes, call->context.arena, item);
    }
    return true;
}

bool autoscaling_api_describe_termination_types(Call *call, const AsNothing *request,
                                                AsTerminationTypesReply *reply, GError **error)
{
    add_names(call, scaling_termination_names, &reply->types);
    return true;
}

bool autoscaling_api_describe_notification_types(Call *call, const AsNothing *request,
                                                 AsNotificationTypesReply *reply, GError **error)
{
    add_names(call, scaling_notification_names, &reply->types);
    return true;
}

bool autoscaling_api_describe_hook_types(Call *call, const AsNothing *request,
                                         AsHookTypesReply *reply, GError **error)
{
    static const char *const names[] = {"autoscaling:EC2_INSTANCE_LAUNCHING",
                                        "autoscaling:EC2_INSTANCE_TERMINATING", NULL};
    add_names(call, names, &reply->types);
    return true;
}

bool autoscaling_api_describe_account_limits(Call *call, const AsNothing *request,
                                             AsAccountLimitsReply *reply, GError **error)
{
    reply->max_groups = SCALING_GROUPS_PER_ACCOUNT;
    reply->max_configurations = LAUNCH_CONFIGURATIONS_PER_ACCOUNT;
    return scaling_count(&call->context, &reply->groups, &reply->configurations, error);
}
