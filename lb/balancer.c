/* Targets and counters. Invariant: a Tally and a BalancerPart's counters are written by one worker,
 * so an addition needs no locked instruction; only the extremes are also set by the reader that
 * resets them, who may lose a value that comes at that instant, to the next period or at all. */
#include "lb/balancer.h"

#include "lb/surge.h"
#include <string.h>
#include <time.h>

enum { SHUN_MS = 1000 };

int64_t clock_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

void tally_latency(Tally *tally, int64_t microseconds)
{
    uint64_t us = microseconds > 0 ? (uint64_t)microseconds : 0;
    counter_add(&tally->latency_n, 1);
    counter_add(&tally->latency_us, us);
    uint64_t least = atomic_load_explicit(&tally->latency_min_us, memory_order_relaxed);
    if (us + 1 < least || least == 0) /* kept plus one, so that 0 says none */
        atomic_store_explicit(&tally->latency_min_us, us + 1, memory_order_relaxed);
    if (us > atomic_load_explicit(&tally->latency_max_us, memory_order_relaxed))
        atomic_store_explicit(&tally->latency_max_us, us, memory_order_relaxed);
}

static void tell_of_refusal(const Target *target, const Crew *crew)
{
    void (*refused)(void *data, const char *balancer, const char *id) =
        atomic_load_explicit(&crew->refused, memory_order_acquire);
    if (refused && target->balancer && target->id)
        refused(crew->refused_data, target->balancer, target->id);
}

void target_refused(Target *target, Worker *worker)
{
    int64_t now = worker->loop.now_ms;
    int64_t before = atomic_exchange_explicit(&target->refused_at, now, memory_order_relaxed);
    counter_add(&target_part(target, worker)->tally.connection_errors, 1);
    if (!before || now - before >= SHUN_MS)
        tell_of_refusal(target, worker->crew);
}

void target_connected(Target *target)
{
    if (atomic_load_explicit(&target->refused_at, memory_order_relaxed))
        atomic_store_explicit(&target->refused_at, 0, memory_order_relaxed);
}

bool target_shunned(const Target *target, int64_t at)
{
    int64_t refused_at = atomic_load_explicit(&target->refused_at, memory_order_relaxed);
    return refused_at && refused_at < at && at - refused_at < SHUN_MS;
}

static guint64 key_of(const LbTarget *target)
{
    return (guint64)target->address << 16 | target->port;
}

static void target_free(Target *target)
{
    tls_context_unref(target->tls);
    g_aligned_free(target->parts);
    g_free(target->id);
    g_free(target->zone);
    g_free(target);
}

/* One cookie for a target in all processes that ever serve this balancer. */
static void make_token(const Balancer *balancer, Target *target)
{
    g_autofree char *text =
        g_strdup_printf("AWSELB\n%s\n%s\n%u\n%u", balancer->id ?: "", target->id ?: "",
                        target->id ? 0 : target->address, target->port);
    g_autofree char *digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
    g_strlcpy(target->token, digest, TOKEN_SIZE);
}

static Target *target_new(Balancer *balancer, const LbTarget *wanted, LbProtocol protocol,
                          TlsContext *tls)
{
    unsigned n = balancer->crew->n;
    Target *target = g_new0(Target, 1);
    target->balancer = balancer->id;
    target->address = wanted->address;
    target->port = wanted->port;
    target->protocol = protocol;
    target->id = g_strdup(wanted->id);
    target->zone = g_strdup(wanted->zone);
    target->tls = tls;
    make_token(balancer, target);
    target->parts = g_aligned_alloc0(n, sizeof(TargetPart), _Alignof(TargetPart));
    for (unsigned i = 0; i < n; i++)
        links_init(&target->parts[i].pool);
    return target;
}

static bool is_tls(LbProtocol protocol)
{
    return protocol == LB_SSL || protocol == LB_HTTPS;
}

static bool target_is(const Target *target, const LbTarget *wanted, LbProtocol protocol,
                      const TlsClientOptions *tls)
{
    return target->protocol == protocol && !g_strcmp0(target->id, wanted->id) &&
           !g_strcmp0(target->zone, wanted->zone) &&
           (!is_tls(protocol) || tls_client_matches(target->tls, tls));
}

