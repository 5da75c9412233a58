/* The network backend of namespaces: see backends/network.h.
 *
 * Two threads: `outside` stays where open() was called; `inside` is in the namespace, may pass
 * capabilities on to its children, and makes every change, one after the other. So nothing here
 * needs a lock.
 *
 * Invariant: each step is idempotent and ordered so that what is recorded is at least what is
 * there. open() runs all steps over whatever it finds; after a crash at any point the next open()
 * completes, or removes, what was half made. */
#include "backends/network.h"
#include "backends/netns/bridge.h"
#include "backends/netns/capabilities.h"
#include "backends/netns/dns.h"
#include "backends/netns/firewall.h"
#include "backends/netns/holder.h"
#include "backends/netns/neighbours.h"
#include "backends/netns/nics.h"
#include "backends/netns/rtnl.h"
#include "backends/netns/wayout.h"
#include "backends/netns/worker.h"
#include "base/fault.h"
#include "base/file.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

struct Network {
    Arena *arena; /* of plan */
    Plan plan;
    Worker *outside;
    Worker *inside;
    int netns;
    /* The rest is used by the worker inside only. */
    int rtnl;
    Nics *nics;
    Firewall *firewall;
    char *no_way_out; /* why there is none; NULL: there is one */
};

/* One call that runs inside. */
typedef struct Call {
    Network *network;
    Arena *arena;
    const NetworkNic *nic;
    const char *nic_id;
    const List *groups, *names;
    const char *tap;
    List ids;
    NetworkInfo info;
    bool ok;
    GError *error;
} Call;

static bool run_inside(Network *network, WorkerFn fn, Call *call, GError **error)
{
    call->network = network;
    worker_run(network->inside, fn, call);
    if (!call->ok)
        g_propagate_error(error, call->error);
    return call->ok;
}

/* Taps that no record names, from a crash between unplug's steps. */
static bool remove_stray_taps(Network *network, GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    List links;
    if (!rtnl_list_links(network->rtnl, arena, &links, error))
        return false;
    LIST_EACH (const char *, name, &links) {
        if (g_str_has_prefix(name, TAP_PREFIX) && !nics_find_tap(network->nics, name) &&
            !rtnl_remove_link(network->rtnl, name, error))
            return false;
    }
    return true;
}

/* A new namespace has no taps, so what the records say of an earlier one (before a reboot) is
 * void; in one that was found, taps that are missing are made again. */
static bool settle_nics(Network *network, bool is_new, GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    List list;
    nics_list(network->nics, arena, &list);
    LIST_EACH (const Nic *, nic, &list) {
        if (is_new ? !nics_remove(network->nics, nic->id, error) : !tap_make(nic->tap, error))
            return false;
    }
    return remove_stray_taps(network, error);
}

static bool connect_taps(Network *network, GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    List list;
    nics_list(network->nics, arena, &list);
    LIST_EACH (const Nic *, nic, &list) {
        if (!tap_connect(network->rtnl, nic->tap, nic->mac, error))
            return false;
    }
    return true;
}

/* The order matters: rules before any traffic, the way out before dnsmasq, which must know
 * whether there is one. */
static bool set_up_inside(Network *network, GError **error)
{
    const uint32_t passed_on =
        CAPABILITY(CAP_NET_ADMIN) | CAPABILITY(CAP_NET_RAW) | CAPABILITY(CAP_NET_BIND_SERVICE);
    const Plan *plan = &network->plan;
    bool is_new;
    if (!holder_enter(plan->run_dir, &network->netns, &is_new, error) ||
        !capabilities_pass_on(passed_on, error) || !rtnl_open(&network->rtnl, error) ||
        !nics_open(plan->run_dir, &network->nics, error) || !settle_nics(network, is_new, error) ||
        !firewall_open(plan, network->nics, &network->firewall, error) ||
        !bridge_set_up(network->rtnl, plan, error) || !connect_taps(network, error))
        return false;
    if (!way_out_open(plan, holder_find(plan->run_dir), network->rtnl, network->outside,
                      &network->no_way_out, error))
        return false;
    return dns_open(plan, network->nics, !network->no_way_out, error);
}

static void open_inside(void *data)
{
    Call *call = data;
    call->ok = set_up_inside(call->network, &call->error);
}

