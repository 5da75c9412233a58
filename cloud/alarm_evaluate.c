/* Evaluation: datapoints from metrics, the decision, its reason in words.
 *
 * Invariant: an alarm that cannot be evaluated keeps no other from being. */
#include "base/fault.h"
#include "cloud/alarm_decide.h"
#include "cloud/alarm_parts.h"
#include "cloud/fast_clock.h"
#include "cloud/metric_queries.h"
#include <jansson.h>
#include <math.h>

#define REASON_DATAPOINTS 5 /* so many are shown in a reason */

typedef struct Evaluated {
    const Alarm *alarm;
    AlarmRule rule;
    AlarmDecision decision;
    int64_t period, start; /* start: of the first of the windows */
    size_t n;
    double *values;
} Evaluated;

/* What the alarm watches, as queries of which one returns data. */
static void queries_of(Arena *arena, const Alarm *alarm, List *queries)
{
    if (alarm->metrics) {
        metric_queries_read(arena, alarm->metrics, queries);
    } else {
        MetricQuery *query = arena_new_struct(arena, MetricQuery);
        *query = (MetricQuery){
            .id = "m",
            .key = {.space = alarm->namespace, .name = alarm->metric_name, .unit = alarm->unit},
            .statistic = alarm->statistic,
            .period = alarm->period,
            .return_data = true,
        };
        metric_dimensions_read(arena, alarm->dimensions, &query->key.dimensions);
        list_add(queries, arena, query);
    }
    LIST_EACH (MetricQuery *, query, queries)
        query->key.account_id = alarm->account_id;
}

static int64_t period_of(const List *queries)
{
    int64_t period = 0;
    LIST_EACH (const MetricQuery *, query, queries)
        period = MAX(period, query->period);
    return period ? period : 60;
}

static AlarmMissing missing_of(const char *text)
{
    if (!text || strcmp(text, "missing") == 0)
        return ALARM_MISSING_MISSING;
    if (strcmp(text, "ignore") == 0)
        return ALARM_MISSING_IGNORE;
    return strcmp(text, "breaching") == 0 ? ALARM_MISSING_BREACHING : ALARM_MISSING_NOT_BREACHING;
}

/* The windows' values; those without any are NaN. */
static bool read_values(Cloud *cloud, Arena *arena, const List *queries, Evaluated *evaluated,
                        GError **error)
{
    List results = {0};
    int64_t length = evaluated->period * CLOCK_SECOND;
    if (!metric_queries_run(cloud, arena, queries, evaluated->start,
                            evaluated->start + (int64_t)evaluated->n * length, &results, error))
        return false;
    evaluated->values = arena_alloc(arena, evaluated->n * sizeof(double));
    for (size_t i = 0; i < evaluated->n; i++)
        evaluated->values[i] = NAN;
    const MetricResult *result = results.n > 0 ? results.items[0] : NULL;
    for (size_t i = 0; result && i < result->series->n; i++) {
        int64_t at = (result->series->times[i] - evaluated->start) / length;
        if (at >= 0 && at < (int64_t)evaluated->n)
            evaluated->values[at] = result->series->values[i];
    }
    return true;
}

static bool evaluate(Cloud *cloud, Arena *arena, const Alarm *alarm, Evaluated *evaluated,
                     GError **error)
{
    List queries = {0};
    queries_of(arena, alarm, &queries);
    *evaluated = (Evaluated){
        .alarm = alarm,
        .rule = {.n = (size_t)alarm->evaluation_periods,
                 .m = (size_t)(alarm->datapoints_to_alarm ? alarm->datapoints_to_alarm
                                                          : alarm->evaluation_periods),
                 .comparison = alarm->comparison,
                 .threshold = g_ascii_strtod(alarm->threshold, NULL),
                 .missing = missing_of(alarm->missing_data)},
        .period = period_of(&queries),
        .n = (size_t)alarm->evaluation_periods + ALARM_MORE_PERIODS,
    };
    /* Windows move on with every minute, or as often as a shorter period. */
    int64_t step = MIN(evaluated->period, 60) * CLOCK_SECOND;
    int64_t end = metrics_sampled_until(cloud_metrics(cloud));
    end -= end % step;
    evaluated->start = end - (int64_t)evaluated->n * evaluated->period * CLOCK_SECOND;
    if (!read_values(cloud, arena, &queries, evaluated, error))
        return false;
    alarm_decide(&evaluated->rule, evaluated->values, evaluated->n, &evaluated->decision);
    return true;
}