Target *balancer_target(Balancer *balancer, const LbTarget *wanted, LbProtocol protocol,
                        const TlsClientOptions *tls, GError **error)
{
    TlsClientOptions own = {0};
    if (tls)
        own = *tls;
    own.one_server = true;
    guint64 key = key_of(wanted);
    GPtrArray *there = g_hash_table_lookup(balancer->targets, &key);
    for (unsigned i = 0; there && i < there->len; i++) {
        Target *target = g_ptr_array_index(there, i);
        if (target_is(target, wanted, protocol, &own))
            return target;
    }
    TlsContext *context = NULL;
    if (is_tls(protocol) && !tls_client_new(&own, &context, error))
        return NULL;
    if (!there) {
        there = g_ptr_array_new_with_free_func((GDestroyNotify)target_free);
        g_hash_table_insert(balancer->targets, g_memdup2(&key, sizeof key), there);
    }
    Target *target = target_new(balancer, wanted, protocol, context);
    g_ptr_array_add(there, target);
    return target;
}

typedef void (*TargetFn)(Target *target, void *data);

static void each_target(const Balancer *balancer, TargetFn fn, void *data)
{
    GHashTableIter iterator;
    gpointer value;
    g_hash_table_iter_init(&iterator, balancer->targets);
    while (g_hash_table_iter_next(&iterator, NULL, &value)) {
        const GPtrArray *there = value;
        for (unsigned i = 0; i < there->len; i++)
            fn(g_ptr_array_index(there, i), data);
    }
}

static void unname(Target *target, void *data)
{
    target->named = target->stays = false;
}

void balancer_unname_targets(Balancer *balancer)
{
    each_target(balancer, unname, NULL);
}

static void note_left(Target *target, void *data)
{
    int64_t now = *(const int64_t *)data;
    if (target->stays)
        atomic_store(&target->left_at, 0);
    else if (!atomic_load(&target->left_at))
        atomic_store(&target->left_at, now);
}

void balancer_note_left(Balancer *balancer, int64_t now_ms)
{
    each_target(balancer, note_left, &now_ms);
}

static void add_tally(LbCounts *counts, Tally *tally, bool reset)
{
    counts->requests += atomic_load(&tally->requests);
    counts->code_2xx += atomic_load(&tally->codes[0]);
    counts->code_3xx += atomic_load(&tally->codes[1]);
    counts->code_4xx += atomic_load(&tally->codes[2]);
    counts->code_5xx += atomic_load(&tally->codes[3]);
    counts->latency_n += atomic_load(&tally->latency_n);
    counts->latency_us += atomic_load(&tally->latency_us);
    counts->connection_errors += atomic_load(&tally->connection_errors);
    counts->bytes_in += atomic_load(&tally->bytes_in);
    counts->bytes_out += atomic_load(&tally->bytes_out);
    uint64_t least = atomic_load(&tally->latency_min_us);
    uint64_t most = atomic_load(&tally->latency_max_us);
    if (reset) {
        atomic_store(&tally->latency_min_us, 0);
        atomic_store(&tally->latency_max_us, 0);
    }
    if (least && (!counts->latency_min_us || least - 1 < counts->latency_min_us))
        counts->latency_min_us = least - 1;
    counts->latency_max_us = MAX(counts->latency_max_us, most);
}

static void add_counts(LbCounts *to, const LbCounts *counts)
{
    to->requests += counts->requests;
    to->code_2xx += counts->code_2xx;
    to->code_3xx += counts->code_3xx;
    to->code_4xx += counts->code_4xx;
    to->code_5xx += counts->code_5xx;
    to->latency_n += counts->latency_n;
    to->latency_us += counts->latency_us;
    to->connection_errors += counts->connection_errors;
    to->bytes_in += counts->bytes_in;
    to->bytes_out += counts->bytes_out;
    if (counts->latency_min_us &&
        (!to->latency_min_us || counts->latency_min_us < to->latency_min_us))
        to->latency_min_us = counts->latency_min_us;
    to->latency_max_us = MAX(to->latency_max_us, counts->latency_max_us);
}

static LbCounts counts_of(const Balancer *balancer, Target *target, bool reset)
{
    LbCounts counts = {0};
    for (unsigned i = 0; i < balancer->crew->n; i++)
        add_tally(&counts, &target->parts[i].tally, reset);
    return counts;
}

