/* Bundling instances. */
#include "cloud/bundle_tasks.h"
#include "api/ec2/describe.h"
#include "api/ec2/handlers.h"
#include "api/ec2/tag_items.h"
#include "api/s3/access_for.h"
#include "api/s3/upload_policy.h"
#include "base/fault.h"

static BundleStorage *storage_item(Call *call, const BundleTask *task)
{
    BundleStorage *storage = EC2_NEW(call, BundleStorage);
    storage->s3 = EC2_NEW(call, BundleStorageS3);
    storage->s3->access_key_id = task->access_key_id;
    storage->s3->bucket = task->bucket;
    storage->s3->prefix = task->prefix;
    storage->s3->upload_policy = task->upload_policy;
    return storage;
}

static BundleTaskItem *task_item(Call *call, const BundleTask *task)
{
    BundleTaskItem *item = EC2_NEW(call, BundleTaskItem);
    item->bundle_id = task->id;
    item->instance_id = task->instance_id;
    item->state = task->state;
    item->start_time = task->started;
    item->update_time = task->updated;
    item->progress = arena_printf(call->context.arena, "%d%%", (int)task->progress);
    item->storage = storage_item(call, task);
    if (task->error_code) {
        item->error = EC2_NEW(call, BundleTaskErrorItem);
        item->error->code = task->error_code;
        item->error->message = task->error_message;
    }
    return item;
}

static bool check_storage(const BundleStorage *storage, GError **error)
{
    const BundleStorageS3 *s3 = storage->s3;
    const char *missing = !s3 || !s3->bucket ? "Storage.S3.Bucket"
                          : !s3->prefix      ? "Storage.S3.Prefix"
                          : s3->upload_policy && !s3->upload_policy_signature
                              ? "Storage.S3.UploadPolicySignature"
                          : s3->upload_policy && !s3->access_key_id ? "Storage.S3.AWSAccessKeyId"
                                                                    : NULL;
    return !missing || fault_set(error, FAULT_MISSING_PARAMETER,
                                 "The request must contain the parameter %s", missing);
}

bool ec2_bundle_instance(Call *call, const BundleInstanceRequest *request, BundleTaskReply *reply,
                         GError **error)
{
    const BundleStorageS3 *s3 = request->storage->s3;
    if (!check_storage(request->storage, error))
        return false;
    const UploadPolicy policy = {s3->upload_policy, s3->upload_policy_signature, s3->access_key_id};
    BundleSpec spec = {
        .instance_id = request->instance_id,
        .bucket = s3->bucket,
        .prefix = s3->prefix,
        .owner = call->context.caller,
        .access_key_id = policy.text ? policy.access_key_id : NULL,
        .upload_policy = policy.text,
    };
    ObjectAccess access = s3_access_for(call);
    BundleTask *task;
    if ((policy.text &&
         !s3_check_upload_policy(call, &policy, spec.bucket, spec.prefix, &spec.owner, error)) ||
        !bundle_task_create(&call->context, &spec, &access, &task, error))
        return false;
    reply->task = task_item(call, task);
    return true;
}

bool ec2_describe_bundle_tasks(Call *call, const DescribeBundleTasksRequest *request,
                               DescribeBundleTasksReply *reply, GError **error)
{
    Page page;
    List tasks = {0};
    ec2_filter(call, &request->filters, &request->bundle_ids, &page);
    if (!bundle_tasks_find(&call->context, &page, &tasks, error))
        return false;
    LIST_EACH (const BundleTask *, task, &tasks)
        list_add(&reply->tasks, call->context.arena, task_item(call, task));
    return true;
}

bool ec2_cancel_bundle_task(Call *call, const CancelBundleTaskRequest *request,
                            BundleTaskReply *reply, GError **error)
{
    BundleTask *task;
    if (!bundle_task_cancel(&call->context, request->bundle_id, &task, error))
        return false;
    reply->task = task_item(call, task);
    return true;
}
