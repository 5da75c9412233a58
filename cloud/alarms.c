/* Alarms: making, changing, finding, deleting them; their tags and their history.
 *
 * Invariant: an alarm's state changes with a line of history in the same transaction. */
#include "cloud/alarms.h"

#include "base/fault.h"
#include "base/id.h"
#include "cloud/alarm_decide.h"
#include "cloud/alarm_parts.h"
#include "cloud/metric_queries.h"
#include "cloud/tags.h"
#include <inttypes.h>
#include <jansson.h>
#include <math.h>

#define DAY 86400
#define INITIAL_REASON "Unchecked: Initial alarm creation"

const char *alarm_arn(Context *context, const char *name)
{
    return arena_printf(context->arena, "arn:aws:cloudwatch:%s:%s:alarm:%s", context->region,
                        context->caller.account_id, name);
}

/* ---- history ---- */

bool alarm_note(Cloud *cloud, Txn *txn, Arena *arena, const Alarm *alarm, const char *kind,
                const char *summary, const char *data, GError **error)
{
    int64_t now = cloud_now(cloud);
    const AlarmHistory item = {
        .id = arena_printf(arena, "%020" PRId64 "-%s", now, id_new_base32(arena, 8)),
        .account_id = alarm->account_id,
        .alarm_name = alarm->name,
        .time = now,
        .kind = kind,
        .summary = summary,
        .data = data,
    };
    return alarm_history_insert(txn, &item, error);
}

bool alarm_history_find(Context *context, const AlarmHistorySearch *search, List *items,
                        GError **error)
{
    g_autoptr(Txn) txn = NULL;
    const char *account_id = context->caller.account_id;
    const char *from = arena_printf(context->arena, "%" PRId64, search->start);
    const char *to =
        arena_printf(context->arena, "%" PRId64, search->end ? search->end : INT64_MAX);
    List all = {0};
    if (!txn_begin_read(cloud_store(context->cloud), &txn, error))
        return false;
    bool ok = search->alarm_name ? record_query(txn, context->arena, QUERY_HISTORY_OF_ALARM, &all,
                                                error, account_id, search->alarm_name, from, to)
                                 : record_query(txn, context->arena, QUERY_HISTORY_OF_ACCOUNT, &all,
                                                error, account_id, from, to);
    if (!ok)
        return false;
    LIST_EACH (const AlarmHistory *, item, &all) {
        if (!search->kind || strcmp(search->kind, item->kind) == 0)
            list_add(items, context->arena, item);
    }
    return txn_commit(&txn, error);
}

bool alarms_forget_history(Cloud *cloud, GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(Txn) txn = NULL;
    const char *before = arena_printf(arena, "%" PRId64, cloud_now(cloud) - ALARM_HISTORY_KEPT);
    return txn_begin(cloud_store(cloud), &txn, error) &&
           record_change(txn, CHANGE_FORGET_ALARM_HISTORY, NULL, error, before) &&
           txn_commit(&txn, error);
}

/* ---- checking a specification ---- */

static bool check_action(const AlarmSpec *spec, const char *arn, GError **error)
{
    if (strncmp(arn, "arn:", 4) != 0)
        return fault_set(error, FAULT_VALIDATION_ERROR, "Invalid arn syntax: %.200s", arn);
    const char *action = alarm_ec2_action(arn);
    bool has_instance = false;
    LIST_EACH (const MetricDimension *, dimension, &spec->dimensions)
        has_instance = has_instance || strcmp(dimension->name, "InstanceId") == 0;
    return !action || has_instance ||
           fault_set(error, FAULT_VALIDATION_ERROR,
                     "Invalid use of EC2 '%s' action. The alarm's metric must have the dimension "
                     "InstanceId.",
                     action);
}

static bool check_actions(const AlarmSpec *spec, GError **error)
{
    const List *all[] = {&spec->ok_actions, &spec->alarm_actions, &spec->insufficient_actions};
    for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
        LIST_EACH (const char *, arn, all[i]) {
            if (!check_action(spec, arn, error))
                return false;
        }
    }
    return true;
}

static bool check_period(int64_t period, GError **error)
{
    return period == 10 || period == 30 || (period > 0 && period % 60 == 0) ||
           fault_set(error, FAULT_VALIDATION_ERROR,
                     "Period must be 10, 30 or a multiple of 60 seconds");
}

static bool check_metric(const AlarmSpec *spec, GError **error)
{
    if (!spec->space)
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "Either a Namespace and a MetricName, or Metrics must be specified");
    if (!spec->statistic)
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "Either Statistic or ExtendedStatistic must be specified");
    if (!metric_statistic_is_known(spec->statistic))
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "The value %.100s for parameter ExtendedStatistic is not supported.",
                         spec->statistic);
    if (!spec->period)
        return fault_set(error, FAULT_VALIDATION_ERROR, "Period must be specified");
    return check_period(spec->period, error);
}

