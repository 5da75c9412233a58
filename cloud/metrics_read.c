/* What was measured, by period; and which metrics there are.
 *
 * Invariant: a point is read from memory or from the file, whichever is the later, never from
 * both. */
#include "cloud/metrics_state.h"

#include <string.h>

typedef struct Collect {
    Arena *arena;
    const MetricSeries *series;
    List *points;
} Collect;

static void collect_block(void *data, const MetricFileBlock *row)
{
    Collect *collect = data;
    if (!metric_block_in_memory(collect->series, row->hour))
        block_read(collect->arena, row->data, row->size, row->hour, row->resolution,
                   collect->points, NULL);
}

/* Whether some hour of the range is only in the file. */
static bool needs_file(const MetricSeries *series, int64_t from, int64_t to)
{
    for (int64_t hour = from; hour <= MIN(to, series->file_hour); hour += METRIC_HOUR) {
        if (!metric_block_in_memory(series, hour))
            return true;
    }
    return false;
}

static int compare_points(const void *a, const void *b)
{
    const MetricPoint *one = *(MetricPoint *const *)a, *other = *(MetricPoint *const *)b;
    return (one->time > other->time) - (one->time < other->time);
}

/* Points of a series, at the resolution that they have, added in any order. */
static bool collect(Metrics *metrics, Arena *arena, const MetricSeries *series,
                    const MetricRange *range, List *points, GError **error)
{
    int64_t from = range->start / CLOCK_SECOND, to = (range->end - 1) / CLOCK_SECOND;
    from -= from % METRIC_HOUR;
    to -= to % METRIC_HOUR;
    Collect state = {arena, series, points};
    bool ok = true;
    if (needs_file(series, from, to)) {
        g_mutex_lock(&metrics->file_lock);
        ok = metric_file_read_blocks(metrics->file, series->id, from, to, collect_block, &state,
                                     error);
        g_mutex_unlock(&metrics->file_lock);
    }
    for (const MetricBlock *block = series->blocks; block; block = block->next) {
        if (block->hour >= from && block->hour <= to)
            block_read(arena, block->bytes->data, block->bytes->len, block->hour, block->resolution,
                       points, NULL);
    }
    if (series->open.count > 0) {
        MetricPoint *open = arena_new_struct(arena, MetricPoint);
        metric_point_of_stat(arena, &series->open, open);
        open->time = series->minute * CLOCK_SECOND;
        list_add(points, arena, open);
    }
    return ok;
}

/* Sorts points and adds one for each period that has any. */
static void fold(Arena *arena, const MetricRange *range, List *points, const char *unit,
                 List *folded)
{
    if (points->n > 1)
        qsort(points->items, points->n, sizeof(void *), compare_points);
    int64_t length = range->period * CLOCK_SECOND;
    MetricPoint *last = NULL;
    LIST_EACH (MetricPoint *, point, points) {
        if (point->time < range->start || point->time >= range->end)
            continue;
        int64_t time = point->time - (point->time - range->start) % length;
        if (last && last->time == time) {
            metric_point_merge(arena, last, point);
        } else {
            last = point;
            last->time = time;
            last->unit = unit;
            list_add(folded, arena, last);
        }
    }
}

bool metrics_read(Metrics *metrics, Arena *arena, const MetricKey *key, const MetricRange *range,
                  List *points, GError **error)
{
    g_assert(range->period > 0);
    if (range->start < 0 || range->end <= range->start)
        return true;
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&metrics->lock);
    List all = {0};
    const MetricSeries *series = metrics_find(metrics, key);
    for (; series; series = series->next_unit) {
        if (key->unit && strcmp(key->unit, series->unit) != 0)
            continue;
        if (!collect(metrics, arena, series, range, &all, error))
            return false;
        if (range->by_unit) {
            fold(arena, range, &all, arena_strdup(arena, series->unit), points);
            all.n = 0;
        }
    }
    fold(arena, range, &all, NULL, points);
    if (range->by_unit && points->n > 1)
        qsort(points->items, points->n, sizeof(void *), compare_points);
    return true;
}

/* ---- listing ---- */

static bool has_dimensions(Arena *arena, const MetricSeries *series, const List *wanted)
{
    if (wanted->n == 0)
        return true;
    List dimensions = {0};
    metric_dimensions_read(arena, series->dimensions, &dimensions);
    LIST_EACH (const MetricDimension *, want, wanted) {
        bool found = false;
        LIST_EACH (const MetricDimension *, dimension, &dimensions)
            found = found || (strcmp(dimension->name, want->name) == 0 &&
                              (!want->value || strcmp(dimension->value, want->value) == 0));
        if (!found)
            return false;
    }
    return true;
}

static bool is_active(const MetricSeries *series, int64_t since)
{
    while (series && series->last < since)
        series = series->next_unit;
    return series != NULL;
}

static bool matches(Metrics *metrics, Arena *arena, const MetricSeries *series,
                    const MetricSearch *search)
{
    return strcmp(series->account_id, search->account_id) == 0 &&
           (!search->space || strcmp(series->space, search->space) == 0) &&
           (!search->name || strcmp(series->name, search->name) == 0) &&
           /* A metric is shown once, whatever units it has. */
           g_hash_table_lookup(metrics->by_key, series) == series &&
           is_active(series, search->active_since) &&
           has_dimensions(arena, series, &search->dimensions);
}

void metrics_list(Metrics *metrics, Arena *arena, const MetricSearch *search, List *keys,
                  int64_t *ret_after)
{
    size_t from = (size_t)MAX(search->after, 0);
    *ret_after = 0;
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&metrics->lock);
    for (size_t i = from; i < metrics->series->len; i++) {
        const MetricSeries *series = metrics->series->pdata[i];
        g_autoptr(Arena) scratch = search->dimensions.n > 0 ? arena_new() : NULL;
        if (!matches(metrics, scratch, series, search))
            continue;
        if (keys->n == METRIC_PAGE) {
            *ret_after = (int64_t)i;
            return;
        }
        MetricKey *key = arena_new_struct(arena, MetricKey);
        key->account_id = search->account_id;
        key->space = arena_strdup(arena, series->space);
        key->name = arena_strdup(arena, series->name);
        metric_dimensions_read(arena, series->dimensions, &key->dimensions);
        list_add(keys, arena, key);
    }
}
