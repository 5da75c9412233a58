/* What is bundled here, openssl, gzip and tar unpack; and it becomes the same image here again. */
#include "tests/unit/bundle_fixture.h"

#include "base/fault.h"
#include "base/file.h"
#include <fcntl.h>
#include <stdio.h>

/* The parts go where the fixture's source finds them. */
typedef struct Sink {
    BundleFixture *fixture;
    size_t fail_at; /* SIZE_MAX: never */
    uint64_t told, total, cancel_at;
} Sink;

static bool take_part(void *data, size_t index, const char *filename, const void *bytes,
                      size_t size, GError **error)
{
    Sink *sink = data;
    g_autofree char *expected = g_strdup_printf("image.part.%02zu", index);
    assert_string_equal(filename, expected);
    assert_int_equal(index, sink->fixture->sizes->len);
    if (index == sink->fail_at)
        return trouble_set(error, "the bucket is full");
    g_byte_array_append(sink->fixture->bytes, bytes, (unsigned)size);
    g_array_append_val(sink->fixture->sizes, size);
    return true;
}

static bool note_progress(void *data, uint64_t done, uint64_t total)
{
    Sink *sink = data;
    assert_true(done >= sink->told && done <= total);
    sink->told = done;
    sink->total = total;
    return done < sink->cancel_at;
}

static bool make(Sink *sink, GError **error)
{
    BundleFixture *fixture = sink->fixture;
    BundleSink callbacks = {take_part, note_progress, sink};
    g_autofree char *path = g_build_filename(fixture->directory, "image", NULL);
    autofd fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    g_byte_array_set_size(fixture->bytes, 0);
    g_array_set_size(fixture->sizes, 0);
    return bundle_make(fixture->arena, fd, "image", &fixture->key, &callbacks, &fixture->manifest,
                       error);
}

static Sink sink_of(BundleFixture *fixture)
{
    return (Sink){.fixture = fixture, .fail_at = SIZE_MAX, .cancel_at = UINT64_MAX};
}

static void save_parts(BundleFixture *fixture)
{
    g_autofree char *path = g_build_filename(fixture->directory, "encrypted", NULL);
    assert_true(g_file_set_contents(path, (const char *)fixture->bytes->data,
                                    (gssize)fixture->bytes->len, NULL));
}

/* By the programs, and here. */
static void assert_comes_back(BundleFixture *fixture)
{
    g_autoptr(GError) error = NULL;
    Sink sink = sink_of(fixture);
    make(&sink, &error);
    assert_no_error(error);
    assert_int_equal(sink.told, sink.total);
    assert_int_equal(fixture->manifest.bundled_size, fixture->bytes->len);
    assert_int_equal(fixture->manifest.parts.n, fixture->sizes->len);
    save_parts(fixture);
    char hex[2 * SHA1_SIZE + 1];
    hex_encode(fixture->manifest.digest, SHA1_SIZE, hex);
    const char *said = bundle_shell(
        fixture, "rm -rf tarred; mkdir tarred; openssl enc -d -aes-128-cbc -K "
                 "000102030405060708090a0b0c0d0e0f"
                 " -iv f0e0d0c0b0a090807060504030201000 -in encrypted | gzip -d >made.tar;"
                 "tar -xSf made.tar -C tarred 2>&1; ls tarred; stat -c %%s tarred/image;"
                 "cmp -n 64000000 image tarred/image; sha1sum <made.tar");
    g_autofree char *expected =
        g_strdup_printf("image\n%" G_GUINT64_FORMAT "\n%s  -\n", fixture->manifest.size, hex);
    assert_string_equal(said, expected);
    bundle_assert_extracts(fixture);
}

static void images_with_any_number_of_holes_come_back(void **state)
{
    static const unsigned holes[] = {0, 1, 3, 4, 5, 24, 25, 26, 70};
    BundleFixture *fixture = *state;
    for (size_t i = 0; i < G_N_ELEMENTS(holes); i++) {
        bundle_make_image(fixture, holes[i]);
        assert_comes_back(fixture);
    }
}