static bool check_metrics(Arena *arena, const AlarmSpec *spec, GError **error)
{
    unsigned returned = 0;
    if (spec->space || spec->statistic || spec->dimensions.n > 0 || spec->period || spec->unit)
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "Metrics cannot be combined with MetricName, Namespace, Dimensions, "
                         "Period, Unit, Statistic or ExtendedStatistic");
    LIST_EACH (const MetricQuery *, query, &spec->metrics) {
        returned += query->return_data;
        if (query->key.name && !check_period(query->period, error))
            return false;
    }
    if (returned != 1)
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "Exactly one element of the metrics list should return data.");
    return metric_queries_check(arena, &spec->metrics, error);
}

/* The period that is evaluated: of an expression the longest of its metrics'. */
static int64_t period_of(const AlarmSpec *spec)
{
    int64_t period = spec->period;
    LIST_EACH (const MetricQuery *, query, &spec->metrics)
        period = MAX(period, query->period);
    return period ? period : 60;
}

static bool check_evaluation(const AlarmSpec *spec, GError **error)
{
    int64_t period = period_of(spec), longest = period >= 3600 ? 7 * DAY : DAY;
    if (!alarm_comparison_is_known(spec->comparison))
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "The comparison operator %.60s is only valid for alarms on anomaly "
                         "detection models, which are not supported",
                         spec->comparison);
    if (isnan(spec->threshold))
        return fault_set(error, FAULT_VALIDATION_ERROR, "Threshold must be specified");
    if (spec->evaluation_periods > longest / period)
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "Metrics cannot be checked across more than %s (EvaluationPeriods * "
                         "Period must be <= %" PRId64 ").",
                         longest == DAY ? "a day" : "seven days", longest);
    if (spec->evaluation_periods > ALARM_PERIODS_MOST)
        return fault_set(error, FAULT_VALIDATION_ERROR, "EvaluationPeriods must be <= %d",
                         ALARM_PERIODS_MOST);
    if (spec->datapoints_to_alarm > spec->evaluation_periods)
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "DatapointsToAlarm must be less than or equal to EvaluationPeriods");
    return true;
}

static bool is_one_of(const char *value, const char *const *values)
{
    while (value && *values && strcmp(*values, value) != 0)
        values++;
    return !value || *values;
}

static bool check_options(const AlarmSpec *spec, GError **error)
{
    static const char *const missing[] = {"missing", "ignore", "breaching", "notBreaching", NULL};
    static const char *const samples[] = {"evaluate", "ignore", NULL};
    if (!is_one_of(spec->missing_data, missing))
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "The value %.100s is not supported for TreatMissingData parameter. "
                         "Supported values are [breaching, notBreaching, ignore, missing].",
                         spec->missing_data);
    if (!is_one_of(spec->low_samples, samples))
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "Option %.100s is not supported. Supported options for parameter "
                         "EvaluateLowSampleCountPercentile are evaluate and ignore.",
                         spec->low_samples);
    return true;
}

static bool check_spec(Context *context, const AlarmSpec *spec, GError **error)
{
    bool metric = spec->metric_name != NULL;
    if (metric && spec->metrics.n > 0)
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "MetricName and Metrics cannot be specified together");
    if (!metric && spec->metrics.n == 0)
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "Either MetricName or Metrics must be specified");
    return (metric ? check_metric(spec, error) : check_metrics(context->arena, spec, error)) &&
           check_evaluation(spec, error) && check_options(spec, error) &&
           check_actions(spec, error) && tags_check(&spec->tags, error);
}

/* ---- making and changing ---- */

static const char *threshold_text(Arena *arena, double threshold)
{
    return g_ascii_dtostr(arena_alloc(arena, G_ASCII_DTOSTR_BUF_SIZE), G_ASCII_DTOSTR_BUF_SIZE,
                          threshold);
}

