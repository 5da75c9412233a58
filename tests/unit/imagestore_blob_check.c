/* What `cumulet fsck` finds among the blobs, and puts right. */
#include "tests/unit/blobs_fixture.h"

#include "imagestore/blob_files.h"
#include "store/blob_data.h"
#include <fcntl.h>

#define LARGE (300 * 1000)

static const uint8_t key[BLOB_CUSTOMER_KEY_SIZE] = {1, 2, 3};

static void own(Depot *depot, const char *id, const char *object_key)
{
    g_autoptr(GError) error = NULL;
    Object object = {.bucket = "b",
                     .key = object_key,
                     .rank = "0",
                     .version_id = "1",
                     .account_id = ACCOUNT,
                     .blob_id = id};
    Txn *txn = begin(depot->fixture->store);
    assert_ok(object_put(txn, &object, &error), error);
    commit(txn);
}

static void note_line(void *data, const char *line)
{
    g_string_append_printf(data, "%s\n", line);
}

static BlobCheck check(Depot *depot, bool repair, GString *lines)
{
    g_autoptr(GError) error = NULL;
    BlobCheck found = {0};
    assert_ok(blobs_check(depot->blobs, repair, lines ? note_line : NULL, lines, &found, &error),
              error);
    return found;
}

static void assert_says(const GString *lines, const char *text)
{
    if (!strstr(lines->str, text))
        fail_msg("\"%s\" does not say \"%s\"", lines->str, text);
}

static void sound_blobs_pass_the_check(void **state)
{
    Depot *depot = *state;
    g_autoptr(GString) lines = g_string_new(NULL);
    own(depot, make_blob(depot, NULL, 1, LARGE), "a");
    own(depot, make_blob(depot, key, 2, LARGE), "b");
    own(depot, make_blob(depot, NULL, 3, 100), "c");
    own(depot, make_blob(depot, key, 4, 0), "d");
    BlobCheck found = check(depot, false, lines);
    assert_string_equal(lines->str, "");
    assert_int_equal(found.blobs, 4);
    assert_int_equal(found.bytes, 2 * LARGE + 100);
}

static void flipped_bit_is_found(void **state)
{
    Depot *depot = *state;
    g_autoptr(GString) lines = g_string_new(NULL);
    const char *id = make_blob(depot, NULL, 1, LARGE);
    own(depot, id, "a");
    autofd fd = open(rest_path_of(depot, id), O_RDWR);
    char byte;
    assert_int_equal(pread(fd, &byte, 1, 200000), 1);
    byte ^= 0x10;
    assert_int_equal(pwrite(fd, &byte, 1, 200000), 1);
    assert_int_equal(check(depot, true, lines).damaged, 1);
    assert_says(lines, "damaged: blob");
    assert_says(lines, id);
    assert_true(exists(rest_path_of(depot, id)));
}

static void cut_off_file_is_found(void **state)
{
    Depot *depot = *state;
    g_autoptr(GString) lines = g_string_new(NULL);
    const char *id = make_blob(depot, NULL, 1, LARGE);
    own(depot, id, "a");
    assert_int_equal(truncate(rest_path_of(depot, id), 5), 0);
    assert_int_equal(check(depot, false, lines).damaged, 1);
    assert_says(lines, "has 5 bytes instead of 300000");
}

static void missing_bytes_are_found(void **state)
{
    Depot *depot = *state;
    g_autoptr(GString) lines = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    const char *file = make_blob(depot, NULL, 1, LARGE);
    const char *data = make_blob(depot, NULL, 2, 100);
    own(depot, file, "a");
    own(depot, data, "b");
    own(depot, "0123", "c");
    unlink(rest_path_of(depot, file));
    Txn *txn = begin(depot->fixture->store);
    assert_ok(blob_data_delete(txn, data, &error), error);
    commit(txn);
    BlobCheck found = check(depot, false, lines);
    assert_int_equal(found.missing, 3);
    assert_int_equal(found.damaged, 0);
    assert_says(lines, file);
    assert_says(lines, data);
    assert_says(lines, "missing: blob 0123 of b/c");
}

static void orphans_are_found_and_removed(void **state)
{
    Depot *depot = *state;
    g_autoptr(GString) lines = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    char file[BLOB_ID_SIZE];
    blob_id_make(file);
    const char *record = make_blob(depot, NULL, 1, LARGE);
    const char *owned = make_blob(depot, NULL, 2, LARGE);
    own(depot, owned, "a");
    g_autofree char *shelf = g_path_get_dirname(rest_path_of(depot, file));
    g_mkdir_with_parents(shelf, 0700);
    assert_true(g_file_set_contents(rest_path_of(depot, file), "x", 1, NULL));
    Txn *txn = begin(depot->fixture->store);
    assert_ok(blob_data_insert(txn, "nobody's", "x", 1, &error), error);
    commit(txn);

    assert_int_equal(check(depot, false, lines).orphans, 3);
    assert_says(lines, file);
    assert_says(lines, record);
    assert_int_equal(check(depot, true, NULL).orphans, 3);
    wait_until_gone(rest_path_of(depot, record));
    assert_false(exists(rest_path_of(depot, file)));
    assert_false(has_record(depot, record));
    assert_true(exists(rest_path_of(depot, owned)));
    assert_int_equal(check(depot, false, NULL).orphans, 0);
}

static void wrong_count_is_found_and_corrected(void **state)
{
    Depot *depot = *state;
    g_autoptr(GString) lines = g_string_new(NULL);
    const char *id = make_blob(depot, NULL, 1, 100);
    own(depot, id, "a");
    own(depot, id, "b");
    assert_int_equal(check(depot, true, lines).miscounted, 1);
    assert_says(lines, "belongs to 2, not 1");
    assert_int_equal(check(depot, false, NULL).miscounted, 0);
    unref_blob(depot, id);
    assert_true(has_record(depot, id));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DEPOT_TEST(sound_blobs_pass_the_check),    DEPOT_TEST(flipped_bit_is_found),
        DEPOT_TEST(cut_off_file_is_found),         DEPOT_TEST(missing_bytes_are_found),
        DEPOT_TEST(orphans_are_found_and_removed), DEPOT_TEST(wrong_count_is_found_and_corrected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
