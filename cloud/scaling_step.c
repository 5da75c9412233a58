/* The controller of scaling groups: compares each with its members and machines and takes the next
 * step.
 *
 * Theory of operation. A look reads the group with all that belongs to it from one snapshot. First
 * each member takes its next step (scaling_member_step.c), then the group: what is due of its
 * schedules; a refresh; too few members: one is launched; too many: one is chosen and goes; zones
 * that differ. Each step is a transaction that reads afresh what it changes. After a look that
 * changed something comes another, until there is nothing to do; then the trigger is judged, and
 * the group sleeps until an event, a verb or the next time at which something is due.
 *
 * Invariants: what is done is written before it is acted on; launching writes instance and
 * membership at once. So a kill at any moment leaves nothing to repair. A launch that fails puts
 * off the next one, longer each time. */
#include "cloud/scaling_step.h"

#include "base/fault.h"
#include "base/faultpoint.h"
#include "cloud/fast_clock.h"
#include "cloud/instances.h"
#include "cloud/launch_configurations.h"
#include "cloud/scaling_templates.h"
#include "cloud/scaling_controller.h"
#include "cloud/scaling_decide.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LOOKS_MOST 10000 /* in a row */
#define LAUNCHES_MOST 20 /* of one look */
#define LOOK_EVERY (60 * CLOCK_SECOND)
#define RETRY_AFTER (5 * CLOCK_SECOND)
/* A group that has been steady for so long has no failures any more. */
#define STEADY_AFTER (300 * CLOCK_SECOND)
#define ACCOUNT_SIZE 12

static int compare_id(const void *id, const void *item)
{
    return strcmp(id, (*(Instance *const *)item)->id);
}

Instance *group_step_machine(const GroupStep *step, const char *instance_id)
{
    Instance **found = step->machines.n == 0
                           ? NULL
                           : bsearch(instance_id, step->machines.items, step->machines.n,
                                     sizeof(void *), compare_id);
    return found ? *found : NULL;
}

void group_step_again(GroupStep *step, int64_t time)
{
    step->again = MIN(step->again, time);
}

/* ---- edits ---- */

/* NULL: it is gone. */
static bool find_group(GroupStep *step, Txn *txn, ScalingGroup **ret_group, GError **error)
{
    void *found;
    if (!record_query_one(txn, step->arena, QUERY_SCALING_GROUP, &found, error,
                          step->context.caller.account_id, step->name))
        return false;
    *ret_group = found;
    return true;
}

static bool read_member(GroupEdit *edit, const ScalingInstance *seen, bool *ret_there,
                        GError **error)
{
    *ret_there = true;
    if (!seen)
        return true;
    if (!scaling_instance_get(edit->txn, edit->context->arena, seen->instance_id, &edit->member,
                              error) ||
        !instance_get(edit->txn, edit->context->arena, seen->instance_id, &edit->machine, error))
        return false;
    *ret_there = edit->member && edit->member->state == seen->state &&
                 strcmp(edit->member->group_name, seen->group_name) == 0;
    return true;
}

static bool write_member(GroupEdit *edit, GError **error)
{
    if (!edit->member)
        return true;
    if (!edit->left)
        return scaling_instance_put(edit->txn, edit->member, error);
    return record_change(edit->txn, CHANGE_DELETE_LIFECYCLE_WAITS, NULL, error,
                         edit->member->instance_id) &&
           scaling_instance_delete(edit->txn, edit->member->instance_id, error);
}

