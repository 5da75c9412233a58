/* Where a load balancer is: its zones, its subnets, its security groups.
 *
 * Invariants: one subnet a zone, all of one VPC; a balancer never loses its last place or its last
 * group. */
#include "cloud/balancer_parts.h"

#include "cloud/catalog.h"
#include "cloud/security_groups.h"
#include <string.h>

/* ---- zones and subnets ---- */

static BalancerPlace *new_place(Arena *arena, const Subnet *subnet)
{
    BalancerPlace *place = arena_new_struct(arena, BalancerPlace);
    place->zone = subnet->zone;
    place->subnet_id = subnet->id;
    return place;
}

static BalancerPlace *place_in(const List *places, const char *zone)
{
    LIST_EACH (BalancerPlace *, place, places) {
        if (strcmp(place->zone, zone) == 0)
            return place;
    }
    return NULL;
}

static const Subnet *default_subnet_in(const List *subnets, const char *zone)
{
    LIST_EACH (const Subnet *, subnet, subnets) {
        if (subnet->is_default && strcmp(subnet->zone, zone) == 0)
            return subnet;
    }
    return NULL;
}

/* The VPC's default subnets in the zones. */
static bool resolve_zones(Context *context, Txn *txn, const char *vpc_id, const List *zones,
                          List *places, GError **error)
{
    List subnets = {0};
    if (!record_query(txn, context->arena, QUERY_SUBNETS_OF_VPC, &subnets, error, vpc_id))
        return false;
    LIST_EACH (const char *, zone, zones) {
        Zone *known;
        if (!zone_get(txn, context->arena, zone, &known, error))
            return false;
        if (!known)
            return fault_set(error, FAULT_VALIDATION_ERROR, "Invalid Availability Zone: %.100s",
                             zone);
        const Subnet *subnet = default_subnet_in(&subnets, zone);
        if (!subnet)
            return fault_set(error, FAULT_INVALID_CONFIGURATION_REQUEST,
                             "There is no default subnet in the Availability Zone %s", zone);
        if (!place_in(places, zone))
            list_add(places, context->arena, new_place(context->arena, subnet));
    }
    return true;
}

static bool same_zone(GError **error)
{
    return fault_set(error, FAULT_INVALID_CONFIGURATION_REQUEST,
                     "ELB cannot be attached to multiple subnets in the same AZ.");
}

/* vpc_id NULL: that of the first. */
static bool resolve_subnets(Context *context, Txn *txn, const char **vpc_id, const List *ids,
                            List *places, GError **error)
{
    LIST_EACH (const char *, id, ids) {
        Subnet *subnet;
        if (!subnet_get(txn, context->arena, id, &subnet, error))
            return false;
        if (!subnet || strcmp(subnet->account_id, context->caller.account_id) != 0)
            return fault_set(error, FAULT_SUBNET_NOT_FOUND, "The subnet ID '%.100s' does not exist",
                             id);
        if (!*vpc_id)
            *vpc_id = subnet->vpc_id;
        if (strcmp(subnet->vpc_id, *vpc_id) != 0)
            return fault_set(error, FAULT_INVALID_SUBNET,
                             "The subnet %s is in another VPC than the load balancer's, %s", id,
                             *vpc_id);
        const BalancerPlace *other = place_in(places, subnet->zone);
        if (other && strcmp(other->subnet_id, id) != 0)
            return same_zone(error);
        if (!other)
            list_add(places, context->arena, new_place(context->arena, subnet));
    }
    return true;
}

bool balancer_places_resolve(Context *context, Txn *txn, const List *zones, const List *subnets,
                             List *ret_places, const char **ret_vpc_id, GError **error)
{
    Vpc *vpc = NULL;
    *ret_vpc_id = NULL;
    if (subnets->n > 0)
        return resolve_subnets(context, txn, ret_vpc_id, subnets, ret_places, error);
    if (!vpc_find_default(txn, context->arena, context->caller.account_id, &vpc, error))
        return false;
    if (!vpc)
        return fault_set(error, FAULT_INVALID_CONFIGURATION_REQUEST,
                         "The account has no default VPC: specify subnets");
    *ret_vpc_id = vpc->id;
    return resolve_zones(context, txn, vpc->id, zones, ret_places, error);
}

/* What DescribeLoadBalancers will show of it. */
static bool list_places(Context *context, Txn *txn, const Balancer *balancer, bool zones,
                        List *ret_names, GError **error)
{
    BalancerView *view;
    if (!balancer_view(context, txn, balancer, &view, error))
        return false;
    LIST_EACH (const BalancerPlace *, place, &view->places)
        list_add(ret_names, context->arena, zones ? place->zone : place->subnet_id);
    return true;
}

/* Puts in those that are not there. */
static bool add_places(Context *context, Txn *txn, const Balancer *balancer, const List *places,
                       GError **error)
{
    BalancerView *view;
    if (!balancer_view(context, txn, balancer, &view, error))
        return false;
    LIST_EACH (BalancerPlace *, place, places) {
        const BalancerPlace *other = place_in(&view->places, place->zone);
        if (other && strcmp(other->subnet_id, place->subnet_id) != 0)
            return same_zone(error);
        place->balancer_id = balancer->id;
        if (!balancer_place_put(txn, place, error))
            return false;
    }
    return true;
}

bool balancer_enable_zones(Context *context, const char *name, const List *zones, List *ret_zones,
                           GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Balancer *balancer;
    List places = {0};
    return txn_begin(cloud_store(context->cloud), &txn, error) &&
           balancer_named(context, txn, name, &balancer, error) &&
           resolve_zones(context, txn, balancer->vpc_id, zones, &places, error) &&
           add_places(context, txn, balancer, &places, error) &&
           list_places(context, txn, balancer, true, ret_zones, error) &&
           balancer_commit(context, &txn, error);
}

