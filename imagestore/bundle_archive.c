/* Archives of images.
 *
 * Invariant: every extent begins and ends at a multiple of 4 KiB or at the end of the file, so only
 * the last may need filling up. */
#include "imagestore/bundle_archive.h"
#include "imagestore/bundle_cipher.h"
#include "imagestore/bundle_tar_header.h"

#include "base/fault.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ALIGNMENT ((uint64_t)4096)
#define RECORD ((uint64_t)20 * BUNDLE_TAR_BLOCK) /* what archives are filled up to */
#define FILE_MODE 0644

/* --- holes --- */

static void add_data(BundleArchive *archive, uint64_t begin, uint64_t end)
{
    GArray *extents = archive->extents;
    BundleExtent *last =
        extents->len > 0 ? &g_array_index(extents, BundleExtent, extents->len - 1) : NULL;
    begin -= begin % ALIGNMENT;
    end = MIN(end + (ALIGNMENT - end % ALIGNMENT) % ALIGNMENT, archive->size);
    if (last && begin <= last->offset + last->size) {
        archive->stored += end - (last->offset + last->size);
        last->size = end - last->offset;
        return;
    }
    BundleExtent extent = {begin, end - begin};
    archive->stored += extent.size;
    g_array_append_val(extents, extent);
}

static bool find_data(BundleArchive *archive, GError **error)
{
    for (off_t at = 0; (uint64_t)at < archive->size;) {
        off_t begin = lseek(archive->fd, at, SEEK_DATA);
        if (begin < 0 && errno == ENXIO) /* a hole up to the end */
            return true;
        at = begin < 0 ? -1 : lseek(archive->fd, begin, SEEK_HOLE);
        if (at < 0)
            return trouble_set_errno(error, errno, "cannot find the holes of image %s",
                                     archive->name);
        if ((uint64_t)begin < archive->size)
            add_data(archive, (uint64_t)begin, MIN((uint64_t)at, archive->size));
    }
    return true;
}

bool bundle_archive_open(BundleArchive *archive, int fd, const char *name, GError **error)
{
    struct stat status;
    if (fstat(fd, &status) < 0)
        return trouble_set_errno(error, errno, "cannot look at image %s", name);
    uint64_t size = (uint64_t)status.st_size;
    if (size == 0 || size > BUNDLE_MAX_IMAGE)
        return bundle_error_set(error, BUNDLE_ERROR_SIZE,
                                "the image has %" G_GUINT64_FORMAT
                                " bytes; images in bundles have 1 to %" G_GUINT64_FORMAT,
                                size, BUNDLE_MAX_IMAGE);
    archive->fd = fd;
    archive->name = name;
    archive->size = size;
    archive->modified = (uint64_t)MAX(status.st_mtime, 0);
    archive->extents = g_array_new(FALSE, FALSE, sizeof(BundleExtent));
    return find_data(archive, error);
}

void bundle_archive_clear(BundleArchive *archive)
{
    g_clear_pointer(&archive->extents, g_array_unref);
}

/* --- into the pipe --- */

typedef struct Writer {
    BundleArchive *archive;
    BundlePipe *pipe;
    BundleBlock *block; /* being filled; NULL: the next one is wanted */
    BundleSha1 *sha1;
    uint64_t written;
} Writer;

static bool get_block(Writer *writer, GError **error)
{
    if (!writer->block)
        writer->block = bundle_pipe_room(writer->pipe);
    return writer->block || bundle_error_set(error, BUNDLE_ERROR_CANCELLED, "it was cancelled");
}

static void push(Writer *writer)
{
    bundle_sha1_add(writer->sha1, writer->block->data, writer->block->size);
    bundle_pipe_push(writer->pipe);
    writer->block = NULL;
}

/* So many bytes are in the block now. */
static void add_written(Writer *writer, size_t size)
{
    writer->block->size += size;
    writer->written += size;
    if (writer->block->size == bundle_pipe_block_size(writer->pipe))
        push(writer);
}

static size_t room_in_block(const Writer *writer)
{
    return bundle_pipe_block_size(writer->pipe) - writer->block->size;
}

static bool write_bytes(Writer *writer, const uint8_t *data, size_t size, GError **error)
{
    while (size > 0) {
        if (!get_block(writer, error))
            return false;
        size_t piece = MIN(size, room_in_block(writer));
        memcpy(writer->block->data + writer->block->size, data, piece);
        add_written(writer, piece);
        data += piece;
        size -= piece;
    }
    return true;
}

static bool fill_up(Writer *writer, uint64_t unit, GError **error)
{
    static const uint8_t zeros[BUNDLE_TAR_BLOCK];
    while (writer->written % unit != 0) {
        uint64_t missing = unit - writer->written % unit;
        if (!write_bytes(writer, zeros, (size_t)MIN(missing, sizeof(zeros)), error))
            return false;
    }
    return true;
}

