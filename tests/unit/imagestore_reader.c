/* Reading objects: any range, wherever the bytes lie, whatever happens to the object meanwhile. */
#include "tests/unit/blobs_fixture.h"

#include "imagestore/reader.h"

#define SMALL 1000
#define LARGE (300 * 1000)

static const uint8_t key[BLOB_CUSTOMER_KEY_SIZE] = {9, 8, 7};

/* An object of one blob, or, with n_parts, of parts: the last is small, the others are large. */
typedef struct Sample {
    Object object;
    char *bytes;
    const char *ids[20];
    unsigned n_parts;
    const uint8_t *key;
} Sample;

static void sample_clear(Sample *sample)
{
    g_free(sample->bytes);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Sample, sample_clear)

static Sample sample_of_blob(Depot *depot, const uint8_t *customer_key, size_t size)
{
    Sample sample = {.bytes = bytes_of(1, size), .key = customer_key};
    sample.ids[0] = make_blob(depot, customer_key, 1, size);
    sample.object = (Object){.size = (int64_t)size, .blob_id = sample.ids[0]};
    return sample;
}

static size_t part_size(unsigned n_parts, unsigned number)
{
    return number == n_parts ? SMALL : LARGE + 10 * number;
}

static void put_part(Depot *depot, Sample *sample, unsigned number, size_t size)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *bytes = bytes_of(number, size);
    const char *id = make_blob(depot, sample->key, number, size);
    Part part = {
        .upload_id = "upload",
        .number = arena_printf(depot->arena, "%05u", number),
        .blob_id = id,
        .size = (int64_t)size,
        .offset = sample->object.size,
        .etag = "x",
    };
    Txn *txn = begin(depot->fixture->store);
    assert_ok(part_put(txn, &part, &error), error);
    commit(txn);
    memcpy(sample->bytes + sample->object.size, bytes, size);
    sample->object.size += (int64_t)size;
    sample->ids[number - 1] = id;
}

static Sample sample_of_parts(Depot *depot, const uint8_t *customer_key, unsigned n_parts)
{
    Sample sample = {.bytes = g_malloc(n_parts * (LARGE + 1000)),
                     .key = customer_key,
                     .n_parts = n_parts,
                     .object = {.upload_id = "upload", .parts = n_parts}};
    for (unsigned i = 1; i <= n_parts; i++)
        put_part(depot, &sample, i, part_size(n_parts, i));
    return sample;
}

static ObjectReader *open_range(Depot *depot, const Sample *sample, size_t offset, size_t size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Txn) txn = begin_read(depot->fixture->store);
    ObjectReader *reader = NULL;
    assert_ok(object_reader_open(depot->blobs, txn, &sample->object, offset, size, sample->key,
                                 &reader, &error),
              error);
    return reader;
}

static void assert_reads(ObjectReader *reader, const char *expected, size_t size)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *buffer = g_malloc(70001);
    size_t got;
    do {
        assert_ok(object_reader_read(reader, buffer, 70001, &got, &error), error);
        assert_true(got <= size);
        assert_memory_equal(buffer, expected, got);
        expected += got;
        size -= got;
    } while (got > 0);
    assert_int_equal(size, 0);
}

static void assert_range(Depot *depot, const Sample *sample, size_t offset, size_t size)
{
    g_autoptr(ObjectReader) reader = open_range(depot, sample, offset, size);
    assert_reads(reader, sample->bytes + offset, size);
}

static void assert_all_ranges(Depot *depot, const Sample *sample)
{
    size_t total = (size_t)sample->object.size;
    assert_range(depot, sample, 0, total);
    for (size_t offset = 0; offset < total; offset += total / 11 + 1) {
        assert_range(depot, sample, offset, 1);
        assert_range(depot, sample, offset, (total - offset) / 2);
        assert_range(depot, sample, offset, total - offset);
        assert_range(depot, sample, offset, 0);
    }
}

static void any_range_of_one_blob_is_read(void **state)
{
    g_auto(Sample) small = sample_of_blob(*state, NULL, SMALL);
    g_auto(Sample) large = sample_of_blob(*state, NULL, LARGE);
    assert_all_ranges(*state, &small);
    assert_all_ranges(*state, &large);
}

static void any_range_of_an_encrypted_blob_is_read(void **state)
{
    g_auto(Sample) small = sample_of_blob(*state, key, SMALL);
    g_auto(Sample) large = sample_of_blob(*state, key, LARGE);
    assert_all_ranges(*state, &small);
    assert_all_ranges(*state, &large);
}

static void any_range_of_parts_is_read(void **state)
{
    g_auto(Sample) sample = sample_of_parts(*state, NULL, 5);
    assert_all_ranges(*state, &sample);
    size_t border = part_size(5, 1);
    assert_range(*state, &sample, border - 1, 2);
    assert_range(*state, &sample, border, part_size(5, 2));
    assert_range(*state, &sample, (size_t)sample.object.size - SMALL - 1, SMALL + 1);
}

