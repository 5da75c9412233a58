/* What callers may ask of volumes.
 *
 * Invariant: a verb writes what is wanted and wakes who does it; files and machines are the disk
 * controller's. */
#include "cloud/volumes.h"

#include "base/fault.h"
#include "base/id.h"
#include "cloud/client_tokens.h"
#include "cloud/disk_controller.h"
#include "cloud/instances.h"
#include "cloud/layers.h"
#include "cloud/snapshots.h"
#include <string.h>

#define GP3_IOPS 3000
#define GP3_THROUGHPUT 125

const MissingIds volume_missing = {
    .not_found = FAULT_INVALID_VOLUME_NOT_FOUND,
    .malformed = FAULT_INVALID_VOLUME_ID_MALFORMED,
    .prefix = "vol",
    .noun = "volume",
};

/* Amazon EBS volume types (Amazon EBS user guide). */
typedef struct VolumeType {
    const char *name;
    int64_t min_gib, max_gib;
    int64_t min_iops, max_iops; /* 0: none may be given */
    int64_t iops_per_gib;
    bool iops_required, has_throughput;
} VolumeType;

static const VolumeType types[] = {
    {"standard", 1, 1024, 0, 0, 0, false, false},
    {"gp2", 1, VOLUME_MAX_GIB, 0, 0, 0, false, false},
    {"gp3", 1, VOLUME_MAX_GIB, GP3_IOPS, 16000, 500, false, true},
    {"io1", 4, VOLUME_MAX_GIB, 100, 64000, 50, true, false},
    {"io2", 4, VOLUME_MAX_GIB, 100, 64000, 500, true, false},
    {"st1", 125, VOLUME_MAX_GIB, 0, 0, 0, false, false},
    {"sc1", 125, VOLUME_MAX_GIB, 0, 0, 0, false, false},
};

static bool check_rate(const VolumeType *type, const char *name, int64_t rate, int64_t min,
                       int64_t max, GError **error)
{
    if (rate == 0)
        return true;
    if (max == 0)
        return fault_set(error, FAULT_INVALID_PARAMETER_COMBINATION,
                         "The parameter %s is not supported for %s volumes.", name, type->name);
    if (rate < min || rate > max)
        return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                         "Volume %s of %" G_GINT64_FORMAT
                         " is out of range for %s volumes: %" G_GINT64_FORMAT
                         " to %" G_GINT64_FORMAT ".",
                         name, rate, type->name, min, max);
    return true;
}

static const VolumeType *find_type(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
        if (strcmp(types[i].name, name) == 0)
            return &types[i];
    }
    return NULL;
}

static bool check_rates(const VolumeType *type, int64_t size_gib, int64_t *iops,
                        int64_t *throughput, GError **error)
{
    if (type->iops_required && *iops == 0)
        return fault_set(error, FAULT_MISSING_PARAMETER,
                         "The parameter iops must be specified for %s volumes.", type->name);
    int64_t most = MIN(type->max_iops, MAX(size_gib * type->iops_per_gib, type->min_iops));
    if (!check_rate(type, "iops", *iops, type->min_iops, most, error) ||
        !check_rate(type, "throughput", *throughput, GP3_THROUGHPUT,
                    type->has_throughput ? 1000 : 0, error))
        return false;
    if (type->has_throughput) {
        *iops = *iops ? *iops : GP3_IOPS;
        *throughput = *throughput ? *throughput : GP3_THROUGHPUT;
    }
    return true;
}

bool volume_check_kind(Arena *arena, const char **type, int64_t size_gib, int64_t *iops,
                       int64_t *throughput, GError **error)
{
    if (!*type)
        *type = VOLUME_DEFAULT_TYPE;
    const VolumeType *found = find_type(*type);
    if (!found)
        return fault_set(error, FAULT_UNKNOWN_VOLUME_TYPE,
                         "Unsupported volume type '%.100s' for volume creation.", *type);
    if (size_gib < found->min_gib || size_gib > found->max_gib)
        return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                         "Volume of %" G_GINT64_FORMAT
                         "GiB is too %s for volume type %s; %s is %" G_GINT64_FORMAT "GiB",
                         size_gib, size_gib < found->min_gib ? "small" : "large", found->name,
                         size_gib < found->min_gib ? "minimum" : "maximum",
                         size_gib < found->min_gib ? found->min_gib : found->max_gib);
    return check_rates(found, size_gib, iops, throughput, error);
}