bool group_edit(GroupStep *step, const ScalingInstance *member, GroupEditFn fn, void *data,
                GError **error)
{
    g_autoptr(Txn) txn = NULL;
    GroupEdit edit = {.step = step, .context = &step->context};
    bool there;
    faultpoint("scaling-begin");
    if (!txn_begin(cloud_store(step->cloud), &txn, error))
        return false;
    edit.txn = txn;
    if (!find_group(step, txn, &edit.group, error) || !read_member(&edit, member, &there, error))
        return false;
    if (!edit.group || !there) {
        step->changed = true; /* somebody was faster: look again */
        return true;
    }
    if (!fn(&edit, data, error) || !write_member(&edit, error) ||
        !scaling_group_put(txn, edit.group, error) || !txn_commit(&txn, error))
        return false;
    faultpoint("scaling-done");
    step->changed = true;
    if (edit.left)
        scaling_forget_member(step->cloud, edit.member->instance_id);
    if (edit.to_wake) {
        cloud_wake_instance(step->cloud, edit.to_wake->vpc_id, edit.to_wake->id);
        cloud_wake_network(step->cloud);
    }
    return true;
}

/* ---- launching ---- */

/* What a launch leaves behind. */
typedef struct Launch {
    List instances; /* of Instance * */
    ScalingInstance *member;
} Launch;

static bool is_short(const GroupStep *step, const ScalingGroup *group, const List *members)
{
    return !group->deleting && step->now >= group->launch_after &&
           scaling_size(members) < group->desired + (group->rebalances ? 1 : 0) &&
           !scaling_is_suspended(step->arena, group, "Launch");
}

static bool edit_launch(GroupEdit *edit, void *data, GError **error)
{
    Launch *launch = data;
    List members = {0};
    if (!scaling_members(edit->txn, edit->context->arena, edit->group, &members, error))
        return false;
    if (!is_short(edit->step, edit->group, &members))
        return true;
    return scaling_launch(edit->context, edit->txn, edit->group, &members, &launch->instances,
                          &launch->member, error);
}

/* An activity that failed, and a while without others. */
static bool edit_launch_failed(GroupEdit *edit, void *data, GError **error)
{
    const GError *why = data;
    Arena *arena = edit->context->arena;
    ScalingGroup *group = edit->group;
    ScalingActivity *activity;
    if (!scaling_activity_begin(
            edit->context, edit->txn, group, NULL, "Launching a new EC2 instance",
            scaling_launch_cause(edit->context, group, scaling_size(&edit->step->members)),
            &activity, error))
        return false;
    activity->ended = activity->started;
    activity->status = "Failed";
    activity->status_message =
        arena_printf(arena, "%.200s%s Launching EC2 instance failed.", why->message,
                     g_str_has_suffix(why->message, ".") ? "" : ".");
    activity->progress = 100;
    group->rebalances = false;
    group->cooldown_for = 0;
    group->failures++;
    group->launch_after = edit->step->now + launch_backoff(group->failures);
    return scaling_activity_put(edit->txn, activity, error);
}

/* *ret_launched: there is one more. */
static bool launch_one(GroupStep *step, bool *ret_launched, GError **error)
{
    Launch launch = {0};
    g_autoptr(GError) why = NULL;
    *ret_launched = false;
    if (group_edit(step, NULL, edit_launch, &launch, &why)) {
        if (!launch.member)
            return true;
        *ret_launched = true;
        list_add(&step->members, step->arena, launch.member);
        scaling_note_member(step->cloud, launch.member->instance_id, launch.member->account_id,
                            launch.member->group_name);
        instances_wake(step->cloud, &launch.instances);
        return true;
    }
    if (why->domain == FAULT_DOMAIN)
        return group_edit(step, NULL, edit_launch_failed, why, error);
    g_propagate_error(error, g_steal_pointer(&why));
    return false;
}

static bool launch_some(GroupStep *step, GError **error)
{
    bool launched = true;
    for (unsigned i = 0; i < LAUNCHES_MOST && launched; i++) {
        if (!is_short(step, step->group, &step->members))
            return true;
        if (!launch_one(step, &launched, error))
            return false;
    }
    return true;
}

/* ---- shrinking ---- */

static bool use_templates(GroupStep *step, const List *members, Candidate *candidates,
                          GError **error)
{
    g_autoptr(Txn) txn = NULL;
    if (!txn_begin_read(cloud_store(step->cloud), &txn, error))
        return false;
    for (size_t i = 0; i < members->n; i++) {
        const ScalingInstance *member = list_at(members, i);
        if (member->launch_template_id && !scaling_template_judge(&step->context, txn, step->group,
                                                                  member, &candidates[i], error))
            return false;
    }
    return txn_commit(&txn, error);
}

