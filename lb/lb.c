/* Snapshots: what changed between the one that runs and the one handed in, and in which order that
 * takes effect without a lock in the relay's path.
 *
 *   1. New rules are published (an atomic pointer), removed listeners get none.
 *   2. Barrier: every worker forgets the removed listeners. After it, all act on the new rules.
 *   3. Barrier: connections that were handed over before 2 have arrived; every worker cuts the
 *      connections of changed listeners that the new rules do not cover.
 *   4. Nobody can name the old rules and the removed listeners any more: they are freed, which
 *      closes the sockets. Only now are new ones opened, for they may need the same address.
 *
 *   5. Balancers and targets that no rules name any more, and no connection, are freed.
 *
 * Steps 2 and 3 are skipped when nothing that runs changed. */
#include "lb/lb.h"

#include "lb/http_stock.h"
#include "lb/listener.h"
#include <errno.h>
#include <sys/resource.h>

struct Lb {
    LbOptions options;
    Crew crew;
    pthread_mutex_t lock;  /* all calls; guards what is below */
    GHashTable *listeners; /* key_of() → Listener *, owned */
    GHashTable *balancers; /* id → Balancer *, owned */
    Balancer *plain;       /* of listeners without one */
};

static guint64 key_of(uint32_t address, uint16_t port)
{
    return (guint64)address << 16 | port;
}

/* Three quarters of the descriptors, two for each connection: the rest of the process, the
 * listening sockets and the pipes need some too. */
static unsigned default_max_connections(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
        limit.rlim_cur = 1 << 20;
    return (unsigned)MIN(limit.rlim_cur, 1 << 24) / 8 * 3;
}

int lb_open(const LbOptions *options, Lb **ret_lb)
{
    Lb *lb = g_new0(Lb, 1);
    lb->options = *options;
    lb->crew.max_connections =
        options->max_connections ? options->max_connections : default_max_connections();
    lb->crew.idle_ms = (options->idle_seconds ? options->idle_seconds : 3600) * 1000;
    lb->crew.connect_ms = (options->connect_seconds ? options->connect_seconds : 10) * 1000;
    int r = crew_start(&lb->crew, options);
    if (r < 0) {
        g_free(lb);
        return r;
    }
    pthread_mutex_init(&lb->lock, NULL);
    lb->listeners = g_hash_table_new(g_int64_hash, g_int64_equal);
    lb->balancers =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)balancer_free);
    lb->plain = balancer_new(&lb->crew, NULL);
    *ret_lb = lb;
    return 0;
}

/* The difference of two snapshots. */
typedef struct Change {
    Lb *lb;
    GPtrArray *removed;  /* of Listener *, owned */
    GPtrArray *changed;  /* of Listener * */
    GPtrArray *outdated; /* of Rules *, owned: what they had before */
    GPtrArray *added;    /* of Opening * */
} Change;

typedef struct Opening {
    Listener *listener;
    const LbListener *wanted;
    int error;
} Opening;

static void change_init(Change *change, Lb *lb)
{
    *change = (Change){
        .lb = lb,
        .removed = g_ptr_array_new_with_free_func((GDestroyNotify)listener_free),
        .changed = g_ptr_array_new(),
        .outdated = g_ptr_array_new_with_free_func((GDestroyNotify)rules_free),
        .added = g_ptr_array_new_with_free_func(g_free),
    };
}

static void change_release(Change *change)
{
    g_ptr_array_unref(change->removed);
    g_ptr_array_unref(change->changed);
    g_ptr_array_unref(change->outdated);
    g_ptr_array_unref(change->added);
}

static void add_failure(const LbListener *listener, int error, const GError *why, Arena *arena,
                        List *failures)
{
    LbFailure *failure = arena_new_struct(arena, LbFailure);
    *failure = (LbFailure){.listener = listener,
                           .error = error,
                           .text = why ? arena_strdup(arena, why->message) : NULL};
    list_add(failures, arena, failure);
}

static Balancer *find_balancer(Lb *lb, const char *id)
{
    Balancer *balancer = id ? g_hash_table_lookup(lb->balancers, id) : lb->plain;
    if (!balancer) {
        balancer = balancer_new(&lb->crew, id);
        g_hash_table_insert(lb->balancers, balancer->id, balancer);
    }
    return balancer;
}

/* False: its rules cannot be made, and *error says why. */
static bool open_listener(Change *change, const LbListener *wanted, GError **error)
{
    Balancer *balancer = find_balancer(change->lb, wanted->balancer);
    Rules *rules = rules_new(balancer, wanted, NULL, error);
    if (!rules)
        return false;
    Opening *opening = g_new0(Opening, 1);
    opening->wanted = wanted;
    opening->listener = listener_new(wanted, balancer, rules);
    opening->listener->key = key_of(wanted->address, wanted->port);
    opening->listener->inside = wanted->inside;
    g_ptr_array_add(change->added, opening);
    return true;
}

