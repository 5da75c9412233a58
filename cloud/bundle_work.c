/* See the header. */
#include "cloud/bundle_work.h"

#include "base/fault.h"
#include "base/faultpoint.h"
#include "base/file.h"
#include "base/workqueue.h"
#include "cloud/bundle_freeze.h"
#include "cloud/bundle_tasks.h"
#include "cloud/bundle_upload.h"
#include "cloud/certificates.h"
#include "cloud/layers.h"
#include "cloud/long_work.h"
#include "cloud/site.h"
#include "imagestore/bundle.h"
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define RETRY_AFTER (5 * CLOCK_SECOND)
#define TELL_EVERY CLOCK_SECOND
/* Percent when the disk was read and its parts begin to be put. */
#define STORING_FROM 20
#define CANCELLED_CODE "Client.Cancelled"

typedef struct Work {
    Cloud *cloud;
    Arena *arena;
    BundleTask *task;
    BundleUpload upload;
    char *file; /* the disk, raw */
    int64_t told;
} Work;

static bool is_in(const BundleTask *task, const char *state)
{
    return task && strcmp(task->state, state) == 0;
}

static bool is_worked_on(const BundleTask *task)
{
    return is_in(task, BUNDLE_BUNDLING) || is_in(task, BUNDLE_STORING);
}

/* Who signed the upload policy, else who asked. */
static bool find_owner(Work *work, Txn *txn, GError **error)
{
    AccessKey *key = NULL;
    if (work->task->access_key_id &&
        !access_key_get(txn, work->arena, work->task->access_key_id, &key, error))
        return false;
    work->upload = (BundleUpload){
        .cloud = work->cloud,
        .bucket = work->task->bucket,
        .prefix = work->task->prefix,
        .account_id = key ? key->account_id : work->task->account_id,
    };
    return true;
}

static bool load(Work *work, const char *id, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    if (!txn_begin_read(cloud_store(work->cloud), &txn, error) ||
        !bundle_task_get(txn, work->arena, id, &work->task, error))
        return false;
    if (!work->task)
        return true;
    work->file = layer_file(work->arena, work->cloud,
                            arena_printf(work->arena, LAYERS_DIRECTORY "/%s.raw", id));
    return find_owner(work, txn, error);
}

/* ---- how far it is ---- */

/* *ret_goes_on: it is still wanted. */
static bool note(Work *work, const char *state, int64_t progress, bool *ret_goes_on, GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(Txn) txn = NULL;
    BundleTask *task;
    if (!txn_begin(cloud_store(work->cloud), &txn, error) ||
        !bundle_task_get(txn, arena, work->task->id, &task, error))
        return false;
    *ret_goes_on = is_worked_on(task);
    if (!*ret_goes_on)
        return true;
    task->state = state;
    task->progress = progress;
    task->updated = cloud_now(work->cloud);
    return bundle_task_put(txn, task, error) && txn_commit(&txn, error);
}

static bool on_progress(void *data, uint64_t done, uint64_t total)
{
    Work *work = data;
    g_autoptr(GError) error = NULL;
    bool goes_on = true;
    int64_t now = cloud_now(work->cloud);
    if (!long_work_goes_on(work->cloud))
        return false;
    if (now < work->told + TELL_EVERY)
        return true;
    work->told = now;
    int64_t percent = total ? (int64_t)(done * (99 - STORING_FROM) / total) : 0;
    if (!note(work, BUNDLE_STORING, STORING_FROM + percent, &goes_on, &error))
        g_warning("%s: %s", work->task->id, error->message);
    return goes_on;
}

/* ---- the bundle ---- */

static bool read_disk(Work *work, GError **error)
{
    const HypervisorOps *ops = work->cloud->config.hypervisor;
    const char *layer =
        layer_file(work->arena, work->cloud, bundle_layer(work->arena, work->task->id));
    return ops->convert_disk(work->cloud->hypervisor, layer, "qcow2", work->file, "raw", error);
}

static bool put_part(void *data, size_t index, const char *filename, const void *bytes, size_t size,
                     GError **error)
{
    Work *work = data;
    faultpoint("bundle-store");
    if (!bundle_upload_put(&work->upload, filename, "application/octet-stream", bytes, size, error))
        return false;
    work->upload.parts = index + 1;
    return true;
}