static Candidate *make_candidates(GroupStep *step, const List *configurations, List *members)
{
    Candidate *candidates = arena_alloc(step->arena, (step->members.n + 1) * sizeof(Candidate));
    LIST_EACH (const ScalingInstance *, member, &step->members) {
        if (!scaling_counts(member))
            continue;
        Candidate *candidate = &candidates[members->n];
        *candidate = (Candidate){
            .id = member->instance_id,
            .zone = member->zone,
            .spared = member->protected,
            .launched = member->joined,
        };
        LIST_EACH (const LaunchConfiguration *, configuration, configurations) {
            if (!member->launch_configuration ||
                strcmp(configuration->name, member->launch_configuration) != 0)
                continue;
            candidate->configuration_made = configuration->created;
            candidate->is_current =
                step->group->launch_configuration &&
                strcmp(configuration->name, step->group->launch_configuration) == 0;
        }
        list_add(members, step->arena, member);
    }
    return candidates;
}

static bool shrink(GroupStep *step, int64_t size, GError **error)
{
    List configurations = {0}, members = {0}, names = {0};
    const ScalingGroup *group = step->group;
    if (!launch_configurations_find(&step->context, &names, &configurations, error))
        return false;
    Candidate *candidates = make_candidates(step, &configurations, &members);
    if (!use_templates(step, &members, candidates, error))
        return false;
    List policies = lines_split(step->arena, group->termination_policies);
    size_t chosen = victim_choose(candidates, members.n, &policies, step->now);
    if (chosen == members.n)
        return true; /* all are protected */
    const ScalingInstance *victim = list_at(&members, chosen);
    const char *now = scaling_time_text(step->arena, cloud_now(step->cloud));
    const char *cause = arena_printf(
        step->arena,
        "%s%sAt %s an instance was taken out of service in response to a difference between "
        "desired and actual capacity, shrinking the capacity from %" PRId64 " to %" PRId64
        ".  At %s instance %s was selected for termination.",
        group->cause ? group->cause : "", group->cause && *group->cause ? "  " : "", now, size,
        size - 1, now, victim->instance_id);
    return group_member_out(step, victim, cause, error);
}

/* ---- the group ---- */

static bool edit_rebalance(GroupEdit *edit, void *data, GError **error)
{
    edit->group->rebalances = *(const bool *)data;
    return true;
}

static bool edit_settled(GroupEdit *edit, void *data, GError **error)
{
    ScalingGroup *group = edit->group;
    group->cause = NULL;
    if (group->cooldown_for != 0)
        group->cooldown_until = edit->step->now + group->cooldown_for * CLOCK_SECOND;
    group->cooldown_for = 0;
    return true;
}

static bool edit_steady(GroupEdit *edit, void *data, GError **error)
{
    edit->group->failures = edit->group->launch_after = 0;
    return true;
}

static bool is_at_rest(const GroupStep *step, int64_t *ret_youngest)
{
    int64_t youngest = 0;
    LIST_EACH (const ScalingInstance *, member, &step->members) {
        if (member->state != LIFECYCLE_IN_SERVICE && member->state != LIFECYCLE_STANDBY)
            return false;
        youngest = MAX(youngest, member->joined);
    }
    *ret_youngest = youngest;
    return true;
}

/* As many as are wanted. */
static bool settle(GroupStep *step, GError **error)
{
    const ScalingGroup *group = step->group;
    int64_t youngest;
    if (!is_at_rest(step, &youngest))
        return true;
    if (group->rebalances) {
        bool no = false;
        return group_edit(step, NULL, edit_rebalance, &no, error);
    }
    if (group->cause || group->cooldown_for)
        return group_edit(step, NULL, edit_settled, NULL, error);
    if (group->failures > 0) {
        group_step_again(step, youngest + STEADY_AFTER);
        return step->now < youngest + STEADY_AFTER ||
               group_edit(step, NULL, edit_steady, NULL, error);
    }
    bool yes = true;
    return !scaling_zones_differ(&step->context, group, &step->members) ||
           scaling_is_suspended(step->arena, group, "AZRebalance") ||
           scaling_is_suspended(step->arena, group, "Launch") ||
           scaling_is_suspended(step->arena, group, "Terminate") ||
           group_edit(step, NULL, edit_rebalance, &yes, error);
}

