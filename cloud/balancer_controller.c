/* The controller of load balancers.
 *
 * Invariants: the health of a registration is on record before traffic follows it; a registration
 * that changed since it was looked at is left for the next look. */
#include "cloud/balancer_controller.h"

#include "base/fault.h"
#include <string.h>

#define RETRY_AFTER (5 * CLOCK_SECOND)
#define LOOK_AT_DRAINING_EVERY CLOCK_SECOND
#define ALL "balancers"

void balancers_wake(Cloud *cloud)
{
    if (cloud->balancers)
        workqueue_add(cloud->balancers, ALL);
}

/* In a loop's thread. */
static void on_probe(void *data, const ProbeEvent *event)
{
    Site *site = data;
    g_message("load balancer %s: %s is %s%s%s", event->balancer, event->id,
              event->now == PROBE_IN_SERVICE ? "in service" : "out of service",
              event->failure == PROBE_OK ? "" : ": ",
              event->failure == PROBE_OK ? "" : probe_failure_text(event->failure));
    balancers_wake(site->cloud);
}

bool balancers_open_probes(Site *site, GError **error)
{
    const ProbesOptions options = {.changed = on_probe, .data = site};
    int status = probes_open(site->lb, &options, &site->probes);
    return status == 0 || trouble_set_errno(error, -status, "cannot start health probes");
}

/* ---- health ---- */

static int health_of_probe(const Site *site, const BalancerMember *member)
{
    const BalancerInstance *record = member->record;
    ProbeStatus status;
    if (!probes_status(site->probes, record->balancer_id, record->instance_id, &status))
        return record->health;
    switch (status.state) {
    case PROBE_IN_SERVICE:
        return BALANCER_HEALTH_HEALTHY;
    case PROBE_OUT_OF_SERVICE:
        return BALANCER_HEALTH_UNHEALTHY;
    case PROBE_REGISTERING:
        break;
    }
    return record->health;
}

/* What is to be on record. An instance that does not run has to prove itself again; one whose
 * groups do not let the balancer in could pass no probe. Where no packets are carried, whatever
 * runs is fit. */
static int health_of(const Site *site, const BalancerPlan *plan, const BalancerMember *member,
                     uint16_t port)
{
    int health = member->record->health;
    if (!member->instance || member->instance->state != INSTANCE_RUNNING)
        return health == BALANCER_HEALTH_REGISTERING ? health : BALANCER_HEALTH_UNPROVEN;
    if (!site->probes)
        return BALANCER_HEALTH_HEALTHY;
    if (!balancer_plan_lets_in(plan, member, port))
        return BALANCER_HEALTH_UNHEALTHY;
    return health_of_probe(site, member);
}

/* ---- putting on record ---- */

static bool same(const BalancerInstance *a, const BalancerInstance *b)
{
    return a->health == b->health && a->registered == b->registered &&
           a->draining_until == b->draining_until;
}

static bool change_member(Cloud *cloud, Txn *txn, Arena *arena, const BalancerInstance *seen,
                          int health, GError **error)
{
    void *found;
    if (!record_query_one(txn, arena, QUERY_BALANCER_INSTANCE, &found, error, seen->balancer_id,
                          seen->instance_id))
        return false;
    BalancerInstance *now = found;
    if (!now || !same(now, seen))
        return true;
    if (now->draining_until)
        return record_change(txn, CHANGE_DELETE_BALANCER_INSTANCE, NULL, error, now->balancer_id,
                             now->instance_id);
    state_move(&balancer_health_machine, now->instance_id, &now->health, health);
    return balancer_instance_put(txn, now, error);
}

typedef struct Changes {
    List members; /* of BalancerMember * */
    GArray *healths;
    int64_t again;
} Changes;

/* Where no packets are carried, it takes the whole time. */
static bool has_connections(const Site *site, Arena *arena, const BalancerInstance *record)
{
    LbBalancerCounts counts;
    if (!site->lb)
        return true;
    if (!lb_balancer_counts(site->lb, record->balancer_id, false, arena, &counts))
        return false;
    LIST_EACH (const LbTargetCounts *, target, &counts.targets) {
        if (g_strcmp0(target->id, record->instance_id) == 0 && target->outstanding > 0)
            return true;
    }
    return false;
}

