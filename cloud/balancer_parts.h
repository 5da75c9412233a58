/* What the files of balancers share. Private to cloud/. */
#pragma once

#include "cloud/balancers.h"

/* The caller's balancer of that name, inside a transaction. Fault LoadBalancerNotFound. */
bool balancer_named(Context *context, Txn *txn, const char *name, Balancer **ret_balancer,
                    GError **error);
/* BalancerView * of each of the balancers (Balancer *), in their order, read with one statement a
 * kind of thing. */
bool balancer_views(Cloud *cloud, Txn *txn, Arena *arena, const List *balancers, List *ret_views,
                    GError **error);
bool balancer_view(Context *context, Txn *txn, const Balancer *balancer, BalancerView **ret_view,
                   GError **error);

/* Ports as keys: five digits. */
const char *balancer_port_key(Arena *arena, int64_t port);

/* Commits and has the controllers look at all balancers again. */
bool balancer_commit(Context *context, Txn **txn, GError **error);

/* A listener as it is to be kept, from what a request says; its balancer and policies are left out.
 * Faults as balancer_add_listeners but DuplicateListener. */
bool balancer_listener_make(Context *context, Txn *txn, const ListenerSpec *spec,
                            BalancerListener *ret_listener, GError **error);
bool balancer_listeners_add(Context *context, Txn *txn, const Balancer *balancer, const List *specs,
                            GError **error);
bool listener_is_secure(const char *protocol); /* SSL, HTTPS */
bool listener_is_http(const char *protocol);   /* HTTP, HTTPS */

/* BalancerPlace * without their balancer, of zones of the default VPC or of subnets of one VPC,
 * whose id is *ret_vpc. Faults as balancer_create. */
bool balancer_places_resolve(Context *context, Txn *txn, const List *zones, const List *subnets,
                             List *ret_places, const char **ret_vpc_id, GError **error);
/* SecurityGroup * of the VPC; ids empty: the one for balancers without groups, made when it is not
 * there. */
bool balancer_groups_resolve(Context *context, Txn *txn, const char *vpc_id, const List *ids,
                             List *ret_groups, GError **error);
/* That one, as in AWS's default VPCs. */
bool balancer_open_group(Context *context, Txn *txn, const char *vpc_id, SecurityGroup **ret_group,
                         GError **error);
bool balancer_groups_put(Context *context, Txn *txn, const char *balancer_id, const List *groups,
                         GError **error);

/* The name of the policy type with what it is of. */
bool policy_is_of(const BalancerView *view, const char *policy, const char *type);
/* The policy that every TLS listener has when nothing else is said; added to the balancer when it
 * does not have it. */
bool balancer_default_tls_policy(Context *context, Txn *txn, const char *balancer_id,
                                 const char **ret_name, GError **error);

bool balancer_tags_put(Context *context, Txn *txn, const char *balancer_id, const List *pairs,
                       GError **error);

/* "HTTP:80/path" as the parts that a probe needs. Fault ValidationError. */
typedef struct HealthTarget {
    const char *protocol; /* TCP, SSL, HTTP, HTTPS */
    uint16_t port;
    const char *path; /* HTTP, HTTPS: begins with a slash; else NULL */
} HealthTarget;
bool health_target_parse(Arena *arena, const char *text, HealthTarget *ret_target, GError **error);

/* What is said of an instance. member NULL: not registered; instance NULL: gone long ago. */
InstanceHealth instance_health(const BalancerView *view, const BalancerInstance *member,
                               const Instance *instance);
/* Traffic may be sent to it. */
bool instance_is_in_service(const BalancerView *view, const BalancerInstance *member,
                            const Instance *instance);
