/* imagestore/uploads.h: the life of multipart uploads, and what their objects are. */
#include "tests/unit/imagestore_fixture.h"
#include "imagestore/uploads.h"

#include "base/digest.h"

#define MIB (1024 * 1024)

static Upload *start(Shop *shop, const char *checksum)
{
    g_autoptr(GError) error = NULL;
    Upload upload = {
        .bucket = "bucket",
        .key = "key",
        .account_id = ACCOUNT,
        .initiator = "arn",
        .checksum = checksum,
        .headers = "content-type: text/plain\n",
        .storage_class = "GLACIER",
        .tags = "a=b",
        .legal_hold = true,
    };
    assert_ok(upload_create(shop->txn, shop->arena, &upload, shop->now, &error), error);
    return arena_memdup(shop->arena, &upload, sizeof(upload));
}

/* A part of that size whose etag is number repeated; returns its blob. */
static const char *put_part(Shop *shop, const Upload *upload, unsigned number, int64_t size,
                            const char *checksum)
{
    g_autoptr(GError) error = NULL;
    Part part = {
        .blob_id = shop_blob(shop, size),
        .size = size,
        .etag = arena_printf(shop->arena, "%032x", number),
        .checksum = checksum,
        .modified = shop->now,
    };
    assert_ok(upload_put_part(shop->blobs, shop->txn, upload, number, &part, &error), error);
    return part.blob_id;
}

static void claim_part(Shop *shop, List *claims, unsigned number)
{
    PartClaim claim = {.number = number, .etag = arena_printf(shop->arena, "%032x", number)};
    list_add(claims, shop->arena, arena_memdup(shop->arena, &claim, sizeof(claim)));
}

/* Claims of the parts first to last. */
static List claim_parts(Shop *shop, unsigned first, unsigned last)
{
    List claims = {0};
    for (unsigned i = first; i <= last; i++)
        claim_part(shop, &claims, i);
    return claims;
}

static Object *complete(Shop *shop, Upload *upload, const List *claims)
{
    g_autoptr(GError) error = NULL;
    Object *object = NULL;
    assert_ok(upload_complete(shop->blobs, shop->txn, shop->arena, upload, claims, NULL, &object,
                              NULL, &error),
              error);
    assert_ok(
        object_store(shop->blobs, shop->txn, shop->arena, shop->bucket, object, shop->now, &error),
        error);
    return object;
}

static Fault complete_fault(Shop *shop, Upload *upload, const List *claims,
                            const ChecksumClaim *whole)
{
    g_autoptr(GError) error = NULL;
    Object *object;
    if (upload_complete(shop->blobs, shop->txn, shop->arena, upload, claims, whole, &object, NULL,
                        &error))
        return FAULT_COUNT;
    assert_true(error->domain == FAULT_DOMAIN);
    return (Fault)error->code;
}

static void completed_parts_are_an_object(void **state)
{
    Shop *shop = *state;
    g_autoptr(GError) error = NULL;
    Upload *upload = start(shop, NULL);
    put_part(shop, upload, 1, 5 * MIB, NULL);
    put_part(shop, upload, 2, 7, NULL);
    List claims = claim_parts(shop, 1, 2);
    Object *object = complete(shop, upload, &claims);
    assert_int_equal(object->size, 5 * MIB + 7);
    assert_int_equal(object->parts, 2);
    assert_string_equal(object->headers, upload->headers);
    assert_string_equal(object->tags, "a=b");
    assert_string_equal(object->storage_class, "GLACIER");
    assert_true(object->legal_hold);
    assert_null(object->blob_id);
    assert_string_equal(object->upload_id, upload->id);

    uint8_t digests[2 * MD5_SIZE] = {[15] = 1, [31] = 2}, md5[MD5_SIZE];
    char hex[2 * MD5_SIZE + 1];
    digest(DIGEST_MD5, digests, sizeof(digests), md5);
    hex_encode(md5, sizeof(md5), hex);
    assert_string_equal(object->etag, arena_printf(shop->arena, "%s-2", hex));

    Part *part = NULL;
    assert_ok(object_find_part(shop->txn, shop->arena, object, 2, &part, &error), error);
    assert_int_equal(part->offset, 5 * MIB);
    assert_int_equal(part->size, 7);
}

