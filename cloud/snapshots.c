/* What callers may ask of snapshots.
 *
 * Invariant: a snapshot that is completed names a layer, which is kept and never written while the
 * record is there. */
#include "cloud/snapshots.h"

#include "base/fault.h"
#include "base/id.h"
#include "cloud/disk_controller.h"
#include "cloud/instances.h"
#include "cloud/layers.h"
#include "cloud/volumes.h"
#include <string.h>

#define EVERYBODY "all"

const MissingIds snapshot_missing = {
    .not_found = FAULT_INVALID_SNAPSHOT_NOT_FOUND,
    .malformed = FAULT_INVALID_SNAPSHOT_ID_MALFORMED,
    .prefix = "snap",
    .noun = "snapshot",
};

static bool load(Context *context, Txn *txn, const char *id, Snapshot **ret_snapshot,
                 GError **error)
{
    List ids = {0}, found = {0};
    const char *token;
    list_add(&ids, context->arena, id);
    Page page = {.ids = &ids};
    if (!cloud_find(context, txn, &snapshot_finder, &page, &snapshot_missing, &found, &token,
                    error))
        return false;
    *ret_snapshot = list_at(&found, 0);
    return true;
}

/* One that the caller owns. */
static bool load_own(Context *context, Txn *txn, const char *id, Snapshot **ret_snapshot,
                     GError **error)
{
    if (!load(context, txn, id, ret_snapshot, error))
        return false;
    return strcmp((*ret_snapshot)->account_id, context->caller.account_id) == 0 ||
           fault_set(error, FAULT_AUTH_FAILURE, "Not authorized for snapshot:%s", id);
}

bool snapshot_resolve(Context *context, Txn *txn, const char *id, Snapshot **ret_snapshot,
                      GError **error)
{
    if (!load(context, txn, id, ret_snapshot, error))
        return false;
    return (*ret_snapshot)->state == SNAPSHOT_COMPLETED ||
           fault_set(error, FAULT_INCORRECT_STATE, "Snapshot is in invalid state - %s",
                     state_name(&snapshot_machine, (*ret_snapshot)->state));
}

/* ---- create ---- */

bool snapshot_record(Context *context, Txn *txn, const Volume *volume, const char *description,
                     Snapshot **ret_snapshot, GError **error)
{
    if (volume->state != VOLUME_AVAILABLE && volume->state != VOLUME_IN_USE)
        return fault_set(error, FAULT_INCORRECT_STATE, "Volume '%s' is in the '%s' state.",
                         volume->id, state_name(&volume_machine, volume->state));
    Snapshot *snapshot = arena_new_struct(context->arena, Snapshot);
    *snapshot = (Snapshot){
        .id = id_new(context->arena, "snap"),
        .account_id = context->caller.account_id,
        .volume_id = volume->id,
        .size_gib = volume->size_gib,
        .state = SNAPSHOT_PENDING,
        .description = description ? description : "",
        .encrypted = volume->encrypted,
        .started = cloud_now(context->cloud),
    };
    *ret_snapshot = snapshot;
    return snapshot_insert(txn, snapshot, error);
}

/* Who works on the volume is told. */
static void wake(Context *context, const Instance *instance)
{
    if (instance)
        cloud_wake_instance(context->cloud, instance->vpc_id, instance->id);
    cloud_wake_disks(context->cloud);
}

/* With its tags, inside a transaction. */
static bool add_view(Context *context, Txn *txn, Snapshot *snapshot, List *views, GError **error)
{
    g_autoptr(GHashTable) tags = NULL;
    List ids = {0};
    list_add(&ids, context->arena, snapshot->id);
    if (!tags_of(context, txn, &ids, &tags, error))
        return false;
    SnapshotView *view = arena_new_struct(context->arena, SnapshotView);
    *view = (SnapshotView){.snapshot = snapshot, .tags = g_hash_table_lookup(tags, snapshot->id)};
    list_add(views, context->arena, view);
    return true;
}

