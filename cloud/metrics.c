/* Metrics in memory: series, their minute under way, their blocks of the last hours.
 *
 * Invariant: what is in memory and not in a block of the file is in the log, or will be before
 * anybody was told that it is safe. */
#include "cloud/metrics.h"

#include "base/fault.h"
#include "cloud/metrics_state.h"
#include "cloud/site.h"
#include <string.h>

Metrics *cloud_metrics(Cloud *cloud)
{
    return cloud->metrics;
}

#define SAMPLED_LATE (15 * 60 * CLOCK_SECOND)

/* ---- keys ---- */

static int compare_dimensions(const void *a, const void *b)
{
    const MetricDimension *one = *(const MetricDimension *const *)a;
    const MetricDimension *other = *(const MetricDimension *const *)b;
    int order = strcmp(one->name, other->name);
    return order ? order : strcmp(one->value, other->value);
}

const char *metric_dimensions_text(Arena *arena, const List *dimensions)
{
    if (dimensions->n == 0)
        return "";
    g_autofree void **sorted = g_memdup2(dimensions->items, dimensions->n * sizeof(void *));
    qsort(sorted, dimensions->n, sizeof(void *), compare_dimensions);
    g_autoptr(GString) text = g_string_new(NULL);
    for (size_t i = 0; i < dimensions->n; i++) {
        const MetricDimension *dimension = sorted[i];
        g_string_append_printf(text, "%s\n%s\n", dimension->name, dimension->value);
    }
    return arena_strdup(arena, text->str);
}

static const char *take_line(Arena *arena, const char **text)
{
    size_t size = strcspn(*text, "\n");
    const char *line = arena_strndup(arena, *text, size);
    *text += size + ((*text)[size] == '\n');
    return line;
}

void metric_dimensions_read(Arena *arena, const char *text, List *dimensions)
{
    while (text && *text) {
        MetricDimension *dimension = arena_new_struct(arena, MetricDimension);
        dimension->name = take_line(arena, &text);
        dimension->value = take_line(arena, &text);
        list_add(dimensions, arena, dimension);
    }
}

static guint series_hash(gconstpointer key)
{
    const MetricSeries *series = key;
    return g_str_hash(series->account_id) * 31 + g_str_hash(series->space) * 17 +
           g_str_hash(series->name) * 7 + g_str_hash(series->dimensions);
}

static gboolean series_equal(gconstpointer a, gconstpointer b)
{
    const MetricSeries *one = a, *other = b;
    return strcmp(one->dimensions, other->dimensions) == 0 && strcmp(one->name, other->name) == 0 &&
           strcmp(one->space, other->space) == 0 && strcmp(one->account_id, other->account_id) == 0;
}

MetricSeries *metrics_find(Metrics *metrics, const MetricKey *key)
{
    g_autoptr(Arena) arena = arena_new();
    const MetricSeries wanted = {
        .account_id = (char *)key->account_id,
        .space = (char *)key->space,
        .name = (char *)key->name,
        .dimensions = (char *)metric_dimensions_text(arena, &key->dimensions),
    };
    return g_hash_table_lookup(metrics->by_key, &wanted);
}

/* Behind the series of the same metric, or as its first. */
static void index_series(Metrics *metrics, MetricSeries *series)
{
    g_ptr_array_add(metrics->series, series);
    MetricSeries *first = g_hash_table_lookup(metrics->by_key, series);
    if (first) {
        series->next_unit = first->next_unit;
        first->next_unit = series;
    } else {
        g_hash_table_add(metrics->by_key, series);
    }
}

static MetricSeries *series_new(const MetricFileSeries *row)
{
    MetricSeries *series = g_new0(MetricSeries, 1);
    series->id = row->id;
    /* Many series share these; dimensions alone are their own. */
    series->account_id = g_ref_string_new_intern(row->account_id);
    series->space = g_ref_string_new_intern(row->space);
    series->name = g_ref_string_new_intern(row->name);
    series->unit = g_ref_string_new_intern(row->unit);
    series->dimensions = g_strdup(row->dimensions);
    series->file_hour = row->last_hour;
    series->last = row->last_hour ? (row->last_hour + METRIC_HOUR) * CLOCK_SECOND - 1 : 0;
    return series;
}

