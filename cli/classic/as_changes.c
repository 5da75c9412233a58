/* The tools of Auto Scaling for what changes a group: triggers, policies, schedules, hooks; and for
 * what it does by itself. */
#include "cli/classic/tool.h"

#define GROUP                                                                                      \
    {                                                                                              \
        "auto-scaling-group g", 0, TEXT, "AutoScalingGroupName", NULL, REQUIRED                    \
    }
#define GROUP_OPERAND                                                                              \
    {                                                                                              \
        "auto-scaling-group g", 0, TEXT, "AutoScalingGroupName", NULL, OPERAND | REQUIRED          \
    }
#define TRIGGER_VERSION "2009-05-15"

static const Line trigger_lines[] = {
    {"TRIGGER", "Triggers/member",
     "TRIGGER-NAME=TriggerName GROUP-NAME=AutoScalingGroupName STATUS=Status NAMESPACE=Namespace "
     "MEASURE=MeasureName STATISTIC=Statistic DIMENSIONS=Dimensions/member{$Name=Value} "
     "PERIOD=Period LOWER-THRESHOLD=LowerThreshold LOWER-INCREMENT=LowerBreachScaleIncrement "
     "UPPER-THRESHOLD=UpperThreshold UPPER-INCREMENT=UpperBreachScaleIncrement "
     "BREACH-DURATION=BreachDuration UNIT=Unit +CREATED=CreatedTime"},
    {0},
};
static const Line policy_parts[] = {
    {"ALARM", "Alarms/member", "ALARM-NAME=AlarmName POLICY-NAME=../../PolicyName"},
    {0},
};
static const Line policy_lines[] = {
    {"SCALING-POLICY", "ScalingPolicies/member",
     "GROUP-NAME=AutoScalingGroupName POLICY-NAME=PolicyName "
     "SCALING-ADJUSTMENT=ScalingAdjustment MIN-ADJUSTMENT-STEP=MinAdjustmentStep "
     "ADJUSTMENT-TYPE=AdjustmentType COOLDOWN=Cooldown POLICY-ARN=PolicyARN",
     policy_parts},
    {0},
};
static const Line made_policy_lines[] = {{NULL, "PolicyARN", "POLICY-ARN=."}, {0}};
static const Line schedule_lines[] = {
    {"UPDATE-GROUP-ACTION", "ScheduledUpdateGroupActions/member",
     "GROUP-NAME=AutoScalingGroupName ACTION-NAME=ScheduledActionName START-TIME=StartTime|Time "
     "END-TIME=EndTime RECURRENCE=Recurrence MIN-SIZE=MinSize MAX-SIZE=MaxSize "
     "DESIRED-CAPACITY=DesiredCapacity +ARN=ScheduledActionARN"},
    {0},
};
#define FAILED "ACTION-NAME=ScheduledActionName CODE=ErrorCode MESSAGE=ErrorMessage"
static const Line failed_lines[] = {
    {"FAILED", "FailedScheduledUpdateGroupActions/member", FAILED},
    {"FAILED", "FailedScheduledActions/member", FAILED},
    {0},
};
static const Line notification_lines[] = {
    {"NOTIFICATION-CONFIG", "NotificationConfigurations/member",
     "GROUP-NAME=AutoScalingGroupName TOPIC-ARN=TopicARN NOTIFICATION-TYPE-NAME=NotificationType"},
    {0},
};
static const Line notification_type_lines[] = {
    {"NOTIFICATION-TYPE", "AutoScalingNotificationTypes/member", "NOTIFICATION-TYPE=."},
    {0},
};
static const Line adjustment_lines[] = {
    {"ADJUSTMENT-TYPE", "AdjustmentTypes/member", "ADJUSTMENT-TYPE=AdjustmentType"},
    {0},
};
static const Line process_lines[] = {{"PROCESS", "Processes/member", "PROCESS=ProcessName"}, {0}};
static const Line metric_lines[] = {
    {"METRIC-COLLECTION-TYPE", "Metrics/member", "METRIC=Metric"},
    {"METRIC-GRANULARITY-TYPE", "Granularities/member", "GRANULARITY=Granularity"},
    {0},
};
static const Line termination_lines[] = {
    {"TERMINATION-POLICY-TYPE", "TerminationPolicyTypes/member", "TYPE=."},
    {0},
};
static const Line hook_lines[] = {
    {"LIFECYCLE-HOOK", "LifecycleHooks/member",
     "HOOK-NAME=LifecycleHookName GROUP-NAME=AutoScalingGroupName "
     "TRANSITION=LifecycleTransition HEARTBEAT-TIMEOUT=HeartbeatTimeout "
     "DEFAULT-RESULT=DefaultResult GLOBAL-TIMEOUT=GlobalTimeout "
     "TARGET-ARN=NotificationTargetARN METADATA=NotificationMetadata"},
    {0},
};
static const Line hook_type_lines[] = {
    {"LIFECYCLE-HOOK-TYPE", "LifecycleHookTypes/member", "TYPE=."},
    {0},
};
static const Line refresh_lines[] = {
    {"INSTANCE-REFRESH", "", "REFRESH-ID=InstanceRefreshId"},
    {0},
};
static const Line refreshes_lines[] = {
    {"INSTANCE-REFRESH", "InstanceRefreshes/member",
     "REFRESH-ID=InstanceRefreshId GROUP-NAME=AutoScalingGroupName STATUS=Status "
     "PERCENTAGE=PercentageComplete TO-UPDATE=InstancesToUpdate START-TIME=StartTime "
     "END-TIME=EndTime REASON=StatusReason"},
    {0},
};