/* before: NULL when it is new. */
static Alarm make_alarm(Context *context, const AlarmSpec *spec, const Alarm *before)
{
    Arena *arena = context->arena;
    int64_t now = cloud_now(context->cloud);
    return (Alarm){
        .arn = alarm_arn(context, spec->name),
        .account_id = context->caller.account_id,
        .name = spec->name,
        .description = spec->description,
        .actions_enabled = spec->actions_enabled,
        .ok_actions = text_list_text(arena, &spec->ok_actions),
        .alarm_actions = text_list_text(arena, &spec->alarm_actions),
        .insufficient_actions = text_list_text(arena, &spec->insufficient_actions),
        .namespace = spec->space,
        .metric_name = spec->metric_name,
        .dimensions = spec->metric_name ? metric_dimensions_text(arena, &spec->dimensions) : NULL,
        .unit = spec->unit,
        .statistic = spec->statistic,
        .period = spec->period,
        .metrics = metric_queries_text(arena, &spec->metrics),
        .evaluation_periods = spec->evaluation_periods,
        .datapoints_to_alarm = spec->datapoints_to_alarm,
        .threshold = threshold_text(arena, spec->threshold),
        .comparison = spec->comparison,
        .missing_data = spec->missing_data,
        .low_samples = spec->low_samples,
        .state = before ? before->state : "INSUFFICIENT_DATA",
        .state_reason = before ? before->state_reason : INITIAL_REASON,
        .state_reason_data = before ? before->state_reason_data : NULL,
        .state_updated = before ? before->state_updated : now,
        .state_changed = before ? before->state_changed : now,
        .configured = now,
    };
}

static bool check_room(Context *context, Txn *txn, GError **error)
{
    int64_t n;
    if (!record_count(txn, COUNT_ALARMS_OF_ACCOUNT, &n, error, context->caller.account_id))
        return false;
    return n < ALARMS_PER_ACCOUNT || fault_set(error, FAULT_QUOTA_EXCEEDED,
                                               "The quota for alarms for this customer has already "
                                               "been reached.");
}

static bool put_tags(Txn *txn, const char *arn, const List *pairs, GError **error)
{
    int64_t n;
    LIST_EACH (const TagPair *, pair, pairs) {
        const AlarmTag tag = {arn, pair->key, pair->value ? pair->value : ""};
        if (!alarm_tag_put(txn, &tag, error))
            return false;
    }
    if (!record_count(txn, COUNT_TAGS_OF_ALARM, &n, error, arn))
        return false;
    return n <= TAGS_PER_RESOURCE ||
           fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                     "The maximum number of tags of a resource is %d", TAGS_PER_RESOURCE);
}

bool alarm_put_spec(Context *context, const AlarmSpec *spec, const char **ret_arn, GError **error)
{
    if (!check_spec(context, spec, error))
        return false;
    g_autoptr(Txn) txn = NULL;
    Alarm *before;
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !alarm_get(txn, context->arena, alarm_arn(context, spec->name), &before, error) ||
        (!before && !check_room(context, txn, error)))
        return false;
    const Alarm alarm = make_alarm(context, spec, before);
    const char *summary =
        arena_printf(context->arena, "Alarm \"%s\" %s", alarm.name, before ? "updated" : "created");
    if (!alarm_put(txn, &alarm, error) ||
        (!before && !put_tags(txn, alarm.arn, &spec->tags, error)) ||
        !alarm_note(context->cloud, txn, context->arena, &alarm, "ConfigurationUpdate", summary,
                    NULL, error) ||
        !txn_commit(&txn, error))
        return false;
    if (ret_arn)
        *ret_arn = alarm.arn;
    return true;
}

/* ---- finding ---- */

bool alarm_find(Context *context, const char *name, Alarm **ret_alarm, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    return txn_begin_read(cloud_store(context->cloud), &txn, error) &&
           alarm_get(txn, context->arena, alarm_arn(context, name), ret_alarm, error) &&
           txn_commit(&txn, error);
}

bool alarms_of_account(Context *context, List *alarms, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    return txn_begin_read(cloud_store(context->cloud), &txn, error) &&
           record_query(txn, context->arena, QUERY_ALARMS_OF_ACCOUNT, alarms, error,
                        context->caller.account_id) &&
           txn_commit(&txn, error);
}

bool alarms_of_metric(Context *context, const char *space, const char *name, List *alarms,
                      GError **error)
{
    g_autoptr(Txn) txn = NULL;
    return txn_begin_read(cloud_store(context->cloud), &txn, error) &&
           record_query(txn, context->arena, QUERY_ALARMS_OF_METRIC, alarms, error,
                        context->caller.account_id, space, name) &&
           txn_commit(&txn, error);
}

/* ---- deleting ---- */

static bool find_all(Context *context, Txn *txn, const List *names, bool strict, List *alarms,
                     GError **error)
{
    g_autoptr(GString) missing = g_string_new(NULL);
    LIST_EACH (const char *, name, names) {
        Alarm *alarm;
        if (!alarm_get(txn, context->arena, alarm_arn(context, name), &alarm, error))
            return false;
        if (alarm)
            list_add(alarms, context->arena, alarm);
        else
            g_string_append_printf(missing, "%s%s", missing->len ? ", " : "", name);
    }
    return !strict || !missing->len ||
           fault_set(error, FAULT_RESOURCE_NOT_FOUND, "Alarm(s) not found: [%s]", missing->str);
}

