/* Metrics of load balancers.
 *
 * Invariant: what is sampled in a minute is what happened since the sample before; a balancer or an
 * instance that is new, or began anew, counts from zero. Names, units and dimensions: "CloudWatch
 * metrics for your Classic Load Balancer". */
#include "cloud/balancer_metrics.h"

#include "cloud/balancer_plan.h"
#include "cloud/fast_clock.h"
#include "cloud/metrics.h"
#include <string.h>

#define EVERY (60 * CLOCK_SECOND)
#define KEY "balancers"

struct BalancerMetrics {
    Cloud *cloud;
    WorkQueue *queue;
    /* Of balancers and of their targets: name → LbCounts, as they were a minute ago and are now. */
    GHashTable *before, *now;
};

/* A balancer that is being measured. */
typedef struct Measure {
    BalancerMetrics *owner;
    Arena *arena;
    unsigned generation;
    int64_t time;
    const Balancer *balancer;
} Measure;

static void sample(const Measure *measure, const char *name, const char *unit, bool of_balancer,
                   const char *zone, const MetricStat *stat)
{
    Metrics *metrics = cloud_metrics(measure->owner->cloud);
    const MetricDimension balancer = {"LoadBalancerName", measure->balancer->name};
    const MetricDimension place = {"AvailabilityZone", zone};
    MetricKey key = {
        .account_id = measure->balancer->account_id,
        .space = "AWS/ELB",
        .name = name,
        .unit = unit,
    };
    if (of_balancer)
        list_add(&key.dimensions, measure->arena, &balancer);
    if (zone)
        list_add(&key.dimensions, measure->arena, &place);
    const MetricSample one = {metrics_series(metrics, &key), *stat};
    metrics_sample(metrics, measure->generation, measure->time, &one, 1);
}

/* zone NULL: of all zones. Each is also told of all balancers together. */
static void put(const Measure *measure, const char *name, const char *unit, const char *zone,
                MetricStat stat)
{
    if (stat.count <= 0)
        return;
    sample(measure, name, unit, true, zone, &stat);
    sample(measure, name, unit, false, zone, &stat);
}

static void put_sum(const Measure *measure, const char *name, const char *zone, uint64_t n)
{
    put(measure, name, "Count", zone, (MetricStat){(double)n, (double)n, 1, 1});
}

/* ---- what happened since ---- */

static uint64_t since(uint64_t now, uint64_t before)
{
    return now >= before ? now - before : now;
}

/* Of one balancer or target; notes how it is now. */
static LbCounts difference(BalancerMetrics *metrics, const char *name, const LbCounts *now)
{
    static const LbCounts none = {0};
    const LbCounts *known = g_hash_table_lookup(metrics->before, name);
    const LbCounts before = known && known->requests <= now->requests ? *known : none;
    LbCounts result = {
        .requests = since(now->requests, before.requests),
        .code_2xx = since(now->code_2xx, before.code_2xx),
        .code_3xx = since(now->code_3xx, before.code_3xx),
        .code_4xx = since(now->code_4xx, before.code_4xx),
        .code_5xx = since(now->code_5xx, before.code_5xx),
        .latency_n = since(now->latency_n, before.latency_n),
        .latency_us = since(now->latency_us, before.latency_us),
        .connection_errors = since(now->connection_errors, before.connection_errors),
        .latency_min_us = now->latency_min_us,
        .latency_max_us = now->latency_max_us,
    };
    g_hash_table_insert(metrics->now, g_strdup(name), g_memdup2(now, sizeof(*now)));
    return result;
}

static void add(LbCounts *sum, const LbCounts *more)
{
    bool first = sum->latency_n == 0;
    sum->requests += more->requests;
    sum->code_2xx += more->code_2xx;
    sum->code_3xx += more->code_3xx;
    sum->code_4xx += more->code_4xx;
    sum->code_5xx += more->code_5xx;
    sum->latency_n += more->latency_n;
    sum->latency_us += more->latency_us;
    sum->connection_errors += more->connection_errors;
    if (more->latency_n == 0)
        return;
    sum->latency_min_us =
        first ? more->latency_min_us : MIN(sum->latency_min_us, more->latency_min_us);
    sum->latency_max_us = MAX(sum->latency_max_us, more->latency_max_us);
}

static void put_counts(const Measure *measure, const char *zone, const LbCounts *counts)
{
    put_sum(measure, "RequestCount", zone, counts->requests);
    put_sum(measure, "HTTPCode_Backend_2XX", zone, counts->code_2xx);
    put_sum(measure, "HTTPCode_Backend_3XX", zone, counts->code_3xx);
    put_sum(measure, "HTTPCode_Backend_4XX", zone, counts->code_4xx);
    put_sum(measure, "HTTPCode_Backend_5XX", zone, counts->code_5xx);
    put_sum(measure, "BackendConnectionErrors", zone, counts->connection_errors);
    put(measure, "Latency", "Seconds", zone,
        (MetricStat){(double)counts->latency_n, (double)counts->latency_us / 1e6,
                     (double)counts->latency_min_us / 1e6, (double)counts->latency_max_us / 1e6});
}