static void change_rules(Change *change, Listener *listener, Rules *rules)
{
    listener->changed = true;
    g_ptr_array_add(change->outdated, atomic_exchange(&listener->rules, rules));
}

static bool is_http(LbProtocol protocol)
{
    return protocol == LB_HTTP || protocol == LB_HTTPS;
}

/* Whether that is still this listener, with other rules at most. */
static bool is_same_listener(const Listener *listener, const LbListener *wanted)
{
    return listener->protocol == wanted->protocol &&
           g_strcmp0(listener->balancer->id, wanted->balancer) == 0;
}

/* Of a listener that stays. False: its new rules cannot be made, it has the old ones. */
static bool update_listener(Change *change, Listener *listener, const LbListener *wanted,
                            GError **error)
{
    const Rules *before = listener_rules(listener);
    listener->seen = true;
    if (rules_match(before, wanted)) {
        rules_name_targets(before);
        return true;
    }
    Rules *rules = rules_new(listener->balancer, wanted, before, error);
    if (!rules) {
        rules_name_targets(before);
        return false;
    }
    change_rules(change, listener, rules);
    g_ptr_array_add(change->changed, listener);
    return true;
}

/* 0, or the errno of a failure. */
static int compare_listener(Change *change, const LbListener *wanted, GHashTable *fresh,
                            GError **error)
{
    guint64 key = key_of(wanted->address, wanted->port);
    Listener *listener = g_hash_table_lookup(change->lb->listeners, &key);
    if (is_http(wanted->protocol) != is_http(wanted->target_protocol))
        return EINVAL;
    if (g_hash_table_contains(fresh, &key) || (listener && listener->seen))
        return EADDRINUSE; /* twice in one snapshot */
    if (listener && is_same_listener(listener, wanted))
        return update_listener(change, listener, wanted, error) ? 0 : EKEYREJECTED;
    if (!open_listener(change, wanted, error))
        return EKEYREJECTED;
    const Opening *opening = g_ptr_array_index(change->added, change->added->len - 1);
    g_hash_table_add(fresh, &opening->listener->key);
    return 0;
}

static void each_balancer(Lb *lb, void (*fn)(Balancer *balancer))
{
    GHashTableIter iterator;
    gpointer balancer;
    g_hash_table_iter_init(&iterator, lb->balancers);
    while (g_hash_table_iter_next(&iterator, NULL, &balancer))
        fn(balancer);
    fn(lb->plain);
}

static void note_left(Balancer *balancer)
{
    balancer_note_left(balancer, loop_clock_ms());
}

/* Fills change; publishes the new rules of listeners that stay. */
static void compare(Change *change, const LbConfig *config, Arena *arena, List *failures)
{
    Lb *lb = change->lb;
    g_autoptr(GHashTable) fresh = g_hash_table_new(g_int64_hash, g_int64_equal);
    each_balancer(lb, balancer_unname_targets);
    LIST_EACH (const LbListener *, wanted, &config->listeners) {
        g_autoptr(GError) why = NULL;
        int error = compare_listener(change, wanted, fresh, &why);
        if (error)
            add_failure(wanted, error, why, arena, failures);
    }
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, lb->listeners);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        Listener *listener = value;
        if (!listener->seen) {
            g_hash_table_iter_remove(&iter);
            change_rules(change, listener, NULL);
            g_ptr_array_add(change->removed, listener);
        }
        listener->seen = false;
    }
    each_balancer(lb, note_left);
}

static void forget_removed(Worker *worker, void *data)
{
    const Change *change = data;
    for (unsigned i = 0; i < change->removed->len; i++)
        listener_forget(g_ptr_array_index(change->removed, i), worker);
}

static void review(Worker *worker, void *data)
{
    members_review(worker);
    http_stock_review(worker);
}

static void settle_changes(Change *change)
{
    Crew *crew = &change->lb->crew;
    if (!change->removed->len && !change->changed->len)
        return;
    crew_call(crew, forget_removed, change);
    crew_call(crew, review, NULL);
    for (unsigned i = 0; i < change->changed->len; i++)
        ((Listener *)g_ptr_array_index(change->changed, i))->changed = false;
    g_ptr_array_set_size(change->removed, 0);
}

static void open_sockets(const Change *change, bool inside)
{
    for (unsigned i = 0; i < change->added->len; i++) {
        Opening *opening = g_ptr_array_index(change->added, i);
        if (opening->listener->inside == inside)
            opening->error = -listener_open(opening->listener);
    }
}

static void open_outside(void *change)
{
    open_sockets(change, false);
}

