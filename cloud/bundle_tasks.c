/* See the header. */
#include "cloud/bundle_tasks.h"

#include "base/fault.h"
#include "base/id.h"
#include "cloud/disk_controller.h"
#include "cloud/instances.h"
#include "cloud/long_work.h"
#include <string.h>

#define PREFIX_MAX 900    /* bytes: a key has room for ".manifest.xml" behind it */
#define NAME_MAX_SIZE 100 /* of what is behind the last slash */

static const MissingIds bundle_missing = {
    .not_found = FAULT_INVALID_BUNDLE_ID_NOT_FOUND,
    .noun = "bundle ID",
};

static bool check_place(const BundleSpec *spec, GError **error)
{
    const char *slash = strrchr(spec->prefix, '/');
    const char *name = slash ? slash + 1 : spec->prefix;
    if (!bucket_name_is_valid(spec->bucket))
        return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                         "Value (%.100s) for parameter bucket is invalid.", spec->bucket);
    if (!*name || strlen(spec->prefix) > PREFIX_MAX || strlen(name) > NAME_MAX_SIZE ||
        strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || !object_check_key(spec->prefix, NULL))
        return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                         "Value (%.100s) for parameter prefix is invalid.", spec->prefix);
    return true;
}

static bool check_instance(Context *context, Txn *txn, const Instance *instance, GError **error)
{
    List active = {0};
    if (instance->state != INSTANCE_RUNNING && instance->state != INSTANCE_STOPPED)
        return fault_set(error, FAULT_INCORRECT_INSTANCE_STATE,
                         "The instance '%s' is not in a state from which it can be bundled: %s",
                         instance->id, state_name(&instance_machine, instance->state));
    if (!record_query(txn, context->arena, QUERY_BUNDLE_TASKS_ACTIVE_OF_INSTANCE, &active, error,
                      instance->id))
        return false;
    return active.n == 0 || fault_set(error, FAULT_BUNDLING_IN_PROGRESS,
                                      "The instance '%s' is being bundled already: %s",
                                      instance->id, ((const BundleTask *)list_at(&active, 0))->id);
}

/* ---- the bucket ---- */

static bool may(Context *context, Txn *txn, const ObjectAccess *access, const char *action,
                const BundleSpec *spec, const Bucket *bucket, const char *key, GError **error)
{
    g_autoptr(GError) refusal = NULL;
    if (access->check(access, context, txn, action, spec->bucket, bucket, key, NULL, &refusal))
        return true;
    if (fault_is(refusal, FAULT_ACCESS_DENIED))
        return fault_set(error, FAULT_AUTH_FAILURE, "Not authorized for the bucket %s: %s",
                         spec->bucket, action);
    g_propagate_error(error, g_steal_pointer(&refusal));
    return false;
}

static bool make_bucket(Context *context, Txn *txn, const ObjectAccess *access,
                        const BundleSpec *spec, GError **error)
{
    const Bucket bucket = {
        .name = spec->bucket,
        .account_id = spec->owner.account_id,
        .region = context->region,
        .created = cloud_now(context->cloud),
    };
    return may(context, txn, access, "s3:CreateBucket", spec, NULL, NULL, error) &&
           bucket_create(txn, &bucket, error);
}

static bool use_bucket(Context *context, Txn *txn, const ObjectAccess *access,
                       const BundleSpec *spec, GError **error)
{
    Context owners = *context;
    Bucket *bucket;
    owners.caller = spec->owner;
    if (!bucket_get(txn, context->arena, spec->bucket, &bucket, error))
        return false;
    if (!bucket)
        return make_bucket(&owners, txn, access, spec, error);
    return may(&owners, txn, access, "s3:PutObject", spec, bucket, spec->prefix, error) &&
           may(&owners, txn, access, "s3:PutObjectAcl", spec, bucket, spec->prefix, error);
}

/* ---- verbs ---- */

static BundleTask *new_task(Context *context, const BundleSpec *spec)
{
    BundleTask *task = arena_new_struct(context->arena, BundleTask);
    *task = (BundleTask){
        .id = id_new(context->arena, BUNDLE_TASK_PREFIX),
        .account_id = context->caller.account_id,
        .instance_id = spec->instance_id,
        .bucket = spec->bucket,
        .prefix = spec->prefix,
        .access_key_id = spec->access_key_id,
        .upload_policy = spec->upload_policy,
        .state = BUNDLE_PENDING,
        .started = cloud_now(context->cloud),
    };
    task->updated = task->started;
    return task;
}

bool bundle_task_create(Context *context, const BundleSpec *spec, const ObjectAccess *access,
                        BundleTask **ret_task, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Instance *instance;
    BundleTask *task = new_task(context, spec);
    if (!check_place(spec, error) || !txn_begin(cloud_store(context->cloud), &txn, error) ||
        !instance_find_one(context, txn, spec->instance_id, &instance, error) ||
        !check_instance(context, txn, instance, error) ||
        !use_bucket(context, txn, access, spec, error))
        return false;
    if (instance->state == INSTANCE_RUNNING) {
        task->state = BUNDLE_WAITING;
        instance->reboot_wanted = cloud_now(context->cloud);
        if (!instance_put(txn, instance, error))
            return false;
    }
    if (!bundle_task_insert(txn, task, error) || !txn_commit(&txn, error))
        return false;
    cloud_wake_instance(context->cloud, instance->vpc_id, instance->id);
    *ret_task = task;
    return true;
}

bool bundle_tasks_find(Context *context, const Page *page, List *list, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    const char *token;
    return txn_begin_read(cloud_store(context->cloud), &txn, error) &&
           cloud_find(context, txn, &bundle_task_finder, page, &bundle_missing, list, &token,
                      error);
}

static bool is_over(const BundleTask *task)
{
    static const char *const over[] = {BUNDLE_CANCELLING, BUNDLE_COMPLETE, BUNDLE_FAILED, NULL};
    return g_strv_contains(over, task->state);
}

bool bundle_task_cancel(Context *context, const char *id, BundleTask **ret_task, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    BundleTask *task;
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !bundle_task_get(txn, context->arena, id, &task, error))
        return false;
    if (!task || strcmp(task->account_id, context->caller.account_id) != 0)
        return fault_set(error, FAULT_INVALID_BUNDLE_ID_NOT_FOUND,
                         "The bundle ID '%.100s' does not exist", id);
    if (is_over(task))
        return fault_set(error, FAULT_INCORRECT_STATE, "The bundle task '%s' is in the '%s' state",
                         id, task->state);
    task->state = BUNDLE_CANCELLING;
    task->updated = cloud_now(context->cloud);
    if (!bundle_task_put(txn, task, error) || !txn_commit(&txn, error))
        return false;
    cloud_wake_bundles(context->cloud, id);
    *ret_task = task;
    return true;
}
