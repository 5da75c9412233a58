/* What `cumulet status` shows. */
#include "cloud/balancers.h"
#include "cloud/site.h"
#include "cloud/tags.h"
#include <string.h>

static const char *name_tag(const List *tags)
{
    for (size_t i = 0; tags && i < tags->n; i++) {
        const Tag *tag = tags->items[i];
        if (strcmp(tag->key, "Name") == 0)
            return tag->value;
    }
    return NULL;
}

static bool add_names(Cloud *cloud, Arena *arena, Txn *txn, CloudStatus *status, GError **error)
{
    Context context = {.cloud = cloud, .arena = arena};
    List ids = {0};
    LIST_EACH (const Instance *, instance, &status->instances)
        list_add(&ids, arena, instance->id);
    g_autoptr(GHashTable) tags = NULL;
    if (!tags_of(&context, txn, &ids, &tags, error))
        return false;
    LIST_EACH (const char *, id, &ids)
        list_add(&status->names, arena, name_tag(g_hash_table_lookup(tags, id)));
    return true;
}

bool cloud_status(Cloud *cloud, Arena *arena, const char *account_id, CloudStatus *ret_status,
                  GError **error)
{
    CloudStatus status = {
        .addresses = cloud->config.addresses,
        .memory_limit_mib = (int64_t)cloud->config.memory_limit_mib,
    };
    g_autoptr(GPtrArray) sites = cloud_sites(cloud);
    Site *site = sites->pdata[0];
    g_autoptr(Txn) txn = NULL;
    if (!cloud->config.hypervisor->describe(cloud->hypervisor, arena, &status.hypervisor, error) ||
        !cloud->config.network->describe(site->network, arena, &status.network, error) ||
        !txn_begin_read(cloud->config.store, &txn, error) ||
        !record_count(txn, COUNT_MEMORY_MIB_LIVE, &status.memory_used_mib, error) ||
        !record_query(txn, arena, QUERY_INSTANCES_OF_ACCOUNT, &status.instances, error,
                      account_id) ||
        !record_query(txn, arena, QUERY_IMAGES_FOR_ACCOUNT, &status.images, error, account_id) ||
        !balancers_status(cloud, txn, arena, account_id, &status.balancers, error) ||
        !add_names(cloud, arena, txn, &status, error))
        return false;
    *ret_status = status;
    return true;
}
