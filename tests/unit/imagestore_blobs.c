/* Blobs: written whole or not at all, digested right, counted, and gone when nobody has them. */
#include "tests/unit/blobs_fixture.h"

#include "base/digest.h"
#include "imagestore/blob_files.h"
#include "store/blob_data.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define LARGE (300 * 1000)

static const uint8_t key[BLOB_CUSTOMER_KEY_SIZE] = {1, 2, 3};

/* --- writing --- */

static void assert_written_right(Depot *depot, size_t size)
{
    g_autofree char *bytes = bytes_of(size & 0xff, size);
    uint8_t md5[16], sha256[SHA256_SIZE], crc[4];
    BlobSpec spec = {.checksums = 1 << CHECKSUM_SHA256 | 1 << CHECKSUM_CRC32C};
    g_autoptr(BlobWriter) writer = write_bytes(depot, &spec, bytes, size);
    const BlobResult *result = finish(writer);
    digest(DIGEST_MD5, bytes, size, md5);
    digest(DIGEST_SHA256, bytes, size, sha256);
    g_autoptr(Checksum) checksum = checksum_new(CHECKSUM_CRC32C);
    checksum_add(checksum, bytes, size);
    checksum_end(checksum, crc);
    assert_int_equal(result->size, size);
    assert_int_equal(blob_writer_size(writer), size);
    assert_memory_equal(result->md5, md5, 16);
    assert_memory_equal(result->stored_md5, md5, 16);
    assert_memory_equal(result->checksums[CHECKSUM_SHA256], sha256, sizeof(sha256));
    assert_memory_equal(result->checksums[CHECKSUM_CRC32C], crc, sizeof(crc));
    keep(depot, writer);
    assert_stored(depot, result->id, bytes, size);
}

static void any_size_is_stored_as_it_came(void **state)
{
    const size_t sizes[] = {0,
                            1,
                            10000,
                            BLOB_INLINE_MAX,
                            BLOB_INLINE_MAX + 1,
                            128 * 1024,
                            128 * 1024 + 1,
                            1024 * 1024,
                            3 * 1024 * 1024 + 7};
    for (unsigned i = 0; i < G_N_ELEMENTS(sizes); i++)
        assert_written_right(*state, sizes[i]);
}

static void small_blob_makes_no_file(void **state)
{
    Depot *depot = *state;
    g_autofree char *bytes = bytes_of(1, BLOB_INLINE_MAX);
    g_autoptr(BlobWriter) writer = write_bytes(depot, &(BlobSpec){0}, bytes, BLOB_INLINE_MAX);
    finish(writer);
    assert_int_equal(count_new(depot), 0);
}

static void large_blob_lies_in_new_until_it_is_kept(void **state)
{
    Depot *depot = *state;
    g_autofree char *bytes = bytes_of(1, LARGE);
    g_autoptr(BlobWriter) writer = write_bytes(depot, &(BlobSpec){0}, bytes, LARGE);
    const char *id = finish(writer)->id;
    assert_true(exists(new_path_of(depot, id)));
    keep(depot, writer);
    assert_false(exists(new_path_of(depot, id)));
    assert_true(exists(rest_path_of(depot, id)));
}

static void blob_is_readable_before_it_is_moved(void **state)
{
    Depot *depot = *state;
    g_autoptr(GError) error = NULL;
    g_autofree char *bytes = bytes_of(1, LARGE);
    g_autoptr(BlobWriter) writer = write_bytes(depot, &(BlobSpec){0}, bytes, LARGE);
    const char *id = finish(writer)->id;
    Txn *txn = begin(depot->fixture->store);
    assert_ok(blob_writer_keep(writer, txn, &error), error);
    commit(txn);
    assert_stored(depot, id, bytes, LARGE);
    blob_writer_kept(writer);
    assert_stored(depot, id, bytes, LARGE);
}

static void writer_that_is_given_up_leaves_nothing(void **state)
{
    Depot *depot = *state;
    g_autofree char *bytes = bytes_of(1, LARGE);
    blob_writer_free(blob_writer_new(depot->blobs, &(BlobSpec){0}));
    blob_writer_free(write_bytes(depot, &(BlobSpec){0}, bytes, 100));
    blob_writer_free(write_bytes(depot, &(BlobSpec){0}, bytes, LARGE));
    BlobWriter *writer = write_bytes(depot, &(BlobSpec){0}, bytes, LARGE);
    finish(writer);
    blob_writer_free(writer);
    assert_int_equal(count_new(depot), 0);
}

