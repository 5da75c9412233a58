/* Bundles for tests: the programs that the format is made of, and as few lines of C as possible. */
#include "tests/unit/bundle_fixture.h"

#include "base/file.h"
#include "base/process.h"
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#define KEY "000102030405060708090a0b0c0d0e0f"
#define VECTOR "f0e0d0c0b0a090807060504030201000"
#define MAX_COMPARED (64 * 1024 * 1024) /* bytes */
#define MAX_FILE ((size_t)256 * 1024 * 1024)

static bool read_part(void *data, size_t part, void *buffer, size_t size, size_t *ret_read,
                      GError **error)
{
    BundleFixture *fixture = data;
    size_t before = 0;
    if (part == fixture->missing)
        return bundle_error_set(error, BUNDLE_ERROR_PART_MISSING, "part %zu is not there", part);
    if (fixture->read_part != part)
        fixture->read = 0;
    fixture->read_part = part;
    for (size_t i = 0; i < part; i++)
        before += g_array_index(fixture->sizes, size_t, i);
    size_t rest = g_array_index(fixture->sizes, size_t, part) - fixture->read;
    *ret_read = MIN(MIN(rest, size), 1000);
    memcpy(buffer, fixture->bytes->data + before + fixture->read, *ret_read);
    fixture->read += *ret_read;
    return true;
}

static bool note_progress(void *data, uint64_t done, uint64_t total)
{
    BundleFixture *fixture = data;
    assert_true(done >= fixture->told && done <= total);
    fixture->told = done;
    fixture->total = total;
    return done < fixture->cancel_at;
}

int bundle_set_up(void **state)
{
    BundleFixture *fixture = g_new0(BundleFixture, 1);
    fixture->directory = scratch_directory();
    fixture->arena = arena_new();
    for (unsigned i = 0; i < BUNDLE_KEY_SIZE; i++) {
        fixture->key.key[i] = (uint8_t)i;
        fixture->key.vector[i] = (uint8_t)(0xf0 - 16 * i);
    }
    fixture->bytes = g_byte_array_new();
    fixture->sizes = g_array_new(FALSE, FALSE, sizeof(size_t));
    fixture->source = (BundleSource){read_part, note_progress, fixture};
    fixture->target = g_build_filename(fixture->directory, "out", "image", NULL);
    fixture->missing = SIZE_MAX;
    fixture->read_part = SIZE_MAX;
    fixture->cancel_at = UINT64_MAX;
    bundle_shell(fixture, "mkdir out");
    *state = fixture;
    return 0;
}

int bundle_tear_down(void **state)
{
    BundleFixture *fixture = *state;
    assert_true(file_remove_tree(fixture->directory, NULL));
    g_byte_array_unref(fixture->bytes);
    g_array_unref(fixture->sizes);
    g_free(fixture->target);
    g_free(fixture->directory);
    arena_free(fixture->arena);
    g_free(fixture);
    return 0;
}

const char *bundle_shell(BundleFixture *fixture, const char *format, ...)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *output = NULL;
    va_list args;
    va_start(args, format);
    g_autofree char *command = g_strdup_vprintf(format, args);
    va_end(args);
    g_autofree char *line = g_strdup_printf("set -e; cd '%s'; %s", fixture->directory, command);
    const char *argv[] = {"sh", "-c", line, NULL};
    process_run(&(ProcessSpec){.argv = argv}, &output, &error);
    assert_no_error(error);
    return arena_strdup(fixture->arena, output);
}

const char *bundle_file(BundleFixture *fixture, const char *name, size_t *ret_size)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = g_build_filename(fixture->directory, name, NULL);
    char *text = NULL;
    size_t size;
    file_read(path, MAX_FILE, &text, &size, &error);
    assert_no_error(error);
    const char *kept = arena_memdup(fixture->arena, text, size + 1);
    g_free(text);
    if (ret_size)
        *ret_size = size;
    return kept;
}

void bundle_make_keys(BundleFixture *fixture, const char *name)
{
    bundle_shell(fixture,
                 "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=%s -keyout pk-%s.pem "
                 "-out cert-%s.pem 2>&1",
                 name, name, name);
}

void bundle_make_image(BundleFixture *fixture, unsigned n_holes)
{
    g_autofree char *path = g_build_filename(fixture->directory, "image", NULL);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (unsigned i = 0; i < n_holes; i++) {
        uint32_t noise[1024];
        for (unsigned j = 0; j < G_N_ELEMENTS(noise); j++)
            noise[j] = j % 4 ? i + 1 : g_random_int();
        assert_int_equal(fseek(file, (long)i * 64 * 1024, SEEK_SET), 0);
        assert_int_equal(fwrite(noise, sizeof(noise), 1, file), 1);
    }
    assert_int_equal(fseek(file, (long)n_holes * 64 * 1024 + 1000, SEEK_SET), 0);
    fputs("end.\n", file);
    fclose(file);
}

