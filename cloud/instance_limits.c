/* Quota and memory. Invariant: the sum of the memory of live instances stays within the limit, so
 * that the host never swaps its guests to death. */
#include "cloud/instance_limits.h"

#include "base/fault.h"
#include "cloud/site.h"
#include <inttypes.h>

bool instance_limits_fit(Context *context, Txn *txn, const InstanceType *type, int64_t min,
                         int64_t max, int64_t *ret_count, GError **error)
{
    Cloud *cloud = context->cloud;
    int64_t running, used_mib = 0;
    if (!record_count(txn, COUNT_INSTANCES_LIVE_OF_ACCOUNT, &running, error,
                      context->caller.account_id))
        return false;
    int64_t quota = (int64_t)cloud->config.instance_limit - running;
    if (quota < min)
        return fault_set(error, FAULT_INSTANCE_LIMIT_EXCEEDED,
                         "Your quota allows for %" PRId64 " more running instance(s). You "
                         "requested at least %" PRId64,
                         MAX(quota, 0), min);

    int64_t room = max;
    if (cloud->config.memory_limit_mib) {
        if (!record_count(txn, COUNT_MEMORY_MIB_LIVE, &used_mib, error))
            return false;
        room = ((int64_t)cloud->config.memory_limit_mib - used_mib) / type->memory_mib;
    }
    if (room < min)
        return fault_set(error, FAULT_INSUFFICIENT_INSTANCE_CAPACITY,
                         "There is no memory for %" PRId64 " more instance(s) of type %s: guests "
                         "hold %" PRId64 " MiB of %" PRIu64 " MiB. Choose a smaller type, "
                         "terminate instances, or raise --memory.",
                         min, type->name, used_mib, cloud->config.memory_limit_mib);
    *ret_count = MIN(max, MIN(quota, room));
    return true;
}