/* ---- in words ---- */

static const char *number_text(Arena *arena, double number)
{
    char *text = arena_alloc(arena, G_ASCII_DTOSTR_BUF_SIZE);
    g_ascii_formatd(text, G_ASCII_DTOSTR_BUF_SIZE - 3, "%.15g", number);
    return strpbrk(text, ".en") ? text : arena_printf(arena, "%s.0", text);
}

static const char *comparison_text(const char *comparison)
{
    return strcmp(comparison, "GreaterThanOrEqualToThreshold") == 0
               ? "greater than or equal to the threshold"
           : strcmp(comparison, "GreaterThanThreshold") == 0 ? "greater than the threshold"
           : strcmp(comparison, "LessThanThreshold") == 0    ? "less than the threshold"
                                                          : "less than or equal to the threshold";
}

/* "22/11/26 09:30:00" */
static const char *short_time(Cloud *cloud, Arena *arena, int64_t fast_time)
{
    char text[CLOCK_TEXT_SIZE];
    clock_format(fast_to_client(cloud, fast_time), text);
    return arena_printf(arena, "%.2s/%.2s/%.2s %.8s", text + 8, text + 5, text + 2, text + 11);
}

static int64_t window_time(const Evaluated *evaluated, size_t i)
{
    return evaluated->start + (int64_t)i * evaluated->period * CLOCK_SECOND;
}

/* "[5.0 (22/11/26 09:30:00), …]", the latest first. */
static const char *datapoints_text(Cloud *cloud, Arena *arena, const Evaluated *evaluated)
{
    g_autoptr(GString) text = g_string_new("[");
    size_t shown = 0, left = MIN(evaluated->decision.evaluated, REASON_DATAPOINTS);
    for (size_t i = evaluated->n; i > 0 && shown < left; i--) {
        if (isnan(evaluated->values[i - 1]))
            continue;
        g_string_append_printf(text, "%s%s (%s)", shown++ ? ", " : "",
                               number_text(arena, evaluated->values[i - 1]),
                               short_time(cloud, arena, window_time(evaluated, i - 1)));
    }
    g_string_append_c(text, ']');
    return arena_strdup(arena, text->str);
}

static const char *plural(size_t n)
{
    return n == 1 ? "" : "s";
}

static const char *treated_text(Arena *arena, const Evaluated *evaluated)
{
    size_t filled = evaluated->decision.filled;
    bool breaching = evaluated->rule.missing == ALARM_MISSING_BREACHING;
    if (!filled || (!breaching && evaluated->rule.missing != ALARM_MISSING_NOT_BREACHING))
        return "";
    return arena_printf(arena, " %zu missing datapoint%s %s treated as [%s].", filled,
                        plural(filled), filled == 1 ? "was" : "were",
                        breaching ? "Breaching" : "NonBreaching");
}

