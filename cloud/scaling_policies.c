/* Scaling policies: made, described, removed.
 *
 * Invariant: a target tracking policy's alarms are named after it; they are there before it is, and
 * go after it. */
#include "cloud/scaling_parts.h"

#include "base/fault.h"
#include "base/id.h"
#include "cloud/alarms.h"
#include "cloud/launch_configurations.h"
#include "cloud/scaling_decide.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

#define LOW_SHARE 0.9 /* of the target: below that a tracked group shrinks */
#define HIGH_PERIODS 3
#define LOW_PERIODS 15
#define ALARM_GROUP_SHOWN 150 /* bytes of the group's name in an alarm's */

static const char *policy_arn(Context *context, const ScalingPolicy *policy)
{
    return arena_printf(context->arena,
                        "arn:aws:autoscaling:%s:%s:scalingPolicy:%s:autoScalingGroupName/%s:"
                        "policyName/%s",
                        context->region, policy->account_id, policy->id, policy->group_name,
                        policy->name);
}

/* The account, group and policy that an ARN names. */
bool scaling_policy_parse_arn(Arena *arena, const char *arn, const char **ret_account,
                              const char **ret_group, const char **ret_name)
{
    g_auto(GStrv) parts = g_strsplit(arn, ":", -1);
    if (g_strv_length(parts) != 9 || strcmp(parts[5], "scalingPolicy") != 0 ||
        !g_str_has_prefix(parts[7], "autoScalingGroupName/") ||
        !g_str_has_prefix(parts[8], "policyName/"))
        return false;
    *ret_account = arena_strdup(arena, parts[4]);
    *ret_group = arena_strdup(arena, strchr(parts[7], '/') + 1);
    *ret_name = arena_strdup(arena, strchr(parts[8], '/') + 1);
    return true;
}

bool scaling_policy_find(Context *context, Txn *txn, const char *group, const char *name,
                         ScalingPolicy **ret_policy, GError **error)
{
    void *found;
    const char *account;
    if (g_str_has_prefix(name, "arn:") &&
        !scaling_policy_parse_arn(context->arena, name, &account, &group, &name))
        name = "";
    if (!record_query_one(txn, context->arena, QUERY_SCALING_POLICY, &found, error,
                          context->caller.account_id, group ? group : "", name))
        return false;
    *ret_policy = found;
    return true;
}

bool scaling_no_policy(GError **error)
{
    return fault_set(error, FAULT_VALIDATION_ERROR, "PolicyName not found");
}

/* ---- texts of records ---- */

static const char *bound_text(Arena *arena, double bound)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];
    return isinf(bound) ? "" : arena_strdup(arena, g_ascii_dtostr(text, sizeof(text), bound));
}

static const char *join_steps(Arena *arena, const List *steps)
{
    List lines = {0};
    LIST_EACH (const ScalingStep *, step, steps)
        list_add(&lines, arena,
                 arena_printf(arena, "%s\t%s\t%" PRId64, bound_text(arena, step->lower),
                              bound_text(arena, step->upper), step->amount));
    return lines_join(arena, &lines);
}

List scaling_steps(Arena *arena, const ScalingPolicy *policy)
{
    List lines = lines_split(arena, policy->steps), steps = {0};
    LIST_EACH (const char *, line, &lines) {
        g_auto(GStrv) members = g_strsplit(line, "\t", -1);
        if (g_strv_length(members) != 3)
            continue;
        ScalingStep *step = arena_new_struct(arena, ScalingStep);
        step->lower = *members[0] ? g_ascii_strtod(members[0], NULL) : -INFINITY;
        step->upper = *members[1] ? g_ascii_strtod(members[1], NULL) : INFINITY;
        step->amount = g_ascii_strtoll(members[2], NULL, 10);
        list_add(&steps, arena, step);
    }
    return steps;
}

ScalingStep *scaling_steps_array(Arena *arena, const List *steps)
{
    ScalingStep *array = arena_alloc(arena, (steps->n + 1) * sizeof(ScalingStep));
    for (size_t i = 0; i < steps->n; i++)
        array[i] = *(const ScalingStep *)list_at(steps, i);
    return array;
}

/* ---- checks ---- */

bool scaling_refuse(GError **error, const char *what)
{
    return fault_set(error, FAULT_VALIDATION_ERROR, "%s", what);
}

