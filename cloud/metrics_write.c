/* From memory to the file: the log, blocks, and what becomes of them with age.
 *
 * Invariant: a row of the log is read as it was written, whatever stands in the others; and the log
 * is emptied in the transaction that writes the blocks with what it says. */
#include "cloud/metrics_state.h"

#include <string.h>

/* The log is merged into blocks so often, or when it is this large. */
#define MERGE_EVERY (METRIC_HOUR * CLOCK_SECOND)
#define LOG_MOST (64 * 1024 * 1024)
/* Rows of the log that samples fill. */
#define ROW_MOST (1024 * 1024)
/* Blocks rolled up at a time, so that nobody waits for long. */
#define ROLL_UP_MOST 500
/* So many hours stay in memory, the one under way included. */
#define HOURS_KEPT 2

/* How long each resolution is kept, and what it becomes then (Amazon CloudWatch User Guide,
 * "Metrics retention"). */
static const struct {
    int64_t resolution, kept_for, next;
} ages[] = {
    {1, 3 * METRIC_HOUR, 60},
    {60, 15 * 24 * METRIC_HOUR, 300},
    {300, 63 * 24 * METRIC_HOUR, 3600},
};
#define FORGOTTEN_AFTER (455 * 24 * METRIC_HOUR)

/* ---- the log ---- */

static uint64_t zigzag(int64_t number)
{
    return ((uint64_t)number << 1) ^ (uint64_t)(number >> 63);
}

static int64_t unzigzag(uint64_t number)
{
    return (int64_t)(number >> 1) ^ -(int64_t)(number & 1);
}

void metrics_log_point(Metrics *metrics, const MetricSeries *series, int64_t time,
                       int64_t resolution, const MetricPoint *point)
{
    if (!metrics->row || metrics->row->len > ROW_MOST) {
        metrics->row = g_byte_array_new();
        metrics->row_id = metrics->row_time = 0;
        g_ptr_array_add(metrics->rows, metrics->row);
    }
    g_autoptr(GByteArray) bytes = g_byte_array_sized_new(64);
    BlockEnd end = {0};
    int64_t seconds = time / CLOCK_SECOND;
    block_append(bytes, &end, 0, point);
    bytes_put_number(metrics->row, zigzag(series->id - metrics->row_id));
    bytes_put_number(metrics->row, zigzag(seconds - metrics->row_time));
    bytes_put_number(metrics->row, (uint64_t)resolution);
    bytes_put_number(metrics->row, bytes->len);
    g_byte_array_append(metrics->row, bytes->data, bytes->len);
    metrics->row_id = series->id;
    metrics->row_time = seconds;
    metrics->row_bytes += bytes->len;
}

typedef struct Replay {
    Metrics *metrics;
    GError *error;
    GPtrArray *rows; /* of GBytes: the file is not used while it is read */
} Replay;

static void note_row(void *data, const void *log, size_t size)
{
    g_ptr_array_add(((Replay *)data)->rows, g_bytes_new(log, size));
}

static bool replay_point(Metrics *metrics, int64_t id, int64_t seconds, int64_t resolution,
                         const uint8_t *data, size_t size, GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    List points = {0};
    block_read(arena, data, size, 0, 1, &points, NULL);
    bool sound = id >= 1 && id <= metrics->series->len && points.n == 1 && seconds >= 0 &&
                 (resolution == 1 || resolution == 60);
    return !sound || metrics_add_point(metrics, metrics->series->pdata[id - 1],
                                       seconds * CLOCK_SECOND, resolution, points.items[0], error);
}

static bool replay_row(Metrics *metrics, const uint8_t *at, size_t size, GError **error)
{
    const uint8_t *end = at + size;
    int64_t id = 0, seconds = 0;
    uint64_t id_step, time_step, resolution, length;
    while (bytes_take_number(&at, end, &id_step) && bytes_take_number(&at, end, &time_step) &&
           bytes_take_number(&at, end, &resolution) && bytes_take_number(&at, end, &length) &&
           length <= (uint64_t)(end - at)) {
        id += unzigzag(id_step);
        seconds += unzigzag(time_step);
        if (!replay_point(metrics, id, seconds, (int64_t)resolution, at, length, error))
            return false;
        at += length;
    }
    return true;
}