static void parts_left_out_go_and_the_rest_is_renumbered(void **state)
{
    Shop *shop = *state;
    g_autoptr(GError) error = NULL;
    Upload *upload = start(shop, NULL);
    const char *dropped[3] = {put_part(shop, upload, 1, 5 * MIB, NULL), NULL, NULL};
    const char *second = put_part(shop, upload, 2, 5 * MIB, NULL);
    dropped[1] = put_part(shop, upload, 3, 5 * MIB, NULL);
    const char *tenth = put_part(shop, upload, 10, 1, NULL);
    dropped[2] = put_part(shop, upload, 10000, 1, NULL);
    List claims = {0};
    claim_part(shop, &claims, 2);
    claim_part(shop, &claims, 10);
    Object *object = complete(shop, upload, &claims);
    shop_sweep(shop);
    assert_int_equal(object->size, 5 * MIB + 1);
    for (size_t i = 0; i < G_N_ELEMENTS(dropped); i++)
        assert_false(shop_has_blob(shop, dropped[i]));
    Part *part = NULL;
    assert_ok(object_find_part(shop->txn, shop->arena, object, 1, &part, &error), error);
    assert_string_equal(part->blob_id, second);
    assert_ok(object_find_part(shop->txn, shop->arena, object, 2, &part, &error), error);
    assert_string_equal(part->blob_id, tenth);
    assert_false(object_find_part(shop->txn, shop->arena, object, 3, &part, &error));
    assert_fault(error, FAULT_INVALID_PART_NUMBER);
}

static void as_many_parts_as_there_may_be(void **state)
{
    Shop *shop = *state;
    g_autoptr(GError) error = NULL;
    Upload *upload = start(shop, NULL);
    upload->legal_hold = false;
    for (unsigned i = 1; i <= PART_NUMBER_MAX; i++)
        put_part(shop, upload, i, 5 * MIB, NULL);
    List claims = claim_parts(shop, 1, PART_NUMBER_MAX);
    Object *object = complete(shop, upload, &claims);
    assert_true(object->size == INT64_C(5) * MIB * PART_NUMBER_MAX);
    Part *part = NULL;
    assert_ok(object_find_part(shop->txn, shop->arena, object, PART_NUMBER_MAX, &part, &error),
              error);
    assert_true(part->offset == object->size - 5 * MIB);
    claim_part(shop, &claims, PART_NUMBER_MAX + 1);
    assert_int_equal(complete_fault(shop, start(shop, NULL), &claims, NULL), FAULT_MALFORMED_XML);
    shop_remove(shop, "key", NULL);
    shop_sweep(shop);
    assert_int_equal(shop_count_blobs(shop), 0);
}

static void object_in_one_piece_has_one_part(void **state)
{
    Shop *shop = *state;
    g_autoptr(GError) error = NULL;
    Object *object = shop_put(shop, "k");
    Part *part = (Part *)object;
    assert_ok(object_find_part(shop->txn, shop->arena, object, 1, &part, &error), error);
    assert_null(part);
    assert_false(object_find_part(shop->txn, shop->arena, object, 2, &part, &error));
    assert_fault(error, FAULT_INVALID_PART_NUMBER);
}

static void bad_lists_of_parts_are_refused(void **state)
{
    Shop *shop = *state;
    Upload *upload = start(shop, NULL);
    put_part(shop, upload, 1, 5 * MIB, NULL);
    put_part(shop, upload, 2, 5 * MIB - 1, NULL);
    put_part(shop, upload, 3, 1, NULL);
    List none = {0}, order = {0}, twice = {0}, unknown = claim_parts(shop, 3, 4),
         small = claim_parts(shop, 1, 3), zero = claim_parts(shop, 0, 1), tag = {0};
    claim_part(shop, &order, 2);
    claim_part(shop, &order, 1);
    claim_part(shop, &twice, 1);
    claim_part(shop, &twice, 1);
    PartClaim wrong = {.number = 1, .etag = "00000000000000000000000000000000"};
    list_add(&tag, shop->arena, &wrong);
    assert_int_equal(complete_fault(shop, upload, &none, NULL), FAULT_MALFORMED_XML);
    assert_int_equal(complete_fault(shop, upload, &order, NULL), FAULT_INVALID_PART_ORDER);
    assert_int_equal(complete_fault(shop, upload, &twice, NULL), FAULT_INVALID_PART_ORDER);
    assert_int_equal(complete_fault(shop, upload, &zero, NULL), FAULT_INVALID_PART_ORDER);
    assert_int_equal(complete_fault(shop, upload, &unknown, NULL), FAULT_INVALID_PART);
    assert_int_equal(complete_fault(shop, upload, &tag, NULL), FAULT_INVALID_PART);
    wrong.etag = NULL;
    assert_int_equal(complete_fault(shop, upload, &tag, NULL), FAULT_INVALID_PART);
    assert_int_equal(complete_fault(shop, upload, &small, NULL), FAULT_ENTITY_TOO_SMALL);
    List good = claim_parts(shop, 1, 2); /* a refused one changed nothing */
    assert_int_equal(complete_fault(shop, upload, &good, NULL), FAULT_COUNT);
}

