/* Bundles as openssl, tar and gzip make them become images again, and what is wrong with a bundle
 * is said and leaves nothing behind. */
#include "tests/unit/bundle_fixture.h"

#include "base/fault.h"
#include <signal.h>
#include <sys/resource.h>

/* --- what becomes an image --- */

static void every_format_of_tar_comes_back_with_its_holes(void **state)
{
    static const char *const options[] = {
        "-S --format=gnu",
        "-S --format=posix --sparse-version=0.0",
        "-S --format=posix --sparse-version=0.1",
        "-S --format=posix --sparse-version=1.0",
        "-S --format=gnu --hole-detection=raw",
        "-S --format=gnu --blocking-factor=200",
        "--format=gnu",
        "--format=posix",
        "--format=ustar",
        "--format=v7",
    };
    BundleFixture *fixture = *state;
    bundle_make_image(fixture, 70); /* more than two continuations of a sparse header have */
    uint64_t size = bundle_size_of(fixture, "image");
    for (size_t i = 0; i < G_N_ELEMENTS(options); i++) {
        bundle_shell(fixture, "tar -c %s -f a.tar image", options[i]);
        bundle_of_archive(fixture, "a.tar", size);
        bundle_assert_extracts(fixture);
    }
}

static void an_image_that_is_all_hole_stays_so(void **state)
{
    BundleFixture *fixture = *state;
    bundle_shell(fixture, "truncate -s 2G image");
    bundle_of_image(fixture);
    bundle_assert_extracts(fixture);
}

static void an_image_that_ends_with_a_hole_has_its_size(void **state)
{
    BundleFixture *fixture = *state;
    bundle_make_image(fixture, 3);
    bundle_shell(fixture, "truncate -s 9G image");
    bundle_of_image(fixture);
    bundle_assert_extracts(fixture);
}

static void sizes_beside_blocks_are_kept(void **state)
{
    static const unsigned sizes[] = {1, 511, 512, 513, 4095, 4096, 4097, 1000000};
    BundleFixture *fixture = *state;
    for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
        bundle_shell(fixture, "head -c %u /dev/urandom >image", sizes[i]);
        bundle_of_image(fixture);
        bundle_assert_extracts(fixture);
    }
}

static void long_names_are_read_over(void **state)
{
    static const char *const formats[] = {"-S --format=gnu", "-S --format=posix", "--format=ustar"};
    BundleFixture *fixture = *state;
    bundle_make_image(fixture, 3);
    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++) {
        bundle_shell(fixture, "tar -c %s --transform 's,image,%0*d/%0*d,' -f a.tar image",
                     formats[i], 80, 1, 80, 2);
        bundle_of_archive(fixture, "a.tar", bundle_size_of(fixture, "image"));
        bundle_assert_extracts(fixture);
    }
}

static void parts_may_be_cut_anywhere(void **state)
{
    static const size_t sizes[] = {1, 15, 17, 4000, BUNDLE_PART_SIZE};
    BundleFixture *fixture = *state;
    bundle_shell(fixture,
                 "yes | head -c 300000 >image; tar -cf a.tar image; gzip -c a.tar >packed");
    for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
        bundle_of_packed(fixture, "packed", "a.tar", 300000, sizes[i]);
        bundle_assert_extracts(fixture);
    }
}

static void data_of_several_parts_comes_through(void **state)
{
    BundleFixture *fixture = *state;
    bundle_shell(fixture, "head -c 12000000 /dev/urandom >image; tar -cf a.tar image");
    bundle_shell(fixture, "gzip -1 -c a.tar >packed");
    bundle_of_packed(fixture, "packed", "a.tar", 12000000, BUNDLE_PART_SIZE);
    assert_int_equal(fixture->manifest.parts.n, 2);
    bundle_assert_extracts(fixture);
}

static void gzip_members_follow_each_other(void **state)
{
    BundleFixture *fixture = *state;
    bundle_make_image(fixture, 20);
    bundle_shell(fixture, "tar -cf a.tar image; head -c 70000 a.tar | gzip >packed;"
                          "gzip -c </dev/null >>packed; tail -c +70001 a.tar | gzip >>packed");
    bundle_of_packed(fixture, "packed", "a.tar", bundle_size_of(fixture, "image"), 10000);
    bundle_assert_extracts(fixture);
}