bool metrics_replay(Metrics *metrics, GError **error)
{
    g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    Replay replay = {.metrics = metrics, .rows = rows};
    if (!metric_file_read_log(metrics->file, note_row, &replay, error))
        return false;
    for (size_t i = 0; i < rows->len; i++) {
        size_t size;
        const uint8_t *data = g_bytes_get_data(rows->pdata[i], &size);
        if (!replay_row(metrics, data, size, error))
            return false;
    }
    return rows->len == 0 || metrics_merge(metrics, error);
}

/* ---- writing ---- */

static bool add_fresh(MetricFile *file, const GPtrArray *fresh, GError **error)
{
    for (size_t i = 0; i < fresh->len; i++) {
        const MetricSeries *series = fresh->pdata[i];
        const MetricFileSeries row = {
            .id = series->id,
            .account_id = series->account_id,
            .space = series->space,
            .name = series->name,
            .dimensions = series->dimensions,
            .unit = series->unit,
        };
        if (!metric_file_add_series(file, &row, error))
            return false;
    }
    return true;
}

static bool add_rows(MetricFile *file, const GPtrArray *rows, GError **error)
{
    for (size_t i = 0; i < rows->len; i++) {
        const GByteArray *row = rows->pdata[i];
        if (!metric_file_add_log(file, row->data, row->len, error))
            return false;
    }
    return true;
}

/* What could not be written waits for the next time, before what came meanwhile. */
static void put_back(GPtrArray **array, GPtrArray *unwritten)
{
    g_ptr_array_extend_and_steal(unwritten, *array);
    *array = unwritten;
}

bool metrics_commit(Metrics *metrics, GError **error)
{
    GPtrArray *rows = metrics->rows, *fresh = metrics->fresh;
    uint64_t put = metrics->put;
    metrics->rows = g_ptr_array_new_with_free_func((GDestroyNotify)g_byte_array_unref);
    metrics->fresh = g_ptr_array_new();
    metrics->row = NULL;
    metrics->committing = true;
    g_mutex_unlock(&metrics->lock);

    g_mutex_lock(&metrics->file_lock);
    bool ok = metric_file_begin(metrics->file, error);
    if (ok)
        ok = metric_file_end(
            metrics->file,
            add_fresh(metrics->file, fresh, error) && add_rows(metrics->file, rows, error), error);
    g_mutex_unlock(&metrics->file_lock);

    g_mutex_lock(&metrics->lock);
    metrics->committing = false;
    g_cond_broadcast(&metrics->committed);
    if (ok) {
        metrics->written = put;
        g_ptr_array_unref(rows);
        g_ptr_array_unref(fresh);
    } else {
        metrics->failed = put;
        put_back(&metrics->rows, rows);
        put_back(&metrics->fresh, fresh);
        metrics->row = NULL;
    }
    return ok;
}

static bool write_blocks(Metrics *metrics, GError **error)
{
    for (size_t i = 0; i < metrics->dirty->len; i++) {
        const MetricSeries *series = metrics->dirty->pdata[i];
        for (const MetricBlock *block = series->blocks; block; block = block->next) {
            const MetricFileBlock row = {series->id, block->hour, block->resolution,
                                         block->bytes->data, block->bytes->len};
            if (block->dirty && !metric_file_put_block(metrics->file, &row, error))
                return false;
        }
    }
    return true;
}

/* Blocks that the file has now; the older ones need not stay in memory. */
static void settle_blocks(MetricSeries *series, int64_t oldest)
{
    for (MetricBlock **at = &series->blocks; *at;) {
        MetricBlock *block = *at;
        if (block->dirty)
            series->file_hour = MAX(series->file_hour, block->hour);
        block->dirty = false;
        if (block->hour < oldest) {
            *at = block->next;
            g_byte_array_unref(block->bytes);
            g_free(block);
        } else {
            at = &block->next;
        }
    }
}

