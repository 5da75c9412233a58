/* Opens the cloud, keeps it in step with the back ends, closes it.
 *
 * Invariant: before a controller acts, the store holds what a fresh cloud has, and machines of an
 * earlier daemon have been compared with their records. */
#include "cloud/cloud.h"

#include "base/fault.h"
#include "base/file.h"
#include "cloud/certificates.h"
#include "cloud/balancer_controller.h"
#include "cloud/balancer_metrics.h"
#include "cloud/disk_controller.h"
#include "cloud/fast_clock.h"
#include "cloud/instance_records.h"
#include "cloud/instances.h"
#include "cloud/known_policies.h"
#include "cloud/layers.h"
#include "cloud/leftovers.h"
#include "cloud/last_resort.h"
#include "cloud/long_work.h"
#include "cloud/metrics.h"
#include "cloud/scaling_controller.h"
#include "cloud/seed.h"
#include "cloud/site.h"
#include "store/known_records.h"
#include <malloc.h>
#include <string.h>

/* Everything is looked at again so often, whatever events came or were lost. */
#define SWEEP_EVERY (30 * CLOCK_SECOND)
/* Left to the host when guests may use its memory. */
#define RESERVED_MIB 1024
#define DEFAULT_INSTANCE_LIMIT 1000
#define FAKE_INSTANCE_LIMIT 100000
/* For all guests to shut down when the cloud stops. */
#define CLOSE_DEADLINE (20 * CLOCK_SECOND)
#define CLOSE_PRESS_EVERY (2 * CLOCK_SECOND)

Store *cloud_store(Cloud *cloud)
{
    return cloud->config.store;
}

struct Blobs *cloud_blobs(Cloud *cloud)
{
    return cloud->config.blobs;
}

struct KnownRecords *cloud_known_records(Cloud *cloud)
{
    return cloud->known_records;
}

struct KnownPolicies *cloud_known_policies(Cloud *cloud)
{
    return cloud->known_policies;
}

uint64_t cloud_version(Cloud *cloud)
{
    return store_version(cloud->config.store);
}

Clock *cloud_clock(Cloud *cloud)
{
    return cloud->config.clock;
}

const char *cloud_state_dir(Cloud *cloud)
{
    return cloud->config.state_dir;
}

const char *cloud_dns_suffix(Cloud *cloud)
{
    return cloud->config.dns_suffix;
}

const char *cloud_addresses(Cloud *cloud)
{
    return cloud->config.addresses;
}

int64_t cloud_now(Cloud *cloud)
{
    return clock_now(cloud->config.clock);
}

void cloud_wake_instance(Cloud *cloud, const char *vpc_id, const char *instance_id)
{
    Site *site = cloud_site(cloud, vpc_id);
    if (site)
        workqueue_add(site->instances, instance_id);
    scaling_instance_changed(cloud, instance_id);
}

GPtrArray *cloud_sites(Cloud *cloud)
{
    g_mutex_lock(&cloud->mutex);
    GPtrArray *sites = g_ptr_array_ref(cloud->sites);
    g_mutex_unlock(&cloud->mutex);
    return sites;
}

/* Readers go on with the array that they have. */
static void add_site(Cloud *cloud, Site *site)
{
    g_mutex_lock(&cloud->mutex);
    GPtrArray *more = g_ptr_array_copy(cloud->sites, NULL, NULL);
    g_ptr_array_add(more, site);
    g_ptr_array_unref(cloud->sites);
    cloud->sites = more;
    g_mutex_unlock(&cloud->mutex);
}

void cloud_wake_network(Cloud *cloud)
{
    g_autoptr(GPtrArray) sites = cloud_sites(cloud);
    for (unsigned i = 0; i < sites->len; i++) {
        Site *site = sites->pdata[i];
        if (site->lb) /* the fake back end has no packets to filter */
            workqueue_add(site->firewall, site->vpc_id);
    }
    balancers_wake(cloud);
}

/* Called from the hypervisor's event thread. */
static void on_machine_event(void *data, const MachineEvent *event)
{
    Cloud *cloud = data;
    if (event->kind == MACHINE_STARTED || event->kind == MACHINE_REBOOTED)
        return;
    g_mutex_lock(&cloud->mutex);
    g_hash_table_insert(cloud->ends, g_strdup(event->name), GINT_TO_POINTER((int)event->kind + 1));
    bool started = cloud->started;
    if (cloud->ending)
        g_cond_broadcast(&cloud->sweep);
    g_mutex_unlock(&cloud->mutex);
    g_autoptr(GPtrArray) sites = cloud_sites(cloud);
    for (unsigned i = 0; started && i < sites->len; i++)
        workqueue_add(((Site *)sites->pdata[i])->instances, event->name);
}

