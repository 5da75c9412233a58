/* The next step of a member of a scaling group: the lifecycle of cloud/scaling.h.
 *
 * Invariant: what a member's state says has been done is done again without harm. */
#include "cloud/scaling_step.h"

#include "cloud/scaling_decide.h"
#include <string.h>

/* One that ends so soon after it was launched counts as a launch that failed: the first is replaced
 * at once, those after it wait. */
#define ENDED_EARLY (300 * CLOCK_SECOND)
/* While something else has to be done first that tells nobody. */
#define LOOK_SOON CLOCK_SECOND

static bool is_gone(const Instance *machine)
{
    return !machine || machine->state == INSTANCE_TERMINATED;
}

static bool is_ending(const Instance *machine)
{
    return is_gone(machine) || machine->state == INSTANCE_SHUTTING_DOWN;
}

static bool is_dead(const Instance *machine)
{
    return is_ending(machine) || machine->state == INSTANCE_STOPPING ||
           machine->state == INSTANCE_STOPPED;
}

static bool by_user(const Instance *machine)
{
    return machine && machine->reason_code &&
           strcmp(machine->reason_code, "Client.UserInitiatedShutdown") == 0;
}

/* Ended by itself, and early: what comes in its place may do the same. */
static void count_failure(GroupEdit *edit)
{
    ScalingGroup *group = edit->group;
    if (by_user(edit->machine) || edit->step->now - edit->member->joined > ENDED_EARLY)
        return;
    group->failures++;
    if (group->failures > 1)
        group->launch_after = edit->step->now + launch_backoff(group->failures - 1);
}

static const char *out_of_service(GroupStep *step, const char *why)
{
    return arena_printf(step->arena,
                        "At %s an instance was taken out of service in response to %s.",
                        scaling_time_text(step->arena, cloud_now(step->cloud)), why);
}

/* ---- on the way in ---- */

static bool edit_arrive(GroupEdit *edit, void *data, GError **error)
{
    scaling_member_move(edit->context, edit->member, LIFECYCLE_IN_SERVICE);
    edit->member->in_service = edit->step->now;
    return scaling_activity_end(edit->context, edit->txn, edit->member, NULL, NULL, error);
}

static bool edit_wait_in(GroupEdit *edit, void *data, GError **error)
{
    size_t n;
    scaling_member_move(edit->context, edit->member, LIFECYCLE_PENDING_WAIT);
    return lifecycle_waits_begin(edit->context, edit->txn, edit->member,
                                 "autoscaling:EC2_INSTANCE_LAUNCHING", &n, error) &&
           scaling_activity_progress(edit->context, edit->txn, edit->member, "MidLifecycleAction",
                                     60, error);
}

static bool edit_proceed_in(GroupEdit *edit, void *data, GError **error)
{
    scaling_member_move(edit->context, edit->member, LIFECYCLE_PENDING_PROCEED);
    return record_change(edit->txn, CHANGE_DELETE_LIFECYCLE_WAITS, NULL, error,
                         edit->member->instance_id);
}

/* It ended before it was in service: the activity failed, and the membership ends with the
 * machine. */
static bool edit_never_came(GroupEdit *edit, void *data, GError **error)
{
    const char *reason = edit->machine && edit->machine->reason_message
                             ? edit->machine->reason_message
                             : "the instance is gone";
    const char *message = arena_printf(edit->context->arena,
                                       "Instance became unhealthy while waiting for instance to be "
                                       "in InService state. Termination Reason: %s",
                                       reason);
    count_failure(edit);
    if (!scaling_activity_end(edit->context, edit->txn, edit->member, "Failed", message, error))
        return false;
    if (is_ending(edit->machine)) {
        edit->left = true;
        return true;
    }
    return scaling_member_leave(edit->context, edit->txn, edit->group, edit->member,
                                out_of_service(edit->step, data), error);
}

static bool has_hook(const GroupStep *step, const char *transition)
{
    LIST_EACH (const LifecycleHook *, hook, &step->hooks)
        if (strcmp(hook->transition, transition) == 0)
            return true;
    return false;
}

static bool arrive(GroupStep *step, const ScalingInstance *member, GError **error)
{
    return group_balancers_add(step, member, error) &&
           group_edit(step, member, edit_arrive, NULL, error);
}

static bool step_pending(GroupStep *step, const ScalingInstance *member, const Instance *machine,
                         GError **error)
{
    bool is_new = member->in_service == 0 && scaling_was_launched(member);
    if (is_dead(machine))
        return group_edit(step, member, edit_never_came,
                          (void *)"an EC2 health check indicating it has been terminated or "
                                  "stopped",
                          error);
    if (machine->state != INSTANCE_RUNNING)
        return true;
    if (is_new && has_hook(step, "autoscaling:EC2_INSTANCE_LAUNCHING"))
        return group_edit(step, member, edit_wait_in, NULL, error);
    return arrive(step, member, error);
}

