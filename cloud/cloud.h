/* The rules: what an instance, a group, an image *is*. This header is what the parts of cloud/
 * and those who open it share; each kind of thing has a header of its own.
 *
 * Verbs check the request, write intent in one store transaction and wake a controller; they
 * touch neither machines nor networks. Controllers (threads of the cloud's own) compare the store
 * with the back ends and take the next step. All verbs are thread-safe.
 *
 * Lock order: a store transaction is the innermost; nothing else is taken while one is open. */
#pragma once

#include "backends/hypervisor.h"
#include "backends/network.h"
#include "base/clock.h"
#include "cloud/context.h"
#include "store/known_records.h"

typedef struct CloudConfig {
    Store *store;
    Clock *clock;
    const char *state_dir;
    const HypervisorOps *hypervisor;
    const NetworkOps *network;
    bool force_tcg;
    const char *libvirt_uri; /* NULL: the embedded driver */
    const char *addresses;   /* public pool: "127.77.0.0/16" */
    unsigned endpoint_port;
    struct Blobs *blobs;       /* of objects, for bundles; NULL: there are none to be had */
    bool no_outside;           /* guests get no way out of the cloud */
    const char *dns_suffix;    /* public DNS names end so: "test" */
    uint64_t memory_limit_mib; /* for guests in all; 0: what the host has, less a reserve */
    unsigned instance_limit;   /* running instances an account; 0: 1,000 (fake: 20,000) */
} CloudConfig;

/* Opens back ends, seeds what a fresh cloud has (zones, types, an account with its key, its
 * default VPC), adopts what runs, starts the controllers. Call from the thread that stays outside
 * of the guests' network (backends/network.h). */
bool cloud_open(const CloudConfig *config, Cloud **ret_cloud, GError **error);
/* The first step of closing, when other parts that ask machines still have to be stopped: from now
 * on what holds that up is cut off (cloud/last_resort.h). */
void cloud_ending(Cloud *cloud, bool keep_guests);
/* keep_guests: leave them running for the next daemon; else shut them down within the deadline,
 * to be started again with the cloud. */
void cloud_close(Cloud *cloud, bool keep_guests);

/* As after a fresh start: no machines, no records but accounts and their keys; seeded anew, the
 * starter images registered. */
bool cloud_reset(Cloud *cloud, GError **error);

/* What verbs and controllers work with; borrowed, for the cloud's life. */
Store *cloud_store(Cloud *cloud);
struct Blobs *cloud_blobs(Cloud *cloud);
struct KnownRecords *cloud_known_records(Cloud *cloud);
struct KnownPolicies *cloud_known_policies(Cloud *cloud);
uint64_t cloud_version(Cloud *cloud); /* its store_version() */
Clock *cloud_clock(Cloud *cloud);
const char *cloud_state_dir(Cloud *cloud);
const char *cloud_dns_suffix(Cloud *cloud);
const char *cloud_addresses(Cloud *cloud);
int64_t cloud_now(Cloud *cloud);

/* What the hypervisor counts (MachineStats *, backends/hypervisor.h) of every machine that runs, by
 * instance id, in one call. From a thread that called cloud_enter_thread() first, which puts it
 * inside the guests' network for good. */
void cloud_enter_thread(Cloud *cloud);
bool cloud_machine_stats(Cloud *cloud, Arena *arena, List *stats, GError **error);
/* For those who know which back end it is. Borrowed. */
Hypervisor *cloud_hypervisor(Cloud *cloud);

/* The instance has to be looked at again. Never blocks. */
void cloud_wake_instance(Cloud *cloud, const char *vpc_id, const char *instance_id);
/* Rules, members or addresses changed: firewall and public addresses have to be looked at again.
 * Never blocks. */
void cloud_wake_network(Cloud *cloud);

/* Runs fn inside the network of every VPC in turn, and in each that is opened later, until
 * cloud_forget_networks() has returned: for listeners there; router is the daemon's own address in
 * it. Stops at the first failure. Does nothing where guests have no network (fake). */
typedef bool (*CloudNetworkFn)(void *data, const char *vpc_id, const char *router, GError **error);
bool cloud_follow_networks(Cloud *cloud, CloudNetworkFn fn, void *data, GError **error);
void cloud_forget_networks(Cloud *cloud);
/* Opens the network of a VPC that was made after cloud_open. From a thread that stays outside. */
bool cloud_add_network(Cloud *cloud, const Vpc *vpc, GError **error);

/* What `cloud_status` tells; everything in the arena. */
typedef struct CloudStatus {
    HypervisorInfo hypervisor;
    NetworkInfo network;
    int64_t memory_used_mib, memory_limit_mib;
    const char *addresses;
    List instances; /* of Instance *, those terminated in the last hour included */
    List names;     /* of const char *: the Name tag of each of them, or NULL */
    List images;    /* of Image *: available ones */
    List balancers; /* of BalancerStatus * (cloud/balancers.h) */
} CloudStatus;
bool cloud_status(Cloud *cloud, Arena *arena, const char *account_id, CloudStatus *ret_status,
                  GError **error);
