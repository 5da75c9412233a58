/* See the header.
 *
 * A snapshot is taken so: the row of the new top layer is committed; the file is made over the old
 * top one, under the guest's hands if its machine runs; then one transaction makes it the volume's
 * top and the old one the snapshot's. The new layer's name follows from the snapshot's, so that who
 * comes after a crash meets what was made. */
#include "cloud/disk_controller.h"

#include "base/fault.h"
#include "base/faultpoint.h"
#include "cloud/bundle_freeze.h"
#include "cloud/images.h"
#include "cloud/layers.h"
#include "cloud/machine.h"
#include <string.h>

#define GIB (INT64_C(1) << 30)
#define KEY "disks"
#define RETRY_AFTER (5 * CLOCK_SECOND)
/* A guest lets go of a disk within moments, or not at all. */
#define DETACH_AGAIN (CLOCK_SECOND / 2)

typedef struct Disks {
    Cloud *cloud;
    Arena *arena;
    const Instance *instance; /* NULL: the disk queue's, of volumes without one */
    bool runs;                /* its machine */
    int64_t again;
} Disks;

void cloud_wake_disks(Cloud *cloud)
{
    workqueue_add(cloud->disks, KEY);
}

/* ---- one volume in one pair of hands ---- */

void disk_hold(Cloud *cloud, const char *id)
{
    g_mutex_lock(&cloud->mutex);
    while (g_hash_table_contains(cloud->held, id))
        g_cond_wait(&cloud->released, &cloud->mutex);
    g_hash_table_add(cloud->held, g_strdup(id));
    g_mutex_unlock(&cloud->mutex);
}

void disk_release(Cloud *cloud, const char *id)
{
    g_mutex_lock(&cloud->mutex);
    g_hash_table_remove(cloud->held, id);
    g_cond_broadcast(&cloud->released);
    g_mutex_unlock(&cloud->mutex);
}

/* Whether the volume, as it is now, is these hands' to work on. */
static bool is_mine(const Disks *disks, const Volume *volume)
{
    return volume &&
           g_strcmp0(volume->instance_id, disks->instance ? disks->instance->id : NULL) == 0;
}

typedef bool (*VolumeWork)(Disks *disks, Volume *volume, GError **error);

/* Does work on the volume as it is once it is held; nothing if it is another's by then. */
static bool with_volume(Disks *disks, const char *id, VolumeWork work, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Volume *volume;
    faultpoint("disk-begin");
    disk_hold(disks->cloud, id);
    bool ok = txn_begin_read(cloud_store(disks->cloud), &txn, error) &&
              volume_get(txn, disks->arena, id, &volume, error) && txn_commit(&txn, error) &&
              (!is_mine(disks, volume) || work(disks, volume, error));
    txn_rollback(g_steal_pointer(&txn));
    disk_release(disks->cloud, id);
    return ok;
}

typedef bool (*VolumeEdit)(Disks *disks, Txn *txn, Volume *volume, GError **error);

/* Writes down what was done with it. */
static bool edit_volume(Disks *disks, const char *id, VolumeEdit edit, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Volume *volume;
    faultpoint("disk-record");
    return txn_begin(cloud_store(disks->cloud), &txn, error) &&
           volume_get(txn, disks->arena, id, &volume, error) &&
           (!volume || (edit(disks, txn, volume, error) && volume_put(txn, volume, error) &&
                        txn_commit(&txn, error)));
}

static const HypervisorOps *hypervisor(const Disks *disks)
{
    return disks->cloud->config.hypervisor;
}

/* ---- made ---- */

static bool edit_made(Disks *disks, Txn *txn, Volume *volume, GError **error)
{
    if (volume->state == VOLUME_CREATING)
        state_move(&volume_machine, volume->id, &volume->state, VOLUME_AVAILABLE);
    return true;
}

static bool make(Disks *disks, Volume *volume, GError **error)
{
    return layer_make(disks->cloud, volume->path, volume->size_gib * GIB, error) &&
           edit_volume(disks, volume->id, edit_made, error);
}

/* ---- attached, detached ---- */

static bool edit_attached(Disks *disks, Txn *txn, Volume *volume, GError **error)
{
    if (g_strcmp0(volume->attachment, "attaching") == 0)
        volume->attachment = "attached";
    return true;
}

static bool attach(Disks *disks, Volume *volume, GError **error)
{
    MachineDisk disk = machine_disk(disks->cloud, disks->arena, volume);
    return (!disks->runs || hypervisor(disks)->attach_disk(disks->cloud->hypervisor,
                                                           disks->instance->id, &disk, error)) &&
           edit_volume(disks, volume->id, edit_attached, error);
}

