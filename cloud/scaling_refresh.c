/* Instance refresh: replaces the instances of a group a few at a time.
 *
 * Invariant: those that are to be replaced bear the refresh's id from its beginning on; what is
 * launched meanwhile does not. */
#include "cloud/scaling_parts.h"

#include "base/fault.h"
#include "base/id.h"
#include "cloud/fast_clock.h"
#include "cloud/scaling_templates.h"
#include <string.h>

#define MIN_HEALTHY_DEFAULT 90 /* percent */

static bool find_refresh(Context *context, Txn *txn, const ScalingGroup *group,
                         InstanceRefresh **ret_refresh, GError **error)
{
    void *found;
    if (!record_query_one(txn, context->arena, QUERY_INSTANCE_REFRESH_UNDER_WAY, &found, error,
                          group->account_id, group->name))
        return false;
    *ret_refresh = found;
    return true;
}

/* Whether it was launched by what the group launches by now. */
static bool is_current(Context *context, Txn *txn, const ScalingGroup *group,
                       const ScalingInstance *member, bool *ret_current, GError **error)
{
    if (group->launch_template_id)
        return scaling_template_matches(context, txn, group, member, ret_current, error);
    *ret_current = g_strcmp0(member->launch_configuration, group->launch_configuration) == 0;
    return true;
}

/* Marks the members that are to be replaced; how many. */
static bool mark(Context *context, Txn *txn, const ScalingGroup *group, InstanceRefresh *refresh,
                 GError **error)
{
    List members = {0};
    if (!scaling_members(txn, context->arena, group, &members, error))
        return false;
    LIST_EACH (ScalingInstance *, member, &members) {
        bool matches;
        if (!is_current(context, txn, group, member, &matches, error))
            return false;
        if (!scaling_counts(member) || (refresh->skip_matching == 1 && matches))
            continue;
        member->refresh_id = refresh->id;
        refresh->to_update++;
        if (!scaling_instance_put(txn, member, error))
            return false;
    }
    return true;
}

bool scaling_refresh_start(Context *context, const RefreshSpec *spec, const char **ret_id,
                           GError **error)
{
    g_autoptr(Txn) txn = NULL;
    ScalingGroup *group;
    InstanceRefresh *under_way;
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !scaling_group_find_one(context, txn, spec->group, &group, error) ||
        !find_refresh(context, txn, group, &under_way, error))
        return false;
    if (under_way)
        return fault_set(error, FAULT_INSTANCE_REFRESH_IN_PROGRESS,
                         "An Instance Refresh is already in progress and blocks the execution of "
                         "this Instance Refresh.");
    InstanceRefresh refresh = {
        .id = id_new_uuid(context->arena),
        .account_id = group->account_id,
        .group_name = group->name,
        .status = "InProgress",
        .started = cloud_now(context->cloud),
        .min_healthy = spec->min_healthy == NOT_SAID ? MIN_HEALTHY_DEFAULT : spec->min_healthy,
        .warmup = spec->warmup,
        .skip_matching = spec->skip_matching,
    };
    if (!mark(context, txn, group, &refresh, error) ||
        !instance_refresh_insert(txn, &refresh, error) || !txn_commit(&txn, error))
        return false;
    *ret_id = refresh.id;
    scaling_wake(context->cloud, group->account_id, group->name);
    return true;
}

bool scaling_refresh_cancel(Context *context, const char *group_name, const char **ret_id,
                            GError **error)
{
    g_autoptr(Txn) txn = NULL;
    ScalingGroup *group;
    InstanceRefresh *refresh;
    List members = {0};
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !scaling_group_find_one(context, txn, group_name, &group, error) ||
        !find_refresh(context, txn, group, &refresh, error) ||
        !scaling_members(txn, context->arena, group, &members, error))
        return false;
    if (!refresh)
        return fault_set(error, FAULT_ACTIVE_INSTANCE_REFRESH_NOT_FOUND,
                         "No in progress or pending Instance Refresh found for Auto Scaling group "
                         "%s",
                         group->name);
    LIST_EACH (ScalingInstance *, member, &members) {
        member->refresh_id = NULL;
        if (!scaling_instance_put(txn, member, error))
            return false;
    }
    refresh->status = "Cancelled";
    refresh->reason = "Cancelled due to user request.";
    refresh->ended = cloud_now(context->cloud);
    *ret_id = refresh->id;
    return instance_refresh_put(txn, refresh, error) && txn_commit(&txn, error);
}

