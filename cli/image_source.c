/* A disk image that a user brings.
 *
 * Invariant: an image that refers to another file is never taken, since what is in an image from
 * elsewhere would else decide which of the user's files become part of it. */
#include "cli/image_source.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CHECK_TIMEOUT_MS 300000 /* reads all tables: seconds for a terabyte */
#define SECTOR 512
#define MBR_MARK 510 /* 55 aa */
#define GPT_AT SECTOR
#define EXT_MAGIC_AT 1080 /* 53 ef: the magic number in an ext file system's superblock */
#define BEGINNING 2048
#define VHD_MARK "conectix" /* begins the last sector of a VHD of fixed size */

typedef struct json_t Json;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Json, json_decref)

/* ---- raw disks ---- */

static bool read_at(int fd, void *buffer, size_t size, off_t at)
{
    return pread(fd, buffer, size, at) == (ssize_t)size;
}

/* QEMU takes a VHD of fixed size for a raw disk with 512 bytes too much. */
static bool is_fixed_vhd(int fd, off_t length)
{
    char mark[sizeof(VHD_MARK) - 1];
    return length >= 2 * SECTOR && read_at(fd, mark, sizeof(mark), length - SECTOR) &&
           memcmp(mark, VHD_MARK, sizeof(mark)) == 0;
}

/* Any file at all is a raw disk: one that can boot has partitions or a file system. */
static bool looks_bootable(int fd)
{
    uint8_t begin[BEGINNING];
    if (!read_at(fd, begin, sizeof(begin), 0))
        return false;
    return (begin[MBR_MARK] == 0x55 && begin[MBR_MARK + 1] == 0xaa) ||
           memcmp(begin + GPT_AT, "EFI PART", 8) == 0 ||
           (begin[EXT_MAGIC_AT] == 0x53 && begin[EXT_MAGIC_AT + 1] == 0xef);
}

static bool check_raw(const char *file, ImageSource *source, GError **error)
{
    autofd fd = open(source->path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0)
        return trouble_set_errno(error, errno, "cannot read %s", file);
    if (is_fixed_vhd(fd, status.st_size)) {
        source->format = "vpc";
        return true;
    }
    return looks_bootable(fd) ||
           trouble_set(error,
                       "%s is no disk image: it is neither qcow2, VMDK, VHD nor VHDX, and as a raw "
                       "disk it has neither a partition table nor an ext file system (is it "
                       "compressed?)",
                       file);
}

/* ---- what qemu-img says ---- */

/* By the format that is known already, or else by the one that QEMU guesses. */
static bool ask(const ImageSource *source, const char *file, Json **ret_info, GError **error)
{
    const char *argv[8] = {"qemu-img", "info", "--output=json"};
    size_t n = 3;
    if (source->format) {
        argv[n++] = "-f";
        argv[n++] = source->format;
    }
    argv[n] = source->path;
    g_autofree char *text = NULL;
    if (!process_run(&(ProcessSpec){.argv = argv}, &text, error)) {
        g_prefix_error(error, "%s cannot be read as a disk image: ", file);
        return false;
    }
    *ret_info = json_loads(text, 0, NULL);
    return *ret_info || trouble_set(error, "qemu-img says nothing of %s", file);
}

/* The name of another file that the image refers to; NULL: there is none. */
static const char *other_file(const Json *info, const char *path)
{
    const Json *data = json_object_get(json_object_get(info, "format-specific"), "data"), *extent;
    const char *backing = json_string_value(json_object_get(info, "backing-filename"));
    const char *data_file = json_string_value(json_object_get(data, "data-file"));
    size_t i;
    if (backing || data_file)
        return backing ? backing : data_file;
    json_array_foreach(json_object_get(data, "extents"), i, extent)
    {
        const char *name = json_string_value(json_object_get(extent, "filename"));
        if (name && strcmp(name, path) != 0)
            return name;
    }
    return NULL;
}

/* Tables that lead beyond the file's end, as those of a file do that was not copied to its end,
 * show zeros to whoever reads on. Status 3: only room is wasted; 63: QEMU cannot check this format.
 */
static bool check_tables(const char *file, const ImageSource *source, GError **error)
{
    const char *const argv[] = {"qemu-img",     "check",      "-q", "-f",
                                source->format, source->path, NULL};
    g_autoptr(GError) problem = NULL;
    if (process_run(&(ProcessSpec){.argv = argv, .timeout_ms = CHECK_TIMEOUT_MS}, NULL, &problem) ||
        strstr(problem->message, "exited with status 3") ||
        strstr(problem->message, "exited with status 63"))
        return true;
    return trouble_set(error, "%s is damaged or not complete: %s", file, problem->message);
}

static bool check_format(Arena *arena, const char *file, const Json *info, ImageSource *source,
                         GError **error)
{
    static const char *const known[] = {"qcow2", "raw", "vmdk", "vpc", "vhdx", NULL};
    const char *format = json_string_value(json_object_get(info, "format"));
    if (!format || !g_strv_contains(known, format))
        return trouble_set(error,
                           "%s is a %.50s image; qcow2, raw, VMDK, VHD and VHDX can be imported",
                           file, format ? format : "strange");
    source->format = arena_strdup(arena, format);
    return strcmp(format, "raw") != 0 || check_raw(file, source, error);
}

static bool check_info(const char *file, const Json *info, ImageSource *source, GError **error)
{
    const char *other = other_file(info, source->path);
    if (other)
        return trouble_set(error,
                           "%s needs another file (%.500s): make one image of them with 'qemu-img "
                           "convert' first",
                           file, other);
    if (json_is_true(json_object_get(info, "encrypted")))
        return trouble_set(error, "%s is encrypted", file);
    source->size = json_integer_value(json_object_get(info, "virtual-size"));
    source->used = json_integer_value(json_object_get(info, "actual-size"));
    if (source->size <= 0)
        return trouble_set(error, "the disk in %s is empty", file);
    return source->size <= IMAGE_SOURCE_MAX ||
           trouble_set(error, "the disk in %s is too large: %" PRId64 " GiB of at most %" PRId64,
                       file, source->size >> 30, IMAGE_SOURCE_MAX >> 30);
}

static bool find_path(Arena *arena, const char *file, ImageSource *source, GError **error)
{
    struct stat status;
    char *real = realpath(file, NULL);
    source->path = arena_strdup(arena, real);
    free(real);
    autofd fd = source->path ? open(source->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    if (fd < 0 || fstat(fd, &status) < 0)
        return trouble_set_errno(error, errno, "cannot read %s", file);
    return S_ISREG(status.st_mode) || trouble_set(error, "%s is no file", file);
}

bool image_source_open(Arena *arena, const char *file, ImageSource *ret_source, GError **error)
{
    ImageSource source = {0};
    g_autoptr(Json) guessed = NULL;
    g_autoptr(Json) info = NULL;
    /* Asked twice, since what QEMU takes for a raw disk may be a VHD. */
    if (!find_path(arena, file, &source, error) || !ask(&source, file, &guessed, error) ||
        !check_format(arena, file, guessed, &source, error) || !ask(&source, file, &info, error) ||
        !check_info(file, info, &source, error) || !check_tables(file, &source, error))
        return false;
    *ret_source = source;
    return true;
}