static void network_free(Network *network)
{
    worker_free(network->inside);
    worker_free(network->outside);
    firewall_free(network->firewall);
    nics_free(network->nics);
    g_free(network->no_way_out);
    autofd_clear(&network->rtnl);
    autofd_clear(&network->netns);
    arena_free(network->arena);
    g_free(network);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Network, network_free)

static bool netns_open(const NetworkConfig *config, Network **ret_network, GError **error)
{
    g_autoptr(Network) network = g_new0(Network, 1);
    network->netns = -1;
    network->rtnl = -1;
    network->arena = arena_new();
    if (!plan_make(config, network->arena, &network->plan, error) ||
        !file_make_directory(network->plan.run_dir, error))
        return false;
    network->outside = worker_new("net-outside");
    network->inside = worker_new("net-inside");
    if (!run_inside(network, open_inside, &(Call){0}, error)) {
        g_prefix_error(error, "network %s: ", config->id);
        return false;
    }
    *ret_network = g_steal_pointer(&network);
    return true;
}

/* As much as can be taken down is; a part that fails does not keep the rest. */
static void take_down(void *data)
{
    Call *call = data;
    Network *network = call->network;
    g_autoptr(Arena) arena = arena_new();
    List links;
    dns_end(&network->plan, NULL);
    way_out_end(&network->plan, holder_find(network->plan.run_dir), NULL);
    rtnl_remove_ports(network->rtnl, NULL);
    if (rtnl_list_links(network->rtnl, arena, &links, NULL)) {
        LIST_EACH (const char *, name, &links) {
            if (g_str_has_prefix(name, TAP_PREFIX) || g_str_equal(name, BRIDGE))
                rtnl_remove_link(network->rtnl, name, NULL);
        }
    }
    if (holder_end(network->plan.run_dir, NULL))
        file_remove_tree(network->plan.run_dir, NULL);
    call->ok = true;
}

static void netns_close(Network *network, bool keep)
{
    if (!network)
        return;
    if (!keep)
        run_inside(network, take_down, &(Call){0}, NULL);
    network_free(network);
}

static void describe_inside(void *data)
{
    Call *call = data;
    Network *network = call->network;
    char router[IPV4_TEXT_SIZE];
    if (!network->no_way_out && !way_out_is_open(&network->plan))
        network->no_way_out = g_strdup("pasta has ended");
    call->info = (NetworkInfo){
        .backend = "netns",
        .router = arena_strdup(call->arena, ipv4_format(plan_router(&network->plan, 0), router)),
        .way_out = network->no_way_out ? arena_printf(call->arena, "none: %s", network->no_way_out)
                                       : "pasta",
    };
    call->ok = true;
}

static bool netns_describe(Network *network, Arena *arena, NetworkInfo *ret_info, GError **error)
{
    Call call = {.arena = arena};
    if (!run_inside(network, describe_inside, &call, error))
        return false;
    *ret_info = call.info;
    return true;
}

static bool netns_enter(Network *network, GError **error)
{
    if (setns(network->netns, CLONE_NEWNET) < 0)
        return trouble_set_errno(error, errno, "cannot enter network %s", network->plan.id);
    return true;
}

static void netns_run_outside(Network *network, void (*fn)(void *data), void *data)
{
    worker_run(network->outside, fn, data);
}

static bool unplug(Network *network, const char *nic_id, GError **error)
{
    const Nic *nic = nics_find(network->nics, nic_id);
    if (!nic)
        return true;
    return rtnl_remove_link(network->rtnl, nic->tap, error) &&
           firewall_dismiss(network->firewall, nic, error) &&
           dns_remove(&network->plan, nic, error) && nics_remove(network->nics, nic_id, error);
}

static bool check_nic(const Network *network, const NetworkNic *wanted, const char *mac, Nic *nic,
                      GError **error)
{
    uint8_t bytes[MAC_BYTES];
    uint32_t address;
    if (!id_is_plain(wanted->id) || !mac_parse(wanted->mac, bytes) || (bytes[0] & 1) ||
        !dns_name_is_plain(wanted->hostname))
        return trouble_set(error, "interface '%s': wrong id, MAC '%s' or host name '%s'",
                           wanted->id, wanted->mac, wanted->hostname);
    int subnet =
        ipv4_parse(wanted->address, &address) ? plan_find_subnet(&network->plan, address) : -1;
    if (subnet < 0 || address == plan_router(&network->plan, (size_t)subnet))
        return trouble_set(error, "interface %s: %s is no guest's address in network %s",
                           wanted->id, wanted->address, network->plan.id);
    *nic = (Nic){.id = (char *)wanted->id,
                 .tap = nic->tap,
                 .mac = (char *)mac,
                 .address = address,
                 .hostname = (char *)wanted->hostname};
    const Nic *other = nics_find_address(network->nics, address);
    if (other && !g_str_equal(other->id, nic->id))
        return trouble_set(error, "interface %s: %s is the address of %s", nic->id, wanted->address,
                           other->id);
    other = nics_find_tap(network->nics, nic->tap);
    if (other && !g_str_equal(other->id, nic->id))
        return trouble_set(error, "interface %s: its device name is that of %s", nic->id,
                           other->id);
    return true;
}

