/* From records of load balancers to a configuration of the data plane.
 *
 * Invariants: what is planned depends on nothing but one snapshot of the store; an instance is
 * connected to only where its security groups let the balancer in, since the daemon's own packets
 * pass no firewall. */
#include "cloud/balancer_plan.h"

#include "base/cidr.h"
#include "cloud/balancer_policy_types.h"
#include "cloud/server_certificates.h"
#include <stdlib.h>
#include <string.h>

#define PROTOCOL_TCP 6

struct BalancerPlan {
    Site *site;
    Arena *arena;
    List views, members;
    List subnets;             /* of Subnet * */
    GHashTable *instances;    /* id → Instance */
    GHashTable *enis;         /* instance id → Eni: its first */
    GHashTable *groups_of;    /* eni id → List of group ids */
    GHashTable *rules_of;     /* group id → List of GroupRule: those for TCP to come in */
    GHashTable *certificates; /* ARN → ServerCertificate */
};

void balancer_plan_free(BalancerPlan *plan)
{
    if (!plan)
        return;
    g_hash_table_unref(plan->instances);
    g_hash_table_unref(plan->enis);
    g_hash_table_unref(plan->groups_of);
    g_hash_table_unref(plan->rules_of);
    g_hash_table_unref(plan->certificates);
}

static List *list_of(GHashTable *table, Arena *arena, const char *key)
{
    List *list = g_hash_table_lookup(table, key);
    if (!list) {
        list = arena_new_struct(arena, List);
        g_hash_table_insert(table, (void *)key, list);
    }
    return list;
}

/* ---- loading ---- */

static bool load_certificates(BalancerPlan *plan, Txn *txn, GError **error)
{
    LIST_EACH (const BalancerView *, view, &plan->views) {
        LIST_EACH (const BalancerListener *, listener, &view->listeners) {
            ServerCertificate *certificate;
            if (!listener->certificate)
                continue;
            if (!server_certificate_by_arn(txn, plan->arena, listener->certificate, &certificate,
                                           error))
                return false;
            g_hash_table_insert(plan->certificates, (void *)listener->certificate, certificate);
        }
    }
    return true;
}

static bool load_network(BalancerPlan *plan, Txn *txn, GError **error)
{
    const char *vpc = plan->site->vpc_id;
    Arena *arena = plan->arena;
    List enis = {0}, members = {0}, rules = {0}, instances = {0};
    if (!record_query(txn, arena, QUERY_SUBNETS_OF_VPC, &plan->subnets, error, vpc) ||
        !record_query(txn, arena, QUERY_INSTANCES_OF_BALANCERS, &instances, error, vpc) ||
        !record_query(txn, arena, QUERY_ENIS_OF_VPC, &enis, error, vpc) ||
        !record_query(txn, arena, QUERY_ENI_GROUPS_OF_VPC, &members, error, vpc) ||
        !record_query(txn, arena, QUERY_RULES_OF_VPC, &rules, error, vpc))
        return false;
    LIST_EACH (Instance *, instance, &instances)
        g_hash_table_insert(plan->instances, (void *)instance->id, instance);
    LIST_EACH (Eni *, eni, &enis) {
        if (eni->instance_id && eni->device_index == 0)
            g_hash_table_insert(plan->enis, (void *)eni->instance_id, eni);
    }
    LIST_EACH (const EniGroup *, member, &members)
        list_add(list_of(plan->groups_of, arena, member->eni_id), arena, member->group_id);
    LIST_EACH (const GroupRule *, rule, &rules) {
        bool tcp = rule->protocol == PROTOCOL_TCP || rule->protocol == FIREWALL_ALL_PROTOCOLS;
        if (!rule->egress && tcp)
            list_add(list_of(plan->rules_of, arena, rule->group_id), arena, rule);
    }
    return true;
}

static bool address_of(Arena *arena, const char *text, uint32_t *ret_address)
{
    uint32_t mask;
    return text && cidr_parse(arena_printf(arena, "%s/32", text), ret_address, &mask);
}