static void add_mapping(Work *work, BundleManifest *manifest, const char *name, const char *device)
{
    BundleMapping *mapping = arena_new_struct(work->arena, BundleMapping);
    *mapping = (BundleMapping){.virtual_name = name, .device = device};
    list_add(&manifest->mappings, work->arena, mapping);
}

/* What the instance was started with, as ec2-bundle-vol learns it from the metadata. */
static bool describe(Work *work, BundleManifest *manifest, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Instance *instance;
    List disks = {0};
    if (!txn_begin_read(cloud_store(work->cloud), &txn, error) ||
        !instance_get(txn, work->arena, work->task->instance_id, &instance, error) ||
        !record_query(txn, work->arena, QUERY_DISKS_OF_INSTANCE, &disks, error,
                      work->task->instance_id))
        return false;
    if (!instance)
        return trouble_set(error, "the record of %s is gone", work->task->instance_id);
    const char *root = instance->root_device_name;
    manifest->bundler_name = "cumulet";
    manifest->bundler_version = manifest->bundler_release = "1";
    manifest->architecture = instance->architecture;
    manifest->kernel_id = instance->kernel_id;
    manifest->ramdisk_id = instance->ramdisk_id;
    manifest->user = work->task->account_id;
    manifest->type = "machine";
    list_add(&manifest->ancestry, work->arena, (void *)instance->image_id);
    add_mapping(work, manifest, "ami",
                g_str_has_prefix(root, "/dev/") ? root + strlen("/dev/") : root);
    add_mapping(work, manifest, "root", root);
    LIST_EACH (const InstanceDisk *, disk, &disks)
        if (disk->virtual_name)
            add_mapping(work, manifest, disk->virtual_name, disk->device);
    return true;
}

/* For EC2 and for the account, if it has a certificate. */
static bool wrap_key(Work *work, const BundleKey *key, const Ec2Key *own, BundleManifest *manifest,
                     GError **error)
{
    List certificates = {0};
    if (!certificates_of(work->cloud, work->arena, work->task->account_id, &certificates, error))
        return false;
    const char *users = certificates.n > 0 ? list_at(&certificates, 0) : own->certificate_pem;
    return bundle_key_wrap(work->arena, key, own->certificate_pem, &manifest->ec2_encrypted_key,
                           &manifest->ec2_encrypted_iv, error) &&
           bundle_key_wrap(work->arena, key, users, &manifest->user_encrypted_key,
                           &manifest->user_encrypted_iv, error);
}

static bool put_manifest(Work *work, const BundleManifest *manifest, const Ec2Key *own,
                         GError **error)
{
    const char *text;
    size_t size;
    faultpoint("bundle-store");
    if (!bundle_manifest_write(work->arena, manifest, own->private_key_pem, &text, &size, error) ||
        !bundle_upload_put(&work->upload, bundle_upload_manifest(work->arena, &work->upload),
                           "application/xml", text, size, error))
        return false;
    work->upload.manifest = true;
    return true;
}

