/* Overlays by qemu-img.
 *
 * Invariant: a file at a disk's path is a whole disk, since it gets its name by rename when it is
 * done: an existing one can be trusted and left alone, it may hold a guest's data.
 *
 * A base may come from a client's bundle, and an image format can name other files of the host as
 * its contents. So only the formats of which we know where they do that are taken, and every file
 * of the chain must lie in the state directory. */
#include "backends/libvirt/disk.h"
#include "base/fault.h"
#include "base/faultpoint.h"
#include "base/file.h"
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define QEMU_IMG "qemu-img"
#define CHECKED_MAX 4096        /* bases remembered; when there are more, all are forgotten */
#define CHECK_TIMEOUT_MS 300000 /* reads all tables of a base: seconds for a terabyte */
#define COPY_TIMEOUT_MS (6 * 3600 * 1000)

G_DEFINE_AUTOPTR_CLEANUP_FUNC(json_t, json_decref)

typedef struct CheckedBase {
    struct timespec changed;
    ino_t inode;
    off_t length;
    uint64_t virtual_size;
} CheckedBase;

struct DiskMaker {
    char *state_dir; /* without links */
    GMutex lock;
    GHashTable *checked; /* path → CheckedBase */
};

DiskMaker *disk_maker_new(const char *state_dir)
{
    DiskMaker *maker = g_new0(DiskMaker, 1);
    char *real = realpath(state_dir, NULL);
    maker->state_dir = g_strdup(real ? real : state_dir);
    free(real);
    g_mutex_init(&maker->lock);
    maker->checked = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return maker;
}

void disk_maker_free(DiskMaker *maker)
{
    if (!maker)
        return;
    g_hash_table_unref(maker->checked);
    g_mutex_clear(&maker->lock);
    g_free(maker->state_dir);
    g_free(maker);
}

static bool is_same(const CheckedBase *base, const struct stat *status)
{
    return base->inode == status->st_ino && base->length == status->st_size &&
           base->changed.tv_sec == status->st_mtim.tv_sec &&
           base->changed.tv_nsec == status->st_mtim.tv_nsec;
}

static bool recall(DiskMaker *maker, const char *path, const struct stat *status,
                   uint64_t *ret_virtual_size)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&maker->lock);
    const CheckedBase *base = g_hash_table_lookup(maker->checked, path);
    if (!base || !is_same(base, status))
        return false;
    *ret_virtual_size = base->virtual_size;
    return true;
}

static void remember(DiskMaker *maker, const char *path, const struct stat *status,
                     uint64_t virtual_size)
{
    CheckedBase *base = g_new(CheckedBase, 1);
    *base = (CheckedBase){.changed = status->st_mtim,
                          .inode = status->st_ino,
                          .length = status->st_size,
                          .virtual_size = virtual_size};
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&maker->lock);
    if (g_hash_table_size(maker->checked) >= CHECKED_MAX)
        g_hash_table_remove_all(maker->checked);
    g_hash_table_replace(maker->checked, g_strdup(path), base);
}

/* Ends with the daemon, lest the next one finds it still writing to the same file. */
static bool run_within(unsigned timeout_ms, const char *const *argv, char **ret_output,
                       GError **error)
{
    ProcessSpec process = {.argv = argv, .timeout_ms = timeout_ms, .die_with_parent = true};
    return process_run(&process, ret_output, error);
}

static bool run(const char *const *argv, char **ret_output, GError **error)
{
    return run_within(CHECK_TIMEOUT_MS, argv, ret_output, error);
}

static bool fail_for(const char *base_path, const char *how, GError **error)
{
    g_prefix_error(error, "the image %s %s: ", base_path, how);
    return false;
}

/* A file of an image's chain: an ordinary one of ours, of a format that is known. */
static bool check_link(const DiskMaker *maker, const json_t *link, GError **error)
{
    const char *name = json_string_value(json_object_get(link, "filename"));
    const char *format = json_string_value(json_object_get(link, "format"));
    if (!name || !format || (strcmp(format, "raw") != 0 && strcmp(format, "qcow2") != 0))
        return trouble_set(error, "it is built upon something that is no raw or qcow2 file");
    char *real = realpath(name, NULL);
    bool inside =
        real && g_str_has_prefix(real, maker->state_dir) && real[strlen(maker->state_dir)] == '/';
    free(real);
    if (!inside)
        return trouble_set(error, "it is built upon %s, which is no image of ours", name);
    const json_t *data = json_object_get(json_object_get(link, "format-specific"), "data");
    if (json_object_get(data, "data-file"))
        return trouble_set(error, "its data lie in another file");
    return true;
}

/* The chain as qemu-img shows it, the base first. The base itself may lie anywhere: its path came
 * from us. */
