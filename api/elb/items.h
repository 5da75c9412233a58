/* From ELB's records to what replies show, and back from what requests hold. */
#pragma once

#include "api/action.h"
#include "api/elb/shapes.h"
#include "cloud/balancers.h"

/* ListenerSpec * of ElbListener *. */
void elb_listener_specs(Arena *arena, const List *listeners, List *ret_specs);
ElbDescription *elb_description(Call *call, const BalancerView *view);
ElbHealthCheck *elb_health_check(Arena *arena, const HealthCheck *check);
ElbAttributes *elb_attributes(Arena *arena, const Balancer *balancer);
/* ElbInstance * of ids, and back. */
void elb_instances(Arena *arena, const List *ids, List *ret_instances);
void elb_instance_ids(Arena *arena, const List *instances, List *ret_ids);