static bool edit_detached(Disks *disks, Txn *txn, Volume *volume, GError **error)
{
    volume->instance_id = volume->device = volume->attachment = NULL;
    volume->attach_time = 0;
    volume->delete_on_termination = volume->force_detach = false;
    if (volume->state == VOLUME_IN_USE)
        state_move(&volume_machine, volume->id, &volume->state, VOLUME_AVAILABLE);
    return true;
}

static bool detach(Disks *disks, Volume *volume, GError **error)
{
    bool gone = true;
    MachineDisk disk = machine_disk(disks->cloud, disks->arena, volume);
    if (disks->runs &&
        !hypervisor(disks)->detach_disk(disks->cloud->hypervisor, disks->instance->id, disk.serial,
                                        volume->force_detach, &gone, error))
        return false;
    if (!gone) {
        disks->again = cloud_now(disks->cloud) + DETACH_AGAIN;
        return true;
    }
    return edit_volume(disks, volume->id, edit_detached, error);
}

static bool move(Disks *disks, Volume *volume, GError **error)
{
    if (g_strcmp0(volume->attachment, "attaching") == 0)
        return attach(disks, volume, error);
    return g_strcmp0(volume->attachment, "detaching") != 0 || detach(disks, volume, error);
}

/* ---- grown ---- */

static bool edit_grown(Disks *disks, Txn *txn, Volume *volume, GError **error)
{
    VolumeChange *change;
    if (!volume_change_get(txn, disks->arena, volume->id, &change, error))
        return false;
    if (!change || strcmp(change->state, "modifying") != 0)
        return true;
    volume->size_gib = change->target_size_gib;
    volume->type = change->target_type;
    volume->iops = change->target_iops;
    volume->throughput = change->target_throughput;
    change->state = "completed";
    change->ended = cloud_now(disks->cloud);
    return volume_change_put(txn, change, error);
}

static bool load_change(Disks *disks, const char *id, VolumeChange **ret_change, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    return txn_begin_read(cloud_store(disks->cloud), &txn, error) &&
           volume_change_get(txn, disks->arena, id, ret_change, error) && txn_commit(&txn, error);
}

static bool grow(Disks *disks, Volume *volume, GError **error)
{
    VolumeChange *change;
    if (!load_change(disks, volume->id, &change, error))
        return false;
    if (!change || strcmp(change->state, "modifying") != 0)
        return true;
    uint64_t size = (uint64_t)(change->target_size_gib * GIB);
    MachineDisk disk = machine_disk(disks->cloud, disks->arena, volume);
    bool ok =
        change->target_size_gib == volume->size_gib ||
        (disks->runs
             ? hypervisor(disks)->grow_disk(disks->cloud->hypervisor, disks->instance->id,
                                            disk.serial, size, error)
             : hypervisor(disks)->resize_disk(disks->cloud->hypervisor, disk.path, size, error));
    return ok && edit_volume(disks, volume->id, edit_grown, error);
}

/* ---- frozen ---- */

/* What one volume's pending snapshots ask for. */
typedef struct Freeze {
    Volume *volume;
    const char *new_path;
} Freeze;

static bool note_layers(Disks *disks, const List *freezes, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    if (!txn_begin(cloud_store(disks->cloud), &txn, error))
        return false;
    LIST_EACH (const Freeze *, freeze, freezes)
        if (!layer_add(txn, freeze->new_path, freeze->volume->path, "qcow2",
                       cloud_now(disks->cloud), error))
            return false;
    return txn_commit(&txn, error);
}

/* Of a machine that runs, all at one instant. */
static bool fork_running(Disks *disks, const List *freezes, GError **error)
{
    List forks = {0};
    LIST_EACH (const Freeze *, freeze, freezes) {
        DiskFork *one = arena_new_struct(disks->arena, DiskFork);
        one->path = layer_file(disks->arena, disks->cloud, freeze->volume->path);
        one->new_path = layer_file(disks->arena, disks->cloud, freeze->new_path);
        list_add(&forks, disks->arena, one);
    }
    bool consistent;
    if (!hypervisor(disks)->fork_disks(disks->cloud->hypervisor, disks->instance->id, &forks,
                                       &consistent, error))
        return false;
    if (!consistent)
        g_debug("%s: no agent froze its file systems", disks->instance->id);
    return true;
}

static bool fork_resting(Disks *disks, const List *freezes, GError **error)
{
    LIST_EACH (const Freeze *, freeze, freezes)
        if (!layer_make(disks->cloud, freeze->new_path, freeze->volume->size_gib * GIB, error))
            return false;
    return true;
}

