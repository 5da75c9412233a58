/* Instances of load balancers: registered, deregistered, and what is said of their health.
 *
 * Invariant: a registration says what probes found out; whether the instance runs, and whether its
 * zone is served, is asked of their own records whenever it is told. */
#include "cloud/balancer_parts.h"

#include <string.h>

/* ---- health ---- */

static const BalancerPlace *place_of(const BalancerView *view, const Instance *instance)
{
    LIST_EACH (const BalancerPlace *, place, &view->places) {
        if (strcmp(place->zone, instance->zone) == 0)
            return place;
    }
    return NULL;
}

/* Says why the instance itself cannot serve; NULL: it can. */
static const char *state_text(const Instance *instance)
{
    switch (instance ? (InstanceState)instance->state : INSTANCE_TERMINATED) {
    case INSTANCE_PENDING:
        return "Instance is in pending state.";
    case INSTANCE_RUNNING:
        return NULL;
    case INSTANCE_STOPPING:
    case INSTANCE_STOPPED:
        return "Instance is in stopped state.";
    case INSTANCE_SHUTTING_DOWN:
    case INSTANCE_TERMINATED:
        break;
    }
    return "Instance is in terminated state.";
}

InstanceHealth instance_health(const BalancerView *view, const BalancerInstance *member,
                               const Instance *instance)
{
    InstanceHealth health = {.state = "OutOfService", .reason_code = "Instance"};
    health.instance_id = member ? member->instance_id : instance->id;
    if (!member) {
        health.description = "Instance is not currently registered with the LoadBalancer.";
    } else if (member->draining_until) {
        health.state = "InService";
        health.reason_code = "N/A";
        health.description = "Instance deregistration currently in progress.";
    } else if (state_text(instance)) {
        health.description = state_text(instance);
    } else if (!place_of(view, instance)) {
        health.reason_code = "ELB";
        health.description = "Instance is in the EC2 Availability Zone for which LoadBalancer is "
                             "not configured to route traffic to.";
    } else if (member->health == BALANCER_HEALTH_REGISTERING) {
        health.reason_code = "ELB";
        health.description = "Instance registration is still in progress.";
    } else if (member->health == BALANCER_HEALTH_UNPROVEN) {
        health.description = "Instance has not passed the configured HealthyThreshold number of "
                             "health checks consecutively.";
    } else if (member->health == BALANCER_HEALTH_UNHEALTHY) {
        health.description = "Instance has failed at least the UnhealthyThreshold number of "
                             "health checks consecutively.";
    } else {
        health.state = "InService";
        health.reason_code = "N/A";
        health.description = "N/A";
    }
    return health;
}

bool instance_is_in_service(const BalancerView *view, const BalancerInstance *member,
                            const Instance *instance)
{
    return !member->draining_until && !state_text(instance) && place_of(view, instance) &&
           member->health == BALANCER_HEALTH_HEALTHY;
}

static const BalancerInstance *member_of(const BalancerView *view, const char *id)
{
    LIST_EACH (const BalancerInstance *, member, &view->instances) {
        if (strcmp(member->instance_id, id) == 0)
            return member;
    }
    return NULL;
}

static bool no_such_instance(const char *id, GError **error)
{
    return fault_set(error, FAULT_INVALID_INSTANCE, "Could not find EC2 instance %.100s.", id);
}

/* The caller's instance, terminated ones included; NULL: there is none. */
static bool find_instance(Context *context, Txn *txn, const char *id, Instance **ret_instance,
                          GError **error)
{
    Instance *instance;
    if (!instance_get(txn, context->arena, id, &instance, error))
        return false;
    bool ours = instance && strcmp(instance->account_id, context->caller.account_id) == 0;
    *ret_instance = ours ? instance : NULL;
    return true;
}

static bool add_health(Context *context, Txn *txn, const BalancerView *view, const char *id,
                       List *ret_healths, GError **error)
{
    const BalancerInstance *member = member_of(view, id);
    Instance *instance;
    if (!find_instance(context, txn, id, &instance, error))
        return false;
    if (!member && !instance)
        return no_such_instance(id, error);
    InstanceHealth *health = arena_new_struct(context->arena, InstanceHealth);
    *health = instance_health(view, member, instance);
    list_add(ret_healths, context->arena, health);
    return true;
}

bool balancer_health(Context *context, const char *name, const List *ids, List *ret_healths,
                     GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Balancer *balancer;
    BalancerView *view;
    if (!txn_begin_read(cloud_store(context->cloud), &txn, error) ||
        !balancer_named(context, txn, name, &balancer, error) ||
        !balancer_view(context, txn, balancer, &view, error))
        return false;
    LIST_EACH (const char *, id, ids) {
        if (!add_health(context, txn, view, id, ret_healths, error))
            return false;
    }
    if (ids->n > 0)
        return true;
    LIST_EACH (const BalancerInstance *, member, &view->instances) {
        if (!add_health(context, txn, view, member->instance_id, ret_healths, error))
            return false;
    }
    return true;
}

