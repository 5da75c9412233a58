/* Points as bytes.
 *
 * Invariant: what block_append wrote block_read gives back exactly, every double bit for bit.
 *
 * A point is: its distance from the one before it, a byte of flags, and the numbers that the flags
 * do not tell. A count that is a whole number is a variable-length one; others are eight bytes. */
#include "cloud/metric_block.h"

#include <math.h>
#include <string.h>

enum {
    SAME_COUNT = 1, /* as the point before */
    SAME_SUM = 2,
    SAME_MIN = 4,
    SAME_MAX = 8,
    WHOLE_COUNT = 16,
    MAX_IS_MIN = 32,
    HAS_VALUES = 64, /* more than the one that MAX_IS_MIN tells */
};

#define RELATIVE_STEP 1.01

/* ---- numbers ---- */

void bytes_put_number(GByteArray *bytes, uint64_t number)
{
    uint8_t buffer[10];
    guint n = 0;
    do {
        buffer[n++] = (uint8_t)((number & 0x7f) | (number > 0x7f ? 0x80 : 0));
        number >>= 7;
    } while (number);
    g_byte_array_append(bytes, buffer, n);
}

bool bytes_take_number(const uint8_t **at, const uint8_t *end, uint64_t *ret_number)
{
    uint64_t number = 0;
    for (unsigned shift = 0; *at < end && shift < 64; shift += 7) {
        uint8_t byte = *(*at)++;
        number |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *ret_number = number;
            return true;
        }
    }
    return false;
}

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static bool same(double a, double b)
{
    return bits_of(a) == bits_of(b);
}

static void put_double(GByteArray *bytes, double value)
{
    g_byte_array_append(bytes, (const guint8 *)&value, sizeof(value));
}

static bool take_double(const uint8_t **at, const uint8_t *end, double *ret_value)
{
    if (end - *at < (ptrdiff_t)sizeof(double))
        return false;
    memcpy(ret_value, *at, sizeof(double));
    *at += sizeof(double);
    return true;
}

static bool is_whole(double count)
{
    return count >= 0 && count < 1e15 && same(floor(count), count);
}

/* ---- points ---- */

static unsigned flags_of(const MetricStat *before, const MetricPoint *point)
{
    const MetricStat *stat = &point->stat;
    bool one = same(stat->min, stat->max);
    return (same(stat->count, before->count) ? SAME_COUNT
            : is_whole(stat->count)          ? WHOLE_COUNT
                                             : 0) |
           (same(stat->sum, before->sum) ? SAME_SUM : 0) |
           (same(stat->min, before->min) ? SAME_MIN : 0) |
           (one                            ? MAX_IS_MIN
            : same(stat->max, before->max) ? SAME_MAX
                                           : 0) |
           (point->n_values > 1 ? HAS_VALUES : 0);
}

static void put_count(GByteArray *bytes, double count, unsigned flags)
{
    if (flags & WHOLE_COUNT)
        bytes_put_number(bytes, (uint64_t)count);
    else if (!(flags & SAME_COUNT))
        put_double(bytes, count);
}

void block_append(GByteArray *block, BlockEnd *end, int64_t offset, const MetricPoint *point)
{
    const MetricStat *stat = &point->stat;
    unsigned flags = flags_of(&end->stat, point);
    guint8 byte = (guint8)flags;
    bytes_put_number(block, (uint64_t)(offset - end->offset));
    g_byte_array_append(block, &byte, 1);
    put_count(block, stat->count, flags);
    if (!(flags & SAME_SUM))
        put_double(block, stat->sum);
    if (!(flags & SAME_MIN))
        put_double(block, stat->min);
    if (!(flags & (SAME_MAX | MAX_IS_MIN)))
        put_double(block, stat->max);
    if (flags & HAS_VALUES) {
        bytes_put_number(block, point->n_values);
        for (size_t i = 0; i < point->n_values; i++) {
            put_double(block, point->values[i]);
            put_double(block, point->counts[i]);
        }
    }
    *end = (BlockEnd){offset, *stat};
}

static bool take_count(const uint8_t **at, const uint8_t *end, unsigned flags, double *count)
{
    uint64_t whole;
    if (flags & SAME_COUNT)
        return true;
    if (!(flags & WHOLE_COUNT))
        return take_double(at, end, count);
    if (!bytes_take_number(at, end, &whole))
        return false;
    *count = (double)whole;
    return true;
}

static void know_one_value(Arena *arena, MetricPoint *point)
{
    double *value = arena_memdup(arena, &point->stat.min, sizeof(double));
    double *count = arena_memdup(arena, &point->stat.count, sizeof(double));
    point->values = value;
    point->counts = count;
    point->n_values = 1;
}

static bool take_values(Arena *arena, const uint8_t **at, const uint8_t *end, MetricPoint *point)
{
    uint64_t n;
    if (!bytes_take_number(at, end, &n) || n > (uint64_t)(end - *at) / (2 * sizeof(double)))
        return false;
    double *values = arena_alloc(arena, n * sizeof(double));
    double *counts = arena_alloc(arena, n * sizeof(double));
    for (uint64_t i = 0; i < n; i++) {
        take_double(at, end, &values[i]);
        take_double(at, end, &counts[i]);
    }
    point->values = values;
    point->counts = counts;
    point->n_values = n;
    return true;
}