static void block_free(MetricBlock *block)
{
    g_byte_array_unref(block->bytes);
    g_free(block);
}

static void series_free(void *data)
{
    MetricSeries *series = data;
    while (series->blocks) {
        MetricBlock *block = series->blocks;
        series->blocks = block->next;
        block_free(block);
    }
    g_ref_string_release(series->account_id);
    g_ref_string_release(series->space);
    g_ref_string_release(series->name);
    g_ref_string_release(series->unit);
    g_free(series->dimensions);
    g_free(series);
}

static MetricSeries *find_unit(MetricSeries *first, const char *unit)
{
    while (first && strcmp(first->unit, unit) != 0)
        first = first->next_unit;
    return first;
}

static MetricSeries *find_or_make(Metrics *metrics, const MetricKey *key)
{
    const char *unit = key->unit ? key->unit : "None";
    MetricSeries *series = find_unit(metrics_find(metrics, key), unit);
    if (series)
        return series;
    g_autoptr(Arena) arena = arena_new();
    const MetricFileSeries row = {
        .id = metrics->series->len + 1,
        .account_id = key->account_id,
        .space = key->space,
        .name = key->name,
        .dimensions = metric_dimensions_text(arena, &key->dimensions),
        .unit = unit,
    };
    series = series_new(&row);
    index_series(metrics, series);
    g_ptr_array_add(metrics->fresh, series);
    return series;
}

MetricSeries *metrics_series(Metrics *metrics, const MetricKey *key)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&metrics->lock);
    return find_or_make(metrics, key);
}

unsigned metrics_generation(Metrics *metrics)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&metrics->lock);
    return metrics->generation;
}

/* ---- blocks ---- */

MetricBlock *metric_block_in_memory(const MetricSeries *series, int64_t hour)
{
    MetricBlock *block = series->blocks;
    while (block && block->hour != hour)
        block = block->next;
    return block;
}

static MetricBlock *add_block(MetricSeries *series, int64_t hour, int64_t resolution)
{
    MetricBlock *block = g_new0(MetricBlock, 1);
    block->hour = hour;
    block->resolution = resolution;
    block->bytes = g_byte_array_new();
    block->next = series->blocks;
    series->blocks = block;
    return block;
}

static void fetch_block(void *data, const MetricFileBlock *row)
{
    MetricBlock *block = add_block(data, row->hour, row->resolution);
    g_autoptr(Arena) arena = arena_new();
    List points = {0};
    g_byte_array_append(block->bytes, row->data, (guint)row->size);
    block_read(arena, row->data, row->size, row->hour, row->resolution, &points, &block->end);
}

bool metrics_find_block(Metrics *metrics, MetricSeries *series, int64_t hour,
                        MetricBlock **ret_block, GError **error)
{
    *ret_block = metric_block_in_memory(series, hour);
    if (*ret_block || hour > series->file_hour)
        return true;
    g_mutex_lock(&metrics->file_lock);
    bool ok =
        metric_file_read_blocks(metrics->file, series->id, hour, hour, fetch_block, series, error);
    g_mutex_unlock(&metrics->file_lock);
    *ret_block = metric_block_in_memory(series, hour);
    return ok;
}

static void write_points(MetricBlock *block, int64_t resolution, const List *points)
{
    g_byte_array_set_size(block->bytes, 0);
    block->end = (BlockEnd){0};
    block->resolution = resolution;
    LIST_EACH (const MetricPoint *, point, points) {
        int64_t offset = (point->time / CLOCK_SECOND - block->hour) / resolution;
        block_append(block->bytes, &block->end, offset, point);
    }
}

/* Where the point belongs among others, or into the one of its time. */
static void insert_point(Arena *arena, List *points, const MetricPoint *point)
{
    size_t at = points->n;
    while (at > 0 && ((MetricPoint *)points->items[at - 1])->time > point->time)
        at--;
    if (at > 0 && ((MetricPoint *)points->items[at - 1])->time == point->time) {
        metric_point_merge(arena, points->items[at - 1], point);
        return;
    }
    list_add(points, arena, NULL);
    memmove(&points->items[at + 1], &points->items[at], (points->n - 1 - at) * sizeof(void *));
    points->items[at] = (void *)point;
}

