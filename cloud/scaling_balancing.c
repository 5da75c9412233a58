/* Scaling groups and their load balancers.
 *
 * Invariant: a member is registered before it is said to be in service, and deregistered before its
 * machine is ended. What is registered is compared at every look, so that a balancer that is
 * attached later, or was told nothing because of a crash, gets its instances. A balancer that is
 * gone is passed over: it may be made again. */
#include "cloud/scaling_step.h"

#include "base/fault.h"
#include "cloud/balancers.h"
#include <string.h>

#define LOOK_SOON CLOCK_SECOND
#define JUDGE_EVERY (10 * CLOCK_SECOND)

/* NULL: there is no such balancer. */
static bool find_balancer(GroupStep *step, const char *name, BalancerView **ret_view,
                          GError **error)
{
    g_autoptr(GError) why = NULL;
    *ret_view = NULL;
    if (balancer_find_one(&step->context, name, ret_view, &why) || why->domain == FAULT_DOMAIN)
        return true;
    g_propagate_error(error, g_steal_pointer(&why));
    return false;
}

/* A fault is the balancer's or the instance's end, which others see to. Takes what failed. */
static bool unless_fault(GError *why, GError **error)
{
    if (why->domain == FAULT_DOMAIN) {
        g_error_free(why);
        return true;
    }
    g_propagate_error(error, why);
    return false;
}

static const BalancerInstance *find_registration(const BalancerView *view, const char *id)
{
    LIST_EACH (const BalancerInstance *, registered, &view->instances)
        if (strcmp(registered->instance_id, id) == 0)
            return registered;
    return NULL;
}

static bool is_registered(const BalancerView *view, const char *id)
{
    const BalancerInstance *registered = find_registration(view, id);
    return registered && registered->draining_until == 0;
}

static bool may_add(GroupStep *step)
{
    return !scaling_is_suspended(step->arena, step->group, "AddToLoadBalancer");
}

static bool add(GroupStep *step, const ScalingBalancer *attached, const List *ids, GError **error)
{
    GError *why = NULL;
    List all = {0};
    return ids->n == 0 || balancer_register(&step->context, attached->balancer, ids, &all, &why) ||
           unless_fault(why, error);
}

static bool drop(GroupStep *step, const ScalingBalancer *attached, const List *ids, GError **error)
{
    GError *why = NULL;
    List all = {0};
    return ids->n == 0 ||
           balancer_deregister(&step->context, attached->balancer, ids, &all, &why) ||
           unless_fault(why, error);
}

bool group_balancers_add(GroupStep *step, const ScalingInstance *member, GError **error)
{
    List ids = {0};
    list_add(&ids, step->arena, member->instance_id);
    LIST_EACH (const ScalingBalancer *, attached, &step->balancers)
        if (!attached->removing && may_add(step) && !add(step, attached, &ids, error))
            return false;
    return true;
}

bool group_balancers_drop(GroupStep *step, const ScalingInstance *member, bool *ret_drained,
                          GError **error)
{
    List ids = {0};
    *ret_drained = true;
    list_add(&ids, step->arena, member->instance_id);
    LIST_EACH (const ScalingBalancer *, attached, &step->balancers) {
        BalancerView *view;
        if (!find_balancer(step, attached->balancer, &view, error))
            return false;
        if (!view || !find_registration(view, member->instance_id))
            continue;
        if (is_registered(view, member->instance_id) &&
            (!drop(step, attached, &ids, error) ||
             !find_balancer(step, attached->balancer, &view, error)))
            return false;
        if (view && find_registration(view, member->instance_id))
            *ret_drained = false;
    }
    if (!*ret_drained)
        group_step_again(step, step->now + LOOK_SOON);
    return true;
}

static bool edit_removed(GroupEdit *edit, void *data, GError **error)
{
    const ScalingBalancer *attached = data;
    return record_change(edit->txn, CHANGE_DELETE_SCALING_BALANCER, NULL, error,
                         attached->account_id, attached->group_name, attached->balancer);
}

bool group_balancers_settle(GroupStep *step, GError **error)
{
    LIST_EACH (ScalingBalancer *, attached, &step->balancers) {
        BalancerView *view;
        List missing = {0}, there = {0};
        if (!find_balancer(step, attached->balancer, &view, error))
            return false;
        LIST_EACH (const ScalingInstance *, member, &step->members) {
            if (view && is_registered(view, member->instance_id))
                list_add(&there, step->arena, member->instance_id);
            else if (view && member->state == LIFECYCLE_IN_SERVICE)
                list_add(&missing, step->arena, member->instance_id);
        }
        if (attached->removing ? !drop(step, attached, &there, error) ||
                                     !group_edit(step, NULL, edit_removed, attached, error)
                               : may_add(step) && !add(step, attached, &missing, error))
            return false;
    }
    return true;
}

/* ---- health ---- */

/* Only probes that failed count: one that is not probed yet, or not often enough, is on its way. */
static bool is_failed(const InstanceHealth *health)
{
    return strcmp(health->state, "OutOfService") == 0 && health->description &&
           strstr(health->description, "failed at least the UnhealthyThreshold");
}

static bool edit_unhealthy(GroupEdit *edit, void *data, GError **error)
{
    edit->member->unhealthy = true;
    edit->member->unhealthy_cause = "an ELB system health check failure";
    return true;
}

static bool judge_member(GroupStep *step, const ScalingInstance *member, const List *healths,
                         GError **error)
{
    int64_t grace_ends = member->in_service + step->group->health_grace * CLOCK_SECOND;
    if (member->state != LIFECYCLE_IN_SERVICE || member->unhealthy)
        return true;
    if (step->now < grace_ends) {
        group_step_again(step, grace_ends);
        return true;
    }
    LIST_EACH (const InstanceHealth *, health, healths)
        if (strcmp(health->instance_id, member->instance_id) == 0 && is_failed(health))
            return group_edit(step, member, edit_unhealthy, NULL, error);
    return true;
}

bool group_balancers_judge(GroupStep *step, GError **error)
{
    if (strcmp(step->group->health_check_type, "ELB") != 0 || step->balancers.n == 0 ||
        scaling_is_suspended(step->arena, step->group, "HealthCheck"))
        return true;
    group_step_again(step, step->now + JUDGE_EVERY);
    LIST_EACH (const ScalingBalancer *, attached, &step->balancers) {
        GError *why = NULL;
        List all = {0}, healths = {0};
        if (!balancer_health(&step->context, attached->balancer, &all, &healths, &why) &&
            !unless_fault(why, error))
            return false;
        LIST_EACH (const ScalingInstance *, member, &step->members)
            if (!judge_member(step, member, &healths, error))
                return false;
    }
    return true;
}
