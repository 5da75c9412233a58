/* What users do with the instances of scaling groups.
 *
 * Invariant: a verb for several instances does it for all or for none. */
#include "cloud/scaling_parts.h"

#include "base/fault.h"
#include "cloud/fast_clock.h"
#include "cloud/launch_configurations.h"
#include "cloud/instances.h"
#include <inttypes.h>
#include <string.h>

#define GROUP_TAG "aws:autoscaling:groupName"

bool scaling_instances_find(Context *context, const List *ids, List *list, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    List all = {0};
    if (!txn_begin_read(cloud_store(context->cloud), &txn, error) ||
        !record_query(txn, context->arena, QUERY_SCALING_INSTANCES_OF_ACCOUNT, &all, error,
                      context->caller.account_id) ||
        !txn_commit(&txn, error))
        return false;
    LIST_EACH (const ScalingInstance *, member, &all)
        if (ids->n == 0 || list_has(ids, member->instance_id))
            list_add(list, context->arena, member);
    return true;
}

/* The caller's member with its group; group_name NULL: whichever it is. */
static bool find_member(Context *context, Txn *txn, const char *group_name, const char *id,
                        ScalingInstance **ret_member, ScalingGroup **ret_group, GError **error)
{
    ScalingInstance *member;
    if (!scaling_instance_get(txn, context->arena, id, &member, error))
        return false;
    if (!member || strcmp(member->account_id, context->caller.account_id) != 0)
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "Instance Id not found - No managed instance found for instance ID: %.50s",
                         id);
    if (group_name && strcmp(member->group_name, group_name) != 0)
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "The instance %.50s is not part of Auto Scaling group %.255s.", id,
                         group_name);
    *ret_member = member;
    return scaling_group_find_one(context, txn, member->group_name, ret_group, error);
}

static const char *at_now(Context *context)
{
    return scaling_time_text(context->arena, cloud_now(context->cloud));
}

/* ", shrinking the capacity from 2 to 1", of what stays behind. */
static const char *shrinking(Context *context, int64_t before)
{
    return arena_printf(context->arena, ", shrinking the capacity from %" PRId64 " to %" PRId64,
                        before, before - 1);
}

static bool check_shrink(const ScalingGroup *group, const char *deed, GError **error)
{
    return group->desired > group->min_size ||
           fault_set(error, FAULT_VALIDATION_ERROR,
                     "Currently, desiredSize equals minSize (%" PRId64
                     "). %s instance without replacement will violate group's min size constraint. "
                     "Either set shouldDecrementDesiredCapacity flag to false or lower group's min "
                     "size.",
                     group->min_size, deed);
}

/* Without replacement desired capacity falls with it; else what is missing is launched. */
static void take_from_desired(Context *context, ScalingGroup *group, bool decrement)
{
    if (decrement)
        group->desired--;
    else if (!group->cause)
        group->cause = "";
}

static bool is_leaving(const ScalingInstance *member)
{
    return member->state >= LIFECYCLE_TERMINATING;
}

static bool terminate_member(Context *context, Txn *txn, ScalingGroup *group,
                             ScalingInstance *member, bool decrement, GError **error)
{
    decrement = decrement && scaling_counts(member);
    if (decrement && !check_shrink(group, "Terminating", error))
        return false;
    const char *cause = arena_printf(
        context->arena,
        "At %s instance %s was taken out of service in response to a user request%s.",
        at_now(context), member->instance_id, decrement ? shrinking(context, group->desired) : "");
    take_from_desired(context, group, decrement);
    group->failures = group->launch_after = 0;
    return scaling_member_leave(context, txn, group, member, cause, error) &&
           scaling_group_put(txn, group, error);
}

bool scaling_instance_terminate(Context *context, const char *id, bool decrement,
                                ScalingActivity **ret_activity, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    ScalingInstance *member;
    ScalingGroup *group;
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !find_member(context, txn, NULL, id, &member, &group, error))
        return false;
    if (!is_leaving(member) && !terminate_member(context, txn, group, member, decrement, error))
        return false;
    if (!scaling_activity_get(txn, context->arena, member->activity_id ? member->activity_id : "",
                              ret_activity, error) ||
        !txn_commit(&txn, error))
        return false;
    scaling_wake(context->cloud, group->account_id, group->name);
    return true;
}

bool scaling_instance_set_health(Context *context, const char *id, bool healthy, bool respect_grace,
                                 GError **error)
{
    g_autoptr(Txn) txn = NULL;
    ScalingInstance *member;
    ScalingGroup *group;
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !find_member(context, txn, NULL, id, &member, &group, error))
        return false;
    bool in_grace =
        member->in_service == 0 ||
        fast_now(context->cloud) < member->in_service + group->health_grace * CLOCK_SECOND;
    if (!healthy && respect_grace && group->health_grace > 0 && in_grace)
        return true;
    member->unhealthy = !healthy;
    member->unhealthy_cause = healthy ? NULL : "a user health-check";
    if (!scaling_instance_put(txn, member, error) || !txn_commit(&txn, error))
        return false;
    scaling_wake(context->cloud, group->account_id, group->name);
    return true;
}