/* ---- waiting ---- */

typedef enum Waiting { WAITING_GOES_ON, WAITING_CONTINUES, WAITING_ABANDONED } Waiting;

/* What became of a member's waits; *ret_token: of the one that was abandoned. */
static Waiting judge_waits(GroupStep *step, const ScalingInstance *member, const char **ret_token)
{
    Waiting waiting = WAITING_CONTINUES;
    LIST_EACH (const LifecycleWait *, wait, &step->waits) {
        if (strcmp(wait->instance_id, member->instance_id) != 0)
            continue;
        const char *result = wait->result                  ? wait->result
                             : step->now >= wait->deadline ? wait->otherwise
                                                           : NULL;
        if (!result) {
            waiting = waiting == WAITING_ABANDONED ? waiting : WAITING_GOES_ON;
            group_step_again(step, wait->deadline);
        } else if (strcmp(result, "ABANDON") == 0) {
            waiting = WAITING_ABANDONED;
            *ret_token = wait->token;
        }
    }
    return waiting;
}

static bool edit_abandon(GroupEdit *edit, void *data, GError **error)
{
    const char *message = arena_printf(edit->context->arena,
                                       "Instance failed to complete user's Lifecycle Action: "
                                       "Lifecycle Action with token %s was abandoned: Lifecycle "
                                       "Action Completed with ABANDON Result",
                                       (const char *)data);
    count_failure(edit);
    return scaling_activity_end(edit->context, edit->txn, edit->member, "Cancelled", message,
                                error) &&
           scaling_member_leave(edit->context, edit->txn, edit->group, edit->member,
                                out_of_service(edit->step, "a lifecycle action that was abandoned"),
                                error);
}

static bool step_pending_wait(GroupStep *step, const ScalingInstance *member,
                              const Instance *machine, GError **error)
{
    const char *token = "";
    if (is_dead(machine))
        return step_pending(step, member, machine, error);
    switch (judge_waits(step, member, &token)) {
    case WAITING_GOES_ON:
        return true;
    case WAITING_CONTINUES:
        return group_edit(step, member, edit_proceed_in, NULL, error);
    case WAITING_ABANDONED:
        return group_edit(step, member, edit_abandon, (void *)token, error);
    }
    g_assert_not_reached();
}

static bool step_pending_proceed(GroupStep *step, const ScalingInstance *member,
                                 const Instance *machine, GError **error)
{
    return is_dead(machine) ? step_pending(step, member, machine, error)
                            : arrive(step, member, error);
}

/* ---- in service ---- */

static bool edit_unhealthy(GroupEdit *edit, void *data, GError **error)
{
    const char *why = data;
    bool replace = !edit->group->deleting &&
                   !scaling_is_suspended(edit->context->arena, edit->group, "ReplaceUnhealthy") &&
                   !scaling_is_suspended(edit->context->arena, edit->group, "Terminate");
    edit->member->unhealthy = true;
    edit->member->unhealthy_cause = why;
    if (!replace)
        return true;
    if (is_dead(edit->machine))
        count_failure(edit);
    return scaling_member_leave(edit->context, edit->txn, edit->group, edit->member,
                                out_of_service(edit->step, why), error);
}

static bool may_replace(GroupStep *step)
{
    return !scaling_is_suspended(step->arena, step->group, "ReplaceUnhealthy") &&
           !scaling_is_suspended(step->arena, step->group, "Terminate");
}

static bool step_in_service(GroupStep *step, const ScalingInstance *member, const Instance *machine,
                            GError **error)
{
    const char *why = member->unhealthy ? member->unhealthy_cause : NULL;
    int64_t lifetime = step->group->max_lifetime * CLOCK_SECOND;
    if (is_dead(machine) && !scaling_is_suspended(step->arena, step->group, "HealthCheck"))
        why = "an EC2 health check indicating it has been terminated or stopped";
    if (lifetime > 0 && !why) {
        group_step_again(step, member->joined + lifetime);
        if (step->now >= member->joined + lifetime)
            why = "the maximum instance lifetime of the group";
    }
    if (!why || (member->unhealthy && !may_replace(step)))
        return true;
    return group_edit(step, member, edit_unhealthy, (void *)why, error);
}

static bool edit_stand_by(GroupEdit *edit, void *data, GError **error)
{
    scaling_member_move(edit->context, edit->member, LIFECYCLE_STANDBY);
    return scaling_activity_end(edit->context, edit->txn, edit->member, NULL, NULL, error);
}

static bool step_entering_standby(GroupStep *step, const ScalingInstance *member,
                                  const Instance *machine, GError **error)
{
    bool drained;
    if (!group_balancers_drop(step, member, &drained, error))
        return false;
    return drained || is_dead(machine) ? group_edit(step, member, edit_stand_by, NULL, error)
                                       : true;
}