static void add_members(BalancerPlan *plan)
{
    LIST_EACH (const BalancerView *, view, &plan->views) {
        LIST_EACH (const BalancerInstance *, record, &view->instances) {
            BalancerMember *member = arena_new_struct(plan->arena, BalancerMember);
            member->view = view;
            member->record = record;
            member->instance = g_hash_table_lookup(plan->instances, record->instance_id);
            const Eni *eni = g_hash_table_lookup(plan->enis, record->instance_id);
            if (!member->instance || member->instance->state != INSTANCE_RUNNING || !eni ||
                !address_of(plan->arena, eni->private_ip, &member->address))
                member->address = 0;
            list_add(&plan->members, plan->arena, member);
        }
    }
}

bool balancer_plan_load(Site *site, Arena *arena, BalancerPlan **ret_plan, GError **error)
{
    g_autoptr(BalancerPlan) plan = arena_new_struct(arena, BalancerPlan);
    plan->site = site;
    plan->arena = arena;
    plan->instances = g_hash_table_new(g_str_hash, g_str_equal);
    plan->enis = g_hash_table_new(g_str_hash, g_str_equal);
    plan->groups_of = g_hash_table_new(g_str_hash, g_str_equal);
    plan->rules_of = g_hash_table_new(g_str_hash, g_str_equal);
    plan->certificates = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(Txn) txn = NULL;
    List balancers = {0};
    if (!txn_begin_read(site->cloud->config.store, &txn, error) ||
        !record_query(txn, arena, QUERY_BALANCERS_OF_VPC, &balancers, error, site->vpc_id) ||
        !balancer_views(site->cloud, txn, arena, &balancers, &plan->views, error) ||
        (balancers.n > 0 &&
         (!load_network(plan, txn, error) || !load_certificates(plan, txn, error))) ||
        !txn_commit(&txn, error))
        return false;
    add_members(plan);
    *ret_plan = g_steal_pointer(&plan);
    return true;
}

const List *balancer_plan_views(const BalancerPlan *plan)
{
    return &plan->views;
}

const List *balancer_plan_members(const BalancerPlan *plan)
{
    return &plan->members;
}

/* ---- who may come to whom ---- */

static bool has_port(const GroupRule *rule, uint16_t port)
{
    return rule->protocol == FIREWALL_ALL_PROTOCOLS || rule->from_port < 0 ||
           (rule->from_port <= port && port <= rule->to_port);
}

/* In each of its subnets a balancer has the router's address. */
static bool comes_from(const BalancerPlan *plan, const BalancerView *view, const char *cidr)
{
    uint32_t network, mask, subnet_network, subnet_mask;
    if (!cidr_parse(cidr, &network, &mask))
        return false;
    LIST_EACH (const BalancerPlace *, place, &view->places) {
        LIST_EACH (const Subnet *, subnet, &plan->subnets) {
            if (strcmp(subnet->id, place->subnet_id) == 0 &&
                cidr_parse(subnet->cidr, &subnet_network, &subnet_mask) &&
                ((subnet_network + 1) & mask) == network)
                return true;
        }
    }
    return false;
}

static bool is_in_group(const BalancerView *view, const char *group_id)
{
    LIST_EACH (const SecurityGroup *, group, &view->groups) {
        if (strcmp(group->id, group_id) == 0)
            return true;
    }
    return false;
}

bool balancer_plan_lets_in(const BalancerPlan *plan, const BalancerMember *member, uint16_t port)
{
    const Eni *eni = g_hash_table_lookup(plan->enis, member->record->instance_id);
    if (!eni)
        return false;
    LIST_EACH (const char *, group, list_of(plan->groups_of, plan->arena, eni->id)) {
        LIST_EACH (const GroupRule *, rule, list_of(plan->rules_of, plan->arena, group)) {
            bool from = rule->source_group_id ? is_in_group(member->view, rule->source_group_id)
                        : rule->cidr          ? comes_from(plan, member->view, rule->cidr)
                                              : false;
            if (from && has_port(rule, port))
                return true;
        }
    }
    return false;
}

/* LbCidr * of the clients that the balancer's groups let in. */
static void add_allowed(const BalancerPlan *plan, const BalancerView *view, uint16_t port,
                        List *ret_allowed)
{
    LIST_EACH (const SecurityGroup *, group, &view->groups) {
        LIST_EACH (const GroupRule *, rule, list_of(plan->rules_of, plan->arena, group->id)) {
            LbCidr *cidr = arena_new_struct(plan->arena, LbCidr);
            if (rule->cidr && has_port(rule, port) &&
                cidr_parse(rule->cidr, &cidr->network, &cidr->mask))
                list_add(ret_allowed, plan->arena, cidr);
        }
    }
}