int64_t volume_iops(const Volume *volume)
{
    if (g_strcmp0(volume->type, "gp2") == 0)
        return CLAMP(volume->size_gib * 3, 100, 16000);
    return volume->iops;
}

/* ---- create, delete, find ---- */

static bool check_zone(Context *context, Txn *txn, const char *name, GError **error)
{
    Zone *zone;
    if (!zone_get(txn, context->arena, name, &zone, error))
        return false;
    return zone || fault_set(error, FAULT_INVALID_ZONE_NOT_FOUND,
                             "The zone '%.100s' does not exist.", name);
}

static bool check_volume_count(Context *context, Txn *txn, GError **error)
{
    int64_t count;
    if (!record_count(txn, COUNT_VOLUMES_OF_ACCOUNT, &count, error, context->caller.account_id))
        return false;
    return count < VOLUMES_PER_ACCOUNT ||
           fault_set(error, FAULT_VOLUME_LIMIT_EXCEEDED,
                     "You have exceeded your maximum volume limit of %d", VOLUMES_PER_ACCOUNT);
}

/* What it is made of decides what its size may be. */
static bool resolve_size(const Snapshot *snapshot, int64_t *size_gib, GError **error)
{
    if (!snapshot && *size_gib == 0)
        return fault_set(error, FAULT_MISSING_PARAMETER,
                         "The request must contain the parameter size/snapshot");
    if (snapshot && *size_gib && *size_gib < snapshot->size_gib)
        return fault_set(
            error, FAULT_INVALID_PARAMETER_VALUE,
            "The size of a volume cannot be smaller than its snapshot: %" G_GINT64_FORMAT
            "GiB is less than the %" G_GINT64_FORMAT "GiB of %s",
            *size_gib, snapshot->size_gib, snapshot->id);
    if (*size_gib == 0)
        *size_gib = snapshot->size_gib;
    return true;
}

static bool record_volume(Context *context, Txn *txn, const VolumeSpec *spec,
                          const Snapshot *snapshot, Volume **ret_volume, GError **error)
{
    Volume *volume = arena_new_struct(context->arena, Volume);
    const char *id = id_new(context->arena, "vol");
    *volume = (Volume){
        .id = id,
        .account_id = context->caller.account_id,
        .zone = spec->zone,
        .size_gib = spec->size_gib,
        .type = spec->type,
        .iops = spec->iops,
        .throughput = spec->throughput,
        .encrypted = spec->encrypted || (snapshot && snapshot->encrypted),
        .snapshot_id = snapshot ? snapshot->id : NULL,
        .state = VOLUME_CREATING,
        .path = layer_path(context->arena, id),
        .created = cloud_now(context->cloud),
    };
    if (!resolve_size(snapshot, &volume->size_gib, error) ||
        !volume_check_kind(context->arena, &volume->type, volume->size_gib, &volume->iops,
                           &volume->throughput, error) ||
        !volume_insert(txn, volume, error) ||
        !layer_add(txn, volume->path, snapshot ? snapshot->path : NULL,
                   snapshot ? snapshot->format : NULL, volume->created, error))
        return false;
    *ret_volume = volume;
    return true;
}

/* What an earlier request with this token made; NULL: none. */
static bool find_repeated(Context *context, Txn *txn, const VolumeSpec *spec, Volume **ret_volume,
                          GError **error)
{
    const char *id;
    *ret_volume = NULL;
    return client_token_find(context, txn, "CreateVolume", spec->client_token, spec->request_digest,
                             &id, error) &&
           (!id || volume_get(txn, context->arena, id, ret_volume, error));
}

static bool create(Context *context, Txn *txn, const VolumeSpec *spec, Volume **ret_volume,
                   GError **error)
{
    Snapshot *snapshot = NULL;
    return check_zone(context, txn, spec->zone, error) && check_volume_count(context, txn, error) &&
           (!spec->snapshot_id ||
            snapshot_resolve(context, txn, spec->snapshot_id, &snapshot, error)) &&
           record_volume(context, txn, spec, snapshot, ret_volume, error) &&
           tags_put(context, txn, (*ret_volume)->id, "volume", &spec->tags, error) &&
           client_token_keep(context, txn, "CreateVolume", spec->client_token, spec->request_digest,
                             (*ret_volume)->id, error);
}

