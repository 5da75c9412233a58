/* The tools of CloudWatch. */
#include "cli/classic/form.h"

#define PERIOD "60"

#define ALARM                                                                                      \
    "ALARM=AlarmName +DESCRIPTION=AlarmDescription STATE=StateValue "                              \
    "ALARM_ACTIONS=AlarmActions/member* +OK_ACTIONS=OKActions/member* "                            \
    "+INSUFFICIENT_DATA_ACTIONS=InsufficientDataActions/member* "                                  \
    "+ACTIONS_ENABLED=ActionsEnabled +STATE_REASON=StateReason "                                   \
    "+STATE_UPDATED=StateUpdatedTimestamp NAMESPACE=Namespace METRIC_NAME=MetricName "             \
    "+DIMENSIONS=Dimensions/member{$Name=Value} PERIOD=Period STATISTIC=Statistic +UNIT=Unit "     \
    "EVAL_PERIODS=EvaluationPeriods COMPARISON=ComparisonOperator THRESHOLD=Threshold"

static const Line metric_lines[] = {
    {NULL, "Metrics/member",
     "METRIC=MetricName NAMESPACE=Namespace DIMENSIONS=Dimensions/member{$Name=Value}"},
    {0},
};
static const Line point_lines[] = {
    {NULL, "Datapoints/member",
     "TIME=~Timestamp SAMPLES=SampleCount AVERAGE=Average SUM=Sum MINIMUM=Minimum "
     "MAXIMUM=Maximum UNIT=Unit"},
    {0},
};
static const Line alarm_lines[] = {{NULL, "MetricAlarms/member", ALARM}, {0}};
static const Line history_lines[] = {
    {NULL, "AlarmHistoryItems/member",
     "ALARM=AlarmName TIMESTAMP=Timestamp TYPE=HistoryItemType SUMMARY=HistorySummary "
     "+DATA=HistoryData"},
    {0},
};
static const Line tag_lines[] = {{"TAG", "Tags/member", "KEY=Key VALUE=Value"}, {0}};
static const Line data_parts[] = {
    {NULL, "Values/member", "VALUE=."},
    {0},
};
static const Line data_lines[] = {
    {"METRIC", "MetricDataResults/member", "ID=Id LABEL=Label STATUS=StatusCode", data_parts},
    {0},
};

static void add_default(Form *form, const char *name, const char *value)
{
    if (!*form_param(form, name))
        form_add(form, name, value);
}

/* The last hour, unless times are given. */
static void add_hour(Form *form)
{
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    g_autoptr(GDateTime) before = g_date_time_add_hours(now, -1);
    g_autofree char *end = g_date_time_format(now, "%Y-%m-%dT%H:%M:%SZ");
    g_autofree char *start = g_date_time_format(before, "%Y-%m-%dT%H:%M:%SZ");
    add_default(form, "StartTime", start);
    add_default(form, "EndTime", end);
}

static bool finish_stats(Form *form, GError **error)
{
    add_hour(form);
    add_default(form, "Namespace", "AWS/EC2");
    add_default(form, "Period", PERIOD);
    return true;
}

static bool finish_data(Form *form, GError **error)
{
    add_hour(form);
    return true;
}

static const Option list_options[] = {
    {"metric-name", 'm', TEXT, "MetricName"},
    {"namespace", 'n', TEXT, "Namespace"},
    {"dimensions", 'd', PAIRS, "Dimensions.member.#"},
    {0},
};
static const Option stats_options[] = {
    {"metric-name", 'm', TEXT, "MetricName", NULL, OPERAND | REQUIRED},
    {"statistics", 's', LIST, "Statistics.member.#", NULL, REQUIRED},
    {"namespace", 'n', TEXT, "Namespace"},
    {"dimensions", 'd', PAIRS, "Dimensions.member.#"},
    {"period", 'p', TEXT, "Period"},
    {"start-time", 0, TEXT, "StartTime"},
    {"end-time", 0, TEXT, "EndTime"},
    {"unit", 'u', TEXT, "Unit"},
    {0},
};
static const Option data_options[] = {
    {"query", 'q', FIELDS, "MetricDataQueries.member.#",
     "id=Id expression=Expression label=Label metric-name=MetricStat.Metric.MetricName "
     "namespace=MetricStat.Metric.Namespace period=MetricStat.Period stat=MetricStat.Stat",
     OPERAND | REQUIRED},
    {"start-time", 0, TEXT, "StartTime"},
    {"end-time", 0, TEXT, "EndTime"},
    {0},
};

#define DATUM "MetricData.member.1."

