/* Alarms. */
#include "api/cloudwatch/items.h"
#include "base/fault.h"
#include "cloud/find.h"
#include "cloud/tags.h"
#include <math.h>
#include <string.h>

#define PAGE_SIZE 100

/* ---- making ---- */

static void pairs_of_items(Arena *arena, const List *items, List *pairs)
{
    LIST_EACH (const AlarmTagItem *, item, items) {
        TagPair *pair = arena_new_struct(arena, TagPair);
        *pair = (TagPair){item->key, item->value ? item->value : ""};
        list_add(pairs, arena, pair);
    }
}

static bool check_statistic(const PutMetricAlarmRequest *request, GError **error)
{
    return !(request->statistic && request->extended) ||
           fault_set(error, FAULT_INVALID_PARAMETER_COMBINATION,
                     "Statistic and ExtendedStatistic cannot be specified together");
}

bool cloudwatch_put_metric_alarm(Call *call, const PutMetricAlarmRequest *request,
                                 NoAlarmReply *reply, GError **error)
{
    AlarmSpec spec = {
        .name = request->name,
        .description = request->description,
        .actions_enabled = request->actions_enabled,
        .ok_actions = request->ok_actions,
        .alarm_actions = request->alarm_actions,
        .insufficient_actions = request->insufficient_actions,
        .space = request->space,
        .metric_name = request->metric_name,
        .unit = request->unit,
        .statistic = request->statistic ? request->statistic : request->extended,
        .period = request->period == ABSENT ? 0 : request->period,
        .evaluation_periods = request->evaluation_periods,
        .datapoints_to_alarm = request->datapoints == ABSENT ? 0 : request->datapoints,
        .threshold = request->threshold,
        .comparison = request->comparison,
        .missing_data = request->missing,
        .low_samples = request->low_samples,
    };
    pairs_of_items(call->context.arena, &request->tags, &spec.tags);
    return check_statistic(request, error) &&
           dimensions_of_items(call->context.arena, &request->dimensions, &spec.dimensions,
                               error) &&
           queries_of_items(call, &request->metrics, &spec.metrics, error) &&
           alarm_put_spec(&call->context, &spec, NULL, error);
}

/* ---- showing ---- */

static MetricAlarmItem *alarm_item(Call *call, const Alarm *alarm)
{
    Arena *arena = call->context.arena;
    MetricAlarmItem *item = shape_new(arena, MetricAlarmItem_shape());
    bool extended = alarm->statistic && metric_statistic_is_extended(alarm->statistic);
    List dimensions = {0}, queries = {0};
    item->name = alarm->name;
    item->arn = alarm->arn;
    item->description = alarm->description;
    item->configured = alarm->configured;
    item->actions_enabled = alarm->actions_enabled;
    text_list_read(arena, alarm->ok_actions, &item->ok_actions);
    text_list_read(arena, alarm->alarm_actions, &item->alarm_actions);
    text_list_read(arena, alarm->insufficient_actions, &item->insufficient_actions);
    item->state = alarm->state;
    item->state_reason = alarm->state_reason;
    item->state_reason_data = alarm->state_reason_data;
    item->state_updated = alarm->state_updated;
    item->metric_name = alarm->metric_name;
    item->space = alarm->namespace;
    item->statistic = extended ? NULL : alarm->statistic;
    item->extended = extended ? alarm->statistic : NULL;
    metric_dimensions_read(arena, alarm->dimensions, &dimensions);
    items_of_dimensions(arena, &dimensions, &item->dimensions);
    item->period = alarm->period ? alarm->period : ABSENT;
    item->unit = alarm->unit;
    item->evaluation_periods = alarm->evaluation_periods;
    item->datapoints = alarm->datapoints_to_alarm ? alarm->datapoints_to_alarm : ABSENT;
    item->threshold = alarm->threshold ? g_ascii_strtod(alarm->threshold, NULL) : NAN;
    item->comparison = alarm->comparison;
    item->missing = alarm->missing_data;
    item->low_samples = alarm->low_samples;
    metric_queries_read(arena, alarm->metrics, &queries);
    items_of_queries(arena, &queries, &item->metrics);
    return item;
}

