/* Triggers of the API of 2009-05-15: a group grows or shrinks when every data point of a metric has
 * been beyond a threshold for a while.
 *
 * Invariant: one is judged by finished periods alone, and does nothing while a change is under way
 * or a cooldown goes on. */
#include "cloud/scaling_parts.h"

#include "base/fault.h"
#include "cloud/fast_clock.h"
#include "cloud/launch_configurations.h"
#include "cloud/metrics.h"
#include "cloud/scaling_decide.h"
#include <math.h>
#include <string.h>

#define MINUTE (60 * CLOCK_SECOND)
#define BREACH_MOST 86400 /* seconds */
/* The last samples of a minute come a moment after it. */
#define SAMPLES_COME_AFTER CLOCK_SECOND

static const char *number_text(Arena *arena, double number)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];
    g_ascii_formatd(text, sizeof(text), "%.15g", number);
    return arena_printf(arena, "%s%s", text, strpbrk(text, ".en") ? "" : ".0");
}

static const char *join_dimensions(Arena *arena, const List *dimensions)
{
    List lines = {0};
    LIST_EACH (const MetricDimension *, dimension, dimensions)
        list_add(&lines, arena, arena_printf(arena, "%s\t%s", dimension->name, dimension->value));
    return lines_join(arena, &lines);
}

static bool check_trigger(const ScalingTriggerSpec *spec, GError **error)
{
    static const char *const measures[] = {
        "CPUUtilization", "NetworkIn",     "NetworkOut",     "DiskReadOps",
        "DiskWriteOps",   "DiskReadBytes", "DiskWriteBytes", NULL};
    const char *space = spec->space ? spec->space : "AWS/EC2";
    int64_t unused;
    bool percent;
    if (!scaling_check_name("triggerName", spec->name, error))
        return false;
    if (strcmp(space, "AWS/EC2") == 0 && !g_strv_contains(measures, spec->measure))
        return fault_set(error, FAULT_VALIDATION_ERROR, "Invalid measure name: %.100s",
                         spec->measure);
    if (spec->period <= 0 || spec->period % 60 != 0)
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "The period must be a multiple of 60 seconds");
    if (spec->breach < spec->period || spec->breach % 60 != 0 || spec->breach > BREACH_MOST)
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "The breach duration must be a multiple of 60 seconds, at least the "
                         "period and at most a day");
    if (spec->lower > spec->upper)
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "The lower threshold must not be above the upper threshold");
    LIST_EACH (const MetricDimension *, dimension, &spec->dimensions)
        if (strpbrk(dimension->name, "\t\n") || strpbrk(dimension->value, "\t\n"))
            return fault_set(error, FAULT_VALIDATION_ERROR, "Invalid dimension: %.100s",
                             dimension->name);
    return (increment_parse(spec->lower_increment, &unused, &percent) &&
            increment_parse(spec->upper_increment, &unused, &percent)) ||
           fault_set(error, FAULT_VALIDATION_ERROR,
                     "A scale increment must be a number, or a number and %%");
}

static bool find_trigger(Context *context, Txn *txn, const char *group_name,
                         ScalingGroup **ret_group, ScalingTrigger **ret_trigger, GError **error)
{
    void *found;
    if (!scaling_group_find_one(context, txn, group_name, ret_group, error) ||
        !record_query_one(txn, context->arena, QUERY_SCALING_TRIGGER, &found, error,
                          context->caller.account_id, group_name))
        return false;
    *ret_trigger = found;
    return true;
}

bool scaling_trigger_put_spec(Context *context, const ScalingTriggerSpec *spec, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    ScalingGroup *group;
    ScalingTrigger *known;
    if (!check_trigger(spec, error) || !txn_begin(cloud_store(context->cloud), &txn, error) ||
        !find_trigger(context, txn, spec->group, &group, &known, error))
        return false;
    if (known && strcmp(known->name, spec->name) != 0)
        return fault_set(error, FAULT_ALREADY_EXISTS,
                         "AutoScalingGroup %s already has the trigger %s; a group can have one",
                         group->name, known->name);
    const ScalingTrigger trigger = {
        .account_id = group->account_id,
        .group_name = group->name,
        .name = spec->name,
        .measure = spec->measure,
        .statistic = spec->statistic,
        .dimensions = join_dimensions(context->arena, &spec->dimensions),
        .space = spec->space ? spec->space : "AWS/EC2",
        .period = spec->period,
        .lower = number_text(context->arena, spec->lower),
        .upper = number_text(context->arena, spec->upper),
        .lower_increment = spec->lower_increment,
        .upper_increment = spec->upper_increment,
        .breach = spec->breach,
        .unit = spec->unit,
        .custom_unit = spec->custom_unit,
        .status = known ? known->status : trigger_status_names[TRIGGER_NO_DATA],
        .created = known ? known->created : cloud_now(context->cloud),
    };
    if (!scaling_trigger_put(txn, &trigger, error) || !txn_commit(&txn, error))
        return false;
    scaling_wake(context->cloud, group->account_id, group->name);
    return true;
}

bool scaling_trigger_remove(Context *context, const char *group_name, const char *name,
                            GError **error)
{
    g_autoptr(Txn) txn = NULL;
    ScalingGroup *group;
    ScalingTrigger *trigger;
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !find_trigger(context, txn, group_name, &group, &trigger, error))
        return false;
    if (!trigger || strcmp(trigger->name, name) != 0)
        return fault_set(error, FAULT_VALIDATION_ERROR, "Trigger name not found - %.255s", name);
    return record_change(txn, CHANGE_DELETE_SCALING_TRIGGER, NULL, error, group->account_id,
                         group->name) &&
           txn_commit(&txn, error);
}

