/* The controller of a VPC's rules, public addresses and load balancers: firewall and listeners as
 * the store says.
 *
 * Invariant: each look derives the whole wanted state from the store; the back ends apply what
 * differs. A port of a public address is open exactly when a rule lets some client in.
 *
 * Guests cannot reach public addresses (they may be the host's loopback): for them the name of an
 * instance means its private address, and a load balancer listens a second time, inside. */
#include "cloud/site.h"

#include "base/cidr.h"
#include "base/fault.h"
#include "cloud/addresses.h"
#include "cloud/balancer_controller.h"
#include "cloud/instances.h"
#include "cloud/names.h"
#include <string.h>

/* Listeners that the rules of one address may open: a rule for all ports would open 65,535. Ports
 * that rules name alone and the well-known ones come first (docs/networks.md). */
#define PORTS_PER_ADDRESS 256
#define RULE_NAMES_PORTS 32 /* a rule for so few ports names each */
#define RETRY_AFTER (5 * CLOCK_SECOND)
#define LISTEN_AGAIN_AFTER (30 * CLOCK_SECOND)
#define BALANCER_LISTEN_AGAIN_AFTER (5 * CLOCK_SECOND)
#define PROTOCOL_TCP 6

static const uint16_t well_known_ports[] = {22,   80,   443,  21,   25,   53,   110,  143,   389,
                                            993,  995,  1433, 1521, 2049, 3000, 3306, 3389,  4000,
                                            5000, 5432, 5672, 5900, 5985, 6379, 8000, 8008,  8080,
                                            8081, 8443, 8888, 9000, 9090, 9200, 9418, 11211, 27017};

typedef struct View {
    Site *site;
    Arena *arena;
    List groups, rules, members, enis, alive;
    GHashTable *group_of;  /* group id → FirewallGroup */
    GHashTable *rules_of;  /* group id → List of GroupRule */
    GHashTable *groups_of; /* eni id → List of group ids */
    GHashTable *instances; /* id → Instance: those with a machine */
} View;

