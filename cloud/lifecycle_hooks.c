/* Lifecycle hooks: an instance waits, on its way in or out, until somebody says that it may go on.
 *
 * Invariant: the waits of an instance are written with the move into its waiting state, and go
 * with the move out of it. */
#include "cloud/scaling_parts.h"

#include "base/fault.h"
#include "base/id.h"
#include "cloud/fast_clock.h"
#include <string.h>

#define HEARTBEAT_LEAST 30 /* seconds */
#define HEARTBEAT_MOST 7200
#define HEARTBEAT_DEFAULT 3600
#define WAIT_MOST (172800 * CLOCK_SECOND) /* AWS: 48 hours, or 100 heartbeats */

static bool find_hook(Context *context, Txn *txn, const char *group, const char *name,
                      LifecycleHook **ret_hook, GError **error)
{
    void *found;
    if (!record_query_one(txn, context->arena, QUERY_LIFECYCLE_HOOK, &found, error,
                          context->caller.account_id, group, name))
        return false;
    *ret_hook = found;
    return true;
}

static bool check_hook(const LifecycleHook *hook, GError **error)
{
    if (!hook->transition ||
        (strcmp(hook->transition, "autoscaling:EC2_INSTANCE_LAUNCHING") != 0 &&
         strcmp(hook->transition, "autoscaling:EC2_INSTANCE_TERMINATING") != 0))
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "Invalid Lifecycle Transition: %.100s. Valid values are "
                         "autoscaling:EC2_INSTANCE_LAUNCHING and "
                         "autoscaling:EC2_INSTANCE_TERMINATING.",
                         hook->transition ? hook->transition : "");
    if (strcmp(hook->default_result, "CONTINUE") != 0 &&
        strcmp(hook->default_result, "ABANDON") != 0)
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "Invalid Default Result: %.100s. Valid values are CONTINUE and ABANDON.",
                         hook->default_result);
    return (hook->heartbeat >= HEARTBEAT_LEAST && hook->heartbeat <= HEARTBEAT_MOST) ||
           fault_set(error, FAULT_VALIDATION_ERROR,
                     "Lifecycle hook Heartbeat Timeout must be between %d and %d", HEARTBEAT_LEAST,
                     HEARTBEAT_MOST);
}

bool lifecycle_hook_record(Context *context, Txn *txn, const char *group,
                           const LifecycleHookSpec *spec, GError **error)
{
    LifecycleHook *known;
    List all = {0};
    if (!scaling_check_name("lifecycleHookName", spec->name, error) ||
        !find_hook(context, txn, group, spec->name, &known, error) ||
        !record_query(txn, context->arena, QUERY_LIFECYCLE_HOOKS_OF_GROUP, &all, error,
                      context->caller.account_id, group))
        return false;
    if (!known && all.n >= SCALING_HOOKS_PER_GROUP)
        return fault_set(error, FAULT_QUOTA_EXCEEDED, "A group may have up to %d lifecycle hooks",
                         SCALING_HOOKS_PER_GROUP);
    LifecycleHook hook = known ? *known
                               : (LifecycleHook){.account_id = context->caller.account_id,
                                                 .group_name = group,
                                                 .name = spec->name,
                                                 .heartbeat = HEARTBEAT_DEFAULT,
                                                 .default_result = "ABANDON"};
    hook.transition = spec->transition ? spec->transition : hook.transition;
    hook.target_arn = spec->target_arn ? spec->target_arn : hook.target_arn;
    hook.role_arn = spec->role_arn ? spec->role_arn : hook.role_arn;
    hook.metadata = spec->metadata ? spec->metadata : hook.metadata;
    hook.default_result = spec->default_result ? spec->default_result : hook.default_result;
    hook.heartbeat = spec->heartbeat != NOT_SAID ? spec->heartbeat : hook.heartbeat;
    return check_hook(&hook, error) && lifecycle_hook_put(txn, &hook, error);
}

bool lifecycle_hook_put_spec(Context *context, const char *group_name,
                             const LifecycleHookSpec *spec, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    ScalingGroup *group;
    return txn_begin(cloud_store(context->cloud), &txn, error) &&
           scaling_group_find_one(context, txn, group_name, &group, error) &&
           lifecycle_hook_record(context, txn, group->name, spec, error) && txn_commit(&txn, error);
}

static bool no_hook(const char *name, GError **error)
{
    return fault_set(error, FAULT_VALIDATION_ERROR, "No Lifecycle Hook found by the name %.255s",
                     name);
}

/* Who waits for a hook that goes, waits no longer: "ABANDON for launching instances, CONTINUE for
 * terminating instances" (DeleteLifecycleHook). */
static bool end_waits(Context *context, Txn *txn, const LifecycleHook *hook, GError **error)
{
    List waits = {0};
    bool launching = strcmp(hook->transition, "autoscaling:EC2_INSTANCE_LAUNCHING") == 0;
    if (!record_query(txn, context->arena, QUERY_LIFECYCLE_WAITS_OF_GROUP, &waits, error,
                      hook->account_id, hook->group_name))
        return false;
    LIST_EACH (LifecycleWait *, wait, &waits) {
        if (strcmp(wait->hook_name, hook->name) != 0 || wait->result)
            continue;
        wait->result = launching ? "ABANDON" : "CONTINUE";
        if (!lifecycle_wait_put(txn, wait, error))
            return false;
    }
    return true;
}

