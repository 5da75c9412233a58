/* The private network of one VPC: the mechanism, behind one table of callbacks.
 *
 * netns/ keeps a network namespace of its own with a bridge, a tap per interface, nftables rules,
 * dnsmasq and pasta, and touches nothing of the host's network configuration. What it made
 * outlives the daemon: close() with keep leaves it for the guests that go on running, and open()
 * adopts what it finds. fake/ keeps only the books.
 *
 * Threads: a namespace belongs to a thread, a socket to the namespace it was made in. The thread
 * that calls open() stays outside. enter() puts the calling thread inside, for good; run_outside()
 * runs a function on a thread that stayed outside, for sockets on the host's addresses. All calls
 * are thread-safe and may block (tens of milliseconds); changes are idempotent, so a caller that
 * does not know how far an earlier daemon came just says again what it wants.
 * Knows no AWS API and no database. */
#pragma once

#include "base/arena.h"
#include <stdint.h>

typedef struct Network Network;

typedef struct NetworkSubnet {
    const char *cidr; /* "172.31.0.0/20": its first host address is the router's, as in AWS */
} NetworkSubnet;

typedef struct NetworkConfig {
    const char *id;         /* VPC id */
    const char *cidr;       /* "172.31.0.0/16" */
    List subnets;           /* of NetworkSubnet * */
    const char *run_dir;    /* <state>/run/<vpc id>: leases, process ids, logs */
    const char *domain;     /* "ec2.internal" */
    List endpoint_names;    /* of const char *: "s3.amazonaws.com" (with what is under it) resolves,
                             * inside, to the first subnet's router, where the daemon listens */
    unsigned endpoint_port; /* where the daemon listens on the routers' addresses; guests may
                             * connect to it, and to 80 and 443 there. 0: to those two only */
    bool no_outside;        /* guests get no way out even where pasta is there */
    const char *services;   /* NULL, or a block outside of cidr, "100.77.0.0/16": sockets inside may
                             * listen on each of its addresses; guests reach those as far as the
                             * outgoing rules of their groups allow */
    const char *names_domain; /* NULL, or "cumulet.test": names below it are endpoint_names and
                               * those of set_names, and no others */
} NetworkConfig;

typedef struct NetworkInfo {
    const char *backend; /* "netns" or "fake" */
    const char *router;  /* "172.31.0.1": the daemon's own address inside */
    const char *way_out; /* "pasta", or why there is none */
} NetworkInfo;

/* An interface of a guest. */
typedef struct NetworkNic {
    const char *id; /* eni id; the tap's name is made from it */
    const char *mac;
    const char *address;  /* "172.31.0.10" */
    const char *hostname; /* "ip-172-31-0-10" */
} NetworkNic;

/* What an address is called. */
typedef struct NetworkName {
    const char *address;
    List names; /* of const char *: host names; the first is also found by the address */
} NetworkName;

typedef enum FirewallDirection { FIREWALL_INGRESS, FIREWALL_EGRESS } FirewallDirection;

#define FIREWALL_ALL_PROTOCOLS (-1)
#define FIREWALL_ANY_PORT (-1)

/* One permission. peer is a CIDR ("10.0.0.0/8") or another group's id, exactly one of them.
 * tcp (6), udp (17): from..to are ports; icmp (1): type and code, -1 for all; else ignored. */
typedef struct FirewallRule {
    FirewallDirection direction;
    int protocol;
    int from, to;
    const char *cidr;
    const char *group;
} FirewallRule;

typedef struct FirewallGroup {
    const char *id;
    List rules;     /* of FirewallRule * */
    List addresses; /* of const char *: the private addresses of its members */
} FirewallGroup;

typedef struct NetworkOps {
    const char *name;
    bool pretends; /* it carries no packets */

    bool (*open)(const NetworkConfig *config, Network **ret_network, GError **error);
    /* keep: leave it all for the guests and the next daemon; else take everything down. */
    void (*close)(Network *network, bool keep);
    bool (*describe)(Network *network, Arena *arena, NetworkInfo *ret_info, GError **error);

    /* Puts the calling thread inside. */
    bool (*enter)(Network *network, GError **error);
    /* Runs fn(data) on the outside thread and waits for its end. */
    void (*run_outside)(Network *network, void (*fn)(void *data), void *data);

    /* Makes the tap with its anti-spoofing rule, DHCP lease and DNS name. */
    bool (*plug)(Network *network, Arena *arena, const NetworkNic *nic, const char **ret_tap,
                 GError **error);
    bool (*unplug)(Network *network, const char *nic_id, GError **error);
    /* Ids (const char *) of all interfaces that are plugged, an earlier daemon's included. */
    bool (*list)(Network *network, Arena *arena, List *ret_ids, GError **error);

    /* Whether the guest at that address has spoken on the network lately. From inside. */
    bool (*is_reachable)(Network *network, const char *address, bool *ret_reachable,
                         GError **error);

    /* The rules of all security groups, complete: FirewallGroup *. What changed is applied in one
     * transaction. Established connections that stay allowed are not touched; one that no rule
     * allows any more is cut. */
    bool (*set_firewall)(Network *network, const List *groups, GError **error);

    /* What guests can look up besides interfaces and endpoints, complete: NetworkName *. Who asks
     * meanwhile is answered, by the old names or the new. */
    bool (*set_names)(Network *network, const List *names, GError **error);
} NetworkOps;

extern const NetworkOps network_netns;
extern const NetworkOps network_fake;