/* last becomes the point's; point's time is its offset. */
static bool take_point(Arena *arena, const uint8_t **at, const uint8_t *end, BlockEnd *last,
                       MetricPoint *point)
{
    uint64_t distance;
    if (!bytes_take_number(at, end, &distance) || *at == end)
        return false;
    unsigned flags = *(*at)++;
    MetricStat stat = last->stat;
    if (!take_count(at, end, flags, &stat.count) ||
        (!(flags & SAME_SUM) && !take_double(at, end, &stat.sum)) ||
        (!(flags & SAME_MIN) && !take_double(at, end, &stat.min)) ||
        (!(flags & (SAME_MAX | MAX_IS_MIN)) && !take_double(at, end, &stat.max)))
        return false;
    if (flags & MAX_IS_MIN)
        stat.max = stat.min;
    last->offset += (int64_t)distance;
    last->stat = stat;
    *point = (MetricPoint){.time = last->offset, .stat = stat};
    if (flags & HAS_VALUES)
        return take_values(arena, at, end, point);
    if (flags & MAX_IS_MIN)
        know_one_value(arena, point);
    return true;
}

void block_read(Arena *arena, const void *data, size_t size, int64_t hour, int64_t resolution,
                List *points, BlockEnd *ret_end)
{
    const uint8_t *at = data, *end = at + size;
    BlockEnd last = {0};
    MetricPoint point;
    while (at < end && take_point(arena, &at, end, &last, &point)) {
        point.time = (hour + point.time * resolution) * CLOCK_SECOND;
        list_add(points, arena, arena_memdup(arena, &point, sizeof(point)));
    }
    if (ret_end)
        *ret_end = last;
}

/* ---- values ---- */

typedef struct Weighed {
    double value, count;
} Weighed;

static int compare_weighed(const void *a, const void *b)
{
    double x = ((const Weighed *)a)->value, y = ((const Weighed *)b)->value;
    return (x > y) - (x < y);
}

/* Neighbours within factor of a group's first become one of their mean value. 1: equal ones. */
static size_t join_neighbours(Weighed *items, size_t n, double factor)
{
    size_t kept = 0;
    double first = 0;
    for (size_t i = 0; i < n; i++) {
        double reach = fabs(first) * (factor - 1);
        if (kept > 0 && items[i].value - first <= reach) {
            Weighed *group = &items[kept - 1];
            double count = group->count + items[i].count;
            if (!same(group->value, items[i].value))
                group->value += (items[i].value - group->value) * items[i].count / count;
            group->count = count;
        } else {
            first = items[i].value;
            items[kept++] = items[i];
        }
    }
    return kept;
}

static void set_values(Arena *arena, MetricPoint *point, Weighed *items, size_t n)
{
    qsort(items, n, sizeof(*items), compare_weighed);
    n = join_neighbours(items, n, 1);
    for (double factor = RELATIVE_STEP; n > METRIC_VALUES_KEPT; factor *= factor)
        n = join_neighbours(items, n, factor);
    double *values = arena_alloc(arena, n * sizeof(double));
    double *counts = arena_alloc(arena, n * sizeof(double));
    for (size_t i = 0; i < n; i++) {
        values[i] = items[i].value;
        counts[i] = items[i].count;
    }
    point->values = values;
    point->counts = counts;
    point->n_values = n;
}

void metric_point_merge(Arena *arena, MetricPoint *into, const MetricPoint *from)
{
    bool known = into->n_values > 0 && from->n_values > 0;
    MetricStat *stat = &into->stat;
    if (stat->count > 0) {
        stat->min = MIN(stat->min, from->stat.min);
        stat->max = MAX(stat->max, from->stat.max);
        stat->count += from->stat.count;
        stat->sum += from->stat.sum;
    } else {
        *stat = from->stat;
        known = from->n_values > 0;
    }
    size_t n = into->n_values + from->n_values;
    if (!known) {
        into->n_values = 0;
        return;
    }
    g_autofree Weighed *items = g_new(Weighed, n);
    for (size_t i = 0; i < into->n_values; i++)
        items[i] = (Weighed){into->values[i], into->counts[i]};
    for (size_t i = 0; i < from->n_values; i++)
        items[into->n_values + i] = (Weighed){from->values[i], from->counts[i]};
    set_values(arena, into, items, n);
}

void metric_point_of_values(Arena *arena, const double *values, const double *counts, size_t n,
                            MetricPoint *ret_point)
{
    *ret_point = (MetricPoint){0};
    MetricStat *stat = &ret_point->stat;
    g_autofree Weighed *items = g_new(Weighed, n);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        double count = counts ? counts[i] : 1;
        if (!(count > 0))
            continue;
        stat->min = kept > 0 ? MIN(stat->min, values[i]) : values[i];
        stat->max = kept > 0 ? MAX(stat->max, values[i]) : values[i];
        stat->count += count;
        stat->sum += values[i] * count;
        items[kept++] = (Weighed){values[i], count};
    }
    if (kept > 0)
        set_values(arena, ret_point, items, kept);
}

void metric_point_of_stat(Arena *arena, const MetricStat *stat, MetricPoint *ret_point)
{
    *ret_point = (MetricPoint){.stat = *stat};
    if (same(stat->min, stat->max))
        know_one_value(arena, ret_point);
}

void metric_points_coarsen(Arena *arena, const List *points, int64_t resolution, List *coarse)
{
    MetricPoint *last = NULL;
    int64_t length = resolution * CLOCK_SECOND;
    LIST_EACH (const MetricPoint *, point, points) {
        int64_t time = point->time - point->time % length;
        if (!last || last->time != time) {
            last = arena_memdup(arena, point, sizeof(*point));
            last->time = time;
            list_add(coarse, arena, last);
        } else {
            metric_point_merge(arena, last, point);
        }
    }
}