static bool put_bundle(Work *work, GError **error)
{
    BundleManifest manifest = {0};
    BundleKey key;
    Ec2Key own;
    BundleSink sink = {.part = put_part, .progress = on_progress, .data = work};
    autofd file = open(work->file, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return trouble_set_errno(error, errno, "cannot read %s", work->file);
    bundle_key_new(&key);
    return certificates_ec2(work->cloud, work->arena, &own, error) &&
           describe(work, &manifest, error) && wrap_key(work, &key, &own, &manifest, error) &&
           bundle_make(work->arena, file, bundle_upload_name(&work->upload), &key, &sink, &manifest,
                       error) &&
           put_manifest(work, &manifest, &own, error);
}

static bool make_bundle(Work *work, GError **error)
{
    bool goes_on;
    faultpoint("bundle-begin");
    if (!read_disk(work, error) || !note(work, BUNDLE_STORING, STORING_FROM, &goes_on, error))
        return false;
    return goes_on ? put_bundle(work, error)
                   : bundle_error_set(error, BUNDLE_ERROR_CANCELLED, "it was cancelled");
}

/* ---- how it ends ---- */

/* The task ends in that state; what it kept is dropped. code NULL: it is complete, unless it was
 * cancelled meanwhile: BUNDLE_ERROR_CANCELLED. */
static bool end(Work *work, const char *state, const char *code, const char *message,
                GError **error)
{
    g_autoptr(Txn) txn = NULL;
    BundleTask *task;
    List files = {0};
    faultpoint("bundle-record");
    if (!txn_begin(cloud_store(work->cloud), &txn, error) ||
        !bundle_task_get(txn, work->arena, work->task->id, &task, error) ||
        !layer_drop(txn, work->arena, bundle_layer(work->arena, work->task->id), &files, error))
        return false;
    if (is_in(task, BUNDLE_CANCELLING) && !code)
        return bundle_error_set(error, BUNDLE_ERROR_CANCELLED, "it was cancelled");
    if (task) {
        task->state = state;
        task->error_code = code;
        task->error_message = message;
        task->updated = cloud_now(work->cloud);
        if (strcmp(state, BUNDLE_COMPLETE) == 0)
            task->progress = 100;
        if (!bundle_task_put(txn, task, error))
            return false;
    }
    if (!txn_commit(&txn, error))
        return false;
    layers_remove(work->cloud, &files);
    unlink(work->file);
    return true;
}

static bool end_cancelled(Work *work, GError **error)
{
    /* Its state does not say any more whether an earlier daemon put parts. */
    bundle_upload_remove(&work->upload, work->task->progress >= STORING_FROM);
    return end(work, BUNDLE_FAILED, CANCELLED_CODE, "The bundle task was cancelled", error);
}

static bool end_failed(Work *work, const GError *reason, GError **error)
{
    bundle_upload_remove(&work->upload, false);
    if (fault_is(reason, FAULT_NO_SUCH_BUCKET))
        return end(work, BUNDLE_FAILED, "Client.NoSuchBucket",
                   "The bucket was deleted while the bundle was stored", error);
    if (reason->domain == BUNDLE_ERROR)
        return end(work, BUNDLE_FAILED, "Client.UnsupportedOperation",
                   arena_strdup(work->arena, reason->message), error);
    g_warning("%s: %s", work->task->id, reason->message);
    return end(work, BUNDLE_FAILED, "Server.InternalError", "The instance could not be bundled",
               error);
}

static bool cancelled_meanwhile(Work *work, GError **error)
{
    const BundleUpload put = work->upload;
    if (!load(work, work->task->id, error))
        return false;
    if (!is_in(work->task, BUNDLE_CANCELLING))
        return true; /* the cloud is being closed: the next start begins again */
    work->upload = put;
    return end_cancelled(work, error);
}

static bool do_work(Work *work, GError **error)
{
    g_autoptr(GError) reason = NULL;
    if (is_in(work->task, BUNDLE_CANCELLING))
        return end_cancelled(work, error);
    if (!is_worked_on(work->task))
        return true; /* it waits for its machine, or is over */
    bool made = make_bundle(work, &reason);
    if (made && end(work, BUNDLE_COMPLETE, NULL, NULL, &reason))
        return true;
    if (g_error_matches(reason, BUNDLE_ERROR, BUNDLE_ERROR_CANCELLED))
        return cancelled_meanwhile(work, error);
    if (!made)
        return end_failed(work, reason, error);
    g_propagate_error(error, g_steal_pointer(&reason)); /* it is made again */
    return false;
}

int64_t bundle_work_step(Cloud *cloud, const char *task_id)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(GError) error = NULL;
    Work work = {.cloud = cloud, .arena = arena};
    if (load(&work, task_id, &error) && (!work.task || do_work(&work, &error)))
        return WORK_DONE;
    g_warning("%s: %s; will try again", task_id, error->message);
    return cloud_now(cloud) + RETRY_AFTER;
}

bool bundle_tasks_purge(Cloud *cloud, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    g_autofree char *before =
        g_strdup_printf("%" PRId64, cloud_now(cloud) - BUNDLE_TASKS_SHOWN_FOR);
    return txn_begin(cloud_store(cloud), &txn, error) &&
           record_change(txn, CHANGE_DELETE_BUNDLE_TASKS_BEFORE, NULL, error, before) &&
           txn_commit(&txn, error);
}