/* ---- listeners ---- */

static LbProtocol lb_protocol(const char *protocol)
{
    if (listener_is_http(protocol))
        return listener_is_secure(protocol) ? LB_HTTPS : LB_HTTP;
    return listener_is_secure(protocol) ? LB_SSL : LB_TCP;
}

/* The policy of that type among "a b c"; NULL: there is none. */
static const BalancerPolicyView *policy_among(const BalancerView *view, const char *names,
                                              const char *type)
{
    g_auto(GStrv) words = g_strsplit(names, " ", -1);
    LIST_EACH (const BalancerPolicyView *, policy, &view->policies) {
        if (g_strv_contains((const char *const *)words, policy->policy->name) &&
            strcmp(policy->policy->type, type) == 0)
            return policy;
    }
    return NULL;
}

static const char *server_policies(const BalancerView *view, int64_t port)
{
    LIST_EACH (const BalancerServer *, server, &view->servers) {
        if (atoi(server->port) == port)
            return server->policies;
    }
    return "";
}

static void set_stickiness(const BalancerView *view, const BalancerListener *record,
                           LbListener *listener)
{
    const BalancerPolicyView *by_cookie = policy_among(view, record->policies, POLICY_APP_COOKIE);
    const BalancerPolicyView *by_time = policy_among(view, record->policies, POLICY_LB_COOKIE);
    if (by_cookie) {
        listener->stickiness = LB_STICKY_APPLICATION;
        listener->sticky_cookie = policy_value(by_cookie, "CookieName");
    } else if (by_time) {
        const char *seconds = policy_value(by_time, "CookieExpirationPeriod");
        listener->stickiness = LB_STICKY_BALANCER;
        listener->sticky_seconds = seconds ? (unsigned)strtoul(seconds, NULL, 10) : 0;
    }
}

/* Why not, or NULL. */
static const char *set_tls(BalancerPlan *plan, const BalancerView *view,
                           const BalancerListener *record, LbListener *listener)
{
    if (!listener_is_secure(record->protocol))
        return NULL;
    const ServerCertificate *certificate =
        g_hash_table_lookup(plan->certificates, record->certificate);
    if (!certificate)
        return "its certificate is not there any more";
    TlsIdentity *identity = arena_new_struct(plan->arena, TlsIdentity);
    *identity = (TlsIdentity){certificate->body, certificate->chain, certificate->private_key};
    TlsServerOptions *tls = arena_new_struct(plan->arena, TlsServerOptions);
    list_add(&tls->identities, plan->arena, identity);
    const BalancerPolicyView *policy = policy_among(view, record->policies, POLICY_SSL_NEGOTIATION);
    tls->policy = policy ? policy_tls(plan->arena, policy) : NULL;
    listener->tls = tls;
    return NULL;
}

static void set_target_side(BalancerPlan *plan, const BalancerView *view,
                            const BalancerListener *record, LbListener *listener)
{
    const char *policies = server_policies(view, record->instance_port);
    const BalancerPolicyView *proxy = policy_among(view, policies, POLICY_PROXY_PROTOCOL);
    const char *on = proxy ? policy_value(proxy, "ProxyProtocol") : NULL;
    listener->proxy_protocol = on && g_ascii_strcasecmp(on, "true") == 0;
    const BalancerPolicyView *trust = policy_among(view, policies, POLICY_BACKEND_AUTHENTICATION);
    if (!trust || !listener_is_secure(record->instance_protocol))
        return;
    TlsClientOptions *tls = arena_new_struct(plan->arena, TlsClientOptions);
    LIST_EACH (const BalancerPolicyAttribute *, attribute, &trust->attributes) {
        const BalancerPolicyView *key = policy_among(view, attribute->value, POLICY_PUBLIC_KEY);
        const char *text = key ? policy_value(key, "PublicKey") : NULL;
        if (text)
            list_add(&tls->public_keys, plan->arena, text);
    }
    listener->target_tls = tls;
}