static void a_part_replaces_the_one_of_its_number(void **state)
{
    Shop *shop = *state;
    Upload *upload = start(shop, NULL);
    const char *first = put_part(shop, upload, 1, 3, NULL);
    const char *second = put_part(shop, upload, 1, 4, NULL);
    assert_false(shop_has_blob(shop, first));
    assert_true(shop_has_blob(shop, second));
    List claims = claim_parts(shop, 1, 1);
    assert_int_equal(complete(shop, upload, &claims)->size, 4);
}

static Fault find_fault(Shop *shop, const char *key, const char *id)
{
    g_autoptr(GError) error = NULL;
    Upload *upload;
    return upload_find(shop->txn, shop->arena, shop->bucket, key, id, &upload, &error)
               ? FAULT_COUNT
               : (Fault)error->code;
}

static void aborting_leaves_nothing(void **state)
{
    Shop *shop = *state;
    g_autoptr(GError) error = NULL;
    Upload *upload = start(shop, NULL);
    put_part(shop, upload, 1, 3, NULL);
    put_part(shop, upload, 2, 3, NULL);
    assert_int_equal(find_fault(shop, "key", upload->id), FAULT_COUNT);
    assert_ok(upload_abort(shop->blobs, shop->txn, shop->arena, upload, &error), error);
    shop_sweep(shop);
    assert_int_equal(shop_count_blobs(shop), 0);
    assert_int_equal(find_fault(shop, "key", upload->id), FAULT_NO_SUCH_UPLOAD);
    assert_false(upload_abort(shop->blobs, shop->txn, shop->arena, upload, &error));
    assert_fault(error, FAULT_NO_SUCH_UPLOAD);
}

static void an_upload_is_of_one_bucket_and_key(void **state)
{
    Shop *shop = *state;
    Upload *upload = start(shop, NULL);
    assert_int_equal(find_fault(shop, "other", upload->id), FAULT_NO_SUCH_UPLOAD);
    assert_int_equal(find_fault(shop, "key", "nothing"), FAULT_NO_SUCH_UPLOAD);
    shop_create_bucket(shop, "other");
    shop->bucket->name = "other";
    assert_int_equal(find_fault(shop, "key", upload->id), FAULT_NO_SUCH_UPLOAD);
}

static void a_completed_upload_is_over(void **state)
{
    Shop *shop = *state;
    g_autoptr(GError) error = NULL;
    Upload *upload = start(shop, NULL);
    put_part(shop, upload, 1, 3, NULL);
    List claims = claim_parts(shop, 1, 1);
    complete(shop, upload, &claims);
    assert_int_equal(find_fault(shop, "key", upload->id), FAULT_NO_SUCH_UPLOAD);
    assert_int_equal(complete_fault(shop, upload, &claims, NULL), FAULT_NO_SUCH_UPLOAD);
    Part part = {.blob_id = shop_blob(shop, 1), .size = 1, .etag = "e"};
    assert_false(upload_put_part(shop->blobs, shop->txn, upload, 2, &part, &error));
    assert_fault(error, FAULT_NO_SUCH_UPLOAD);
    g_clear_error(&error);
    assert_false(upload_abort(shop->blobs, shop->txn, shop->arena, upload, &error));
    assert_fault(error, FAULT_NO_SUCH_UPLOAD);
}

static void parts_go_with_their_object(void **state)
{
    Shop *shop = *state;
    g_autoptr(GError) error = NULL;
    Upload *upload = start(shop, NULL), *left = NULL;
    upload->legal_hold = false;
    put_part(shop, upload, 1, 5 * MIB, NULL);
    put_part(shop, upload, 2, 3, NULL);
    List claims = claim_parts(shop, 1, 2);
    complete(shop, upload, &claims);
    assert_int_equal(shop_count_blobs(shop), 2);
    Object *next = shop_put(shop, "key");
    shop_sweep(shop);
    assert_int_equal(shop_count_blobs(shop), 1);
    assert_true(shop_has_blob(shop, next->blob_id));
    assert_ok(upload_get(shop->txn, shop->arena, upload->id, &left, &error), error);
    assert_null(left);
    List parts = {0};
    bool more;
    assert_ok(upload_list_parts(shop->txn, shop->arena, upload, 0, 9, &parts, &more, &error),
              error);
    assert_int_equal(parts.n, 0);
}