static void enter_first_site(void *data)
{
    Cloud *cloud = data;
    g_autoptr(GPtrArray) sites = cloud_sites(cloud);
    Site *site = sites->pdata[0];
    g_autoptr(GError) error = NULL;
    if (!cloud->config.network->enter(site->network, &error))
        g_error("cannot enter the guests' network: %s", error->message);
}

/* Work that has to be done inside the guests' network, for a caller that stays outside. */
typedef struct Inside {
    Cloud *cloud;
    bool (*fn)(Cloud *cloud, GError **error);
    GError *error;
    bool ok;
} Inside;

static void *run_inside(void *data)
{
    Inside *inside = data;
    enter_first_site(inside->cloud);
    inside->ok = inside->fn(inside->cloud, &inside->error);
    return NULL;
}

void cloud_enter_thread(Cloud *cloud)
{
    enter_first_site(cloud);
}

Hypervisor *cloud_hypervisor(Cloud *cloud)
{
    return cloud->hypervisor;
}

bool cloud_machine_stats(Cloud *cloud, Arena *arena, List *stats, GError **error)
{
    return cloud->config.hypervisor->stats(cloud->hypervisor, arena, stats, error);
}

static bool call_inside(Cloud *cloud, bool (*fn)(Cloud *, GError **), GError **error)
{
    Inside inside = {.cloud = cloud, .fn = fn};
    g_thread_join(g_thread_new("inside", run_inside, &inside));
    if (!inside.ok)
        g_propagate_error(error, inside.error);
    return inside.ok;
}

/* What cloud_follow_networks runs inside one network. */
typedef struct Visit {
    Site *site;
    CloudNetworkFn fn;
    void *data;
    GError *error;
    bool ok;
} Visit;

static void *visit(void *data)
{
    Visit *one = data;
    const NetworkOps *network = one->site->cloud->config.network;
    g_autoptr(Arena) arena = arena_new();
    NetworkInfo info;
    one->ok = network->enter(one->site->network, &one->error) &&
              network->describe(one->site->network, arena, &info, &one->error) &&
              one->fn(one->data, one->site->vpc_id, info.router, &one->error);
    return NULL;
}

static bool visit_site(Site *site, CloudNetworkFn fn, void *data, GError **error)
{
    if (site->cloud->config.network->pretends)
        return true;
    Visit one = {.site = site, .fn = fn, .data = data};
    g_thread_join(g_thread_new("visit", visit, &one));
    if (!one.ok)
        g_propagate_error(error, one.error);
    return one.ok;
}

static bool visit_sites(Cloud *cloud, CloudNetworkFn fn, void *data, GError **error)
{
    g_autoptr(GPtrArray) sites = cloud_sites(cloud);
    for (unsigned i = 0; i < sites->len; i++) {
        if (!visit_site(sites->pdata[i], fn, data, error))
            return false;
    }
    return true;
}

bool cloud_follow_networks(Cloud *cloud, CloudNetworkFn fn, void *data, GError **error)
{
    g_mutex_lock(&cloud->growing);
    cloud->follow = fn;
    cloud->follow_data = data;
    bool ok = visit_sites(cloud, fn, data, error);
    g_mutex_unlock(&cloud->growing);
    return ok;
}

void cloud_forget_networks(Cloud *cloud)
{
    g_mutex_lock(&cloud->growing);
    cloud->follow = NULL;
    g_mutex_unlock(&cloud->growing);
}

bool cloud_add_network(Cloud *cloud, const Vpc *vpc, GError **error)
{
    Site *site;
    g_mutex_lock(&cloud->growing);
    bool ok = site_open(cloud, vpc, &site, error);
    if (ok) {
        add_site(cloud, site);
        ok = !cloud->follow || visit_site(site, cloud->follow, cloud->follow_data, error);
    }
    g_mutex_unlock(&cloud->growing);
    if (ok)
        cloud_wake_network(cloud);
    return ok;
}