bool snapshot_create(Context *context, const char *volume_id, const char *description,
                     const List *tags, SnapshotView *ret_view, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Volume *volume;
    Snapshot *snapshot;
    Instance *instance = NULL;
    List views = {0};
    if (!tags_check(tags, error) || !txn_begin(cloud_store(context->cloud), &txn, error) ||
        !volume_load(context, txn, volume_id, &volume, error) ||
        !snapshot_record(context, txn, volume, description, &snapshot, error) ||
        !tags_put(context, txn, snapshot->id, "snapshot", tags, error) ||
        (volume->instance_id &&
         !instance_get(txn, context->arena, volume->instance_id, &instance, error)) ||
        !add_view(context, txn, snapshot, &views, error) || !txn_commit(&txn, error))
        return false;
    wake(context, instance);
    *ret_view = *(SnapshotView *)list_at(&views, 0);
    return true;
}

bool snapshots_create(Context *context, const char *instance_id, bool without_boot,
                      const List *without, const char *description, const List *tags,
                      bool copy_tags, List *ret_views, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Instance *instance;
    List volumes = {0};
    if (!tags_check(tags, error) || !txn_begin(cloud_store(context->cloud), &txn, error) ||
        !instance_find_one(context, txn, instance_id, &instance, error) ||
        !record_query(txn, context->arena, QUERY_VOLUMES_OF_INSTANCE, &volumes, error,
                      instance->id))
        return false;
    LIST_EACH (const Volume *, volume, &volumes) {
        Snapshot *snapshot;
        bool boot = g_strcmp0(volume->device, instance->root_device_name) == 0;
        if ((boot && without_boot) || list_has(without, volume->id))
            continue;
        if (!snapshot_record(context, txn, volume, description, &snapshot, error) ||
            (copy_tags && !tags_copy(context, txn, volume->id, snapshot->id, "snapshot", error)) ||
            !tags_put(context, txn, snapshot->id, "snapshot", tags, error) ||
            !add_view(context, txn, snapshot, ret_views, error))
            return false;
    }
    if (ret_views->n == 0)
        return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                         "The instance '%s' has no volume to take a snapshot of", instance->id);
    if (!txn_commit(&txn, error))
        return false;
    wake(context, instance);
    return true;
}

/* A snapshot never changes, so its copy shows the same layers. */
bool snapshot_copy(Context *context, const char *source_id, const char *description,
                   const List *tags, Snapshot **ret_snapshot, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Snapshot *source, *copy = arena_new_struct(context->arena, Snapshot);
    if (!tags_check(tags, error) || !txn_begin(cloud_store(context->cloud), &txn, error) ||
        !snapshot_resolve(context, txn, source_id, &source, error))
        return false;
    *copy = (Snapshot){
        .id = id_new(context->arena, "snap"),
        .account_id = context->caller.account_id,
        .volume_id = "vol-ffffffff", /* AWS: "an arbitrary volume ID that you should not use" */
        .size_gib = source->size_gib,
        .state = SNAPSHOT_COMPLETED,
        .description = description ? description : "",
        .encrypted = source->encrypted,
        .path = source->path,
        .format = source->format,
        .started = cloud_now(context->cloud),
        .completed = cloud_now(context->cloud),
    };
    *ret_snapshot = copy;
    return snapshot_insert(txn, copy, error) &&
           tags_put(context, txn, copy->id, "snapshot", tags, error) && txn_commit(&txn, error);
}

/* ---- delete ---- */

static bool check_unused(Context *context, Txn *txn, const char *id, GError **error)
{
    List images = {0};
    if (!record_query(txn, context->arena, QUERY_IMAGES_OF_SNAPSHOT, &images, error, id))
        return false;
    if (images.n == 0)
        return true;
    return fault_set(error, FAULT_INVALID_SNAPSHOT_IN_USE,
                     "The snapshot %s is currently in use by %s", id,
                     ((const Image *)list_at(&images, 0))->id);
}

