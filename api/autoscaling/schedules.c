/* Scheduled actions, lifecycle hooks, instance refreshes. */
#include "api/autoscaling/handlers.h"
#include "api/autoscaling/page.h"
#include "base/fault.h"

#define HEARTBEATS_MOST 100
#define HOOK_TIME_MOST 172800 /* seconds */

/* ---- schedules ---- */

static ScalingScheduleSpec schedule_spec(const char *group, const char *name, int64_t time,
                                         const AsScheduleSizes *sizes)
{
    return (ScalingScheduleSpec){
        .group = group,
        .name = name,
        .recurrence = sizes->recurrence,
        .time_zone = sizes->time_zone,
        .start = sizes->start ? sizes->start : time,
        .end = sizes->end,
        .min_size = as_number(sizes->min_size),
        .max_size = as_number(sizes->max_size),
        .desired = as_number(sizes->desired),
    };
}

bool autoscaling_api_put_schedule(Call *call, const AsPutScheduleRequest *request, AsNothing *reply,
                                  GError **error)
{
    const ScalingScheduleSpec spec =
        schedule_spec(request->group, request->name, request->time, &request->sizes);
    return scaling_schedule_put_spec(&call->context, &spec, error);
}

bool autoscaling_api_delete_schedule(Call *call, const AsScheduleRequest *request, AsNothing *reply,
                                     GError **error)
{
    return scaling_schedule_remove(&call->context, request->group, request->name, error);
}

/* A fault is one item's failure, and told with it; false: it is our trouble. */
static bool add_failed(Call *call, const char *name, GError *why, List *failed, GError **error)
{
    if (why->domain != FAULT_DOMAIN) {
        g_propagate_error(error, why);
        return false;
    }
    AsFailedSchedule *item = shape_new(call->context.arena, AsFailedSchedule_shape());
    item->name = name;
    item->code = fault_code((Fault)why->code);
    item->message = arena_strdup(call->context.arena, why->message);
    list_add(failed, call->context.arena, item);
    g_error_free(why);
    return true;
}

bool autoscaling_api_batch_put_schedules(Call *call, const AsBatchPutSchedulesRequest *request,
                                         AsBatchPutSchedulesReply *reply, GError **error)
{
    LIST_EACH (const AsScheduleItem *, item, &request->items) {
        GError *why = NULL;
        const ScalingScheduleSpec spec = schedule_spec(request->group, item->name, 0, &item->sizes);
        if (!scaling_schedule_put_spec(&call->context, &spec, &why) &&
            !add_failed(call, item->name, why, &reply->failed, error))
            return false;
    }
    return true;
}

bool autoscaling_api_batch_delete_schedules(Call *call,
                                            const AsBatchDeleteSchedulesRequest *request,
                                            AsBatchDeleteSchedulesReply *reply, GError **error)
{
    LIST_EACH (const char *, name, &request->names) {
        GError *why = NULL;
        if (!scaling_schedule_remove(&call->context, request->group, name, &why) &&
            !add_failed(call, name, why, &reply->failed, error))
            return false;
    }
    return true;
}

static const char *schedule_key(Arena *arena, const void *item)
{
    return ((const ScalingSchedule *)item)->id;
}

bool autoscaling_api_describe_schedules(Call *call, const AsDescribeSchedulesRequest *request,
                                        AsDescribeSchedulesReply *reply, GError **error)
{
    Arena *arena = call->context.arena;
    List all = {0}, page = {0};
    if (!scaling_schedules_find(&call->context, request->group, &request->names, request->start,
                                request->end, &all, error) ||
        !as_page(call, &request->page, AS_PAGE, "scaling-schedules", &all, schedule_key, &page,
                 &reply->end, error))
        return false;
    LIST_EACH (const ScalingSchedule *, schedule, &page) {
        AsSchedule *item = shape_new(arena, AsSchedule_shape());
        item->group = schedule->group_name;
        item->name = schedule->name;
        item->arn = arena_printf(arena,
                                 "arn:aws:autoscaling:%s:%s:scheduledUpdateGroupAction:%s:"
                                 "autoScalingGroupName/%s:scheduledActionName/%s",
                                 call->context.region, schedule->account_id, schedule->id,
                                 schedule->group_name, schedule->name);
        item->start = item->time = scaling_schedule_time(&call->context, schedule);
        item->end = schedule->until;
        item->recurrence = schedule->recurrence;
        item->min_size = as_shown(schedule->min_size);
        item->max_size = as_shown(schedule->max_size);
        item->desired = as_shown(schedule->desired);
        item->time_zone = schedule->time_zone;
        list_add(&reply->items, arena, item);
    }
    return true;
}

/* ---- hooks ---- */

