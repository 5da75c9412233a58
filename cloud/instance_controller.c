/* The controller of instances: compares each record with its machine and takes the next step.
 *
 * Invariants: a state is persisted before it is acted on, and every step may be repeated, so a
 * crash between any two instructions leaves nothing to repair: the next look goes on. A step reads
 * the record afresh; what it writes back is conditional on the state it acted for, so a request
 * that came meanwhile wins. One instance is stepped by one thread at a time (base/workqueue.h). */
#include "cloud/site.h"

#include "base/fault.h"
#include "base/file.h"
#include "cloud/disk_controller.h"
#include "cloud/instance_records.h"
#include "cloud/instances.h"
#include "cloud/machine.h"
#include <string.h>

/* A guest that still boots does not notice the button: it is pressed again. */
#define PRESS_EVERY (5 * CLOCK_SECOND)
/* How long a guest may take to shut down before it is cut off. */
#define STOP_DEADLINE (60 * CLOCK_SECOND)
#define TERMINATE_DEADLINE (10 * CLOCK_SECOND)
#define REBOOT_DEADLINE (30 * CLOCK_SECOND)
/* Until a new guest has been seen on its network. */
#define LOOK_EVERY (CLOCK_SECOND / 2)
/* After trouble with the back end. */
#define RETRY_AFTER (5 * CLOCK_SECOND)

typedef struct Step {
    Site *site;
    Cloud *cloud;
    Arena *arena;
    Instance *instance;
    int64_t now;
    int64_t again;
} Step;

static const HypervisorOps *hypervisor(const Step *step)
{
    return step->cloud->config.hypervisor;
}

/* How the machine ended, if that was seen: 0, or MachineEventKind + 1. Taken once. */
static int take_end(Cloud *cloud, const char *id)
{
    g_mutex_lock(&cloud->mutex);
    int end = GPOINTER_TO_INT(g_hash_table_lookup(cloud->ends, id));
    g_hash_table_remove(cloud->ends, id);
    g_mutex_unlock(&cloud->mutex);
    return end;
}

static bool step_pending(Step *step, GError **error)
{
    Instance *instance = step->instance;
    g_autoptr(GError) trouble = NULL;
    take_end(step->cloud, instance->id); /* of an earlier life */
    if (machine_start(step->site, step->arena, instance, &trouble))
        return instance_record_running(step->cloud, step->arena, instance, error);
    g_warning("%s does not start: %s", instance->id, trouble->message);
    return instance_record_failed(step->cloud, step->arena, instance, error);
}

/* Presses the power button until the machine is gone or the deadline has passed since `since`. True
 * with *ret_gone telling which. */
static bool shut_down(Step *step, int64_t since, int64_t deadline, bool *ret_gone, GError **error)
{
    Instance *instance = step->instance;
    const HypervisorOps *ops = hypervisor(step);
    bool runs;
    if (!ops->is_running(step->cloud->hypervisor, instance->id, &runs, error))
        return false;
    if (runs && (instance->force_stop || step->now >= since + deadline)) {
        if (!ops->destroy(step->cloud->hypervisor, instance->id, error))
            return false;
        runs = false;
    }
    if (runs) {
        if (!ops->press_power(step->cloud->hypervisor, instance->id, error))
            return false;
        step->again = MIN(step->again, MIN(step->now + PRESS_EVERY, since + deadline));
    }
    *ret_gone = !runs;
    return true;
}

/* Shuts the guest down and starts its machine again: what AWS promises of a reboot, hard after a
 * while, and what an emulated processor does faster than a reset. */
static bool step_rebooting(Step *step, GError **error)
{
    Instance *instance = step->instance;
    bool gone;
    if (!shut_down(step, instance->reboot_wanted, REBOOT_DEADLINE, &gone, error))
        return false;
    if (!gone)
        return true;
    take_end(step->cloud, instance->id);
    /* An image may have waited for this. */
    if (!disks_settle(step->cloud, step->arena, instance, &step->again, error))
        return false;
    g_autoptr(GError) trouble = NULL;
    if (machine_start(step->site, step->arena, instance, &trouble)) {
        step->again = MIN(step->again, step->now + LOOK_EVERY);
        return instance_record_rebooted(step->cloud, step->arena, instance, error);
    }
    g_warning("%s does not start again: %s", instance->id, trouble->message);
    return instance_record_failed(step->cloud, step->arena, instance, error);
}

