/* See the header. */
#include "cloud/instance_disks.h"

#include "base/fault.h"
#include "base/id.h"
#include "cloud/layers.h"
#include "cloud/snapshots.h"
#include "cloud/volumes.h"
#include <stdlib.h>
#include <string.h>

#define GIB (INT64_C(1) << 30)
#define EPHEMERAL "ephemeral"

/* What types have of it: "Instance store" (Amazon EC2 user guide), earlier ones as of 2010. */
static const struct Store {
    const char *type;
    unsigned disks;
    int64_t gib; /* of each */
} stores[] = {
    {"m1.small", 1, 160},   {"m1.medium", 1, 410},  {"m1.large", 2, 420},   {"m1.xlarge", 4, 420},
    {"c1.medium", 1, 350},  {"c1.xlarge", 4, 420},  {"m2.xlarge", 1, 420},  {"m2.2xlarge", 1, 850},
    {"m2.4xlarge", 2, 840}, {"m3.medium", 1, 4},    {"m3.large", 1, 32},    {"m3.xlarge", 2, 40},
    {"m3.2xlarge", 2, 80},  {"c3.large", 2, 16},    {"c3.xlarge", 2, 40},   {"c3.2xlarge", 2, 80},
    {"c3.4xlarge", 2, 160}, {"c3.8xlarge", 2, 320}, {"r3.large", 1, 32},    {"r3.xlarge", 1, 80},
    {"r3.2xlarge", 1, 160}, {"r3.4xlarge", 1, 320}, {"r3.8xlarge", 2, 320},
};

/* How large the instance-store disk of that name is; 0: the type has none of it. */
static int64_t store_gib(const char *type, const char *virtual_name)
{
    char *end;
    unsigned long n = strtoul(virtual_name + strlen(EPHEMERAL), &end, 10);
    for (size_t i = 0; i < G_N_ELEMENTS(stores); i++) {
        if (strcmp(stores[i].type, type) == 0)
            return n < stores[i].disks ? stores[i].gib : 0;
    }
    return 0;
}

typedef struct Planning {
    Context *context;
    Txn *txn;
    const Image *image;
    const InstanceType *type;
    List plans;
} Planning;

static bool is_store(const Image *image)
{
    return g_strcmp0(image->root_device_type, "instance-store") == 0;
}

static DiskPlan *find_plan(const Planning *planning, const char *device)
{
    LIST_EACH (DiskPlan *, plan, &planning->plans) {
        if (strcmp(volume_place(plan->device), volume_place(device)) == 0)
            return plan;
    }
    return NULL;
}

static DiskPlan *add_plan(Planning *planning, const char *device)
{
    DiskPlan *plan = arena_new_struct(planning->context->arena, DiskPlan);
    *plan = (DiskPlan){.device = device, .delete_on_termination = true};
    list_add(&planning->plans, planning->context->arena, plan);
    return plan;
}

static void remove_plan(Planning *planning, const DiskPlan *plan)
{
    List kept = {0};
    LIST_EACH (DiskPlan *, other, &planning->plans)
        if (other != plan)
            list_add(&kept, planning->context->arena, other);
    planning->plans = kept;
}

/* The image's own mappings. Its snapshots are there as long as it is. */
static bool plan_image(Planning *planning, GError **error)
{
    Arena *arena = planning->context->arena;
    List mappings = {0};
    int64_t image_gib = (planning->image->size + GIB - 1) / GIB;
    if (!record_query(planning->txn, arena, QUERY_MAPPINGS_OF_IMAGE, &mappings, error,
                      planning->image->id))
        return false;
    LIST_EACH (const ImageMapping *, mapping, &mappings) {
        Snapshot *snapshot = NULL;
        if (mapping->no_device ||
            (mapping->virtual_name && store_gib(planning->type->name, mapping->virtual_name) == 0))
            continue;
        if (mapping->snapshot_id &&
            !snapshot_get(planning->txn, arena, mapping->snapshot_id, &snapshot, error))
            return false;
        DiskPlan *plan = add_plan(planning, mapping->device);
        plan->root = g_strcmp0(mapping->device, planning->image->root_device_name) == 0;
        plan->virtual_name = mapping->virtual_name;
        plan->snapshot = snapshot;
        plan->size_gib =
            plan->root ? MAX(mapping->size_gib, planning->type->root_gib) : mapping->size_gib;
        plan->type = mapping->type;
        plan->iops = mapping->iops;
        plan->throughput = mapping->throughput;
        plan->encrypted = mapping->encrypted;
        plan->delete_on_termination = mapping->delete_on_termination;
    }
    if (is_store(planning->image)) {
        DiskPlan *root = add_plan(planning, planning->image->root_device_name);
        root->root = true;
        root->size_gib = MAX(image_gib, planning->type->root_gib);
    }
    return true;
}

static bool refuse_size(int64_t size_gib, GError **error)
{
    return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                     "Volume of size %" G_GINT64_FORMAT "GB is out of range", size_gib);
}

