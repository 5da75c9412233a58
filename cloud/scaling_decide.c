/* The decisions of Auto Scaling. Invariant: nothing here asks for anything. */
#include "cloud/scaling_decide.h"

#include "base/clock.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_MOST 1000000.0
#define BACKOFF_FIRST (5 * CLOCK_SECOND)
#define BACKOFF_MOST (900 * CLOCK_SECOND)
#define HOUR (3600 * CLOCK_SECOND)

bool adjustment_parse(const char *name, AdjustmentType *ret_type)
{
    static const char *const names[] = {
        [ADJUST_BY] = "ChangeInCapacity",
        [ADJUST_TO] = "ExactCapacity",
        [ADJUST_BY_PERCENT] = "PercentChangeInCapacity",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        if (strcmp(names[i], name) == 0) {
            *ret_type = (AdjustmentType)i;
            return true;
        }
    }
    return false;
}

static int64_t within(double capacity, CapacityRange range)
{
    double bounded = CLAMP(capacity, 0.0, CAPACITY_MOST);
    return CLAMP((int64_t)bounded, range.min, MAX(range.min, range.max));
}

/* "Values greater than 1 are rounded down … between 0 and 1 are rounded to 1 …" */
static double percent_of(int64_t capacity, int64_t percent, int64_t min_magnitude)
{
    double change = (double)capacity * (double)percent / 100.0;
    double whole = trunc(change);
    if (change > 0 && change < 1)
        whole = 1;
    else if (change < 0 && change > -1)
        whole = -1;
    if (min_magnitude > 0 && fabs(whole) < (double)min_magnitude && percent != 0)
        whole = percent > 0 ? (double)min_magnitude : -(double)min_magnitude;
    return whole;
}

int64_t capacity_adjust(int64_t capacity, AdjustmentType type, int64_t amount,
                        int64_t min_magnitude, CapacityRange range)
{
    switch (type) {
    case ADJUST_BY:
        return within((double)capacity + (double)amount, range);
    case ADJUST_TO:
        return within((double)amount, range);
    case ADJUST_BY_PERCENT:
        return within((double)capacity + percent_of(capacity, amount, min_magnitude), range);
    }
    g_assert_not_reached();
}

const ScalingStep *step_choose(const ScalingStep *steps, size_t n, double breach)
{
    for (size_t i = 0; i < n; i++) {
        bool inside = breach >= 0 ? breach >= steps[i].lower && breach < steps[i].upper
                                  : breach > steps[i].lower && breach <= steps[i].upper;
        if (inside)
            return &steps[i];
    }
    return NULL;
}

const char *steps_problem(const ScalingStep *steps, size_t n)
{
    size_t open_below = 0, open_above = 0;
    for (size_t i = 0; i < n; i++) {
        const ScalingStep *step = &steps[i];
        if (isinf(step->lower) && isinf(step->upper) && n > 1)
            return "At most one StepAdjustment may have neither a lower nor an upper bound";
        if (step->lower >= step->upper)
            return "StepAdjustment interval lower bound must be less than the upper bound";
        open_below += isinf(step->lower) ? 1 : 0;
        open_above += isinf(step->upper) ? 1 : 0;
        for (size_t j = 0; j < i; j++)
            if (step->lower < steps[j].upper && steps[j].lower < step->upper)
                return "StepAdjustment intervals can't overlap";
    }
    if (open_below > 1)
        return "At most one StepAdjustment may have an unspecified lower bound";
    if (open_above > 1)
        return "At most one StepAdjustment may have an unspecified upper bound";
    /* Each but the lowest begins where another ends. */
    size_t beginnings = 0;
    for (size_t i = 0; i < n; i++) {
        bool follows = false;
        for (size_t j = 0; j < n; j++)
            follows = follows || (j != i && steps[j].upper == steps[i].lower);
        beginnings += follows ? 0 : 1;
    }
    return beginnings > 1 ? "There must not be any gaps between StepAdjustment intervals" : NULL;
}

int64_t capacity_step(int64_t desired, int64_t warming, AdjustmentType type, int64_t amount,
                      int64_t min_magnitude, CapacityRange range)
{
    int64_t steady = MAX(desired - warming, 0);
    int64_t wanted = capacity_adjust(steady, type, amount, min_magnitude, range);
    if (wanted >= steady) /* it grows, or would: what is warming up counts towards that */
        return CLAMP(MAX(desired, wanted), range.min, MAX(range.min, range.max));
    return warming > 0 ? desired : wanted;
}

int64_t capacity_track(int64_t desired, int64_t serving, double target, double metric, bool grow,
                       CapacityRange range)
{
    if (target <= 0 || metric < 0 || serving <= 0)
        return desired;
    int64_t wanted = within(ceil((double)serving * metric / target), range);
    return grow ? MAX(desired, wanted) : MIN(desired, wanted);
}

