/* CreateMultipartUpload, AbortMultipartUpload. Parts are in part.c, completing is in complete.c. */
#include "api/s3/multipart.h"

#include "api/s3/access.h"
#include "api/s3/lifecycle.h"
#include "api/s3/operations.h"
#include "api/s3/put.h"
#include "base/fault.h"
#include <string.h>

/* The canonical id that S3 shows for callers without a signature. */
#define ANONYMOUS_ID "65a011a29cdf8ec533ec3d1ccaae921c"

static bool is_caller(const S3Call *call, const char *account_id)
{
    return !call->signature.anonymous && strcmp(call->signature.caller.account_id, account_id) == 0;
}

/* That others may write to the bucket lets nobody go on with an upload that is not his own; it may
 * be listed and aborted by whom a policy lets. */
static bool check_party(S3Call *call, Txn *txn, const Bucket *bucket, const Upload *upload,
                        GError **error)
{
    static const char *const by_policy[] = {"s3:AbortMultipartUpload",
                                            "s3:ListMultipartUploadParts", NULL};
    const char *action = call->operation->action;
    if (!upload->initiator_account || is_caller(call, upload->initiator_account) ||
        is_caller(call, bucket->account_id))
        return true;
    if (g_strv_contains(by_policy, action))
        return s3_check_access_to(call, txn, action, bucket, call->key, NULL, S3_ACL_NOBODY, 0,
                                  error);
    return fault_set(error, FAULT_ACCESS_DENIED, "Access Denied");
}

bool s3_upload_find(S3Call *call, Txn *txn, const Bucket *bucket, Upload **ret_upload,
                    GError **error)
{
    const char *id = s3_param(call, "uploadId");
    if (upload_find(txn, call->arena, bucket, call->key, id, ret_upload, error))
        return check_party(call, txn, bucket, *ret_upload, error);
    s3_detail(call, "UploadId", id);
    return false;
}

/* ---- CreateMultipartUpload ---- */

static bool bad_checksum_type(ChecksumKind kind, bool composite, GError **error)
{
    return fault_set(error, FAULT_INVALID_REQUEST,
                     "The %s checksum type cannot be used with the %s checksum algorithm.",
                     composite ? "COMPOSITE" : "FULL_OBJECT", checksum_lower_name(kind));
}

/* "Checking object integrity" has the table of what goes with what. */
static bool read_checksum(S3Call *call, const char **ret_checksum, GError **error)
{
    const char *type = s3_header(call, "x-amz-checksum-type");
    ChecksumKind kind;
    if (!s3_checksum_asked(call, &kind, error))
        return false;
    if (kind == CHECKSUM_NONE)
        return !type || fault_set(error, FAULT_INVALID_REQUEST,
                                  "The x-amz-checksum-type header can only be used with the "
                                  "x-amz-checksum-algorithm header.");
    bool composite = type ? strcmp(type, "COMPOSITE") == 0 : kind != CHECKSUM_CRC64NVME;
    if (type && !composite && strcmp(type, "FULL_OBJECT") != 0)
        return fault_set(error, FAULT_INVALID_REQUEST,
                         "Value for x-amz-checksum-type header is invalid.");
    if (composite ? kind == CHECKSUM_CRC64NVME : !checksum_is_crc(kind))
        return bad_checksum_type(kind, composite, error);
    *ret_checksum = checksum_record(call->arena, &(ChecksumClaim){kind, NULL, composite});
    return true;
}

/* A user is told by his ARN, an account by its canonical id. */
static void set_initiator(const S3Call *call, Upload *upload)
{
    const char *arn = call->signature.caller.arn;
    upload->initiator = ANONYMOUS_ID;
    if (call->signature.anonymous)
        return;
    upload->initiator_account = call->signature.caller.account_id;
    const char *slash = arn ? strrchr(arn, '/') : NULL; /* root has none */
    upload->initiator = slash ? arn : call->caller_id;
    upload->initiator_name = slash ? slash + 1 : call->caller_name;
}

static Upload *new_upload(S3Call *call, const Object *wanted)
{
    Upload upload = {
        .bucket = call->bucket_name,
        .key = call->key,
        .storage_class = wanted->storage_class,
        .headers = wanted->headers,
        .tags = wanted->tags,
        .lock_mode = wanted->lock_mode,
        .retain_until = wanted->retain_until,
        .legal_hold = wanted->legal_hold,
        .encryption = wanted->encryption,
        .encryption_key = wanted->encryption_key,
    };
    set_initiator(call, &upload);
    return arena_memdup(call->arena, &upload, sizeof(upload));
}

static bool store_upload(S3Call *call, Upload *upload, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Bucket *bucket;
    if (!s3_begin_write(call, &txn, &bucket, error))
        return false;
    upload->account_id = s3_put_owner(call, bucket);
    return s3_acl_from_headers(call, txn, bucket, upload->account_id, true, &upload->acl, error) &&
           upload_create(txn, call->arena, upload, s3_now(call), error) && txn_commit(&txn, error);
}

static void reply_checksum(S3Call *call, const Upload *upload)
{
    ChecksumClaim claim = checksum_claim(call->arena, upload->checksum);
    if (claim.kind == CHECKSUM_NONE)
        return;
    s3_reply_header(call, "x-amz-checksum-algorithm", checksum_name(claim.kind));
    s3_reply_header(call, "x-amz-checksum-type", claim.composite ? "COMPOSITE" : "FULL_OBJECT");
}

bool s3_create_multipart_upload(S3Call *call, GError **error)
{
    const S3Put *put = call->state;
    Upload *upload = new_upload(call, &put->object);
    if (!read_checksum(call, &upload->checksum, error) || !store_upload(call, upload, error))
        return false;
    s3_encryption_reply(call, upload->encryption, upload->encryption_key);
    s3_abortion_reply(call, call->bucket, upload);
    reply_checksum(call, upload);
    Buffer *xml = s3_xml_begin(call, "InitiateMultipartUploadResult");
    s3_xml_text(xml, "Bucket", call->bucket_name);
    s3_xml_text(xml, "Key", call->key);
    s3_xml_text(xml, "UploadId", upload->id);
    s3_xml_end(call, "InitiateMultipartUploadResult");
    return true;
}

/* ---- AbortMultipartUpload ---- */

bool s3_abort_multipart_upload(S3Call *call, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Bucket *bucket;
    Upload *upload;
    if (!s3_begin_write(call, &txn, &bucket, error) ||
        !s3_upload_find(call, txn, bucket, &upload, error) ||
        !upload_abort(call->s3->blobs, txn, call->arena, upload, error) || !txn_commit(&txn, error))
        return false;
    blobs_wake(call->s3->blobs);
    s3_reply_empty(call, 204);
    return true;
}