static void an_image_without_holes_is_an_ordinary_file(void **state)
{
    BundleFixture *fixture = *state;
    bundle_shell(fixture, "yes | head -c 300001 >image");
    assert_comes_back(fixture);
    assert_string_equal(bundle_shell(fixture, "tar -tvf made.tar | cut -c 1-10"), "-rw-r--r--\n");
}

static void holes_take_nothing_in_the_archive(void **state)
{
    BundleFixture *fixture = *state;
    bundle_make_image(fixture, 3);
    bundle_shell(fixture, "truncate -s 9G image"); /* more than an octal number has */
    assert_comes_back(fixture);
    assert_true(bundle_size_of(fixture, "made.tar") < 100000);
    bundle_shell(fixture, "rm image; truncate -s 1G image");
    assert_comes_back(fixture);
    assert_int_equal(bundle_size_of(fixture, "made.tar"), 10240);
}

static void parts_are_of_10_MiB_with_their_digests(void **state)
{
    BundleFixture *fixture = *state;
    bundle_shell(fixture, "head -c 12000000 /dev/urandom >image");
    assert_comes_back(fixture);
    assert_int_equal(fixture->sizes->len, 2);
    assert_int_equal(g_array_index(fixture->sizes, size_t, 0), BUNDLE_PART_SIZE);
}

static void what_the_sink_says_is_told(void **state)
{
    BundleFixture *fixture = *state;
    g_autoptr(GError) error = NULL;
    Sink sink = sink_of(fixture);
    sink.fail_at = 0;
    bundle_shell(fixture, "head -c 12000000 /dev/urandom >image");
    assert_false(make(&sink, &error));
    assert_error_says(error, "the bucket is full");
}

static void it_stops_when_it_is_cancelled(void **state)
{
    BundleFixture *fixture = *state;
    g_autoptr(GError) error = NULL;
    Sink sink = sink_of(fixture);
    sink.cancel_at = 0;
    bundle_make_image(fixture, 3);
    assert_false(make(&sink, &error));
    assert_true(g_error_matches(error, BUNDLE_ERROR, BUNDLE_ERROR_CANCELLED));
    assert_int_equal(fixture->sizes->len, 0);
}

static void empty_and_too_large_images_are_refused(void **state)
{
    static const char *const sizes[] = {"0", "10737418241"};
    BundleFixture *fixture = *state;
    for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
        g_autoptr(GError) error = NULL;
        Sink sink = sink_of(fixture);
        bundle_shell(fixture, "truncate -s %s image", sizes[i]);
        assert_false(make(&sink, &error));
        assert_true(g_error_matches(error, BUNDLE_ERROR, BUNDLE_ERROR_SIZE));
        assert_error_says(error, sizes[i]);
    }
}

/* Somebody cuts the file while it is read. */
static bool cut(void *data, uint64_t done, uint64_t total)
{
    Sink *sink = data;
    bundle_shell(sink->fixture, "truncate -s 5000 image");
    return true;
}

static void an_image_that_shrinks_is_our_trouble(void **state)
{
    BundleFixture *fixture = *state;
    g_autoptr(GError) error = NULL;
    Sink sink = sink_of(fixture);
    BundleSink callbacks = {take_part, cut, &sink};
    bundle_shell(fixture, "yes | head -c 50000000 >image");
    g_autofree char *path = g_build_filename(fixture->directory, "image", NULL);
    autofd fd = open(path, O_RDONLY | O_CLOEXEC);
    /* Before the pipes are full, the first call of progress has cut it. */
    assert_false(bundle_make(fixture->arena, fd, "image", &fixture->key, &callbacks,
                             &fixture->manifest, &error));
    assert_int_equal(error->domain, TROUBLE_DOMAIN);
    assert_error_says(error, "cannot read image image");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bundle_set_up, bundle_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(images_with_any_number_of_holes_come_back),
        TEST(an_image_without_holes_is_an_ordinary_file),
        TEST(holes_take_nothing_in_the_archive),
        TEST(parts_are_of_10_MiB_with_their_digests),
        TEST(what_the_sink_says_is_told),
        TEST(it_stops_when_it_is_cancelled),
        TEST(empty_and_too_large_images_are_refused),
        TEST(an_image_that_shrinks_is_our_trouble),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