static void view_clear(View *view)
{
    g_clear_pointer(&view->group_of, g_hash_table_unref);
    g_clear_pointer(&view->rules_of, g_hash_table_unref);
    g_clear_pointer(&view->groups_of, g_hash_table_unref);
    g_clear_pointer(&view->instances, g_hash_table_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(View, view_clear)

static List *list_of(GHashTable *table, Arena *arena, const char *key)
{
    List *list = g_hash_table_lookup(table, key);
    if (!list) {
        list = arena_new_struct(arena, List);
        g_hash_table_insert(table, (void *)key, list);
    }
    return list;
}

static bool load(View *view, GError **error)
{
    const char *vpc = view->site->vpc_id;
    g_autoptr(Txn) txn = NULL;
    return txn_begin_read(view->site->cloud->config.store, &txn, error) &&
           record_query(txn, view->arena, QUERY_GROUPS_OF_VPC, &view->groups, error, vpc) &&
           record_query(txn, view->arena, QUERY_RULES_OF_VPC, &view->rules, error, vpc) &&
           record_query(txn, view->arena, QUERY_ENI_GROUPS_OF_VPC, &view->members, error, vpc) &&
           record_query(txn, view->arena, QUERY_ENIS_OF_VPC, &view->enis, error, vpc) &&
           record_query(txn, view->arena, QUERY_INSTANCES_ALIVE, &view->alive, error) &&
           txn_commit(&txn, error);
}

static FirewallRule *firewall_rule(Arena *arena, const GroupRule *rule)
{
    FirewallRule *made = arena_new_struct(arena, FirewallRule);
    *made = (FirewallRule){
        .direction = rule->egress ? FIREWALL_EGRESS : FIREWALL_INGRESS,
        .protocol = (int)rule->protocol,
        .from = (int)rule->from_port,
        .to = (int)rule->to_port,
        .cidr = rule->source_group_id ? NULL : rule->cidr,
        .group = rule->source_group_id,
    };
    return made;
}

static void build_groups(View *view, List *groups)
{
    LIST_EACH (const SecurityGroup *, group, &view->groups) {
        FirewallGroup *made = arena_new_struct(view->arena, FirewallGroup);
        made->id = group->id;
        g_hash_table_insert(view->group_of, (void *)group->id, made);
        list_add(groups, view->arena, made);
    }
    LIST_EACH (GroupRule *, rule, &view->rules) {
        FirewallGroup *owner = g_hash_table_lookup(view->group_of, rule->group_id);
        bool known_peer =
            rule->cidr ||
            (rule->source_group_id && g_hash_table_contains(view->group_of, rule->source_group_id));
        if (!owner || !known_peer) /* IPv6 and prefix lists: guests have IPv4 only */
            continue;
        list_add(&owner->rules, view->arena, firewall_rule(view->arena, rule));
        list_add(list_of(view->rules_of, view->arena, rule->group_id), view->arena, rule);
    }
    LIST_EACH (const EniGroup *, member, &view->members)
        list_add(list_of(view->groups_of, view->arena, member->eni_id), view->arena,
                 member->group_id);
    LIST_EACH (const Eni *, eni, &view->enis) {
        LIST_EACH (const char *, id, list_of(view->groups_of, view->arena, eni->id)) {
            FirewallGroup *group = g_hash_table_lookup(view->group_of, id);
            if (group)
                list_add(&group->addresses, view->arena, eni->private_ip);
        }
    }
}

/* The ports of one public address, each with the clients that its rules let in. */
typedef struct Ports {
    Arena *arena;
    GHashTable *listeners; /* port → LbListener */
    List rules;            /* of GroupRule *: tcp, ingress, with a CIDR */
    uint32_t public_address, target;
} Ports;

static void open_port(Ports *ports, uint16_t port)
{
    if (g_hash_table_size(ports->listeners) >= PORTS_PER_ADDRESS ||
        g_hash_table_contains(ports->listeners, GUINT_TO_POINTER(port)))
        return;
    LbListener *listener = arena_new_struct(ports->arena, LbListener);
    listener->address = ports->public_address;
    listener->port = port;
    LIST_EACH (const GroupRule *, rule, &ports->rules) {
        bool all = rule->protocol == FIREWALL_ALL_PROTOCOLS || rule->from_port < 0;
        LbCidr *cidr = arena_new_struct(ports->arena, LbCidr);
        if ((all || (rule->from_port <= port && port <= rule->to_port)) &&
            cidr_parse(rule->cidr, &cidr->network, &cidr->mask))
            list_add(&listener->allowed, ports->arena, cidr);
    }
    if (listener->allowed.n == 0)
        return;
    LbTarget *target = arena_new_struct(ports->arena, LbTarget);
    *target = (LbTarget){.address = ports->target, .port = port};
    list_add(&listener->targets, ports->arena, target);
    g_hash_table_insert(ports->listeners, GUINT_TO_POINTER(port), listener);
}

static void open_ports(Ports *ports)
{
    LIST_EACH (const GroupRule *, rule, &ports->rules) {
        bool all = rule->protocol == FIREWALL_ALL_PROTOCOLS || rule->from_port < 0;
        if (!all && rule->to_port - rule->from_port < RULE_NAMES_PORTS)
            for (int64_t port = MAX(rule->from_port, 1); port <= rule->to_port; port++)
                open_port(ports, (uint16_t)port);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(well_known_ports); i++)
        open_port(ports, well_known_ports[i]);
    LIST_EACH (const GroupRule *, wide, &ports->rules) {
        bool all = wide->protocol == FIREWALL_ALL_PROTOCOLS || wide->from_port < 0;
        for (int64_t port = all ? 1 : MAX(wide->from_port, 1);
             port <= (all ? 65535 : wide->to_port); port++) {
            if (g_hash_table_size(ports->listeners) >= PORTS_PER_ADDRESS)
                return;
            open_port(ports, (uint16_t)port);
        }
    }
}

static void build_address(View *view, const Eni *eni, LbConfig *config)
{
    uint32_t mask, public_address, target;
    if (!cidr_parse(arena_printf(view->arena, "%s/32", eni->public_ip), &public_address, &mask) ||
        !cidr_parse(arena_printf(view->arena, "%s/32", eni->private_ip), &target, &mask))
        return;
    g_autoptr(GHashTable) listeners = g_hash_table_new(NULL, NULL);
    Ports ports = {.arena = view->arena,
                   .listeners = listeners,
                   .public_address = public_address,
                   .target = target};
    LIST_EACH (const char *, group, list_of(view->groups_of, view->arena, eni->id)) {
        LIST_EACH (GroupRule *, rule, list_of(view->rules_of, view->arena, group)) {
            bool tcp = rule->protocol == PROTOCOL_TCP || rule->protocol == FIREWALL_ALL_PROTOCOLS;
            if (!rule->egress && rule->cidr && tcp)
                list_add(&ports.rules, view->arena, rule);
        }
    }
    open_ports(&ports);
    GHashTableIter iterator;
    void *listener;
    g_hash_table_iter_init(&iterator, listeners);
    while (g_hash_table_iter_next(&iterator, NULL, &listener))
        list_add(&config->listeners, view->arena, listener);
}

static void add_addresses(View *view, LbConfig *config)
{
    LIST_EACH (Instance *, instance, &view->alive)
        g_hash_table_insert(view->instances, (void *)instance->id, instance);
    LIST_EACH (const Eni *, eni, &view->enis) {
        const Instance *owner =
            eni->instance_id ? g_hash_table_lookup(view->instances, eni->instance_id) : NULL;
        if (eni->public_ip && owner && owner->state != INSTANCE_PENDING)
            build_address(view, eni, config);
    }
}

/* ---- for guests ---- */

/* What the balancer's groups say of other groups holds inside, where their members come from
 * addresses of their own. */
static void let_members_in(View *view, const BalancerView *balancer, LbListener *listener)
{
    LIST_EACH (const SecurityGroup *, group, &balancer->groups) {
        LIST_EACH (const GroupRule *, rule, list_of(view->rules_of, view->arena, group->id)) {
            bool all = rule->protocol == FIREWALL_ALL_PROTOCOLS || rule->from_port < 0;
            bool tcp = all || rule->protocol == PROTOCOL_TCP;
            if (rule->egress || !rule->source_group_id || !tcp ||
                (!all && (listener->port < rule->from_port || rule->to_port < listener->port)))
                continue;
            const FirewallGroup *source =
                g_hash_table_lookup(view->group_of, rule->source_group_id);
            LIST_EACH (const char *, address, &source->addresses) {
                LbCidr *member = arena_new_struct(view->arena, LbCidr);
                if (cidr_parse(arena_printf(view->arena, "%s/32", address), &member->network,
                               &member->mask))
                    list_add(&listener->allowed, view->arena, member);
            }
        }
    }
}

static void add_inside(View *view, const List *planned, LbConfig *config)
{
    if (!view->site->has_services)
        return;
    LIST_EACH (const PlannedListener *, plan, planned) {
        if (!plan->listener)
            continue;
        LbListener *twin = arena_new_struct(view->arena, LbListener);
        *twin = *plan->listener;
        twin->address = name_inside_address(plan->listener->address);
        twin->inside = true;
        twin->allowed = (List){0};
        LIST_EACH (const LbCidr *, client, &plan->listener->allowed)
            list_add(&twin->allowed, view->arena, client);
        let_members_in(view, plan->view, twin);
        list_add(&config->listeners, view->arena, twin);
    }
}

static NetworkName *add_name(View *view, const char *address, List *names)
{
    NetworkName *name = arena_new_struct(view->arena, NetworkName);
    name->address = address;
    list_add(names, view->arena, name);
    return name;
}

/* The private name comes first: it is what the address is called. */
static void add_instance_name(View *view, const Eni *eni, List *names)
{
    Arena *arena = view->arena;
    NetworkName *name = add_name(view, eni->private_ip, names);
    list_add(&name->names, arena, address_private_name(arena, eni->private_ip));
    list_add(&name->names, arena,
             address_public_name(arena, eni->public_ip, cloud_dns_suffix(view->site->cloud)));
}

static bool apply_names(View *view, const BalancerPlan *plan, GError **error)
{
    Site *site = view->site;
    List names = {0};
    LIST_EACH (const Eni *, eni, &view->enis) {
        if (eni->public_ip)
            add_instance_name(view, eni, &names);
    }
    LIST_EACH (const BalancerView *, balancer, balancer_plan_views(plan)) {
        uint32_t address, mask;
        if (!site->has_services ||
            !cidr_parse(arena_printf(view->arena, "%s/32", balancer->balancer->address), &address,
                        &mask))
            continue;
        NetworkName *name =
            add_name(view, address_text(view->arena, name_inside_address(address)), &names);
        list_add(&name->names, view->arena, balancer->dns_name);
    }
    return site->cloud->config.network->set_names(site->network, &names, error);
}

static bool is_balancers(const List *planned, const LbFailure *failure)
{
    LIST_EACH (const PlannedListener *, listener, planned) {
        if (listener->listener == failure->listener)
            return true;
    }
    return false;
}

/* Of load balancers the record tells. */
static void warn(View *view, const List *failures, const List *planned, int64_t *again)
{
    LIST_EACH (const LbFailure *, failure, failures) {
        if (is_balancers(planned, failure))
            continue;
        g_warning("cannot listen on %s port %u: %s%s",
                  address_text(view->arena, failure->listener->address), failure->listener->port,
                  g_strerror(failure->error),
                  failure->error == EACCES
                      ? "; an ordinary user may not open ports below 1024: lower "
                        "net.ipv4.ip_unprivileged_port_start, or start the daemon as root"
                      : "");
        *again = MIN(*again, cloud_now(view->site->cloud) + LISTEN_AGAIN_AFTER);
    }
}

/* Public addresses of instances, and load balancers. */
static bool apply_listeners(View *view, int64_t *again, GError **error)
{
    Site *site = view->site;
    LbConfig config = {0};
    List planned = {0}, failures = {0};
    g_autoptr(BalancerPlan) plan = NULL;
    bool retry;
    if (!balancer_plan_load(site, view->arena, &plan, error))
        return false;
    add_addresses(view, &config);
    balancer_plan_listeners(plan, &config, &planned);
    add_inside(view, &planned, &config);
    int status = lb_apply(site->lb, &config, view->arena, &failures);
    if (status < 0)
        return trouble_set_errno(error, -status, "cannot set the listeners");
    warn(view, &failures, &planned, again);
    if (!apply_names(view, plan, error))
        return false;
    if (!balancers_record_failures(site, &planned, &failures, &retry, error))
        return false;
    if (retry)
        *again = MIN(*again, cloud_now(site->cloud) + BALANCER_LISTEN_AGAIN_AFTER);
    return true;
}

int64_t network_step(void *data, const char *unused)
{
    Site *site = data;
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(GError) error = NULL;
    g_auto(View) view = {
        .site = site,
        .arena = arena,
        .group_of = g_hash_table_new(g_str_hash, g_str_equal),
        .rules_of = g_hash_table_new(g_str_hash, g_str_equal),
        .groups_of = g_hash_table_new(g_str_hash, g_str_equal),
        .instances = g_hash_table_new(g_str_hash, g_str_equal),
    };
    List groups = {0};
    if (!load(&view, &error)) {
        g_warning("%s: %s", site->vpc_id, error->message);
        return cloud_now(site->cloud) + RETRY_AFTER;
    }
    build_groups(&view, &groups);
    if (!site->cloud->config.network->set_firewall(site->network, &groups, &error)) {
        g_warning("%s: security groups: %s", site->vpc_id, error->message);
        return cloud_now(site->cloud) + RETRY_AFTER;
    }
    int64_t again = WORK_DONE;
    if (!apply_listeners(&view, &again, &error)) {
        g_warning("%s: %s", site->vpc_id, error->message);
        return cloud_now(site->cloud) + RETRY_AFTER;
    }
    return again;
}
