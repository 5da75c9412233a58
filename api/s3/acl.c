/* The ACLs of buckets and objects. Where they do not count, all is the bucket owner's. */
#include "api/s3/access.h"
#include "api/s3/acl_wire.h"
#include "api/s3/configuration.h"
#include "api/s3/operations.h"

bool s3_get_bucket_acl(S3Call *call, GError **error)
{
    const Bucket *bucket = call->bucket;
    return s3_acl_reply(call, call->txn, bucket->account_id,
                        s3_acls_count(bucket) ? bucket->acl : NULL, error);
}

bool s3_put_bucket_acl(S3Call *call, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Bucket *bucket;
    if (!s3_begin_write(call, &txn, &bucket, error) ||
        !s3_acl_from_document(call, txn, bucket, bucket->account_id, false, &bucket->acl, error) ||
        !bucket_put(txn, bucket, error) || !txn_commit(&txn, error))
        return false;
    s3_reply_empty(call, 200);
    return true;
}

bool s3_get_object_acl(S3Call *call, GError **error)
{
    if (!s3_object_shown(call, error))
        return false;
    const Bucket *bucket = call->bucket;
    const Object *object = call->object;
    return s3_acls_count(bucket)
               ? s3_acl_reply(call, call->txn, object->account_id, object->acl, error)
               : s3_acl_reply(call, call->txn, bucket->account_id, NULL, error);
}

static bool change_acl(S3Call *call, Txn *txn, const Bucket *bucket, Object *object,
                       const void *data, GError **error)
{
    const char *owner = s3_acls_count(bucket) ? object->account_id : bucket->account_id;
    return s3_acl_from_document(call, txn, bucket, owner, true, &object->acl, error);
}

bool s3_put_object_acl(S3Call *call, GError **error)
{
    if (!s3_object_change(call, change_acl, NULL, error))
        return false;
    s3_reply_empty(call, 200);
    return true;
}