static bool check_chain(const DiskMaker *maker, const char *info, uint64_t *ret_virtual_size,
                        GError **error)
{
    g_autoptr(json_t) chain = json_loads(info, 0, NULL);
    const json_t *base = json_array_get(chain, 0);
    json_int_t virtual_size = json_integer_value(json_object_get(base, "virtual-size"));
    if (!base || virtual_size < 0)
        return trouble_set(error, "qemu-img says nothing about it");
    const json_t *data = json_object_get(json_object_get(base, "format-specific"), "data");
    if (json_object_get(data, "data-file"))
        return trouble_set(error, "its data lie in another file");
    for (size_t i = 1; i < json_array_size(chain); i++) {
        if (!check_link(maker, json_array_get(chain, i), error))
            return false;
    }
    *ret_virtual_size = (uint64_t)virtual_size;
    return true;
}

/* That the tables of a qcow2 file are whole and lead nowhere beyond its end. Status 3 says that
 * only leaked clusters were found: room wasted, no data lost. */
static bool check_tables(const char *base_path, GError **error)
{
    const char *const check[] = {QEMU_IMG, "check", "-q", "-f", "qcow2", base_path, NULL};
    g_autoptr(GError) problem = NULL;
    if (run(check, NULL, &problem) || strstr(problem->message, "exited with status 3"))
        return true;
    g_propagate_error(error, g_steal_pointer(&problem));
    return false;
}

/* That the base is whole and refers to nothing foreign, and how long its disk is. */
static bool check_base(DiskMaker *maker, const char *base_path, const char *format,
                       uint64_t *ret_virtual_size, GError **error)
{
    struct stat status;
    if (stat(base_path, &status) < 0)
        return trouble_set_errno(error, errno, "cannot find the image %s", base_path);
    if (!S_ISREG(status.st_mode) || base_path[0] != '/')
        return trouble_set(error, "the image %s is no file with an absolute path", base_path);
    uint64_t virtual_size = 0;
    if (recall(maker, base_path, &status, ret_virtual_size))
        return true;

    g_autofree char *info = NULL;
    const char *const show[] = {QEMU_IMG, "info", "--output=json", "--backing-chain",
                                "-f",     format, base_path,       NULL};
    if (!run(show, &info, error))
        return fail_for(base_path, "is damaged", error);
    if (!check_chain(maker, info, &virtual_size, error))
        return fail_for(base_path, "cannot be used", error);
    if (strcmp(format, "qcow2") == 0 && !check_tables(base_path, error))
        return fail_for(base_path, "is damaged", error);
    remember(maker, base_path, &status, virtual_size);
    *ret_virtual_size = virtual_size;
    return true;
}

/* Makes file durable and gives it its name. */
static bool publish(const char *file, const char *path, GError **error)
{
    autofd fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0)
        return trouble_set_errno(error, errno, "cannot make the disk %s", path);
    faultpoint("disk-move");
    if (rename(file, path) < 0)
        return trouble_set_errno(error, errno, "cannot make the disk %s", path);
    g_autofree char *directory = g_path_get_dirname(path);
    autofd parent = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0 || fsync(parent) < 0)
        return trouble_set_errno(error, errno, "cannot make the disk %s durable", path);
    return true;
}

static bool is_known(const char *format)
{
    return strcmp(format, "raw") == 0 || strcmp(format, "qcow2") == 0;
}

/* Runs a command that makes unfinished, which becomes path. */
static bool make(unsigned timeout_ms, const char *const *argv, const char *unfinished,
                 const char *path, GError **error)
{
    if (run_within(timeout_ms, argv, NULL, error) && publish(unfinished, path, error))
        return true;
    unlink(unfinished);
    return false;
}

bool disk_create(DiskMaker *maker, const char *path, const char *base_path, const char *base_format,
                 uint64_t size_bytes, GError **error)
{
    if (access(path, F_OK) == 0)
        return true;
    if (base_path && !is_known(base_format))
        return trouble_set(error, "the image %s is in the format %s; convert it to raw or qcow2",
                           base_path, base_format);

    uint64_t base_size = 0;
    if (base_path && !check_base(maker, base_path, base_format, &base_size, error))
        return false;

    char size[32];
    snprintf(size, sizeof(size), "%" G_GUINT64_FORMAT, MAX(size_bytes, base_size));
    g_autofree char *unfinished = g_strconcat(path, ".new", NULL);
    const char *const overlay[] = {QEMU_IMG,  "create", "-q",        "-f",       "qcow2", "-b",
                                   base_path, "-F",     base_format, unfinished, size,    NULL};
    const char *const empty[] = {QEMU_IMG, "create", "-q", "-f", "qcow2", unfinished, size, NULL};
    return make(CHECK_TIMEOUT_MS, base_path ? overlay : empty, unfinished, path, error);
}

bool disk_convert(DiskMaker *maker, const char *path, const char *format, const char *new_path,
                  const char *new_format, GError **error)
{
    uint64_t size;
    if (access(new_path, F_OK) == 0)
        return true;
    if (!is_known(format) || !is_known(new_format))
        return trouble_set(error, "the disk %s cannot be converted from %s to %s", path, format,
                           new_format);
    if (!check_base(maker, path, format, &size, error))
        return false;
    g_autofree char *unfinished = g_strconcat(new_path, ".new", NULL);
    const char *const argv[] = {QEMU_IMG, "convert",  "-q", "-f",       format,
                                "-O",     new_format, path, unfinished, NULL};
    return make(COPY_TIMEOUT_MS, argv, unfinished, new_path, error);
}