static bool open_hypervisor(Cloud *cloud, GError **error)
{
    HypervisorConfig config = {
        .state_dir = cloud->config.state_dir,
        .uri = cloud->config.libvirt_uri,
        .force_tcg = cloud->config.force_tcg,
        .enter = enter_first_site,
        .on_event = on_machine_event,
        .data = cloud,
    };
    return cloud->config.hypervisor->open(&config, &cloud->hypervisor, error);
}

static bool open_sites(Cloud *cloud, GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(Txn) txn = NULL;
    List vpcs = {0};
    if (!txn_begin_read(cloud->config.store, &txn, error) ||
        !record_query(txn, arena, QUERY_VPCS, &vpcs, error) || !txn_commit(&txn, error))
        return false;
    LIST_EACH (const Vpc *, vpc, &vpcs) {
        Site *site;
        if (!site_open(cloud, vpc, &site, error))
            return false;
        add_site(cloud, site);
    }
    return true;
}

static bool seed(Cloud *cloud, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    return txn_begin(cloud->config.store, &txn, error) && cloud_seed(cloud, txn, error) &&
           txn_commit(&txn, error);
}

/* A host that was restarted took every machine with it: they are to be started again. */
static bool note_boot(Cloud *cloud, GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    g_autofree char *boot_id = NULL;
    size_t size;
    if (!file_read("/proc/sys/kernel/random/boot_id", 64, &boot_id, &size, error))
        return false;
    g_strchomp(boot_id);
    g_autoptr(Txn) txn = NULL;
    Setting *known;
    if (!txn_begin(cloud->config.store, &txn, error) ||
        !setting_get(txn, arena, "boot_id", &known, error))
        return false;
    bool restarted = known && strcmp(known->value, boot_id) != 0;
    Setting now = {.name = "boot_id", .value = boot_id};
    return (!restarted || record_change(txn, CHANGE_INTERRUPT_INSTANCES, NULL, error)) &&
           setting_put(txn, &now, error) && txn_commit(&txn, error);
}

static void *sweep(void *data)
{
    Cloud *cloud = data;
    enter_first_site(cloud);
    g_mutex_lock(&cloud->mutex);
    while (!cloud->ending) {
        int64_t next = cloud_now(cloud) + SWEEP_EVERY;
        while (!cloud->ending &&
               clock_wait_until(cloud->config.clock, &cloud->sweep, &cloud->mutex, next))
            ;
        if (cloud->ending)
            break;
        g_mutex_unlock(&cloud->mutex);
        g_autoptr(GError) error = NULL;
        if (!instances_compare(cloud, &error) || !instances_purge(cloud, &error))
            g_warning("%s", error->message);
        malloc_trim(0); /* what large replies left behind */
        g_mutex_lock(&cloud->mutex);
    }
    g_mutex_unlock(&cloud->mutex);
    return NULL;
}

static void copy_config(Cloud *cloud, const CloudConfig *config)
{
    cloud->config = *config;
    cloud->config.state_dir = g_strdup(config->state_dir);
    cloud->config.libvirt_uri = g_strdup(config->libvirt_uri);
    cloud->config.addresses = g_strdup(config->addresses);
    cloud->config.dns_suffix = g_strdup(config->dns_suffix);
    bool fake = config->hypervisor->pretends;
    if (!config->instance_limit)
        cloud->config.instance_limit = fake ? FAKE_INSTANCE_LIMIT : DEFAULT_INSTANCE_LIMIT;
}

static bool set_memory_limit(Cloud *cloud, GError **error)
{
    if (cloud->config.memory_limit_mib || cloud->config.hypervisor->pretends)
        return true;
    g_autoptr(Arena) arena = arena_new();
    HypervisorInfo info;
    if (!cloud->config.hypervisor->describe(cloud->hypervisor, arena, &info, error))
        return false;
    cloud->config.memory_limit_mib =
        info.memory_mib > 2 * RESERVED_MIB ? info.memory_mib - RESERVED_MIB : RESERVED_MIB;
    return true;
}

