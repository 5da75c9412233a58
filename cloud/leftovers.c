/* Files of machines that no record owns any more.
 *
 * Invariant: a directory is read before the store is, and a record is committed before its files
 * are made; so what is removed was not somebody's who came meanwhile. */
#include "cloud/leftovers.h"

#include "base/fault.h"
#include "base/file.h"
#include "cloud/layers.h"
#include <errno.h>

/* Whether the record that the file's name tells of is there. */
typedef bool (*IsOwned)(Txn *txn, Arena *arena, const char *name, bool *ret_owned, GError **error);

static bool is_layer(Txn *txn, Arena *arena, const char *name, bool *ret_owned, GError **error)
{
    Layer *layer;
    if (!layer_get(txn, arena, arena_printf(arena, LAYERS_DIRECTORY "/%s", name), &layer, error))
        return false;
    *ret_owned = layer != NULL;
    return true;
}

static bool is_instance(Txn *txn, Arena *arena, const char *name, bool *ret_owned, GError **error)
{
    Instance *instance;
    if (!instance_get(txn, arena, name, &instance, error))
        return false;
    *ret_owned = instance != NULL;
    return true;
}

/* The names in a directory; none when it is not there. */
static bool list_names(Arena *arena, const char *path, List *names, GError **error)
{
    g_autoptr(GError) reason = NULL;
    g_autoptr(GDir) directory = g_dir_open(path, 0, &reason);
    if (!directory)
        return g_error_matches(reason, G_FILE_ERROR, G_FILE_ERROR_NOENT) ||
               trouble_set(error, "%s", reason->message);
    for (const char *name; (name = g_dir_read_name(directory)) != NULL;)
        list_add(names, arena, arena_strdup(arena, name));
    return true;
}

static bool remove_one(const char *path, GError **error)
{
    g_message("%s belongs to nothing any more and is removed", path);
    if (unlink(path) == 0 || errno == ENOENT)
        return true;
    if (errno != EISDIR && errno != EPERM) /* what unlink says of directories */
        return trouble_set_errno(error, errno, "cannot remove %s", path);
    return file_remove_tree(path, error);
}

static bool remove_from(Cloud *cloud, const char *directory, IsOwned is_owned, GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(Txn) txn = NULL;
    List names = {0}, unowned = {0};
    const char *path = arena_printf(arena, "%s/%s", cloud_state_dir(cloud), directory);
    if (!list_names(arena, path, &names, error) || !txn_begin_read(cloud_store(cloud), &txn, error))
        return false;
    LIST_EACH (const char *, name, &names) {
        bool owned;
        if (!is_owned(txn, arena, name, &owned, error))
            return false;
        if (!owned)
            list_add(&unowned, arena, name);
    }
    LIST_EACH (const char *, leftover, &unowned)
        if (!remove_one(arena_printf(arena, "%s/%s", path, leftover), error))
            return false;
    return true;
}

bool leftovers_remove(Cloud *cloud, GError **error)
{
    return remove_from(cloud, LAYERS_DIRECTORY, is_layer, error) &&
           remove_from(cloud, "instances", is_instance, error);
}