static bool disk_size(const char *path, uint64_t *ret_size, GError **error)
{
    g_autofree char *text = NULL;
    const char *const show[] = {QEMU_IMG, "info", "--output=json", "-f", "qcow2", path, NULL};
    if (!run(show, &text, error))
        return false;
    g_autoptr(json_t) info = json_loads(text, 0, NULL);
    json_int_t size = json_integer_value(json_object_get(info, "virtual-size"));
    if (size <= 0)
        return trouble_set(error, "qemu-img does not say how large the disk %s is", path);
    *ret_size = (uint64_t)size;
    return true;
}

bool disk_resize(const char *path, uint64_t size_bytes, GError **error)
{
    uint64_t now = 0;
    if (!disk_size(path, &now, error))
        return false;
    if (now >= size_bytes)
        return true;
    char size[32];
    snprintf(size, sizeof(size), "%" G_GUINT64_FORMAT, size_bytes);
    const char *const argv[] = {QEMU_IMG, "resize", "-q", "-f", "qcow2", path, size, NULL};
    if (!run(argv, NULL, error))
        return false;
    autofd fd = open(path, O_RDONLY | O_CLOEXEC);
    return (fd >= 0 && fsync(fd) == 0) ||
           trouble_set_errno(error, errno, "cannot make the disk %s durable", path);
}

/* Through a file, since qemu-img writes to no pipe. */
static bool read_through(const char *path, const char *format, const char *copy, void *buffer,
                         size_t size, GError **error)
{
    char length[32];
    snprintf(length, sizeof(length), "bs=%zu", size);
    g_autofree char *from = g_strconcat("if=", path, NULL);
    g_autofree char *to = g_strconcat("of=", copy, NULL);
    const char *const argv[] = {QEMU_IMG, "dd", "-f",      format, "-O", "raw",
                                length,   from, "count=1", to,     NULL};
    if (!run(argv, NULL, error))
        return false;
    autofd fd = open(copy, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, buffer, size);
    if (n < 0)
        return trouble_set_errno(error, errno, "cannot read the disk %s", path);
    memset((char *)buffer + n, 0, size - (size_t)n);
    return true;
}

bool disk_read(DiskMaker *maker, const char *path, const char *format, void *buffer, size_t size,
               GError **error)
{
    uint64_t disk_bytes;
    if (!is_known(format))
        return trouble_set(error, "the disk %s is in the format %s", path, format);
    if (!check_base(maker, path, format, &disk_bytes, error))
        return false;
    g_autofree char *copy = g_strdup_printf("%s/read-XXXXXX", maker->state_dir);
    int fd = g_mkstemp(copy);
    if (fd < 0)
        return trouble_set_errno(error, errno, "cannot make a file in %s", maker->state_dir);
    close(fd);
    bool ok = read_through(path, format, copy, buffer, size, error);
    unlink(copy);
    return ok;
}

bool disk_overlay(const char *path, const char *base_path, uint64_t size_bytes, GError **error)
{
    if (access(path, F_OK) == 0)
        return disk_resize(path, size_bytes, error);
    char size[32];
    snprintf(size, sizeof(size), "%" G_GUINT64_FORMAT, size_bytes);
    g_autofree char *unfinished = g_strconcat(path, ".new", NULL);
    /* -u: not opening the base, which is locked. */
    const char *const argv[] = {QEMU_IMG,  "create", "-q",    "-u",       "-f", "qcow2", "-b",
                                base_path, "-F",     "qcow2", unfinished, size, NULL};
    return make(CHECK_TIMEOUT_MS, argv, unfinished, path, error);
}

bool disk_freeze(const char *path, GError **error)
{
    faultpoint("disk-freeze");
    return chmod(path, 0444) == 0 ||
           trouble_set_errno(error, errno, "cannot make the disk %s read-only", path);
}

static bool check_backing(const json_t *info, const char *backing, GError **error)
{
    const char *found = json_string_value(json_object_get(info, "full-backing-filename"));
    if (!found)
        found = json_string_value(json_object_get(info, "backing-filename"));
    if (g_strcmp0(found, backing) == 0)
        return true;
    g_autofree char *real_found = found ? realpath(found, NULL) : NULL;
    g_autofree char *real = backing ? realpath(backing, NULL) : NULL;
    return (real && g_strcmp0(real_found, real) == 0) ||
           trouble_set(error, "it lies over %s instead of %s", found ? found : "nothing",
                       backing ? backing : "nothing");
}

bool disk_check(const char *path, const char *format, const char *backing, GError **error)
{
    const char *const show[] = {QEMU_IMG, "info", "--output=json", "-f", format, path, NULL};
    g_autofree char *text = NULL;
    if (!run(show, &text, error))
        return false;
    g_autoptr(json_t) info = json_loads(text, 0, NULL);
    return check_backing(info, backing, error) &&
           (strcmp(format, "qcow2") != 0 || check_tables(path, error));
}
