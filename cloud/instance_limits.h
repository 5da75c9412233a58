/* How many more instances fit: the account's quota and the host's memory. Private to cloud/. */
#pragma once

#include "cloud/cloud.h"

/* The largest count in min..max that may start now. Faults: InstanceLimitExceeded,
 * InsufficientInstanceCapacity. */
bool instance_limits_fit(Context *context, Txn *txn, const InstanceType *type, int64_t min,
                         int64_t max, int64_t *ret_count, GError **error);