static void free_cloud(Cloud *cloud)
{
    scaling_close(cloud);
    metrics_close(cloud->metrics);
    g_free(cloud->alarm_handler);
    clock_free(cloud->fast_clock);
    certificates_free(cloud->certificates);
    g_ptr_array_unref(cloud->sites);
    g_hash_table_unref(cloud->ends);
    g_hash_table_unref(cloud->held);
    g_cond_clear(&cloud->released);
    g_mutex_clear(&cloud->growing);
    g_mutex_clear(&cloud->mutex);
    g_cond_clear(&cloud->sweep);
    g_free((char *)cloud->config.state_dir);
    g_free((char *)cloud->config.libvirt_uri);
    g_free((char *)cloud->config.addresses);
    g_free((char *)cloud->config.dns_suffix);
    known_records_free(cloud->known_records);
    known_policies_free(cloud->known_policies);
    g_free(cloud);
}

/* Makes what is there be what is on record. Every queue is open: the comparison sets controllers to
 * work, which wake others and wait for the events of what they do. */
static bool compare(Cloud *cloud, GError **error)
{
    g_mutex_lock(&cloud->mutex);
    cloud->started = true;
    g_mutex_unlock(&cloud->mutex);
    return call_inside(cloud, instances_compare, error) && sites_remove_strays(cloud, error) &&
           leftovers_remove(cloud, error);
}

bool cloud_open(const CloudConfig *config, Cloud **ret_cloud, GError **error)
{
    Cloud *cloud = g_new0(Cloud, 1);
    copy_config(cloud, config);
    cloud->known_records = known_records_new(config->store);
    cloud->known_policies = known_policies_new();
    cloud->certificates = certificates_new(cloud);
    g_mutex_init(&cloud->growing);
    g_mutex_init(&cloud->mutex);
    g_cond_init(&cloud->sweep);
    cloud->sites = g_ptr_array_new();
    cloud->ends = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    cloud->held = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_cond_init(&cloud->released);
    cloud->balancers =
        workqueue_new("balancers", cloud->config.clock, 1, NULL, balancers_step, cloud);
    if (!seed(cloud, error) || !note_boot(cloud, error) || !fast_clock_open(cloud, error) ||
        !metrics_open(cloud->config.state_dir, cloud->fast_clock, &cloud->metrics, error) ||
        !open_sites(cloud, error) || !call_inside(cloud, open_hypervisor, error) ||
        !set_memory_limit(cloud, error)) {
        cloud_close(cloud, true);
        return false;
    }
    cloud->disks =
        workqueue_new("disks", cloud->config.clock, 1, enter_first_site, disks_step, cloud);
    cloud->balancer_metrics = balancer_metrics_open(cloud);
    if (!long_work_open(cloud, enter_first_site, error) || !scaling_open(cloud, error) ||
        !compare(cloud, error)) {
        cloud_close(cloud, true);
        return false;
    }
    long_work_resume(cloud);
    scaling_begin(cloud);
    cloud_wake_network(cloud);
    cloud->sweeper = g_thread_new("sweeper", sweep, cloud);
    *ret_cloud = cloud;
    return true;
}

/* Presses every power button until all machines are gone or the deadline has passed; then cuts
 * them off. */
static bool stop_machines(Cloud *cloud, GError **error)
{
    const HypervisorOps *ops = cloud->config.hypervisor;
    int64_t deadline = cloud_now(cloud) + CLOSE_DEADLINE, press = 0;
    for (;;) {
        g_autoptr(Arena) arena = arena_new();
        List names = {0};
        if (!ops->list(cloud->hypervisor, arena, &names, error))
            return false;
        if (names.n == 0)
            return true;
        bool late = cloud_now(cloud) >= deadline;
        bool again = cloud_now(cloud) >= press;
        if (again)
            press = cloud_now(cloud) + CLOSE_PRESS_EVERY;
        LIST_EACH (const char *, name, &names) {
            g_autoptr(GError) trouble = NULL;
            if (late && !ops->destroy(cloud->hypervisor, name, error))
                return false;
            /* One that cannot be asked must not keep the others from being asked. */
            if (!late && again && !ops->press_power(cloud->hypervisor, name, &trouble))
                g_warning("shutting %s down: %s", name, trouble->message);
        }
        /* Every end of a machine signals `sweep`. */
        g_mutex_lock(&cloud->mutex);
        clock_wait_until(cloud->config.clock, &cloud->sweep, &cloud->mutex,
                         MIN(cloud_now(cloud) + CLOCK_SECOND / 4, deadline));
        g_mutex_unlock(&cloud->mutex);
    }
}

/* Probes call for the controller, and the controller asks the probes: both are at rest before
 * either goes. */