static void add_listeners(Change *change, Arena *arena, List *failures)
{
    Lb *lb = change->lb;
    if (!change->added->len)
        return;
    if (lb->options.run_outside)
        lb->options.run_outside(lb->options.data, open_outside, change);
    else
        open_outside(change);
    open_sockets(change, true);
    for (unsigned i = 0; i < change->added->len; i++) {
        Opening *opening = g_ptr_array_index(change->added, i);
        Listener *listener = opening->listener;
        if (!opening->error)
            opening->error = -listener_watch(listener, &lb->crew);
        if (!opening->error) {
            g_hash_table_insert(lb->listeners, &listener->key, listener);
            continue;
        }
        add_failure(opening->wanted, opening->error, NULL, arena, failures);
        if (listener->fd < 0) {
            listener_free(listener);
        } else { /* some loops watch it: the same way out as for a removed one */
            change_rules(change, listener, NULL);
            g_ptr_array_add(change->removed, listener);
        }
    }
    settle_changes(change);
}

static void do_nothing(Worker *worker, void *data)
{
}

static gboolean has_no_listener(gpointer id, gpointer balancer, gpointer data)
{
    return ((Balancer *)balancer)->listeners == 0;
}

/* When everything that was removed is freed. */
static void free_unused(Lb *lb)
{
    each_balancer(lb, balancer_free_left);
    if (!g_hash_table_find(lb->balancers, has_no_listener, NULL))
        return;
    crew_call(&lb->crew, do_nothing,
              NULL); /* kicks of surge queues may still have been under way */
    g_hash_table_foreach_remove(lb->balancers, has_no_listener, NULL);
}

int lb_apply(Lb *lb, const LbConfig *config, Arena *arena, List *ret_failures)
{
    List failures = {0};
    Change change;
    pthread_mutex_lock(&lb->lock);
    change_init(&change, lb);
    compare(&change, config, arena, &failures);
    settle_changes(&change);
    add_listeners(&change, arena, &failures);
    change_release(&change);
    free_unused(lb);
    pthread_mutex_unlock(&lb->lock);
    *ret_failures = failures;
    return 0;
}

Crew *lb_crew(Lb *lb)
{
    return &lb->crew;
}

void lb_stats(Lb *lb, LbStats *ret_stats)
{
    LbStats stats = {.connections = atomic_load(&lb->crew.connections)};
    for (unsigned i = 0; i < lb->crew.n; i++) {
        Worker *worker = &lb->crew.workers[i];
        stats.accepted += atomic_load(&worker->accepted);
        stats.refused += atomic_load(&worker->refused);
        stats.failed += atomic_load(&worker->failed);
        stats.bytes_in += atomic_load(&worker->bytes_in);
        stats.bytes_out += atomic_load(&worker->bytes_out);
    }
    pthread_mutex_lock(&lb->lock);
    stats.listeners = g_hash_table_size(lb->listeners);
    pthread_mutex_unlock(&lb->lock);
    *ret_stats = stats;
}

bool lb_balancer_counts(Lb *lb, const char *id, bool reset, Arena *arena,
                        LbBalancerCounts *ret_counts)
{
    pthread_mutex_lock(&lb->lock);
    Balancer *balancer = g_hash_table_lookup(lb->balancers, id);
    if (balancer)
        balancer_counts(balancer, reset, arena, ret_counts);
    pthread_mutex_unlock(&lb->lock);
    return balancer != NULL;
}

void lb_watch_refusals(Lb *lb,
                       void (*refused)(void *data, const char *balancer, const char *target),
                       void *data)
{
    pthread_mutex_lock(&lb->lock);
    atomic_store(&lb->crew.refused, NULL);
    crew_call(&lb->crew, do_nothing, NULL);
    lb->crew.refused_data = data;
    atomic_store(&lb->crew.refused, refused);
    pthread_mutex_unlock(&lb->lock);
}

char *lb_take_log(Lb *lb, const char *id, size_t *ret_size, uint64_t *ret_lost)
{
    GString *lines = g_string_new(NULL);
    uint64_t lost = 0;
    pthread_mutex_lock(&lb->lock);
    Balancer *balancer = g_hash_table_lookup(lb->balancers, id);
    for (unsigned i = 0; balancer && i < lb->crew.n; i++)
        access_log_take(&balancer->parts[i].log, lines, &lost);
    pthread_mutex_unlock(&lb->lock);
    *ret_size = lines->len;
    *ret_lost = lost;
    return g_string_free(lines, lines->len == 0);
}

void lb_close(Lb *lb)
{
    if (!lb)
        return;
    g_autoptr(Arena) arena = arena_new();
    LbConfig nothing = {0};
    List failures;
    lb_apply(lb, &nothing, arena, &failures);
    crew_stop(&lb->crew);
    g_hash_table_unref(lb->listeners);
    g_hash_table_unref(lb->balancers);
    balancer_free(lb->plain);
    pthread_mutex_destroy(&lb->lock);
    g_free(lb);
}