static int64_t left_of(const InstanceRefresh *refresh, const List *members)
{
    int64_t left = 0;
    LIST_EACH (const ScalingInstance *, member, members)
        left += member->refresh_id && strcmp(member->refresh_id, refresh->id) == 0;
    return left;
}

bool scaling_refreshes_find(Context *context, const char *group_name, const List *ids,
                            List *ret_views, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    ScalingGroup *group;
    List all = {0}, members = {0};
    if (!txn_begin_read(cloud_store(context->cloud), &txn, error) ||
        !scaling_group_find_one(context, txn, group_name, &group, error) ||
        !record_query(txn, context->arena, QUERY_INSTANCE_REFRESHES_OF_GROUP, &all, error,
                      group->account_id, group->name) ||
        !scaling_members(txn, context->arena, group, &members, error) || !txn_commit(&txn, error))
        return false;
    LIST_EACH (const InstanceRefresh *, refresh, &all) {
        if (ids->n > 0 && !list_has(ids, refresh->id))
            continue;
        RefreshView *view = arena_new_struct(context->arena, RefreshView);
        view->refresh = refresh;
        view->left = refresh->ended ? 0 : left_of(refresh, &members);
        view->percent = refresh->to_update > 0
                            ? 100 * (refresh->to_update - view->left) / refresh->to_update
                            : 100;
        if (strcmp(refresh->status, "Cancelled") == 0)
            view->percent = 0;
        list_add(ret_views, context->arena, view);
    }
    return true;
}

/* Instances that serve, and are not of the old ones that warm up; *next: when the next will. */
static int64_t count_ready(const List *members, int64_t warmup, int64_t now, int64_t *next)
{
    int64_t ready = 0;
    LIST_EACH (const ScalingInstance *, member, members) {
        if (member->state != LIFECYCLE_IN_SERVICE || member->unhealthy)
            continue;
        int64_t warm = member->in_service + (member->refresh_id ? 0 : warmup);
        if (warm <= now)
            ready++;
        else if (*next == 0 || warm < *next)
            *next = warm;
    }
    return ready;
}

RefreshMove scaling_refresh_move(Context *context, const ScalingGroup *group,
                                 const InstanceRefresh *refresh, const List *members,
                                 ScalingInstance **ret_victim, int64_t *ret_next)
{
    int64_t seconds = refresh->warmup != NOT_SAID ? refresh->warmup
                      : group->warmup != NOT_SAID ? group->warmup
                                                  : group->health_grace;
    int64_t next = 0;
    int64_t ready = count_ready(members, seconds * CLOCK_SECOND, fast_now(context->cloud), &next);
    int64_t needed = (group->desired * refresh->min_healthy + 99) / 100;
    int64_t may_miss = MAX(group->desired - needed, 1);
    *ret_next = next;
    if (scaling_is_suspended(context->arena, group, "InstanceRefresh"))
        return REFRESH_WAITS;
    if (left_of(refresh, members) == 0)
        return ready < group->desired ? REFRESH_WAITS : REFRESH_ENDS;
    if (group->desired - ready >= may_miss)
        return REFRESH_WAITS;
    LIST_EACH (ScalingInstance *, member, members) {
        if (member->refresh_id && member->state == LIFECYCLE_IN_SERVICE) {
            *ret_victim = member;
            return REFRESH_REPLACES;
        }
    }
    return REFRESH_WAITS;
}

bool scaling_refresh_end(Context *context, Txn *txn, const char *id, GError **error)
{
    InstanceRefresh *refresh;
    if (!instance_refresh_get(txn, context->arena, id, &refresh, error))
        return false;
    if (!refresh || refresh->ended)
        return true;
    refresh->status = "Successful";
    refresh->ended = cloud_now(context->cloud);
    return instance_refresh_put(txn, refresh, error);
}