static bool check_size(const DiskPlan *plan, GError **error)
{
    if (plan->size_gib < 0 || plan->size_gib > VOLUME_MAX_GIB)
        return refuse_size(plan->size_gib, error);
    if (plan->snapshot && plan->size_gib && plan->size_gib < plan->snapshot->size_gib)
        return fault_set(error, FAULT_INVALID_BLOCK_DEVICE_MAPPING,
                         "Volume of size %" G_GINT64_FORMAT "GB is smaller than snapshot '%s', "
                         "expect size >= %" G_GINT64_FORMAT "GB",
                         plan->size_gib, plan->snapshot->id, plan->snapshot->size_gib);
    if (!plan->snapshot && plan->size_gib == 0)
        return fault_set(error, FAULT_MISSING_PARAMETER,
                         "The request must contain the parameter size or snapshotId");
    return true;
}

static bool plan_store(Planning *planning, const RunVolume *wanted, DiskPlan *plan, GError **error)
{
    const char *name = wanted->virtual_name;
    if (!g_str_has_prefix(name, EPHEMERAL) || !g_ascii_isdigit(name[strlen(EPHEMERAL)]))
        return fault_set(error, FAULT_INVALID_BLOCK_DEVICE_MAPPING,
                         "Invalid virtual device name '%.100s' in block device mapping", name);
    if (plan && plan->root)
        return fault_set(error, FAULT_INVALID_BLOCK_DEVICE_MAPPING,
                         "The root device '%s' cannot be an instance-store disk", wanted->device);
    if (plan)
        remove_plan(planning, plan);
    int64_t gib = store_gib(planning->type->name, name);
    if (gib > 0) { /* AWS passes over what the type does not have */
        plan = add_plan(planning, wanted->device);
        plan->virtual_name = name;
        plan->size_gib = gib;
    }
    return true;
}

static bool plan_removed(Planning *planning, const RunVolume *wanted, const DiskPlan *plan,
                         GError **error)
{
    if (plan && plan->root)
        return fault_set(error, FAULT_INVALID_BLOCK_DEVICE_MAPPING,
                         "The root device '%s' cannot be suppressed", wanted->device);
    if (plan)
        remove_plan(planning, plan);
    return true;
}

static bool use_snapshot(Planning *planning, const RunVolume *wanted, DiskPlan *plan,
                         GError **error)
{
    Snapshot *snapshot;
    if (!wanted->snapshot_id)
        return true;
    if (plan->root && plan->snapshot && strcmp(plan->snapshot->id, wanted->snapshot_id) != 0)
        return fault_set(error, FAULT_INVALID_BLOCK_DEVICE_MAPPING,
                         "snapshotId cannot be modified on root device");
    if (!snapshot_resolve(planning->context, planning->txn, wanted->snapshot_id, &snapshot, error))
        return false;
    plan->snapshot = snapshot;
    return true;
}

static bool plan_volume(Planning *planning, const RunVolume *wanted, DiskPlan *plan, GError **error)
{
    if (wanted->size_gib < 0)
        return refuse_size(wanted->size_gib, error);
    if (plan && plan->root && is_store(planning->image))
        return fault_set(error, FAULT_INVALID_BLOCK_DEVICE_MAPPING,
                         "The root device '%s' of an instance-store image is no volume",
                         wanted->device);
    if (plan && plan->virtual_name) {
        remove_plan(planning, plan);
        plan = NULL;
    }
    if (!plan)
        plan = add_plan(planning, wanted->device);
    if (!use_snapshot(planning, wanted, plan, error))
        return false;
    plan->size_gib = wanted->size_gib ? wanted->size_gib
                     : plan->size_gib ? plan->size_gib
                     : plan->snapshot ? plan->snapshot->size_gib
                                      : 0;
    if (!check_size(plan, error))
        return false;
    if (wanted->type) {
        plan->type = wanted->type;
        plan->iops = plan->throughput = 0;
    }
    plan->iops = wanted->iops ? wanted->iops : plan->iops;
    plan->throughput = wanted->throughput ? wanted->throughput : plan->throughput;
    plan->encrypted =
        plan->encrypted || wanted->encrypted || (plan->snapshot && plan->snapshot->encrypted);
    if (wanted->delete_on_termination >= 0)
        plan->delete_on_termination = wanted->delete_on_termination;
    return true;
}

static bool plan_wanted(Planning *planning, const RunVolume *wanted, GError **error)
{
    DiskPlan *plan = find_plan(planning, wanted->device);
    if (!volume_check_device(wanted->device, error))
        return false;
    if (wanted->no_device)
        return plan_removed(planning, wanted, plan, error);
    if (wanted->virtual_name)
        return plan_store(planning, wanted, plan, error);
    return plan_volume(planning, wanted, plan, error);
}