/* A page of a list, with this service's fault for a token that is none. */
static bool page_of(Call *call, const char *kind, const AlarmPage *page, const List *all,
                    const char *(*key)(Arena *arena, const void *item), List *list,
                    const char **ret_token, GError **error)
{
    const Page wanted = {
        .limit = page->most == ABSENT ? PAGE_SIZE : page->most,
        .token = page->next_token,
    };
    g_autoptr(GError) failed = NULL;
    if (cloud_page_of(&call->context, kind, &wanted, all, key, list, ret_token, &failed))
        return true;
    if (fault_is(failed, FAULT_INVALID_PARAMETER_VALUE))
        return fault_set(error, FAULT_INVALID_NEXT_TOKEN, "The next token is invalid.");
    g_propagate_error(error, g_steal_pointer(&failed));
    return false;
}

static bool has_action(Arena *arena, const Alarm *alarm, const char *prefix)
{
    List arns = {0};
    text_list_read(arena, alarm->ok_actions, &arns);
    text_list_read(arena, alarm->alarm_actions, &arns);
    text_list_read(arena, alarm->insufficient_actions, &arns);
    LIST_EACH (const char *, arn, &arns) {
        if (g_str_has_prefix(arn, prefix))
            return true;
    }
    return false;
}

static bool is_wanted(Arena *arena, const DescribeAlarmsRequest *request, const Alarm *alarm)
{
    return (request->names.n == 0 || list_has(&request->names, alarm->name)) &&
           (!request->prefix || g_str_has_prefix(alarm->name, request->prefix)) &&
           (!request->state || strcmp(request->state, alarm->state) == 0) &&
           (!request->action_prefix || has_action(arena, alarm, request->action_prefix));
}

static const char *alarm_key(Arena *arena, const void *item)
{
    return ((const Alarm *)item)->name;
}

bool cloudwatch_describe_alarms(Call *call, const DescribeAlarmsRequest *request,
                                DescribeAlarmsReply *reply, GError **error)
{
    Arena *arena = call->context.arena;
    List all = {0}, wanted = {0}, page = {0};
    if (request->names.n > 0 && request->prefix)
        return fault_set(error, FAULT_INVALID_PARAMETER_COMBINATION,
                         "AlarmNames and AlarmNamePrefix cannot be specified together");
    if (!alarms_of_account(&call->context, &all, error))
        return false;
    bool metric = request->types.n == 0 || list_has(&request->types, "MetricAlarm");
    LIST_EACH (const Alarm *, alarm, &all) {
        if (metric && is_wanted(arena, request, alarm))
            list_add(&wanted, arena, alarm);
    }
    if (!page_of(call, "alarms", &request->page, &wanted, alarm_key, &page, &reply->next_token,
                 error))
        return false;
    LIST_EACH (const Alarm *, alarm, &page)
        list_add(&reply->metric_alarms, arena, alarm_item(call, alarm));
    return true;
}

bool cloudwatch_describe_alarms_for_metric(Call *call,
                                           const DescribeAlarmsForMetricRequest *request,
                                           DescribeAlarmsForMetricReply *reply, GError **error)
{
    Arena *arena = call->context.arena;
    List all = {0}, dimensions = {0};
    if (!dimensions_of_items(arena, &request->dimensions, &dimensions, error) ||
        !alarms_of_metric(&call->context, request->space, request->metric_name, &all, error))
        return false;
    const char *text = metric_dimensions_text(arena, &dimensions);
    const char *statistic = request->statistic ? request->statistic : request->extended;
    LIST_EACH (const Alarm *, alarm, &all) {
        if (strcmp(alarm->dimensions, text) == 0 &&
            (!statistic || strcmp(statistic, alarm->statistic) == 0) &&
            (request->period == ABSENT || request->period == alarm->period) &&
            (!request->unit || g_strcmp0(request->unit, alarm->unit) == 0))
            list_add(&reply->metric_alarms, arena, alarm_item(call, alarm));
    }
    return true;
}