bool balancer_attach_subnets(Context *context, const char *name, const List *subnets,
                             List *ret_subnets, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Balancer *balancer;
    List places = {0};
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !balancer_named(context, txn, name, &balancer, error))
        return false;
    const char *vpc_id = balancer->vpc_id;
    return resolve_subnets(context, txn, &vpc_id, subnets, &places, error) &&
           add_places(context, txn, balancer, &places, error) &&
           list_places(context, txn, balancer, false, ret_subnets, error) &&
           balancer_commit(context, &txn, error);
}

/* Takes away the places whose zone or subnet is named. */
static bool remove_places(Context *context, Txn *txn, const Balancer *balancer, bool zones,
                          const List *names, GError **error)
{
    BalancerView *view;
    List gone = {0};
    if (!balancer_view(context, txn, balancer, &view, error))
        return false;
    LIST_EACH (const BalancerPlace *, place, &view->places) {
        if (list_has(names, zones ? place->zone : place->subnet_id))
            list_add(&gone, context->arena, place);
    }
    LIST_EACH (const char *, name, names) {
        bool known = false;
        LIST_EACH (const BalancerPlace *, place, &gone)
            known = known || strcmp(zones ? place->zone : place->subnet_id, name) == 0;
        if (!known)
            return fault_set(error, FAULT_INVALID_CONFIGURATION_REQUEST,
                             "%.100s is not attached to the load balancer %s", name,
                             balancer->name);
    }
    const char *what = zones ? "Availability Zones" : "subnets";
    if (gone.n == view->places.n)
        return fault_set(error, FAULT_INVALID_CONFIGURATION_REQUEST,
                         "Requested configuration change for LoadBalancer \"%s\" is invalid "
                         "because you attempted to detach all the %s for this LoadBalancer and a "
                         "LoadBalancer cannot be attached to zero %s in VPC.",
                         balancer->name, what, what);
    LIST_EACH (const BalancerPlace *, place, &gone) {
        if (!record_change(txn, CHANGE_DELETE_BALANCER_PLACE, NULL, error, balancer->id,
                           place->zone))
            return false;
    }
    return true;
}

static bool take_away(Context *context, const char *name, bool zones, const List *names,
                      List *ret_left, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Balancer *balancer;
    return txn_begin(cloud_store(context->cloud), &txn, error) &&
           balancer_named(context, txn, name, &balancer, error) &&
           remove_places(context, txn, balancer, zones, names, error) &&
           list_places(context, txn, balancer, zones, ret_left, error) &&
           balancer_commit(context, &txn, error);
}

bool balancer_disable_zones(Context *context, const char *name, const List *zones, List *ret_zones,
                            GError **error)
{
    return take_away(context, name, true, zones, ret_zones, error);
}

bool balancer_detach_subnets(Context *context, const char *name, const List *subnets,
                             List *ret_subnets, GError **error)
{
    return take_away(context, name, false, subnets, ret_subnets, error);
}

/* ---- security groups ---- */

bool balancer_groups_resolve(Context *context, Txn *txn, const char *vpc_id, const List *ids,
                             List *ret_groups, GError **error)
{
    SecurityGroup *group;
    if (ids->n == 0) {
        if (!balancer_open_group(context, txn, vpc_id, &group, error))
            return false;
        list_add(ret_groups, context->arena, group);
        return true;
    }
    List seen = {0};
    LIST_EACH (const char *, id, ids) {
        if (!security_group_get(txn, context->arena, id, &group, error))
            return false;
        if (!group || strcmp(group->account_id, context->caller.account_id) != 0 ||
            strcmp(group->vpc_id, vpc_id) != 0)
            return fault_set(error, FAULT_INVALID_SECURITY_GROUP,
                             "The security group '%.255s' does not exist in VPC '%s'", id, vpc_id);
        if (list_has(&seen, id))
            continue;
        list_add(&seen, context->arena, id);
        list_add(ret_groups, context->arena, group);
    }
    return seen.n <= GROUPS_PER_BALANCER ||
           fault_set(error, FAULT_INVALID_CONFIGURATION_REQUEST,
                     "A load balancer may have at most %d security groups", GROUPS_PER_BALANCER);
}

bool balancer_groups_put(Context *context, Txn *txn, const char *balancer_id, const List *groups,
                         GError **error)
{
    if (!record_change(txn, CHANGE_DELETE_GROUPS_OF_BALANCER, NULL, error, balancer_id))
        return false;
    LIST_EACH (const SecurityGroup *, group, groups) {
        const BalancerGroup member = {.balancer_id = balancer_id, .group_id = group->id};
        if (!balancer_group_insert(txn, &member, error))
            return false;
    }
    return true;
}

bool balancer_set_groups(Context *context, const char *name, const List *ids, List *ret_groups,
                         GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Balancer *balancer;
    List groups = {0};
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !balancer_named(context, txn, name, &balancer, error))
        return false;
    if (ids->n == 0)
        return fault_set(error, FAULT_INVALID_CONFIGURATION_REQUEST,
                         "A load balancer must have at least one security group");
    if (!balancer_groups_resolve(context, txn, balancer->vpc_id, ids, &groups, error) ||
        !balancer_groups_put(context, txn, balancer->id, &groups, error) ||
        !balancer_commit(context, &txn, error))
        return false;
    LIST_EACH (const SecurityGroup *, group, &groups)
        list_add(ret_groups, context->arena, group->id);
    return true;
}