bool autoscaling_api_put_hook(Call *call, const AsPutHookRequest *request, AsEmptyResult *reply,
                              GError **error)
{
    const LifecycleHookSpec spec = {
        .name = request->name,
        .transition = request->transition,
        .target_arn = request->target_arn,
        .role_arn = request->role_arn,
        .metadata = request->metadata,
        .default_result = request->default_result,
        .heartbeat = as_number(request->heartbeat),
    };
    return lifecycle_hook_put_spec(&call->context, request->group, &spec, error);
}

bool autoscaling_api_delete_hook(Call *call, const AsHookRequest *request, AsEmptyResult *reply,
                                 GError **error)
{
    return lifecycle_hook_remove(&call->context, request->group, request->name, error);
}

bool autoscaling_api_describe_hooks(Call *call, const AsDescribeHooksRequest *request,
                                    AsDescribeHooksReply *reply, GError **error)
{
    List all = {0};
    if (!lifecycle_hooks_find(&call->context, request->group, &request->names, &all, error))
        return false;
    LIST_EACH (const LifecycleHook *, hook, &all) {
        AsHook *item = shape_new(call->context.arena, AsHook_shape());
        item->name = hook->name;
        item->group = hook->group_name;
        item->transition = hook->transition;
        item->target_arn = hook->target_arn;
        item->role_arn = hook->role_arn;
        item->metadata = hook->metadata;
        item->heartbeat = hook->heartbeat;
        item->limit = MIN(HEARTBEATS_MOST * hook->heartbeat, HOOK_TIME_MOST);
        item->default_result = hook->default_result;
        list_add(&reply->items, call->context.arena, item);
    }
    return true;
}

static LifecycleAnswer answer_of(const AsHeartbeatRequest *request, const char *result)
{
    return (LifecycleAnswer){
        .group = request->group,
        .hook = request->hook,
        .token = request->token,
        .instance_id = request->instance_id,
        .result = result,
    };
}

bool autoscaling_api_heartbeat(Call *call, const AsHeartbeatRequest *request, AsEmptyResult *reply,
                               GError **error)
{
    const LifecycleAnswer answer = answer_of(request, NULL);
    return lifecycle_action_answer(&call->context, &answer, error);
}

bool autoscaling_api_complete_action(Call *call, const AsCompleteRequest *request,
                                     AsEmptyResult *reply, GError **error)
{
    const LifecycleAnswer answer = answer_of(&request->action, request->result);
    return lifecycle_action_answer(&call->context, &answer, error);
}

/* ---- refreshes ---- */

bool autoscaling_api_start_refresh(Call *call, const AsStartRefreshRequest *request,
                                   AsRefreshReply *reply, GError **error)
{
    const AsRefreshPreferences *preferences = request->preferences;
    const RefreshSpec spec = {
        .group = request->group,
        .min_healthy = preferences ? as_number(preferences->min_healthy) : NOT_SAID,
        .warmup = preferences ? as_number(preferences->warmup) : NOT_SAID,
        .skip_matching = preferences ? as_truth(preferences->skip_matching) : NOT_SAID,
    };
    if (request->desired)
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "DesiredConfiguration is not offered: update the Auto Scaling group, then "
                         "start the refresh.");
    return scaling_refresh_start(&call->context, &spec, &reply->id, error);
}

bool autoscaling_api_cancel_refresh(Call *call, const AsCancelRefreshRequest *request,
                                    AsRefreshReply *reply, GError **error)
{
    return scaling_refresh_cancel(&call->context, request->group, &reply->id, error);
}

static const char *refresh_key(Arena *arena, const void *item)
{
    return ((const RefreshView *)item)->refresh->id;
}

bool autoscaling_api_describe_refreshes(Call *call, const AsDescribeRefreshesRequest *request,
                                        AsDescribeRefreshesReply *reply, GError **error)
{
    Arena *arena = call->context.arena;
    List all = {0}, page = {0};
    if (!scaling_refreshes_find(&call->context, request->group, &request->ids, &all, error) ||
        !as_page(call, &request->page, AS_PAGE, "scaling-refreshes", &all, refresh_key, &page,
                 &reply->end, error))
        return false;
    LIST_EACH (const RefreshView *, view, &page) {
        const InstanceRefresh *refresh = view->refresh;
        AsRefresh *item = shape_new(arena, AsRefresh_shape());
        item->id = refresh->id;
        item->group = refresh->group_name;
        item->status = refresh->status;
        item->reason = refresh->reason;
        item->started = refresh->started;
        item->ended = refresh->ended;
        item->percent = view->percent;
        item->left = view->left;
        item->preferences = shape_new(arena, AsRefreshPreferences_shape());
        item->preferences->min_healthy = refresh->min_healthy;
        item->preferences->warmup = as_shown(refresh->warmup);
        item->preferences->skip_matching =
            refresh->skip_matching < 0 ? ABSENT_BOOL : refresh->skip_matching == 1;
        list_add(&reply->items, arena, item);
    }
    return true;
}
