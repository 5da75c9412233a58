/* Headers of archives, and what they may say in a bundle. */
#include "imagestore/bundle_tar_header.h"
#include "imagestore/bundle_pax.h"

#include <string.h>

#define MAX_HEADERS 8 /* before that of the file */
#define MAX_LONG_NAME 4096
#define TAR_PREFIX ((TarField){345, 155}) /* of names, where the magic is POSIX's */
#define POSIX_MAGIC "ustar\0"

void tar_entry_clear(TarEntry *entry)
{
    g_clear_pointer(&entry->extents, g_array_unref);
}

/* --- values --- */

static bool binary_number(const uint8_t *field, size_t size, uint64_t *ret_number)
{
    uint64_t number = field[0] & 0x7f;
    for (size_t i = 1; i < size; i++) {
        if (number > (uint64_t)INT64_MAX >> 8)
            return false;
        number = number << 8 | field[i];
    }
    *ret_number = number;
    return true;
}

bool tar_number(const uint8_t *field, size_t size, uint64_t *ret_number)
{
    size_t i = 0;
    uint64_t number = 0;
    if (field[0] & 0x80)
        return binary_number(field, size, ret_number);
    while (i < size && field[i] == ' ')
        i++;
    size_t first = i;
    for (; i < size && field[i] >= '0' && field[i] <= '7'; i++)
        number = number << 3 | (uint64_t)(field[i] - '0'); /* 12 digits at most */
    if (i == first || (i < size && field[i] != ' ' && field[i] != '\0'))
        return false;
    *ret_number = number;
    return true;
}

static bool number_at(const uint8_t *block, TarField field, uint64_t *ret_number, GError **error)
{
    return tar_number(block + field.offset, field.size, ret_number) ||
           bundle_error_set(error, BUNDLE_ERROR_ARCHIVE,
                            "a number in a header of the archive in the bundle is not valid");
}

bool tar_add_extent(GArray *extents, uint64_t offset, uint64_t size, GError **error)
{
    if (size == 0)
        return true;
    const BundleExtent *last =
        extents->len > 0 ? &g_array_index(extents, BundleExtent, extents->len - 1) : NULL;
    /* Each begins at a block in the archive: only behind the last may one be filled up. */
    if (offset > BUNDLE_MAX_IMAGE || size > BUNDLE_MAX_IMAGE - offset ||
        (last && (offset < last->offset + last->size || last->size % BUNDLE_TAR_BLOCK != 0)))
        return bundle_error_set(error, BUNDLE_ERROR_ARCHIVE,
                                "the map of holes in the archive in the bundle is not valid");
    if (extents->len == BUNDLE_TAR_MAX_EXTENTS)
        return bundle_error_set(error, BUNDLE_ERROR_ARCHIVE,
                                "the image in the bundle has more than %d holes",
                                BUNDLE_TAR_MAX_EXTENTS);
    BundleExtent extent = {offset, size};
    g_array_append_val(extents, extent);
    return true;
}

bool tar_check_name(const char *name, GError **error)
{
    bool good = *name && *name != '/' && !g_str_has_suffix(name, "/");
    for (const char *at = name; good && at; at = strchr(at, '/')) {
        at += *at == '/';
        good = !(at[0] == '.' && at[1] == '.' && (at[2] == '/' || at[2] == '\0'));
    }
    if (good)
        return true;
    g_autofree char *shown = g_utf8_make_valid(name, -1);
    return bundle_error_set(error, BUNDLE_ERROR_ARCHIVE,
                            "the file in the archive in the bundle is named '%.200s', which is not "
                            "the name of a file in its directory",
                            shown);
}

bool tar_block_is_zero(const uint8_t block[BUNDLE_TAR_BLOCK])
{
    return block[0] == 0 && memcmp(block, block + 1, BUNDLE_TAR_BLOCK - 1) == 0;
}

/* --- one header --- */

static bool check_sum(const uint8_t *block, GError **error)
{
    uint64_t said, sum = 0;
    int64_t signed_sum = 0; /* as some old programs made it */
    TarField field = TAR_CHECKSUM;
    for (unsigned i = 0; i < BUNDLE_TAR_BLOCK; i++) {
        uint8_t byte = i - field.offset < field.size ? ' ' : block[i];
        sum += byte;
        signed_sum += (int8_t)byte;
    }
    return (tar_number(block + field.offset, field.size, &said) &&
            (said == sum || (int64_t)said == signed_sum)) ||
           bundle_error_set(error, BUNDLE_ERROR_ARCHIVE,
                            "what is in the bundle is not a tar "
                            "archive");
}

static bool check_names(const uint8_t *block, GError **error)
{
    TarField prefix = TAR_PREFIX, magic = TAR_MAGIC, field = TAR_NAME;
    g_autofree char *name = g_strndup((const char *)block + field.offset, field.size);
    if (!tar_check_name(name, error))
        return false;
    if (memcmp(block + magic.offset, POSIX_MAGIC, sizeof(POSIX_MAGIC) - 1) != 0 ||
        block[prefix.offset] == '\0')
        return true;
    g_autofree char *directory = g_strndup((const char *)block + prefix.offset, prefix.size);
    return tar_check_name(directory, error);
}

static bool read_long_name(BundleStream *stream, uint64_t size, GError **error)
{
    if (size == 0 || size > MAX_LONG_NAME)
        return bundle_error_set(error, BUNDLE_ERROR_ARCHIVE,
                                "a name in the archive in the bundle is too long");
    g_autofree char *name = g_malloc0((size_t)size + 1);
    return bundle_stream_take(stream, name, (size_t)size, error) &&
           bundle_stream_skip(stream, bundle_tar_padding(size), error) &&
           tar_check_name(name, error);
}

