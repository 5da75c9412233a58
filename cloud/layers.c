/* See the header. */
#include "cloud/layers.h"

#include "base/fault.h"
#include "cloud/site.h"

#include <errno.h>
#include <unistd.h>

char *layer_path(Arena *arena, const char *name)
{
    return arena_printf(arena, LAYERS_DIRECTORY "/%s.qcow2", name);
}

char *layer_file(Arena *arena, Cloud *cloud, const char *path)
{
    return arena_printf(arena, "%s/%s", cloud_state_dir(cloud), path);
}

bool layer_add(Txn *txn, const char *path, const char *backing, const char *backing_format,
               int64_t now, GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    Layer *known;
    Layer layer = {.path = path,
                   .format = "qcow2",
                   .backing = backing,
                   .backing_format = backing ? backing_format : NULL,
                   .created = now};
    return layer_get(txn, arena, path, &known, error) &&
           (known || layer_insert(txn, &layer, error));
}

bool layer_add_whole(Txn *txn, const char *path, const char *format, int64_t now, GError **error)
{
    Layer layer = {.path = path, .format = format, .created = now};
    return layer_insert(txn, &layer, error);
}

bool layer_make(Cloud *cloud, const char *path, int64_t size_bytes, GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(Txn) txn = NULL;
    Layer *layer;
    if (!txn_begin_read(cloud_store(cloud), &txn, error) ||
        !layer_get(txn, arena, path, &layer, error) || !txn_commit(&txn, error))
        return false;
    if (!layer)
        return trouble_set(error, "%s has no record", path);
    return cloud->config.hypervisor->create_disk(
        cloud->hypervisor, layer_file(arena, cloud, path),
        layer->backing ? layer_file(arena, cloud, layer->backing) : NULL, layer->backing_format,
        (uint64_t)size_bytes, error);
}

bool layer_drop(Txn *txn, Arena *arena, const char *path, List *files, GError **error)
{
    while (path) {
        Layer *layer;
        int64_t references;
        if (!layer_get(txn, arena, path, &layer, error) ||
            !record_count(txn, COUNT_REFERENCES_OF_LAYER, &references, error, path))
            return false;
        if (!layer || references > 0)
            return true;
        if (!layer_delete(txn, path, error))
            return false;
        list_add(files, arena, layer->path);
        path = layer->backing;
    }
    return true;
}

void layers_remove(Cloud *cloud, const List *files)
{
    LIST_EACH (const char *, file, files) {
        g_autofree char *path = g_build_filename(cloud_state_dir(cloud), file, NULL);
        if (unlink(path) < 0 && errno != ENOENT)
            g_warning("cannot remove %s: %s", path, g_strerror(errno));
    }
}

/* The first partition's entry in a master boot record. */
#define ENTRIES 446
#define ENTRY_SIZE 16
#define ENTRY_TYPE 4

bool disk_is_partitioned(Cloud *cloud, const char *path, const char *format, bool *ret_partitioned,
                         GError **error)
{
    g_autofree char *file = g_build_filename(cloud_state_dir(cloud), path, NULL);
    uint8_t sector[512];
    if (!cloud->config.hypervisor->read_disk(cloud->hypervisor, file, format, sector,
                                             sizeof(sector), error))
        return false;
    bool partition = false; /* a GPT has a protective one */
    for (size_t i = 0; i < 4; i++)
        partition = partition || sector[ENTRIES + i * ENTRY_SIZE + ENTRY_TYPE] != 0;
    *ret_partitioned = sector[510] == 0x55 && sector[511] == 0xaa && partition;
    return true;
}
