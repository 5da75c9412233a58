/* <directory>/metrics.db: what was measured, in a database of its own, because it is written all
 * the time: a commit of the main store makes what its readers remember stale.
 *
 * Three tables. A *series* is a metric in one unit. A *block* is an hour of a series, encoded by
 * cloud/metric_block.h. The *log* holds what was measured since blocks were last written: whoever
 * opens the file adds it to them. What is in all of them is the business of cloud/metrics.c.
 *
 * Writing is durable (WAL, synchronous=FULL). Used by one thread at a time. Errors are troubles. */
#pragma once

#include "base/arena.h"
#include <stdint.h>

typedef struct MetricFile MetricFile;

typedef struct MetricFileSeries {
    int64_t id;
    const char *account_id, *space, *name, *dimensions, *unit;
    int64_t last_hour; /* of its newest block, seconds since the epoch; 0: it has none */
} MetricFileSeries;

typedef struct MetricFileBlock {
    int64_t series;
    int64_t hour;       /* where it begins, seconds since the epoch */
    int64_t resolution; /* seconds */
    const void *data;
    size_t size;
} MetricFileBlock;

bool metric_file_open(const char *directory, MetricFile **ret_file, GError **error);
void metric_file_close(MetricFile *file); /* NULL is fine */

/* All that follows until the end is written together, or not at all when ok is false (which it then
 * returns: error is the caller's) or the commit fails. */
bool metric_file_begin(MetricFile *file, GError **error);
bool metric_file_end(MetricFile *file, bool ok, GError **error);

bool metric_file_add_series(MetricFile *file, const MetricFileSeries *series, GError **error);
bool metric_file_add_log(MetricFile *file, const void *data, size_t size, GError **error);
bool metric_file_clear_log(MetricFile *file, GError **error);
bool metric_file_put_block(MetricFile *file, const MetricFileBlock *block, GError **error);
/* Blocks that begin before that hour. */
bool metric_file_forget(MetricFile *file, int64_t before, GError **error);
/* Everything. */
bool metric_file_clear(MetricFile *file, GError **error);

/* Reading: each calls visit for every row, which must not use the file; what it is shown is gone
 * when it returns. */
bool metric_file_read_series(MetricFile *file,
                             void (*visit)(void *data, const MetricFileSeries *series), void *data,
                             GError **error);
bool metric_file_read_log(MetricFile *file, void (*visit)(void *data, const void *log, size_t size),
                          void *data, GError **error);
typedef void (*MetricFileVisit)(void *data, const MetricFileBlock *block);
/* Of one series that begin in [from, to], oldest first. */
bool metric_file_read_blocks(MetricFile *file, int64_t series, int64_t from, int64_t to,
                             MetricFileVisit visit, void *data, GError **error);
/* Of that resolution that begin before; at most so many. */
bool metric_file_read_aged(MetricFile *file, int64_t resolution, int64_t before, int64_t most,
                           MetricFileVisit visit, void *data, GError **error);