bool metrics_merge(Metrics *metrics, GError **error)
{
    while (metrics->committing)
        g_cond_wait(&metrics->committed, &metrics->lock);
    g_mutex_lock(&metrics->file_lock);
    bool ok = metric_file_begin(metrics->file, error);
    if (ok)
        ok = metric_file_end(metrics->file,
                             add_fresh(metrics->file, metrics->fresh, error) &&
                                 write_blocks(metrics, error) &&
                                 metric_file_clear_log(metrics->file, error),
                             error);
    g_mutex_unlock(&metrics->file_lock);
    if (!ok)
        return false;
    int64_t now = clock_now(metrics->clock) / CLOCK_SECOND;
    int64_t oldest = now - now % METRIC_HOUR - (HOURS_KEPT - 1) * METRIC_HOUR;
    for (size_t i = 0; i < metrics->series->len; i++)
        settle_blocks(metrics->series->pdata[i], oldest);
    for (size_t i = 0; i < metrics->dirty->len; i++)
        ((MetricSeries *)metrics->dirty->pdata[i])->dirty = false;
    g_ptr_array_set_size(metrics->dirty, 0);
    g_ptr_array_set_size(metrics->fresh, 0);
    g_ptr_array_set_size(metrics->rows, 0);
    metrics->row = NULL;
    metrics->row_bytes = 0;
    metrics->written = metrics->put;
    g_cond_broadcast(&metrics->committed);
    metrics->merge_at = clock_now(metrics->clock) + MERGE_EVERY;
    return true;
}

/* ---- age ---- */

typedef struct Aged {
    Arena *arena;
    List blocks; /* of MetricFileBlock *, with their data */
} Aged;

static void note_aged(void *data, const MetricFileBlock *row)
{
    Aged *aged = data;
    MetricFileBlock *block = arena_memdup(aged->arena, row, sizeof(*row));
    block->data = arena_memdup(aged->arena, row->data, row->size);
    list_add(&aged->blocks, aged->arena, block);
}

static bool roll_up(MetricFile *file, const MetricFileBlock *block, int64_t resolution,
                    GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    List points = {0}, coarse = {0};
    BlockEnd end = {0};
    block_read(arena, block->data, block->size, block->hour, block->resolution, &points, NULL);
    metric_points_coarsen(arena, &points, resolution, &coarse);
    LIST_EACH (const MetricPoint *, point, &coarse)
        block_append(bytes, &end, (point->time / CLOCK_SECOND - block->hour) / resolution, point);
    const MetricFileBlock row = {block->series, block->hour, resolution, bytes->data, bytes->len};
    return metric_file_put_block(file, &row, error);
}

/* Some of the blocks that are too old for their resolution; *ret_more: there may be others. */
static bool roll_up_some(MetricFile *file, int64_t now, bool *ret_more, GError **error)
{
    *ret_more = false;
    for (size_t i = 0; i < G_N_ELEMENTS(ages); i++) {
        g_autoptr(Arena) arena = arena_new();
        Aged aged = {.arena = arena};
        /* A block is as old as its youngest point. */
        if (!metric_file_read_aged(file, ages[i].resolution, now - ages[i].kept_for - METRIC_HOUR,
                                   ROLL_UP_MOST, note_aged, &aged, error))
            return false;
        LIST_EACH (const MetricFileBlock *, block, &aged.blocks) {
            if (!roll_up(file, block, ages[i].next, error))
                return false;
        }
        *ret_more = *ret_more || aged.blocks.n == ROLL_UP_MOST;
    }
    return metric_file_forget(file, now - FORGOTTEN_AFTER, error);
}

/* Blocks in memory are of the latest hours, or dirty and then written as they are: no harm is done
 * behind their backs. */
static bool age(Metrics *metrics, GError **error)
{
    int64_t now = clock_now(metrics->clock) / CLOCK_SECOND;
    bool more = false;
    g_mutex_lock(&metrics->file_lock);
    bool ok = metric_file_begin(metrics->file, error);
    if (ok)
        ok = metric_file_end(metrics->file, roll_up_some(metrics->file, now, &more, error), error);
    g_mutex_unlock(&metrics->file_lock);
    metrics->aged = more;
    return ok;
}

bool metrics_tidy(Metrics *metrics, GError **error)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&metrics->lock);
    int64_t now = clock_now(metrics->clock), seconds = now / CLOCK_SECOND;
    if (!metrics_end_minutes(metrics, seconds - seconds % 60, error))
        return false;
    if (!metrics->merge_at)
        metrics->merge_at = now + MERGE_EVERY;
    if (now >= metrics->merge_at || metrics->row_bytes > LOG_MOST) {
        metrics->aged = true;
        return metrics_merge(metrics, error);
    }
    if (metrics->rows->len > 0 && !metrics->committing)
        return metrics_commit(metrics, error);
    return !metrics->aged || age(metrics, error);
}
