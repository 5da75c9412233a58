/* Snapshots of what is probed: who is new, changed or gone, and in which loop.
 *
 * Two locks: `applying` makes calls of probes_apply wait for one another and is held while loops
 * are waited for; `lock` guards the table and is never held while anything is waited for, so that a
 * loop may take it (a hint of the relay, a callback that reads). Order: applying, lock.
 *
 * A target that is gone is taken from the table first; then its loop stops it, behind every hint
 * that was posted while it was in the table (tasks run in the order posted); then it is freed. */
#include "lb/probe.h"

#include "lb/probe_schedule.h"
#include <errno.h>

struct Probes {
    Lb *lb;
    Crew *crew;
    ProbesOptions options;
    TlsContext *tls;
    Prober *probers; /* as many as the crew's workers, in their order */
    unsigned next;   /* prober for the next new target; under applying */
    pthread_mutex_t applying;
    pthread_mutex_t lock; /* guards targets */
    GHashTable *targets;  /* key_of() → Probed *, both owned */
};

/* Instances behind a balancer have any TLS at all: neither their certificate nor their taste in
 * ciphers says whether they are well. */
static const TlsPolicy any_tls = {"any", TLS_1_0 | TLS_1_1 | TLS_1_2 | TLS_1_3, false, NULL};

static char *key_of(const char *balancer, const char *id)
{
    return g_strdup_printf("%s\n%s", balancer, id);
}

static Prober *prober_of(Probes *probes, const Worker *worker)
{
    return &probes->probers[worker - probes->crew->workers];
}

/* ---- a change ---- */

typedef struct Renewal {
    Probed *probed;
    ProbePlan plan;
} Renewal;

typedef struct ProbesChange {
    Probes *probes;
    GPtrArray *gone;    /* of Probed *, owned */
    GPtrArray *fresh;   /* of Probed * */
    GPtrArray *renewed; /* of Renewal *, owned */
} ProbesChange;

static void renewal_free(void *data)
{
    Renewal *renewal = data;
    probe_plan_clear(&renewal->plan);
    g_free(renewal);
}

static void change_init(ProbesChange *change, Probes *probes)
{
    *change = (ProbesChange){
        .probes = probes,
        .gone = g_ptr_array_new_with_free_func((GDestroyNotify)probed_free),
        .fresh = g_ptr_array_new(),
        .renewed = g_ptr_array_new_with_free_func(renewal_free),
    };
}

static void change_release(ProbesChange *change)
{
    g_ptr_array_unref(change->gone);
    g_ptr_array_unref(change->fresh);
    g_ptr_array_unref(change->renewed);
}

/* Takes key and plan. */
static void add_target(ProbesChange *change, char *key, const ProbeTarget *target, ProbePlan *plan)
{
    Probes *probes = change->probes;
    Probed *probed = probed_new(&probes->probers[probes->next++ % probes->crew->n], target, plan);
    probed->seen = true;
    g_hash_table_insert(probes->targets, key, probed);
    g_ptr_array_add(change->fresh, probed);
}

static void compare_target(ProbesChange *change, const ProbeTarget *target)
{
    Probes *probes = change->probes;
    g_autofree char *key = key_of(target->balancer, target->id);
    ProbePlan plan;
    probe_plan_init(&plan, target);
    Probed *probed = g_hash_table_lookup(probes->targets, key);
    if (probed && (probed->address != target->address || probed->port != target->port)) {
        g_hash_table_remove(probes->targets, key);
        g_ptr_array_add(change->gone, probed);
        probed = NULL;
    }
    if (!probed) {
        add_target(change, g_steal_pointer(&key), target, &plan);
        return;
    }
    probed->seen = true;
    if (!probe_plan_equal(&probed->plan, &plan)) {
        Renewal *renewal = g_new0(Renewal, 1);
        *renewal = (Renewal){.probed = probed, .plan = plan};
        g_ptr_array_add(change->renewed, renewal);
    } else {
        probe_plan_clear(&plan);
    }
}

/* Under lock. */
static void compare(ProbesChange *change, const List *targets)
{
    LIST_EACH (const ProbeTarget *, target, targets)
        compare_target(change, target);
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, change->probes->targets);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        Probed *probed = value;
        if (!probed->seen) {
            g_hash_table_iter_remove(&iter);
            g_ptr_array_add(change->gone, probed);
        }
        probed->seen = false;
    }
}

/* In every loop: the part of it that belongs there. */
static void change_here(Worker *worker, void *data)
{
    ProbesChange *change = data;
    const Prober *here = prober_of(change->probes, worker);
    for (unsigned i = 0; i < change->gone->len; i++) {
        Probed *probed = change->gone->pdata[i];
        if (probed->prober == here)
            probed_stop(probed);
    }
    for (unsigned i = 0; i < change->renewed->len; i++) {
        Renewal *renewal = change->renewed->pdata[i];
        if (renewal->probed->prober == here)
            probed_change(renewal->probed, &renewal->plan);
    }
    for (unsigned i = 0; i < change->fresh->len; i++) {
        Probed *probed = change->fresh->pdata[i];
        if (probed->prober == here)
            probed_begin(probed);
    }
}

void probes_apply(Probes *probes, const List *targets)
{
    ProbesChange change;
    pthread_mutex_lock(&probes->applying);
    change_init(&change, probes);
    pthread_mutex_lock(&probes->lock);
    compare(&change, targets);
    pthread_mutex_unlock(&probes->lock);
    if (change.gone->len || change.renewed->len || change.fresh->len)
        crew_call(probes->crew, change_here, &change);
    change_release(&change);
    pthread_mutex_unlock(&probes->applying);
}