/* --- bundles --- */

static void digest_of(BundleFixture *fixture, const char *name, uint8_t out[SHA1_SIZE])
{
    const char *hex = bundle_shell(fixture, "sha1sum %s", name);
    for (size_t i = 0; i < SHA1_SIZE; i++)
        out[i] =
            (uint8_t)(g_ascii_xdigit_value(hex[2 * i]) << 4 | g_ascii_xdigit_value(hex[2 * i + 1]));
}

static void cut_parts(BundleFixture *fixture, size_t part_size)
{
    BundleManifest *manifest = &fixture->manifest;
    manifest->parts = (List){0};
    g_array_set_size(fixture->sizes, 0);
    for (size_t at = 0; at < fixture->bytes->len; at += part_size) {
        size_t size = MIN(part_size, fixture->bytes->len - at);
        BundlePart *part = arena_new_struct(fixture->arena, BundlePart);
        part->filename = arena_printf(fixture->arena, "image.part.%zu", manifest->parts.n);
        digest(DIGEST_SHA1, fixture->bytes->data + at, size, part->digest);
        list_add(&manifest->parts, fixture->arena, part);
        g_array_append_val(fixture->sizes, size);
    }
    manifest->bundled_size = fixture->bytes->len;
}

void bundle_of_packed(BundleFixture *fixture, const char *packed, const char *archive,
                      uint64_t image_size, size_t part_size)
{
    size_t size;
    bundle_shell(fixture,
                 "openssl enc -aes-128-cbc -K " KEY " -iv " VECTOR " -in %s -out encrypted",
                 packed);
    const char *bytes = bundle_file(fixture, "encrypted", &size);
    g_byte_array_set_size(fixture->bytes, 0);
    g_byte_array_append(fixture->bytes, (const uint8_t *)bytes, (unsigned)size);
    fixture->manifest.size = image_size;
    digest_of(fixture, archive, fixture->manifest.digest);
    cut_parts(fixture, part_size);
}

void bundle_of_archive(BundleFixture *fixture, const char *archive, uint64_t image_size)
{
    bundle_shell(fixture, "gzip -c %s >packed", archive);
    bundle_of_packed(fixture, "packed", archive, image_size, 10000);
}

void bundle_of_image(BundleFixture *fixture)
{
    bundle_shell(fixture, "tar -cS --format=gnu -f a.tar image");
    bundle_of_archive(fixture, "a.tar", bundle_size_of(fixture, "image"));
}

uint64_t bundle_size_of(BundleFixture *fixture, const char *name)
{
    return g_ascii_strtoull(bundle_shell(fixture, "stat -c %%s %s", name), NULL, 10);
}

/* --- what becomes of them --- */

void bundle_assert_refused(BundleFixture *fixture, BundleError code, const char *says)
{
    g_autoptr(GError) error = NULL;
    fixture->told = 0;
    fixture->read_part = SIZE_MAX;
    assert_false(bundle_extract(&fixture->manifest, &fixture->key, &fixture->source,
                                fixture->target, &error));
    assert_error_says(error, says);
    if (!g_error_matches(error, BUNDLE_ERROR, (int)code))
        fail_msg("another code, %d: %s", error->code, error->message);
    assert_string_equal(bundle_shell(fixture, "ls out"), "");
}

void bundle_assert_extracts(BundleFixture *fixture)
{
    g_autoptr(GError) error = NULL;
    fixture->told = 0;
    fixture->read_part = SIZE_MAX;
    bundle_extract(&fixture->manifest, &fixture->key, &fixture->source, fixture->target, &error);
    assert_no_error(error);
    /* A hole of gigabytes is not read through: that it is one, its blocks tell. */
    bundle_shell(fixture, "cmp -n %u image out/image", MAX_COMPARED);
    assert_int_equal(bundle_size_of(fixture, "out/image"), bundle_size_of(fixture, "image"));
    assert_string_equal(bundle_shell(fixture, "ls out"), "image\n");
    assert_int_equal(fixture->told, fixture->manifest.bundled_size);
    assert_int_equal(fixture->total, fixture->manifest.bundled_size);
    uint64_t blocks = g_ascii_strtoull(bundle_shell(fixture, "stat -c %%b image"), NULL, 10);
    uint64_t made = g_ascii_strtoull(bundle_shell(fixture, "stat -c %%b out/image"), NULL, 10);
    assert_true(made <= blocks + 64); /* the file system's own, of fragmented files */
}
