/* Statistics by their names: the five simple ones, and those over the distribution of values
 * ("CloudWatch statistics definitions", Amazon CloudWatch User Guide).
 *
 * Invariant: what one function takes for a statistic the other computes. */
#include "cloud/metrics.h"

#include <math.h>
#include <string.h>

typedef enum StatisticKind {
    STATISTIC_AVERAGE,
    STATISTIC_SUM,
    STATISTIC_MINIMUM,
    STATISTIC_MAXIMUM,
    STATISTIC_SAMPLE_COUNT,
    STATISTIC_PERCENTILE,
    STATISTIC_TRIMMED_MEAN,
    STATISTIC_WINSORIZED_MEAN,
    STATISTIC_TRIMMED_COUNT,
    STATISTIC_TRIMMED_SUM,
    STATISTIC_PERCENTILE_RANK,
} StatisticKind;

typedef struct Statistic {
    StatisticKind kind;
    bool absolute;    /* the bounds are values, not percents */
    double low, high; /* from the first exclusive to the second inclusive */
} Statistic;

static const struct {
    const char *name;
    StatisticKind kind;
} simple[] = {
    {"Average", STATISTIC_AVERAGE},          {"Sum", STATISTIC_SUM},
    {"Minimum", STATISTIC_MINIMUM},          {"Maximum", STATISTIC_MAXIMUM},
    {"SampleCount", STATISTIC_SAMPLE_COUNT},
};

static const struct {
    const char *prefix;
    StatisticKind kind;
} extended[] = {
    {"tm", STATISTIC_TRIMMED_MEAN},    {"wm", STATISTIC_WINSORIZED_MEAN},
    {"tc", STATISTIC_TRIMMED_COUNT},   {"ts", STATISTIC_TRIMMED_SUM},
    {"pr", STATISTIC_PERCENTILE_RANK}, {"p", STATISTIC_PERCENTILE},
};

static bool take_number(const char **text, double *ret_value)
{
    char *end;
    if (!g_ascii_isdigit(**text) && **text != '-' && **text != '.')
        return false;
    *ret_value = g_ascii_strtod(*text, &end);
    bool ok = end > *text && isfinite(*ret_value);
    *text = end;
    return ok;
}

/* "99", "99.9": a percent. */
static bool read_percent(const char *text, double *ret_value)
{
    return take_number(&text, ret_value) && !*text && *ret_value >= 0 && *ret_value <= 100;
}

/* One side of "10%:90%"; nothing there is the default. */
static bool take_bound(const char **text, double *bound, bool *percent, bool *given)
{
    *given = **text != ':' && **text != ')';
    if (!*given)
        return true;
    if (!take_number(text, bound))
        return false;
    *percent = **text == '%';
    *text += *percent;
    return true;
}

/* "(10%:90%)", "(:300)" */
static bool read_range(const char *text, Statistic *statistic)
{
    double low = 0, high = 0;
    bool low_percent = false, high_percent = false, has_low, has_high;
    if (*text++ != '(' || !take_bound(&text, &low, &low_percent, &has_low) || *text++ != ':' ||
        !take_bound(&text, &high, &high_percent, &has_high) || strcmp(text, ")") != 0 ||
        (!has_low && !has_high) || (has_low && has_high && low_percent != high_percent))
        return false;
    statistic->absolute = has_low ? !low_percent : !high_percent;
    statistic->low = has_low ? low : statistic->absolute ? -INFINITY : 0;
    statistic->high = has_high ? high : statistic->absolute ? INFINITY : 100;
    return statistic->low < statistic->high &&
           (statistic->absolute || (statistic->low >= 0 && statistic->high <= 100));
}

static bool read_statistic(const char *text, Statistic *statistic)
{
    *statistic = (Statistic){0};
    for (size_t i = 0; i < G_N_ELEMENTS(simple); i++) {
        if (strcmp(simple[i].name, text) == 0) {
            statistic->kind = simple[i].kind;
            return true;
        }
    }
    if (g_ascii_strcasecmp(text, "IQM") == 0) {
        *statistic = (Statistic){.kind = STATISTIC_TRIMMED_MEAN, .low = 25, .high = 75};
        return true;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(extended); i++) {
        size_t size = strlen(extended[i].prefix);
        if (g_ascii_strncasecmp(text, extended[i].prefix, size) != 0)
            continue;
        statistic->kind = extended[i].kind;
        if (text[size] == '(')
            return statistic->kind != STATISTIC_PERCENTILE && read_range(text + size, statistic) &&
                   (statistic->kind != STATISTIC_PERCENTILE_RANK || statistic->absolute);
        return statistic->kind != STATISTIC_PERCENTILE_RANK &&
               read_percent(text + size, &statistic->high);
    }
    return false;
}