bool scaling_trigger_find(Context *context, const char *group_name, ScalingTrigger **ret_trigger,
                          GError **error)
{
    g_autoptr(Txn) txn = NULL;
    ScalingGroup *group;
    return txn_begin_read(cloud_store(context->cloud), &txn, error) &&
           find_trigger(context, txn, group_name, &group, ret_trigger, error) &&
           txn_commit(&txn, error);
}

/* ---- carrying out ---- */

List scaling_dimensions(Arena *arena, const char *text)
{
    List lines = lines_split(arena, text), dimensions = {0};
    LIST_EACH (const char *, line, &lines) {
        const char *tab = strchr(line, '\t');
        if (!tab)
            continue;
        MetricDimension *dimension = arena_new_struct(arena, MetricDimension);
        dimension->name = arena_strndup(arena, line, (size_t)(tab - line));
        dimension->value = tab + 1;
        list_add(&dimensions, arena, dimension);
    }
    return dimensions;
}

/* Some clients say Namespace=AWS and Service=EC2 as dimensions; those name no metric's. */
static List metric_dimensions(Context *context, const ScalingTrigger *trigger)
{
    List said = scaling_dimensions(context->arena, trigger->dimensions), dimensions = {0};
    LIST_EACH (MetricDimension *, dimension, &said)
        if (strcmp(dimension->name, "Namespace") != 0 && strcmp(dimension->name, "Service") != 0)
            list_add(&dimensions, context->arena, dimension);
    if (dimensions.n == 0) {
        MetricDimension *group = arena_new_struct(context->arena, MetricDimension);
        *group = (MetricDimension){"AutoScalingGroupName", trigger->group_name};
        list_add(&dimensions, context->arena, group);
    }
    return dimensions;
}

static bool judge(Context *context, const ScalingTrigger *trigger, int64_t end,
                  TriggerStatus *ret_status, GError **error)
{
    const MetricKey key = {
        .account_id = trigger->account_id,
        .space = trigger->space,
        .name = trigger->measure,
        .dimensions = metric_dimensions(context, trigger),
        .unit = trigger->unit && strcmp(trigger->unit, "None") != 0 ? trigger->unit : NULL,
    };
    const MetricRange range = {
        .start = end - trigger->breach * CLOCK_SECOND,
        .end = end,
        .period = trigger->period,
    };
    List points = {0};
    if (!metrics_read(cloud_metrics(context->cloud), context->arena, &key, &range, &points, error))
        return false;
    double *values = arena_alloc(context->arena, (points.n + 1) * sizeof(double));
    size_t n = 0;
    LIST_EACH (const MetricPoint *, point, &points) {
        double value = metric_point_value(point, trigger->statistic);
        if (!isnan(value))
            values[n++] = value;
    }
    *ret_status =
        trigger_judge(values, n, (size_t)(trigger->breach / trigger->period),
                      g_ascii_strtod(trigger->lower, NULL), g_ascii_strtod(trigger->upper, NULL));
    return true;
}

/* "trigger t breached high threshold value for CPUUtilization, 10.0, adjusting" */
static void adjust(Context *context, ScalingGroup *group, const ScalingTrigger *trigger, bool high)
{
    int64_t amount;
    bool percent;
    if (!increment_parse(high ? trigger->upper_increment : trigger->lower_increment, &amount,
                         &percent))
        return;
    int64_t desired = capacity_adjust(group->desired, percent ? ADJUST_BY_PERCENT : ADJUST_BY,
                                      amount, 0, (CapacityRange){group->min_size, group->max_size});
    if (desired == group->desired)
        return;
    group->cooldown_for = MAX(group->cooldown, 1);
    scaling_adjust_desired(context, group, desired,
                           arena_printf(context->arena,
                                        "trigger %s breached %s threshold value for %s, %s,",
                                        trigger->name, high ? "high" : "low", trigger->measure,
                                        high ? trigger->upper : trigger->lower));
}

bool scaling_trigger_run(Context *context, const char *group_name, int64_t *ret_next,
                         GError **error)
{
    g_autoptr(Txn) txn = NULL;
    ScalingGroup *group;
    ScalingTrigger *trigger;
    TriggerStatus status;
    int64_t now = fast_now(context->cloud);
    *ret_next = 0;
    if (!scaling_trigger_find(context, group_name, &trigger, error))
        return false;
    if (!trigger)
        return true;
    int64_t seen = now - SAMPLES_COME_AFTER, end = seen - seen % MINUTE;
    *ret_next = end + MINUTE + SAMPLES_COME_AFTER;
    end -= end % (trigger->period * CLOCK_SECOND);
    if (!judge(context, trigger, end, &status, error))
        return false;
    bool changed = strcmp(trigger->status, trigger_status_names[status]) != 0;
    bool breaches = status == TRIGGER_HIGH || status == TRIGGER_LOW;
    if (!changed && !breaches)
        return true;
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !find_trigger(context, txn, group_name, &group, &trigger, error))
        return false;
    if (!trigger)
        return true;
    int64_t before = group->desired;
    bool may = now >= group->cooldown_until && group->cooldown_for == 0 && !group->deleting &&
               !scaling_is_suspended(context->arena, group, "AlarmNotification");
    if (breaches && may)
        adjust(context, group, trigger, status == TRIGGER_HIGH);
    if (group->desired == before && !changed)
        return true;
    if (!record_change(txn, CHANGE_SET_SCALING_TRIGGER_STATUS, NULL, error,
                       trigger_status_names[status], group->account_id, group->name) ||
        !scaling_group_put(txn, group, error) || !txn_commit(&txn, error))
        return false;
    if (group->desired != before)
        scaling_wake(context->cloud, group->account_id, group->name);
    return true;
}
