/* From an archive to its one file.
 *
 * Invariant: nothing is written before the whole map of holes was found right, and nothing outside
 * the size that the image was created with. */
#include "imagestore/bundle_tar.h"
#include "imagestore/bundle_pax.h"

/* Archives are filled up to a record, 10 KiB unless somebody asks tar for larger ones. */
#define MAX_TRAILING (1024 * 1024)

static bool check_size(const TarEntry *entry, const BundleImage *image, GError **error)
{
    uint64_t wanted = bundle_image_size(image);
    return entry->size == wanted ||
           bundle_error_set(error, BUNDLE_ERROR_SIZE,
                            "the image in the bundle has %" G_GUINT64_FORMAT " bytes, but the "
                            "manifest says %" G_GUINT64_FORMAT,
                            entry->size, wanted);
}

/* What the entry says must fit together before any of it is done. */
static bool check_extents(const TarEntry *entry, GError **error)
{
    uint64_t sum = 0, end = 0;
    for (unsigned i = 0; i < entry->extents->len; i++) {
        const BundleExtent *extent = &g_array_index(entry->extents, BundleExtent, i);
        sum += extent->size;
        end = extent->offset + extent->size;
    }
    return (sum == entry->stored && end <= entry->size) ||
           bundle_error_set(error, BUNDLE_ERROR_ARCHIVE,
                            "the map of holes in the archive in the bundle does not fit its file");
}

static bool find_extents(BundleStream *stream, TarEntry *entry, GError **error)
{
    uint64_t map_size;
    if (!entry->sparse)
        return tar_add_extent(entry->extents, 0, entry->stored, error);
    if (!entry->map_in_data)
        return true;
    if (!pax_read_map(stream, entry->stored, entry->extents, &map_size, error))
        return false;
    entry->stored -= map_size;
    return true;
}

static bool copy_extent(BundleStream *stream, BundleImage *image, BundleExtent extent,
                        GError **error)
{
    while (extent.size > 0) {
        const uint8_t *data;
        size_t got;
        if (!bundle_stream_some(stream, extent.size, &data, &got, error))
            return false;
        if (got == 0)
            return bundle_error_set(error, BUNDLE_ERROR_ARCHIVE,
                                    "the archive in the bundle ends within the image");
        if (!bundle_image_write(image, extent.offset, data, got, error))
            return false;
        extent.offset += got;
        extent.size -= got;
    }
    return true;
}

/* Nothing but blocks of zeros, and what fills up the record behind them. */
static bool read_end(BundleStream *stream, GError **error)
{
    uint8_t block[BUNDLE_TAR_BLOCK];
    const uint8_t *data;
    bool end;
    if (!bundle_stream_block(stream, block, &end, error))
        return false;
    if (!end && !tar_block_is_zero(block))
        return bundle_error_set(error, BUNDLE_ERROR_ARCHIVE,
                                "the archive in the bundle has more than one file in it");
    uint64_t left = MAX_TRAILING;
    for (size_t got = 1; got > 0; left -= got) {
        if (left == 0)
            return bundle_error_set(error, BUNDLE_ERROR_ARCHIVE,
                                    "the archive in the bundle goes on behind its end");
        if (!bundle_stream_some(stream, left, &data, &got, error))
            return false;
    }
    return true;
}

bool bundle_tar_extract(BundleStream *stream, BundleImage *image, GError **error)
{
    g_auto(TarEntry) entry = {0};
    if (!tar_entry_read(stream, &entry, error) || !check_size(&entry, image, error) ||
        !find_extents(stream, &entry, error) || !check_extents(&entry, error))
        return false;
    for (unsigned i = 0; i < entry.extents->len; i++)
        if (!copy_extent(stream, image, g_array_index(entry.extents, BundleExtent, i), error))
            return false;
    return bundle_stream_skip(stream, bundle_tar_padding(entry.stored), error) &&
           read_end(stream, error);
}
