/* QEMU's monitor: commands of QMP by way of libvirt, whose connection it is. */
#include "backends/libvirt/monitor.h"
#include "backends/libvirt/trouble.h"
#include "base/fault.h"

#include <jansson.h>
#include <libvirt/libvirt-qemu.h>
#include <stdlib.h>
#include <string.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(json_t, json_decref)

/* What the command returns; json_decref it. */
static bool execute(virDomainPtr domain, json_t *command, json_t **ret_value, GError **error)
{
    char *text = json_dumps(command, 0), *answer = NULL;
    int status = virDomainQemuMonitorCommand(domain, text, &answer, 0);
    free(text);
    if (status < 0)
        return libvirt_trouble(error, "cannot ask QEMU about the disks of machine %s",
                               virDomainGetName(domain));
    g_autoptr(json_t) document = json_loads(answer, 0, NULL);
    free(answer);
    json_t *value = json_object_get(document, "return");
    if (!value) {
        const json_t *problem = json_object_get(json_object_get(document, "error"), "desc");
        const char *says = json_string_value(problem);
        return trouble_set(error, "QEMU does not answer about the disks of machine %s: %s",
                           virDomainGetName(domain), says ? says : "nothing");
    }
    *ret_value = json_incref(value);
    return true;
}

/* The path of the file behind a node, which QEMU shows as it is, or as "json:…" when the node was
 * opened in a way that the path alone does not tell. NULL: it has none. In arena. */
static const char *path_of(Arena *arena, const json_t *node)
{
    const char *shown = json_string_value(json_object_get(node, "file"));
    if (!shown || !g_str_has_prefix(shown, "json:"))
        return arena_strdup(arena, shown);
    g_autoptr(json_t) options = json_loads(shown + strlen("json:"), 0, NULL);
    const json_t *file = json_object_get(options, "file");
    return arena_strdup(arena, json_string_value(json_object_get(file, "filename")));
}

bool monitor_disks(virDomainPtr domain, Arena *arena, List *ret_disks, GError **error)
{
    g_autoptr(json_t) command = json_pack("{s:s}", "execute", "query-block");
    g_autoptr(json_t) answer = NULL;
    if (!execute(domain, command, &answer, error))
        return false;
    List disks = {0};
    size_t i;
    const json_t *block;
    json_array_foreach(answer, i, block)
    {
        const char *device = json_string_value(json_object_get(block, "qdev"));
        const json_t *inserted = json_object_get(block, "inserted");
        const char *path = path_of(arena, inserted);
        if (!device || !path)
            continue;
        MonitorDisk *disk = arena_new_struct(arena, MonitorDisk);
        disk->device = arena_strdup(arena, device);
        disk->path = path;
        list_add(&disks, arena, disk);
    }
    *ret_disks = disks;
    return true;
}

const MonitorDisk *monitor_disk_at_path(const List *disks, const char *path)
{
    LIST_EACH (const MonitorDisk *, disk, disks) {
        if (g_strcmp0(disk->path, path) == 0)
            return disk;
    }
    return NULL;
}

bool monitor_remove(virDomainPtr domain, const char *device, GError **error)
{
    g_autoptr(json_t) command =
        json_pack("{s:s, s:{s:s}}", "execute", "device_del", "arguments", "id", device);
    g_autoptr(json_t) answer = NULL;
    return execute(domain, command, &answer, error);
}

/* QEMU refuses for those that are in use, which is what is wanted; true if it did for none. */
static bool delete_nodes(virDomainPtr domain, const json_t *nodes, const char *path, bool is_format)
{
    g_autoptr(Arena) arena = arena_new();
    bool all = true;
    size_t i;
    const json_t *node;
    json_array_foreach(nodes, i, node)
    {
        const char *file = path_of(arena, node);
        const char *driver = json_string_value(json_object_get(node, "drv"));
        const char *name = json_string_value(json_object_get(node, "node-name"));
        if (!name || g_strcmp0(file, path) != 0 || (g_strcmp0(driver, "qcow2") == 0) != is_format)
            continue;
        g_autoptr(json_t) command =
            json_pack("{s:s, s:{s:s}}", "execute", "blockdev-del", "arguments", "node-name", name);
        g_autoptr(json_t) answer = NULL;
        all = execute(domain, command, &answer, NULL) && all;
    }
    return all;
}

bool monitor_close(virDomainPtr domain, const char *path, bool *ret_closed, GError **error)
{
    g_autoptr(json_t) command =
        json_pack("{s:s, s:{s:b}}", "execute", "query-named-block-nodes", "arguments", "flat", 1);
    g_autoptr(json_t) nodes = NULL;
    if (!execute(domain, command, &nodes, error))
        return false;
    /* A format's node uses that of its file. */
    bool formats = delete_nodes(domain, nodes, path, true);
    *ret_closed = delete_nodes(domain, nodes, path, false) && formats;
    return true;
}
