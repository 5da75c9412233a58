/* An hour of a series, as bytes: points in the order of time, each with what differs from the one
 * before it, so that a minute in which nothing changed takes two bytes. And points on their own, as
 * the log holds them. Pure. */
#pragma once

#include "base/clock.h"
#include "cloud/metrics.h"

/* More different values of one point than these are kept as those within 1 % of each other. */
#define METRIC_VALUES_KEPT 160

/* Appends a point: offset is in units of the block's resolution from the hour's beginning. Points
 * come in ascending order; *last is the state of the writer, zeroed at a block's beginning. */
typedef struct BlockEnd {
    int64_t offset;
    MetricStat stat;
} BlockEnd;
void block_append(GByteArray *block, BlockEnd *end, int64_t offset, const MetricPoint *point);

/* MetricPoint * of a block, their times made from the hour (seconds since the epoch) and the
 * resolution (seconds). What is damaged ends it. *ret_end (may be NULL) is for going on. */
void block_read(Arena *arena, const void *data, size_t size, int64_t hour, int64_t resolution,
                List *points, BlockEnd *ret_end);

/* Numbers of the same bytes, for the log: false when there are none left. */
void bytes_put_number(GByteArray *bytes, uint64_t number);
bool bytes_take_number(const uint8_t **at, const uint8_t *end, uint64_t *ret_number);

/* Puts what one point counted into another; their times are the caller's business. Values stay
 * known as long as they are of both. into's arrays are replaced by ones in the arena. */
void metric_point_merge(Arena *arena, MetricPoint *into, const MetricPoint *from);
/* The values of one datum as a point: sorted, equal ones together. counts NULL: once each. */
void metric_point_of_values(Arena *arena, const double *values, const double *counts, size_t n,
                            MetricPoint *ret_point);
/* A statistic set: its value is known when there is but one. */
void metric_point_of_stat(Arena *arena, const MetricStat *stat, MetricPoint *ret_point);

/* Points in the order of time as points of a coarser resolution (seconds), in a new list. */
void metric_points_coarsen(Arena *arena, const List *points, int64_t resolution, List *coarse);