static bool is_same(const Nic *a, const Nic *b)
{
    return g_str_equal(a->mac, b->mac) && a->address == b->address &&
           g_str_equal(a->hostname, b->hostname);
}

static bool plug(Network *network, Arena *arena, const NetworkNic *wanted, const char **ret_tap,
                 GError **error)
{
    g_autofree char *mac = g_ascii_strdown(wanted->mac, -1);
    Nic nic = {.tap = tap_name(arena, wanted->id)};
    if (!check_nic(network, wanted, mac, &nic, error))
        return false;
    const Nic *there = nics_find(network->nics, nic.id);
    if (there && !is_same(there, &nic)) {
        if (!unplug(network, nic.id, error))
            return false;
        there = NULL;
    }
    if ((!there && !nics_add(network->nics, &nic, error)) || !tap_make(nic.tap, error) ||
        !firewall_admit(network->firewall, &nic, error) || !dns_add(&network->plan, &nic, error) ||
        !tap_connect(network->rtnl, nic.tap, nic.mac, error))
        return false;
    *ret_tap = nic.tap;
    return true;
}

static void plug_inside(void *data)
{
    Call *call = data;
    call->ok = plug(call->network, call->arena, call->nic, &call->tap, &call->error);
}

static bool netns_plug(Network *network, Arena *arena, const NetworkNic *nic, const char **ret_tap,
                       GError **error)
{
    Call call = {.arena = arena, .nic = nic};
    if (!run_inside(network, plug_inside, &call, error))
        return false;
    *ret_tap = call.tap;
    return true;
}

static void unplug_inside(void *data)
{
    Call *call = data;
    call->ok = unplug(call->network, call->nic_id, &call->error);
}

static bool netns_unplug(Network *network, const char *nic_id, GError **error)
{
    return run_inside(network, unplug_inside, &(Call){.nic_id = nic_id}, error);
}

static void list_inside(void *data)
{
    Call *call = data;
    List nics;
    nics_list(call->network->nics, call->arena, &nics);
    LIST_EACH (const Nic *, nic, &nics)
        list_add(&call->ids, call->arena, arena_strdup(call->arena, nic->id));
    call->ok = true;
}

static bool netns_list(Network *network, Arena *arena, List *ret_ids, GError **error)
{
    Call call = {.arena = arena};
    if (!run_inside(network, list_inside, &call, error))
        return false;
    *ret_ids = call.ids;
    return true;
}

static void set_firewall_inside(void *data)
{
    Call *call = data;
    call->ok = firewall_set(call->network->firewall, call->groups, &call->error);
}

static bool netns_set_firewall(Network *network, const List *groups, GError **error)
{
    return run_inside(network, set_firewall_inside, &(Call){.groups = groups}, error);
}

static void set_names_inside(void *data)
{
    Call *call = data;
    call->ok = dns_set_names(&call->network->plan, call->names, &call->error);
}

static bool netns_set_names(Network *network, const List *names, GError **error)
{
    return run_inside(network, set_names_inside, &(Call){.names = names}, error);
}

static bool netns_is_reachable(Network *network, const char *address, bool *ret_reachable,
                               GError **error)
{
    return neighbour_is_known(address, ret_reachable, error);
}

const NetworkOps network_netns = {
    .name = "netns",
    .open = netns_open,
    .close = netns_close,
    .describe = netns_describe,
    .enter = netns_enter,
    .run_outside = netns_run_outside,
    .plug = netns_plug,
    .unplug = netns_unplug,
    .list = netns_list,
    .is_reachable = netns_is_reachable,
    .set_firewall = netns_set_firewall,
    .set_names = netns_set_names,
};
