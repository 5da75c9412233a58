/* What `cumulet status` shows. */
#include "cloud/site.h"

bool cloud_status(Cloud *cloud, Arena *arena, const char *account_id, CloudStatus *ret_status,
                  GError **error)
{
    CloudStatus status = {
        .addresses = cloud->config.addresses,
        .memory_limit_mib = (int64_t)cloud->config.memory_limit_mib,
    };
    Site *site = cloud->sites->pdata[0];
    g_autoptr(Txn) txn = NULL;
    if (!cloud->config.hypervisor->describe(cloud->hypervisor, arena, &status.hypervisor, error) ||
        !cloud->config.network->describe(site->network, arena, &status.network, error) ||
        !txn_begin_read(cloud->config.store, &txn, error) ||
        !record_count(txn, COUNT_MEMORY_MIB_LIVE, &status.memory_used_mib, error) ||
        !record_query(txn, arena, QUERY_INSTANCES_OF_ACCOUNT, &status.instances, error,
                      account_id) ||
        !record_query(txn, arena, QUERY_IMAGES_FOR_ACCOUNT, &status.images, error, account_id))
        return false;
    *ret_status = status;
    return true;
}