static bool check_kinds(const Planning *planning, GError **error)
{
    LIST_EACH (DiskPlan *, plan, &planning->plans) {
        bool volume = !plan->virtual_name && !(plan->root && is_store(planning->image));
        if (volume && !volume_check_kind(planning->context->arena, &plan->type, plan->size_gib,
                                         &plan->iops, &plan->throughput, error))
            return false;
    }
    return true;
}

bool instance_disks_plan(Context *context, Txn *txn, const Image *image, const InstanceType *type,
                         const List *wanted, List *ret_plans, GError **error)
{
    Planning planning = {.context = context, .txn = txn, .image = image, .type = type};
    if (!plan_image(&planning, error))
        return false;
    LIST_EACH (const RunVolume *, one, wanted)
        if (!plan_wanted(&planning, one, error))
            return false;
    if (planning.plans.n > VOLUMES_PER_INSTANCE)
        return fault_set(error, FAULT_ATTACHMENT_LIMIT_EXCEEDED,
                         "More than %d block devices were requested", VOLUMES_PER_INSTANCE);
    *ret_plans = planning.plans;
    return check_kinds(&planning, error);
}

/* ---- recorded ---- */

static bool record_volume(Context *context, Txn *txn, const DiskPlan *plan, const Image *image,
                          const Instance *instance, const List *tags, GError **error)
{
    const char *id = id_new(context->arena, "vol");
    Volume volume = {
        .id = id,
        .account_id = instance->account_id,
        .zone = instance->zone,
        .size_gib = plan->size_gib,
        .type = plan->type,
        .iops = plan->iops,
        .throughput = plan->throughput,
        .encrypted = plan->encrypted,
        .snapshot_id = plan->snapshot ? plan->snapshot->id : NULL,
        .image_id = plan->root ? image->id : NULL,
        .state = VOLUME_IN_USE,
        .instance_id = instance->id,
        .device = plan->device,
        .attachment = "attached",
        .delete_on_termination = plan->delete_on_termination,
        .path = layer_path(context->arena, id),
        .attach_time = instance->launch_time,
        .created = instance->launch_time,
    };
    return volume_insert(txn, &volume, error) &&
           layer_add(txn, volume.path, plan->snapshot ? plan->snapshot->path : NULL,
                     plan->snapshot ? plan->snapshot->format : NULL, volume.created, error) &&
           tags_put(context, txn, id, "volume", tags, error);
}

static bool record_store(Context *context, Txn *txn, const DiskPlan *plan, const Image *image,
                         const Instance *instance, GError **error)
{
    const char *name = arena_printf(context->arena, "%s-%s", instance->id,
                                    plan->root ? "root" : plan->virtual_name);
    InstanceDisk disk = {
        .instance_id = instance->id,
        .device = plan->device,
        .virtual_name = plan->virtual_name,
        .size = plan->size_gib * GIB,
        .path = layer_path(context->arena, name),
    };
    return instance_disk_insert(txn, &disk, error) &&
           layer_add(txn, disk.path, plan->root ? image->path : NULL, image->format,
                     instance->launch_time, error);
}

bool instance_disks_record(Context *context, Txn *txn, const List *plans, const Image *image,
                           const Instance *instance, const List *tags, GError **error)
{
    LIST_EACH (const DiskPlan *, plan, plans) {
        bool store = plan->virtual_name || (plan->root && is_store(image));
        if (store ? !record_store(context, txn, plan, image, instance, error)
                  : !record_volume(context, txn, plan, image, instance, tags, error))
            return false;
    }
    return true;
}

/* ---- forgotten ---- */

static bool forget_volume(Txn *txn, Arena *arena, Volume *volume, List *files, GError **error)
{
    if (volume->delete_on_termination)
        return volume_change_delete(txn, volume->id, error) &&
               record_change(txn, CHANGE_DELETE_TAGS_OF, NULL, error, volume->id) &&
               volume_delete(txn, volume->id, error) &&
               layer_drop(txn, arena, volume->path, files, error);
    volume->instance_id = volume->device = volume->attachment = NULL;
    volume->attach_time = 0;
    volume->force_detach = false;
    state_move(&volume_machine, volume->id, &volume->state, VOLUME_AVAILABLE);
    return volume_put(txn, volume, error);
}

bool instance_disks_forget(Txn *txn, Arena *arena, const Instance *instance, List *files,
                           GError **error)
{
    List volumes = {0}, disks = {0};
    if (!record_query(txn, arena, QUERY_VOLUMES_OF_INSTANCE, &volumes, error, instance->id) ||
        !record_query(txn, arena, QUERY_DISKS_OF_INSTANCE, &disks, error, instance->id))
        return false;
    LIST_EACH (Volume *, volume, &volumes)
        if (!forget_volume(txn, arena, volume, files, error))
            return false;
    if (!record_change(txn, CHANGE_DELETE_DISKS_OF_INSTANCE, NULL, error, instance->id))
        return false;
    LIST_EACH (const InstanceDisk *, disk, &disks)
        if (!layer_drop(txn, arena, disk->path, files, error))
            return false;
    return true;
}
