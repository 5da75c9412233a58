/* The records behind the metadata service. Invariant: everything is read in one snapshot and by
 * the address alone, so an instance can learn nothing of another. */
#include "cloud/metadata.h"

#include "cloud/views.h"
#include <string.h>

static bool load_around(Txn *txn, Arena *arena, const Instance *instance, Metadata *metadata,
                        GError **error)
{
    void *key = NULL;
    if (!subnet_get(txn, arena, instance->subnet_id, &metadata->subnet, error) ||
        !vpc_get(txn, arena, instance->vpc_id, &metadata->vpc, error) ||
        !zone_get(txn, arena, instance->zone, &metadata->zone, error) ||
        !image_get(txn, arena, instance->image_id, &metadata->image, error) ||
        !record_query(txn, arena, QUERY_DISKS_OF_INSTANCE, &metadata->disks, error, instance->id))
        return false;
    if (instance->key_name && !record_query_one(txn, arena, QUERY_KEY_PAIR_BY_NAME, &key, error,
                                                instance->account_id, instance->key_name))
        return false;
    metadata->key = key;
    return true;
}

bool metadata_find(Cloud *cloud, Arena *arena, const char *vpc_id, const char *address,
                   Metadata **ret_metadata, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    void *found;
    if (!txn_begin_read(cloud_store(cloud), &txn, error) ||
        !record_query_one(txn, arena, QUERY_INSTANCE_BY_PRIVATE_IP, &found, error, vpc_id, address))
        return false;
    if (!found) {
        *ret_metadata = NULL;
        return true;
    }
    Instance *instance = found;
    Context context = {
        .cloud = cloud, .arena = arena, .caller = {.account_id = instance->account_id}};
    Metadata *metadata = arena_new_struct(arena, Metadata);
    List instances = {0}, views = {0};
    list_add(&instances, arena, instance);
    if (!instance_views(&context, txn, &instances, &views, error) ||
        !load_around(txn, arena, instance, metadata, error))
        return false;
    metadata->view = list_at(&views, 0);
    LIST_EACH (Eni *, eni, &metadata->view->enis)
        if (strcmp(eni->private_ip, address) == 0)
            metadata->eni = eni;
    *ret_metadata = metadata;
    return true;
}
