/* Activities: what was done with a group, and why; and the steps of members that make them.
 *
 * Invariant: a member is in a state on its way (Pending…, Terminating…, EnteringStandby, Detaching)
 * as long as it has an activity. */
#include "cloud/scaling_parts.h"

#include "base/id.h"
#include "cloud/fast_clock.h"
#include <inttypes.h>
#include <string.h>

#define TEXT_MOST 1023 /* AWS: of a cause */
#define MESSAGE_MOST 255

bool scaling_members(Txn *txn, Arena *arena, const ScalingGroup *group, List *list, GError **error)
{
    return record_query(txn, arena, QUERY_SCALING_INSTANCES_OF_GROUP, list, error,
                        group->account_id, group->name);
}

bool scaling_counts(const ScalingInstance *member)
{
    return member->state <= LIFECYCLE_IN_SERVICE;
}

int64_t scaling_size(const List *members)
{
    int64_t size = 0;
    LIST_EACH (const ScalingInstance *, member, members)
        size += scaling_counts(member) ? 1 : 0;
    return size;
}

void scaling_member_move(Context *context, ScalingInstance *member, int state)
{
    state_move(&lifecycle_machine, member->instance_id, &member->state, state);
    member->state_since = fast_now(context->cloud);
}

bool scaling_activity_begin(Context *context, Txn *txn, const ScalingGroup *group,
                            const char *instance_id, const char *description, const char *cause,
                            ScalingActivity **ret_activity, GError **error)
{
    ScalingActivity *activity = arena_new_struct(context->arena, ScalingActivity);
    *activity = (ScalingActivity){
        .id = id_new_uuid(context->arena),
        .account_id = group->account_id,
        .group_name = group->name,
        .instance_id = instance_id,
        .description = instance_id
                           ? arena_printf(context->arena, "%s: %s", description, instance_id)
                           : description,
        .cause = arena_strndup(context->arena, cause, MIN(strlen(cause), TEXT_MOST)),
        .started = cloud_now(context->cloud),
        .status = "InProgress",
        .progress = 50,
    };
    const char *old =
        arena_printf(context->arena, "%" PRId64, activity->started - SCALING_ACTIVITIES_KEPT);
    if (!record_change(txn, CHANGE_DELETE_SCALING_ACTIVITIES_BEFORE, NULL, error, group->account_id,
                       group->name, old) ||
        !scaling_activity_insert(txn, activity, error))
        return false;
    *ret_activity = activity;
    return true;
}

bool scaling_activity_end(Context *context, Txn *txn, ScalingInstance *member, const char *status,
                          const char *message, GError **error)
{
    ScalingActivity *activity;
    if (!member->activity_id)
        return true;
    if (!scaling_activity_get(txn, context->arena, member->activity_id, &activity, error))
        return false;
    member->activity_id = NULL;
    if (!activity)
        return true;
    activity->ended = MAX(cloud_now(context->cloud), activity->started);
    activity->status = message ? status : "Successful";
    activity->status_message =
        message ? arena_strndup(context->arena, message, MIN(strlen(message), MESSAGE_MOST)) : NULL;
    activity->progress = 100;
    return scaling_activity_put(txn, activity, error);
}

bool scaling_activity_progress(Context *context, Txn *txn, const ScalingInstance *member,
                               const char *status, int64_t progress, GError **error)
{
    ScalingActivity *activity;
    if (!member->activity_id)
        return true;
    if (!scaling_activity_get(txn, context->arena, member->activity_id, &activity, error))
        return false;
    if (!activity)
        return true;
    activity->status = status;
    activity->progress = progress;
    return scaling_activity_put(txn, activity, error);
}

bool scaling_member_leave(Context *context, Txn *txn, const ScalingGroup *group,
                          ScalingInstance *member, const char *cause, GError **error)
{
    ScalingActivity *activity;
    if (!scaling_activity_end(context, txn, member, "Cancelled",
                              "The instance is terminated before it was in service.", error) ||
        !scaling_activity_begin(context, txn, group, member->instance_id,
                                "Terminating EC2 instance", cause, &activity, error) ||
        !record_change(txn, CHANGE_DELETE_LIFECYCLE_WAITS, NULL, error, member->instance_id))
        return false;
    member->activity_id = activity->id;
    scaling_member_move(context, member, LIFECYCLE_TERMINATING);
    return scaling_instance_put(txn, member, error);
}

bool scaling_activities_find(Context *context, const char *group, const List *ids,
                             bool with_deleted, List *list, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    ScalingGroup *unused;
    List all = {0};
    const char *account = context->caller.account_id;
    if (!txn_begin_read(cloud_store(context->cloud), &txn, error) ||
        (group && !with_deleted && !scaling_group_find_one(context, txn, group, &unused, error)))
        return false;
    bool ok = group ? record_query(txn, context->arena,
                                   with_deleted ? QUERY_SCALING_ACTIVITIES_OF_ALL_GROUPS_NAMED
                                                : QUERY_SCALING_ACTIVITIES_OF_GROUP,
                                   &all, error, account, group)
                    : record_query(txn, context->arena,
                                   with_deleted ? QUERY_SCALING_ACTIVITIES_OF_ALL_TIMES
                                                : QUERY_SCALING_ACTIVITIES_OF_ACCOUNT,
                                   &all, error, account);
    if (!ok || !txn_commit(&txn, error))
        return false;
    LIST_EACH (const ScalingActivity *, activity, &all)
        if (ids->n == 0 || list_has(ids, activity->id))
            list_add(list, context->arena, activity);
    return true;
}