static bool check_adjustment(const ScalingPolicySpec *spec, GError **error)
{
    AdjustmentType type;
    if (!spec->adjustment_type)
        return scaling_refuse(error, "AdjustmentType must be specified for this policy type");
    if (!adjustment_parse(spec->adjustment_type, &type))
        return scaling_refuse(error, "Invalid AdjustmentType. Valid values are ChangeInCapacity, "
                                     "ExactCapacity and PercentChangeInCapacity.");
    if (type != ADJUST_BY_PERCENT &&
        (spec->min_magnitude != NOT_SAID || spec->min_step != NOT_SAID))
        return scaling_refuse(error, "MinAdjustmentMagnitude and MinAdjustmentStep are only for "
                                     "PercentChangeInCapacity");
    if (type == ADJUST_TO && spec->amount_said && spec->amount < 0)
        return scaling_refuse(error, "A negative ScalingAdjustment is not valid for ExactCapacity");
    return true;
}

static bool check_steps(Context *context, const ScalingPolicySpec *spec, GError **error)
{
    if (spec->steps.n == 0)
        return scaling_refuse(error,
                              "At least one StepAdjustment must be specified for StepScaling");
    if (spec->steps.n > SCALING_STEPS_PER_POLICY)
        return fault_set(error, FAULT_QUOTA_EXCEEDED, "A policy may have up to %d step adjustments",
                         SCALING_STEPS_PER_POLICY);
    const char *problem =
        steps_problem(scaling_steps_array(context->arena, &spec->steps), spec->steps.n);
    return problem ? scaling_refuse(error, problem) : true;
}

static bool check_target(const ScalingPolicySpec *spec, GError **error)
{
    static const char *const known[] = {"ASGAverageCPUUtilization", "ASGAverageNetworkIn",
                                        "ASGAverageNetworkOut", NULL};
    if (!spec->tracks)
        return scaling_refuse(error, "TargetTrackingConfiguration must be specified for "
                                     "TargetTrackingScaling");
    if (spec->adjustment_type || spec->steps.n > 0 || spec->amount_said)
        return scaling_refuse(error, "TargetTrackingScaling takes no adjustments");
    if (!spec->predefined == !spec->metric_name)
        return scaling_refuse(error, "Exactly one of PredefinedMetricSpecification and "
                                     "CustomizedMetricSpecification must be specified");
    if (spec->predefined && !g_strv_contains(known, spec->predefined))
        return scaling_refuse(error,
                              "This predefined metric needs a target group of an Application Load "
                              "Balancer");
    if (spec->metric_name && (!spec->metric_namespace || !spec->metric_statistic))
        return scaling_refuse(error,
                              "A customized metric needs MetricName, Namespace and Statistic");
    return spec->target > 0 || scaling_refuse(error, "TargetValue must be greater than 0");
}

static bool check_policy(Context *context, const ScalingPolicySpec *spec, GError **error)
{
    if (!scaling_check_name("policyName", spec->name, error))
        return false;
    if (strcmp(spec->type, "TargetTrackingScaling") == 0)
        return check_target(spec, error);
    if (spec->tracks)
        return scaling_refuse(error,
                              "TargetTrackingConfiguration is only for TargetTrackingScaling");
    if (strcmp(spec->type, "StepScaling") == 0) {
        if (spec->amount_said || spec->cooldown != NOT_SAID)
            return scaling_refuse(error,
                                  "ScalingAdjustment and Cooldown are only for SimpleScaling");
        return check_adjustment(spec, error) && check_steps(context, spec, error);
    }
    if (strcmp(spec->type, "SimpleScaling") != 0)
        return scaling_refuse(error,
                              "Invalid PolicyType. Valid values are SimpleScaling, StepScaling and "
                              "TargetTrackingScaling.");
    if (spec->steps.n > 0)
        return scaling_refuse(error, "StepAdjustments are only for StepScaling");
    return check_adjustment(spec, error) &&
           (spec->amount_said ||
            scaling_refuse(error, "ScalingAdjustment must be specified for SimpleScaling"));
}

/* ---- alarms of target tracking ---- */

static const char *alarm_name(Context *context, const ScalingPolicy *policy, bool high)
{
    return arena_printf(context->arena, "TargetTracking-%.*s-Alarm%s-%s", ALARM_GROUP_SHOWN,
                        policy->group_name, high ? "High" : "Low", policy->id);
}