static const char *history_key(Arena *arena, const void *item)
{
    return ((const AlarmHistory *)item)->id;
}

static void reverse(List *list)
{
    for (size_t i = 0; i < list->n / 2; i++) {
        void *item = list->items[i];
        list->items[i] = list->items[list->n - 1 - i];
        list->items[list->n - 1 - i] = item;
    }
}

bool cloudwatch_describe_alarm_history(Call *call, const DescribeAlarmHistoryRequest *request,
                                       DescribeAlarmHistoryReply *reply, GError **error)
{
    List all = {0}, page = {0};
    const AlarmHistorySearch search = {
        .alarm_name = request->name,
        .kind = request->kind,
        .start = request->start,
        .end = request->end,
    };
    if (request->start && request->end && request->start > request->end)
        return fault_set(error, FAULT_VALIDATION_ERROR, "StartDate must be before EndDate");
    if (!alarm_history_find(&call->context, &search, &all, error))
        return false;
    if (!request->scan_by || strcmp(request->scan_by, "TimestampDescending") == 0)
        reverse(&all);
    if (request->types.n > 0 && !list_has(&request->types, "MetricAlarm"))
        all.n = 0;
    if (!page_of(call, "alarm history", &request->page, &all, history_key, &page,
                 &reply->next_token, error))
        return false;
    LIST_EACH (const AlarmHistory *, one, &page) {
        AlarmHistoryItem *item = shape_new(call->context.arena, AlarmHistoryItem_shape());
        item->name = one->alarm_name;
        item->type = "MetricAlarm";
        item->timestamp = one->time;
        item->kind = one->kind;
        item->summary = one->summary;
        item->data = one->data;
        list_add(&reply->items, call->context.arena, item);
    }
    return true;
}

/* ---- changing ---- */

bool cloudwatch_delete_alarms(Call *call, const AlarmNamesRequest *request, NoAlarmReply *reply,
                              GError **error)
{
    return alarms_delete(&call->context, &request->names, error);
}

bool cloudwatch_enable_alarm_actions(Call *call, const AlarmNamesRequest *request,
                                     NoAlarmReply *reply, GError **error)
{
    return alarms_set_actions_enabled(&call->context, &request->names, true, error);
}

bool cloudwatch_disable_alarm_actions(Call *call, const AlarmNamesRequest *request,
                                      NoAlarmReply *reply, GError **error)
{
    return alarms_set_actions_enabled(&call->context, &request->names, false, error);
}

bool cloudwatch_set_alarm_state(Call *call, const SetAlarmStateRequest *request,
                                NoAlarmReply *reply, GError **error)
{
    return alarm_set_state(&call->context, request->name, request->state, request->reason,
                           request->data, error);
}

/* ---- tags ---- */

bool cloudwatch_tag_resource(Call *call, const TagAlarmRequest *request, EmptyResultReply *reply,
                             GError **error)
{
    List pairs = {0};
    pairs_of_items(call->context.arena, &request->tags, &pairs);
    return alarm_tags_put(&call->context, request->arn, &pairs, error);
}

bool cloudwatch_untag_resource(Call *call, const UntagAlarmRequest *request,
                               EmptyResultReply *reply, GError **error)
{
    return alarm_tags_delete(&call->context, request->arn, &request->keys, error);
}

bool cloudwatch_list_tags_for_resource(Call *call, const ListTagsForResourceRequest *request,
                                       ListTagsForResourceReply *reply, GError **error)
{
    List pairs = {0};
    if (!alarm_tags_list(&call->context, request->arn, &pairs, error))
        return false;
    LIST_EACH (const TagPair *, pair, &pairs) {
        AlarmTagItem *item = shape_new(call->context.arena, AlarmTagItem_shape());
        item->key = pair->key;
        item->value = pair->value;
        list_add(&reply->tags, call->context.arena, item);
    }
    return true;
}