static void close_balancers(Cloud *cloud)
{
    if (!cloud->balancers)
        return;
    balancer_metrics_close(cloud->balancer_metrics);
    workqueue_pause(cloud->balancers, true);
    for (unsigned i = 0; i < cloud->sites->len; i++) {
        Site *site = cloud->sites->pdata[i];
        probes_close(site->probes);
        site->probes = NULL;
    }
    workqueue_free(g_steal_pointer(&cloud->balancers));
}

void cloud_ending(Cloud *cloud, bool keep_guests)
{
    cloud->last_resort = last_resort_begin(cloud, keep_guests);
}

void cloud_close(Cloud *cloud, bool keep_guests)
{
    if (!cloud)
        return;
    g_mutex_lock(&cloud->mutex);
    cloud->ending = true;
    cloud->started = false;
    g_cond_broadcast(&cloud->sweep);
    g_mutex_unlock(&cloud->mutex);
    if (cloud->sweeper)
        g_thread_join(cloud->sweeper);
    for (unsigned i = 0; i < cloud->sites->len; i++)
        workqueue_pause(((Site *)cloud->sites->pdata[i])->instances, true);
    scaling_pause(cloud);
    long_work_close(cloud);
    close_balancers(cloud);
    workqueue_free(cloud->disks);
    g_autoptr(GError) error = NULL;
    if (!keep_guests && cloud->hypervisor &&
        (!instances_record_interrupted(cloud, &error) ||
         !call_inside(cloud, stop_machines, &error)))
        g_warning("stopping the instances: %s", error->message);
    last_resort_end(cloud->last_resort);
    if (cloud->hypervisor)
        cloud->config.hypervisor->close(cloud->hypervisor);
    for (unsigned i = 0; i < cloud->sites->len; i++)
        site_close(cloud->sites->pdata[i], keep_guests);
    free_cloud(cloud);
}

/* Destroys every machine, unplugs every interface, removes every file of theirs. */
static bool wipe(Cloud *cloud, GError **error)
{
    g_autoptr(GPtrArray) sites = cloud_sites(cloud);
    const HypervisorOps *ops = cloud->config.hypervisor;
    g_autoptr(Arena) arena = arena_new();
    List names = {0};
    if (!ops->list(cloud->hypervisor, arena, &names, error))
        return false;
    LIST_EACH (const char *, name, &names)
        if (!ops->destroy(cloud->hypervisor, name, error))
            return false;
    for (unsigned i = 0; i < sites->len; i++) {
        Site *site = sites->pdata[i];
        List plugged = {0};
        if (!cloud->config.network->list(site->network, arena, &plugged, error))
            return false;
        LIST_EACH (const char *, id, &plugged)
            if (!cloud->config.network->unplug(site->network, id, error))
                return false;
    }
    const char *directories[] = {LAYERS_DIRECTORY, "instances"};
    for (size_t i = 0; i < G_N_ELEMENTS(directories); i++) {
        const char *path = arena_printf(arena, "%s/%s", cloud->config.state_dir, directories[i]);
        if (!file_remove_tree(path, error) || !file_make_directory(path, error))
            return false;
    }
    return true;
}

/* In one transaction: no request sees a cloud without what a fresh one has. */
static bool clear_store(Cloud *cloud, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    return txn_begin(cloud->config.store, &txn, error) && store_clear(txn, error) &&
           cloud_seed(cloud, txn, error) && txn_commit(&txn, error);
}

bool cloud_reset(Cloud *cloud, GError **error)
{
    /* Networks that are opened meanwhile have nothing in them yet. */
    g_autoptr(GPtrArray) sites = cloud_sites(cloud);
    for (unsigned i = 0; i < sites->len; i++)
        workqueue_pause(((Site *)sites->pdata[i])->instances, true);
    workqueue_pause(cloud->disks, true);
    scaling_pause(cloud);
    long_work_pause(cloud);
    bool ok = clear_store(cloud, error) && call_inside(cloud, wipe, error) &&
              metrics_clear(cloud->metrics, error);
    g_mutex_lock(&cloud->mutex);
    g_hash_table_remove_all(cloud->ends);
    g_mutex_unlock(&cloud->mutex);
    for (unsigned i = 0; i < sites->len; i++)
        workqueue_resume(((Site *)sites->pdata[i])->instances);
    workqueue_resume(cloud->disks);
    scaling_resume(cloud);
    long_work_resume(cloud);
    cloud_wake_network(cloud);
    return ok;
}