/* What a verb does with each of the instances. */
typedef struct Deed {
    Context *context;
    Txn *txn;
    ScalingGroup *group;
    bool flag;
    List *activities; /* of ScalingActivity *; NULL: none are asked for */
} Deed;
typedef bool (*DeedFn)(Deed *deed, ScalingInstance *member, GError **error);

static bool do_to_all(Context *context, const char *group_name, const List *ids, DeedFn fn,
                      bool flag, List *activities, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Deed deed = {.context = context, .flag = flag, .activities = activities};
    if (!txn_begin(cloud_store(context->cloud), &txn, error))
        return false;
    deed.txn = txn;
    if (!scaling_group_find_one(context, txn, group_name, &deed.group, error))
        return false;
    LIST_EACH (const char *, id, ids) {
        ScalingInstance *member;
        ScalingGroup *unused;
        if (!find_member(context, txn, group_name, id, &member, &unused, error) ||
            !fn(&deed, member, error) || !scaling_instance_put(txn, member, error))
            return false;
    }
    if (!scaling_group_put(txn, deed.group, error) || !txn_commit(&txn, error))
        return false;
    scaling_wake(context->cloud, deed.group->account_id, deed.group->name);
    return true;
}

static bool protect_one(Deed *deed, ScalingInstance *member, GError **error)
{
    if (is_leaving(member))
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "The instance %s is not in InService or EnteringStandby or Standby.",
                         member->instance_id);
    member->protected = deed->flag;
    return true;
}

bool scaling_instances_protect(Context *context, const char *group, const List *ids, bool protect,
                               GError **error)
{
    return do_to_all(context, group, ids, protect_one, protect, NULL, error);
}

/* Begins what is done to the member, an activity of its own. */
static bool begin(Deed *deed, ScalingInstance *member, int state, const char *description,
                  const char *deed_text, const char *capacity, GError **error)
{
    ScalingActivity *activity;
    const char *cause = arena_printf(
        deed->context->arena, "At %s instance %s was %s in response to a user request%s.",
        at_now(deed->context), member->instance_id, deed_text, capacity);
    if (!scaling_activity_begin(deed->context, deed->txn, deed->group, member->instance_id,
                                description, cause, &activity, error))
        return false;
    member->activity_id = activity->id;
    scaling_member_move(deed->context, member, state);
    list_add(deed->activities, deed->context->arena, activity);
    return true;
}

static bool check_state(const ScalingInstance *member, bool good, const char *state, GError **error)
{
    return good || fault_set(error, FAULT_VALIDATION_ERROR, "The instance %s is not in %s.",
                             member->instance_id, state);
}

static bool detach_one(Deed *deed, ScalingInstance *member, GError **error)
{
    bool counts = scaling_counts(member), shrink = deed->flag && counts;
    if (!check_state(member,
                     member->state == LIFECYCLE_IN_SERVICE || member->state == LIFECYCLE_STANDBY,
                     "InService or Standby", error) ||
        (shrink && !check_shrink(deed->group, "Detaching", error)))
        return false;
    const char *capacity = shrink ? shrinking(deed->context, deed->group->desired) : "";
    if (counts)
        take_from_desired(deed->context, deed->group, shrink);
    return begin(deed, member, LIFECYCLE_DETACHING, "Detaching EC2 instance", "detached", capacity,
                 error);
}

bool scaling_instances_detach(Context *context, const char *group, const List *ids, bool decrement,
                              List *ret_activities, GError **error)
{
    return do_to_all(context, group, ids, detach_one, decrement, ret_activities, error);
}

static bool enter_one(Deed *deed, ScalingInstance *member, GError **error)
{
    if (!check_state(member, member->state == LIFECYCLE_IN_SERVICE, "InService", error) ||
        (deed->flag && !check_shrink(deed->group, "Moving", error)))
        return false;
    const char *capacity = deed->flag ? shrinking(deed->context, deed->group->desired) : "";
    take_from_desired(deed->context, deed->group, deed->flag);
    return begin(deed, member, LIFECYCLE_ENTERING_STANDBY, "Moving EC2 instance to Standby",
                 "moved to standby", capacity, error);
}

bool scaling_instances_enter_standby(Context *context, const char *group, const List *ids,
                                     bool decrement, List *ret_activities, GError **error)
{
    return do_to_all(context, group, ids, enter_one, decrement, ret_activities, error);
}

