/* Changes of state, and what they set off.
 *
 * Invariant: the state is in the store before an action runs; an action that is cut off by a crash
 * is not run again, since nobody knows how far it came. */
#include "base/fault.h"
#include "base/id.h"
#include "cloud/alarm_parts.h"
#include "cloud/catalog.h"
#include "cloud/fast_clock.h"
#include "cloud/instances.h"
#include "cloud/metric_queries.h"
#include "cloud/site.h"
#include <jansson.h>

static const struct {
    const char *name, *old_name;
} ec2_actions[] = {
    {"stop", "AWS_EC2.InstanceId.Stop/1.0"},
    {"terminate", "AWS_EC2.InstanceId.Terminate/1.0"},
    {"reboot", "AWS_EC2.InstanceId.Reboot/1.0"},
    {"recover", "AWS_EC2.InstanceId.Recover/1.0"},
};

const char *alarm_ec2_action(const char *arn)
{
    const char *last = strrchr(arn, ':');
    for (size_t i = 0; last && i < G_N_ELEMENTS(ec2_actions); i++) {
        if (g_str_has_prefix(arn, "arn:aws:automate:") &&
            strcmp(last + 1, ec2_actions[i].name) == 0)
            return ec2_actions[i].name;
        if (g_str_has_prefix(arn, "arn:aws:swf:") && g_str_has_suffix(arn, ec2_actions[i].old_name))
            return ec2_actions[i].name;
    }
    return NULL;
}

bool alarm_is_policy(const char *arn)
{
    return g_str_has_prefix(arn, "arn:aws:autoscaling:") && strstr(arn, ":scalingPolicy:");
}

void alarms_set_policy_handler(Cloud *cloud, AlarmPolicyFn fn, void *data)
{
    AlarmHandler *handler = g_new(AlarmHandler, 1);
    *handler = (AlarmHandler){fn, data};
    g_free(cloud->alarm_handler);
    cloud->alarm_handler = handler;
}

/* ---- running an action ---- */

static const char *instance_of(Arena *arena, const Alarm *alarm)
{
    List dimensions = {0};
    metric_dimensions_read(arena, alarm->dimensions, &dimensions);
    LIST_EACH (const MetricDimension *, dimension, &dimensions) {
        if (strcmp(dimension->name, "InstanceId") == 0)
            return dimension->value;
    }
    return NULL;
}

static bool run_ec2(Cloud *cloud, Arena *arena, const Alarm *alarm, const char *action,
                    GError **error)
{
    const char *id = instance_of(arena, alarm);
    if (!id)
        return fault_set(error, FAULT_VALIDATION_ERROR, "the alarm names no instance");
    Context context = {
        .cloud = cloud,
        .arena = arena,
        .caller = {.account_id = alarm->account_id,
                   .arn = arena_printf(arena, "arn:aws:iam::%s:root", alarm->account_id),
                   .user_id = alarm->account_id},
        .region = HOME_REGION,
        .request_id = id_new_uuid(arena),
    };
    List ids = {0}, changes = {0};
    list_add(&ids, arena, id);
    if (strcmp(action, "stop") == 0)
        return instances_stop(&context, &ids, false, &changes, error);
    if (strcmp(action, "terminate") == 0)
        return instances_terminate(&context, &ids, &changes, error);
    /* There is no other host to recover it on. */
    return instances_reboot(&context, &ids, error);
}

typedef struct Run {
    Cloud *cloud;
    Arena *arena;
    const Alarm *alarm;
    const char *state;
    const AlarmCause *cause;
    bool changed;
} Run;

static bool run_policy(const Run *run, const char *arn, const char **ret_text, GError **error)
{
    const AlarmHandler *handler = run->cloud->alarm_handler;
    const AlarmEvent event = {
        .alarm = run->alarm,
        .policy_arn = arn,
        .state = run->state,
        .changed = run->changed,
        .threshold = run->alarm->threshold ? g_ascii_strtod(run->alarm->threshold, NULL) : 0,
        .value = run->cause->value,
        .now = fast_now(run->cloud),
        .datapoint_time = run->cause->datapoint_time,
    };
    return handler ? handler->fn(handler->data, run->arena, &event, ret_text, error)
                   : trouble_set(error, "no scaling policies here");
}