static const Option put_trigger_options[] = {
    {"trigger", 't', TEXT, "TriggerName", NULL, OPERAND | REQUIRED},
    GROUP,
    {"measure", 'm', TEXT, "MeasureName", NULL, REQUIRED},
    {"statistic", 's', TEXT, "Statistic", NULL, REQUIRED},
    {"dimensions", 'd', PAIRS, "Dimensions.member.#", NULL, REQUIRED},
    {"period", 'p', TEXT, "Period", NULL, REQUIRED},
    {"lower-threshold", 0, TEXT, "LowerThreshold", NULL, REQUIRED},
    {"upper-threshold", 0, TEXT, "UpperThreshold", NULL, REQUIRED},
    {"lower-breach-increment", 0, TEXT, "LowerBreachScaleIncrement", NULL, REQUIRED},
    {"upper-breach-increment", 0, TEXT, "UpperBreachScaleIncrement", NULL, REQUIRED},
    {"breach-duration", 'b', TEXT, "BreachDuration", NULL, REQUIRED},
    {"namespace", 'n', TEXT, "Namespace"},
    {"unit", 'u', TEXT, "Unit"},
    {"custom-unit", 0, TEXT, "CustomUnit"},
    {0},
};
static const Option trigger_options[] = {
    {"trigger", 't', TEXT, "TriggerName", NULL, OPERAND | REQUIRED},
    GROUP,
    {0},
};
static const Option group_options[] = {GROUP_OPERAND, {0}};
static const Option put_policy_options[] = {
    {"name", 'n', TEXT, "PolicyName", NULL, OPERAND | REQUIRED},
    GROUP,
    {"adjustment", 'a', TEXT, "ScalingAdjustment", NULL, REQUIRED},
    {"type", 't', TEXT, "AdjustmentType", NULL, REQUIRED},
    {"cooldown", 'c', TEXT, "Cooldown"},
    {"min-adjustment-step", 's', TEXT, "MinAdjustmentStep"},
    {0},
};
static const Option policy_options[] = {
    {"name", 'n', TEXT, "PolicyName", NULL, OPERAND | REQUIRED},
    GROUP,
    {0},
};
static const Option execute_options[] = {
    {"name", 'n', TEXT, "PolicyName", NULL, OPERAND | REQUIRED},
    GROUP,
    {"honor-cooldown", 'h', FLAG, "HonorCooldown", "true"},
    {"no-honor-cooldown", 0, FLAG, "HonorCooldown", "false"},
    {0},
};
static const Option policies_options[] = {
    {"policies", 0, LIST, "PolicyNames.member.#", NULL, OPERAND},
    {"auto-scaling-group g", 0, TEXT, "AutoScalingGroupName"},
    {0},
};