static bool check_room(const ScalingGroup *group, size_t more, const char *deed, GError **error)
{
    return group->desired + (int64_t)more <= group->max_size ||
           fault_set(error, FAULT_VALIDATION_ERROR,
                     "AutoScalingGroup %s has min-size=%" PRId64 ", max-size=%" PRId64
                     ", and desired-size=%" PRId64 ". To %s %zu more instance%s, please update the "
                     "AutoScalingGroup sizes appropriately.",
                     group->name, group->min_size, group->max_size, group->desired, deed, more,
                     more == 1 ? "" : "s");
}

static bool exit_one(Deed *deed, ScalingInstance *member, GError **error)
{
    if (!check_state(member, member->state == LIFECYCLE_STANDBY, "Standby", error) ||
        !check_room(deed->group, 1, "place into service", error))
        return false;
    const char *capacity =
        arena_printf(deed->context->arena, ", increasing the capacity from %" PRId64 " to %" PRId64,
                     deed->group->desired, deed->group->desired + 1);
    deed->group->desired++;
    return begin(deed, member, LIFECYCLE_PENDING, "Moving EC2 instance out of Standby",
                 "moved out of standby", capacity, error);
}

bool scaling_instances_exit_standby(Context *context, const char *group, const List *ids,
                                    List *ret_activities, GError **error)
{
    return do_to_all(context, group, ids, exit_one, false, ret_activities, error);
}

/* ---- attaching ---- */

static bool check_attach(Context *context, Txn *txn, const ScalingGroup *group, const char *id,
                         Instance **ret_instance, GError **error)
{
    ScalingInstance *member;
    Instance *instance;
    List zones = lines_split(context->arena, group->zones);
    if (!instance_get(txn, context->arena, id, &instance, error) ||
        !scaling_instance_get(txn, context->arena, id, &member, error))
        return false;
    if (!instance || strcmp(instance->account_id, context->caller.account_id) != 0)
        return fault_set(error, FAULT_VALIDATION_ERROR, "Invalid Instance ID(s): [%.50s]", id);
    if (member)
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "Instance %s is already part of AutoScalingGroup:%s", id,
                         member->group_name);
    if (instance->state != INSTANCE_RUNNING)
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "Instance %s is not in correct state. Instance(s) must be in 'running' "
                         "state.",
                         id);
    *ret_instance = instance;
    return list_has(&zones, instance->zone) ||
           fault_set(error, FAULT_VALIDATION_ERROR,
                     "The availability zone of instance %s is not part of Auto Scaling group %s.",
                     id, group->name);
}

bool scaling_member_tag(Context *context, Txn *txn, const char *instance_id, const char *group,
                        GError **error)
{
    const Tag tag = {
        .resource_id = instance_id,
        .key = GROUP_TAG,
        .value = group,
        .account_id = context->caller.account_id,
        .resource_type = "instance",
    };
    return tag_put(txn, &tag, error);
}

bool scaling_member_untag(Txn *txn, const char *instance_id, GError **error)
{
    return record_change(txn, CHANGE_DELETE_TAG, NULL, error, instance_id, GROUP_TAG);
}

static bool attach_one(Context *context, Txn *txn, ScalingGroup *group, const char *id,
                       GError **error)
{
    Instance *instance;
    ScalingActivity *activity;
    if (!check_attach(context, txn, group, id, &instance, error))
        return false;
    const char *cause = arena_printf(
        context->arena,
        "At %s an instance was attached in response to a user request, increasing the capacity "
        "from %" PRId64 " to %" PRId64 ".",
        at_now(context), group->desired, group->desired + 1);
    if (!scaling_activity_begin(context, txn, group, id, "Attaching an existing EC2 instance",
                                cause, &activity, error))
        return false;
    group->desired++;
    int64_t now = fast_now(context->cloud);
    const ScalingInstance member = {
        .instance_id = id,
        .account_id = group->account_id,
        .group_name = group->name,
        .type = instance->type,
        .zone = instance->zone,
        .state = LIFECYCLE_PENDING,
        .protected = group->protect_new,
        .activity_id = activity->id,
        .joined = now,
        .state_since = now,
    };
    return scaling_instance_insert(txn, &member, error) &&
           scaling_member_tag(context, txn, id, group->name, error);
}

bool scaling_instances_attach(Context *context, const char *group_name, const List *ids,
                              GError **error)
{
    g_autoptr(Txn) txn = NULL;
    ScalingGroup *group;
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !scaling_group_find_one(context, txn, group_name, &group, error) ||
        !check_room(group, ids->n, "attach", error))
        return false;
    LIST_EACH (const char *, id, ids)
        if (!attach_one(context, txn, group, id, error))
            return false;
    if (!scaling_group_put(txn, group, error) || !txn_commit(&txn, error))
        return false;
    LIST_EACH (const char *, attached, ids)
        scaling_note_member(context->cloud, attached, group->account_id, group->name);
    scaling_wake(context->cloud, group->account_id, group->name);
    return true;
}