static bool write_extent(Writer *writer, BundleExtent extent, GError **error)
{
    const BundleArchive *archive = writer->archive;
    while (extent.size > 0) {
        if (!get_block(writer, error))
            return false;
        size_t piece = (size_t)MIN(extent.size, (uint64_t)room_in_block(writer));
        ssize_t got = pread(archive->fd, writer->block->data + writer->block->size, piece,
                            (off_t)extent.offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return trouble_set_errno(error, got < 0 ? errno : EIO, "cannot read image %s",
                                     archive->name);
        add_written(writer, (size_t)got);
        writer->archive->done += (uint64_t)got;
        extent.offset += (uint64_t)got;
        extent.size -= (uint64_t)got;
    }
    return fill_up(writer, BUNDLE_TAR_BLOCK, error);
}

/* --- headers --- */

/* In octal with a NUL; what does not fit so, in binary. */
static void put_number(uint8_t *field, size_t size, uint64_t number)
{
    if (number >> (3 * (size - 1)) != 0) {
        for (size_t i = size; i-- > 1; number >>= 8)
            field[i] = (uint8_t)number;
        field[0] = 0x80;
        return;
    }
    field[size - 1] = '\0';
    for (size_t i = size - 1; i-- > 0; number >>= 3)
        field[i] = (uint8_t)('0' + (number & 7));
}

static void put_field(uint8_t *block, TarField field, uint64_t number)
{
    put_number(block + field.offset, field.size, number);
}

/* As many of the rest of the extents as there is room for. */
static void put_extents(uint8_t *block, TarField field, const GArray *extents, unsigned *next)
{
    uint8_t *at = block + field.offset;
    for (uint8_t *end = at + field.size; at < end && *next < extents->len; at += TAR_EXTENT) {
        const BundleExtent *extent = &g_array_index(extents, BundleExtent, (*next)++);
        put_number(at, TAR_NUMBER, extent->offset);
        put_number(at + TAR_NUMBER, TAR_NUMBER, extent->size);
    }
}

static void put_checksum(uint8_t *block)
{
    unsigned sum = 0;
    TarField field = TAR_CHECKSUM;
    memset(block + field.offset, ' ', field.size);
    for (unsigned i = 0; i < BUNDLE_TAR_BLOCK; i++)
        sum += block[i];
    put_number(block + field.offset, field.size - 1, sum);
}

static bool write_header(Writer *writer, const GArray *map, GError **error)
{
    const BundleArchive *archive = writer->archive;
    uint8_t block[BUNDLE_TAR_BLOCK] = {0};
    unsigned next = 0;
    TarField name = TAR_NAME, magic = TAR_MAGIC;
    memcpy(block + name.offset, archive->name, MIN(strlen(archive->name), name.size));
    put_field(block, TAR_MODE, FILE_MODE);
    put_field(block, TAR_UID, 0);
    put_field(block, TAR_GID, 0);
    put_field(block, TAR_SIZE, archive->stored);
    put_field(block, TAR_MTIME, archive->modified);
    memcpy(block + magic.offset, TAR_GNU_MAGIC, magic.size);
    block[TAR_TYPE] = map ? 'S' : '0';
    if (map) {
        put_extents(block, TAR_EXTENTS, map, &next);
        put_field(block, TAR_REAL_SIZE, archive->size);
        block[TAR_MORE] = next < map->len;
    }
    put_checksum(block);
    if (!write_bytes(writer, block, sizeof(block), error))
        return false;
    while (map && next < map->len) {
        memset(block, 0, sizeof(block));
        put_extents(block, TAR_MORE_EXTENTS, map, &next);
        block[TAR_MORE_MORE] = next < map->len;
        if (!write_bytes(writer, block, sizeof(block), error))
            return false;
    }
    return true;
}

/* The extents as the header wants them: a hole at the end is an extent without bytes. */
static GArray *make_map(const BundleArchive *archive)
{
    const GArray *extents = archive->extents;
    GArray *map = g_array_new(FALSE, FALSE, sizeof(BundleExtent));
    uint64_t end = 0;
    for (unsigned i = 0; i < extents->len; i++) {
        BundleExtent extent = g_array_index(extents, BundleExtent, i);
        end = extent.offset + extent.size;
        g_array_append_val(map, extent);
    }
    BundleExtent last = {archive->size, 0};
    if (end < archive->size)
        g_array_append_val(map, last);
    return map;
}

static bool write_all(Writer *writer, GError **error)
{
    static const uint8_t end[2 * BUNDLE_TAR_BLOCK];
    BundleArchive *archive = writer->archive;
    g_autoptr(GArray) map = archive->stored < archive->size ? make_map(archive) : NULL;
    if (!write_header(writer, map, error))
        return false;
    for (unsigned i = 0; i < archive->extents->len; i++)
        if (!write_extent(writer, g_array_index(archive->extents, BundleExtent, i), error))
            return false;
    if (!write_bytes(writer, end, sizeof(end), error) || !fill_up(writer, RECORD, error))
        return false;
    if (writer->block)
        push(writer);
    return true;
}

bool bundle_archive_write(BundleArchive *archive, BundlePipe *pipe, uint8_t ret_sha1[SHA1_SIZE],
                          GError **error)
{
    g_autoptr(BundleSha1) sha1 = bundle_sha1_new();
    Writer writer = {.archive = archive, .pipe = pipe, .sha1 = sha1};
    if (!write_all(&writer, error))
        return false;
    bundle_sha1_finish(sha1, ret_sha1);
    return true;
}