static bool delete_alarms(Context *context, const List *names, bool strict, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    List alarms = {0};
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !find_all(context, txn, names, strict, &alarms, error))
        return false;
    LIST_EACH (const Alarm *, alarm, &alarms) {
        const char *summary = arena_printf(context->arena, "Alarm \"%s\" deleted", alarm->name);
        if (!alarm_delete(txn, alarm->arn, error) ||
            !record_change(txn, CHANGE_DELETE_TAGS_OF_ALARM, NULL, error, alarm->arn) ||
            !alarm_note(context->cloud, txn, context->arena, alarm, "ConfigurationUpdate", summary,
                        NULL, error))
            return false;
    }
    return txn_commit(&txn, error);
}

bool alarms_delete(Context *context, const List *names, GError **error)
{
    return delete_alarms(context, names, true, error);
}

bool alarms_delete_if_there(Context *context, const List *names, GError **error)
{
    return delete_alarms(context, names, false, error);
}

bool alarms_set_actions_enabled(Context *context, const List *names, bool enabled, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    List alarms = {0};
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !find_all(context, txn, names, false, &alarms, error))
        return false;
    LIST_EACH (Alarm *, alarm, &alarms) {
        const char *summary = arena_printf(context->arena, "Alarm actions %s for %s",
                                           enabled ? "enabled" : "disabled", alarm->name);
        if (alarm->actions_enabled == enabled)
            continue;
        alarm->actions_enabled = enabled;
        alarm->configured = cloud_now(context->cloud);
        if (!alarm_put(txn, alarm, error) ||
            !alarm_note(context->cloud, txn, context->arena, alarm, "ConfigurationUpdate", summary,
                        NULL, error))
            return false;
    }
    return txn_commit(&txn, error);
}

/* ---- state ---- */

bool alarm_set_state(Context *context, const char *name, const char *state, const char *reason,
                     const char *reason_data, GError **error)
{
    Alarm *alarm;
    if (reason_data && *reason_data) {
        json_t *json = json_loads(reason_data, 0, NULL);
        json_decref(json);
        if (!json)
            return fault_set(error, FAULT_INVALID_FORMAT,
                             "StateReasonData is not valid JSON: %.200s", reason_data);
    }
    if (!alarm_find(context, name, &alarm, error))
        return false;
    if (!alarm)
        return fault_set(error, FAULT_RESOURCE_NOT_FOUND, "Unknown alarm: %.255s", name);
    const AlarmCause cause = {.value = NAN};
    return alarm_change_state(context->cloud, context->arena, alarm, state, reason, reason_data,
                              &cause, error);
}

/* ---- tags ---- */

static bool check_tagged(Context *context, Txn *txn, const char *arn, GError **error)
{
    Alarm *alarm;
    if (!alarm_get(txn, context->arena, arn, &alarm, error))
        return false;
    return (alarm && strcmp(alarm->account_id, context->caller.account_id) == 0) ||
           fault_set(error, FAULT_RESOURCE_NOT_FOUND_EXCEPTION, "Unknown alarm: %.1024s", arn);
}

bool alarm_tags_put(Context *context, const char *arn, const List *pairs, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    return tags_check(pairs, error) && txn_begin(cloud_store(context->cloud), &txn, error) &&
           check_tagged(context, txn, arn, error) && put_tags(txn, arn, pairs, error) &&
           txn_commit(&txn, error);
}

bool alarm_tags_delete(Context *context, const char *arn, const List *keys, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !check_tagged(context, txn, arn, error))
        return false;
    LIST_EACH (const char *, key, keys) {
        if (!record_change(txn, CHANGE_DELETE_ALARM_TAG, NULL, error, arn, key))
            return false;
    }
    return txn_commit(&txn, error);
}

bool alarm_tags_list(Context *context, const char *arn, List *pairs, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    List tags = {0};
    if (!txn_begin_read(cloud_store(context->cloud), &txn, error) ||
        !check_tagged(context, txn, arn, error) ||
        !record_query(txn, context->arena, QUERY_TAGS_OF_ALARM, &tags, error, arn) ||
        !txn_commit(&txn, error))
        return false;
    LIST_EACH (const AlarmTag *, tag, &tags) {
        TagPair *pair = arena_new_struct(context->arena, TagPair);
        *pair = (TagPair){tag->key, tag->value};
        list_add(pairs, context->arena, pair);
    }
    return true;
}