static bool edit_schedules(GroupEdit *edit, void *data, GError **error)
{
    int64_t next;
    bool changed;
    return scaling_schedules_run(edit->context, edit->txn, edit->group, &next, &changed, error);
}

static bool run_schedules(GroupStep *step, GError **error)
{
    int64_t next = INT64_MAX;
    LIST_EACH (const ScalingSchedule *, schedule, &step->schedules)
        if (schedule->next != 0)
            next = MIN(next, schedule->next);
    group_step_again(step, next);
    return next > step->now || group_edit(step, NULL, edit_schedules, NULL, error);
}

static bool edit_refreshed(GroupEdit *edit, void *data, GError **error)
{
    return scaling_refresh_end(edit->context, edit->txn, data, error);
}

static bool edit_replace(GroupEdit *edit, void *data, GError **error)
{
    if (!edit->group->cause)
        edit->group->cause = "";
    return scaling_member_leave(edit->context, edit->txn, edit->group, edit->member, data, error);
}

static bool run_refresh(GroupStep *step, GError **error)
{
    int64_t next = 0;
    ScalingInstance *victim = NULL;
    if (!step->refresh)
        return true;
    RefreshMove move = scaling_refresh_move(&step->context, step->group, step->refresh,
                                            &step->members, &victim, &next);
    if (next != 0)
        group_step_again(step, next);
    if (move == REFRESH_ENDS)
        return group_edit(step, NULL, edit_refreshed, (void *)step->refresh->id, error);
    const char *cause = arena_printf(
        step->arena,
        "At %s an instance was taken out of service in response to an instance refresh.",
        scaling_time_text(step->arena, cloud_now(step->cloud)));
    return move == REFRESH_WAITS || group_edit(step, victim, edit_replace, (void *)cause, error);
}

static bool erase(GroupStep *step, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    List policies = {0};
    if (!txn_begin(cloud_store(step->cloud), &txn, error) ||
        !record_query(txn, step->arena, QUERY_SCALING_POLICIES_OF_GROUP, &policies, error,
                      step->group->account_id, step->name) ||
        !txn_commit(&txn, error) ||
        !scaling_policies_drop_alarms(&step->context, &policies, error) ||
        !txn_begin(cloud_store(step->cloud), &txn, error) ||
        !scaling_group_erase(&step->context, txn, step->group, error) || !txn_commit(&txn, error))
        return false;
    step->changed = true;
    return true;
}

static bool fit_size(GroupStep *step, GError **error)
{
    int64_t size = scaling_size(&step->members);
    const ScalingGroup *group = step->group;
    int64_t wanted = group->desired + (group->rebalances ? 1 : 0);
    if (is_short(step, group, &step->members))
        return launch_some(step, error);
    if (size < wanted) {
        if (group->launch_after > step->now)
            group_step_again(step, group->launch_after);
        return true;
    }
    if (size > wanted)
        return scaling_is_suspended(step->arena, group, "Terminate") || shrink(step, size, error);
    return settle(step, error);
}

static bool edit_out(GroupEdit *edit, void *data, GError **error)
{
    return scaling_member_leave(edit->context, edit->txn, edit->group, edit->member, data, error);
}

bool group_member_out(GroupStep *step, const ScalingInstance *member, const char *cause,
                      GError **error)
{
    return group_edit(step, member, edit_out, (void *)cause, error);
}

