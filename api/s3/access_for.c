/* See the header. */
#include "api/s3/access_for.h"

#include "api/s3/access.h"
#include "base/fault.h"

/* The rows of operations.def that such requests are. */
typedef struct Deed {
    const char *action;
    S3AclOf acl_of;
    unsigned acl;
} Deed;

static const Deed deeds[] = {
    {"s3:GetObject", S3_ACL_OBJECT, ACL_READ},
    {"s3:PutObject", S3_ACL_BUCKET, ACL_WRITE},
    {"s3:PutObjectAcl", S3_ACL_BUCKET, ACL_WRITE},
    {"s3:CreateBucket", S3_ACL_NOBODY, 0},
};

static const Deed *deed_of(const char *action)
{
    for (size_t i = 0; i < G_N_ELEMENTS(deeds); i++) {
        if (strcmp(deeds[i].action, action) == 0)
            return &deeds[i];
    }
    g_assert_not_reached();
}

static bool check(const ObjectAccess *access, Context *context, Txn *txn, const char *action,
                  const char *bucket_name, const Bucket *bucket, const char *key,
                  const Object *object, GError **error)
{
    const Call *origin = access->data;
    const Deed *deed = deed_of(action);
    const HttpRequest http = {
        .method = "GET", .path = "/", .query = "", .source_ip = origin->source_ip};
    const S3Config config = {
        .cloud = context->cloud,
        .blobs = cloud_blobs(context->cloud),
        .clock = cloud_clock(context->cloud),
        .region = context->region,
    };
    S3Call call = {
        .s3 = &config,
        .arena = context->arena,
        .http = &http,
        .bucket_name = bucket_name,
        .key = key,
        .signature = {.caller = context->caller},
    };
    return s3_account_identity(&call, txn, context->caller.account_id, &call.caller_id,
                               &call.caller_name, error) &&
           s3_check_access_to(&call, txn, action, bucket, key, object, deed->acl_of, deed->acl,
                              error);
}

ObjectAccess s3_access_for(const Call *call)
{
    return (ObjectAccess){.check = check, .data = call};
}
