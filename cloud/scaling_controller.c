/* Wakes the controller of scaling groups.
 *
 * Invariant: `members` is derived: which instance belongs to which group, so that an event of a
 * machine costs a look-up, and its group is looked at at once. */
#include "cloud/scaling_controller.h"

#include "cloud/alarms.h"
#include "cloud/fast_clock.h"
#include "cloud/scaling_parts.h"
#include "cloud/site.h"

#define THREADS 2

struct Scaling {
    WorkQueue *groups; /* keys: "ACCOUNT/NAME" */
    char *region;
    GMutex lock;
    GHashTable *members; /* instance id → key; guarded by lock */
};

static char *key_of(const char *account_id, const char *group)
{
    return g_strdup_printf("%s/%s", account_id, group);
}

void scaling_wake(Cloud *cloud, const char *account_id, const char *group)
{
    g_autofree char *key = key_of(account_id, group);
    if (cloud->scaling)
        workqueue_add(cloud->scaling->groups, key);
}

void scaling_note_member(Cloud *cloud, const char *instance_id, const char *account_id,
                         const char *group)
{
    if (!cloud->scaling)
        return;
    g_mutex_lock(&cloud->scaling->lock);
    g_hash_table_insert(cloud->scaling->members, g_strdup(instance_id), key_of(account_id, group));
    g_mutex_unlock(&cloud->scaling->lock);
}

void scaling_forget_member(Cloud *cloud, const char *instance_id)
{
    g_mutex_lock(&cloud->scaling->lock);
    g_hash_table_remove(cloud->scaling->members, instance_id);
    g_mutex_unlock(&cloud->scaling->lock);
}

void scaling_instance_changed(Cloud *cloud, const char *instance_id)
{
    if (!cloud->scaling)
        return;
    g_mutex_lock(&cloud->scaling->lock);
    const char *key = g_hash_table_lookup(cloud->scaling->members, instance_id);
    if (key)
        workqueue_add(cloud->scaling->groups, key);
    g_mutex_unlock(&cloud->scaling->lock);
}

Context scaling_context(Cloud *cloud, Arena *arena, const char *account_id)
{
    return (Context){
        .cloud = cloud,
        .arena = arena,
        .caller = {.account_id = account_id, .arn = "", .user_id = ""},
        .region = cloud->scaling->region,
        .request_id = "",
    };
}

static bool load(Cloud *cloud, Arena *arena, List *groups, List *members, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    List zones = {0};
    if (!txn_begin_read(cloud->config.store, &txn, error) ||
        !record_query(txn, arena, QUERY_ZONES, &zones, error) ||
        !record_query(txn, arena, QUERY_SCALING_GROUPS, groups, error) ||
        !record_query(txn, arena, QUERY_SCALING_INSTANCES, members, error) ||
        !txn_commit(&txn, error))
        return false;
    cloud->scaling->region =
        g_strdup(zones.n > 0 ? ((const Zone *)list_at(&zones, 0))->region : "us-east-1");
    return true;
}

bool scaling_open(Cloud *cloud, GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    List groups = {0}, members = {0};
    Scaling *scaling = g_new0(Scaling, 1);
    g_mutex_init(&scaling->lock);
    scaling->members = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    scaling->groups =
        workqueue_new("scaling", cloud_fast_clock(cloud), THREADS, NULL, scaling_group_step, cloud);
    workqueue_pause(scaling->groups, true);
    cloud->scaling = scaling;
    if (!load(cloud, arena, &groups, &members, error))
        return false;
    LIST_EACH (const ScalingInstance *, member, &members)
        scaling_note_member(cloud, member->instance_id, member->account_id, member->group_name);
    LIST_EACH (const ScalingGroup *, group, &groups)
        scaling_wake(cloud, group->account_id, group->name);
    alarms_set_policy_handler(cloud, scaling_policy_alarmed, cloud);
    return true;
}

void scaling_begin(Cloud *cloud)
{
    workqueue_resume(cloud->scaling->groups);
}

void scaling_pause(Cloud *cloud)
{
    if (cloud->scaling)
        workqueue_pause(cloud->scaling->groups, true);
}

void scaling_resume(Cloud *cloud)
{
    g_mutex_lock(&cloud->scaling->lock);
    g_hash_table_remove_all(cloud->scaling->members);
    g_mutex_unlock(&cloud->scaling->lock);
    workqueue_resume(cloud->scaling->groups);
}

void scaling_close(Cloud *cloud)
{
    Scaling *scaling = cloud->scaling;
    if (!scaling)
        return;
    workqueue_free(scaling->groups);
    cloud->scaling = NULL;
    g_hash_table_unref(scaling->members);
    g_mutex_clear(&scaling->lock);
    g_free(scaling->region);
    g_free(scaling);
}
