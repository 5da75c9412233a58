/* Archives in bundles: the first byte says in what pieces they come, three more the size that the
 * image is to have. Checksums of headers are put right, or nothing would come past them. */
#include "tests/fuzz/fuzz.h"
#include "imagestore/bundle_tar_header.h"
#include "tests/fuzz/bundle_image.h"

#define PREFIX 4

typedef struct Archive {
    BundleStream stream;
    uint8_t *data;
    size_t size, piece;
} Archive;

static bool next_piece(BundleStream *stream, const uint8_t **ret_data, size_t *ret_size,
                       GError **error)
{
    Archive *archive = (Archive *)stream;
    *ret_size = MIN(archive->piece, archive->size);
    *ret_data = archive->data;
    archive->data += *ret_size;
    archive->size -= *ret_size;
    return true;
}

static void put_checksum(uint8_t *block)
{
    unsigned sum = 0;
    TarField field = TAR_CHECKSUM;
    memset(block + field.offset, ' ', field.size);
    for (unsigned i = 0; i < BUNDLE_TAR_BLOCK; i++)
        sum += block[i];
    snprintf((char *)block + field.offset, field.size, "%06o", sum);
}

static void put_checksums(uint8_t *data, size_t size)
{
    TarField magic = TAR_MAGIC;
    for (size_t at = 0; at + BUNDLE_TAR_BLOCK <= size; at += BUNDLE_TAR_BLOCK)
        if (memcmp(data + at + magic.offset, "ustar", 5) == 0)
            put_checksum(data + at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < PREFIX)
        return 0;
    uint64_t image_size = 1 + (data[1] | (uint64_t)data[2] << 8 | (uint64_t)data[3] << 16);
    g_autofree uint8_t *bytes = g_malloc0(size);
    Archive archive = {.stream.next = next_piece,
                       .data = bytes,
                       .size = size - PREFIX,
                       .piece = data[0] ? data[0] : 4096};
    g_autoptr(BundleImage) image = NULL;
    g_assert(bundle_image_create(fuzz_image_path(), image_size, &image, NULL));
    memcpy(bytes, data + PREFIX, size - PREFIX);
    put_checksums(bytes, size - PREFIX);
    if (bundle_tar_extract(&archive.stream, image, NULL)) {
        g_assert(archive.size == 0);
        g_assert(bundle_image_keep(image, NULL));
        fuzz_remove_image(image_size);
        return 0;
    }
    bundle_image_free(g_steal_pointer(&image));
    fuzz_assert_no_image();
    return 0;
}