static void rolled_back_keep_leaves_nothing(void **state)
{
    Depot *depot = *state;
    g_autoptr(GError) error = NULL;
    g_autofree char *bytes = bytes_of(1, LARGE);
    BlobWriter *writer = write_bytes(depot, &(BlobSpec){0}, bytes, LARGE);
    const char *id = arena_strdup(depot->arena, finish(writer)->id);
    Txn *txn = begin(depot->fixture->store);
    assert_ok(blob_writer_keep(writer, txn, &error), error);
    txn_rollback(txn);
    blob_writer_free(writer);
    assert_int_equal(count_new(depot), 0);
    assert_false(has_record(depot, id));
}

/* --- many at a time --- */

#define WRITERS 10

typedef struct Uploader {
    Depot *depot;
    unsigned number;
    GMutex lock;
    GCond called;
    unsigned ready; /* how often */
    GThread *thread;
} Uploader;

static void note_ready(void *data)
{
    Uploader *self = data;
    g_mutex_lock(&self->lock);
    self->ready++;
    g_cond_signal(&self->called);
    g_mutex_unlock(&self->lock);
}

static void wait_for_ready(Uploader *self, unsigned times)
{
    int64_t deadline = g_get_monotonic_time() + DEADLINE;
    g_mutex_lock(&self->lock);
    while (self->ready < times) {
        bool in_time = g_cond_wait_until(&self->called, &self->lock, deadline);
        assert_true(in_time);
    }
    assert_int_equal(self->ready, times);
    g_mutex_unlock(&self->lock);
}

/* Returns how often it had to wait. */
static unsigned add_politely(Uploader *self, BlobWriter *writer, const char *bytes, size_t size)
{
    unsigned waits = 0;
    for (size_t done = 0, n; done < size; done += n) {
        n = MIN(size - done, 30000 + self->number * 1001);
        if (!blob_writer_add(writer, bytes + done, n))
            wait_for_ready(self, ++waits);
    }
    return waits;
}

static void *upload(void *data)
{
    Uploader *self = data;
    for (unsigned round = 0; round < 6; round++) {
        size_t size = 700000 * round + 12345 * self->number;
        uint8_t md5[16];
        g_autofree char *bytes = bytes_of(self->number, size);
        digest(DIGEST_MD5, bytes, size, md5);
        BlobSpec spec = {.customer_key = self->number % 3 == 0 ? key : NULL,
                         .ready = note_ready,
                         .ready_data = self};
        g_autoptr(BlobWriter) writer = blob_writer_new(self->depot->blobs, &spec);
        self->ready = 0;
        unsigned waits = add_politely(self, writer, bytes, size);
        const BlobResult *result = finish(writer);
        assert_int_equal(self->ready, waits);
        assert_memory_equal(result->md5, md5, 16);
        keep(self->depot, writer);
    }
    return NULL;
}

static void parallel_writers_do_not_disturb_each_other(void **state)
{
    Uploader uploaders[WRITERS] = {0};
    for (unsigned i = 0; i < WRITERS; i++) {
        uploaders[i].depot = *state;
        uploaders[i].number = i;
        uploaders[i].thread = g_thread_new("upload", upload, &uploaders[i]);
    }
    for (unsigned i = 0; i < WRITERS; i++)
        g_thread_join(uploaders[i].thread);
    BlobCheck found = {0};
    g_autoptr(GError) error = NULL;
    Depot *depot = *state;
    assert_ok(blobs_check(depot->blobs, false, NULL, NULL, &found, &error), error);
    assert_int_equal(found.blobs, WRITERS * 6);
    assert_int_equal(found.damaged + found.missing, 0);
}

/* Adds until the writer wants no more: it is digested more slowly than it is added. */
static BlobWriter *flood(Depot *depot, Uploader *uploader)
{
    const size_t size = 8 * 1024 * 1024;
    g_autofree char *bytes = g_malloc0(size);
    BlobSpec spec = {.ready = note_ready, .ready_data = uploader};
    BlobWriter *writer = blob_writer_new(depot->blobs, &spec);
    int64_t deadline = g_get_monotonic_time() + DEADLINE;
    while (blob_writer_add(writer, bytes, size))
        assert_true(g_get_monotonic_time() < deadline);
    return writer;
}

