/* The decision. Invariant: it depends on its arguments alone. */
#include "cloud/alarm_decide.h"

#include <math.h>
#include <string.h>

bool alarm_comparison_is_known(const char *comparison)
{
    return strcmp(comparison, "GreaterThanOrEqualToThreshold") == 0 ||
           strcmp(comparison, "GreaterThanThreshold") == 0 ||
           strcmp(comparison, "LessThanThreshold") == 0 ||
           strcmp(comparison, "LessThanOrEqualToThreshold") == 0;
}

bool alarm_breaches(const AlarmRule *rule, double value)
{
    if (strcmp(rule->comparison, "GreaterThanOrEqualToThreshold") == 0)
        return value >= rule->threshold;
    if (strcmp(rule->comparison, "GreaterThanThreshold") == 0)
        return value > rule->threshold;
    if (strcmp(rule->comparison, "LessThanThreshold") == 0)
        return value < rule->threshold;
    return value <= rule->threshold;
}

/* Whether the oldest breaching one of the latest N periods is old enough for M periods, and what
 * came after it breaches or is missing: then nothing that was missing could change the outcome. */
static bool breaches_since_long(const AlarmRule *rule, const double *values, size_t n)
{
    size_t from = 0;
    while (from < n && isnan(values[from]))
        from++;
    if (from == n || n - from < rule->m)
        return false;
    for (size_t i = from; i < n; i++) {
        if (!isnan(values[i]) && !alarm_breaches(rule, values[i]))
            return false;
    }
    return true;
}

static AlarmState decide_with_missing(const AlarmRule *rule, const double *values, size_t n,
                                      const AlarmDecision *found)
{
    size_t breaching = found->breaching;
    if (rule->missing == ALARM_MISSING_BREACHING)
        return breaching + found->filled >= rule->m ? ALARM_STATE_ALARM : ALARM_STATE_OK;
    if (breaching >= rule->m)
        return ALARM_STATE_ALARM;
    if (rule->missing == ALARM_MISSING_NOT_BREACHING)
        return ALARM_STATE_OK;
    /* Enough do not breach: whatever is missing, M cannot be reached. */
    if (found->evaluated > breaching && breaching + found->filled < rule->m)
        return ALARM_STATE_OK;
    if (rule->missing == ALARM_MISSING_IGNORE)
        return found->evaluated > breaching ? ALARM_STATE_OK : ALARM_STATE_KEPT;
    if (found->evaluated == 0)
        return ALARM_STATE_INSUFFICIENT_DATA;
    if (breaches_since_long(rule, values, n))
        return ALARM_STATE_ALARM;
    return found->evaluated > breaching ? ALARM_STATE_OK : ALARM_STATE_KEPT;
}

void alarm_decide(const AlarmRule *rule, const double *values, size_t n,
                  AlarmDecision *ret_decision)
{
    *ret_decision = (AlarmDecision){0};
    for (size_t i = n; i > 0 && ret_decision->evaluated < rule->n; i--) {
        if (isnan(values[i - 1]))
            continue;
        ret_decision->evaluated++;
        ret_decision->breaching += alarm_breaches(rule, values[i - 1]);
    }
    ret_decision->filled = rule->n - ret_decision->evaluated;
    if (ret_decision->filled > 0)
        ret_decision->state = decide_with_missing(rule, values, n, ret_decision);
    else
        ret_decision->state =
            ret_decision->breaching >= rule->m ? ALARM_STATE_ALARM : ALARM_STATE_OK;
}
