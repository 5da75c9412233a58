/* The controller's transactions.
 *
 * Invariant: a record is changed only while it is in the state that was acted for; so what a user
 * asked for meanwhile is never undone. */
#include "cloud/instance_records.h"

#include "cloud/instances.h"
#include "cloud/site.h"

bool instance_load(Cloud *cloud, Arena *arena, const char *id, Instance **ret_instance,
                   GError **error)
{
    g_autoptr(Txn) txn = NULL;
    return txn_begin_read(cloud->config.store, &txn, error) &&
           instance_get(txn, arena, id, ret_instance, error);
}

typedef bool (*Edit)(Cloud *cloud, Txn *txn, Arena *arena, Instance *instance, GError **error);

static bool edit_instance(Cloud *cloud, Arena *arena, const Instance *seen, Edit edit,
                          GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Instance *instance;
    if (!txn_begin(cloud->config.store, &txn, error) ||
        !instance_get(txn, arena, seen->id, &instance, error))
        return false;
    if (!instance || instance->state != seen->state)
        return true; /* who changed it woke the controller, too */
    if (!edit(cloud, txn, arena, instance, error) || !instance_put(txn, instance, error) ||
        !txn_commit(&txn, error))
        return false;
    if (instance->state != seen->state) {
        cloud_wake_instance(cloud, instance->vpc_id, instance->id);
        cloud_wake_network(cloud);
    }
    return true;
}

static void move(Cloud *cloud, Instance *instance, int to)
{
    state_move(&instance_machine, instance->id, &instance->state, to);
    instance->state_since = cloud_now(cloud);
}

static void explain(Arena *arena, Instance *instance, const char *code, const char *text)
{
    instance->reason_code = code;
    instance->reason_message = arena_printf(arena, "%s: %s", code, text);
    if (!instance->transition_reason)
        instance->transition_reason = "";
}

/* Stopped instances hold no public address of the pool. */
static bool release_public_address(Txn *txn, Arena *arena, Instance *instance, GError **error)
{
    List enis = {0};
    if (!record_query(txn, arena, QUERY_ENIS_OF_INSTANCE, &enis, error, instance->id))
        return false;
    LIST_EACH (Eni *, eni, &enis) {
        eni->public_ip = NULL;
        if (!eni_put(txn, eni, error))
            return false;
    }
    instance->public_ip = NULL;
    return true;
}

static bool forget_belongings(Txn *txn, Arena *arena, Instance *instance, GError **error)
{
    List enis = {0};
    if (!record_query(txn, arena, QUERY_ENIS_OF_INSTANCE, &enis, error, instance->id))
        return false;
    LIST_EACH (Eni *, eni, &enis) {
        if (!record_change(txn, CHANGE_DELETE_GROUPS_OF_ENI, NULL, error, eni->id) ||
            !record_change(txn, CHANGE_DELETE_TAGS_OF, NULL, error, eni->id) ||
            !eni_delete(txn, eni->id, error))
            return false;
    }
    instance->private_ip = instance->public_ip = NULL;
    return true;
}

static bool edit_running(Cloud *cloud, Txn *txn, Arena *arena, Instance *instance, GError **error)
{
    move(cloud, instance, INSTANCE_RUNNING);
    instance->ran_before = true;
    instance->interrupted = false;
    return true;
}

bool instance_record_running(Cloud *cloud, Arena *arena, const Instance *seen, GError **error)
{
    return edit_instance(cloud, arena, seen, edit_running, error);
}

static bool edit_failed(Cloud *cloud, Txn *txn, Arena *arena, Instance *instance, GError **error)
{
    explain(arena, instance, "Server.InternalError", "Internal error on launch");
    /* One that never ran has nothing worth keeping. */
    bool stays = instance->ran_before && instance_can_stop(instance);
    move(cloud, instance, stays ? INSTANCE_STOPPING : INSTANCE_SHUTTING_DOWN);
    return true;
}

bool instance_record_failed(Cloud *cloud, Arena *arena, const Instance *seen, GError **error)
{
    return edit_instance(cloud, arena, seen, edit_failed, error);
}

static bool edit_reachable(Cloud *cloud, Txn *txn, Arena *arena, Instance *instance, GError **error)
{
    instance->reachable = true;
    return true;
}

bool instance_record_reachable(Cloud *cloud, Arena *arena, const Instance *seen, GError **error)
{
    return edit_instance(cloud, arena, seen, edit_reachable, error);
}

static bool edit_survived(Cloud *cloud, Txn *txn, Arena *arena, Instance *instance, GError **error)
{
    instance->interrupted = false;
    return true;
}

bool instance_record_survived(Cloud *cloud, Arena *arena, const Instance *seen, GError **error)
{
    return edit_instance(cloud, arena, seen, edit_survived, error);
}

static bool edit_rebooted(Cloud *cloud, Txn *txn, Arena *arena, Instance *instance, GError **error)
{
    instance->reboot_wanted = 0;
    instance->reachable = false;
    return true;
}

bool instance_record_rebooted(Cloud *cloud, Arena *arena, const Instance *seen, GError **error)
{
    return edit_instance(cloud, arena, seen, edit_rebooted, error);
}

static bool edit_powered_off(Cloud *cloud, Txn *txn, Arena *arena, Instance *instance,
                             GError **error)
{
    explain(arena, instance, "Client.InstanceInitiatedShutdown", "Instance initiated shutdown");
    bool stays =
        instance_can_stop(instance) && !g_str_equal(instance->shutdown_behavior, "terminate");
    move(cloud, instance, stays ? INSTANCE_STOPPING : INSTANCE_SHUTTING_DOWN);
    return true;
}

static bool edit_lost(Cloud *cloud, Txn *txn, Arena *arena, Instance *instance, GError **error)
{
    if (instance->interrupted) {
        move(cloud, instance, INSTANCE_PENDING);
        return true;
    }
    explain(arena, instance, "Server.InternalError", "Internal error");
    move(cloud, instance, instance_can_stop(instance) ? INSTANCE_STOPPING : INSTANCE_SHUTTING_DOWN);
    return true;
}

bool instance_record_ended(Cloud *cloud, Arena *arena, const Instance *seen, bool by_itself,
                           GError **error)
{
    return edit_instance(cloud, arena, seen,
                         by_itself && !seen->interrupted ? edit_powered_off : edit_lost, error);
}

static bool edit_stopped(Cloud *cloud, Txn *txn, Arena *arena, Instance *instance, GError **error)
{
    move(cloud, instance, INSTANCE_STOPPED);
    instance->force_stop = false;
    return release_public_address(txn, arena, instance, error);
}

bool instance_record_stopped(Cloud *cloud, Arena *arena, const Instance *seen, GError **error)
{
    return edit_instance(cloud, arena, seen, edit_stopped, error);
}

static bool edit_terminated(Cloud *cloud, Txn *txn, Arena *arena, Instance *instance,
                            GError **error)
{
    move(cloud, instance, INSTANCE_TERMINATED);
    instance->terminated_time = instance->state_since;
    return forget_belongings(txn, arena, instance, error);
}

bool instance_record_terminated(Cloud *cloud, Arena *arena, const Instance *seen, GError **error)
{
    return edit_instance(cloud, arena, seen, edit_terminated, error);
}

bool instances_record_interrupted(Cloud *cloud, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    return txn_begin(cloud->config.store, &txn, error) &&
           record_change(txn, CHANGE_INTERRUPT_INSTANCES, NULL, error) && txn_commit(&txn, error);
}
