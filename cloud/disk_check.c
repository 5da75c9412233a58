/* See the header.
 *
 * A file may well not be there: layers are noted before they are made, and made anew when they are
 * not. It is missed when it held what somebody wrote: when a snapshot or an image is made of it, a
 * machine ran with it, or another file lies over it. */
#include "cloud/disk_check.h"

#include "base/fault.h"
#include "cloud/bundle_freeze.h"
#include "cloud/layers.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Who has a disk whose top is path. */
typedef struct DiskUser {
    const char *name; /* "volume vol-…" */
    const char *path;
    bool needed; /* something was written to it */
} DiskUser;

typedef struct Check {
    const DiskCheckSpec *spec;
    Arena *arena;
    List layers; /* of Layer * */
    GHashTable *by_path;
    List users; /* of DiskUser * */
    List tasks; /* of BundleTask *: active ones */
    DiskCheck found;
} Check;

static void tell(const Check *check, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void tell(const Check *check, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *line = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    check->spec->tell(check->spec->data, line);
}

static const char *file_of(const Check *check, const char *path)
{
    return arena_printf(check->arena, "%s/%s", check->spec->state_dir, path);
}

static bool is_there(const Check *check, const char *path)
{
    return access(file_of(check, path), F_OK) == 0;
}

/* ---- who has what ---- */

static void add_user(Check *check, const char *kind, const char *id, const char *path, bool needed)
{
    DiskUser *user = arena_new_struct(check->arena, DiskUser);
    *user = (DiskUser){arena_printf(check->arena, "%s %s", kind, id), path, needed};
    list_add(&check->users, check->arena, user);
}

static bool ran(const Check *check, Txn *txn, const char *instance_id, bool *ret_ran,
                GError **error)
{
    Instance *instance = NULL;
    if (!instance_get(txn, check->arena, instance_id, &instance, error))
        return false;
    *ret_ran = instance && instance->ran_before;
    return true;
}

static bool add_volumes(Check *check, Txn *txn, GError **error)
{
    List volumes = {0};
    if (!record_query(txn, check->arena, QUERY_VOLUMES_WITH_FILE, &volumes, error))
        return false;
    LIST_EACH (const Volume *, volume, &volumes) {
        bool needed = volume->state == VOLUME_AVAILABLE;
        if (volume->instance_id && !ran(check, txn, volume->instance_id, &needed, error))
            return false;
        add_user(check, "volume", volume->id, volume->path, needed);
    }
    return true;
}

/* Ephemeral disks are emptied by removing them. */
static bool add_disks(Check *check, Txn *txn, GError **error)
{
    List disks = {0};
    if (!record_query(txn, check->arena, QUERY_INSTANCE_DISKS, &disks, error))
        return false;
    LIST_EACH (const InstanceDisk *, disk, &disks) {
        bool needed = false;
        if (!disk->virtual_name && !ran(check, txn, disk->instance_id, &needed, error))
            return false;
        add_user(check, "instance", disk->instance_id, disk->path, needed);
    }
    return true;
}

static bool add_snapshots_and_images(Check *check, Txn *txn, GError **error)
{
    List snapshots = {0}, images = {0};
    if (!record_query(txn, check->arena, QUERY_SNAPSHOTS_WITH_FILE, &snapshots, error) ||
        !record_query(txn, check->arena, QUERY_IMAGES_WITH_FILE, &images, error))
        return false;
    LIST_EACH (const Snapshot *, snapshot, &snapshots)
        add_user(check, "snapshot", snapshot->id, snapshot->path, true);
    LIST_EACH (const Image *, image, &images)
        add_user(check, "image", image->id, image->path, image->state == IMAGE_AVAILABLE);
    return true;
}

static bool load(Check *check, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    if (!txn_begin_read(check->spec->store, &txn, error) ||
        !record_query(txn, check->arena, QUERY_LAYERS, &check->layers, error) ||
        !record_query(txn, check->arena, QUERY_BUNDLE_TASKS_ACTIVE, &check->tasks, error) ||
        !add_volumes(check, txn, error) || !add_disks(check, txn, error) ||
        !add_snapshots_and_images(check, txn, error))
        return false;
    LIST_EACH (const Layer *, layer, &check->layers)
        g_hash_table_insert(check->by_path, (void *)layer->path, (void *)layer);
    return true;
}

/* The files of a disk, from the top; each calls for the next. NULL: that was the base. */
static const char *below(const Check *check, const char *path)
{
    const Layer *layer = g_hash_table_lookup(check->by_path, path);
    return layer ? layer->backing : NULL;
}

static void tell_affected(const Check *check, const char *path)
{
    LIST_EACH (const DiskUser *, user, &check->users) {
        const char *at = user->path;
        while (at && strcmp(at, path) != 0)
            at = below(check, at);
        if (at)
            tell(check, "affected: %s", user->name);
    }
}

/* ---- what belongs to nothing ---- */

static bool remove_file(const Check *check, const char *path, GError **error)
{
    const char *file = file_of(check, path);
    return !check->spec->repair || unlink(file) == 0 || errno == ENOENT ||
           trouble_set_errno(error, errno, "cannot remove %s", file);
}

static bool check_files(Check *check, GError **error)
{
    g_autoptr(GDir) directory = g_dir_open(file_of(check, LAYERS_DIRECTORY), 0, NULL);
    for (const char *name; directory && (name = g_dir_read_name(directory)) != NULL;) {
        const char *path = arena_printf(check->arena, LAYERS_DIRECTORY "/%s", name);
        if (g_hash_table_contains(check->by_path, path))
            continue;
        tell(check, "orphan: file %s belongs to no disk", path);
        check->found.orphans++;
        if (!remove_file(check, path, error))
            return false;
    }
    return true;
}

static bool is_read(const Check *check, const Layer *layer)
{
    LIST_EACH (const BundleTask *, task, &check->tasks) {
        if (strcmp(bundle_layer(check->arena, task->id), layer->path) == 0)
            return true;
    }
    return false;
}

/* With what was kept for it alone; that it tells of, too. */
static bool drop(Check *check, const Layer *layer, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    List files = {0};
    if (!txn_begin(check->spec->store, &txn, error) ||
        !layer_drop(txn, check->arena, layer->path, &files, error))
        return false;
    LIST_EACH (const char *, path, &files) {
        tell(check, "orphan: layer %s, which nothing refers to", path);
        check->found.orphans++;
    }
    if (!check->spec->repair)
        return true; /* what would go, is only told */
    if (!txn_commit(&txn, error))
        return false;
    LIST_EACH (const char *, gone, &files) {
        g_hash_table_remove(check->by_path, gone);
        if (!remove_file(check, gone, error))
            return false;
    }
    return true;
}

static bool check_references(Check *check, GError **error)
{
    LIST_EACH (const Layer *, layer, &check->layers)
        if (!is_read(check, layer) && !drop(check, layer, error))
            return false;
    return true;
}

/* ---- what is not as it should be ---- */

static bool is_needed(const Check *check, const char *path)
{
    LIST_EACH (const DiskUser *, user, &check->users) {
        if (user->needed && strcmp(user->path, path) == 0)
            return true;
    }
    LIST_EACH (const Layer *, layer, &check->layers) {
        if (g_strcmp0(layer->backing, path) == 0 && is_there(check, layer->path))
            return true;
    }
    return false;
}

static void miss(Check *check, const char *path)
{
    if (!is_needed(check, path))
        return;
    tell(check, "missing: file %s", path);
    tell_affected(check, path);
    check->found.missing++;
}

static void check_layer(Check *check, const Layer *layer)
{
    g_autoptr(GError) reason = NULL;
    if (check->spec->pretends && strcmp(layer->format, "qcow2") == 0)
        return;
    if (!is_there(check, layer->path)) {
        miss(check, layer->path);
        return;
    }
    const char *backing = layer->backing ? file_of(check, layer->backing) : NULL;
    if (check->spec->check_file(file_of(check, layer->path), layer->format, backing, &reason))
        return;
    tell(check, "damaged: file %s: %s", layer->path, reason->message);
    tell_affected(check, layer->path);
    check->found.damaged++;
}

/* What is no layer but lies below some: starter images'. Each once. */
static void check_bases(Check *check)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    LIST_EACH (const DiskUser *, user, &check->users) {
        const char *path = user->path;
        for (const char *next; (next = below(check, path)) != NULL;)
            path = next;
        if (g_hash_table_contains(check->by_path, path) || !g_hash_table_add(seen, (void *)path))
            continue;
        if (!check->spec->pretends && !is_there(check, path))
            miss(check, path);
    }
}

bool disks_check(const DiskCheckSpec *spec, DiskCheck *ret_check, GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(GHashTable) by_path = g_hash_table_new(g_str_hash, g_str_equal);
    Check check = {.spec = spec, .arena = arena, .by_path = by_path};
    if (!load(&check, error) || !check_files(&check, error) || !check_references(&check, error))
        return false;
    LIST_EACH (const Layer *, layer, &check.layers) {
        check.found.layers++;
        if (g_hash_table_contains(by_path, layer->path))
            check_layer(&check, layer);
    }
    check_bases(&check);
    *ret_check = check.found;
    return true;
}
