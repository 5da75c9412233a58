/* Classic load balancers: what callers may ask of them. That traffic flows as the records say is
 * the controller's work (cloud/balancer_controller.c).
 *
 * Verbs name a balancer by its name in the caller's account; fault LoadBalancerNotFound. Texts of
 * faults and limits: "Elastic Load Balancing API Reference, 2012-06-01". */
#pragma once

#include "cloud/cloud.h"
#include "cloud/find.h"
#include "cloud/tags.h"

/* AWS's default quotas ("Limits for your Classic Load Balancer"), as DescribeAccountLimits says. */
#define BALANCERS_PER_ACCOUNT 20
#define LISTENERS_PER_BALANCER 100
#define INSTANCES_PER_BALANCER 1000
#define POLICIES_PER_BALANCER 100
#define TAGS_PER_BALANCER 50
#define GROUPS_PER_BALANCER 5

typedef struct ListenerSpec {
    const char *protocol;
    const char *instance_protocol; /* NULL: as protocol, without TLS */
    int64_t port, instance_port;
    const char *certificate; /* ARN; NULL: none */
} ListenerSpec;

typedef struct BalancerSpec {
    const char *name;
    const char *scheme; /* NULL: internet-facing */
    List listeners;     /* of ListenerSpec * */
    List zones;         /* of const char *; exactly one of zones and subnets */
    List subnets;       /* of const char *: ids */
    List groups;        /* of const char *: ids; empty: the one for balancers without groups */
    List tags;          /* of TagPair * */
} BalancerSpec;

/* CreateLoadBalancer; says it again without harm. Faults: DuplicateLoadBalancerName (another of
 * that name is configured otherwise), TooManyLoadBalancers, ValidationError, InvalidScheme, those
 * of listeners, places, groups and tags. */
bool balancer_create(Context *context, const BalancerSpec *spec, const char **ret_dns_name,
                     GError **error);
/* DeleteLoadBalancer: absent is success. */
bool balancer_remove(Context *context, const char *name, GError **error);

typedef struct BalancerPolicyView {
    const BalancerPolicy *policy;
    List attributes; /* of BalancerPolicyAttribute * */
} BalancerPolicyView;

/* A balancer with all that belongs to it but its tags, in the arena. */
typedef struct BalancerView {
    const Balancer *balancer;
    const char *dns_name;
    List listeners; /* of BalancerListener *, by port */
    List servers;   /* of BalancerServer *, by port */
    List places;    /* of BalancerPlace *, by zone */
    List groups;    /* of SecurityGroup * */
    List instances; /* of BalancerInstance *, those that are draining included */
    List policies;  /* of BalancerPolicyView *, by name */
} BalancerView;

/* By name (page->ids; NULL or empty: all), in the order of names. Fault ValidationError: a marker
 * that is not ours. */
bool balancers_find(Context *context, const Page *page, List *ret_views, const char **ret_marker,
                    GError **error);
/* The one of that name. */
bool balancer_find_one(Context *context, const char *name, BalancerView **ret_view, GError **error);

/* ---- listeners ---- */

/* Faults: DuplicateListener (the port has another one), UnsupportedProtocol, CertificateNotFound,
 * InvalidConfigurationRequest, ValidationError. A listener that is there already stays. */
bool balancer_add_listeners(Context *context, const char *name, const List *specs, GError **error);
/* ports: const char *, decimal. Those without listener are passed over. */
bool balancer_remove_listeners(Context *context, const char *name, const List *ports,
                               GError **error);
/* Faults: ListenerNotFound, CertificateNotFound, InvalidConfigurationRequest (not a TLS one). */
bool balancer_set_certificate(Context *context, const char *name, int64_t port,
                              const char *certificate, GError **error);

/* ---- instances ---- */

/* ids: const char *. *ret_ids: of all that are registered then. Fault InvalidInstance. */
bool balancer_register(Context *context, const char *name, const List *ids, List *ret_ids,
                       GError **error);
bool balancer_deregister(Context *context, const char *name, const List *ids, List *ret_ids,
                         GError **error);

typedef struct InstanceHealth {
    const char *instance_id, *state, *reason_code, *description;
} InstanceHealth;

/* What DescribeInstanceHealth tells of these (empty: of all that are registered), InstanceHealth *.
 * Fault InvalidInstance. */
bool balancer_health(Context *context, const char *name, const List *ids, List *ret_healths,
                     GError **error);