/* Looks, until it was so once, whether the guest has spoken on its network. */
static bool look_for_guest(Step *step, GError **error)
{
    Instance *instance = step->instance;
    bool reachable;
    if (instance->reachable)
        return true;
    if (!step->cloud->config.network->is_reachable(step->site->network, instance->private_ip,
                                                   &reachable, error))
        return false;
    if (reachable)
        return instance_record_reachable(step->cloud, step->arena, instance, error);
    step->again = MIN(step->again, step->now + LOOK_EVERY);
    return true;
}

static bool step_running(Step *step, GError **error)
{
    Instance *instance = step->instance;
    bool runs;
    if (instance->reboot_wanted)
        return step_rebooting(step, error);
    if (!hypervisor(step)->is_running(step->cloud->hypervisor, instance->id, &runs, error))
        return false;
    if (runs) {
        take_end(step->cloud, instance->id); /* it ended and was started since */
        return (!instance->interrupted ||
                instance_record_survived(step->cloud, step->arena, instance, error)) &&
               look_for_guest(step, error);
    }

    int end = take_end(step->cloud, instance->id);
    bool by_itself = end == MACHINE_POWERED_OFF + 1;
    g_message("%s: its machine %s", instance->id,
              by_itself ? "powered itself off" : "is gone though it should run");
    return instance_record_ended(step->cloud, step->arena, instance, by_itself, error);
}

static bool step_stopping(Step *step, GError **error)
{
    bool gone;
    if (!shut_down(step, step->instance->state_since, STOP_DEADLINE, &gone, error))
        return false;
    if (!gone)
        return true;
    take_end(step->cloud, step->instance->id);
    return machine_detach(step->site, step->arena, step->instance, error) &&
           machine_empty_disks(step->cloud, step->arena, step->instance, error) &&
           instance_record_stopped(step->cloud, step->arena, step->instance, error);
}

static bool step_shutting_down(Step *step, GError **error)
{
    bool gone;
    /* One that still boots would not notice the button, and has nothing to save. */
    int64_t deadline = step->instance->reachable ? TERMINATE_DEADLINE : 0;
    if (!shut_down(step, step->instance->state_since, deadline, &gone, error))
        return false;
    if (!gone)
        return true;
    take_end(step->cloud, step->instance->id);
    /* Snapshots that were asked for are taken of volumes that go, too. */
    return machine_detach(step->site, step->arena, step->instance, error) &&
           disks_settle(step->cloud, step->arena, step->instance, &step->again, error) &&
           machine_remove_disks(step->cloud, step->arena, step->instance, error) &&
           instance_record_terminated(step->cloud, step->arena, step->instance, error);
}

/* At rest: no machine may run. */
static bool step_at_rest(Step *step, GError **error)
{
    bool runs;
    if (!hypervisor(step)->is_running(step->cloud->hypervisor, step->instance->id, &runs, error))
        return false;
    return !runs || hypervisor(step)->destroy(step->cloud->hypervisor, step->instance->id, error);
}

static bool take_step(Step *step, GError **error)
{
    static bool (*const steps[])(Step *, GError **) = {
        [INSTANCE_PENDING] = step_pending,
        [INSTANCE_RUNNING] = step_running,
        [INSTANCE_STOPPING] = step_stopping,
        [INSTANCE_STOPPED] = step_at_rest,
        [INSTANCE_SHUTTING_DOWN] = step_shutting_down,
        [INSTANCE_TERMINATED] = step_at_rest,
    };
    return steps[step->instance->state](step, error);
}

int64_t instance_step(void *data, const char *instance_id)
{
    Site *site = data;
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(GError) error = NULL;
    Step step = {
        .site = site,
        .cloud = site->cloud,
        .arena = arena,
        .now = cloud_now(site->cloud),
        .again = WORK_DONE,
    };
    if (!instance_load(site->cloud, arena, instance_id, &step.instance, &error)) {
        g_warning("%s: %s", instance_id, error->message);
        return step.now + RETRY_AFTER;
    }
    if (!step.instance || strcmp(step.instance->vpc_id, site->vpc_id) != 0)
        return WORK_DONE; /* machines' events are told to every site */
    int before = step.instance->state;
    if (!disks_settle(site->cloud, arena, step.instance, &step.again, &error) ||
        !take_step(&step, &error)) {
        g_warning("%s (%s): %s; will try again", instance_id, state_name(&instance_machine, before),
                  error->message);
        return step.now + RETRY_AFTER;
    }
    return step.again;
}

/* What the back ends hold, read before the store: whatever is there then has its record already,
 * since records are written first. */
typedef struct Found {
    GPtrArray *sites;
    List machines; /* of const char * */
    List *plugged; /* one a site: of const char * */
} Found;