/* Anywhere in a block, or at a finer resolution than it has had. */
static void rewrite_block(MetricBlock *block, int64_t resolution, const MetricPoint *point)
{
    g_autoptr(Arena) arena = arena_new();
    List points = {0};
    block_read(arena, block->bytes->data, block->bytes->len, block->hour, block->resolution,
               &points, NULL);
    insert_point(arena, &points, point);
    write_points(block, resolution, &points);
}

bool metrics_add_point(Metrics *metrics, MetricSeries *series, int64_t time, int64_t resolution,
                       const MetricPoint *point, GError **error)
{
    int64_t seconds = time / CLOCK_SECOND, hour = seconds - seconds % METRIC_HOUR;
    MetricBlock *block;
    if (!metrics_find_block(metrics, series, hour, &block, error))
        return false;
    if (!block)
        block = add_block(series, hour, resolution);
    /* What was rolled up stays so; a block of minutes becomes one of seconds. */
    int64_t finer = block->resolution > 60 ? block->resolution : MIN(block->resolution, resolution);
    seconds -= seconds % MAX(finer, resolution);
    int64_t offset = (seconds - hour) / finer;
    if (finer == block->resolution && (block->bytes->len == 0 || offset > block->end.offset)) {
        block_append(block->bytes, &block->end, offset, point);
    } else {
        MetricPoint timed = *point;
        timed.time = seconds * CLOCK_SECOND;
        rewrite_block(block, finer, &timed);
    }
    block->dirty = true;
    if (!series->dirty) {
        series->dirty = true;
        g_ptr_array_add(metrics->dirty, series);
    }
    series->last = MAX(series->last, time);
    return true;
}

/* ---- sampling and putting ---- */

static bool end_minute(Metrics *metrics, MetricSeries *series, GError **error)
{
    if (!(series->open.count > 0))
        return true;
    const MetricPoint point = {.stat = series->open};
    int64_t time = series->minute * CLOCK_SECOND;
    series->open = (MetricStat){0};
    metrics_log_point(metrics, series, time, 60, &point);
    return metrics_add_point(metrics, series, time, 60, &point, error);
}

bool metrics_end_minutes(Metrics *metrics, int64_t before, GError **error)
{
    size_t kept = 0;
    bool ok = true;
    for (size_t i = 0; i < metrics->touched->len; i++) {
        MetricSeries *series = metrics->touched->pdata[i];
        if (series->minute >= before) {
            metrics->touched->pdata[kept++] = series;
            continue;
        }
        series->touched = false;
        ok = end_minute(metrics, series, ok ? error : NULL) && ok;
    }
    g_ptr_array_set_size(metrics->touched, (gint)kept);
    return ok;
}

static void sample(Metrics *metrics, MetricSeries *series, int64_t time, int64_t minute,
                   const MetricStat *stat)
{
    if (series->open.count > 0 && series->minute != minute) {
        g_autoptr(GError) error = NULL;
        if (!end_minute(metrics, series, &error))
            g_warning("a minute of a metric is lost: %s", error->message);
    }
    if (!series->touched) {
        series->touched = true;
        g_ptr_array_add(metrics->touched, series);
    }
    MetricStat *open = &series->open;
    series->minute = minute;
    series->last = MAX(series->last, time);
    if (open->count > 0) {
        open->min = MIN(open->min, stat->min);
        open->max = MAX(open->max, stat->max);
        open->sum += stat->sum;
        open->count += stat->count;
    } else {
        *open = *stat;
    }
}

void metrics_sample(Metrics *metrics, unsigned generation, int64_t time,
                    const MetricSample *samples, size_t n)
{
    int64_t seconds = time / CLOCK_SECOND, minute = seconds - seconds % 60;
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&metrics->lock);
    metrics->sampled = MAX(metrics->sampled, time);
    if (generation != metrics->generation)
        return;
    for (size_t i = 0; i < n; i++)
        sample(metrics, samples[i].series, time, minute, &samples[i].stat);
}

int64_t metrics_sampled_until(Metrics *metrics)
{
    int64_t now = clock_now(metrics->clock);
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&metrics->lock);
    /* Who samples may be late, but not for ever. */
    return CLAMP(metrics->sampled, now - SAMPLED_LATE, now);
}

