/* PutObject, DeleteObject. Reading is in get.c, copying in copy.c. */
#include "api/s3/object_lock.h"
#include "api/s3/operations.h"
#include "api/s3/put.h"

static char *quoted(Arena *arena, const char *etag)
{
    return arena_printf(arena, "\"%s\"", etag);
}

bool s3_put_bytes(S3Call *call, S3Put *put, GError **error)
{
    Object *object = &put->object;
    object->size = (int64_t)call->bytes->size;
    object->blob_id = call->bytes->id;
    object->etag = s3_etag_of(call->arena, call->bytes, put->encryption.customer_key != NULL);
    object->checksum = checksum_record(call->arena, &call->checksum);

    g_autoptr(Txn) txn = NULL;
    Bucket *bucket;
    if (!s3_begin_write(call, &txn, &bucket, error) ||
        !blob_writer_keep(call->writer, txn, error) ||
        !s3_put_store(call, txn, bucket, put, error) || !txn_commit(&txn, error))
        return false;
    blob_writer_kept(call->writer);
    blobs_wake(call->s3->blobs);
    s3_reply_header(call, "ETag", quoted(call->arena, object->etag));
    s3_put_reply(call, bucket, object);
    s3_checksum_reply(call, object->checksum);
    return true;
}

bool s3_put_object(S3Call *call, GError **error)
{
    if (!s3_put_bytes(call, call->state, error))
        return false;
    s3_reply_empty(call, 200);
    return true;
}

/* Whether the caller may, and wants to, override a governance lock of the version. */
static bool find_bypass(S3Call *call, Txn *txn, const Bucket *bucket, bool *ret_bypass,
                        GError **error)
{
    *ret_bypass = false;
    if (!call->version_id || !s3_header(call, "x-amz-bypass-governance-retention"))
        return true;
    Object *object;
    g_autoptr(GError) missing = NULL;
    if (!object_find(txn, call->arena, bucket, call->key, call->version_id, &object, &missing))
        return true; /* object_remove says so */
    return s3_lock_bypass(call, txn, bucket, object, ret_bypass, error);
}

/* "The object must still be the one that I have seen." What only directory buckets know must not be
 * ignored: something would be deleted that is to stay. */
static bool check_conditions(S3Call *call, Txn *txn, const Bucket *bucket, GError **error)
{
    const Conditions conditions = {.if_match = s3_write_conditions(call).if_match};
    if (s3_header(call, "x-amz-if-match-last-modified-time") ||
        s3_header(call, "x-amz-if-match-size"))
        return s3_not_implemented(error);
    return s3_check_write_conditions(call, txn, bucket, call->key, &conditions, error);
}

bool s3_delete_object(S3Call *call, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Bucket *bucket;
    bool bypass;
    ObjectRemoval removal;
    if (!s3_begin_write(call, &txn, &bucket, error) ||
        !find_bypass(call, txn, bucket, &bypass, error) ||
        !check_conditions(call, txn, bucket, error) ||
        !object_remove(call->s3->blobs, txn, call->arena, bucket, call->key, call->version_id,
                       bypass, s3_now(call), &removal, error) ||
        !txn_commit(&txn, error))
        return false;
    blobs_wake(call->s3->blobs);
    if (bucket->versioning)
        s3_reply_header(call, "x-amz-version-id", removal.version_id);
    if (removal.marker)
        s3_reply_header(call, "x-amz-delete-marker", "true");
    s3_reply_empty(call, 204);
    return true;
}
