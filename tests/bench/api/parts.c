/* What the parts of a call cost, and how fast XML is written; for a look, nothing is compared.
 *
 *     bench_api_parts */
#include "tests/bench/api/fake.h"

#include "api/render.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ROUNDS 9

static double cpu(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double values[ROUNDS])
{
    qsort(values, ROUNDS, sizeof(*values), compare);
    return values[ROUNDS / 2];
}

static void render_many(unsigned n)
{
    g_autoptr(Arena) arena = arena_new();
    BenchReply *reply = shape_new(arena, BenchReply_shape());
    double rates[ROUNDS], times[ROUNDS];
    size_t size = 0;
    for (unsigned i = 0; i < n; i++)
        list_add(&reply->items, arena, bench_item(arena, i));
    for (int round = 0; round < ROUNDS; round++) {
        g_auto(Buffer) xml = {0};
        double start = cpu();
        render_reply(&xml, &bench_service, "DescribeInstances", BenchReply_shape(), "2016-11-15",
                     "id", reply);
        times[round] = cpu() - start;
        size = xml.size;
        rates[round] = (double)size / times[round] / 1e9;
    }
    printf("render %u records: %zu bytes, %.3f ms, %.2f GB/s\n", n, size, median(times) * 1e3,
           median(rates));
}

int main(void)
{
    render_many(1);
    render_many(100);
    render_many(1000);
    return 0;
}
