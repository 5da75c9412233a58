/* A store and its blobs for one test, with a bucket "bucket" in it and a writing transaction. */
#pragma once

#include "tests/unit/store_fixture.h"
#include "imagestore/objects.h"
#include "imagestore/part_sweep.h"

typedef struct Shop {
    Fixture *fixture;
    Arena *arena; /* the fixture's */
    Blobs *blobs;
    Txn *txn;
    Bucket *bucket;
    int64_t now;
    unsigned n_blobs; /* made so far */
} Shop;

static inline void shop_create_bucket(Shop *shop, const char *name)
{
    g_autoptr(GError) error = NULL;
    Bucket bucket = {.name = name, .account_id = ACCOUNT, .region = "us-east-1", .created = 1};
    assert_ok(bucket_create(shop->txn, &bucket, &error), error);
}

static inline int shop_set_up(void **state)
{
    g_autoptr(GError) error = NULL;
    Shop *shop = g_new0(Shop, 1);
    fixture_set_up((void **)&shop->fixture);
    shop->arena = shop->fixture->arena;
    g_autofree char *directory = g_build_filename(shop->fixture->directory, "objects", NULL);
    assert_ok(blobs_open(directory, shop->fixture->store, &shop->blobs, &error), error);
    shop->now = INT64_C(1300000000000000);
    shop->txn = begin(shop->fixture->store);
    shop_create_bucket(shop, "bucket");
    assert_ok(bucket_find(shop->txn, shop->arena, "bucket", &shop->bucket, &error), error);
    *state = shop;
    return 0;
}

static inline int shop_tear_down(void **state)
{
    Shop *shop = *state;
    txn_rollback(shop->txn);
    blobs_close(shop->blobs);
    fixture_tear_down((void **)&shop->fixture);
    g_free(shop);
    return 0;
}

static inline void shop_set_versioning(Shop *shop, const char *versioning)
{
    g_autoptr(GError) error = NULL;
    shop->bucket->versioning = versioning;
    assert_ok(bucket_put(shop->txn, shop->bucket, &error), error);
}

/* A blob's record with one reference; its bytes nobody reads. Returns its id. */
static inline const char *shop_blob(Shop *shop, int64_t size)
{
    g_autoptr(GError) error = NULL;
    Blob blob = {
        .id = arena_printf(shop->arena, "%032x", ++shop->n_blobs),
        .size = size,
        .md5 = "d41d8cd98f00b204e9800998ecf8427e",
        .place = "data",
        .refs = 1,
    };
    assert_ok(blob_insert(shop->txn, &blob, &error), error);
    return blob.id;
}

static inline bool shop_has_blob(Shop *shop, const char *id)
{
    g_autoptr(GError) error = NULL;
    Blob *blob = NULL;
    assert_ok(blob_get(shop->txn, shop->arena, id, &blob, &error), error);
    return blob != NULL;
}

/* Puts an object with a blob of its own. */
static inline Object *shop_put(Shop *shop, const char *key)
{
    g_autoptr(GError) error = NULL;
    Object object = {
        .key = key,
        .account_id = ACCOUNT,
        .size = 5,
        .blob_id = shop_blob(shop, 5),
        .etag = arena_printf(shop->arena, "%032x", shop->n_blobs),
    };
    Object *put = arena_memdup(shop->arena, &object, sizeof(object));
    assert_ok(
        object_store(shop->blobs, shop->txn, shop->arena, shop->bucket, put, shop->now, &error),
        error);
    return put;
}

static inline ObjectRemoval shop_remove(Shop *shop, const char *key, const char *version_id)
{
    g_autoptr(GError) error = NULL;
    ObjectRemoval removal = {0};
    assert_ok(object_remove(shop->blobs, shop->txn, shop->arena, shop->bucket, key, version_id,
                            false, shop->now, &removal, &error),
              error);
    return removal;
}

/* Removes the parts that nobody needs any more, as happens in the background. */
static inline void shop_sweep(Shop *shop)
{
    g_autoptr(GError) error = NULL;
    uint64_t n;
    for (bool more = true; more;)
        assert_ok(part_sweep(shop->blobs, shop->txn, &n, &more, &error), error);
}

/* What bytes are left in the store: blobs that were made and are still there. */
static inline unsigned shop_count_blobs(Shop *shop)
{
    unsigned n = 0;
    for (unsigned i = 1; i <= shop->n_blobs; i++)
        n += shop_has_blob(shop, arena_printf(shop->arena, "%032x", i));
    return n;
}

#define assert_fault(error, fault)                                                                 \
    do {                                                                                           \
        assert_non_null(error);                                                                    \
        if (!fault_is(error, fault))                                                               \
            fail_msg("another error: %s", (error)->message);                                       \
    } while (0)
