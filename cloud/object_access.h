/* Objects that EC2 fetches or puts for its callers: what the object store itself would let them do
 * is decided by who hands this in, since rules of buckets are the API's (api/s3/access.h). */
#pragma once

#include "cloud/cloud.h"
#include "imagestore/objects.h"

typedef struct ObjectAccess ObjectAccess;
struct ObjectAccess {
    /* action: "s3:GetObject", "s3:PutObject", "s3:PutObjectAcl" or "s3:CreateBucket". bucket NULL:
     * it is to be made; object NULL: it is not there, and who may not know that is refused. Fault
     * AccessDenied. The transaction reads. */
    bool (*check)(const ObjectAccess *access, Context *context, Txn *txn, const char *action,
                  const char *bucket_name, const Bucket *bucket, const char *key,
                  const Object *object, GError **error);
    const void *data;
};