/* ---- hints and what is read ---- */

typedef struct HintTask {
    Task task;
    Probed *probed;
} HintTask;

static void hint_task(Loop *loop, Task *task)
{
    HintTask *hint = container_of(task, HintTask, task);
    probed_hint(hint->probed);
    g_free(hint);
}

void probes_hint(Probes *probes, const char *balancer, const char *id)
{
    g_autofree char *key = key_of(balancer, id);
    pthread_mutex_lock(&probes->lock);
    Probed *probed = g_hash_table_lookup(probes->targets, key);
    if (probed) {
        HintTask *hint = g_new0(HintTask, 1);
        *hint = (HintTask){.task.run = hint_task, .probed = probed};
        loop_post(probed->prober->loop, &hint->task);
    }
    pthread_mutex_unlock(&probes->lock);
}

bool probes_status(Probes *probes, const char *balancer, const char *id, ProbeStatus *ret_status)
{
    g_autofree char *key = key_of(balancer, id);
    pthread_mutex_lock(&probes->lock);
    Probed *probed = g_hash_table_lookup(probes->targets, key);
    if (probed)
        *ret_status = probed_status(probed);
    pthread_mutex_unlock(&probes->lock);
    return probed != NULL;
}

static void count_states(Probes *probes, ProbesStats *stats)
{
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, probes->targets);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        switch (probed_status(value).state) {
        case PROBE_REGISTERING:
            stats->registering++;
            break;
        case PROBE_IN_SERVICE:
            stats->in_service++;
            break;
        case PROBE_OUT_OF_SERVICE:
            stats->out_of_service++;
            break;
        }
        stats->targets++;
    }
}

void probes_stats(Probes *probes, ProbesStats *ret_stats)
{
    ProbesStats stats = {0};
    for (unsigned i = 0; i < probes->crew->n; i++) {
        Prober *prober = &probes->probers[i];
        stats.running += atomic_load(&prober->running);
        stats.waiting += atomic_load(&prober->waiting_n);
        stats.succeeded += atomic_load(&prober->succeeded);
        stats.failed += atomic_load(&prober->failed);
        stats.put_off += atomic_load(&prober->put_off);
    }
    pthread_mutex_lock(&probes->lock);
    count_states(probes, &stats);
    pthread_mutex_unlock(&probes->lock);
    *ret_stats = stats;
}

const char *probe_failure_text(ProbeFailure failure)
{
    static const char *const texts[] = {
        [PROBE_OK] = "well",
        [PROBE_REFUSED] = "refused",
        [PROBE_TIMED_OUT] = "timed out",
        [PROBE_BROKEN] = "connection broken",
        [PROBE_TLS_FAILED] = "no TLS handshake",
        [PROBE_NO_HTTP] = "no HTTP answer",
        [PROBE_WRONG_STATUS] = "another status than 200",
    };
    return texts[failure];
}

/* ---- the whole ---- */

typedef struct Beginning {
    Probes *probes;
    _Atomic int status;
} Beginning;

static void begin_here(Worker *worker, void *data)
{
    Beginning *beginning = data;
    int r = prober_begin(prober_of(beginning->probes, worker));
    if (r < 0)
        atomic_store(&beginning->status, r);
}

static void end_here(Worker *worker, void *data)
{
    prober_end(prober_of(data, worker));
}

static void release(Probes *probes)
{
    for (unsigned i = 0; i < probes->crew->n; i++)
        prober_release(&probes->probers[i]);
    g_hash_table_unref(probes->targets);
    pthread_mutex_destroy(&probes->applying);
    pthread_mutex_destroy(&probes->lock);
    tls_context_unref(probes->tls);
    g_free(probes->probers);
    g_free(probes);
}

/* The context has no options that could be wrong: it fails for want of memory. */
static int make_tls(Probes *probes)
{
    g_autoptr(GError) error = NULL;
    TlsClientOptions options = {.policy = &any_tls};
    return tls_client_new(&options, &probes->tls, &error) ? 0 : -ENOMEM;
}

/* A relay thread could not connect to a target. */
static void hint_of_relay(void *data, const char *balancer, const char *id)
{
    probes_hint(data, balancer, id);
}

int probes_open(Lb *lb, const ProbesOptions *options, Probes **ret_probes)
{
    Probes *probes = g_new0(Probes, 1);
    probes->lb = lb;
    probes->crew = lb_crew(lb);
    probes->options = *options;
    probes->probers = g_new0(Prober, probes->crew->n);
    probes->targets = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    pthread_mutex_init(&probes->applying, NULL);
    pthread_mutex_init(&probes->lock, NULL);
    int r = make_tls(probes);
    for (unsigned i = 0; i < probes->crew->n; i++) {
        int status = prober_init(&probes->probers[i], &probes->crew->workers[i], &probes->options,
                                 probes->tls);
        r = r < 0 ? r : status;
    }
    Beginning beginning = {.probes = probes};
    if (r == 0) {
        crew_call(probes->crew, begin_here, &beginning);
        r = beginning.status;
    }
    if (r < 0) {
        crew_call(probes->crew, end_here, probes);
        release(probes);
        return r;
    }
    lb_watch_refusals(lb, hint_of_relay, probes);
    *ret_probes = probes;
    return 0;
}

void probes_close(Probes *probes)
{
    if (!probes)
        return;
    List nothing = {0};
    lb_watch_refusals(probes->lb, NULL, NULL);
    probes_apply(probes, &nothing);
    /* Behind it run the tasks that free the last checks. */
    crew_call(probes->crew, end_here, probes);
    release(probes);
}