static void parts_are_listed_in_pages(void **state)
{
    Shop *shop = *state;
    g_autoptr(GError) error = NULL;
    Upload *upload = start(shop, NULL);
    static const unsigned numbers[] = {10000, 9, 10, 100, 1};
    for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++)
        put_part(shop, upload, numbers[i], 1, NULL);
    List list = {0};
    bool more = false;
    assert_ok(upload_list_parts(shop->txn, shop->arena, upload, 1, 2, &list, &more, &error), error);
    assert_true(more);
    assert_int_equal(list.n, 2);
    assert_string_equal(((Part *)list_at(&list, 0))->number, "00009");
    assert_string_equal(((Part *)list_at(&list, 1))->number, "00010");
    assert_ok(upload_list_parts(shop->txn, shop->arena, upload, 10, 2, &list, &more, &error),
              error);
    assert_false(more);
    assert_int_equal(list.n, 4);
    assert_ok(
        upload_list_parts(shop->txn, shop->arena, upload, 4000000000, 2, &list, &more, &error),
        error);
    assert_int_equal(list.n, 4);
    assert_ok(upload_list_parts(shop->txn, shop->arena, upload, 0, 0, &list, &more, &error), error);
    assert_false(more);
}

/* Checksums. The data are "hello " × 1 MiB and "world". */

typedef struct Sums {
    const char *parts[2], *whole; /* base64 */
} Sums;

static const char *sum(Arena *arena, ChecksumKind kind, const char *a, size_t a_size, const char *b,
                       size_t b_size)
{
    uint8_t value[CHECKSUM_MAX_SIZE];
    g_autoptr(Checksum) checksum = checksum_new(kind);
    checksum_add(checksum, a, a_size);
    if (b)
        checksum_add(checksum, b, b_size);
    checksum_end(checksum, value);
    return checksum_text(arena, kind, value);
}

static Sums make_sums(Shop *shop, ChecksumKind kind)
{
    g_autofree char *big = g_malloc(6 * MIB);
    for (int i = 0; i < MIB; i++)
        memcpy(big + 6 * i, "hello ", 6);
    return (Sums){
        .parts = {sum(shop->arena, kind, big, 6 * MIB, NULL, 0),
                  sum(shop->arena, kind, "world", 5, NULL, 0)},
        .whole = sum(shop->arena, kind, big, 6 * MIB, "world", 5),
    };
}

static Upload *start_with_sums(Shop *shop, ChecksumKind kind, bool composite, const Sums *sums)
{
    ChecksumClaim wanted = {.kind = kind, .composite = composite};
    Upload *upload = start(shop, checksum_record(shop->arena, &wanted));
    for (unsigned i = 0; i < 2; i++) {
        ChecksumClaim claim = {.kind = kind, .value = sums->parts[i]};
        put_part(shop, upload, i + 1, i == 0 ? 6 * MIB : 5, checksum_record(shop->arena, &claim));
    }
    return upload;
}

static List claim_sums(Shop *shop, ChecksumKind kind, const Sums *sums)
{
    List claims = claim_parts(shop, 1, 2);
    for (unsigned i = 0; i < 2; i++)
        ((PartClaim *)list_at(&claims, i))->checksums[kind] = sums->parts[i];
    return claims;
}

static void whole_checksum_is_that_of_all_the_bytes(void **state)
{
    Shop *shop = *state;
    for (unsigned kind = 0; kind <= CHECKSUM_CRC64NVME; kind++) {
        Sums sums = make_sums(shop, (ChecksumKind)kind);
        Upload *upload = start_with_sums(shop, (ChecksumKind)kind, false, &sums);
        upload->legal_hold = false;
        List claims = claim_parts(shop, 1, 2); /* may leave the checksums away */
        Object *object = complete(shop, upload, &claims);
        ChecksumClaim is = checksum_claim(shop->arena, object->checksum);
        assert_int_equal(is.kind, kind);
        assert_false(is.composite);
        assert_string_equal(is.value, sums.whole);
    }
}