static void what_was_there_is_replaced_only_by_a_whole_image(void **state)
{
    BundleFixture *fixture = *state;
    g_autoptr(GError) error = NULL;
    bundle_make_image(fixture, 3);
    bundle_of_image(fixture);
    bundle_shell(fixture, "echo old >out/image; echo crashed >out/image.new");
    fixture->manifest.digest[0] ^= 1;
    assert_false(bundle_extract(&fixture->manifest, &fixture->key, &fixture->source,
                                fixture->target, &error));
    assert_string_equal(bundle_shell(fixture, "cat out/image; ls out"), "old\nimage\n");
    fixture->manifest.digest[0] ^= 1;
    bundle_assert_extracts(fixture);
    assert_string_equal(bundle_shell(fixture, "stat -c %%a out/image"), "600\n");
}

/* --- wrong parts --- */

static BundlePart *part_at(BundleFixture *fixture, size_t i)
{
    return list_at(&fixture->manifest.parts, i);
}

static void a_changed_byte_in_any_part_is_noticed(void **state)
{
    BundleFixture *fixture = *state;
    bundle_make_image(fixture, 20);
    bundle_of_image(fixture);
    for (size_t i = 0; i < fixture->sizes->len; i++) {
        fixture->bytes->data[i * 10000 + 7] ^= 1;
        bundle_assert_refused(fixture, BUNDLE_ERROR_PART_DIGEST, part_at(fixture, i)->filename);
        fixture->bytes->data[i * 10000 + 7] ^= 1;
    }
    bundle_assert_extracts(fixture);
}

static void a_truncated_part_is_noticed(void **state)
{
    BundleFixture *fixture = *state;
    bundle_make_image(fixture, 20);
    bundle_of_image(fixture);
    g_array_index(fixture->sizes, size_t, fixture->sizes->len - 1) -= 16;
    bundle_assert_refused(fixture, BUNDLE_ERROR_PART_DIGEST, "SHA-1 differs");
}

static void swapped_parts_are_noticed(void **state)
{
    BundleFixture *fixture = *state;
    bundle_make_image(fixture, 40);
    bundle_of_image(fixture);
    void **parts = fixture->manifest.parts.items;
    void *first = parts[0];
    parts[0] = parts[1];
    parts[1] = first;
    bundle_assert_refused(fixture, BUNDLE_ERROR_PART_DIGEST, "part 0, image.part.1");
}

static void a_part_of_more_than_10_MiB_is_refused(void **state)
{
    BundleFixture *fixture = *state;
    bundle_shell(fixture, "head -c 11000000 /dev/urandom >image; tar -cf a.tar image");
    bundle_shell(fixture, "gzip -1 -c a.tar >packed");
    bundle_of_packed(fixture, "packed", "a.tar", 11000000, BUNDLE_PART_SIZE + 16);
    bundle_assert_refused(fixture, BUNDLE_ERROR_PART_DIGEST, "more than 10 MiB");
}

static void the_error_of_a_missing_part_is_told_as_it_is(void **state)
{
    BundleFixture *fixture = *state;
    bundle_make_image(fixture, 40);
    bundle_of_image(fixture);
    fixture->missing = 1;
    bundle_assert_refused(fixture, BUNDLE_ERROR_PART_MISSING, "part 1 is not there");
}

static void a_missing_last_part_is_noticed_by_its_size(void **state)
{
    BundleFixture *fixture = *state;
    bundle_make_image(fixture, 40);
    bundle_of_image(fixture);
    fixture->manifest.parts.n--;
    bundle_assert_refused(fixture, BUNDLE_ERROR_SIZE, "but the manifest says");
}

static void more_bytes_than_the_manifest_says_are_refused(void **state)
{
    BundleFixture *fixture = *state;
    bundle_make_image(fixture, 40);
    bundle_of_image(fixture);
    fixture->manifest.bundled_size -= 1;
    bundle_assert_refused(fixture, BUNDLE_ERROR_SIZE, "the parts have more than");
}

/* Whether first the padding or gzip's header is wrong is chance. */
static void another_key_is_noticed(void **state)
{
    BundleFixture *fixture = *state;
    g_autoptr(GError) error = NULL;
    bundle_make_image(fixture, 3);
    bundle_of_image(fixture);
    fixture->key.key[3] ^= 1;
    assert_false(bundle_extract(&fixture->manifest, &fixture->key, &fixture->source,
                                fixture->target, &error));
    assert_true(g_error_matches(error, BUNDLE_ERROR, BUNDLE_ERROR_CIPHER) ||
                g_error_matches(error, BUNDLE_ERROR, BUNDLE_ERROR_ARCHIVE));
    assert_string_equal(bundle_shell(fixture, "ls out"), "");
}