/* With its tags, inside a transaction. */
static bool view_of(Context *context, Txn *txn, Volume *volume, VolumeView *ret_view,
                    GError **error)
{
    g_autoptr(GHashTable) tags = NULL;
    List ids = {0};
    list_add(&ids, context->arena, volume->id);
    if (!tags_of(context, txn, &ids, &tags, error))
        return false;
    *ret_view = (VolumeView){.volume = volume, .tags = g_hash_table_lookup(tags, volume->id)};
    return true;
}

bool volume_create(Context *context, const VolumeSpec *spec, VolumeView *ret_view, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Volume *volume;
    if (!tags_check(&spec->tags, error) || !txn_begin(cloud_store(context->cloud), &txn, error) ||
        !find_repeated(context, txn, spec, &volume, error))
        return false;
    if ((!volume && !create(context, txn, spec, &volume, error)) ||
        !view_of(context, txn, volume, ret_view, error) || !txn_commit(&txn, error))
        return false;
    cloud_wake_disks(context->cloud);
    return true;
}

bool volume_load(Context *context, Txn *txn, const char *id, Volume **ret_volume, GError **error)
{
    List ids = {0}, found = {0};
    const char *token;
    list_add(&ids, context->arena, id);
    Page page = {.ids = &ids};
    if (!cloud_find(context, txn, &volume_finder, &page, &volume_missing, &found, &token, error))
        return false;
    *ret_volume = list_at(&found, 0);
    return true;
}

bool volume_delete_one(Context *context, const char *id, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Volume *volume;
    List files = {0};
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !volume_load(context, txn, id, &volume, error))
        return false;
    if (volume->instance_id)
        return fault_set(error, FAULT_VOLUME_IN_USE, "Volume %s is currently attached to %s", id,
                         volume->instance_id);
    int64_t pending;
    if (!record_count(txn, COUNT_SNAPSHOTS_PENDING_OF_VOLUME, &pending, error, id))
        return false;
    if (pending > 0)
        return fault_set(error, FAULT_INCORRECT_STATE,
                         "A snapshot of the volume '%s' is being taken", id);
    if (!volume_change_delete(txn, id, error) ||
        !record_change(txn, CHANGE_DELETE_TAGS_OF, NULL, error, id) ||
        !volume_delete(txn, id, error) ||
        !layer_drop(txn, context->arena, volume->path, &files, error) || !txn_commit(&txn, error))
        return false;
    layers_remove(context->cloud, &files);
    return true;
}

bool volumes_find(Context *context, const Page *page, List *ret_views, const char **ret_token,
                  GError **error)
{
    g_autoptr(Txn) txn = NULL;
    g_autoptr(GHashTable) tags = NULL;
    List found = {0}, ids = {0};
    if (!txn_begin_read(cloud_store(context->cloud), &txn, error) ||
        !cloud_find(context, txn, &volume_finder, page, &volume_missing, &found, ret_token, error))
        return false;
    LIST_EACH (const Volume *, volume, &found)
        list_add(&ids, context->arena, volume->id);
    if (!tags_of(context, txn, &ids, &tags, error))
        return false;
    LIST_EACH (Volume *, shown, &found) {
        VolumeView *view = arena_new_struct(context->arena, VolumeView);
        *view = (VolumeView){.volume = shown, .tags = g_hash_table_lookup(tags, shown->id)};
        list_add(ret_views, context->arena, view);
    }
    return true;
}

/* ---- attach, detach ---- */

bool volume_check_device(const char *device, GError **error)
{
    const char *name = g_str_has_prefix(device, "/dev/") ? device + strlen("/dev/") : device;
    size_t stem = g_str_has_prefix(name, "xvd")                                  ? 3
                  : g_str_has_prefix(name, "sd") || g_str_has_prefix(name, "hd") ? 2
                                                                                 : 0;
    size_t letters = stem ? strspn(name + stem, "abcdefghijklmnopqrstuvwxyz") : 0;
    size_t digits = strspn(name + stem + letters, "0123456789");
    if (letters < 1 || letters > 2 || digits > 2 || name[stem + letters + digits] != '\0')
        return fault_set(
            error, FAULT_INVALID_PARAMETER_VALUE,
            "Value (%.100s) for parameter device is invalid. %.100s is not a valid EBS "
            "device name.",
            device, device);
    return true;
}

const char *volume_place(const char *device)
{
    static const char *const stems[] = {"xvd", "sd", "hd"};
    if (g_str_has_prefix(device, "/dev/"))
        device += strlen("/dev/");
    for (size_t i = 0; i < G_N_ELEMENTS(stems); i++) {
        if (g_str_has_prefix(device, stems[i]))
            return device + strlen(stems[i]);
    }
    return device;
}