static void writer_that_is_full_says_so_and_tells_when_it_is_not(void **state)
{
    Depot *depot = *state;
    Uploader self = {.depot = depot};
    g_autoptr(BlobWriter) writer = flood(depot, &self);
    wait_for_ready(&self, 1);
    assert_true(blob_writer_add(writer, "x", 1));
    finish(writer);
    assert_int_equal(self.ready, 1);
}

static void finished_writer_does_not_call(void **state)
{
    Depot *depot = *state;
    Uploader self = {.depot = depot};
    g_autoptr(BlobWriter) writer = flood(depot, &self);
    finish(writer);
    unsigned called = self.ready; /* before, if ever */
    blob_writer_free(g_steal_pointer(&writer));
    depot_close(depot);
    assert_int_equal(self.ready, called);
    depot_open(depot);
}

static void freed_writer_does_not_call(void **state)
{
    Depot *depot = *state;
    Uploader self = {.depot = depot};
    BlobWriter *writer = flood(depot, &self);
    blob_writer_free(writer);
    unsigned called = self.ready; /* before, if ever */
    depot_close(depot);
    assert_int_equal(self.ready, called);
    depot_open(depot);
    assert_int_equal(count_new(depot), 0);
}

/* --- encryption --- */

static void encrypted_blob_is_stored_otherwise(void **state)
{
    Depot *depot = *state;
    for (unsigned i = 0; i < 2; i++) {
        size_t size = i == 0 ? 1000 : LARGE;
        uint8_t md5[16];
        g_autofree char *bytes = bytes_of(1, size);
        g_autoptr(BlobWriter) writer =
            write_bytes(depot, &(BlobSpec){.customer_key = key}, bytes, size);
        const BlobResult *result = finish(writer);
        digest(DIGEST_MD5, bytes, size, md5);
        assert_memory_equal(result->md5, md5, 16);
        assert_memory_not_equal(result->stored_md5, md5, 16);
        keep(depot, writer);

        Blob *blob = NULL;
        g_autoptr(Txn) txn = begin_read(depot->fixture->store);
        assert_true(blob_get(txn, depot->arena, result->id, &blob, NULL));
        assert_non_null(blob->salt);
        blob_crypt(key, blob->salt, 0, bytes, size);
        digest(DIGEST_MD5, bytes, size, md5);
        assert_memory_equal(result->stored_md5, md5, 16);
        txn_rollback(g_steal_pointer(&txn));
        assert_stored(depot, result->id, bytes, size);
    }
}

static void any_range_decrypts_alone(void **state)
{
    const char *salt = "0123456789abcdefffffffffffffffff"; /* whose counter overflows */
    g_autofree char *whole = bytes_of(1, 1000);
    blob_crypt(key, salt, 0, whole, 1000);
    for (unsigned offset = 0; offset < 100; offset++) {
        char range[50];
        g_autofree char *plain = bytes_of(1, 1000);
        memcpy(range, whole + offset, sizeof(range));
        blob_crypt(key, salt, offset, range, sizeof(range));
        assert_memory_equal(range, plain + offset, sizeof(range));
    }
}

/* --- references --- */

static void blob_stays_while_somebody_has_it(void **state)
{
    Depot *depot = *state;
    g_autoptr(GError) error = NULL;
    const char *id = make_blob(depot, NULL, 1, LARGE);
    Txn *txn = begin(depot->fixture->store);
    assert_ok(blob_ref(txn, id, &error), error);
    commit(txn);
    unref_blob(depot, id);
    assert_true(has_record(depot, id));
    unref_blob(depot, id);
    assert_false(has_record(depot, id));
    wait_until_gone(rest_path_of(depot, id));
}

static void small_blob_goes_with_its_last_reference(void **state)
{
    Depot *depot = *state;
    g_autoptr(GError) error = NULL;
    g_autofree char *data = NULL;
    size_t size;
    const char *id = make_blob(depot, NULL, 1, 100);
    unref_blob(depot, id);
    assert_false(has_record(depot, id));
    g_autoptr(Txn) txn = begin_read(depot->fixture->store);
    assert_ok(blob_data_read(txn, id, 0, 1, &data, &size, &error), error);
    assert_null(data);
}