const char *const trigger_status_names[] = {
    [TRIGGER_NO_DATA] = "NoData",
    [TRIGGER_LOW] = "LowBreaching",
    [TRIGGER_NOT_BREACHING] = "NotBreaching",
    [TRIGGER_HIGH] = "HighBreaching",
};

TriggerStatus trigger_judge(const double *values, size_t n, size_t expected, double lower,
                            double upper)
{
    size_t low = 0, high = 0;
    if (n == 0)
        return TRIGGER_NO_DATA;
    for (size_t i = 0; i < n; i++) {
        low += values[i] < lower ? 1 : 0;
        high += values[i] > upper ? 1 : 0;
    }
    if (n < expected) /* it has not lasted that long, or nobody knows */
        return TRIGGER_NOT_BREACHING;
    return high == n ? TRIGGER_HIGH : low == n ? TRIGGER_LOW : TRIGGER_NOT_BREACHING;
}

bool increment_parse(const char *text, int64_t *ret_amount, bool *ret_percent)
{
    char *end;
    int64_t amount = g_ascii_strtoll(text, &end, 10);
    bool percent = *end == '%';
    if (end == text || g_ascii_isspace(*text) || (percent ? end[1] : end[0]) ||
        ABS(amount) > (int64_t)CAPACITY_MOST)
        return false;
    *ret_amount = amount;
    *ret_percent = percent;
    return true;
}

/* ---- which one ---- */

/* By what it was launched by, if that is of the kind asked for; those launched by a configuration
 * go before those launched by a template. */
static int64_t age_rank(const Candidate *candidate, bool by_template)
{
    if (candidate->by_template != by_template)
        return by_template ? 0 : INT64_MAX;
    return candidate->is_current ? INT64_MAX : candidate->configuration_made;
}

/* Smaller goes first. */
static int64_t rank(const Candidate *candidate, const char *policy, int64_t now)
{
    if (strcmp(policy, "OldestInstance") == 0)
        return candidate->launched;
    if (strcmp(policy, "NewestInstance") == 0)
        return -candidate->launched;
    if (strcmp(policy, "OldestLaunchConfiguration") == 0)
        return age_rank(candidate, false);
    if (strcmp(policy, "OldestLaunchTemplate") == 0)
        return age_rank(candidate, true);
    if (strcmp(policy, "ClosestToNextInstanceHour") == 0)
        return HOUR - (now - candidate->launched) % HOUR;
    return 0; /* of spot instances, of which there are none */
}

static bool goes_before(const Candidate *a, const Candidate *b, const List *policies, int64_t now)
{
    static const char *const defaults[] = {"OldestLaunchConfiguration", "OldestLaunchTemplate",
                                           "ClosestToNextInstanceHour"};
    LIST_EACH (const char *, policy, policies) {
        bool is_default = strcmp(policy, "Default") == 0;
        for (size_t i = 0; i < (is_default ? G_N_ELEMENTS(defaults) : 1); i++) {
            const char *one = is_default ? defaults[i] : policy;
            int64_t first = rank(a, one, now), second = rank(b, one, now);
            if (first != second)
                return first < second;
        }
    }
    return a->launched != b->launched ? a->launched < b->launched : strcmp(a->id, b->id) < 0;
}

size_t victim_choose(const Candidate *candidates, size_t n, const List *policies, int64_t now)
{
    g_autoptr(GHashTable) counts = g_hash_table_new(g_str_hash, g_str_equal);
    size_t most = 0, chosen = n;
    for (size_t i = 0; i < n; i++) {
        size_t count = GPOINTER_TO_SIZE(g_hash_table_lookup(counts, candidates[i].zone)) + 1;
        g_hash_table_insert(counts, (void *)candidates[i].zone, GSIZE_TO_POINTER(count));
    }
    for (size_t i = 0; i < n; i++)
        if (!candidates[i].spared)
            most = MAX(most, GPOINTER_TO_SIZE(g_hash_table_lookup(counts, candidates[i].zone)));
    for (size_t i = 0; i < n; i++) {
        if (candidates[i].spared ||
            GPOINTER_TO_SIZE(g_hash_table_lookup(counts, candidates[i].zone)) != most)
            continue;
        if (chosen == n || goes_before(&candidates[i], &candidates[chosen], policies, now))
            chosen = i;
    }
    return chosen;
}

size_t zone_choose(const unsigned *counts, size_t n_zones)
{
    size_t chosen = 0;
    for (size_t i = 1; i < n_zones; i++)
        if (counts[i] < counts[chosen])
            chosen = i;
    return chosen;
}

bool zones_differ(const unsigned *counts, size_t n_zones)
{
    unsigned least = UINT_MAX, most = 0;
    for (size_t i = 0; i < n_zones; i++) {
        least = MIN(least, counts[i]);
        most = MAX(most, counts[i]);
    }
    return n_zones > 1 && most >= least + 2;
}

int64_t launch_backoff(int64_t failures)
{
    int64_t shift = CLAMP(failures - 1, 0, 10);
    return failures > 0 ? MIN(BACKOFF_FIRST << shift, BACKOFF_MOST) : 0;
}
