/* A site: the network of one VPC and what moves in it.
 *
 * Invariant: its threads are inside its network from their first instruction on; only site_open's
 * caller and the network's own outside thread stay out. */
#include "cloud/site.h"

#include "base/fault.h"
#include "base/file.h"
#include "base/id.h"
#include "cloud/addresses.h"
#include "cloud/balancer_controller.h"
#include "cloud/catalog.h"
#include "cloud/names.h"

/* Names that programs in guests look up and that are Cumulet here. */
static const char *const endpoint_names[] = {
    "amazonaws.com",
    "cumulet.internal",
};

/* Starting a machine waits for child processes and QEMU, not for the processor alone. */
#define INSTANCE_THREADS 4

static void enter(void *data)
{
    Site *site = data;
    g_autoptr(GError) error = NULL;
    if (!site->cloud->config.network->enter(site->network, &error))
        g_error("cannot enter the network of %s: %s", site->vpc_id, error->message);
}

static void run_outside(void *data, void (*fn)(void *), void *fn_data)
{
    Site *site = data;
    site->cloud->config.network->run_outside(site->network, fn, fn_data);
}

static bool open_network(Site *site, const Vpc *vpc, GError **error)
{
    Cloud *cloud = site->cloud;
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(Txn) txn = NULL;
    List subnets = {0};
    if (!txn_begin_read(cloud->config.store, &txn, error) ||
        !record_query(txn, arena, QUERY_SUBNETS_OF_VPC, &subnets, error, vpc->id) ||
        !txn_commit(&txn, error))
        return false;
    NetworkConfig config = {
        .id = vpc->id,
        .cidr = vpc->cidr,
        .run_dir = arena_printf(arena, "%s/run/%s", cloud->config.state_dir, vpc->id),
        .domain = PRIVATE_DOMAIN,
        .endpoint_port = cloud->config.endpoint_port,
        .no_outside = cloud->config.no_outside,
        .services = names_inside_block(arena, cloud->config.addresses, vpc->cidr),
        .names_domain = cloud->config.dns_suffix,
    };
    site->has_services = config.services != NULL;
    names_add_endpoints(arena, cloud->config.dns_suffix, &config.endpoint_names);
    for (size_t i = 0; i < G_N_ELEMENTS(endpoint_names); i++)
        list_add(&config.endpoint_names, arena, endpoint_names[i]);
    LIST_EACH (const Subnet *, subnet, &subnets) {
        NetworkSubnet *made = arena_new_struct(arena, NetworkSubnet);
        made->cidr = subnet->cidr;
        list_add(&config.subnets, arena, made);
    }
    return cloud->config.network->open(&config, &site->network, error);
}

bool site_open(Cloud *cloud, const Vpc *vpc, Site **ret_site, GError **error)
{
    Site *site = g_new0(Site, 1);
    site->cloud = cloud;
    site->vpc_id = g_strdup(vpc->id);
    if (!open_network(site, vpc, error)) {
        site_close(site, true);
        return false;
    }
    if (!cloud->config.network->pretends) {
        LbOptions options = {.enter = enter, .run_outside = run_outside, .data = site};
        int status = lb_open(&options, &site->lb);
        if (status < 0) {
            trouble_set_errno(error, -status, "cannot start the relay of public addresses");
            site_close(site, true);
            return false;
        }
        if (!balancers_open_probes(site, error)) {
            site_close(site, true);
            return false;
        }
    }
    site->instances = workqueue_new("instances", cloud->config.clock, INSTANCE_THREADS, enter,
                                    instance_step, site);
    site->firewall = workqueue_new("network", cloud->config.clock, 1, enter, network_step, site);
    *ret_site = site;
    return true;
}

/* Takes down a network that an earlier daemon left and whose VPC is gone. */
static bool remove_network(Cloud *cloud, const char *vpc_id, GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    NetworkSubnet subnet = {.cidr = DEFAULT_VPC_CIDR};
    NetworkConfig config = {
        .id = vpc_id,
        .cidr = DEFAULT_VPC_CIDR,
        .run_dir = arena_printf(arena, "%s/run/%s", cloud->config.state_dir, vpc_id),
        .domain = PRIVATE_DOMAIN,
        .no_outside = true,
    };
    list_add(&config.subnets, arena, &subnet);
    Network *network;
    if (!cloud->config.network->open(&config, &network, error))
        return false;
    cloud->config.network->close(network, false);
    return file_remove_tree(config.run_dir, error);
}

bool sites_remove_strays(Cloud *cloud, GError **error)
{
    g_autofree char *run = g_build_filename(cloud->config.state_dir, "run", NULL);
    g_autoptr(GDir) directory = g_dir_open(run, 0, error);
    if (!directory)
        return false;
    for (const char *name; (name = g_dir_read_name(directory));) {
        if (!id_is_valid(name, "vpc") || cloud_site(cloud, name))
            continue;
        g_message("%s: no record owns this network; it is taken down", name);
        if (!remove_network(cloud, name, error))
            return false;
    }
    return true;
}

void site_close(Site *site, bool keep_guests)
{
    if (!site)
        return;
    workqueue_free(site->instances);
    workqueue_free(site->firewall);
    probes_close(site->probes);
    lb_close(site->lb);
    if (site->network)
        site->cloud->config.network->close(site->network, keep_guests);
    g_free((char *)site->vpc_id);
    g_free(site);
}

Site *cloud_site(Cloud *cloud, const char *vpc_id)
{
    g_autoptr(GPtrArray) sites = cloud_sites(cloud);
    for (unsigned i = 0; i < sites->len; i++) {
        Site *site = sites->pdata[i];
        if (g_str_equal(site->vpc_id, vpc_id))
            return site;
    }
    return NULL;
}
