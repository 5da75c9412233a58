/* See the header. */
#include "cloud/bundle_freeze.h"

#include "base/fault.h"
#include "base/faultpoint.h"
#include "cloud/bundle_tasks.h"
#include "cloud/disk_controller.h"
#include "cloud/layers.h"
#include "cloud/long_work.h"
#include <string.h>

#define GIB (INT64_C(1) << 30)

/* Of whatever kind it is. */
typedef struct Root {
    Volume *volume; /* one of both */
    InstanceDisk *disk;
    const char *path;
    int64_t size;
} Root;

typedef struct Freezing {
    Cloud *cloud;
    Arena *arena;
    const Instance *instance;
    const BundleTask *task;
    Root root;
    const char *top; /* what it goes on in */
} Freezing;

const char *bundle_layer(Arena *arena, const char *task_id)
{
    return layer_path(arena, task_id);
}

static bool find_root(Freezing *freezing, Txn *txn, GError **error)
{
    const Instance *instance = freezing->instance;
    List volumes = {0}, disks = {0};
    freezing->root = (Root){0};
    if (!record_query(txn, freezing->arena, QUERY_VOLUMES_OF_INSTANCE, &volumes, error,
                      instance->id) ||
        !record_query(txn, freezing->arena, QUERY_DISKS_OF_INSTANCE, &disks, error, instance->id))
        return false;
    LIST_EACH (Volume *, volume, &volumes) {
        if (g_strcmp0(volume->device, instance->root_device_name) == 0)
            freezing->root = (Root){volume, NULL, volume->path, volume->size_gib * GIB};
    }
    LIST_EACH (InstanceDisk *, disk, &disks) {
        if (g_strcmp0(disk->device, instance->root_device_name) == 0)
            freezing->root = (Root){NULL, disk, disk->path, disk->size};
    }
    return true;
}

static bool waits(const BundleTask *task)
{
    return task &&
           (strcmp(task->state, BUNDLE_PENDING) == 0 || strcmp(task->state, BUNDLE_WAITING) == 0);
}

/* The names of both follow from what they are for: they are met again after a crash. */
static bool note_layers(Freezing *freezing, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    int64_t now = cloud_now(freezing->cloud);
    if (!txn_begin(cloud_store(freezing->cloud), &txn, error) || !find_root(freezing, txn, error))
        return false;
    const Root *root = &freezing->root;
    if (!root->path)
        return true;
    const char *id = root->volume ? root->volume->id : freezing->instance->id;
    freezing->top =
        layer_path(freezing->arena, arena_printf(freezing->arena, "%s-%s", id, freezing->task->id));
    return layer_add(txn, freezing->top, root->path, "qcow2", now, error) &&
           layer_add(txn, bundle_layer(freezing->arena, freezing->task->id), root->path, "qcow2",
                     now, error) &&
           txn_commit(&txn, error);
}

static bool put_root(Freezing *freezing, Txn *txn, GError **error)
{
    if (!find_root(freezing, txn, error))
        return false;
    if (freezing->root.volume) {
        freezing->root.volume->path = freezing->top;
        return volume_put(txn, freezing->root.volume, error);
    }
    freezing->root.disk->path = freezing->top;
    return instance_disk_put(txn, freezing->root.disk, error);
}

/* One that was cancelled meanwhile needs neither layer. */
static bool record(Freezing *freezing, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    BundleTask *task;
    List files = {0};
    faultpoint("bundle-record");
    if (!txn_begin(cloud_store(freezing->cloud), &txn, error) ||
        !bundle_task_get(txn, freezing->arena, freezing->task->id, &task, error))
        return false;
    if (waits(task)) {
        task->state = BUNDLE_BUNDLING;
        task->updated = cloud_now(freezing->cloud);
        if (!put_root(freezing, txn, error) || !bundle_task_put(txn, task, error))
            return false;
    } else if (!layer_drop(txn, freezing->arena, freezing->top, &files, error) ||
               !layer_drop(txn, freezing->arena, bundle_layer(freezing->arena, freezing->task->id),
                           &files, error)) {
        return false;
    }
    if (!txn_commit(&txn, error))
        return false;
    layers_remove(freezing->cloud, &files);
    cloud_wake_bundles(freezing->cloud, freezing->task->id);
    return true;
}

static bool fail_rootless(Freezing *freezing, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    BundleTask *task;
    if (!txn_begin(cloud_store(freezing->cloud), &txn, error) ||
        !bundle_task_get(txn, freezing->arena, freezing->task->id, &task, error))
        return false;
    if (!waits(task))
        return true;
    task->state = BUNDLE_FAILED;
    task->error_code = "Client.IncorrectState";
    task->error_message = "The instance has no root volume";
    task->updated = cloud_now(freezing->cloud);
    return bundle_task_put(txn, task, error) && txn_commit(&txn, error);
}

static bool freeze(Freezing *freezing, GError **error)
{
    faultpoint("bundle-freeze");
    if (!note_layers(freezing, error))
        return false;
    if (!freezing->root.path)
        return fail_rootless(freezing, error);
    return layer_make(freezing->cloud, freezing->top, freezing->root.size, error) &&
           layer_make(freezing->cloud, bundle_layer(freezing->arena, freezing->task->id),
                      freezing->root.size, error) &&
           record(freezing, error);
}

/* Whose root it is now says the freezing itself; one that comes or goes is held by who moves it. */
static bool freeze_held(Freezing *freezing, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    if (!txn_begin_read(cloud_store(freezing->cloud), &txn, error) ||
        !find_root(freezing, txn, error) || !txn_commit(&txn, error))
        return false;
    const char *held = freezing->root.volume ? freezing->root.volume->id : NULL;
    if (held)
        disk_hold(freezing->cloud, held);
    bool ok = freeze(freezing, error);
    if (held)
        disk_release(freezing->cloud, held);
    return ok;
}

/* A reboot that was under way when the task was made may have counted for this one. */
static bool ask_for_reboot(Cloud *cloud, Arena *arena, const Instance *seen, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Instance *instance;
    if (seen->reboot_wanted)
        return true;
    if (!txn_begin(cloud_store(cloud), &txn, error) ||
        !instance_get(txn, arena, seen->id, &instance, error))
        return false;
    if (!instance || instance->state != INSTANCE_RUNNING || instance->reboot_wanted)
        return true;
    instance->reboot_wanted = cloud_now(cloud);
    if (!instance_put(txn, instance, error) || !txn_commit(&txn, error))
        return false;
    cloud_wake_instance(cloud, instance->vpc_id, instance->id);
    return true;
}

bool bundle_freeze(Cloud *cloud, Arena *arena, const Instance *instance, bool runs, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    List tasks = {0};
    if (!txn_begin_read(cloud_store(cloud), &txn, error) ||
        !record_query(txn, arena, QUERY_BUNDLE_TASKS_ACTIVE_OF_INSTANCE, &tasks, error,
                      instance->id) ||
        !txn_commit(&txn, error))
        return false;
    LIST_EACH (const BundleTask *, task, &tasks) {
        Freezing freezing = {.cloud = cloud, .arena = arena, .instance = instance, .task = task};
        if (waits(task) && (runs ? !ask_for_reboot(cloud, arena, instance, error)
                                 : !freeze_held(&freezing, error)))
            return false;
    }
    return true;
}