static bool complete(Disks *disks, Txn *txn, const Freeze *freeze, const List *snapshots,
                     GError **error)
{
    Volume *volume;
    if (!volume_get(txn, disks->arena, freeze->volume->id, &volume, error))
        return false;
    LIST_EACH (Snapshot *, snapshot, snapshots) {
        if (strcmp(snapshot->volume_id, volume->id) != 0)
            continue;
        snapshot->path = volume->path;
        snapshot->format = "qcow2";
        snapshot->completed = cloud_now(disks->cloud);
        state_move(&snapshot_machine, snapshot->id, &snapshot->state, SNAPSHOT_COMPLETED);
        if (!snapshot_put(txn, snapshot, error))
            return false;
    }
    volume->path = freeze->new_path;
    return volume_put(txn, volume, error);
}

static bool record_frozen(Disks *disks, const List *freezes, const List *snapshots, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    faultpoint("disk-record");
    if (!txn_begin(cloud_store(disks->cloud), &txn, error))
        return false;
    LIST_EACH (const Freeze *, freeze, freezes)
        if (!complete(disks, txn, freeze, snapshots, error))
            return false;
    if (!txn_commit(&txn, error))
        return false;
    cloud_wake_disks(disks->cloud); /* images may have waited for them */
    return true;
}

static bool freeze(Disks *disks, const List *freezes, const List *snapshots, GError **error)
{
    if (freezes->n > 0)
        faultpoint("disk-begin");
    return freezes->n == 0 || (note_layers(disks, freezes, error) &&
                               (disks->runs ? fork_running(disks, freezes, error)
                                            : fork_resting(disks, freezes, error)) &&
                               record_frozen(disks, freezes, snapshots, error));
}

/* The volume's first pending snapshot names the layer. */
static Freeze *freeze_of(Disks *disks, Volume *volume, const List *snapshots)
{
    LIST_EACH (const Snapshot *, snapshot, snapshots) {
        if (strcmp(snapshot->volume_id, volume->id) != 0)
            continue;
        Freeze *freeze = arena_new_struct(disks->arena, Freeze);
        freeze->volume = volume;
        freeze->new_path = layer_path(disks->arena, arena_printf(disks->arena, "%s-%s", volume->id,
                                                                 snapshot->id + strlen("snap-")));
        return freeze;
    }
    return NULL;
}

static bool freeze_one(Disks *disks, Volume *volume, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    List snapshots = {0}, freezes = {0};
    if (!txn_begin_read(cloud_store(disks->cloud), &txn, error) ||
        !record_query(txn, disks->arena, QUERY_SNAPSHOTS_PENDING_OF_VOLUME, &snapshots, error,
                      volume->id) ||
        !txn_commit(&txn, error))
        return false;
    Freeze *one = freeze_of(disks, volume, &snapshots);
    if (one)
        list_add(&freezes, disks->arena, one);
    return freeze(disks, &freezes, &snapshots, error);
}

/* ---- an instance's ---- */

typedef struct Belongings {
    List volumes, snapshots;
} Belongings;

static bool load_belongings(Disks *disks, Belongings *belongings, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    *belongings = (Belongings){0};
    return txn_begin_read(cloud_store(disks->cloud), &txn, error) &&
           record_query(txn, disks->arena, QUERY_VOLUMES_OF_INSTANCE, &belongings->volumes, error,
                        disks->instance->id) &&
           record_query(txn, disks->arena,
                        disks->runs ? QUERY_SNAPSHOTS_PENDING_OF_RUNNING
                                    : QUERY_SNAPSHOTS_PENDING_OF_INSTANCE,
                        &belongings->snapshots, error, disks->instance->id) &&
           txn_commit(&txn, error);
}

static bool freeze_all(Disks *disks, const Belongings *belongings, GError **error)
{
    List freezes = {0};
    LIST_EACH (Volume *, volume, &belongings->volumes) {
        Freeze *one = freeze_of(disks, volume, &belongings->snapshots);
        if (one)
            list_add(&freezes, disks->arena, one);
    }
    LIST_EACH (const Freeze *, held, &freezes)
        disk_hold(disks->cloud, held->volume->id);
    bool ok = freeze(disks, &freezes, &belongings->snapshots, error);
    LIST_EACH (const Freeze *, done, &freezes)
        disk_release(disks->cloud, done->volume->id);
    return ok;
}

static bool has_work(Cloud *cloud, const Instance *instance, bool *ret_work, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    int64_t work;
    if (!txn_begin_read(cloud_store(cloud), &txn, error) ||
        !record_count(txn, COUNT_DISK_WORK_OF_INSTANCE, &work, error, instance->id))
        return false;
    *ret_work = work > 0;
    return true;
}

