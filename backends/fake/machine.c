/* One simulated machine, and its file: a line with the number of its processors, then a line a
 * disk, "SIZE SERIAL PATH". */
#include "backends/fake/machine.h"
#include "base/fault.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX (1024 * 1024)

static void disk_free(void *data)
{
    FakeDisk *disk = data;
    g_free(disk->serial);
    g_free(disk->path);
    g_free(disk);
}

FakeMachine *fake_machine_new(const char *name, unsigned vcpus)
{
    FakeMachine *machine = g_new0(FakeMachine, 1);
    machine->name = g_strdup(name);
    machine->vcpus = MAX(vcpus, 1);
    machine->since = g_get_monotonic_time();
    machine->disks = g_ptr_array_new_with_free_func(disk_free);
    return machine;
}

void fake_machine_free(void *data)
{
    FakeMachine *machine = data;
    g_ptr_array_unref(machine->disks);
    g_free(machine->name);
    g_free(machine);
}

uint64_t fake_machine_cpu_ns(const FakeMachine *machine, int64_t now)
{
    double ns = (double)(now - machine->since) * 1000.0 * machine->vcpus * machine->load / 100.0;
    return machine->cpu_ns + (uint64_t)ns;
}

FakeDisk *fake_machine_disk(const FakeMachine *machine, const char *serial)
{
    for (unsigned i = 0; i < machine->disks->len; i++) {
        FakeDisk *disk = g_ptr_array_index(machine->disks, i);
        if (strcmp(disk->serial, serial) == 0)
            return disk;
    }
    return NULL;
}

FakeDisk *fake_machine_disk_at(const FakeMachine *machine, const char *path)
{
    for (unsigned i = 0; i < machine->disks->len; i++) {
        FakeDisk *disk = g_ptr_array_index(machine->disks, i);
        if (strcmp(disk->path, path) == 0)
            return disk;
    }
    return NULL;
}

void fake_machine_add_disk(FakeMachine *machine, const char *serial, const char *path,
                           uint64_t size)
{
    FakeDisk *disk = g_new0(FakeDisk, 1);
    disk->serial = g_strdup(serial ? serial : "");
    disk->path = g_strdup(path);
    disk->size = size;
    g_ptr_array_add(machine->disks, disk);
}

static char *text_of(const FakeMachine *machine)
{
    GString *text = g_string_new(NULL);
    g_string_append_printf(text, "%u\n", machine->vcpus);
    for (unsigned i = 0; i < machine->disks->len; i++) {
        const FakeDisk *disk = g_ptr_array_index(machine->disks, i);
        g_string_append_printf(text, "%" G_GUINT64_FORMAT " %s %s\n", disk->size, disk->serial,
                               disk->path);
    }
    return g_string_free(text, FALSE);
}

static bool write_file(const char *path, const FakeMachine *machine, GError **error)
{
    autofd fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return trouble_set_errno(error, errno, "cannot make %s", path);
    g_autofree char *text = text_of(machine);
    return file_write_all(fd, text, strlen(text), error);
}

bool fake_machine_make_file(const char *directory, const FakeMachine *machine, GError **error)
{
    g_autofree char *path = g_build_filename(directory, machine->name, NULL);
    return write_file(path, machine, error);
}

bool fake_machine_change_file(const char *directory, const FakeMachine *machine, GError **error)
{
    g_autofree char *path = g_build_filename(directory, machine->name, NULL);
    g_autofree char *unfinished = g_strdup_printf("%s/.%s", directory, machine->name);
    if (!write_file(unfinished, machine, error))
        return false;
    return rename(unfinished, path) == 0 ||
           trouble_set_errno(error, errno, "cannot replace %s", path);
}

bool fake_machine_read_file(const char *directory, const char *name, FakeMachine **ret_machine,
                            GError **error)
{
    g_autofree char *path = g_build_filename(directory, name, NULL);
    g_autofree char *text = NULL;
    if (!file_read(path, FILE_MAX, &text, NULL, error))
        return false;
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    /* Empty when the daemon was killed before it wrote the number: one processor will do. */
    FakeMachine *machine = fake_machine_new(name, (unsigned)strtoul(text, NULL, 10));
    for (char **line = lines; *line && line[1]; line++) {
        g_auto(GStrv) words = g_strsplit(line[1], " ", 3);
        if (g_strv_length(words) == 3)
            fake_machine_add_disk(machine, words[1], words[2],
                                  g_ascii_strtoull(words[0], NULL, 10));
    }
    *ret_machine = machine;
    return true;
}