static void half_a_block_of_the_cipher_is_noticed(void **state)
{
    BundleFixture *fixture = *state;
    bundle_make_image(fixture, 3);
    bundle_of_image(fixture);
    size_t last = fixture->sizes->len - 1, size = g_array_index(fixture->sizes, size_t, last) - 5;
    digest(DIGEST_SHA1, fixture->bytes->data + last * 10000, size, part_at(fixture, last)->digest);
    g_array_index(fixture->sizes, size_t, last) = size;
    fixture->manifest.bundled_size -= 5;
    bundle_assert_refused(fixture, BUNDLE_ERROR_CIPHER, "do not decrypt");
}

/* --- wrong contents --- */

static void an_image_larger_or_smaller_than_said_is_refused(void **state)
{
    BundleFixture *fixture = *state;
    bundle_make_image(fixture, 3);
    bundle_of_image(fixture);
    fixture->manifest.size++;
    bundle_assert_refused(fixture, BUNDLE_ERROR_SIZE, "but the manifest says");
    fixture->manifest.size -= 2;
    bundle_assert_refused(fixture, BUNDLE_ERROR_SIZE, "but the manifest says");
}

static void another_image_digest_is_refused(void **state)
{
    BundleFixture *fixture = *state;
    bundle_make_image(fixture, 3);
    bundle_of_image(fixture);
    fixture->manifest.digest[19] ^= 1;
    bundle_assert_refused(fixture, BUNDLE_ERROR_IMAGE_DIGEST, "SHA-1 of its archive differs");
}

static void what_is_no_gzip_is_refused(void **state)
{
    BundleFixture *fixture = *state;
    bundle_shell(fixture, "yes | head -c 5000 >image; tar -cf a.tar image; gzip -c a.tar >good");
    static const char *const commands[] = {
        "cp a.tar packed",
        "head -c -5 good >packed",
        "head -c 30 good >packed",
        "(cat good; echo garbage) >packed",
        "(cat good; head -c 3 good) >packed",
        ": >packed",
        "(cat good; head -c 1 good) >packed",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
        bundle_shell(fixture, "%s", commands[i]);
        bundle_of_packed(fixture, "packed", "a.tar", 5000, 10000);
        bundle_assert_refused(fixture, BUNDLE_ERROR_ARCHIVE, "gzip");
    }
}

static void archives_with_anything_but_one_file_are_refused(void **state)
{
    static const struct {
        const char *tar, *says;
    } rows[] = {
        {"-P ../climb", "is named '../climb'"},
        {"-P --transform s,image,/etc/image, image", "is named '/etc/image'"},
        {"-P --transform s,image,a/../../image, image", "is named 'a/../../image'"},
        {"--format=posix -P --transform s,image,../image, image", "is named '../image'"},
        {"directory", "a directory"},
        {"link", "a link"},
        {"image hard", "more than one file"},
        {"image other", "more than one file"},
        {"fifo", "a pipe"},
        {"/dev/null", "a device"},
        {"--format=gnu far", "a link"},
        {"--format=posix --pax-option=comment=y image", "several files"},
        {"-T /dev/null", "no file"},
        {"-V label image", "something unknown"},
    };
    BundleFixture *fixture = *state;
    bundle_shell(fixture,
                 "mkdir -p in/directory; touch climb; cd in; yes | head -c 5000 >image;"
                 "cp image other; ln image hard; ln -s image link; ln -s %0*d far;"
                 "mkfifo fifo",
                 150, 1);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        bundle_shell(fixture, "cd in; tar -cf ../a.tar %s", rows[i].tar);
        bundle_of_archive(fixture, "a.tar", 5000);
        bundle_assert_refused(fixture, BUNDLE_ERROR_ARCHIVE, rows[i].says);
    }
}

static void an_archive_that_ends_early_is_refused(void **state)
{
    BundleFixture *fixture = *state;
    bundle_make_image(fixture, 30);
    bundle_shell(fixture, "tar -cS --format=gnu -f whole.tar image");
    static const unsigned sizes[] = {100, 512, 700, 1500, 20000};
    for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
        bundle_shell(fixture, "head -c %u whole.tar >a.tar", sizes[i]);
        bundle_of_archive(fixture, "a.tar", bundle_size_of(fixture, "image"));
        bundle_assert_refused(fixture, BUNDLE_ERROR_ARCHIVE, "ends");
    }
}