bool balancers_status(Cloud *cloud, Txn *txn, Arena *arena, const char *account_id, List *ret_list,
                      GError **error)
{
    List balancers = {0}, views = {0};
    if (!record_query(txn, arena, QUERY_BALANCERS_OF_ACCOUNT, &balancers, error, account_id) ||
        !balancer_views(cloud, txn, arena, &balancers, &views, error))
        return false;
    Context context = {.cloud = cloud, .arena = arena, .caller = {.account_id = account_id}};
    LIST_EACH (const BalancerView *, view, &views) {
        BalancerStatus *status = arena_new_struct(arena, BalancerStatus);
        status->view = view;
        LIST_EACH (const BalancerInstance *, member, &view->instances) {
            if (!add_health(&context, txn, view, member->instance_id, &status->healths, error))
                return false;
        }
        list_add(ret_list, arena, status);
    }
    return true;
}

/* ---- registering ---- */

static bool list_registered(Context *context, Txn *txn, const Balancer *balancer, List *ret_ids,
                            GError **error)
{
    BalancerView *view;
    if (!balancer_view(context, txn, balancer, &view, error))
        return false;
    LIST_EACH (const BalancerInstance *, member, &view->instances) {
        if (!member->draining_until)
            list_add(ret_ids, context->arena, member->instance_id);
    }
    return true;
}

static bool register_one(Context *context, Txn *txn, const Balancer *balancer, const char *id,
                         GError **error)
{
    Instance *instance;
    void *found;
    if (!find_instance(context, txn, id, &instance, error) ||
        !record_query_one(txn, context->arena, QUERY_BALANCER_INSTANCE, &found, error, balancer->id,
                          id))
        return false;
    if (!instance || instance->state == INSTANCE_TERMINATED ||
        instance->state == INSTANCE_SHUTTING_DOWN)
        return no_such_instance(id, error);
    if (strcmp(instance->vpc_id, balancer->vpc_id) != 0)
        return fault_set(error, FAULT_INVALID_INSTANCE,
                         "EC2 instance '%s' is not in the same VPC as ELB.", id);
    const BalancerInstance *known = found;
    if (known && !known->draining_until)
        return true;
    const BalancerInstance made = {
        .balancer_id = balancer->id,
        .instance_id = instance->id,
        .health = known ? known->health : BALANCER_HEALTH_REGISTERING,
        .registered = cloud_now(context->cloud),
    };
    return balancer_instance_put(txn, &made, error);
}

bool balancer_register(Context *context, const char *name, const List *ids, List *ret_ids,
                       GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Balancer *balancer;
    int64_t count;
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !balancer_named(context, txn, name, &balancer, error))
        return false;
    LIST_EACH (const char *, id, ids) {
        if (!register_one(context, txn, balancer, id, error))
            return false;
    }
    if (!record_count(txn, COUNT_INSTANCES_OF_BALANCER, &count, error, balancer->id))
        return false;
    if (count > INSTANCES_PER_BALANCER)
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "A load balancer may have at most %d registered instances",
                         INSTANCES_PER_BALANCER);
    return list_registered(context, txn, balancer, ret_ids, error) &&
           balancer_commit(context, &txn, error);
}

static bool forget(Txn *txn, const BalancerInstance *member, GError **error)
{
    return record_change(txn, CHANGE_DELETE_BALANCER_INSTANCE, NULL, error, member->balancer_id,
                         member->instance_id);
}

/* One that serves keeps its connections for a while if the balancer drains. */
static bool deregister_one(Context *context, Txn *txn, const BalancerView *view, const char *id,
                           GError **error)
{
    const Balancer *balancer = view->balancer;
    const BalancerInstance *member = member_of(view, id);
    Instance *instance;
    if (!find_instance(context, txn, id, &instance, error))
        return false;
    if (!member)
        return instance || no_such_instance(id, error);
    if (member->draining_until)
        return true;
    if (!balancer->draining || !instance_is_in_service(view, member, instance))
        return forget(txn, member, error);
    BalancerInstance draining = *member;
    draining.draining_until = cloud_now(context->cloud) + balancer->draining_timeout * CLOCK_SECOND;
    return balancer_instance_put(txn, &draining, error);
}

bool balancer_deregister(Context *context, const char *name, const List *ids, List *ret_ids,
                         GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Balancer *balancer;
    BalancerView *view;
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !balancer_named(context, txn, name, &balancer, error) ||
        !balancer_view(context, txn, balancer, &view, error))
        return false;
    LIST_EACH (const char *, id, ids) {
        if (!deregister_one(context, txn, view, id, error))
            return false;
    }
    return list_registered(context, txn, balancer, ret_ids, error) &&
           balancer_commit(context, &txn, error);
}