static bool list_found(Cloud *cloud, Arena *arena, Found *found, GError **error)
{
    if (!cloud->config.hypervisor->list(cloud->hypervisor, arena, &found->machines, error))
        return false;
    found->plugged = arena_alloc(arena, found->sites->len * sizeof(List) + 1);
    for (unsigned i = 0; i < found->sites->len; i++) {
        Site *site = found->sites->pdata[i];
        if (!cloud->config.network->list(site->network, arena, &found->plugged[i], error))
            return false;
    }
    return true;
}

static bool remove_strays(Cloud *cloud, const Found *found, GHashTable *alive, GHashTable *enis,
                          GError **error)
{
    LIST_EACH (const char *, name, &found->machines) {
        if (g_hash_table_contains(alive, name))
            continue;
        g_message("%s: no live record owns this machine; it is ended", name);
        if (!cloud->config.hypervisor->destroy(cloud->hypervisor, name, error))
            return false;
    }
    for (unsigned i = 0; i < found->sites->len; i++) {
        Site *site = found->sites->pdata[i];
        LIST_EACH (const char *, id, &found->plugged[i])
            if (!g_hash_table_contains(enis, id) &&
                !cloud->config.network->unplug(site->network, id, error))
                return false;
    }
    return true;
}

bool instances_compare(Cloud *cloud, GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(GHashTable) alive = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GHashTable) enis = g_hash_table_new(g_str_hash, g_str_equal);
    List instances = {0}, interfaces = {0}, with_disk_work = {0};
    g_autoptr(GPtrArray) sites = cloud_sites(cloud);
    Found found = {.sites = sites};
    g_autoptr(Txn) txn = NULL;
    if (!list_found(cloud, arena, &found, error) ||
        !txn_begin_read(cloud->config.store, &txn, error) ||
        !record_query(txn, arena, QUERY_INSTANCES_ALIVE, &instances, error) ||
        !record_query(txn, arena, QUERY_INSTANCES_WITH_DISK_WORK, &with_disk_work, error) ||
        !record_query(txn, arena, QUERY_ENIS, &interfaces, error) || !txn_commit(&txn, error))
        return false;
    LIST_EACH (Instance *, instance, &instances)
        g_hash_table_add(alive, (void *)instance->id);
    LIST_EACH (Eni *, eni, &interfaces)
        g_hash_table_add(enis, (void *)eni->id);
    if (!remove_strays(cloud, &found, alive, enis, error))
        return false;
    g_autoptr(GHashTable) machines = g_hash_table_new(g_str_hash, g_str_equal);
    LIST_EACH (const char *, name, &found.machines)
        g_hash_table_add(machines, (void *)name);
    /* Those that run as they should need no look. */
    LIST_EACH (Instance *, compared, &instances)
        if (compared->state != INSTANCE_RUNNING || compared->reboot_wanted ||
            compared->interrupted || !compared->reachable ||
            !g_hash_table_contains(machines, compared->id))
            cloud_wake_instance(cloud, compared->vpc_id, compared->id);
    LIST_EACH (const Instance *, waited_for, &with_disk_work)
        cloud_wake_instance(cloud, waited_for->vpc_id, waited_for->id);
    cloud_wake_disks(cloud);
    return true;
}

bool instances_purge(Cloud *cloud, GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    List gone = {0};
    g_autoptr(Txn) txn = NULL;
    const char *before =
        arena_printf(arena, "%" G_GINT64_FORMAT, cloud_now(cloud) - TERMINATED_SHOWN_FOR);
    if (!txn_begin_read(cloud->config.store, &txn, error) ||
        !record_query(txn, arena, QUERY_INSTANCES_TERMINATED_BEFORE, &gone, error, before) ||
        !txn_commit(&txn, error))
        return false;
    if (gone.n == 0)
        return true;
    if (!txn_begin(cloud->config.store, &txn, error))
        return false;
    LIST_EACH (const Instance *, instance, &gone)
        if (!record_change(txn, CHANGE_DELETE_TAGS_OF, NULL, error, instance->id) ||
            !instance_delete(txn, instance->id, error))
            return false;
    if (!record_change(txn, CHANGE_DELETE_CLIENT_TOKENS_BEFORE, NULL, error, before) ||
        !txn_commit(&txn, error))
        return false;
    LIST_EACH (const Instance *, forgotten, &gone)
        if (!file_remove_tree(instance_directory(arena, cloud, forgotten->id), error))
            return false;
    return true;
}