static void what_is_missing_can_be_dropped_but_not_shared(void **state)
{
    Depot *depot = *state;
    g_autoptr(GError) error = NULL;
    Txn *txn = begin(depot->fixture->store);
    assert_true(blob_unref(depot->blobs, txn, "0", NULL));
    assert_false(blob_ref(txn, "0", &error));
    assert_error_says(error, "no blob 0");
    txn_rollback(txn);
}

static void file_stays_while_a_transaction_may_still_open_it(void **state)
{
    Depot *depot = *state;
    g_autoptr(GError) error = NULL;
    BlobBytes bytes = {.fd = -1};
    const char *first = make_blob(depot, NULL, 1, LARGE);
    Blob *blob = NULL;
    Txn *reading = begin_read(depot->fixture->store);
    assert_ok(blob_get(reading, depot->arena, first, &blob, &error), error);
    unref_blob(depot, first);
    assert_ok(blob_open(depot->blobs, reading, first, 0, 1, &bytes, &error), error);
    close(bytes.fd);
    txn_rollback(reading);
    wait_until_gone(rest_path_of(depot, first));
}

static void cleared_store_leaves_no_files(void **state)
{
    Depot *depot = *state;
    g_autoptr(GError) error = NULL;
    const char *id = make_blob(depot, NULL, 1, LARGE);
    Txn *txn = begin(depot->fixture->store);
    assert_ok(store_clear(txn, &error), error);
    commit(txn);
    blobs_sweep(depot->blobs);
    wait_until_gone(rest_path_of(depot, id));
}

/* --- a full disk --- */

static void full_disk_is_told_and_leaves_nothing(void **state)
{
    Depot *depot = *state;
    g_autoptr(GError) error = NULL;
    g_autofree char *bytes = bytes_of(1, LARGE);
    const BlobResult *result;
    struct rlimit before, limit;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = (struct rlimit){200000, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    BlobWriter *writer = write_bytes(depot, &(BlobSpec){0}, bytes, LARGE);
    bool ok = blob_writer_finish(writer, &result, &error);
    unsigned left = count_new(depot);
    blob_writer_free(writer);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_false(ok);
    assert_int_equal(left, 0);
    assert_int_equal(error->code, ENOSPC);
    assert_error_says(error, "is full: free some space");
    assert_stored(depot, make_blob(depot, NULL, 1, LARGE), bytes, LARGE);
}

static void directory_that_cannot_be_made_is_told(void **state)
{
    Depot *depot = *state;
    g_autoptr(GError) error = NULL;
    Blobs *blobs;
    assert_false(blobs_open(depot->fixture->path, depot->fixture->store, &blobs, &error));
    assert_error_says(error, "cumulet.db");
}

static void ids_are_all_different(void **state)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (unsigned i = 0; i < 1000; i++) {
        char id[BLOB_ID_SIZE];
        blob_id_make(id);
        assert_true(blob_id_is_valid(id));
        assert_true(g_hash_table_add(seen, g_strdup(id)));
    }
    assert_false(blob_id_is_valid("../../etc/passwd"));
    assert_false(blob_id_is_valid(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DEPOT_TEST(any_size_is_stored_as_it_came),
        DEPOT_TEST(small_blob_makes_no_file),
        DEPOT_TEST(large_blob_lies_in_new_until_it_is_kept),
        DEPOT_TEST(blob_is_readable_before_it_is_moved),
        DEPOT_TEST(writer_that_is_given_up_leaves_nothing),
        DEPOT_TEST(rolled_back_keep_leaves_nothing),
        DEPOT_TEST(parallel_writers_do_not_disturb_each_other),
        DEPOT_TEST(writer_that_is_full_says_so_and_tells_when_it_is_not),
        DEPOT_TEST(finished_writer_does_not_call),
        DEPOT_TEST(freed_writer_does_not_call),
        DEPOT_TEST(encrypted_blob_is_stored_otherwise),
        cmocka_unit_test(any_range_decrypts_alone),
        DEPOT_TEST(blob_stays_while_somebody_has_it),
        DEPOT_TEST(small_blob_goes_with_its_last_reference),
        DEPOT_TEST(what_is_missing_can_be_dropped_but_not_shared),
        DEPOT_TEST(file_stays_while_a_transaction_may_still_open_it),
        DEPOT_TEST(cleared_store_leaves_no_files),
        DEPOT_TEST(full_disk_is_told_and_leaves_nothing),
        DEPOT_TEST(directory_that_cannot_be_made_is_told),
        cmocka_unit_test(ids_are_all_different),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