static List alarm_names(Context *context, const ScalingPolicy *policy)
{
    List names = {0};
    list_add(&names, context->arena, alarm_name(context, policy, true));
    list_add(&names, context->arena, alarm_name(context, policy, false));
    return names;
}

static const char *predefined_metric(const char *type)
{
    return strcmp(type, "ASGAverageCPUUtilization") == 0 ? "CPUUtilization"
           : strcmp(type, "ASGAverageNetworkIn") == 0    ? "NetworkIn"
                                                         : "NetworkOut";
}

static bool put_alarm(Context *context, const ScalingPolicy *policy, bool high, GError **error)
{
    const char *arn = policy_arn(context, policy);
    double target = g_ascii_strtod(policy->target, NULL);
    MetricDimension *of_group = arena_new_struct(context->arena, MetricDimension);
    *of_group = (MetricDimension){"AutoScalingGroupName", policy->group_name};
    AlarmSpec spec = {
        .name = alarm_name(context, policy, high),
        .description = arena_printf(
            context->arena, "DO NOT EDIT OR DELETE. For TargetTrackingScaling policy %s.", arn),
        .actions_enabled = true,
        .space = policy->predefined ? "AWS/EC2" : policy->metric_namespace,
        .metric_name =
            policy->predefined ? predefined_metric(policy->predefined) : policy->metric_name,
        .unit = policy->metric_unit,
        .statistic = policy->predefined ? "Average" : policy->metric_statistic,
        .period = 60,
        .evaluation_periods = high ? HIGH_PERIODS : LOW_PERIODS,
        .threshold = high ? target : target * LOW_SHARE,
        .comparison = high ? "GreaterThanThreshold" : "LessThanThreshold",
    };
    list_add(&spec.alarm_actions, context->arena, arn);
    if (policy->predefined)
        list_add(&spec.dimensions, context->arena, of_group);
    else
        spec.dimensions = scaling_dimensions(context->arena, policy->metric_dimensions);
    return alarm_put_spec(context, &spec, NULL, error);
}

/* *ret_names: of those that it has then. */
static bool put_alarms(Context *context, const ScalingPolicy *policy, List *ret_names,
                       GError **error)
{
    bool both = !policy->disable_scale_in;
    List names = alarm_names(context, policy), last = {0};
    list_add(&last, context->arena, list_at(&names, 1));
    if (!put_alarm(context, policy, true, error) ||
        !(both ? put_alarm(context, policy, false, error)
               : alarms_delete_if_there(context, &last, error)))
        return false;
    list_add(ret_names, context->arena, list_at(&names, 0));
    if (both)
        list_add(ret_names, context->arena, list_at(&names, 1));
    return true;
}

bool scaling_policies_drop_alarms(Context *context, const List *policies, GError **error)
{
    LIST_EACH (const ScalingPolicy *, policy, policies) {
        List names = alarm_names(context, policy);
        if (policy->target && !alarms_delete_if_there(context, &names, error))
            return false;
    }
    return true;
}

/* ---- verbs ---- */

static ScalingPolicy *new_policy(Context *context, const ScalingPolicySpec *spec, const char *id)
{
    ScalingPolicy *policy = arena_new_struct(context->arena, ScalingPolicy);
    List dimensions = {0};
    LIST_EACH (const MetricDimension *, dimension, &spec->metric_dimensions)
        list_add(&dimensions, context->arena,
                 arena_printf(context->arena, "%s\t%s", dimension->name, dimension->value));
    *policy = (ScalingPolicy){
        .account_id = context->caller.account_id,
        .group_name = spec->group,
        .name = spec->name,
        .id = id,
        .type = spec->type,
        .enabled = spec->enabled,
        .adjustment_type = spec->adjustment_type,
        .adjustment = spec->amount_said ? spec->amount : 0,
        .min_step = spec->min_step,
        .min_magnitude = spec->min_magnitude,
        .cooldown = spec->cooldown,
        .warmup = spec->warmup,
        .aggregation = spec->aggregation,
        .steps = join_steps(context->arena, &spec->steps),
        .target = spec->tracks ? bound_text(context->arena, spec->target) : NULL,
        .predefined = spec->predefined,
        .resource_label = spec->resource_label,
        .metric_name = spec->metric_name,
        .metric_namespace = spec->metric_namespace,
        .metric_dimensions = lines_join(context->arena, &dimensions),
        .metric_statistic = spec->metric_statistic,
        .metric_unit = spec->metric_unit,
        .disable_scale_in = spec->disable_scale_in,
    };
    return policy;
}

