/* The whole pipeline, from parts to an image: the first byte says how large parts are, the second
 * what of the manifest is wrong, two more the size of the image; what follows is the gzip file. */
#include "tests/fuzz/fuzz.h"
#include "imagestore/bundle_cipher.h"
#include "tests/fuzz/bundle_image.h"

#define PREFIX 4
#define WRONG_PART 1
#define WRONG_SIZE 2

typedef struct Bundle {
    BundleManifest manifest;
    uint8_t *bytes;
    size_t size, part_size;
    size_t read; /* of the current part */
    size_t part;
} Bundle;

static bool read_part(void *data, size_t part, void *buffer, size_t size, size_t *ret_read,
                      GError **error)
{
    Bundle *bundle = data;
    if (part != bundle->part)
        bundle->read = 0;
    bundle->part = part;
    size_t begin = part * bundle->part_size;
    size_t whole = MIN(bundle->part_size, bundle->size - begin);
    *ret_read = MIN(size, whole - bundle->read);
    memcpy(buffer, bundle->bytes + begin + bundle->read, *ret_read);
    bundle->read += *ret_read;
    return true;
}

static void encrypt(Bundle *bundle, const BundleKey *key, const uint8_t *data, size_t size)
{
    size_t added, rest;
    g_autoptr(BundleCipher) cipher = bundle_cipher_new(key, true);
    bundle->bytes = g_malloc(size + 2 * BUNDLE_CIPHER_BLOCK);
    g_assert(bundle_cipher_add(cipher, data, size, bundle->bytes, &added, NULL));
    g_assert(bundle_cipher_finish(cipher, bundle->bytes + added, &rest, NULL));
    bundle->size = added + rest;
}

static void describe(Bundle *bundle, Arena *arena)
{
    bundle->manifest.bundled_size = bundle->size;
    for (size_t at = 0; at < bundle->size; at += bundle->part_size) {
        BundlePart *part = arena_new_struct(arena, BundlePart);
        part->filename = "part";
        digest(DIGEST_SHA1, bundle->bytes + at, MIN(bundle->part_size, bundle->size - at),
               part->digest);
        list_add(&bundle->manifest.parts, arena, part);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(Arena) arena = arena_new();
    static const BundleKey key;
    if (size < PREFIX)
        return 0;
    Bundle bundle = {.part_size = 16 + (size_t)data[0] * 8};
    bundle.manifest.size = 1 + (data[2] | (uint64_t)data[3] << 8);
    encrypt(&bundle, &key, data + PREFIX, size - PREFIX);
    g_autofree uint8_t *bytes = bundle.bytes;
    describe(&bundle, arena);
    if (data[1] & WRONG_PART)
        bytes[size % bundle.size] ^= 1;
    if (data[1] & WRONG_SIZE)
        bundle.manifest.bundled_size ^= 1;
    BundleSource source = {.read = read_part, .data = &bundle};
    g_autoptr(GError) error = NULL;
    /* The digest of the archive is nobody's, so that nothing ever is an image. */
    g_assert(!bundle_extract(&bundle.manifest, &key, &source, fuzz_image_path(), &error));
    g_assert(error);
    g_assert(!(data[1] & WRONG_PART) || error->code == BUNDLE_ERROR_PART_DIGEST ||
             error->code == BUNDLE_ERROR_ARCHIVE || error->code == BUNDLE_ERROR_SIZE);
    fuzz_assert_no_image();
    return 0;
}