bool metric_statistic_is_known(const char *text)
{
    Statistic statistic;
    return read_statistic(text, &statistic);
}

bool metric_statistic_is_extended(const char *text)
{
    Statistic statistic;
    return read_statistic(text, &statistic) && statistic.kind >= STATISTIC_PERCENTILE;
}

/* The value below or at which percent of the samples lie, between neighbours by proportion. */
static double percentile(const MetricPoint *point, double percent)
{
    double total = 0;
    for (size_t i = 0; i < point->n_values; i++)
        total += point->counts[i];
    double rank = percent / 100 * (total - 1), seen = 0;
    for (size_t i = 0; i < point->n_values; i++) {
        double last = seen + point->counts[i] - 1;
        if (rank <= last)
            return point->values[i];
        if (i + 1 < point->n_values && rank < last + 1)
            return point->values[i] + (rank - last) * (point->values[i + 1] - point->values[i]);
        seen += point->counts[i];
    }
    return point->values[point->n_values - 1];
}

typedef struct Trimmed {
    double count, sum, below, above; /* below, above: counts of what was cut off */
    double min, max;
} Trimmed;

static Trimmed trim(const MetricPoint *point, const Statistic *statistic)
{
    Trimmed trimmed = {.min = INFINITY, .max = -INFINITY};
    double total = 0, seen = 0;
    for (size_t i = 0; i < point->n_values; i++)
        total += point->counts[i];
    for (size_t i = 0; i < point->n_values; i++) {
        double value = point->values[i], count = point->counts[i], inside;
        if (statistic->absolute) {
            inside = value > statistic->low && value <= statistic->high ? count : 0;
            trimmed.below += value <= statistic->low ? count : 0;
        } else {
            double from = MAX(seen, total * statistic->low / 100);
            double to = MIN(seen + count, total * statistic->high / 100);
            inside = MAX(to - from, 0);
            trimmed.below += CLAMP(total * statistic->low / 100 - seen, 0, count);
        }
        seen += count;
        if (inside > 0) {
            trimmed.count += inside;
            trimmed.sum += inside * value;
            trimmed.min = MIN(trimmed.min, value);
            trimmed.max = MAX(trimmed.max, value);
        }
    }
    trimmed.above = total - trimmed.count - trimmed.below;
    return trimmed;
}

static double distribution_value(const MetricPoint *point, const Statistic *statistic)
{
    if (point->n_values == 0)
        return NAN;
    if (statistic->kind == STATISTIC_PERCENTILE)
        return percentile(point, statistic->high);
    Trimmed trimmed = trim(point, statistic);
    switch (statistic->kind) {
    case STATISTIC_TRIMMED_COUNT:
        return trimmed.count;
    case STATISTIC_TRIMMED_SUM:
        return trimmed.sum;
    case STATISTIC_PERCENTILE_RANK:
        return 100 * trimmed.count / (trimmed.count + trimmed.below + trimmed.above);
    case STATISTIC_WINSORIZED_MEAN:
        trimmed.sum += trimmed.below * trimmed.min + trimmed.above * trimmed.max;
        trimmed.count += trimmed.below + trimmed.above;
        break;
    default:
        break;
    }
    return trimmed.count > 0 && isfinite(trimmed.sum) ? trimmed.sum / trimmed.count : NAN;
}

double metric_point_value(const MetricPoint *point, const char *text)
{
    Statistic statistic;
    const MetricStat *stat = &point->stat;
    if (!read_statistic(text, &statistic) || !(stat->count > 0))
        return NAN;
    switch (statistic.kind) {
    case STATISTIC_AVERAGE:
        return stat->sum / stat->count;
    case STATISTIC_SUM:
        return stat->sum;
    case STATISTIC_MINIMUM:
        return stat->min;
    case STATISTIC_MAXIMUM:
        return stat->max;
    case STATISTIC_SAMPLE_COUNT:
        return stat->count;
    default:
        return distribution_value(point, &statistic);
    }
}
