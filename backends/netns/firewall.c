/* nftables by `nft -f -`.
 *
 * A packet from a guest passes: table bridge (is it who it says?), then either "input" (for the
 * daemon: DHCP, DNS, metadata, its endpoint, ping, and, if the sender's groups let it out, the
 * addresses of services) or both forward chains: "leaving" judges the
 * sender's groups, "arriving", which comes later in the same hook, the receiver's. Packets of a
 * known connection pass both at once. What the daemon itself sends to guests passes "output",
 * where there is no chain: the relay knows the rules and judges for itself.
 *
 * Invariant: `applied` is what the kernel has, or NULL when that is not known (adopted, or a
 * transaction failed); then the next change rewrites everything, in one transaction. */
#include "backends/netns/firewall.h"
#include "backends/netns/bridge.h"
#include "backends/netns/conntrack.h"
#include "base/fault.h"
#include "base/process.h"

#include <string.h>

#define NFT_TIMEOUT_MS 30000

struct Firewall {
    const Plan *plan;
    Rules *applied;
};

static bool run_nft(const char *commands, GError **error)
{
    const char *const argv[] = {"nft", "-f", "-", NULL};
    return process_run(
        &(ProcessSpec){.argv = argv, .input = commands, .timeout_ms = NFT_TIMEOUT_MS}, NULL, error);
}

/* Gratuitous ARP and probes ("own") are dropped because proxy ARP would answer them, and the
 * guest would think that somebody else has its address. IPv6 and all else falls to the end. */
static const char bridge_table[] =
    "table bridge vpc {\n"
    " set mac { type ifname . ether_addr; }\n"
    " set own { type ifname . ipv4_addr; }\n"
    " set eni { type ifname . ether_addr . ipv4_addr; }\n"
    " chain pre { type filter hook prerouting priority filter; policy accept;\n"
    "  iifname \"" TAP_PREFIX "*\" jump guest\n"
    " }\n"
    " chain guest {\n"
    "  iifname . ether saddr != @mac drop\n"
    "  ether type arp iifname . arp daddr ip @own drop\n"
    "  ether type arp iifname . arp saddr ether . arp saddr ip @eni accept\n"
    "  ether type ip iifname . ether saddr . ip saddr @eni accept\n"
    "  ether type ip ip saddr 0.0.0.0 ip daddr 255.255.255.255 udp sport 68 udp dport 67 accept\n"
    "  drop\n"
    " }\n"
    "}\n";

static void append_element(const char *verb, const Nic *nic, GString *commands)
{
    char address[IPV4_TEXT_SIZE];
    ipv4_format(nic->address, address);
    g_string_append_printf(commands,
                           "%s element bridge vpc mac { \"%s\" . %s }\n"
                           "%s element bridge vpc own { \"%s\" . %s }\n"
                           "%s element bridge vpc eni { \"%s\" . %s . %s }\n",
                           verb, nic->tap, nic->mac, verb, nic->tap, address, verb, nic->tap,
                           nic->mac, address);
}

static void append_bridge_table(const Nics *nics, GString *commands)
{
    g_autoptr(Arena) arena = arena_new();
    List list;
    nics_list(nics, arena, &list);
    g_string_append(commands, "add table bridge vpc\ndelete table bridge vpc\n");
    g_string_append(commands, bridge_table);
    LIST_EACH (const Nic *, nic, &list)
        append_element("add", nic, commands);
}

static char *format_routers(const Plan *plan)
{
    GString *text = g_string_new(NULL);
    char address[IPV4_TEXT_SIZE];
    for (size_t i = 0; i < plan->n_subnets; i++)
        g_string_append_printf(text, "%s%s", i ? ", " : "",
                               ipv4_format(plan_router(plan, i), address));
    return g_string_free(text, FALSE);
}

/* Who may come in is for those to say who listen there. */
static char *format_services(const Plan *plan)
{
    char cidr[IPV4_TEXT_SIZE];
    if (!plan->has_services)
        return g_strdup("");
    return g_strdup_printf("  ip daddr %s jump egress\n", ipv4_format_cidr(plan->services, cidr));
}

/* The kernel picks up half-closed strangers as new connections; "new" that is no SYN is dropped,
 * so that a connection that was cut stays cut. */