static const Option put_data_options[] = {
    {"metric-name", 'm', TEXT, DATUM "MetricName", NULL, REQUIRED},
    {"namespace", 'n', TEXT, "Namespace", NULL, REQUIRED},
    {"value", 'v', TEXT, DATUM "Value"},
    {"statisticValues statistic-values", 's', FIELDS, "MetricData.member.1.StatisticValues",
     "SampleCount=SampleCount Sum=Sum Minimum=Minimum Maximum=Maximum"},
    {"dimensions", 'd', PAIRS, DATUM "Dimensions.member.#"},
    {"timestamp", 't', TEXT, DATUM "Timestamp"},
    {"unit", 'u', TEXT, DATUM "Unit"},
    {0},
};
static const Option put_alarm_options[] = {
    {"alarm-name", 0, TEXT, "AlarmName", NULL, OPERAND | REQUIRED},
    {"comparison-operator", 0, TEXT, "ComparisonOperator", NULL, REQUIRED},
    {"evaluation-periods", 0, TEXT, "EvaluationPeriods", NULL, REQUIRED},
    {"metric-name", 'm', TEXT, "MetricName", NULL, REQUIRED},
    {"namespace", 'n', TEXT, "Namespace", NULL, REQUIRED},
    {"period", 'p', TEXT, "Period", NULL, REQUIRED},
    {"statistic", 's', TEXT, "Statistic"},
    {"extendedstatistic", 0, TEXT, "ExtendedStatistic"},
    {"threshold", 't', TEXT, "Threshold", NULL, REQUIRED},
    {"actions-enabled", 0, TEXT, "ActionsEnabled"},
    {"alarm-actions", 0, LIST, "AlarmActions.member.#"},
    {"ok-actions", 0, LIST, "OKActions.member.#"},
    {"insufficient-data-actions", 0, LIST, "InsufficientDataActions.member.#"},
    {"alarm-description", 0, TEXT, "AlarmDescription"},
    {"dimensions", 'd', PAIRS, "Dimensions.member.#"},
    {"unit", 'u', TEXT, "Unit"},
    {0},
};
static const Option describe_options[] = {
    {"alarm-names", 0, LIST, "AlarmNames.member.#", NULL, OPERAND},
    {"alarm-name-prefix", 0, TEXT, "AlarmNamePrefix"},
    {"action-prefix", 0, TEXT, "ActionPrefix"},
    {"state-value", 0, TEXT, "StateValue"},
    {0},
};
static const Option for_metric_options[] = {
    {"metric-name", 'm', TEXT, "MetricName", NULL, REQUIRED},
    {"namespace", 'n', TEXT, "Namespace", NULL, REQUIRED},
    {"dimensions", 'd', PAIRS, "Dimensions.member.#"},
    {"period", 'p', TEXT, "Period"},
    {"statistic", 's', TEXT, "Statistic"},
    {"unit", 'u', TEXT, "Unit"},
    {0},
};
static const Option history_options[] = {
    {"alarm-name", 0, TEXT, "AlarmName", NULL, OPERAND},
    {"history-item-type", 0, TEXT, "HistoryItemType"},
    {"start-date", 0, TEXT, "StartDate"},
    {"end-date", 0, TEXT, "EndDate"},
    {0},
};
static const Option alarms_options[] = {
    {"alarm-names alarm-name", 0, LIST, "AlarmNames.member.#", NULL, OPERAND | REQUIRED},
    {0},
};
static const Option state_options[] = {
    {"alarm-name", 0, TEXT, "AlarmName", NULL, OPERAND | REQUIRED},
    {"state", 's', TEXT, "StateValue", NULL, REQUIRED},
    {"reason", 0, TEXT, "StateReason"},
    {"reason-data", 0, TEXT, "StateReasonData"},
    {0},
};
static const Option resource_options[] = {
    {"resource-arn", 'r', TEXT, "ResourceARN", NULL, OPERAND | REQUIRED},
    {0},
};
static const Option tag_options[] = {
    {"resource-arn", 'r', TEXT, "ResourceARN", NULL, OPERAND | REQUIRED},
    {"tag", 't', FIELDS, "Tags.member.#", "k=Key v=Value", REQUIRED},
    {0},
};
static const Option untag_options[] = {
    {"resource-arn", 'r', TEXT, "ResourceARN", NULL, OPERAND | REQUIRED},
    {"keys", 'k', LIST, "TagKeys.member.#", NULL, REQUIRED},
    {0},
};

const Tool mon_tools[] = {
    {"mon-list-metrics", "Lists metrics", "ListMetrics", .options = list_options,
     .lines = metric_lines},
    {"mon-get-stats", "Shows a metric's statistics", "GetMetricStatistics",
     .options = stats_options, .lines = point_lines, .finish = finish_stats},
    {"mon-get-data", "Shows several metrics, or expressions over them", "GetMetricData",
     .options = data_options, .lines = data_lines, .finish = finish_data},
    {"mon-put-data", "Tells a metric's value", "PutMetricData", .options = put_data_options},
    {"mon-put-metric-alarm", "Makes or changes an alarm", "PutMetricAlarm",
     .options = put_alarm_options, .ok = "OK-Created Alarm"},
    {"mon-describe-alarms", "Shows alarms", "DescribeAlarms", .options = describe_options,
     .lines = alarm_lines},
    {"mon-describe-alarms-for-metric", "Shows a metric's alarms", "DescribeAlarmsForMetric",
     .options = for_metric_options, .lines = alarm_lines},
    {"mon-describe-alarm-history", "Shows what happened to alarms", "DescribeAlarmHistory",
     .options = history_options, .lines = history_lines},
    {"mon-delete-alarms", "Deletes alarms", "DeleteAlarms", .options = alarms_options,
     .ok = "OK-Deleted alarms", .confirm = "Are you sure you want to delete these Alarms?"},
    {"mon-set-alarm-state", "Puts an alarm into a state", "SetAlarmState",
     .fixed = "StateReason=Set by mon-set-alarm-state", .options = state_options,
     .ok = "OK-Set alarm state value"},
    {"mon-enable-alarm-actions", "Has alarms act", "EnableAlarmActions", .options = alarms_options,
     .ok = "OK-Enabled alarm actions"},
    {"mon-disable-alarm-actions", "Has alarms not act", "DisableAlarmActions",
     .options = alarms_options, .ok = "OK-Disabled alarm actions"},
    {"mon-list-tags-for-resource", "Shows an alarm's tags", "ListTagsForResource",
     .options = resource_options, .lines = tag_lines},
    {"mon-tag-resource", "Tags an alarm", "TagResource", .options = tag_options,
     .ok = "OK-Tagged resource"},
    {"mon-untag-resource", "Takes an alarm's tags away", "UntagResource", .options = untag_options,
     .ok = "OK-Untagged resource"},
    {0},
};