typedef struct HealthCheck {
    const char *target;
    int64_t interval, timeout, unhealthy, healthy; /* seconds; counts */
} HealthCheck;

/* Fault ValidationError. */
bool balancer_configure_health(Context *context, const char *name, const HealthCheck *check,
                               GError **error);

/* ---- where it is, and who may come ---- */

/* *ret_zones, *ret_subnets: const char *, those that it has then. Faults: ValidationError (no such
 * zone), InvalidConfigurationRequest, SubnetNotFound, InvalidSubnet. */
bool balancer_enable_zones(Context *context, const char *name, const List *zones, List *ret_zones,
                           GError **error);
bool balancer_disable_zones(Context *context, const char *name, const List *zones, List *ret_zones,
                            GError **error);
bool balancer_attach_subnets(Context *context, const char *name, const List *subnets,
                             List *ret_subnets, GError **error);
bool balancer_detach_subnets(Context *context, const char *name, const List *subnets,
                             List *ret_subnets, GError **error);
/* Fault InvalidSecurityGroup. */
bool balancer_set_groups(Context *context, const char *name, const List *groups, List *ret_groups,
                         GError **error);

/* ---- attributes ---- */

/* What ModifyLoadBalancerAttributes may change; -1 and NULL leave as it is. */
typedef struct BalancerChange {
    int cross_zone, draining, access_log;
    int64_t draining_timeout, idle_timeout, log_interval;
    const char *log_bucket, *log_prefix;
    const char *desync_mode;
} BalancerChange;

/* Faults: ValidationError, InvalidConfigurationRequest (the bucket). */
bool balancer_modify(Context *context, const char *name, const BalancerChange *change,
                     GError **error);

/* ---- policies ---- */

/* attributes: BalancerPolicyAttribute * of which name and value count. Faults:
 * DuplicatePolicyName, PolicyTypeNotFound, TooManyPolicies, InvalidConfigurationRequest,
 * PolicyNotFound (a back-end policy names a key policy that is not there). */
bool balancer_add_policy(Context *context, const char *name, const char *policy, const char *type,
                         const List *attributes, GError **error);
/* Absent is success. Fault InvalidConfigurationRequest: it is in use. */
bool balancer_remove_policy(Context *context, const char *name, const char *policy, GError **error);
/* Faults: ListenerNotFound, PolicyNotFound, InvalidConfigurationRequest. */
bool balancer_set_listener_policies(Context *context, const char *name, int64_t port,
                                    const List *policies, GError **error);
bool balancer_set_server_policies(Context *context, const char *name, int64_t port,
                                  const List *policies, GError **error);
/* BalancerPolicyView *: of a balancer, or, name NULL, the predefined ones; policies empty: all.
 * Fault PolicyNotFound. */
bool balancer_find_policies(Context *context, const char *name, const List *policies,
                            List *ret_views, GError **error);

typedef struct PolicyAttributeType {
    const char *name, *type, *description, *otherwise; /* otherwise: the default value; "": none */
    const char *cardinality;
} PolicyAttributeType;

typedef struct PolicyType {
    const char *name, *description;
    List attributes; /* of PolicyAttributeType * */
} PolicyType;

/* PolicyType *; names empty: all. Fault PolicyTypeNotFound. */
bool balancer_policy_types(Context *context, const List *names, List *ret_types, GError **error);

/* ---- tags ---- */

/* names: const char *: all of them or none. pairs: TagPair *. Faults: DuplicateTagKeys,
 * TooManyTags, ValidationError. */
bool balancer_add_tags(Context *context, const List *names, const List *pairs, GError **error);
/* keys: const char *. */
bool balancer_remove_tags(Context *context, const List *names, const List *keys, GError **error);

typedef struct BalancerTags {
    const char *name;
    List tags; /* of BalancerTag *, by key */
} BalancerTags;
/* BalancerTags *, in the order of names. */
bool balancer_find_tags(Context *context, const List *names, List *ret_tags, GError **error);

/* ---- for the status report ---- */

typedef struct BalancerStatus {
    const BalancerView *view;
    List healths; /* of InstanceHealth * */
} BalancerStatus;
/* BalancerStatus * of an account's balancers. */
bool balancers_status(Cloud *cloud, Txn *txn, Arena *arena, const char *account_id, List *ret_list,
                      GError **error);