static void append_ip_table(const Plan *plan, GString *commands)
{
    char cidr[IPV4_TEXT_SIZE];
    g_autofree char *routers = format_routers(plan);
    g_autofree char *services = format_services(plan);
    g_autofree char *port =
        plan->endpoint_port && plan->endpoint_port != 80 && plan->endpoint_port != 443
            ? g_strdup_printf(", %u", plan->endpoint_port)
            : g_strdup("");
    g_string_append_printf(
        commands,
        "add table ip vpc\n"
        "delete table ip vpc\n"
        "table ip vpc {\n"
        " set router { type ipv4_addr; elements = { %s } }\n"
        " set closed { type ipv4_addr; flags interval; auto-merge\n"
        "  elements = { 0.0.0.0/8, 127.0.0.0/8, 169.254.0.0/16, " WAY_OUT_CIDR
        ", 224.0.0.0/3, %s } }\n"
        " chain ingress { }\n"
        " chain egress { }\n"
        " chain leaving { type filter hook forward priority filter; policy drop;\n"
        "  ct state vmap { established : accept, related : accept, invalid : drop }\n"
        "  tcp flags & (fin | syn | rst | ack) != syn drop\n"
        "  oifname \"" WAY_OUT_LINK "\" ip daddr @closed drop\n"
        "  iifname \"" BRIDGE "\" jump egress\n"
        " }\n"
        " chain arriving { type filter hook forward priority filter + 10; policy drop;\n"
        "  ct state established,related accept\n"
        "  oifname \"" WAY_OUT_LINK "\" accept\n"
        "  oifname \"" BRIDGE "\" jump ingress\n"
        " }\n"
        " chain input { type filter hook input priority filter; policy drop;\n"
        "  iifname \"lo\" accept\n"
        "  ct state vmap { established : accept, related : accept, invalid : drop }\n"
        "  iifname != \"" BRIDGE "\" drop\n"
        "  udp sport 68 udp dport 67 accept\n"
        "  ip daddr " METADATA_ADDRESS " tcp dport 80 accept\n"
        "%s"
        "  ip daddr != @router drop\n"
        "  udp dport 53 accept\n"
        "  tcp dport { 53, 80, 443%s } accept\n"
        "  icmp type echo-request accept\n"
        " }\n"
        " chain translate { type nat hook postrouting priority srcnat;\n"
        "  oifname \"" WAY_OUT_LINK "\" masquerade\n"
        " }\n"
        "}\n",
        routers, ipv4_format_cidr(plan->vpc, cidr), services, port);
}

static bool has_ip_table(void)
{
    const char *const argv[] = {"nft", "list", "chain", "ip", "vpc", "leaving", NULL};
    return process_run(&(ProcessSpec){.argv = argv, .timeout_ms = NFT_TIMEOUT_MS}, NULL, NULL);
}

bool firewall_open(const Plan *plan, const Nics *nics, Firewall **ret_firewall, GError **error)
{
    g_autoptr(GString) commands = g_string_new(NULL);
    append_bridge_table(nics, commands);
    if (!has_ip_table())
        append_ip_table(plan, commands);
    if (!run_nft(commands->str, error))
        return false;
    Firewall *firewall = g_new0(Firewall, 1);
    firewall->plan = plan;
    *ret_firewall = firewall;
    return true;
}

void firewall_free(Firewall *firewall)
{
    if (!firewall)
        return;
    nft_rules_free(firewall->applied);
    g_free(firewall);
}

bool firewall_admit(Firewall *firewall, const Nic *nic, GError **error)
{
    g_autoptr(GString) commands = g_string_new(NULL);
    append_element("add", nic, commands);
    return run_nft(commands->str, error);
}

static bool is_not_of(void *data, const Flow *flow)
{
    const Nic *nic = data;
    return flow->source != nic->address && flow->destination != nic->address;
}

bool firewall_dismiss(Firewall *firewall, const Nic *nic, GError **error)
{
    g_autoptr(GString) commands = g_string_new(NULL);
    /* Deleting what is not there would fail; adding what is there does not. */
    append_element("add", nic, commands);
    append_element("delete", nic, commands);
    return run_nft(commands->str, error) && conntrack_cut(is_not_of, (void *)nic, NULL, error);
}

static bool is_guest(const Plan *plan, uint32_t address)
{
    int subnet = plan_find_subnet(plan, address);
    return subnet >= 0 && plan_router(plan, (size_t)subnet) != address;
}

/* What chains "leaving" and "arriving" would say to the connection's first packet. Connections
 * with the daemon itself (a router's address, the metadata address) do not pass them. */
static bool may_go_on(void *data, const Flow *flow)
{
    const Firewall *firewall = data;
    bool from_guest = is_guest(firewall->plan, flow->source);
    bool to_guest = is_guest(firewall->plan, flow->destination);
    if (from_guest && to_guest)
        return rules_allow_out(firewall->applied, flow) && rules_allow_in(firewall->applied, flow);
    /* Only the daemon's own traffic reaches a guest from elsewhere. */
    if (!from_guest)
        return true;
    int subnet = plan_find_subnet(firewall->plan, flow->destination);
    uint32_t metadata;
    bool to_daemon =
        subnet >= 0 || (ipv4_parse(METADATA_ADDRESS, &metadata) && flow->destination == metadata);
    return to_daemon || rules_allow_out(firewall->applied, flow);
}

static bool apply(Firewall *firewall, const Rules *rules, bool *ret_revokes, GError **error)
{
    g_autoptr(GString) commands = g_string_new(NULL);
    if (firewall->applied) {
        *ret_revokes = rules_append_change(firewall->applied, rules, commands);
        if (commands->len == 0 || run_nft(commands->str, NULL))
            return true;
        /* The kernel has something else than we thought: say it all. */
        g_string_truncate(commands, 0);
    }
    *ret_revokes = true;
    append_ip_table(firewall->plan, commands);
    rules_append_change(NULL, rules, commands);
    return run_nft(commands->str, error);
}

bool firewall_set(Firewall *firewall, const List *groups, GError **error)
{
    g_autoptr(Rules) rules = NULL;
    bool revokes;
    if (!rules_parse(groups, &rules, error))
        return false;
    bool applied = apply(firewall, rules, &revokes, error);
    g_clear_pointer(&firewall->applied, nft_rules_free);
    if (!applied)
        return false;
    firewall->applied = g_steal_pointer(&rules);
    if (!revokes)
        return true;
    if (conntrack_cut(may_go_on, firewall, NULL, error))
        return true;
    /* So that saying it again tries the cut again. */
    g_clear_pointer(&firewall->applied, nft_rules_free);
    return false;
}
