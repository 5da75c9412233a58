/* What Auto Scaling decides: from numbers to numbers. Pure: no store, no clock, no memory but the
 * caller's, so that days of load are simulated in a moment (tests/unit/cloud_scaling_days.c).
 *
 * Facts: "Step and simple scaling policies", "Target tracking", "Termination policies" (Amazon EC2
 * Auto Scaling User Guide); triggers: the API of 2009-05-15. Times are microseconds. */
#pragma once

#include "base/arena.h"
#include <stdint.h>

typedef struct CapacityRange {
    int64_t min, max;
} CapacityRange;

typedef enum AdjustmentType {
    ADJUST_BY,         /* ChangeInCapacity */
    ADJUST_TO,         /* ExactCapacity */
    ADJUST_BY_PERCENT, /* PercentChangeInCapacity */
} AdjustmentType;
bool adjustment_parse(const char *name, AdjustmentType *ret_type);

/* The capacity after an adjustment, within the range. Percentages are rounded towards zero, but to
 * 1 and -1 at least; min_magnitude > 0: a change by percents is at least so large. */
int64_t capacity_adjust(int64_t capacity, AdjustmentType type, int64_t amount,
                        int64_t min_magnitude, CapacityRange range);

/* A step of a policy: bounds are relative to the alarm's threshold; -INFINITY and INFINITY: none.
 */
typedef struct ScalingStep {
    double lower, upper;
    int64_t amount;
} ScalingStep;
/* The step that a breach by so much is in; NULL: none. Above the threshold the lower bound belongs
 * to a step, below it the upper one does. */
const ScalingStep *step_choose(const ScalingStep *steps, size_t n, double breach);
/* What is wrong with a policy's steps as AWS says it; NULL: nothing. */
const char *steps_problem(const ScalingStep *steps, size_t n);
/* Capacity after a step. warming: instances of `desired` that are still warming up: they are not
 * asked to do what a step of the same breach has already brought. Growing never makes less. */
int64_t capacity_step(int64_t desired, int64_t warming, AdjustmentType type, int64_t amount,
                      int64_t min_magnitude, CapacityRange range);

/* Capacity that brings a metric which falls as capacity grows to its target. serving: those that it
 * was measured of. Growing and shrinking are asked for by different alarms; what would go the other
 * way leaves `desired` as it is. */
int64_t capacity_track(int64_t desired, int64_t serving, double target, double metric, bool grow,
                       CapacityRange range);

/* ---- triggers of 2009 ---- */

typedef enum TriggerStatus {
    TRIGGER_NO_DATA,
    TRIGGER_LOW,
    TRIGGER_NOT_BREACHING,
    TRIGGER_HIGH,
} TriggerStatus;
extern const char *const trigger_status_names[]; /* "NoData" … */
/* values: the data points of the breach duration, which has room for `expected`. */
TriggerStatus trigger_judge(const double *values, size_t n, size_t expected, double lower,
                            double upper);
/* "-1", "+2", "10%", "-10%". */
bool increment_parse(const char *text, int64_t *ret_amount, bool *ret_percent);

/* ---- which one ---- */

typedef struct Candidate {
    const char *id, *zone;
    bool spared; /* protected, or otherwise not to be chosen */
    int64_t launched;
    /* 0: attached, or its configuration or version of a template is gone: the oldest of all */
    int64_t configuration_made;
    bool by_template; /* rather than by a configuration */
    bool is_current;  /* what it was launched by is what the group launches by */
} Candidate;
/* The index of the instance to terminate; n: none may be. policies: of const char *, in order. The
 * zone with the most instances is chosen first, whatever the policies say. */
size_t victim_choose(const Candidate *candidates, size_t n, const List *policies, int64_t now);

/* The index of the zone with the fewest members, the first of those; counts has one a zone. */
size_t zone_choose(const unsigned *counts, size_t n_zones);
/* Whether an instance launched in the emptiest zone and one terminated in the fullest would bring
 * them nearer to each other. */
bool zones_differ(const unsigned *counts, size_t n_zones);

/* How long to wait after so many launches in a row have failed. */
int64_t launch_backoff(int64_t failures);