static bool put_datum(Metrics *metrics, Arena *arena, const MetricDatum *datum, GError **error)
{
    MetricPoint point;
    MetricSeries *series = find_or_make(metrics, &datum->key);
    int64_t resolution = datum->high_resolution ? 1 : 60;
    if (datum->n_values > 0)
        metric_point_of_values(arena, datum->values, datum->counts, datum->n_values, &point);
    else
        metric_point_of_stat(arena, &datum->stat, &point);
    if (!(point.stat.count > 0))
        return true;
    metrics_log_point(metrics, series, datum->time, resolution, &point);
    return metrics_add_point(metrics, series, datum->time, resolution, &point, error);
}

bool metrics_put(Metrics *metrics, const List *data, GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&metrics->lock);
    LIST_EACH (const MetricDatum *, datum, data) {
        if (!put_datum(metrics, arena, datum, error))
            return false;
    }
    uint64_t mine = ++metrics->put;
    while (metrics->written < mine) {
        if (metrics->failed >= mine)
            return trouble_set(error, "metrics cannot be written");
        if (metrics->committing)
            g_cond_wait(&metrics->committed, &metrics->lock);
        else if (!metrics_commit(metrics, error))
            return false;
    }
    return true;
}

/* ---- life ---- */

static void load_series(void *data, const MetricFileSeries *row)
{
    Metrics *metrics = data;
    index_series(metrics, series_new(row));
}

static void make_empty(Metrics *metrics)
{
    metrics->by_key = g_hash_table_new(series_hash, series_equal);
    metrics->series = g_ptr_array_new_with_free_func(series_free);
    metrics->touched = g_ptr_array_new();
    metrics->dirty = g_ptr_array_new();
    metrics->fresh = g_ptr_array_new();
    metrics->rows = g_ptr_array_new_with_free_func((GDestroyNotify)g_byte_array_unref);
    metrics->row = NULL;
    metrics->row_bytes = 0;
}

static void drop_all(Metrics *metrics)
{
    g_hash_table_unref(metrics->by_key);
    g_ptr_array_unref(metrics->touched);
    g_ptr_array_unref(metrics->dirty);
    g_ptr_array_unref(metrics->fresh);
    g_ptr_array_unref(metrics->rows);
    g_ptr_array_unref(metrics->series);
}

static void metrics_free(Metrics *metrics)
{
    drop_all(metrics);
    metric_file_close(metrics->file);
    g_cond_clear(&metrics->committed);
    g_mutex_clear(&metrics->file_lock);
    g_mutex_clear(&metrics->lock);
    g_free(metrics);
}

bool metrics_open(const char *directory, Clock *clock, Metrics **ret_metrics, GError **error)
{
    Metrics *metrics = g_new0(Metrics, 1);
    metrics->clock = clock;
    metrics->aged = true;
    g_mutex_init(&metrics->lock);
    g_mutex_init(&metrics->file_lock);
    g_cond_init(&metrics->committed);
    make_empty(metrics);
    g_mutex_lock(&metrics->lock);
    bool ok = metric_file_open(directory, &metrics->file, error) &&
              metric_file_read_series(metrics->file, load_series, metrics, error) &&
              metrics_replay(metrics, error);
    g_mutex_unlock(&metrics->lock);
    if (!ok) {
        metrics_free(metrics);
        return false;
    }
    *ret_metrics = metrics;
    return true;
}

void metrics_close(Metrics *metrics)
{
    if (!metrics)
        return;
    g_autoptr(GError) error = NULL;
    g_mutex_lock(&metrics->lock);
    if (!metrics_end_minutes(metrics, INT64_MAX, &error) || !metrics_merge(metrics, &error))
        g_warning("the latest metrics are lost: %s", error->message);
    g_mutex_unlock(&metrics->lock);
    metrics_free(metrics);
}

bool metrics_clear(Metrics *metrics, GError **error)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&metrics->lock);
    while (metrics->committing)
        g_cond_wait(&metrics->committed, &metrics->lock);
    g_mutex_lock(&metrics->file_lock);
    bool ok = metric_file_clear(metrics->file, error);
    g_mutex_unlock(&metrics->file_lock);
    if (!ok)
        return false;
    drop_all(metrics);
    make_empty(metrics);
    metrics->generation++;
    metrics->written = metrics->put;
    g_cond_broadcast(&metrics->committed);
    return true;
}