static void look_at(const Site *site, const BalancerPlan *plan, Arena *arena,
                    const BalancerMember *member, Changes *changes)
{
    int health = member->record->health;
    int64_t until = member->record->draining_until;
    HealthTarget target = {0};
    int64_t now = cloud_now(site->cloud);
    if (until > now && has_connections(site, arena, member->record)) {
        changes->again = MIN(changes->again, MIN(until, now + LOOK_AT_DRAINING_EVERY));
        return;
    }
    if (!until && health_target_parse(arena, member->view->balancer->health_target, &target, NULL))
        health = health_of(site, plan, member, target.port);
    if (!until && health == member->record->health)
        return;
    list_add(&changes->members, arena, member);
    g_array_append_val(changes->healths, health);
}

static bool write_changes(Site *site, Arena *arena, const Changes *changes, GError **error)
{
    if (changes->members.n == 0)
        return true;
    g_autoptr(Txn) txn = NULL;
    if (!txn_begin(site->cloud->config.store, &txn, error))
        return false;
    for (size_t i = 0; i < changes->members.n; i++) {
        const BalancerMember *member = list_at(&changes->members, i);
        if (!change_member(site->cloud, txn, arena, member->record,
                           g_array_index(changes->healths, int, i), error))
            return false;
    }
    if (!txn_commit(&txn, error))
        return false;
    if (site->lb)
        workqueue_add(site->firewall, site->vpc_id);
    return true;
}

static bool step_site(Site *site, int64_t *again, GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(BalancerPlan) plan = NULL;
    if (!balancer_plan_load(site, arena, &plan, error))
        return false;
    if (site->probes) {
        List targets = {0};
        balancer_plan_probes(plan, &targets);
        probes_apply(site->probes, &targets);
    }
    g_autoptr(GArray) healths = g_array_new(FALSE, FALSE, sizeof(int));
    Changes changes = {.healths = healths, .again = WORK_DONE};
    LIST_EACH (const BalancerMember *, member, balancer_plan_members(plan))
        look_at(site, plan, arena, member, &changes);
    *again = MIN(*again, changes.again);
    return write_changes(site, arena, &changes, error);
}

/* Whether the site had balancers when last seen, or has some now. */
static bool concerns(const Site *site, const List *balancers)
{
    LIST_EACH (const Balancer *, balancer, balancers) {
        if (strcmp(balancer->vpc_id, site->vpc_id) == 0)
            return true;
    }
    ProbesStats stats = {0};
    if (site->probes)
        probes_stats(site->probes, &stats);
    return stats.targets > 0;
}

int64_t balancers_step(void *data, const char *unused)
{
    Cloud *cloud = data;
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) sites = cloud_sites(cloud);
    g_autoptr(Txn) txn = NULL;
    List balancers = {0};
    int64_t again = WORK_DONE;
    bool ok = txn_begin_read(cloud->config.store, &txn, &error) &&
              record_query(txn, arena, QUERY_BALANCERS, &balancers, &error) &&
              txn_commit(&txn, &error);
    for (unsigned i = 0; ok && i < sites->len; i++) {
        Site *site = sites->pdata[i];
        ok = !concerns(site, &balancers) || step_site(site, &again, &error);
    }
    if (ok)
        return again;
    g_warning("load balancers: %s", error->message);
    return cloud_now(cloud) + RETRY_AFTER;
}

/* ---- listeners ---- */

static const char *failure_text(Arena *arena, const PlannedListener *planned, const List *failures)
{
    LIST_EACH (const LbFailure *, failure, failures) {
        if (planned->listener && failure->listener == planned->listener)
            return failure->text ? failure->text : arena_strdup(arena, g_strerror(failure->error));
    }
    return planned->listener ? NULL : planned->why;
}

static bool record_failure(Txn *txn, Arena *arena, const BalancerListener *seen, const char *text,
                           GError **error)
{
    void *found;
    if (!record_query_one(txn, arena, QUERY_BALANCER_LISTENER, &found, error, seen->balancer_id,
                          seen->port))
        return false;
    BalancerListener *now = found;
    if (!now)
        return true;
    now->failure = text;
    return balancer_listener_put(txn, now, error);
}

bool balancers_record_failures(Site *site, const List *planned, const List *failures,
                               bool *ret_again, GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(Txn) txn = NULL;
    *ret_again = false;
    LIST_EACH (const PlannedListener *, listener, planned) {
        const char *text = failure_text(arena, listener, failures);
        *ret_again = *ret_again || text;
        if (g_strcmp0(text, listener->record->failure) == 0)
            continue;
        if (text)
            g_warning("load balancer %s: cannot listen on %s port %d: %s",
                      listener->view->balancer->name, listener->view->balancer->address,
                      atoi(listener->record->port), text);
        if ((!txn && !txn_begin(site->cloud->config.store, &txn, error)) ||
            !record_failure(txn, arena, listener->record, text, error))
            return false;
    }
    return !txn || txn_commit(&txn, error);
}
