/* What the load balancers of one VPC should do, derived from the store: their listeners, and the
 * instances to probe. Private to cloud/. */
#pragma once

#include "cloud/balancer_parts.h"
#include "cloud/site.h"
#include "lb/probe.h"

/* A registration with what it is about. */
typedef struct BalancerMember {
    const BalancerView *view;
    const BalancerInstance *record;
    const Instance *instance; /* NULL: gone */
    uint32_t address;         /* host byte order; 0: it has none, or does not run */
} BalancerMember;

typedef struct BalancerPlan BalancerPlan;

/* One snapshot of the store, in the arena. */
bool balancer_plan_load(Site *site, Arena *arena, BalancerPlan **ret_plan, GError **error);
void balancer_plan_free(BalancerPlan *plan); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BalancerPlan, balancer_plan_free)

const List *balancer_plan_views(const BalancerPlan *plan); /* BalancerView * */
/* BalancerMember *, those that are draining included. */
const List *balancer_plan_members(const BalancerPlan *plan);

/* Whether the instance's security groups let the balancer in at that port. */
bool balancer_plan_lets_in(const BalancerPlan *plan, const BalancerMember *member, uint16_t port);

/* The listener of a record, for failures. */
typedef struct PlannedListener {
    const LbListener *listener; /* NULL: it cannot even be tried: why says the reason */
    const BalancerListener *record;
    const BalancerView *view;
    const char *why;
} PlannedListener;

/* Adds the listeners to config and tells whose they are (PlannedListener *). */
void balancer_plan_listeners(BalancerPlan *plan, LbConfig *config, List *ret_planned);
/* ProbeTarget * of those that are to be probed. */
void balancer_plan_probes(BalancerPlan *plan, List *ret_targets);