/* Of a group that goes. */
static bool dissolve(GroupStep *step, GError **error)
{
    if (step->members.n == 0)
        return erase(step, error);
    LIST_EACH (const ScalingInstance *, member, &step->members)
        if (member->state < LIFECYCLE_DETACHING &&
            !group_member_out(step, member,
                              arena_printf(step->arena,
                                           "%s  Instance %s was selected for "
                                           "termination.",
                                           step->group->cause ? step->group->cause : "",
                                           member->instance_id),
                              error))
            return false;
    return true;
}

static bool step_group(GroupStep *step, GError **error)
{
    static bool (*const steps[])(GroupStep *, GError **) = {run_schedules, run_refresh, fit_size};
    if (step->group->deleting)
        return dissolve(step, error);
    for (size_t i = 0; i < G_N_ELEMENTS(steps) && !step->changed; i++)
        if (!steps[i](step, error))
            return false;
    return true;
}

/* ---- looks ---- */

static bool load(GroupStep *step, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    void *refresh = NULL;
    const char *account = step->context.caller.account_id;
    if (!txn_begin_read(cloud_store(step->cloud), &txn, error) ||
        !find_group(step, txn, &step->group, error))
        return false;
    if (!step->group)
        return true;
    if (!scaling_members(txn, step->arena, step->group, &step->members, error) ||
        !record_query(txn, step->arena, QUERY_INSTANCES_OF_SCALING_GROUP, &step->machines, error,
                      account, step->name) ||
        !record_query(txn, step->arena, QUERY_LIFECYCLE_WAITS_OF_GROUP, &step->waits, error,
                      account, step->name) ||
        !record_query(txn, step->arena, QUERY_LIFECYCLE_HOOKS_OF_GROUP, &step->hooks, error,
                      account, step->name) ||
        !record_query(txn, step->arena, QUERY_SCALING_BALANCERS_OF_GROUP, &step->balancers, error,
                      account, step->name) ||
        !record_query(txn, step->arena, QUERY_SCALING_SCHEDULES_OF_GROUP, &step->schedules, error,
                      account, step->name) ||
        !record_query_one(txn, step->arena, QUERY_INSTANCE_REFRESH_UNDER_WAY, &refresh, error,
                          account, step->name))
        return false;
    step->refresh = refresh;
    return txn_commit(&txn, error);
}

static bool look(GroupStep *step, GError **error)
{
    step->now = fast_now(step->cloud);
    step->again = step->now + LOOK_EVERY;
    if (!load(step, error))
        return false;
    if (!step->group) {
        step->again = WORK_DONE;
        return true;
    }
    LIST_EACH (const ScalingInstance *, member, &step->members)
        if (!group_member_step(step, member, error))
            return false;
    if (step->changed)
        return true;
    return step_group(step, error) &&
           (step->changed || (group_balancers_settle(step, error) &&
                              (step->changed || group_balancers_judge(step, error))));
}

/* Everything has been done for now. */
static bool rest(GroupStep *step, GError **error)
{
    int64_t next;
    if (!step->group || step->group->deleting)
        return true;
    if (!scaling_trigger_run(&step->context, step->name, &next, error))
        return false;
    if (next != 0)
        group_step_again(step, next);
    if (step->group->metrics)
        group_metrics_tell(step);
    return true;
}

int64_t scaling_group_step(void *data, const char *key)
{
    Cloud *cloud = data;
    int64_t again = WORK_DONE;
    bool changed = true;
    for (unsigned i = 0; i < LOOKS_MOST && changed; i++) {
        g_autoptr(Arena) arena = arena_new();
        g_autoptr(GError) error = NULL;
        GroupStep step = {
            .cloud = cloud,
            .arena = arena,
            .context = scaling_context(cloud, arena, arena_strndup(arena, key, ACCOUNT_SIZE)),
            .name = key + ACCOUNT_SIZE + 1,
        };
        if (!look(&step, &error) || (!step.changed && !rest(&step, &error))) {
            g_warning("scaling group %s: %s; will try again", key, error->message);
            return fast_now(cloud) + RETRY_AFTER;
        }
        changed = step.changed;
        again = step.again;
    }
    return again;
}
