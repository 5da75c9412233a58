/* A site: the network of one VPC and what moves in it: its instances' controller, its firewall,
 * its public addresses. Private to cloud/.
 *
 * Life cycle: site_open (from the outside thread) → wakes → site_close. */
#pragma once

#include "base/workqueue.h"
#include "cloud/cloud.h"
#include "lb/lb.h"

typedef struct Site Site;

struct Site {
    Cloud *cloud;
    const char *vpc_id; /* owned */
    Network *network;
    Lb *lb;                /* NULL where guests have no network (fake) */
    struct Probes *probes; /* of load balancers; likewise */
    bool has_services;     /* balancers can listen inside, too (cloud/names.h) */
    WorkQueue *instances;  /* keys: instance ids; cloud/instance_controller.c */
    WorkQueue *firewall;   /* one key; cloud/network_controller.c */
};

/* What every part of cloud/ shares. */
struct Cloud {
    CloudConfig config; /* strings are owned */
    Hypervisor *hypervisor;
    struct KnownRecords *known_records;
    struct KnownPolicies *known_policies;
    struct Certificates *certificates; /* cloud/certificates.h */
    struct Clock *fast_clock;          /* cloud/fast_clock.h */
    struct Metrics *metrics;
    struct Scaling *scaling;            /* cloud/scaling_controller.h */
    struct AlarmHandler *alarm_handler; /* cloud/alarms.h */
    GMutex growing;        /* taken before mutex: a network is being opened; guards follow */
    CloudNetworkFn follow; /* what runs in each new one; NULL: nothing */
    void *follow_data;
    GMutex mutex;     /* guards sites, ends */
    GPtrArray *sites; /* of Site *: never changed, but another one takes its place */
    GHashTable *ends; /* instance id → MachineEventKind + 1: how its machine ended, until seen */
    WorkQueue *disks; /* one key; cloud/disk_controller.c */
    WorkQueue *balancers; /* one key; cloud/balancer_controller.c */
    struct BalancerMetrics *balancer_metrics;
    GHashTable *held; /* set of ids of volumes that are worked on; guarded by mutex */
    GCond released;
    WorkQueue *long_work;           /* cloud/long_work.h */
    bool halting;                   /* long work is to end; guarded by mutex */
    struct LastResort *last_resort; /* cloud/last_resort.h */
    GThread *sweeper;
    GCond sweep;
    bool ending;
    bool started; /* the hypervisor is open: its events may reach the controllers */
};

bool site_open(Cloud *cloud, const Vpc *vpc, Site **ret_site, GError **error);
void site_close(Site *site, bool keep_guests);
/* Takes down networks in the state directory that belong to no site. */
bool sites_remove_strays(Cloud *cloud, GError **error);
/* Those that are open now; a reference. They stay open until the cloud is closed. */
GPtrArray *cloud_sites(Cloud *cloud);
/* The site of a VPC, or NULL. */
Site *cloud_site(Cloud *cloud, const char *vpc_id);

/* instance_controller.c: the next step of one instance. */
int64_t instance_step(void *site, const char *instance_id);
/* Adds every instance of the store that is not at rest, and destroys machines and interfaces that
 * no record owns. */
bool instances_compare(Cloud *cloud, GError **error);
/* network_controller.c: makes firewall and public addresses as the store says. */
int64_t network_step(void *site, const char *unused);
/* Forgets terminated instances an hour after, and old client tokens. */
bool instances_purge(Cloud *cloud, GError **error);

/* Where an instance keeps its console log, under the state directory. */
char *instance_directory(Arena *arena, Cloud *cloud, const char *instance_id);