/* The extents in a block; *ret_last: no more of them can follow. */
static bool read_extents(const uint8_t *block, TarField field, GArray *extents, bool *ret_last,
                         GError **error)
{
    *ret_last = false;
    for (unsigned at = 0; at < field.size; at += TAR_EXTENT) {
        TarField offset = {field.offset + at, TAR_NUMBER};
        TarField bytes = {field.offset + at + TAR_NUMBER, TAR_NUMBER};
        uint64_t begin, size;
        if (block[bytes.offset] == '\0') {
            *ret_last = true;
            return true;
        }
        if (!number_at(block, offset, &begin, error) || !number_at(block, bytes, &size, error) ||
            !tar_add_extent(extents, begin, size, error))
            return false;
    }
    return true;
}

static bool read_gnu_sparse(BundleStream *stream, const uint8_t *header, TarEntry *entry,
                            GError **error)
{
    uint8_t block[BUNDLE_TAR_BLOCK];
    bool last, more = header[TAR_MORE] != 0;
    if (!number_at(header, TAR_REAL_SIZE, &entry->size, error) ||
        !read_extents(header, TAR_EXTENTS, entry->extents, &last, error))
        return false;
    while (more) {
        if (!bundle_stream_take(stream, block, sizeof(block), error) ||
            !read_extents(block, TAR_MORE_EXTENTS, entry->extents, &last, error))
            return false;
        more = block[TAR_MORE_MORE] != 0;
        if (more && last)
            return bundle_error_set(error, BUNDLE_ERROR_ARCHIVE,
                                    "the map of holes in the archive in the bundle is not valid");
    }
    entry->sparse = true;
    return true;
}

/* --- all of them --- */

static const char *describe_type(uint8_t type)
{
    switch (type) {
    case '1':
    case '2':
    case 'K':
        return "a link";
    case '3':
    case '4':
        return "a device";
    case '5':
    case 'D':
        return "a directory";
    case '6':
        return "a pipe";
    case 'g':
        return "a header for several files";
    default:
        return "something unknown";
    }
}

static bool has_pax_sparse(const PaxHeader *pax)
{
    return pax->major > 0 || pax->has_extents;
}

static bool take_pax_sparse(const PaxHeader *pax, TarEntry *entry, GError **error)
{
    bool known = pax->major == 0 || (pax->major == 1 && pax->minor == 0 && !pax->has_extents);
    if (!known || !pax->has_real_size || pax->has_offset)
        return bundle_error_set(error, BUNDLE_ERROR_ARCHIVE,
                                "the map of holes in the archive in the bundle is not valid");
    entry->sparse = true;
    entry->map_in_data = pax->major == 1;
    entry->size = pax->real_size;
    return true;
}

static bool take_file(BundleStream *stream, const uint8_t *block, const PaxHeader *pax,
                      TarEntry *entry, GError **error)
{
    if (!check_names(block, error) || !number_at(block, TAR_SIZE, &entry->stored, error))
        return false;
    if (pax->has_size)
        entry->stored = pax->size;
    entry->size = entry->stored;
    if (block[TAR_TYPE] != 'S')
        return !has_pax_sparse(pax) || take_pax_sparse(pax, entry, error);
    if (has_pax_sparse(pax) || entry->extents->len > 0)
        return bundle_error_set(error, BUNDLE_ERROR_ARCHIVE,
                                "the archive in the bundle has two maps of holes");
    return read_gnu_sparse(stream, block, entry, error);
}

/* *ret_done: it was that of the file. */
static bool take_header(BundleStream *stream, const uint8_t *block, PaxHeader *pax, TarEntry *entry,
                        bool *ret_done, GError **error)
{
    uint64_t size;
    *ret_done = strchr("07S", block[TAR_TYPE]) != NULL; /* NUL: as old tars say '0' */
    if (*ret_done)
        return take_file(stream, block, pax, entry, error);
    if (block[TAR_TYPE] != 'L' && block[TAR_TYPE] != 'x')
        return bundle_error_set(error, BUNDLE_ERROR_ARCHIVE,
                                "the archive in the bundle has %s in it; it may have nothing but "
                                "one image file",
                                describe_type(block[TAR_TYPE]));
    if (!number_at(block, TAR_SIZE, &size, error))
        return false;
    if (block[TAR_TYPE] == 'L')
        return read_long_name(stream, size, error);
    return pax_read(stream, size, pax, entry->extents, error) &&
           bundle_stream_skip(stream, bundle_tar_padding(size), error);
}

bool tar_entry_read(BundleStream *stream, TarEntry *entry, GError **error)
{
    uint8_t block[BUNDLE_TAR_BLOCK];
    PaxHeader pax = {0};
    bool done = false, end;
    entry->extents = g_array_new(FALSE, FALSE, sizeof(BundleExtent));
    for (unsigned n = 0; !done; n++) {
        if (!bundle_stream_block(stream, block, &end, error))
            return false;
        if (end || tar_block_is_zero(block))
            return bundle_error_set(error, BUNDLE_ERROR_ARCHIVE,
                                    "the archive in the bundle has no file in it");
        if (n == MAX_HEADERS)
            return bundle_error_set(error, BUNDLE_ERROR_ARCHIVE,
                                    "the archive in the bundle has too many headers");
        if (!check_sum(block, error) || !take_header(stream, block, &pax, entry, &done, error))
            return false;
    }
    return true;
}