static bool check_place(Context *context, Txn *txn, const Instance *instance, const char *device,
                        GError **error)
{
    List volumes = {0}, disks = {0};
    if (!record_query(txn, context->arena, QUERY_VOLUMES_OF_INSTANCE, &volumes, error,
                      instance->id) ||
        !record_query(txn, context->arena, QUERY_DISKS_OF_INSTANCE, &disks, error, instance->id))
        return false;
    bool taken = false;
    LIST_EACH (const Volume *, volume, &volumes)
        taken = taken || strcmp(volume_place(volume->device), volume_place(device)) == 0;
    LIST_EACH (const InstanceDisk *, disk, &disks)
        taken = taken || strcmp(volume_place(disk->device), volume_place(device)) == 0;
    if (taken)
        return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                         "Invalid value '%s' for unixDevice. Attachment point %s is already in use",
                         device, device);
    if (volumes.n + disks.n >= VOLUMES_PER_INSTANCE)
        return fault_set(error, FAULT_ATTACHMENT_LIMIT_EXCEEDED,
                         "The instance '%s' has as many volumes as it may: %d", instance->id,
                         VOLUMES_PER_INSTANCE);
    return true;
}

static bool check_attachable(const Volume *volume, const Instance *instance, GError **error)
{
    if (volume->instance_id)
        return fault_set(error, FAULT_VOLUME_IN_USE, "%s is already attached to an instance",
                         volume->id);
    if (volume->state != VOLUME_AVAILABLE)
        return fault_set(error, FAULT_INCORRECT_STATE, "Volume '%s' is in the '%s' state.",
                         volume->id, state_name(&volume_machine, volume->state));
    if (instance->state != INSTANCE_RUNNING && instance->state != INSTANCE_STOPPED)
        return fault_set(error, FAULT_INCORRECT_STATE, "Instance '%s' is not 'running'.",
                         instance->id);
    if (g_strcmp0(volume->zone, instance->zone) != 0)
        return fault_set(error, FAULT_INVALID_VOLUME_ZONE_MISMATCH,
                         "The volume '%s' is not in the same availability zone as instance '%s'",
                         volume->id, instance->id);
    return true;
}

/* Of an instance that is gone there is nobody to wake. */
static bool commit_and_wake(Context *context, Txn **txn, const Instance *instance, GError **error)
{
    if (!txn_commit(txn, error))
        return false;
    cloud_wake_instance(context->cloud, instance->vpc_id, instance->id);
    return true;
}

bool volume_attach(Context *context, const char *id, const char *instance_id, const char *device,
                   Volume **ret_volume, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Volume *volume;
    Instance *instance;
    if (!volume_check_device(device, error) ||
        !txn_begin(cloud_store(context->cloud), &txn, error) ||
        !volume_load(context, txn, id, &volume, error) ||
        !instance_find_one(context, txn, instance_id, &instance, error) ||
        !check_attachable(volume, instance, error) ||
        !check_place(context, txn, instance, device, error))
        return false;
    volume->instance_id = instance->id;
    volume->device = device;
    volume->attachment = "attaching";
    volume->attach_time = cloud_now(context->cloud);
    volume->delete_on_termination = volume->force_detach = false;
    state_move(&volume_machine, volume->id, &volume->state, VOLUME_IN_USE);
    *ret_volume = volume;
    return volume_put(txn, volume, error) && commit_and_wake(context, &txn, instance, error);
}

static bool check_attached(const Volume *volume, const char *instance_id, const char *device,
                           GError **error)
{
    if (!volume->instance_id)
        return fault_set(error, FAULT_INCORRECT_STATE, "Volume '%s' is in the '%s' state.",
                         volume->id, state_name(&volume_machine, volume->state));
    if ((instance_id && strcmp(instance_id, volume->instance_id) != 0) ||
        (device && strcmp(device, volume->device) != 0))
        return fault_set(error, FAULT_INVALID_ATTACHMENT_NOT_FOUND,
                         "Volume '%s' is not attached to '%s'%s%s", volume->id,
                         instance_id ? instance_id : volume->instance_id, device ? " as " : "",
                         device ? device : "");
    return true;
}