static void any_range_of_encrypted_parts_is_read(void **state)
{
    g_auto(Sample) sample = sample_of_parts(*state, key, 3);
    assert_all_ranges(*state, &sample);
}

static void empty_part_is_passed_over(void **state)
{
    g_auto(Sample)
        sample = {.bytes = g_malloc(2 * LARGE), .object = {.upload_id = "upload", .parts = 3}};
    put_part(*state, &sample, 1, SMALL);
    put_part(*state, &sample, 2, 0);
    put_part(*state, &sample, 3, LARGE);
    assert_all_ranges(*state, &sample);
}

static void empty_object_is_empty_data(void **state)
{
    g_auto(Sample) sample = sample_of_blob(*state, NULL, 0);
    g_autofree char *data = NULL;
    size_t size = 1;
    g_autoptr(ObjectReader) reader = open_range(*state, &sample, 0, 0);
    assert_true(object_reader_take_data(reader, &data, &size));
    assert_non_null(data);
    assert_int_equal(size, 0);
}

/* --- taking --- */

static void assert_file(Depot *depot, const Sample *sample, size_t offset, size_t size)
{
    g_autofree char *buffer = g_malloc(size);
    int fd;
    uint64_t at;
    ObjectReader *reader = open_range(depot, sample, offset, size);
    assert_true(object_reader_take_file(reader, &fd, &at));
    object_reader_free(reader);
    assert_int_equal(pread(fd, buffer, size, (off_t)at), size);
    assert_memory_equal(buffer, sample->bytes + offset, size);
    close(fd);
}

static void range_within_one_file_is_handed_over(void **state)
{
    g_auto(Sample) sample = sample_of_blob(*state, NULL, LARGE);
    assert_file(*state, &sample, 0, LARGE);
    assert_file(*state, &sample, 12345, 100);
    g_auto(Sample) parts = sample_of_parts(*state, NULL, 3);
    assert_file(*state, &parts, part_size(3, 1) + 7, 1000);
}

static void what_is_no_file_as_it_is_to_be_sent_is_not_handed_over(void **state)
{
    g_auto(Sample) small = sample_of_blob(*state, NULL, SMALL);
    g_auto(Sample) encrypted = sample_of_blob(*state, key, LARGE);
    g_auto(Sample) parts = sample_of_parts(*state, NULL, 3);
    const Sample *samples[] = {&small, &encrypted, &parts};
    for (unsigned i = 0; i < G_N_ELEMENTS(samples); i++) {
        int fd;
        uint64_t at;
        size_t size = (size_t)samples[i]->object.size;
        g_autoptr(ObjectReader) reader = open_range(*state, samples[i], 0, size);
        assert_false(object_reader_take_file(reader, &fd, &at));
        assert_reads(reader, samples[i]->bytes, size);
    }
}

static void small_bytes_are_handed_over_decrypted(void **state)
{
    g_auto(Sample) plain = sample_of_blob(*state, NULL, SMALL);
    g_auto(Sample) encrypted = sample_of_blob(*state, key, SMALL);
    const Sample *samples[] = {&plain, &encrypted};
    for (unsigned i = 0; i < G_N_ELEMENTS(samples); i++) {
        g_autofree char *data = NULL;
        size_t size, end;
        g_autoptr(ObjectReader) reader = open_range(*state, samples[i], 33, 500);
        assert_true(object_reader_take_data(reader, &data, &size));
        assert_int_equal(size, 500);
        assert_memory_equal(data, samples[i]->bytes + 33, 500);
        assert_true(object_reader_read(reader, data, 1, &end, NULL));
        assert_int_equal(end, 0);
    }
}

static void file_is_not_handed_over_as_data(void **state)
{
    g_auto(Sample) sample = sample_of_blob(*state, NULL, LARGE);
    char *data;
    size_t size;
    g_autoptr(ObjectReader) reader = open_range(*state, &sample, 0, 10);
    assert_false(object_reader_take_data(reader, &data, &size));
}

/* --- what happens meanwhile --- */

static void deleted_object_is_read_to_its_end(void **state)
{
    Depot *depot = *state;
    g_auto(Sample) sample = sample_of_parts(depot, NULL, 4);
    size_t size = (size_t)sample.object.size;
    ObjectReader *reader = open_range(depot, &sample, 0, size);
    for (unsigned i = 0; i < 4; i++)
        unref_blob(depot, sample.ids[i]);
    const char *other = make_blob(depot, NULL, 9, LARGE);
    unref_blob(depot, other);
    wait_until_gone(rest_path_of(depot, other)); /* the trash was emptied, but for those */
    assert_reads(reader, sample.bytes, size);
    object_reader_free(reader);
    for (unsigned i = 0; i < 3; i++)
        wait_until_gone(rest_path_of(depot, sample.ids[i]));
}