/* The policy of that name, or NULL; that there may be another. */
static bool look_up(Context *context, const ScalingPolicySpec *spec, ScalingPolicy **ret_known,
                    GError **error)
{
    g_autoptr(Txn) txn = NULL;
    ScalingGroup *group;
    List all = {0};
    if (!txn_begin_read(cloud_store(context->cloud), &txn, error) ||
        !scaling_group_find_one(context, txn, spec->group, &group, error) ||
        !scaling_policy_find(context, txn, spec->group, spec->name, ret_known, error) ||
        !record_query(txn, context->arena, QUERY_SCALING_POLICIES_OF_GROUP, &all, error,
                      context->caller.account_id, spec->group) ||
        !txn_commit(&txn, error))
        return false;
    return *ret_known || all.n < SCALING_POLICIES_PER_GROUP ||
           fault_set(error, FAULT_QUOTA_EXCEEDED, "A group may have up to %d scaling policies",
                     SCALING_POLICIES_PER_GROUP);
}

bool scaling_policy_put_spec(Context *context, const ScalingPolicySpec *request,
                             const char **ret_arn, List *ret_alarms, GError **error)
{
    ScalingPolicySpec spec = *request;
    ScalingPolicy *known;
    ScalingGroup *group;
    g_autoptr(Txn) txn = NULL;
    List old = {0};
    if (!spec.type)
        spec.type = "SimpleScaling";
    if (!check_policy(context, &spec, error) || !look_up(context, &spec, &known, error))
        return false;
    ScalingPolicy *policy =
        new_policy(context, &spec, known ? known->id : id_new_uuid(context->arena));
    if (policy->target && !put_alarms(context, policy, ret_alarms, error))
        return false;
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !scaling_group_find_one(context, txn, spec.group, &group, error) ||
        !scaling_policy_put(txn, policy, error) || !txn_commit(&txn, error))
        return false;
    *ret_arn = policy_arn(context, policy);
    if (known && !policy->target)
        list_add(&old, context->arena, known);
    return scaling_policies_drop_alarms(context, &old, error);
}

bool scaling_policy_remove(Context *context, const char *group, const char *name, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    ScalingPolicy *policy;
    List removed = {0};
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !scaling_policy_find(context, txn, group, name, &policy, error))
        return false;
    if (!policy)
        return scaling_no_policy(error);
    list_add(&removed, context->arena, policy);
    return record_change(txn, CHANGE_DELETE_SCALING_POLICY, NULL, error, policy->account_id,
                         policy->group_name, policy->name) &&
           txn_commit(&txn, error) && scaling_policies_drop_alarms(context, &removed, error);
}

bool scaling_policies_find(Context *context, const char *group, const List *names,
                           const List *types, List *ret_views, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    ScalingGroup *unused;
    List all = {0}, alarms = {0};
    const char *account = context->caller.account_id;
    if (!txn_begin_read(cloud_store(context->cloud), &txn, error) ||
        (group && !scaling_group_find_one(context, txn, group, &unused, error)))
        return false;
    bool ok = group ? record_query(txn, context->arena, QUERY_SCALING_POLICIES_OF_GROUP, &all,
                                   error, account, group)
                    : record_query(txn, context->arena, QUERY_SCALING_POLICIES_OF_ACCOUNT, &all,
                                   error, account);
    if (!ok || !txn_commit(&txn, error) || !alarms_of_account(context, &alarms, error))
        return false;
    LIST_EACH (const ScalingPolicy *, policy, &all) {
        const char *arn = policy_arn(context, policy);
        if ((names->n > 0 && !list_has(names, policy->name) && !list_has(names, arn)) ||
            (types->n > 0 && !list_has(types, policy->type)))
            continue;
        ScalingPolicyView *view = arena_new_struct(context->arena, ScalingPolicyView);
        *view = (ScalingPolicyView){.policy = policy, .arn = arn};
        LIST_EACH (const Alarm *, alarm, &alarms)
            if (alarm->alarm_actions && strstr(alarm->alarm_actions, arn))
                list_add(&view->alarms, context->arena, alarm);
        list_add(ret_views, context->arena, view);
    }
    return true;
}
