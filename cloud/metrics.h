/* Metrics: numbers by account, namespace, name, dimensions and unit, kept as statistics of each
 * minute and rolled up with age as CloudWatch does: of 1 s (metrics that ask for it) for 3 hours,
 * of 60 s for 15 days, of 300 s for 63 days, of an hour for 455 days.
 *
 * Times are those of the fast clock (cloud/fast_clock.h), microseconds. Values that were *put* are
 * durable when the call returns; those that were *sampled* are kept in memory and written together,
 * so a killed daemon forgets the last minute of them. All is thread-safe; nothing here touches the
 * main store, so that sampling wakes nobody and spoils no remembered reply.
 *
 * Metrics of the cloud's own have namespaces that begin with "AWS/". */
#pragma once

#include "base/arena.h"
#include "base/clock.h"
#include "cloud/context.h"
#include <stdint.h>

typedef struct Metrics Metrics;
typedef struct MetricSeries MetricSeries; /* lives until cloud_reset's metrics_clear or the end */

#define METRIC_DIMENSIONS_MOST 30
#define METRIC_VALUES_MOST 150 /* different values of one datum */
#define METRIC_PAGE 500        /* of ListMetrics */

typedef struct MetricDimension {
    const char *name, *value; /* value NULL, in searches: any */
} MetricDimension;

typedef struct MetricKey {
    const char *account_id, *space, *name;
    List dimensions;  /* of MetricDimension *, in any order */
    const char *unit; /* "Percent", "Bytes", "None" …; NULL: "None"; when reading: any */
} MetricKey;

/* What was measured in a while; count 0: nothing. */
typedef struct MetricStat {
    double count, sum, min, max;
} MetricStat;

/* The metrics of an open cloud. */
Metrics *cloud_metrics(Cloud *cloud);

/* ---- writing ---- */

/* The series of a key, made where there is none. Keep it rather than asking again, but no longer
 * than the generation (below) stays the same. */
MetricSeries *metrics_series(Metrics *metrics, const MetricKey *key);
/* Changes when every series became invalid. */
unsigned metrics_generation(Metrics *metrics);

typedef struct MetricSample {
    MetricSeries *series;
    MetricStat stat; /* of one value v: {1, v, v, v} */
} MetricSample;
/* Sampled values of one moment; not durable. Samples of series of another generation must not be
 * given: hold the generation that metrics_series was called under; else nothing is added. */
void metrics_sample(Metrics *metrics, unsigned generation, int64_t time,
                    const MetricSample *samples, size_t n);
/* Until when what is sampled is in: what decides by sampled values looks no further, or it would
 * take what is still to come for missing. */
int64_t metrics_sampled_until(Metrics *metrics);
static inline MetricStat metric_value(double value)
{
    return (MetricStat){1, value, value, value};
}

typedef struct MetricDatum {
    MetricKey key;
    int64_t time;
    bool high_resolution; /* 1 s rather than 60 s */
    /* Either: */
    MetricStat stat; /* count > 0: a StatisticSet */
    /* or so many values, each with how often it was measured (counts NULL: once). */
    size_t n_values;
    const double *values, *counts;
} MetricDatum;
/* Durable. data: of MetricDatum *; checked by the caller. Trouble only. */
bool metrics_put(Metrics *metrics, const List *data, GError **error);

/* ---- reading ---- */

typedef struct MetricPoint {
    int64_t time; /* where its period begins */
    MetricStat stat;
    const char *unit; /* of a reading by unit; NULL: of any */
    /* All values with their counts in ascending order, where they are known (percentiles); else
     * n_values is 0. Of many different values each stands for those within 1 % of it. */
    size_t n_values;
    const double *values, *counts;
} MetricPoint;

typedef struct MetricRange {
    int64_t start, end; /* [start, end): of the periods' beginnings: start, start + period, … */
    int64_t period;     /* seconds */
    bool by_unit;       /* points of each unit apart; else of all units together */
} MetricRange;
/* Points (MetricPoint *) that have a value, in the order of time. What is older than its resolution
 * is kept shows as one point of the coarser period. A metric that is not known has none. Sampled
 * values of the minute under way count. */
bool metrics_read(Metrics *metrics, Arena *arena, const MetricKey *key, const MetricRange *range,
                  List *points, GError **error);

/* "Average", "Sum", "Minimum", "Maximum", "SampleCount", "p99", "tm90", "TM(10%:90%)", …: whether
 * it is one, and its value; NaN where the point does not tell. */
bool metric_statistic_is_known(const char *statistic);
/* p99 and so on: needs values. */
bool metric_statistic_is_extended(const char *statistic);
double metric_point_value(const MetricPoint *point, const char *statistic);

/* A metric that has (or recently had) values. */
typedef struct MetricSearch {
    const char *account_id;
    const char *space, *name; /* NULL: any */
    List dimensions;          /* of MetricDimension *: it has these, and maybe others */
    int64_t active_since;     /* only those with a value since then */
    int64_t after;            /* where a page begins: as returned, 0 for the first */
} MetricSearch;
/* MetricKey * (unit NULL), at most METRIC_PAGE; *ret_after is where the next page begins, 0 when
 * this is the last. */
void metrics_list(Metrics *metrics, Arena *arena, const MetricSearch *search, List *keys,
                  int64_t *ret_after);

/* Dimensions in one order as one text, "name\nvalue\n…", and back (MetricDimension *). */
const char *metric_dimensions_text(Arena *arena, const List *dimensions);
void metric_dimensions_read(Arena *arena, const char *text, List *dimensions);

/* ---- life ---- private to cloud/ */

/* directory/metrics.db. clock is the fast one. */

bool metrics_open(const char *directory, Clock *clock, Metrics **ret_metrics, GError **error);
void metrics_close(Metrics *metrics); /* writes what is only in memory; NULL is fine */
bool metrics_clear(Metrics *metrics, GError **error);
/* Writes finished minutes of sampled series, merges what was logged, rolls up what has aged, each
 * when its time has come. Call it about every second; the sampler does. */
bool metrics_tidy(Metrics *metrics, GError **error);
