/* Scheduled actions: sizes that a group gets at a time, once or again and again.
 *
 * Invariant: `next` says when one is due; it is written with what the action does, so that an
 * action is carried out once, late if there was no daemon when it was due. Calendars are those of
 * clients: cloud/fast_clock.h. */
#include "cloud/scaling_parts.h"

#include "base/fault.h"
#include "base/id.h"
#include "cloud/fast_clock.h"
#include "cloud/scaling_cron.h"
#include <inttypes.h>
#include <string.h>

static int64_t client_now(Cloud *cloud)
{
    return fast_to_client(cloud, fast_now(cloud));
}

int64_t scaling_schedule_time(Context *context, const ScalingSchedule *schedule)
{
    return schedule->next ? fast_to_client(context->cloud, schedule->next) : 0;
}

/* When it is due after that (a client's time), as a client says it; 0: never. */
static int64_t due_after(const ScalingSchedule *schedule, int64_t after)
{
    int64_t next = schedule->start;
    if (schedule->recurrence)
        next = cron_next(schedule->recurrence, schedule->time_zone,
                         MAX(after, schedule->start - CLOCK_SECOND));
    else if (next <= after)
        next = 0;
    return schedule->until && next > schedule->until ? 0 : next;
}

static void set_next(Cloud *cloud, ScalingSchedule *schedule, int64_t after)
{
    int64_t next = due_after(schedule, after);
    schedule->next = next ? fast_from_client(cloud, next) : 0;
}

static bool check_schedule(Context *context, const ScalingScheduleSpec *spec, GError **error)
{
    int64_t now = client_now(context->cloud);
    if (!scaling_check_name("scheduledActionName", spec->name, error))
        return false;
    if (spec->min_size == NOT_SAID && spec->max_size == NOT_SAID && spec->desired == NOT_SAID)
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "At least one of MinSize, MaxSize and DesiredCapacity must be specified");
    if (!spec->start && !spec->recurrence)
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "Either a start time or a recurrence must be specified");
    if (spec->recurrence && !cron_is_valid(spec->recurrence))
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "Given recurrence string: %.200s is not valid", spec->recurrence);
    if (!cron_time_zone_is_known(spec->time_zone))
        return fault_set(error, FAULT_VALIDATION_ERROR, "Given time zone: %.100s is not valid",
                         spec->time_zone);
    if (spec->start && spec->start < now - 60 * CLOCK_SECOND)
        return fault_set(error, FAULT_VALIDATION_ERROR, "Given start time is in the past");
    if (spec->end && spec->end <= MAX(spec->start, now))
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "Given end time is in the past, or before the start time");
    return spec->min_size == NOT_SAID || spec->max_size == NOT_SAID ||
           spec->min_size <= spec->max_size ||
           fault_set(error, FAULT_VALIDATION_ERROR,
                     "Max bound, %" PRId64 ", must be greater than or equal to min bound, %" PRId64,
                     spec->max_size, spec->min_size);
}

static bool find_schedule(Txn *txn, Context *context, const ScalingGroup *group, const char *name,
                          ScalingSchedule **ret_schedule, GError **error)
{
    void *found;
    if (!record_query_one(txn, context->arena, QUERY_SCALING_SCHEDULE, &found, error,
                          group->account_id, group->name, name))
        return false;
    *ret_schedule = found;
    return true;
}

bool scaling_schedule_put_spec(Context *context, const ScalingScheduleSpec *spec, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    ScalingGroup *group;
    ScalingSchedule *known;
    List all = {0};
    if (!check_schedule(context, spec, error) ||
        !txn_begin(cloud_store(context->cloud), &txn, error) ||
        !scaling_group_find_one(context, txn, spec->group, &group, error) ||
        !find_schedule(txn, context, group, spec->name, &known, error) ||
        !record_query(txn, context->arena, QUERY_SCALING_SCHEDULES_OF_GROUP, &all, error,
                      group->account_id, group->name))
        return false;
    if (!known && all.n >= SCALING_SCHEDULES_PER_GROUP)
        return fault_set(error, FAULT_QUOTA_EXCEEDED, "A group may have up to %d scheduled actions",
                         SCALING_SCHEDULES_PER_GROUP);
    int64_t now = client_now(context->cloud);
    ScalingSchedule schedule = {
        .account_id = group->account_id,
        .group_name = group->name,
        .name = spec->name,
        .id = known ? known->id : id_new_uuid(context->arena),
        .start = spec->start,
        .until = spec->end,
        .recurrence = spec->recurrence,
        .time_zone = spec->time_zone,
        .min_size = spec->min_size,
        .max_size = spec->max_size,
        .desired = spec->desired,
    };
    set_next(context->cloud, &schedule, MIN(now, spec->start ? spec->start - 1 : now));
    if (!scaling_schedule_put(txn, &schedule, error) || !txn_commit(&txn, error))
        return false;
    scaling_wake(context->cloud, group->account_id, group->name);
    return true;
}