void balancer_free_left(Balancer *balancer)
{
    GHashTableIter iterator;
    gpointer value;
    g_hash_table_iter_init(&iterator, balancer->targets);
    while (g_hash_table_iter_next(&iterator, NULL, &value)) {
        GPtrArray *there = value;
        for (unsigned i = there->len; i-- > 0;) {
            Target *target = g_ptr_array_index(there, i);
            if (target->named || atomic_load_explicit(&target->holders, memory_order_acquire))
                continue;
            LbCounts counts = counts_of(balancer, target, false);
            add_counts(&balancer->past, &counts);
            g_ptr_array_remove_index_fast(there, i);
        }
        if (!there->len)
            g_hash_table_iter_remove(&iterator);
    }
}

typedef struct Report {
    const Balancer *balancer;
    bool reset;
    Arena *arena;
    LbBalancerCounts *counts;
} Report;

static void report_target(Target *target, void *data)
{
    const Report *report = data;
    LbTargetCounts *counts = arena_new_struct(report->arena, LbTargetCounts);
    *counts = (LbTargetCounts){
        .id = arena_strdup(report->arena, target->id),
        .zone = arena_strdup(report->arena, target->zone),
        .port = target->port,
        .outstanding = atomic_load(&target->outstanding),
        .counts = counts_of(report->balancer, target, report->reset),
    };
    add_counts(&report->counts->total, &counts->counts);
    list_add(&report->counts->targets, report->arena, counts);
}

void balancer_counts(Balancer *balancer, bool reset, Arena *arena, LbBalancerCounts *ret_counts)
{
    LbBalancerCounts counts = {.total = balancer->past,
                               .surge_now = atomic_load(&balancer->waiting)};
    if (reset) {
        balancer->past.latency_min_us = balancer->past.latency_max_us = 0;
        counts.surge_max = atomic_exchange(&balancer->waiting_max, counts.surge_now);
    } else {
        counts.surge_max = atomic_load(&balancer->waiting_max);
    }
    for (unsigned i = 0; i < balancer->crew->n; i++) {
        const BalancerPart *part = &balancer->parts[i];
        counts.elb_4xx += atomic_load(&part->elb_4xx);
        counts.elb_5xx += atomic_load(&part->elb_5xx);
        counts.spillover += atomic_load(&part->spillover);
    }
    Report report = {.balancer = balancer, .reset = reset, .arena = arena, .counts = &counts};
    each_target(balancer, report_target, &report);
    *ret_counts = counts;
}

static void kick_task(Loop *loop, Task *task)
{
    BalancerPart *part = container_of(task, BalancerPart, kick);
    atomic_store(&part->kicked, false);
    surge_serve(part);
}

Balancer *balancer_new(Crew *crew, const char *id)
{
    Balancer *balancer = g_new0(Balancer, 1);
    balancer->id = g_strdup(id);
    balancer->crew = crew;
    balancer->targets = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free,
                                              (GDestroyNotify)g_ptr_array_unref);
    balancer->parts = g_aligned_alloc0(crew->n, sizeof(BalancerPart), _Alignof(BalancerPart));
    for (unsigned i = 0; i < crew->n; i++) {
        BalancerPart *part = &balancer->parts[i];
        part->worker = &crew->workers[i];
        part->kick.run = kick_task;
        links_init(&part->waiting);
        access_log_init(&part->log);
    }
    return balancer;
}

void balancer_free(Balancer *balancer)
{
    if (!balancer)
        return;
    for (unsigned i = 0; i < balancer->crew->n; i++)
        access_log_release(&balancer->parts[i].log);
    g_hash_table_unref(balancer->targets);
    g_aligned_free(balancer->parts);
    g_free(balancer->id);
    g_free(balancer);
}

void balancer_place_free(Balancer *balancer, Worker *worker)
{
    if (!atomic_load(&balancer->waiting))
        return;
    BalancerPart *own = balancer_part(balancer, worker);
    if (atomic_load_explicit(&own->waiting_n, memory_order_relaxed)) {
        surge_serve(own);
        return;
    }
    for (unsigned i = 0; i < balancer->crew->n; i++) {
        BalancerPart *part = &balancer->parts[i];
        if (!atomic_load(&part->waiting_n))
            continue;
        if (!atomic_exchange(&part->kicked, true))
            loop_post(&part->worker->loop, &part->kick);
        return;
    }
}