static void note_action(const Run *run, const char *arn, bool ok, const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Txn) txn = NULL;
    const char *summary = arena_printf(run->arena, "%s action %s",
                                       ok ? "Successfully executed" : "Failed to execute", arn);
    json_t *json = json_pack("{s:s, s:s, s:s, s:b, s:s?}", "actionState",
                             ok ? "Succeeded" : "Failed", "stateUpdateValue", run->state,
                             "notificationResource", arn, "published", ok, "message", text);
    char *data = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    if (!txn_begin(cloud_store(run->cloud), &txn, &error) ||
        !alarm_note(run->cloud, txn, run->arena, run->alarm, "Action", summary, data, &error) ||
        !txn_commit(&txn, &error))
        g_warning("history of alarm %s: %s", run->alarm->name, error->message);
    free(data);
}

static void run_action(const Run *run, const char *arn)
{
    g_autoptr(GError) error = NULL;
    const char *text = NULL, *ec2 = alarm_ec2_action(arn);
    bool ok;
    if (ec2) {
        ok = run_ec2(run->cloud, run->arena, run->alarm, ec2, &error);
    } else if (alarm_is_policy(arn)) {
        ok = run_policy(run, arn, &text, &error);
        /* What is told again and again would fill the history with nothing. */
        if (!run->changed && ok && !text)
            return;
    } else {
        ok = false;
        text = "Recorded only: nothing here delivers to this kind of resource";
    }
    note_action(run, arn, ok, error ? error->message : text);
}

static void run_actions(const Run *run)
{
    const Alarm *alarm = run->alarm;
    const char *text = strcmp(run->state, "ALARM") == 0 ? alarm->alarm_actions
                       : strcmp(run->state, "OK") == 0  ? alarm->ok_actions
                                                        : alarm->insufficient_actions;
    List arns = {0};
    if (!alarm->actions_enabled)
        return;
    text_list_read(run->arena, text, &arns);
    LIST_EACH (const char *, arn, &arns) {
        if (run->changed || alarm_is_policy(arn))
            run_action(run, arn);
    }
}

void alarm_repeat_actions(Cloud *cloud, Arena *arena, const Alarm *alarm, const AlarmCause *cause)
{
    const Run run = {cloud, arena, alarm, alarm->state, cause, false};
    run_actions(&run);
}

/* ---- changing ---- */

static json_t *state_json(const char *state, const char *reason, const char *reason_data)
{
    json_t *data = reason_data && *reason_data ? json_loads(reason_data, 0, NULL) : NULL;
    return json_pack("{s:s, s:s, s:o*}", "stateValue", state, "stateReason", reason ? reason : "",
                     "stateReasonData", data);
}

static bool note_change(Cloud *cloud, Txn *txn, Arena *arena, const Alarm *before, const Alarm *now,
                        GError **error)
{
    const char *summary =
        arena_printf(arena, "Alarm updated from %s to %s", before->state, now->state);
    json_t *json =
        json_pack("{s:s, s:o, s:o}", "version", "1.0", "oldState",
                  state_json(before->state, before->state_reason, before->state_reason_data),
                  "newState", state_json(now->state, now->state_reason, now->state_reason_data));
    char *data = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    bool ok = alarm_note(cloud, txn, arena, now, "StateUpdate", summary, data, error);
    free(data);
    return ok;
}

bool alarm_change_state(Cloud *cloud, Arena *arena, const Alarm *alarm, const char *state,
                        const char *reason, const char *reason_data, const AlarmCause *cause,
                        GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Alarm *now;
    if (!txn_begin(cloud_store(cloud), &txn, error) ||
        !alarm_get(txn, arena, alarm->arn, &now, error))
        return false;
    if (!now || now->configured != alarm->configured || strcmp(now->state, alarm->state) != 0)
        return true; /* looked at again soon, as it is now */
    const Alarm before = *now;
    bool changed = strcmp(before.state, state) != 0;
    now->state = state;
    now->state_reason = reason;
    now->state_reason_data = reason_data;
    now->state_updated = cloud_now(cloud);
    if (changed)
        now->state_changed = now->state_updated;
    if (!alarm_put(txn, now, error) ||
        (changed && !note_change(cloud, txn, arena, &before, now, error)) ||
        !txn_commit(&txn, error))
        return false;
    const Run run = {cloud, arena, now, state, cause, changed};
    if (changed)
        run_actions(&run);
    return true;
}