static void a_bomb_is_refused_before_it_is_unpacked(void **state)
{
    BundleFixture *fixture = *state;
    bundle_shell(fixture,
                 "yes | head -c 5000 >image; tar -cf small.tar image;"
                 "(cat small.tar; head -c 50M /dev/zero) >a.tar; gzip -1 -c a.tar >packed");
    bundle_of_packed(fixture, "packed", "small.tar", 5000, BUNDLE_PART_SIZE);
    bundle_assert_refused(fixture, BUNDLE_ERROR_ARCHIVE, "goes on behind its end");
    bundle_shell(fixture, "truncate -s 50M image; tar -cf a.tar image; gzip -1 -c a.tar >packed");
    bundle_of_packed(fixture, "packed", "small.tar", 5000, BUNDLE_PART_SIZE);
    bundle_assert_refused(fixture, BUNDLE_ERROR_SIZE, "has 52428800 bytes");
}

/* --- trouble, and the caller's will --- */

static void it_stops_when_it_is_cancelled(void **state)
{
    BundleFixture *fixture = *state;
    bundle_make_image(fixture, 30);
    bundle_of_image(fixture);
    fixture->cancel_at = 0;
    bundle_assert_refused(fixture, BUNDLE_ERROR_CANCELLED, "cancelled");
    fixture->cancel_at = fixture->manifest.bundled_size;
    bundle_assert_refused(fixture, BUNDLE_ERROR_CANCELLED, "cancelled");
}

static void no_room_on_the_disk_is_our_trouble(void **state)
{
    BundleFixture *fixture = *state;
    g_autoptr(GError) error = NULL;
    struct rlimit before, limit = {8192, RLIM_INFINITY};
    bundle_make_image(fixture, 30);
    bundle_of_image(fixture);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit.rlim_max = before.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    bool good = bundle_extract(&fixture->manifest, &fixture->key, &fixture->source, fixture->target,
                               &error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_false(good);
    assert_int_equal(error->domain, TROUBLE_DOMAIN);
    assert_string_equal(bundle_shell(fixture, "ls out"), "");
}

static void a_directory_that_is_not_there_is_our_trouble(void **state)
{
    BundleFixture *fixture = *state;
    g_autoptr(GError) error = NULL;
    bundle_make_image(fixture, 3);
    bundle_of_image(fixture);
    assert_false(bundle_extract(&fixture->manifest, &fixture->key, &fixture->source,
                                "/nowhere/image", &error));
    assert_int_equal(error->domain, TROUBLE_DOMAIN);
    assert_error_says(error, "/nowhere/image.new");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bundle_set_up, bundle_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_format_of_tar_comes_back_with_its_holes),
        TEST(an_image_that_is_all_hole_stays_so),
        TEST(an_image_that_ends_with_a_hole_has_its_size),
        TEST(sizes_beside_blocks_are_kept),
        TEST(long_names_are_read_over),
        TEST(parts_may_be_cut_anywhere),
        TEST(data_of_several_parts_comes_through),
        TEST(gzip_members_follow_each_other),
        TEST(what_was_there_is_replaced_only_by_a_whole_image),
        TEST(a_changed_byte_in_any_part_is_noticed),
        TEST(a_truncated_part_is_noticed),
        TEST(swapped_parts_are_noticed),
        TEST(a_part_of_more_than_10_MiB_is_refused),
        TEST(the_error_of_a_missing_part_is_told_as_it_is),
        TEST(a_missing_last_part_is_noticed_by_its_size),
        TEST(more_bytes_than_the_manifest_says_are_refused),
        TEST(another_key_is_noticed),
        TEST(half_a_block_of_the_cipher_is_noticed),
        TEST(an_image_larger_or_smaller_than_said_is_refused),
        TEST(another_image_digest_is_refused),
        TEST(what_is_no_gzip_is_refused),
        TEST(archives_with_anything_but_one_file_are_refused),
        TEST(an_archive_that_ends_early_is_refused),
        TEST(a_bomb_is_refused_before_it_is_unpacked),
        TEST(it_stops_when_it_is_cancelled),
        TEST(no_room_on_the_disk_is_our_trouble),
        TEST(a_directory_that_is_not_there_is_our_trouble),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
