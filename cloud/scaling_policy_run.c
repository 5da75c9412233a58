/* Scaling policies: what alarms and users set off.
 *
 * Invariant: what a policy does is worked out by cloud/scaling_decide.h from the group as the
 * transaction sees it. */
#include "cloud/scaling_parts.h"

#include "base/fault.h"
#include "cloud/alarms.h"
#include "cloud/fast_clock.h"
#include "cloud/scaling_decide.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

/* What a policy is carried out with. */
typedef struct Deed {
    Context *context;
    Txn *txn;
    ScalingGroup *group;
    const ScalingPolicy *policy;
    const char *why;
    double value, threshold; /* NAN: not said */
    bool grow;               /* target tracking: which alarm it was */
} Deed;

/* Members that warm up, those on their way included; *ret_serving: those that serve already. */
static bool count_warming(const Deed *deed, int64_t *ret_warming, int64_t *ret_serving,
                          GError **error)
{
    List members = {0};
    const ScalingGroup *group = deed->group;
    int64_t seconds = deed->policy->warmup != NOT_SAID ? deed->policy->warmup
                      : group->warmup != NOT_SAID      ? group->warmup
                                                       : group->cooldown;
    int64_t now = fast_now(deed->context->cloud), warming = 0, serving = 0;
    if (!scaling_members(deed->txn, deed->context->arena, group, &members, error))
        return false;
    LIST_EACH (const ScalingInstance *, member, &members) {
        bool warm = member->state == LIFECYCLE_IN_SERVICE &&
                    member->in_service + seconds * CLOCK_SECOND <= now;
        serving += warm;
        warming += !warm && scaling_counts(member);
    }
    warming += MAX(group->desired - scaling_size(&members), 0); /* to be launched yet */
    *ret_warming = warming;
    *ret_serving = serving;
    return true;
}

static bool step(const Deed *deed, int64_t *ret_desired, GError **error)
{
    List steps = scaling_steps(deed->context->arena, deed->policy);
    AdjustmentType type;
    int64_t warming, serving;
    const ScalingStep *chosen = step_choose(scaling_steps_array(deed->context->arena, &steps),
                                            steps.n, deed->value - deed->threshold);
    if (!chosen || !adjustment_parse(deed->policy->adjustment_type, &type))
        return true;
    if (!count_warming(deed, &warming, &serving, error))
        return false;
    *ret_desired = capacity_step(deed->group->desired, warming, type, chosen->amount,
                                 MAX(deed->policy->min_magnitude, deed->policy->min_step),
                                 (CapacityRange){deed->group->min_size, deed->group->max_size});
    return true;
}

static bool track(const Deed *deed, int64_t *ret_desired, GError **error)
{
    int64_t warming, serving;
    if (!count_warming(deed, &warming, &serving, error))
        return false;
    if (deed->grow || warming == 0)
        *ret_desired = capacity_track(
            deed->group->desired, serving, g_ascii_strtod(deed->policy->target, NULL), deed->value,
            deed->grow, (CapacityRange){deed->group->min_size, deed->group->max_size});
    return true;
}

static void adjust(const Deed *deed, int64_t *ret_desired)
{
    const ScalingPolicy *policy = deed->policy;
    ScalingGroup *group = deed->group;
    AdjustmentType type;
    if (!adjustment_parse(policy->adjustment_type, &type))
        return;
    *ret_desired = capacity_adjust(group->desired, type, policy->adjustment,
                                   MAX(policy->min_magnitude, policy->min_step),
                                   (CapacityRange){group->min_size, group->max_size});
    if (*ret_desired != group->desired)
        group->cooldown_for = policy->cooldown != NOT_SAID ? policy->cooldown : group->cooldown;
}

/* Changes the group, which is written. */
static bool carry_out(Deed *deed, GError **error)
{
    int64_t desired = deed->group->desired;
    if (strcmp(deed->policy->type, "StepScaling") == 0) {
        if (!step(deed, &desired, error))
            return false;
    } else if (deed->policy->target) {
        if (!track(deed, &desired, error))
            return false;
    } else {
        adjust(deed, &desired);
    }
    scaling_change_desired(deed->context, deed->group, desired, deed->why);
    return scaling_group_put(deed->txn, deed->group, error);
}