#define SCHEDULE                                                                                   \
    {"start-time", 's', TEXT, "StartTime"}, {"end-time", 'e', TEXT, "EndTime"},                    \
        {"time", 't', TEXT, "Time"}, {"recurrence", 'r', TEXT, "Recurrence"},                      \
        {"min-size", 0, TEXT, "MinSize"}, {"max-size", 0, TEXT, "MaxSize"},                        \
    {                                                                                              \
        "desired-capacity", 'c', TEXT, "DesiredCapacity"                                           \
    }

static const Option put_schedule_options[] = {
    {"name", 'n', TEXT, "ScheduledActionName", NULL, OPERAND | REQUIRED},
    GROUP,
    SCHEDULE,
    {0},
};
static const Option schedule_options[] = {
    {"name", 'n', TEXT, "ScheduledActionName", NULL, OPERAND | REQUIRED},
    GROUP,
    {0},
};
static const Option schedules_options[] = {
    {"scheduled-actions", 0, LIST, "ScheduledActionNames.member.#", NULL, OPERAND},
    {"auto-scaling-group g", 0, TEXT, "AutoScalingGroupName"},
    {"start-time", 's', TEXT, "StartTime"},
    {"end-time", 'e', TEXT, "EndTime"},
    {0},
};
static const Option put_schedules_options[] = {
    GROUP_OPERAND,
    {"action", 'a', FIELDS, "ScheduledUpdateGroupActions.member.#",
     "name=ScheduledActionName start-time=StartTime end-time=EndTime recurrence=Recurrence "
     "min-size=MinSize max-size=MaxSize desired-capacity=DesiredCapacity",
     REQUIRED},
    {0},
};
static const Option delete_schedules_options[] = {
    GROUP_OPERAND,
    {"scheduled-actions", 0, LIST, "ScheduledActionNames.member.#", NULL, REQUIRED},
    {0},
};
static const Option processes_options[] = {
    GROUP_OPERAND,
    {"processes", 'p', LIST, "ScalingProcesses.member.#"},
    {0},
};
static const Option enable_metrics_options[] = {
    GROUP_OPERAND,
    {"granularity", 'g', TEXT, "Granularity", NULL, REQUIRED},
    {"metrics", 'm', LIST, "Metrics.member.#"},
    {0},
};
static const Option disable_metrics_options[] = {
    GROUP_OPERAND,
    {"metrics", 'm', LIST, "Metrics.member.#"},
    {0},
};
static const Option put_notification_options[] = {
    GROUP_OPERAND,
    {"topic-arn", 't', TEXT, "TopicARN", NULL, REQUIRED},
    {"notification-types", 'n', LIST, "NotificationTypes.member.#", NULL, REQUIRED},
    {0},
};
static const Option delete_notification_options[] = {
    GROUP_OPERAND,
    {"topic-arn", 't', TEXT, "TopicARN", NULL, REQUIRED},
    {0},
};
static const Option notifications_options[] = {
    {"auto-scaling-groups", 0, LIST, "AutoScalingGroupNames.member.#", NULL, OPERAND},
    {0},
};
static const Option put_hook_options[] = {
    {"name", 'n', TEXT, "LifecycleHookName", NULL, OPERAND | REQUIRED},
    GROUP,
    {"transition", 't', TEXT, "LifecycleTransition"},
    {"notification-target-arn", 0, TEXT, "NotificationTargetARN"},
    {"notification-metadata", 0, TEXT, "NotificationMetadata"},
    {"role-arn", 0, TEXT, "RoleARN"},
    {"heartbeat-timeout", 0, TEXT, "HeartbeatTimeout"},
    {"default-result", 0, TEXT, "DefaultResult"},
    {0},
};
static const Option hook_options[] = {
    {"name", 'n', TEXT, "LifecycleHookName", NULL, OPERAND | REQUIRED},
    GROUP,
    {0},
};
static const Option hooks_options[] = {
    GROUP_OPERAND,
    {"names", 'n', LIST, "LifecycleHookNames.member.#"},
    {0},
};
static const Option complete_options[] = {
    {"name", 'n', TEXT, "LifecycleHookName", NULL, OPERAND | REQUIRED},
    GROUP,
    {"token", 't', TEXT, "LifecycleActionToken"},
    {"instance", 'i', TEXT, "InstanceId"},
    {"result", 'r', TEXT, "LifecycleActionResult", NULL, REQUIRED},
    {0},
};
static const Option heartbeat_options[] = {
    {"name", 'n', TEXT, "LifecycleHookName", NULL, OPERAND | REQUIRED},
    GROUP,
    {"token", 't', TEXT, "LifecycleActionToken"},
    {"instance", 'i', TEXT, "InstanceId"},
    {0},
};
static const Option refresh_options[] = {
    GROUP_OPERAND,
    {"min-healthy-percentage", 0, TEXT, "Preferences.MinHealthyPercentage"},
    {"instance-warmup", 0, TEXT, "Preferences.InstanceWarmup"},
    {0},
};
static const Option no_options[] = {{0}};

