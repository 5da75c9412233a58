/* From an alarm's latest datapoints to its state: pure ("Using Amazon CloudWatch alarms", Amazon
 * CloudWatch User Guide: evaluation, and how missing data is treated).
 *
 * The N latest datapoints that exist decide; where fewer than N of those looked at exist, the
 * treatment of missing data fills in the rest. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* So many more periods are looked at than are evaluated, for data that comes late. */
#define ALARM_MORE_PERIODS 2
#define ALARM_PERIODS_MOST 1440

typedef enum AlarmMissing {
    ALARM_MISSING_MISSING,
    ALARM_MISSING_IGNORE,
    ALARM_MISSING_BREACHING,
    ALARM_MISSING_NOT_BREACHING,
} AlarmMissing;

typedef enum AlarmState {
    ALARM_STATE_OK,
    ALARM_STATE_ALARM,
    ALARM_STATE_INSUFFICIENT_DATA,
    ALARM_STATE_KEPT, /* whatever it was */
} AlarmState;

/* GreaterThanThreshold and so on; false when it is none. */
bool alarm_comparison_is_known(const char *comparison);

typedef struct AlarmRule {
    size_t n, m; /* M breaching ones of N */
    const char *comparison;
    double threshold;
    AlarmMissing missing;
} AlarmRule;

typedef struct AlarmDecision {
    AlarmState state;
    size_t breaching; /* of the datapoints that exist and were evaluated */
    size_t evaluated; /* datapoints that exist */
    size_t filled;    /* missing ones that were treated as something, or are unknown */
} AlarmDecision;

/* values: the N + ALARM_MORE_PERIODS latest periods, the oldest first; NaN: missing. */
void alarm_decide(const AlarmRule *rule, const double *values, size_t n,
                  AlarmDecision *ret_decision);
bool alarm_breaches(const AlarmRule *rule, double value);