/* Its health is nobody's business, unless it is gone. */
static bool step_standby(GroupStep *step, const ScalingInstance *member, const Instance *machine,
                         GError **error)
{
    return !is_ending(machine) ||
           group_member_out(step, member,
                            out_of_service(step, "an EC2 health check indicating it has been "
                                                 "terminated or stopped"),
                            error);
}

/* ---- on the way out ---- */

static bool edit_detach(GroupEdit *edit, void *data, GError **error)
{
    edit->left = true;
    return scaling_activity_end(edit->context, edit->txn, edit->member, NULL, NULL, error) &&
           scaling_member_untag(edit->txn, edit->member->instance_id, error);
}

static bool step_detaching(GroupStep *step, const ScalingInstance *member, const Instance *machine,
                           GError **error)
{
    bool drained;
    if (!group_balancers_drop(step, member, &drained, error))
        return false;
    return drained || is_dead(machine) ? group_edit(step, member, edit_detach, NULL, error) : true;
}

static bool edit_wait_out(GroupEdit *edit, void *data, GError **error)
{
    size_t n;
    scaling_member_move(edit->context, edit->member, LIFECYCLE_TERMINATING_WAIT);
    return lifecycle_waits_begin(edit->context, edit->txn, edit->member,
                                 "autoscaling:EC2_INSTANCE_TERMINATING", &n, error) &&
           scaling_activity_progress(edit->context, edit->txn, edit->member, "MidLifecycleAction",
                                     60, error);
}

/* The machine's end is written with the state that says so. */
static bool edit_end(GroupEdit *edit, void *data, GError **error)
{
    Instance *machine = edit->machine;
    if (edit->member->state != LIFECYCLE_TERMINATING_PROCEED)
        scaling_member_move(edit->context, edit->member, LIFECYCLE_TERMINATING_PROCEED);
    if (is_ending(machine))
        return true;
    state_move(&instance_machine, machine->id, &machine->state, INSTANCE_SHUTTING_DOWN);
    machine->state_since = cloud_now(edit->step->cloud);
    machine->reason_code = "Client.UserInitiatedShutdown";
    machine->reason_message = "Client.UserInitiatedShutdown: User initiated shutdown";
    machine->transition_reason = "User initiated";
    edit->to_wake = machine;
    return instance_put(edit->txn, machine, error) &&
           scaling_activity_progress(edit->context, edit->txn, edit->member, "InProgress", 80,
                                     error);
}

static bool step_terminating(GroupStep *step, const ScalingInstance *member,
                             const Instance *machine, GError **error)
{
    bool drained;
    if (!group_balancers_drop(step, member, &drained, error))
        return false;
    if (!drained && !is_dead(machine)) {
        group_step_again(step, step->now + LOOK_SOON);
        return true;
    }
    /* A group that is deleted by force waits for nobody. */
    bool waits = has_hook(step, "autoscaling:EC2_INSTANCE_TERMINATING") && !is_ending(machine) &&
                 !step->group->deleting;
    return group_edit(step, member, waits ? edit_wait_out : edit_end, NULL, error);
}

static bool step_terminating_wait(GroupStep *step, const ScalingInstance *member,
                                  const Instance *machine, GError **error)
{
    const char *token;
    return (!is_ending(machine) && !step->group->deleting &&
            judge_waits(step, member, &token) == WAITING_GOES_ON) ||
           group_edit(step, member, edit_end, NULL, error);
}

static bool edit_gone(GroupEdit *edit, void *data, GError **error)
{
    edit->left = true;
    return scaling_activity_end(edit->context, edit->txn, edit->member, NULL, NULL, error);
}

static bool step_terminating_proceed(GroupStep *step, const ScalingInstance *member,
                                     const Instance *machine, GError **error)
{
    if (is_gone(machine))
        return group_edit(step, member, edit_gone, NULL, error);
    return is_ending(machine) || group_edit(step, member, edit_end, NULL, error);
}

bool group_member_step(GroupStep *step, const ScalingInstance *member, GError **error)
{
    static bool (*const steps[])(GroupStep *, const ScalingInstance *, const Instance *,
                                 GError **) = {
        [LIFECYCLE_PENDING] = step_pending,
        [LIFECYCLE_PENDING_WAIT] = step_pending_wait,
        [LIFECYCLE_PENDING_PROCEED] = step_pending_proceed,
        [LIFECYCLE_IN_SERVICE] = step_in_service,
        [LIFECYCLE_ENTERING_STANDBY] = step_entering_standby,
        [LIFECYCLE_STANDBY] = step_standby,
        [LIFECYCLE_DETACHING] = step_detaching,
        [LIFECYCLE_TERMINATING] = step_terminating,
        [LIFECYCLE_TERMINATING_WAIT] = step_terminating_wait,
        [LIFECYCLE_TERMINATING_PROCEED] = step_terminating_proceed,
    };
    return steps[member->state](step, member, group_step_machine(step, member->instance_id), error);
}
