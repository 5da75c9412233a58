/* What metrics are made of, for the files cloud/metrics*.c alone. */
#pragma once

#include "base/clock.h"
#include "cloud/metric_block.h"
#include "cloud/metrics.h"
#include "store/metric_file.h"

#define METRIC_HOUR 3600

typedef struct MetricBlock MetricBlock;
struct MetricBlock {
    MetricBlock *next;
    int64_t hour;       /* seconds since the epoch */
    int64_t resolution; /* seconds */
    bool dirty;         /* differs from what the file has */
    GByteArray *bytes;
    BlockEnd end;
};

struct MetricSeries {
    int64_t id; /* its place in Metrics.series, from 1 */
    char *account_id, *space, *name, *dimensions, *unit;
    MetricSeries *next_unit; /* of the same metric in another unit */
    int64_t last;            /* the latest time of a value */
    int64_t file_hour;       /* the newest that the file has a block of */
    bool touched;            /* is in Metrics.touched: has a minute under way */
    bool dirty;              /* is in Metrics.dirty: has a dirty block */
    int64_t minute;          /* under way: seconds since the epoch */
    MetricStat open;         /* what was sampled in it */
    MetricBlock *blocks;     /* in memory */
};

struct Metrics {
    Clock *clock;
    GMutex lock;        /* over all but file */
    GHashTable *by_key; /* MetricSeries in its first unit, by itself: all but id and unit */
    GPtrArray *series;
    GPtrArray *touched, *dirty;
    unsigned generation;
    int64_t sampled;  /* when that last happened; 0: not yet */
    int64_t merge_at; /* when blocks are next written */
    bool aged;        /* there may be more blocks to roll up */

    /* What is to be added to the file's log: rows (GByteArray), each readable on its own, and the
     * series that they are the first to name. Puts are numbered; written is the last that the file
     * has, failed the last that it refused. */
    GPtrArray *rows, *fresh;
    GByteArray *row; /* the last of rows, which grows; NULL: none */
    int64_t row_id, row_time;
    uint64_t row_bytes; /* since blocks were last written */
    uint64_t put, written, failed;
    bool committing;
    GCond committed;

    GMutex file_lock; /* taken after lock, or without */
    MetricFile *file;
};

/* The following want the lock. */

/* The block of an hour: in memory, or fetched from the file; NULL when there is none. */
bool metrics_find_block(Metrics *metrics, MetricSeries *series, int64_t hour,
                        MetricBlock **ret_block, GError **error);
MetricBlock *metric_block_in_memory(const MetricSeries *series, int64_t hour);
/* Adds what was counted to the block of its hour; resolution in seconds. */
bool metrics_add_point(Metrics *metrics, MetricSeries *series, int64_t time, int64_t resolution,
                       const MetricPoint *point, GError **error);
/* The series of a metric in its first unit, or NULL. */
MetricSeries *metrics_find(Metrics *metrics, const MetricKey *key);
/* Ends the minutes before that one (seconds) that are under way. */
bool metrics_end_minutes(Metrics *metrics, int64_t before, GError **error);
/* Writes every dirty block and empties the log. */
bool metrics_merge(Metrics *metrics, GError **error);
/* Writes the log; lets go of the lock meanwhile. */
bool metrics_commit(Metrics *metrics, GError **error);
/* Reads the log that an earlier daemon left into blocks. */
bool metrics_replay(Metrics *metrics, GError **error);
/* Adds to the log; sampled or put. */
void metrics_log_point(Metrics *metrics, const MetricSeries *series, int64_t time,
                       int64_t resolution, const MetricPoint *point);
