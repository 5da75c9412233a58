/* The network interface without a network: for tests of the rules, for `--backend fake` and for
 * scale. It keeps the same books as netns/, one small file for each plugged interface under
 * run_dir, so that a later open() finds what an earlier daemon plugged.
 *
 * Invariant: the set of ids in memory is the set of files. */
#include "backends/network.h"
#include "base/fault.h"
#include "base/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TAP_TAIL 12 /* of the id: the name stays within the kernel's 15 characters */

struct Network {
    GMutex lock;
    char *run_dir;
    char *nics_dir;
    char *router;
    GHashTable *ids; /* set of char * */
};

/* The first host address of the first subnet, as netns/ has it. */
static char *find_router(const NetworkConfig *config)
{
    unsigned a, b, c, d;
    const NetworkSubnet *first = config->subnets.n ? list_at(&config->subnets, 0) : NULL;
    if (!first || sscanf(first->cidr, "%u.%u.%u.%u/", &a, &b, &c, &d) != 4)
        return NULL;
    return g_strdup_printf("%u.%u.%u.%u", a, b, c, d + 1);
}

static bool is_file_name(const char *id)
{
    return *id && *id != '.' && !strchr(id, '/');
}

static void network_free(Network *network)
{
    g_mutex_clear(&network->lock);
    g_clear_pointer(&network->ids, g_hash_table_unref);
    g_free(network->router);
    g_free(network->nics_dir);
    g_free(network->run_dir);
    g_free(network);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Network, network_free)

static bool fake_open(const NetworkConfig *config, Network **ret_network, GError **error)
{
    g_autoptr(Network) network = g_new0(Network, 1);
    g_mutex_init(&network->lock);
    network->run_dir = g_strdup(config->run_dir);
    network->nics_dir = g_build_filename(config->run_dir, "nics", NULL);
    network->ids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    network->router = find_router(config);
    if (!network->router)
        return trouble_set(error, "network %s: no subnet, or a wrong one", config->id);
    if (!file_make_directory(network->nics_dir, error))
        return false;
    g_autoptr(GDir) files = g_dir_open(network->nics_dir, 0, error);
    if (!files)
        return false;
    for (const char *name; (name = g_dir_read_name(files));)
        g_hash_table_add(network->ids, g_strdup(name));
    *ret_network = g_steal_pointer(&network);
    return true;
}

static void fake_close(Network *network, bool keep)
{
    if (!network)
        return;
    if (!keep)
        file_remove_tree(network->run_dir, NULL);
    network_free(network);
}

static bool fake_describe(Network *network, Arena *arena, NetworkInfo *ret_info, GError **error)
{
    *ret_info = (NetworkInfo){.backend = "fake",
                              .router = arena_strdup(arena, network->router),
                              .way_out = "none: the network is a fake"};
    return true;
}

static bool fake_enter(Network *network, GError **error)
{
    return true;
}

static void fake_run_outside(Network *network, void (*fn)(void *data), void *data)
{
    fn(data);
}

static bool fake_plug(Network *network, Arena *arena, const NetworkNic *nic, const char **ret_tap,
                      GError **error)
{
    if (!is_file_name(nic->id))
        return trouble_set(error, "'%s' is no interface id", nic->id);
    g_autofree char *path = g_build_filename(network->nics_dir, nic->id, NULL);
    g_autofree char *text = g_strdup_printf("%s %s %s\n", nic->mac, nic->address, nic->hostname);
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&network->lock);
    if (!g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_NONE, 0600, error))
        return false;
    g_hash_table_add(network->ids, g_strdup(nic->id));
    size_t n = strlen(nic->id);
    *ret_tap = arena_printf(arena, "tap%s", nic->id + (n > TAP_TAIL ? n - TAP_TAIL : 0));
    return true;
}

static bool fake_unplug(Network *network, const char *nic_id, GError **error)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&network->lock);
    if (!g_hash_table_contains(network->ids, nic_id))
        return true;
    g_autofree char *path = g_build_filename(network->nics_dir, nic_id, NULL);
    if (unlink(path) < 0 && errno != ENOENT)
        return trouble_set_errno(error, errno, "cannot remove %s", path);
    g_hash_table_remove(network->ids, nic_id);
    return true;
}

static bool fake_list(Network *network, Arena *arena, List *ret_ids, GError **error)
{
    List ids = {0};
    GHashTableIter iter;
    void *id;
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&network->lock);
    g_hash_table_iter_init(&iter, network->ids);
    while (g_hash_table_iter_next(&iter, &id, NULL))
        list_add(&ids, arena, arena_strdup(arena, id));
    *ret_ids = ids;
    return true;
}

/* There is no packet to judge; what the rules mean is the relay's business and tested there. */
static bool fake_set_firewall(Network *network, const List *groups, GError **error)
{
    LIST_EACH (const FirewallGroup *, group, groups)
        g_assert(group->id);
    return true;
}

/* Nobody can ask. */
static bool fake_set_names(Network *network, const List *names, GError **error)
{
    LIST_EACH (const NetworkName *, name, names)
        g_assert(name->address && name->names.n > 0);
    return true;
}

static bool fake_is_reachable(Network *network, const char *address, bool *ret_reachable,
                              GError **error)
{
    *ret_reachable = true;
    return true;
}

const NetworkOps network_fake = {
    .name = "fake",
    .pretends = true,
    .open = fake_open,
    .close = fake_close,
    .describe = fake_describe,
    .enter = fake_enter,
    .run_outside = fake_run_outside,
    .plug = fake_plug,
    .unplug = fake_unplug,
    .list = fake_list,
    .is_reachable = fake_is_reachable,
    .set_firewall = fake_set_firewall,
    .set_names = fake_set_names,
};
