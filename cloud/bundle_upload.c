/* See the header. */
#include "cloud/bundle_upload.h"

#include "base/digest.h"
#include "base/fault.h"
#include "imagestore/acl.h"
#include "imagestore/objects.h"
#include <string.h>

#define CANNED_ACL "aws-exec-read"

const char *bundle_upload_name(const BundleUpload *upload)
{
    const char *slash = strrchr(upload->prefix, '/');
    return slash ? slash + 1 : upload->prefix;
}

char *bundle_upload_manifest(Arena *arena, const BundleUpload *upload)
{
    return arena_printf(arena, "%s.manifest.xml", bundle_upload_name(upload));
}

static const char *key_of(Arena *arena, const BundleUpload *upload, const char *filename)
{
    int folder = (int)(bundle_upload_name(upload) - upload->prefix);
    return arena_printf(arena, "%.*s%s", folder, upload->prefix, filename);
}

static bool canonical_id(Txn *txn, Arena *arena, const char *account_id, const char **ret_id,
                         GError **error)
{
    Account *account;
    if (!account_get(txn, arena, account_id, &account, error))
        return false;
    *ret_id = account ? account->canonical_id : account_id;
    return true;
}

/* None where ownership controls make ACLs say nothing. */
static bool choose_acl(Txn *txn, Arena *arena, const Bucket *bucket, Object *object, GError **error)
{
    const char *owner, *bucket_owner;
    if (g_strcmp0(bucket->ownership, "BucketOwnerEnforced") == 0) {
        object->account_id = bucket->account_id;
        return true;
    }
    if (!canonical_id(txn, arena, object->account_id, &owner, error) ||
        !canonical_id(txn, arena, bucket->account_id, &bucket_owner, error))
        return false;
    object->acl = acl_write(arena, acl_canned(arena, CANNED_ACL, owner, bucket_owner));
    return true;
}

static bool store(const BundleUpload *upload, Arena *arena, BlobWriter *writer, Object *object,
                  GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Bucket *bucket;
    Blobs *blobs = cloud_blobs(upload->cloud);
    if (!txn_begin(cloud_store(upload->cloud), &txn, error) ||
        !bucket_find(txn, arena, upload->bucket, &bucket, error) ||
        !choose_acl(txn, arena, bucket, object, error) || !blob_writer_keep(writer, txn, error) ||
        !object_store(blobs, txn, arena, bucket, object, cloud_now(upload->cloud), error) ||
        !txn_commit(&txn, error))
        return false;
    blob_writer_kept(writer);
    blobs_wake(blobs);
    return true;
}

bool bundle_upload_put(const BundleUpload *upload, const char *filename, const char *content_type,
                       const void *bytes, size_t size, GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(BlobWriter) writer = blob_writer_new(cloud_blobs(upload->cloud), &(BlobSpec){0});
    const BlobResult *result;
    char etag[2 * MD5_SIZE + 1];
    blob_writer_add(writer, bytes, size);
    if (!blob_writer_finish(writer, &result, error))
        return false;
    hex_encode(result->md5, MD5_SIZE, etag);
    Object object = {
        .key = key_of(arena, upload, filename),
        .account_id = upload->account_id,
        .size = (int64_t)size,
        .etag = etag,
        .blob_id = result->id,
        .headers = arena_printf(arena, "Content-Type: %s\n", content_type),
        .encryption = NULL,
    };
    return store(upload, arena, writer, &object, error);
}

/* *ret_there: it was. */
static bool remove_object(const BundleUpload *upload, const char *filename, bool *ret_there,
                          GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(Txn) txn = NULL;
    Bucket *bucket;
    Object *object = NULL;
    ObjectRemoval removal;
    const char *key = key_of(arena, upload, filename);
    Blobs *blobs = cloud_blobs(upload->cloud);
    if (!txn_begin(cloud_store(upload->cloud), &txn, error) ||
        !bucket_get(txn, arena, upload->bucket, &bucket, error) ||
        (bucket && !object_find_current(txn, arena, bucket, key, &object, error)))
        return false;
    *ret_there = object != NULL;
    if (!object)
        return true;
    if (!object_remove(blobs, txn, arena, bucket, key, NULL, false, cloud_now(upload->cloud),
                       &removal, error) ||
        !txn_commit(&txn, error))
        return false;
    blobs_wake(blobs);
    return true;
}

/* Whether it was there. */
static bool remove_one(const BundleUpload *upload, const char *filename)
{
    g_autoptr(GError) error = NULL;
    bool there = false;
    if (!remove_object(upload, filename, &there, &error))
        g_warning("%s/%s: %s", upload->bucket, filename, error->message);
    return there;
}

void bundle_upload_remove(const BundleUpload *upload, bool all)
{
    g_autoptr(Arena) arena = arena_new();
    bool there = true;
    if (all || upload->manifest)
        remove_one(upload, bundle_upload_manifest(arena, upload));
    for (size_t i = 0; i < upload->parts || (all && there); i++)
        there =
            remove_one(upload, arena_printf(arena, "%s.part.%02zu", bundle_upload_name(upload), i));
}