static void two_readers_both_hold_a_file(void **state)
{
    Depot *depot = *state;
    g_auto(Sample) sample = sample_of_parts(depot, NULL, 3);
    size_t size = (size_t)sample.object.size;
    ObjectReader *first = open_range(depot, &sample, 0, size);
    ObjectReader *second = open_range(depot, &sample, 0, size);
    for (unsigned i = 0; i < 3; i++)
        unref_blob(depot, sample.ids[i]);
    object_reader_free(first);
    const char *other = make_blob(depot, NULL, 9, LARGE);
    unref_blob(depot, other);
    wait_until_gone(rest_path_of(depot, other));
    assert_reads(second, sample.bytes, size);
    object_reader_free(second);
    wait_until_gone(rest_path_of(depot, sample.ids[0]));
}

/* --- troubles --- */

static void assert_open_fails(Depot *depot, const Sample *sample, uint64_t size, const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Txn) txn = begin_read(depot->fixture->store);
    ObjectReader *reader = NULL;
    assert_false(object_reader_open(depot->blobs, txn, &sample->object, 0, size, sample->key,
                                    &reader, &error));
    assert_null(reader);
    assert_error_says(error, text);
}

static void encrypted_blob_needs_the_key(void **state)
{
    g_auto(Sample) sample = sample_of_blob(*state, key, LARGE);
    g_auto(Sample) parts = sample_of_parts(*state, key, 3);
    sample.key = parts.key = NULL;
    assert_open_fails(*state, &sample, LARGE, "no key");
    assert_open_fails(*state, &parts, (uint64_t)parts.object.size, "no key");
}

static void more_bytes_than_there_are_is_trouble(void **state)
{
    g_auto(Sample) small = sample_of_blob(*state, NULL, SMALL);
    g_auto(Sample) large = sample_of_blob(*state, NULL, LARGE);
    g_auto(Sample) parts = sample_of_parts(*state, NULL, 3);
    assert_open_fails(*state, &small, SMALL + 1, "fewer");
    assert_open_fails(*state, &large, LARGE + 1, "fewer");
    assert_open_fails(*state, &parts, (uint64_t)parts.object.size + 1, "do not cover");
}

static void missing_blob_is_trouble(void **state)
{
    Depot *depot = *state;
    g_auto(Sample) sample = sample_of_blob(depot, NULL, LARGE);
    unlink(rest_path_of(depot, sample.ids[0]));
    assert_open_fails(depot, &sample, LARGE, "Cannot open");
    g_auto(Sample) none = {.object = {.size = 5, .blob_id = "0"}};
    assert_open_fails(depot, &none, 5, "no blob");
    g_auto(Sample) no_parts = {.object = {.size = 5, .upload_id = "none", .parts = 1}};
    assert_open_fails(depot, &no_parts, 5, "do not cover");
}

static void cut_off_file_is_trouble_and_no_end(void **state)
{
    Depot *depot = *state;
    g_autoptr(GError) error = NULL;
    g_auto(Sample) sample = sample_of_blob(depot, NULL, LARGE);
    g_autofree char *buffer = g_malloc(LARGE);
    size_t got;
    assert_int_equal(truncate(rest_path_of(depot, sample.ids[0]), 100), 0);
    g_autoptr(ObjectReader) reader = open_range(depot, &sample, 0, LARGE);
    assert_true(object_reader_read(reader, buffer, LARGE, &got, NULL));
    assert_int_equal(got, 100);
    assert_false(object_reader_read(reader, buffer, LARGE, &got, &error));
    assert_error_says(error, "shorter than its record");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DEPOT_TEST(any_range_of_one_blob_is_read),
        DEPOT_TEST(any_range_of_an_encrypted_blob_is_read),
        DEPOT_TEST(any_range_of_parts_is_read),
        DEPOT_TEST(any_range_of_encrypted_parts_is_read),
        DEPOT_TEST(empty_part_is_passed_over),
        DEPOT_TEST(empty_object_is_empty_data),
        DEPOT_TEST(range_within_one_file_is_handed_over),
        DEPOT_TEST(what_is_no_file_as_it_is_to_be_sent_is_not_handed_over),
        DEPOT_TEST(small_bytes_are_handed_over_decrypted),
        DEPOT_TEST(file_is_not_handed_over_as_data),
        DEPOT_TEST(deleted_object_is_read_to_its_end),
        DEPOT_TEST(two_readers_both_hold_a_file),
        DEPOT_TEST(encrypted_blob_needs_the_key),
        DEPOT_TEST(more_bytes_than_there_are_is_trouble),
        DEPOT_TEST(missing_blob_is_trouble),
        DEPOT_TEST(cut_off_file_is_trouble_and_no_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