bool snapshot_delete_one(Context *context, const char *id, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Snapshot *snapshot;
    List files = {0};
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !load_own(context, txn, id, &snapshot, error) || !check_unused(context, txn, id, error) ||
        !record_change(txn, CHANGE_DELETE_PERMISSIONS_OF_SNAPSHOT, NULL, error, id) ||
        !record_change(txn, CHANGE_DELETE_TAGS_OF, NULL, error, id) ||
        !snapshot_delete(txn, id, error) ||
        !layer_drop(txn, context->arena, snapshot->path, &files, error) || !txn_commit(&txn, error))
        return false;
    layers_remove(context->cloud, &files);
    return true;
}

/* ---- find ---- */

static void add_filter(Context *context, List *filters, const char *name, const List *values)
{
    FindFilter *filter = arena_new_struct(context->arena, FindFilter);
    *filter = (FindFilter){.name = name, .values = accounts_named(context, values)};
    list_add(filters, context->arena, filter);
}

static const List *filters_of(Context *context, const SnapshotQuery *query)
{
    List *filters = arena_new_struct(context->arena, List);
    if (query->page.filters) {
        LIST_EACH (FindFilter *, filter, query->page.filters)
            list_add(filters, context->arena, filter);
    }
    if (query->owners && query->owners->n > 0)
        add_filter(context, filters, "owner-id", query->owners);
    if (query->restorable_by && query->restorable_by->n > 0)
        add_filter(context, filters, "restorable-by", query->restorable_by);
    return filters;
}

bool snapshots_find(Context *context, const SnapshotQuery *query, List *ret_views,
                    const char **ret_token, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    g_autoptr(GHashTable) tags = NULL;
    List found = {0}, ids = {0};
    Page page = query->page;
    page.filters = filters_of(context, query);
    if (!txn_begin_read(cloud_store(context->cloud), &txn, error) ||
        !cloud_find(context, txn, &snapshot_finder, &page, &snapshot_missing, &found, ret_token,
                    error))
        return false;
    LIST_EACH (const Snapshot *, snapshot, &found)
        list_add(&ids, context->arena, snapshot->id);
    if (!tags_of(context, txn, &ids, &tags, error))
        return false;
    LIST_EACH (Snapshot *, shown, &found) {
        SnapshotView *view = arena_new_struct(context->arena, SnapshotView);
        *view = (SnapshotView){.snapshot = shown, .tags = g_hash_table_lookup(tags, shown->id)};
        list_add(ret_views, context->arena, view);
    }
    return true;
}

/* ---- permissions ---- */

bool snapshot_permissions(Context *context, const char *id, List *ret_accounts, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Snapshot *snapshot;
    List permissions = {0};
    if (!txn_begin_read(cloud_store(context->cloud), &txn, error) ||
        !load_own(context, txn, id, &snapshot, error) ||
        !record_query(txn, context->arena, QUERY_SNAPSHOT_PERMISSIONS, &permissions, error, id))
        return false;
    LIST_EACH (const SnapshotPermission *, permission, &permissions)
        list_add(ret_accounts, context->arena, (void *)permission->account_id);
    return true;
}

static bool check_account(const char *account_id, GError **error)
{
    if (strcmp(account_id, EVERYBODY) == 0)
        return true;
    bool ok = strlen(account_id) == 12 && strspn(account_id, "0123456789") == 12;
    return ok || fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                           "The account ID '%.100s' is not valid", account_id);
}

bool snapshot_change_permissions(Context *context, const char *id, const List *add,
                                 const List *remove, bool reset, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Snapshot *snapshot;
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !load_own(context, txn, id, &snapshot, error) ||
        (reset && !record_change(txn, CHANGE_DELETE_PERMISSIONS_OF_SNAPSHOT, NULL, error, id)))
        return false;
    LIST_EACH (const char *, account_id, add) {
        SnapshotPermission permission = {.snapshot_id = id, .account_id = account_id};
        if (!check_account(account_id, error) || !snapshot_permission_put(txn, &permission, error))
            return false;
    }
    LIST_EACH (const char *, gone, remove)
        if (!record_change(txn, CHANGE_DELETE_SNAPSHOT_PERMISSION, NULL, error, id, gone))
            return false;
    return txn_commit(&txn, error);
}