bool scaling_schedule_remove(Context *context, const char *group_name, const char *name,
                             GError **error)
{
    g_autoptr(Txn) txn = NULL;
    ScalingGroup *group;
    int64_t removed;
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !scaling_group_find_one(context, txn, group_name, &group, error) ||
        !record_change(txn, CHANGE_DELETE_SCALING_SCHEDULE, &removed, error, group->account_id,
                       group->name, name))
        return false;
    return removed == 0 ? fault_set(error, FAULT_VALIDATION_ERROR,
                                    "Scheduled action name not found: %.255s", name)
                        : txn_commit(&txn, error);
}

bool scaling_schedules_find(Context *context, const char *group_name, const List *names,
                            int64_t from, int64_t to, List *list, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    ScalingGroup *group;
    List all = {0};
    const char *account = context->caller.account_id;
    if (!txn_begin_read(cloud_store(context->cloud), &txn, error) ||
        (group_name && !scaling_group_find_one(context, txn, group_name, &group, error)))
        return false;
    bool ok = group_name ? record_query(txn, context->arena, QUERY_SCALING_SCHEDULES_OF_GROUP, &all,
                                        error, account, group_name)
                         : record_query(txn, context->arena, QUERY_SCALING_SCHEDULES_OF_ACCOUNT,
                                        &all, error, account);
    if (!ok || !txn_commit(&txn, error))
        return false;
    LIST_EACH (const ScalingSchedule *, schedule, &all) {
        int64_t due = scaling_schedule_time(context, schedule);
        if ((names->n == 0 || list_has(names, schedule->name)) && (!from || due >= from) &&
            (!to || due <= to))
            list_add(list, context->arena, schedule);
    }
    return true;
}

/* ---- carrying out ---- */

static void apply(Context *context, ScalingGroup *group, const ScalingSchedule *schedule)
{
    int64_t min = schedule->min_size == NOT_SAID ? group->min_size : schedule->min_size;
    int64_t max = schedule->max_size == NOT_SAID ? group->max_size : schedule->max_size;
    if (min > max && schedule->min_size == NOT_SAID)
        min = max;
    else if (min > max)
        max = min;
    int64_t desired =
        CLAMP(schedule->desired == NOT_SAID ? group->desired : schedule->desired, min, max);
    group->min_size = min;
    group->max_size = max;
    scaling_change_desired(
        context, group, desired,
        arena_printf(context->arena,
                     "a scheduled action update of AutoScalingGroup constraints to min: %" PRId64
                     ", max: %" PRId64 ", desired: %" PRId64,
                     min, max, desired));
}

bool scaling_schedules_run(Context *context, Txn *txn, ScalingGroup *group, int64_t *ret_next,
                           bool *ret_changed, GError **error)
{
    List all = {0};
    int64_t now = fast_now(context->cloud), next = 0;
    bool changed = false;
    if (!record_query(txn, context->arena, QUERY_SCALING_SCHEDULES_OF_GROUP, &all, error,
                      group->account_id, group->name))
        return false;
    bool suspended = scaling_is_suspended(context->arena, group, "ScheduledActions");
    LIST_EACH (ScalingSchedule *, schedule, &all) {
        if (schedule->next != 0 && schedule->next <= now) {
            if (!suspended)
                apply(context, group, schedule);
            changed = true;
            set_next(
                context->cloud, schedule,
                MAX(client_now(context->cloud), fast_to_client(context->cloud, schedule->next)));
            if (schedule->next ? !scaling_schedule_put(txn, schedule, error)
                               : !record_change(txn, CHANGE_DELETE_SCALING_SCHEDULE, NULL, error,
                                                group->account_id, group->name, schedule->name))
                return false;
        }
        if (schedule->next != 0 && (next == 0 || schedule->next < next))
            next = schedule->next;
    }
    *ret_next = next;
    *ret_changed = changed;
    return true;
}