static const char *reason_text(Cloud *cloud, Arena *arena, const Evaluated *evaluated,
                               const char *before)
{
    const AlarmDecision *decision = &evaluated->decision;
    const AlarmRule *rule = &evaluated->rule;
    if (decision->state == ALARM_STATE_INSUFFICIENT_DATA)
        return arena_printf(arena, "Insufficient Data: %zu datapoint%s %s unknown.",
                            decision->filled, plural(decision->filled),
                            decision->filled == 1 ? "was" : "were");
    if (decision->evaluated == 0)
        return arena_printf(arena,
                            "Threshold Crossed: no datapoints were received for %zu period%s and"
                            "%s",
                            rule->n, plural(rule->n), treated_text(arena, evaluated));
    bool alarm = decision->state == ALARM_STATE_ALARM;
    size_t counted = alarm ? decision->breaching : decision->evaluated - decision->breaching;
    return arena_printf(
        arena,
        "Threshold Crossed: %zu out of the last %zu datapoint%s %s %s %s (%s) (minimum %zu "
        "datapoint%s for %s -> %s transition).%s",
        counted, rule->n, plural(rule->n), datapoints_text(cloud, arena, evaluated),
        alarm ? (counted == 1 ? "was" : "were") : (counted == 1 ? "was not" : "were not"),
        comparison_text(rule->comparison), number_text(arena, rule->threshold),
        alarm ? rule->m : rule->n - rule->m + 1, plural(alarm ? rule->m : rule->n - rule->m + 1),
        before, alarm ? "ALARM" : "OK", treated_text(arena, evaluated));
}

static const char *reason_data(Cloud *cloud, Arena *arena, const Evaluated *evaluated)
{
    char from[CLOCK_TEXT_SIZE], now[CLOCK_TEXT_SIZE];
    json_t *recent = json_array();
    for (size_t i = 0; i < evaluated->n; i++) {
        if (!isnan(evaluated->values[i]))
            json_array_append_new(recent, json_real(evaluated->values[i]));
    }
    clock_format(cloud_now(cloud), now);
    clock_format(fast_to_client(cloud, evaluated->start), from);
    json_t *json = json_pack("{s:s, s:s, s:s, s:s?, s:I, s:o, s:f}", "version", "1.0", "queryDate",
                             now, "startDate", from, "statistic", evaluated->alarm->statistic,
                             "period", (json_int_t)evaluated->period, "recentDatapoints", recent,
                             "threshold", evaluated->rule.threshold);
    char *text = json_dumps(json, JSON_COMPACT);
    const char *kept = arena_strdup(arena, text);
    json_decref(json);
    free(text);
    return kept;
}

/* ---- the whole ---- */

static AlarmCause cause_of(const Evaluated *evaluated)
{
    for (size_t i = evaluated->n; i > 0; i--) {
        if (!isnan(evaluated->values[i - 1]))
            return (AlarmCause){evaluated->values[i - 1], window_time(evaluated, i - 1)};
    }
    return (AlarmCause){.value = NAN};
}

static bool look_at(Cloud *cloud, const Alarm *alarm, GError **error)
{
    static const char *const states[] = {
        [ALARM_STATE_OK] = "OK",
        [ALARM_STATE_ALARM] = "ALARM",
        [ALARM_STATE_INSUFFICIENT_DATA] = "INSUFFICIENT_DATA",
        [ALARM_STATE_KEPT] = NULL,
    };
    g_autoptr(Arena) arena = arena_new();
    Evaluated evaluated;
    if (!evaluate(cloud, arena, alarm, &evaluated, error))
        return false;
    const char *state = states[evaluated.decision.state];
    AlarmCause cause = cause_of(&evaluated);
    if (state && strcmp(state, alarm->state) != 0)
        return alarm_change_state(cloud, arena, alarm, state,
                                  reason_text(cloud, arena, &evaluated, alarm->state),
                                  reason_data(cloud, arena, &evaluated), &cause, error);
    alarm_repeat_actions(cloud, arena, alarm, &cause);
    return true;
}

static bool is_short(const Alarm *alarm)
{
    return alarm->period > 0 && alarm->period < 60;
}

bool alarms_evaluate(Cloud *cloud, bool minutes, int64_t since, GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(Txn) txn = NULL;
    List alarms = {0};
    if (!txn_begin_read(cloud_store(cloud), &txn, error) ||
        !record_query(txn, arena, QUERY_ALARMS, &alarms, error) || !txn_commit(&txn, error))
        return false;
    LIST_EACH (const Alarm *, alarm, &alarms) {
        g_autoptr(GError) failed = NULL;
        if ((minutes || is_short(alarm) || alarm->configured >= since) &&
            !look_at(cloud, alarm, &failed))
            g_warning("alarm %s: %s", alarm->name, failed->message);
    }
    return true;
}