bool lifecycle_hook_remove(Context *context, const char *group_name, const char *name,
                           GError **error)
{
    g_autoptr(Txn) txn = NULL;
    ScalingGroup *group;
    LifecycleHook *hook;
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !scaling_group_find_one(context, txn, group_name, &group, error) ||
        !find_hook(context, txn, group->name, name, &hook, error))
        return false;
    if (!hook)
        return no_hook(name, error);
    if (!end_waits(context, txn, hook, error) ||
        !record_change(txn, CHANGE_DELETE_LIFECYCLE_HOOK, NULL, error, group->account_id,
                       group->name, name) ||
        !txn_commit(&txn, error))
        return false;
    scaling_wake(context->cloud, group->account_id, group->name);
    return true;
}

bool lifecycle_hooks_find(Context *context, const char *group_name, const List *names, List *list,
                          GError **error)
{
    g_autoptr(Txn) txn = NULL;
    ScalingGroup *group;
    List all = {0};
    if (!txn_begin_read(cloud_store(context->cloud), &txn, error) ||
        !scaling_group_find_one(context, txn, group_name, &group, error) ||
        !record_query(txn, context->arena, QUERY_LIFECYCLE_HOOKS_OF_GROUP, &all, error,
                      group->account_id, group->name) ||
        !txn_commit(&txn, error))
        return false;
    LIST_EACH (const LifecycleHook *, hook, &all)
        if (names->n == 0 || list_has(names, hook->name))
            list_add(list, context->arena, hook);
    LIST_EACH (const char *, name, names) {
        bool found = false;
        LIST_EACH (const LifecycleHook *, one, list)
            found = found || strcmp(one->name, name) == 0;
        if (!found)
            return no_hook(name, error);
    }
    return true;
}

bool lifecycle_waits_begin(Context *context, Txn *txn, const ScalingInstance *member,
                           const char *transition, size_t *ret_count, GError **error)
{
    List hooks = {0};
    int64_t now = fast_now(context->cloud);
    size_t count = 0;
    if (!record_query(txn, context->arena, QUERY_LIFECYCLE_HOOKS_OF_GROUP, &hooks, error,
                      member->account_id, member->group_name))
        return false;
    LIST_EACH (const LifecycleHook *, hook, &hooks) {
        if (strcmp(hook->transition, transition) != 0)
            continue;
        int64_t heartbeat = hook->heartbeat * CLOCK_SECOND;
        const LifecycleWait wait = {
            .instance_id = member->instance_id,
            .hook_name = hook->name,
            .token = id_new_uuid(context->arena),
            .heartbeat = hook->heartbeat,
            .deadline = now + heartbeat,
            .limit_at = now + MIN(WAIT_MOST, 100 * heartbeat),
            .otherwise = hook->default_result,
        };
        if (!lifecycle_wait_put(txn, &wait, error))
            return false;
        count++;
    }
    *ret_count = count;
    return true;
}

/* The wait that an answer names: by its token, or by its instance. */
static bool find_wait(Context *context, Txn *txn, const LifecycleAnswer *answer,
                      LifecycleWait **ret_wait, GError **error)
{
    List waits = {0};
    if (!record_query(txn, context->arena, QUERY_LIFECYCLE_WAITS_OF_GROUP, &waits, error,
                      context->caller.account_id, answer->group))
        return false;
    LIST_EACH (LifecycleWait *, wait, &waits) {
        bool named = answer->token ? strcmp(wait->token, answer->token) == 0
                                   : answer->instance_id &&
                                         strcmp(wait->instance_id, answer->instance_id) == 0;
        if (named && strcmp(wait->hook_name, answer->hook) == 0 && !wait->result) {
            *ret_wait = wait;
            return true;
        }
    }
    return fault_set(error, FAULT_VALIDATION_ERROR,
                     "No active Lifecycle Action found with %s %.50s",
                     answer->token ? "token" : "instance ID",
                     answer->token         ? answer->token
                     : answer->instance_id ? answer->instance_id
                                           : "null");
}

bool lifecycle_action_answer(Context *context, const LifecycleAnswer *answer, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    ScalingGroup *group;
    LifecycleHook *hook;
    LifecycleWait *wait;
    const char *result = answer->result;
    if (result && strcmp(result, "CONTINUE") != 0 && strcmp(result, "ABANDON") != 0)
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "Invalid Lifecycle Action Result: %.100s. Valid values are CONTINUE and "
                         "ABANDON.",
                         result);
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !scaling_group_find_one(context, txn, answer->group, &group, error) ||
        !find_hook(context, txn, group->name, answer->hook, &hook, error))
        return false;
    if (!hook)
        return no_hook(answer->hook, error);
    if (!find_wait(context, txn, answer, &wait, error))
        return false;
    if (result)
        wait->result = result;
    else
        wait->deadline =
            MIN(fast_now(context->cloud) + wait->heartbeat * CLOCK_SECOND, wait->limit_at);
    if (!lifecycle_wait_put(txn, wait, error) || !txn_commit(&txn, error))
        return false;
    scaling_wake(context->cloud, group->account_id, group->name);
    return true;
}