bool volume_detach(Context *context, const char *id, const char *instance_id, const char *device,
                   bool force, Volume **ret_volume, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Volume *volume;
    Instance *instance;
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !volume_load(context, txn, id, &volume, error) ||
        !check_attached(volume, instance_id, device, error) ||
        !instance_get(txn, context->arena, volume->instance_id, &instance, error))
        return false;
    bool root = g_strcmp0(instance->root_device_name, volume->device) == 0;
    if (root && instance->state != INSTANCE_STOPPED)
        return fault_set(error, FAULT_OPERATION_NOT_PERMITTED,
                         "Unable to detach root volume '%s' from instance '%s'", id, instance->id);
    volume->attachment = "detaching";
    volume->force_detach = volume->force_detach || force;
    *ret_volume = volume;
    return volume_put(txn, volume, error) && commit_and_wake(context, &txn, instance, error);
}

/* ---- modify ---- */

static bool check_change(const Volume *volume, const VolumeChange *last, int64_t size_gib,
                         GError **error)
{
    if (last && strcmp(last->state, "modifying") == 0)
        return fault_set(
            error, FAULT_INCORRECT_MODIFICATION_STATE,
            "You've reached the maximum modification rate per volume limit: the volume "
            "'%s' is being modified",
            volume->id);
    if (volume->state != VOLUME_AVAILABLE && volume->state != VOLUME_IN_USE)
        return fault_set(error, FAULT_INCORRECT_STATE, "Volume '%s' is in the '%s' state.",
                         volume->id, state_name(&volume_machine, volume->state));
    if (size_gib < volume->size_gib)
        return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                         "New size cannot be smaller than existing size");
    return true;
}

static VolumeChange *change_of(Context *context, const Volume *volume, const VolumeTarget *target)
{
    VolumeChange *change = arena_new_struct(context->arena, VolumeChange);
    bool same_type = !target->type || g_strcmp0(target->type, volume->type) == 0;
    *change = (VolumeChange){
        .volume_id = volume->id,
        .account_id = volume->account_id,
        .state = "modifying",
        .original_size_gib = volume->size_gib,
        .original_type = volume->type,
        .original_iops = volume_iops(volume),
        .original_throughput = volume->throughput,
        .target_size_gib = target->size_gib ? target->size_gib : volume->size_gib,
        .target_type = target->type ? target->type : volume->type,
        .target_iops = target->iops ? target->iops
                       : same_type  ? volume->iops
                                    : 0,
        .target_throughput = target->throughput ? target->throughput
                             : same_type        ? volume->throughput
                                                : 0,
        .started = cloud_now(context->cloud),
    };
    return change;
}

bool volume_modify(Context *context, const char *id, const VolumeTarget *target,
                   VolumeChange **ret_change, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Volume *volume;
    VolumeChange *last;
    Instance *instance = NULL;
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !volume_load(context, txn, id, &volume, error) ||
        !volume_change_get(txn, context->arena, id, &last, error))
        return false;
    VolumeChange *change = change_of(context, volume, target);
    if (!check_change(volume, last, change->target_size_gib, error) ||
        !volume_check_kind(context->arena, &change->target_type, change->target_size_gib,
                           &change->target_iops, &change->target_throughput, error) ||
        (volume->instance_id &&
         !instance_get(txn, context->arena, volume->instance_id, &instance, error)) ||
        !volume_change_put(txn, change, error) || !txn_commit(&txn, error))
        return false;
    if (instance)
        cloud_wake_instance(context->cloud, instance->vpc_id, instance->id);
    cloud_wake_disks(context->cloud);
    *ret_change = change;
    return true;
}

bool volume_changes_find(Context *context, const Page *page, List *ret_changes,
                         const char **ret_token, GError **error)
{
    static const MissingIds missing = {
        .not_found = FAULT_INVALID_VOLUME_MODIFICATION_NOT_FOUND,
        .malformed = FAULT_INVALID_VOLUME_ID_MALFORMED,
        .prefix = "vol",
        .noun = "modification of volume",
    };
    g_autoptr(Txn) txn = NULL;
    return txn_begin_read(cloud_store(context->cloud), &txn, error) &&
           cloud_find(context, txn, &volume_change_finder, page, &missing, ret_changes, ret_token,
                      error);
}

bool volume_set_auto_enable_io(Context *context, const char *id, bool value, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Volume *volume;
    if (!txn_begin(cloud_store(context->cloud), &txn, error) ||
        !volume_load(context, txn, id, &volume, error))
        return false;
    volume->auto_enable_io = value;
    return volume_put(txn, volume, error) && txn_commit(&txn, error);
}