/* Of the balancer itself: the fields that LbCounts has no place for are kept in two of it. */
static void put_own(const Measure *measure, const LbBalancerCounts *counts)
{
    const char *name = arena_printf(measure->arena, "own %s", measure->balancer->id);
    const LbCounts own = {
        .code_4xx = counts->elb_4xx,
        .code_5xx = counts->elb_5xx,
        .connection_errors = counts->spillover,
    };
    const LbCounts now = difference(measure->owner, name, &own);
    put_sum(measure, "HTTPCode_ELB_4XX", NULL, now.code_4xx);
    put_sum(measure, "HTTPCode_ELB_5XX", NULL, now.code_5xx);
    put_sum(measure, "SpilloverCount", NULL, now.connection_errors);
    put(measure, "SurgeQueueLength", "Count", NULL, metric_value(counts->surge_max));
}

static void measure_traffic(const Measure *measure, Lb *lb)
{
    LbBalancerCounts counts;
    if (!lb_balancer_counts(lb, measure->balancer->id, true, measure->arena, &counts))
        return;
    g_autoptr(GHashTable) zones = g_hash_table_new(g_str_hash, g_str_equal);
    LIST_EACH (const LbTargetCounts *, target, &counts.targets) {
        const char *name = arena_printf(measure->arena, "%s %s %u", measure->balancer->id,
                                        target->id, target->port);
        const LbCounts now = difference(measure->owner, name, &target->counts);
        LbCounts *sum = g_hash_table_lookup(zones, target->zone);
        if (!sum) {
            sum = arena_new_struct(measure->arena, LbCounts);
            g_hash_table_insert(zones, (void *)target->zone, sum);
        }
        add(sum, &now);
    }
    GHashTableIter iterator;
    void *zone, *sum;
    g_hash_table_iter_init(&iterator, zones);
    while (g_hash_table_iter_next(&iterator, &zone, &sum))
        put_counts(measure, zone, sum);
    const LbCounts total = difference(measure->owner, measure->balancer->id, &counts.total);
    put_counts(measure, NULL, &total);
    put_own(measure, &counts);
}

/* ---- hosts ---- */

static void put_hosts(const Measure *measure, const BalancerPlan *plan, const char *zone)
{
    unsigned healthy = 0, others = 0;
    LIST_EACH (const BalancerMember *, member, balancer_plan_members(plan)) {
        bool here = member->view->balancer == measure->balancer && member->instance &&
                    !member->record->draining_until &&
                    (!zone || strcmp(member->instance->zone, zone) == 0);
        bool serves =
            here && instance_is_in_service(member->view, member->record, member->instance);
        healthy += serves;
        others += here && !serves;
    }
    put(measure, "HealthyHostCount", "Count", zone, metric_value(healthy));
    put(measure, "UnHealthyHostCount", "Count", zone, metric_value(others));
}

static void measure_balancer(const Measure *measure, Site *site, const BalancerPlan *plan,
                             const BalancerView *view)
{
    if (site->lb)
        measure_traffic(measure, site->lb);
    LIST_EACH (const BalancerPlace *, place, &view->places)
        put_hosts(measure, plan, place->zone);
    put_hosts(measure, plan, NULL);
}

static bool measure_site(BalancerMetrics *metrics, Site *site, GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(BalancerPlan) plan = NULL;
    Measure measure = {
        .owner = metrics,
        .arena = arena,
        .generation = metrics_generation(cloud_metrics(metrics->cloud)),
        .time = fast_now(metrics->cloud),
    };
    if (!balancer_plan_load(site, arena, &plan, error))
        return false;
    LIST_EACH (const BalancerView *, view, balancer_plan_views(plan)) {
        measure.balancer = view->balancer;
        measure_balancer(&measure, site, plan, view);
    }
    return true;
}

/* ---- its clockwork ---- */

static bool has_balancers(Cloud *cloud, GError **error, bool *ret_some)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(Txn) txn = NULL;
    List balancers = {0};
    if (!txn_begin_read(cloud->config.store, &txn, error) ||
        !record_query(txn, arena, QUERY_BALANCERS, &balancers, error))
        return false;
    *ret_some = balancers.n > 0;
    return true;
}

static GHashTable *new_table(void)
{
    return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
}

static int64_t step(void *data, const char *unused)
{
    BalancerMetrics *metrics = data;
    Cloud *cloud = metrics->cloud;
    g_autoptr(GPtrArray) sites = cloud_sites(cloud);
    g_autoptr(GError) error = NULL;
    bool some = false;
    bool ok = has_balancers(cloud, &error, &some);
    for (unsigned i = 0; some && ok && i < sites->len; i++)
        ok = measure_site(metrics, sites->pdata[i], &error);
    /* What is gone is forgotten. */
    g_hash_table_unref(metrics->before);
    metrics->before = metrics->now;
    metrics->now = new_table();
    if (!ok)
        g_warning("metrics of load balancers: %s", error->message);
    int64_t minute = fast_now(cloud) / EVERY;
    if (some && minute > 0)
        balancer_logs_deliver(cloud, minute);
    return (minute + 1) * EVERY;
}

BalancerMetrics *balancer_metrics_open(Cloud *cloud)
{
    BalancerMetrics *metrics = g_new0(BalancerMetrics, 1);
    metrics->cloud = cloud;
    metrics->before = new_table();
    metrics->now = new_table();
    metrics->queue =
        workqueue_new("balancer-metrics", cloud_fast_clock(cloud), 1, NULL, step, metrics);
    workqueue_add(metrics->queue, KEY);
    return metrics;
}

void balancer_metrics_close(BalancerMetrics *metrics)
{
    if (!metrics)
        return;
    workqueue_free(metrics->queue);
    balancer_logs_deliver(metrics->cloud, 0);
    g_hash_table_unref(metrics->before);
    g_hash_table_unref(metrics->now);
    g_free(metrics);
}
