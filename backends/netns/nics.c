/* The books of plugged interfaces. Invariant: what is in memory is in a file. The files need not
 * survive a power cut (no tap does), so they are not synced; they are never seen half-written. */
#include "backends/netns/nics.h"
#include "base/fault.h"
#include "base/file.h"

#include <errno.h>
#include <string.h>

#define RECORD_MAX 1024
#define FIELDS 4 /* tap, mac, address, host name */

struct Nics {
    char *directory;
    GHashTable *by_id;      /* id → Nic *, which it owns */
    GHashTable *by_tap;     /* tap → Nic * */
    GHashTable *by_address; /* address → Nic * */
};

static void nic_free(void *data)
{
    Nic *nic = data;
    g_free(nic->id);
    g_free(nic->tap);
    g_free(nic->mac);
    g_free(nic->hostname);
    g_free(nic);
}

static void remember(Nics *nics, const Nic *source)
{
    Nic *nic = g_new0(Nic, 1);
    *nic = (Nic){g_strdup(source->id), g_strdup(source->tap), g_strdup(source->mac),
                 source->address, g_strdup(source->hostname)};
    g_hash_table_insert(nics->by_id, nic->id, nic);
    g_hash_table_insert(nics->by_tap, nic->tap, nic);
    g_hash_table_insert(nics->by_address, GUINT_TO_POINTER(nic->address), nic);
}

static bool parse(const char *id, char *text, Nics *nics)
{
    g_auto(GStrv) fields = g_strsplit(g_strchomp(text), " ", FIELDS + 1);
    uint8_t mac[MAC_BYTES];
    uint32_t address;
    if (!id_is_plain(id) || g_strv_length(fields) != FIELDS || !id_is_plain(fields[0]) ||
        !mac_parse(fields[1], mac) || !ipv4_parse(fields[2], &address) ||
        !dns_name_is_plain(fields[3]))
        return false;
    remember(nics, &(Nic){(char *)id, fields[0], fields[1], address, fields[3]});
    return true;
}

bool nics_open(const char *run_dir, Nics **ret_nics, GError **error)
{
    g_autofree char *path = g_build_filename(run_dir, "nics", NULL);
    if (!file_make_directory(path, error))
        return false;
    g_autoptr(GDir) directory = g_dir_open(path, 0, error);
    if (!directory)
        return false;
    Nics *nics = g_new0(Nics, 1);
    nics->directory = g_steal_pointer(&path);
    nics->by_id = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, nic_free);
    nics->by_tap = g_hash_table_new(g_str_hash, g_str_equal);
    nics->by_address = g_hash_table_new(NULL, NULL);
    for (const char *name; (name = g_dir_read_name(directory));) {
        g_autofree char *file = g_build_filename(nics->directory, name, NULL);
        g_autofree char *text = NULL;
        if (!file_read(file, RECORD_MAX, &text, NULL, NULL) || !parse(name, text, nics))
            unlink(file);
    }
    *ret_nics = nics;
    return true;
}

void nics_free(Nics *nics)
{
    if (!nics)
        return;
    g_hash_table_unref(nics->by_address);
    g_hash_table_unref(nics->by_tap);
    g_hash_table_unref(nics->by_id);
    g_free(nics->directory);
    g_free(nics);
}

const Nic *nics_find(const Nics *nics, const char *id)
{
    return g_hash_table_lookup(nics->by_id, id);
}

const Nic *nics_find_tap(const Nics *nics, const char *tap)
{
    return g_hash_table_lookup(nics->by_tap, tap);
}

const Nic *nics_find_address(const Nics *nics, uint32_t address)
{
    return g_hash_table_lookup(nics->by_address, GUINT_TO_POINTER(address));
}

void nics_list(const Nics *nics, Arena *arena, List *ret_nics)
{
    List list = {0};
    GHashTableIter iter;
    void *nic;
    g_hash_table_iter_init(&iter, nics->by_id);
    while (g_hash_table_iter_next(&iter, NULL, &nic))
        list_add(&list, arena, nic);
    *ret_nics = list;
}

bool nics_add(Nics *nics, const Nic *nic, GError **error)
{
    char address[IPV4_TEXT_SIZE];
    g_autofree char *path = g_build_filename(nics->directory, nic->id, NULL);
    g_autofree char *text = g_strdup_printf("%s %s %s %s\n", nic->tap, nic->mac,
                                            ipv4_format(nic->address, address), nic->hostname);
    if (!g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, error))
        return false;
    remember(nics, nic);
    return true;
}

bool nics_remove(Nics *nics, const char *id, GError **error)
{
    const Nic *nic = nics_find(nics, id);
    if (!nic)
        return true;
    g_autofree char *path = g_build_filename(nics->directory, id, NULL);
    if (unlink(path) < 0 && errno != ENOENT)
        return trouble_set_errno(error, errno, "cannot remove %s", path);
    g_hash_table_remove(nics->by_address, GUINT_TO_POINTER(nic->address));
    g_hash_table_remove(nics->by_tap, nic->tap);
    g_hash_table_remove(nics->by_id, id);
    return true;
}