const Tool as_change_tools[] = {
    {"as-create-or-update-trigger", "Makes or changes a trigger", "CreateOrUpdateScalingTrigger",
     .version = TRIGGER_VERSION, .options = put_trigger_options,
     .ok = "OK-Created/Updated trigger"},
    {"as-describe-triggers", "Shows a group's triggers and their state", "DescribeTriggers",
     .version = TRIGGER_VERSION, .options = group_options, .lines = trigger_lines},
    {"as-delete-trigger", "Deletes a trigger", "DeleteTrigger", .version = TRIGGER_VERSION,
     .options = trigger_options, .ok = "OK-Deleted trigger",
     .confirm = "Are you sure you want to delete this trigger?"},
    {"as-put-scaling-policy", "Makes or changes a policy", "PutScalingPolicy",
     .options = put_policy_options, .lines = made_policy_lines},
    {"as-describe-policies", "Shows policies", "DescribePolicies", .options = policies_options,
     .lines = policy_lines},
    {"as-execute-policy", "Does what a policy says", "ExecutePolicy", .options = execute_options,
     .ok = "OK-Executed Policy"},
    {"as-delete-policy", "Deletes a policy", "DeletePolicy", .options = policy_options,
     .ok = "OK-Deleted policy", .confirm = "Are you sure you want to delete this policy?"},
    {"as-put-scheduled-update-group-action", "Makes or changes a scheduled action",
     "PutScheduledUpdateGroupAction", .options = put_schedule_options,
     .ok = "OK-Put Scheduled Update Group Action"},
    {"as-describe-scheduled-actions", "Shows scheduled actions", "DescribeScheduledActions",
     .options = schedules_options, .lines = schedule_lines},
    {"as-delete-scheduled-action", "Deletes a scheduled action", "DeleteScheduledAction",
     .options = schedule_options, .ok = "OK-Deleted Scheduled Action",
     .confirm = "Are you sure you want to delete this scheduled action?"},
    {"as-batch-put-scheduled-update-group-action", "Makes several scheduled actions",
     "BatchPutScheduledUpdateGroupAction", .options = put_schedules_options, .lines = failed_lines,
     .ok = "OK-Put Scheduled Update Group Actions"},
    {"as-batch-delete-scheduled-action", "Deletes several scheduled actions",
     "BatchDeleteScheduledAction", .options = delete_schedules_options, .lines = failed_lines,
     .ok = "OK-Deleted Scheduled Actions"},
    {"as-suspend-processes", "Has a group do less by itself", "SuspendProcesses",
     .options = processes_options, .ok = "OK-Processes Suspended"},
    {"as-resume-processes", "Has a group do all by itself again", "ResumeProcesses",
     .options = processes_options, .ok = "OK-Processes Resumed"},
    {"as-describe-process-types", "Shows what groups do by themselves",
     "DescribeScalingProcessTypes", .options = no_options, .lines = process_lines},
    {"as-enable-metrics-collection", "Has a group measured", "EnableMetricsCollection",
     .options = enable_metrics_options, .ok = "OK-Enabled metrics collection"},
    {"as-disable-metrics-collection", "Has a group not measured", "DisableMetricsCollection",
     .options = disable_metrics_options, .ok = "OK-Disabled metrics collection"},
    {"as-describe-metric-collection-types", "Shows what is measured of groups",
     "DescribeMetricCollectionTypes", .options = no_options, .lines = metric_lines},
    {"as-put-notification-configuration", "Says who is told what of a group",
     "PutNotificationConfiguration", .options = put_notification_options,
     .ok = "OK-Put Notification Configuration"},
    {"as-describe-notification-configurations", "Shows who is told what",
     "DescribeNotificationConfigurations", .options = notifications_options,
     .lines = notification_lines},
    {"as-delete-notification-configuration", "Has nobody told", "DeleteNotificationConfiguration",
     .options = delete_notification_options, .ok = "OK-Deleted Notification Configuration",
     .confirm = "Are you sure you want to delete this notification configuration?"},
    {"as-describe-auto-scaling-notification-types", "Shows of what somebody can be told",
     "DescribeAutoScalingNotificationTypes", .options = no_options,
     .lines = notification_type_lines},
    {"as-describe-adjustment-types", "Shows how policies can adjust", "DescribeAdjustmentTypes",
     .options = no_options, .lines = adjustment_lines},
    {"as-describe-termination-policy-types", "Shows how instances to end can be chosen",
     "DescribeTerminationPolicyTypes", .options = no_options, .lines = termination_lines},
    {"as-put-lifecycle-hook", "Makes or changes a hook", "PutLifecycleHook",
     .options = put_hook_options, .ok = "OK-Put Lifecycle Hook"},
    {"as-describe-lifecycle-hooks", "Shows a group's hooks", "DescribeLifecycleHooks",
     .options = hooks_options, .lines = hook_lines},
    {"as-delete-lifecycle-hook", "Deletes a hook", "DeleteLifecycleHook", .options = hook_options,
     .ok = "OK-Deleted Lifecycle Hook",
     .confirm = "Are you sure you want to delete this lifecycle hook?"},
    {"as-describe-lifecycle-hook-types", "Shows where hooks can be", "DescribeLifecycleHookTypes",
     .options = no_options, .lines = hook_type_lines},
    {"as-complete-lifecycle-action", "Has an instance go on", "CompleteLifecycleAction",
     .options = complete_options, .ok = "OK-Completed Lifecycle Action"},
    {"as-record-lifecycle-action-heartbeat", "Has an instance wait longer",
     "RecordLifecycleActionHeartbeat", .options = heartbeat_options,
     .ok = "OK-Recorded Lifecycle Action Heartbeat"},
    {"as-start-instance-refresh", "Replaces a group's instances", "StartInstanceRefresh",
     .options = refresh_options, .lines = refresh_lines},
    {"as-cancel-instance-refresh", "Ends the replacing", "CancelInstanceRefresh",
     .options = group_options, .lines = refresh_lines},
    {"as-describe-instance-refreshes", "Shows how the replacing goes on",
     "DescribeInstanceRefreshes", .options = group_options, .lines = refreshes_lines},
    {0},
};