static void composite_checksum_is_of_the_parts_checksums(void **state)
{
    Shop *shop = *state;
    Sums sums = make_sums(shop, CHECKSUM_SHA256);
    Upload *upload = start_with_sums(shop, CHECKSUM_SHA256, true, &sums);
    List claims = claim_sums(shop, CHECKSUM_SHA256, &sums);
    Object *object = complete(shop, upload, &claims);
    ChecksumClaim is = checksum_claim(shop->arena, object->checksum);
    uint8_t values[2 * SHA256_SIZE];
    assert_true(checksum_read(CHECKSUM_SHA256, sums.parts[0], values));
    assert_true(checksum_read(CHECKSUM_SHA256, sums.parts[1], values + SHA256_SIZE));
    const char *expected =
        sum(shop->arena, CHECKSUM_SHA256, (const char *)values, sizeof(values), NULL, 0);
    assert_true(is.composite);
    assert_string_equal(is.value, arena_printf(shop->arena, "%s-2", expected));
}

static void the_clients_whole_checksum_is_compared(void **state)
{
    Shop *shop = *state;
    Sums sums = make_sums(shop, CHECKSUM_CRC32);
    Upload *upload = start_with_sums(shop, CHECKSUM_CRC32, false, &sums);
    List claims = claim_sums(shop, CHECKSUM_CRC32, &sums);
    ChecksumClaim whole = {.kind = CHECKSUM_CRC32, .value = sums.parts[0]};
    assert_int_equal(complete_fault(shop, upload, &claims, &whole), FAULT_BAD_DIGEST);
    whole.composite = true;
    assert_int_equal(complete_fault(shop, upload, &claims, &whole), FAULT_INVALID_REQUEST);
    whole = (ChecksumClaim){.kind = CHECKSUM_CRC32C, .value = sums.whole};
    assert_int_equal(complete_fault(shop, upload, &claims, &whole), FAULT_INVALID_REQUEST);
    whole.kind = CHECKSUM_CRC32;
    assert_int_equal(complete_fault(shop, upload, &claims, &whole), FAULT_COUNT);
}

static void part_checksums_must_be_the_parts(void **state)
{
    Shop *shop = *state;
    Sums sums = make_sums(shop, CHECKSUM_SHA1);
    Upload *upload = start_with_sums(shop, CHECKSUM_SHA1, true, &sums);
    List missing = claim_parts(shop, 1, 2), claims = claim_sums(shop, CHECKSUM_SHA1, &sums);
    assert_int_equal(complete_fault(shop, upload, &missing, NULL), FAULT_INVALID_REQUEST);
    PartClaim *second = list_at(&claims, 1);
    second->checksums[CHECKSUM_SHA1] = sums.parts[0];
    assert_int_equal(complete_fault(shop, upload, &claims, NULL), FAULT_INVALID_PART);
    second->checksums[CHECKSUM_SHA1] = sums.parts[1];
    second->checksums[CHECKSUM_CRC32] = "AAAAAA==";
    assert_int_equal(complete_fault(shop, upload, &claims, NULL), FAULT_INVALID_REQUEST);
    second->checksums[CHECKSUM_CRC32] = NULL;
    assert_int_equal(complete_fault(shop, upload, &claims, NULL), FAULT_COUNT);
}

/* Checks that a client sets up by itself: no algorithm was named when the upload began. */
static void checksums_of_an_upload_without_any(void **state)
{
    Shop *shop = *state;
    Upload *upload = start(shop, NULL);
    put_part(shop, upload, 1, 3, NULL);
    List claims = claim_parts(shop, 1, 1);
    ChecksumClaim whole = {.kind = CHECKSUM_SHA1, .value = "AAAA"};
    assert_int_equal(complete_fault(shop, upload, &claims, &whole), FAULT_INVALID_REQUEST);
    whole.kind = CHECKSUM_CRC32;
    assert_int_equal(complete_fault(shop, upload, &claims, &whole), FAULT_INVALID_PART);
    whole.kind = CHECKSUM_NONE;
    assert_int_equal(complete_fault(shop, upload, &claims, &whole), FAULT_COUNT);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, shop_set_up, shop_tear_down)
    const struct CMUnitTest tests[] = {
        T(completed_parts_are_an_object),
        T(parts_left_out_go_and_the_rest_is_renumbered),
        T(as_many_parts_as_there_may_be),
        T(object_in_one_piece_has_one_part),
        T(bad_lists_of_parts_are_refused),
        T(a_part_replaces_the_one_of_its_number),
        T(aborting_leaves_nothing),
        T(an_upload_is_of_one_bucket_and_key),
        T(a_completed_upload_is_over),
        T(parts_go_with_their_object),
        T(parts_are_listed_in_pages),
        T(whole_checksum_is_that_of_all_the_bytes),
        T(composite_checksum_is_of_the_parts_checksums),
        T(the_clients_whole_checksum_is_compared),
        T(part_checksums_must_be_the_parts),
        T(checksums_of_an_upload_without_any),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
