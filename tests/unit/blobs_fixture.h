/* A store and its blobs for one test, and blobs with bytes that can be told apart. */
#pragma once

#include "tests/unit/store_fixture.h"
#include "imagestore/blobs.h"
#include <unistd.h>

#define DEADLINE (30 * G_TIME_SPAN_SECOND)

typedef struct Depot {
    Fixture *fixture;
    Arena *arena;    /* the fixture's */
    char *directory; /* of the blobs */
    Blobs *blobs;
} Depot;

static inline void depot_open(Depot *depot)
{
    g_autoptr(GError) error = NULL;
    assert_ok(blobs_open(depot->directory, depot->fixture->store, &depot->blobs, &error), error);
}

static inline void depot_close(Depot *depot)
{
    blobs_close(g_steal_pointer(&depot->blobs));
}

static inline int depot_set_up(void **state)
{
    Depot *depot = g_new0(Depot, 1);
    fixture_set_up((void **)&depot->fixture);
    depot->arena = depot->fixture->arena;
    depot->directory = g_build_filename(depot->fixture->directory, "objects", NULL);
    depot_open(depot);
    *state = depot;
    return 0;
}

static inline int depot_tear_down(void **state)
{
    Depot *depot = *state;
    depot_close(depot);
    fixture_tear_down((void **)&depot->fixture);
    g_free(depot->directory);
    g_free(depot);
    return 0;
}

/* Bytes that depend on the seed, and do not repeat soon. Free with g_free. */
static inline char *bytes_of(unsigned seed, size_t size)
{
    char *bytes = g_malloc(MAX(size, 1));
    uint64_t x = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    for (size_t i = 0; i < size; i++) {
        x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        bytes[i] = (char)(x >> 56);
    }
    return bytes;
}

/* A writer with those bytes, given in pieces of 10,000. */
static inline BlobWriter *write_bytes(Depot *depot, const BlobSpec *spec, const char *bytes,
                                      size_t size)
{
    BlobWriter *writer = blob_writer_new(depot->blobs, spec);
    for (size_t done = 0; done < size; done += MIN(10000, size - done))
        blob_writer_add(writer, bytes + done, MIN(10000, size - done));
    return writer;
}

static inline const BlobResult *finish(BlobWriter *writer)
{
    g_autoptr(GError) error = NULL;
    const BlobResult *result = NULL;
    assert_ok(blob_writer_finish(writer, &result, &error), error);
    return result;
}

static inline void keep(Depot *depot, BlobWriter *writer)
{
    g_autoptr(GError) error = NULL;
    Txn *txn = begin(depot->fixture->store);
    assert_ok(blob_writer_keep(writer, txn, &error), error);
    commit(txn);
    blob_writer_kept(writer);
}

/* A blob's bytes are these, in the place for as many. */
static inline void assert_stored(Depot *depot, const char *id, const void *expected, size_t size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Txn) txn = begin_read(depot->fixture->store);
    BlobBytes bytes = {.fd = -1};
    assert_ok(blob_open(depot->blobs, txn, id, 0, UINT64_MAX, &bytes, &error), error);
    assert_int_equal(bytes.stored_size, size);
    assert_int_equal(bytes.fd >= 0, size > BLOB_INLINE_MAX);
    if (bytes.fd >= 0) {
        bytes.data = g_malloc(size + 1);
        bytes.size = (size_t)read(bytes.fd, bytes.data, size + 1);
        close(bytes.fd);
    }
    assert_int_equal(bytes.size, size);
    assert_memory_equal(bytes.data, expected, size);
    g_free(bytes.data);
}

/* A blob that is kept; returns its id, in the arena. */
static inline const char *make_blob(Depot *depot, const uint8_t *customer_key, unsigned seed,
                                    size_t size)
{
    g_autofree char *bytes = bytes_of(seed, size);
    g_autoptr(BlobWriter) writer =
        write_bytes(depot, &(BlobSpec){.customer_key = customer_key}, bytes, size);
    const char *id = arena_strdup(depot->arena, finish(writer)->id);
    keep(depot, writer);
    return id;
}

static inline void unref_blob(Depot *depot, const char *id)
{
    g_autoptr(GError) error = NULL;
    Txn *txn = begin(depot->fixture->store);
    assert_ok(blob_unref(depot->blobs, txn, id, &error), error);
    commit(txn);
    blobs_wake(depot->blobs);
}

/* Of a blob at rest; in the arena. */
static inline const char *rest_path_of(Depot *depot, const char *id)
{
    return arena_printf(depot->arena, "%s/%.2s/%s", depot->directory, id, id);
}

static inline const char *new_path_of(Depot *depot, const char *name)
{
    return arena_printf(depot->arena, "%s/new/%s", depot->directory, name);
}

static inline bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static inline void wait_until_gone(const char *path)
{
    int64_t deadline = g_get_monotonic_time() + DEADLINE;
    while (exists(path)) {
        assert_true(g_get_monotonic_time() < deadline);
        g_thread_yield();
    }
}

static inline bool has_record(Depot *depot, const char *id)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Txn) txn = begin_read(depot->fixture->store);
    Blob *blob = NULL;
    assert_ok(blob_get(txn, depot->arena, id, &blob, &error), error);
    return blob != NULL;
}

static inline unsigned count_new(Depot *depot)
{
    g_autoptr(GDir) directory = g_dir_open(new_path_of(depot, ""), 0, NULL);
    unsigned n = 0;
    while (g_dir_read_name(directory))
        n++;
    return n;
}

#define DEPOT_TEST(name) cmocka_unit_test_setup_teardown(name, depot_set_up, depot_tear_down)