bool disks_settle(Cloud *cloud, Arena *arena, const Instance *instance, int64_t *ret_again,
                  GError **error)
{
    Disks disks = {.cloud = cloud, .arena = arena, .instance = instance, .again = *ret_again};
    Belongings belongings;
    bool work;
    if (!has_work(cloud, instance, &work, error))
        return false;
    if (!work)
        return true;
    if (!hypervisor(&disks)->is_running(cloud->hypervisor, instance->id, &disks.runs, error) ||
        !load_belongings(&disks, &belongings, error))
        return false;
    LIST_EACH (const Volume *, volume, &belongings.volumes) {
        if (!with_volume(&disks, volume->id, move, error) ||
            !with_volume(&disks, volume->id, grow, error))
            return false;
    }
    *ret_again = MIN(*ret_again, disks.again);
    return load_belongings(&disks, &belongings, error) && freeze_all(&disks, &belongings, error) &&
           bundle_freeze(cloud, arena, instance, disks.runs, error);
}

/* ---- those of no instance ---- */

/* A snapshot whose volume is gone will never be. */
static bool give_up(Disks *disks, const char *id, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Snapshot *snapshot;
    if (!txn_begin(cloud_store(disks->cloud), &txn, error) ||
        !snapshot_get(txn, disks->arena, id, &snapshot, error))
        return false;
    if (!snapshot || snapshot->state != SNAPSHOT_PENDING)
        return true;
    state_move(&snapshot_machine, id, &snapshot->state, SNAPSHOT_ERROR);
    snapshot->state_message = "The volume was deleted";
    return snapshot_put(txn, snapshot, error) && txn_commit(&txn, error);
}

typedef struct Waiting {
    List creating, changes, snapshots;
} Waiting;

static bool load_waiting(Disks *disks, Waiting *waiting, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    return txn_begin_read(cloud_store(disks->cloud), &txn, error) &&
           record_query(txn, disks->arena, QUERY_VOLUMES_CREATING, &waiting->creating, error) &&
           record_query(txn, disks->arena, QUERY_VOLUME_CHANGES_MODIFYING, &waiting->changes,
                        error) &&
           record_query(txn, disks->arena, QUERY_SNAPSHOTS_PENDING, &waiting->snapshots, error) &&
           txn_commit(&txn, error);
}

static bool volume_is_there(Disks *disks, const char *id, bool *ret_there, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Volume *volume;
    if (!txn_begin_read(cloud_store(disks->cloud), &txn, error) ||
        !volume_get(txn, disks->arena, id, &volume, error))
        return false;
    *ret_there = volume != NULL;
    return true;
}

static bool freeze_resting(Disks *disks, const Snapshot *snapshot, GError **error)
{
    bool there;
    if (!volume_is_there(disks, snapshot->volume_id, &there, error))
        return false;
    return there ? with_volume(disks, snapshot->volume_id, freeze_one, error)
                 : give_up(disks, snapshot->id, error);
}

/* What cannot be done to one now keeps none of the others waiting. */
static void note_trouble(Disks *disks, const char *id, GError **trouble)
{
    g_warning("%s: %s; will try again", id, (*trouble)->message);
    g_clear_error(trouble);
    disks->again = cloud_now(disks->cloud) + RETRY_AFTER;
}

static void work_through(Disks *disks, const Waiting *waiting)
{
    GError *trouble = NULL;
    LIST_EACH (const Volume *, volume, &waiting->creating)
        if (!with_volume(disks, volume->id, make, &trouble))
            note_trouble(disks, volume->id, &trouble);
    LIST_EACH (const VolumeChange *, change, &waiting->changes)
        if (!with_volume(disks, change->volume_id, grow, &trouble))
            note_trouble(disks, change->volume_id, &trouble);
    LIST_EACH (const Snapshot *, snapshot, &waiting->snapshots)
        if (!freeze_resting(disks, snapshot, &trouble))
            note_trouble(disks, snapshot->id, &trouble);
    if (!images_settle(disks->cloud, &trouble))
        note_trouble(disks, "images", &trouble);
}

int64_t disks_step(void *data, const char *key)
{
    g_autoptr(Arena) arena = arena_new();
    GError *trouble = NULL;
    Disks disks = {.cloud = data, .arena = arena, .again = WORK_DONE};
    Waiting waiting = {0};
    if (load_waiting(&disks, &waiting, &trouble))
        work_through(&disks, &waiting);
    else
        note_trouble(&disks, "disks", &trouble);
    return disks.again;
}