bool scaling_policy_execute(Context *context, const char *group_name, const char *name,
                            bool honor_cooldown, double value, double threshold, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    ScalingPolicy *policy;
    Deed deed = {.context = context, .value = value, .threshold = threshold};
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !scaling_policy_find(context, txn, group_name, name, &policy, error))
        return false;
    if (!policy)
        return scaling_no_policy(error);
    if (policy->target)
        return scaling_refuse(error, "TargetTrackingScaling policies cannot be executed");
    bool steps = strcmp(policy->type, "StepScaling") == 0;
    if (steps && (isnan(value) || isnan(threshold)))
        return scaling_refuse(error,
                              "MetricValue and BreachThreshold must be specified for StepScaling "
                              "policies");
    if (!scaling_group_find_one(context, txn, policy->group_name, &deed.group, error) ||
        (honor_cooldown && !steps && !scaling_check_cooldown(context, txn, deed.group, error)))
        return false;
    deed.txn = txn;
    deed.policy = policy;
    deed.why = arena_printf(context->arena, "a user request executed policy %s", policy->name);
    if (!carry_out(&deed, error) || !txn_commit(&txn, error))
        return false;
    scaling_wake(context->cloud, deed.group->account_id, deed.group->name);
    return true;
}

/* What keeps an alarm from setting the policy off; NULL: nothing. */
static const char *obstacle(const Deed *deed, Arena *arena, int64_t now)
{
    const ScalingGroup *group = deed->group;
    if (!deed->policy->enabled)
        return "the policy is disabled";
    if (group->deleting || scaling_is_suspended(arena, group, "AlarmNotification"))
        return "the process AlarmNotification is suspended";
    bool simple = strcmp(deed->policy->type, "SimpleScaling") == 0;
    if (simple && (now < group->cooldown_until || group->cooldown_for != 0))
        return "the group is in its cooldown period";
    if (!simple && isnan(deed->value))
        return "the alarm has no data point";
    return NULL;
}

bool scaling_policy_alarmed(void *data, Arena *arena, const AlarmEvent *event,
                            const char **ret_text, GError **error)
{
    Context context = scaling_context(data, arena, NULL);
    g_autoptr(Txn) txn = NULL;
    const char *group, *name;
    ScalingPolicy *policy;
    *ret_text = "nothing to do";
    if (strcmp(event->state, "ALARM") != 0)
        return true;
    if (!scaling_policy_parse_arn(arena, event->policy_arn, &context.caller.account_id, &group,
                                  &name))
        return fault_set(error, FAULT_VALIDATION_ERROR, "%s names no scaling policy",
                         event->policy_arn);
    if (!txn_begin(cloud_store(context.cloud), &txn, error) ||
        !scaling_policy_find(&context, txn, group, name, &policy, error))
        return false;
    if (!policy)
        return scaling_no_policy(error);
    Deed deed = {
        .context = &context,
        .txn = txn,
        .policy = policy,
        .why = arena_printf(arena, "a monitor alarm %s in state ALARM triggered policy %s",
                            event->alarm->name, name),
        .value = event->value,
        .threshold = event->threshold,
        .grow = event->alarm->comparison && g_str_has_prefix(event->alarm->comparison, "Greater"),
    };
    if (!scaling_group_find_one(&context, txn, group, &deed.group, error))
        return false;
    const char *why_not = obstacle(&deed, arena, event->now);
    int64_t before = deed.group->desired;
    if (why_not) {
        *ret_text = arena_printf(arena, "policy %s was not executed: %s", name, why_not);
        return true;
    }
    if (!carry_out(&deed, error) || !txn_commit(&txn, error))
        return false;
    *ret_text =
        arena_printf(arena, "policy %s changed the desired capacity from %" PRId64 " to %" PRId64,
                     name, before, deed.group->desired);
    scaling_wake(context.cloud, deed.group->account_id, deed.group->name);
    return true;
}