static void add_targets(BalancerPlan *plan, const BalancerView *view, uint16_t port,
                        List *ret_targets)
{
    LIST_EACH (const BalancerMember *, member, &plan->members) {
        if (member->view != view || !member->address || !balancer_plan_lets_in(plan, member, port))
            continue;
        LbTarget *target = arena_new_struct(plan->arena, LbTarget);
        *target = (LbTarget){
            .address = member->address,
            .port = port,
            .out_of_service = !instance_is_in_service(view, member->record, member->instance),
            .draining = member->record->draining_until != 0,
            .id = member->record->instance_id,
            .zone = member->instance->zone,
        };
        list_add(ret_targets, plan->arena, target);
    }
}

static PlannedListener *plan_listener(BalancerPlan *plan, const BalancerView *view,
                                      const BalancerListener *record)
{
    const Balancer *balancer = view->balancer;
    LbListener *listener = arena_new_struct(plan->arena, LbListener);
    PlannedListener *planned = arena_new_struct(plan->arena, PlannedListener);
    *planned = (PlannedListener){.record = record, .view = view};
    *listener = (LbListener){
        .port = (uint16_t)atoi(record->port),
        .protocol = lb_protocol(record->protocol),
        .target_protocol = lb_protocol(record->instance_protocol),
        .idle_seconds = (unsigned)balancer->idle_timeout,
        .drain_seconds = balancer->draining ? (unsigned)balancer->draining_timeout : 0,
        .zonal = !balancer->cross_zone,
        .balancer = balancer->id,
        .log_name = balancer->access_log ? balancer->name : NULL,
    };
    if (!address_of(plan->arena, balancer->address, &listener->address)) {
        planned->why = "its address is none";
        return planned;
    }
    planned->why = set_tls(plan, view, record, listener);
    if (planned->why)
        return planned;
    set_stickiness(view, record, listener);
    set_target_side(plan, view, record, listener);
    add_allowed(plan, view, listener->port, &listener->allowed);
    add_targets(plan, view, (uint16_t)record->instance_port, &listener->targets);
    planned->listener = listener;
    return planned;
}

void balancer_plan_listeners(BalancerPlan *plan, LbConfig *config, List *ret_planned)
{
    LIST_EACH (const BalancerView *, view, &plan->views) {
        LIST_EACH (const BalancerListener *, record, &view->listeners) {
            const PlannedListener *planned = plan_listener(plan, view, record);
            if (planned->listener)
                list_add(&config->listeners, plan->arena, planned->listener);
            list_add(ret_planned, plan->arena, planned);
        }
    }
}

/* ---- probes ---- */

static ProbeProtocol probe_protocol(const char *protocol)
{
    if (listener_is_http(protocol))
        return listener_is_secure(protocol) ? PROBE_HTTPS : PROBE_HTTP;
    return listener_is_secure(protocol) ? PROBE_SSL : PROBE_TCP;
}

static bool is_served(const BalancerMember *member)
{
    LIST_EACH (const BalancerPlace *, place, &member->view->places) {
        if (strcmp(place->zone, member->instance->zone) == 0)
            return true;
    }
    return false;
}

void balancer_plan_probes(BalancerPlan *plan, List *ret_targets)
{
    LIST_EACH (const BalancerMember *, member, &plan->members) {
        const Balancer *balancer = member->view->balancer;
        HealthTarget target;
        if (!member->address || member->record->draining_until || !is_served(member) ||
            !health_target_parse(plan->arena, balancer->health_target, &target, NULL) ||
            !balancer_plan_lets_in(plan, member, target.port))
            continue;
        ProbeTarget *probe = arena_new_struct(plan->arena, ProbeTarget);
        *probe = (ProbeTarget){
            .balancer = balancer->id,
            .id = member->record->instance_id,
            .address = member->address,
            .port = target.port,
            .protocol = probe_protocol(target.protocol),
            .path = target.path,
            .interval_ms = (unsigned)balancer->health_interval * 1000,
            .timeout_ms = (unsigned)balancer->health_timeout * 1000,
            .healthy = (unsigned)balancer->healthy_threshold,
            .unhealthy = (unsigned)balancer->unhealthy_threshold,
            .was_in_service = member->record->health == BALANCER_HEALTH_HEALTHY,
        };
        list_add(ret_targets, plan->arena, probe);
    }
}
