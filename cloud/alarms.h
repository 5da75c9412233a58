/* Alarms of CloudWatch: what they are, what clients and policies do with them, and what their
 * changes of state set off. When they change is worked out by alarms_decide (pure) from metrics, by
 * the loop of scaler/alarm_loop.h.
 *
 * Texts of an Alarm record: `dimensions` as metric_dimensions_text() writes them; `*_actions` and
 * `metrics` as JSON. Times of a record are the cloud's (what clients see). Verbs are thread-safe.
 */
#pragma once

#include "cloud/cloud.h"
#include "cloud/metrics.h"
#include "store/record.h"

#define ALARMS_PER_ACCOUNT 5000
#define ALARM_ACTIONS_MOST 5
#define ALARM_HISTORY_KEPT (14 * CLOCK_DAY)

/* A metric, or an expression over others, of GetMetricData and of alarms on metric math. */
typedef struct MetricQuery {
    const char *id;
    const char *expression; /* NULL: it is a metric: */
    MetricKey key;
    const char *statistic;
    int64_t period; /* seconds; 0: not said */
    const char *label;
    bool return_data;
} MetricQuery;

typedef struct AlarmSpec {
    const char *name, *description;
    bool actions_enabled;
    List ok_actions, alarm_actions, insufficient_actions; /* of const char *: ARNs */
    const char *space, *metric_name;                      /* NULL: `metrics` */
    List dimensions;                                      /* of MetricDimension * */
    const char *unit;                                     /* NULL: any */
    const char *statistic;                                /* "Average", "p99" */
    int64_t period;                                       /* seconds */
    List metrics; /* of MetricQuery *; one of them returns data */
    int64_t evaluation_periods;
    int64_t datapoints_to_alarm; /* 0: all of them */
    double threshold;
    const char *comparison;   /* GreaterThanThreshold … */
    const char *missing_data; /* NULL: "missing"; breaching, notBreaching, ignore */
    const char *low_samples;  /* NULL, "evaluate", "ignore" */
    List tags;                /* of TagPair *: of a new alarm only */
} AlarmSpec;

/* Makes an alarm or changes one of that name. *ret_arn (may be NULL). Faults as PutMetricAlarm has
 * them. */
bool alarm_put_spec(Context *context, const AlarmSpec *spec, const char **ret_arn, GError **error);
/* All of them, or none: fault ResourceNotFound names those that are not there. The second passes
 * over those. */
bool alarms_delete(Context *context, const List *names, GError **error);
bool alarms_delete_if_there(Context *context, const List *names, GError **error);
const char *alarm_arn(Context *context, const char *name);
/* Alarm *, or NULL. */
bool alarm_find(Context *context, const char *name, Alarm **ret_alarm, GError **error);
/* Alarm * of the account, by name. */
bool alarms_of_account(Context *context, List *alarms, GError **error);
/* Alarm * on that very metric name, by name. */
bool alarms_of_metric(Context *context, const char *space, const char *name, List *alarms,
                      GError **error);
/* As an evaluation would. Faults ResourceNotFound; InvalidFormat: reason_data (may be NULL) is no
 * JSON. */
bool alarm_set_state(Context *context, const char *name, const char *state, const char *reason,
                     const char *reason_data, GError **error);
bool alarms_set_actions_enabled(Context *context, const List *names, bool enabled, GError **error);

/* ---- what alarms set off ---- */

/* An alarm is in a state, and one of the actions of that state is a scaling policy's ARN. Told when
 * it changes into the state, and again once a period while it stays there (as AWS does for scaling
 * policies alone). */
typedef struct AlarmEvent {
    const Alarm *alarm;
    const char *policy_arn; /* arn:aws:autoscaling:…:scalingPolicy:… */
    const char *state;      /* "ALARM", "OK", "INSUFFICIENT_DATA" */
    bool changed;           /* it has just changed into it */
    double threshold;
    double value;           /* of the latest datapoint; NaN: there was none */
    int64_t now;            /* the fast clock's */
    int64_t datapoint_time; /* the fast clock's; 0: none */
} AlarmEvent;
/* Runs in the alarms' thread, without locks or transactions; may take both. What it does or says
 * goes into the alarm's history: *ret_text in the arena, for people; false: it failed. */
typedef bool (*AlarmPolicyFn)(void *data, Arena *arena, const AlarmEvent *event,
                              const char **ret_text, GError **error);
/* One for the cloud; set before alarms are looked at (after cloud_open, before scaler's loops). */
void alarms_set_policy_handler(Cloud *cloud, AlarmPolicyFn fn, void *data);

/* ---- tags ---- */

/* TagPair *. Fault ResourceNotFoundException: no such alarm of the caller's; InvalidParameterValue:
 * more than 50 tags, or "aws:". */
bool alarm_tags_put(Context *context, const char *arn, const List *pairs, GError **error);
bool alarm_tags_delete(Context *context, const char *arn, const List *keys, GError **error);
bool alarm_tags_list(Context *context, const char *arn, List *pairs, GError **error);

/* ---- history ---- */

typedef struct AlarmHistorySearch {
    const char *alarm_name; /* NULL: of all alarms */
    const char *kind;       /* NULL: all; ConfigurationUpdate, StateUpdate, Action */
    int64_t start, end;     /* the cloud's time; 0: open */
} AlarmHistorySearch;
/* AlarmHistory *, the oldest first. */
bool alarm_history_find(Context *context, const AlarmHistorySearch *search, List *items,
                        GError **error);

/* ---- evaluation, for scaler/alarm_loop.h ---- */

/* Looks at alarms whose periods ended: those of a minute and more when `minutes`, the others
 * always, and in any case those configured since `since` (the cloud's time). One that fails is
 * logged. */
bool alarms_evaluate(Cloud *cloud, bool minutes, int64_t since, GError **error);
/* Forgets history that is older than it is kept. */
bool alarms_forget_history(Cloud *cloud, GError **error);
