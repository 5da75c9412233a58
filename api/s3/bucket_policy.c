/* Bucket policies: JSON, kept byte for byte as it was put. */
#include "api/s3/operations.h"

#include "base/fault.h"
#include "cloud/policy.h"
#include <string.h>

static bool find_policy(S3Call *call, const char **ret_body, GError **error)
{
    if (!bucket_document_find(call->txn, call->arena, call->bucket, DOCUMENT_POLICY, ret_body,
                              error))
        return false;
    if (*ret_body)
        return true;
    s3_detail(call, "BucketName", call->bucket_name);
    return fault_set(error, FAULT_NO_SUCH_BUCKET_POLICY, "The bucket policy does not exist");
}

bool s3_get_bucket_policy(S3Call *call, GError **error)
{
    const char *body;
    if (!find_policy(call, &body, error))
        return false;
    buffer_add_text(&call->reply->body, body);
    call->reply->status = 200;
    call->reply->content_type = "application/json";
    return true;
}

bool s3_get_bucket_policy_status(S3Call *call, GError **error)
{
    const char *body;
    Policy *policy;
    if (!find_policy(call, &body, error) ||
        !policy_read(call->arena, body, POLICY_OF_RESOURCE, &policy, error))
        return false;
    Buffer *xml = s3_xml_begin(call, "PolicyStatus");
    s3_xml_bool(xml, "IsPublic", policy_is_public(policy));
    s3_xml_end(call, "PolicyStatus");
    return true;
}

static bool read_policy(S3Call *call, Policy **ret_policy, GError **error)
{
    if (call->document_size == 0)
        return fault_set(error, FAULT_MALFORMED_POLICY,
                         "Policies must be valid JSON and the first byte must be '{'");
    if (call->document_size > POLICY_MAX_SIZE)
        return fault_set(error, FAULT_MALFORMED_POLICY,
                         "Policy exceeds the maximum allowed document size.");
    const char *arn = arena_printf(call->arena, "arn:aws:s3:::%s", call->bucket_name);
    return policy_read(call->arena, call->document, POLICY_OF_RESOURCE, ret_policy, error) &&
           policy_check_resources(*ret_policy, arn, error);
}

/* body NULL: takes it away. */
static bool keep_policy(S3Call *call, const char *body, bool is_public, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Bucket *bucket;
    if (!s3_begin_write(call, &txn, &bucket, error))
        return false;
    if (is_public && bucket->public_access_block & PUBLIC_ACCESS_BLOCK_POLICY)
        return fault_set(error, FAULT_ACCESS_DENIED,
                         "Access Denied: public policies are blocked by the BlockPublicPolicy "
                         "setting of the bucket's public access block");
    if (!bucket_document_set(txn, bucket, DOCUMENT_POLICY, body, error) || !txn_commit(&txn, error))
        return false;
    s3_reply_empty(call, 204);
    return true;
}

bool s3_put_bucket_policy(S3Call *call, GError **error)
{
    Policy *policy;
    return read_policy(call, &policy, error) &&
           keep_policy(call, call->document, policy_is_public(policy), error);
}

bool s3_delete_bucket_policy(S3Call *call, GError **error)
{
    return keep_policy(call, NULL, false, error);
}
