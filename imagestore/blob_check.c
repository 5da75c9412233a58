/* Checking all blobs against their records, for `cumulet fsck`.
 *
 * Invariants: nothing is removed that a record owns, nor anything that a transaction could still
 * commit a record for: nobody else writes. Transactions are short, however much there is to read.
 */
#include "imagestore/blobs_state.h"

#include "base/digest.h"
#include "base/fault.h"
#include "base/file.h"
#include "imagestore/part_sweep.h"
#include "imagestore/uploads.h"
#include "store/blob_data.h"
#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#define BUFFER_SIZE (128 * 1024)

typedef struct Check {
    Blobs *blobs;
    bool repair;
    void (*tell)(void *data, const char *line);
    void *tell_data;
    BlobCheck found;
    char *buffer;
    Arena *arena;
    List lost; /* ids of blobs that are damaged or missing; of const char * */
} Check;

G_GNUC_PRINTF(2, 3) static void tell(Check *check, const char *format, ...)
{
    if (!check->tell)
        return;
    va_list args;
    va_start(args, format);
    g_autofree char *line = g_strdup_vprintf(format, args);
    va_end(args);
    check->tell(check->tell_data, line);
}

/* For a line: a key may hold anything, so it is percent-encoded. */
static char *object_name(Arena *arena, const Object *object)
{
    g_autofree char *key = g_uri_escape_string(object->key, "/", TRUE);
    return arena_printf(arena, "%s/%s version %s", object->bucket, key, object->version_id);
}

/* --- bytes --- */

static void lose(Check *check, const Blob *blob)
{
    list_add(&check->lost, check->arena, arena_strdup(check->arena, blob->id));
}

/* Compares what was read with the record. */
static void judge(Check *check, const Blob *blob, const Md5 *md5)
{
    uint8_t digest[16];
    char text[2 * sizeof(digest) + 1];
    md5_end(md5, digest);
    hex_encode(digest, sizeof(digest), text);
    check->found.bytes += md5->size;
    if (md5->size == (uint64_t)blob->size && g_str_equal(text, blob->md5))
        return;
    check->found.damaged++;
    lose(check, blob);
    if (md5->size != (uint64_t)blob->size)
        tell(check, "damaged: blob %s has %" PRIu64 " bytes instead of %" PRId64, blob->id,
             md5->size, blob->size);
    else
        tell(check, "damaged: blob %s has the MD5 %s instead of %s", blob->id, text, blob->md5);
}

static void tell_missing(Check *check, const Blob *blob)
{
    check->found.missing++;
    lose(check, blob);
    tell(check, "missing: blob %s has no bytes", blob->id);
}

static void tell_unreadable(Check *check, const Blob *blob)
{
    check->found.damaged++;
    lose(check, blob);
    tell(check, "damaged: blob %s cannot be read: %s", blob->id, g_strerror(errno));
}

/* Other failures than the file's absence end the check; a part of the disk that cannot be read is
 * damage. */
static bool check_file(Check *check, const Blob *blob, GError **error)
{
    g_autoptr(GError) reason = NULL;
    autofd fd = -1;
    if (!blob_files_open_blob(check->blobs->files, blob->id, &fd, &reason)) {
        if (!g_error_matches(reason, TROUBLE_DOMAIN, ENOENT)) {
            g_propagate_error(error, g_steal_pointer(&reason));
            return false;
        }
        tell_missing(check, blob);
        return true;
    }
    Md5 md5;
    md5_init(&md5);
    for (;;) {
        ssize_t got = read(fd, check->buffer, BUFFER_SIZE);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            tell_unreadable(check, blob);
            return true;
        }
        if (got == 0)
            break;
        md5_add(&(Md5Feed){&md5, (const uint8_t *)check->buffer, (size_t)got}, 1);
    }
    judge(check, blob, &md5);
    return true;
}

static bool check_data(Check *check, Txn *txn, const Blob *blob, GError **error)
{
    g_autofree char *data = NULL;
    size_t size;
    if (!blob_data_read(txn, blob->id, 0, INT64_MAX, &data, &size, error))
        return false;
    if (!data) {
        tell_missing(check, blob);
        return true;
    }
    Md5 md5;
    md5_init(&md5);
    md5_add(&(Md5Feed){&md5, (const uint8_t *)data, size}, 1);
    judge(check, blob, &md5);
    return true;
}

/* Blobs behind `after`, those in the database checked already. */
static bool next_blobs(Check *check, Arena *arena, const char *after, List *list, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    if (!txn_begin_read(check->blobs->store, &txn, error) ||
        !record_query(txn, arena, QUERY_BLOBS_AFTER, list, error, after))
        return false;
    LIST_EACH (const Blob *, blob, list) {
        if (!g_str_equal(blob->place, BLOB_PLACE_FILE) && !check_data(check, txn, blob, error))
            return false;
    }
    return true;
}

static bool check_bytes(Check *check, GError **error)
{
    char after[BLOB_ID_SIZE] = "";
    for (;;) {
        g_autoptr(Arena) arena = arena_new();
        List list = {0};
        if (!next_blobs(check, arena, after, &list, error))
            return false;
        if (list.n == 0)
            return true;
        LIST_EACH (const Blob *, blob, &list) {
            if (g_str_equal(blob->place, BLOB_PLACE_FILE) && !check_file(check, blob, error))
                return false;
            g_strlcpy(after, blob->id, sizeof(after));
        }
        check->found.blobs += list.n;
    }
}

/* --- whose bytes they were --- */

static bool tell_owners(Check *check, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    if (!txn_begin_read(check->blobs->store, &txn, error))
        return false;
    LIST_EACH (const char *, id, &check->lost) {
        g_autoptr(Arena) arena = arena_new();
        List objects = {0};
        if (!record_query(txn, arena, QUERY_OBJECTS_OF_BLOB, &objects, error, id, id))
            return false;
        LIST_EACH (const Object *, object, &objects)
            tell(check, "affected: %s, by blob %s", object_name(arena, object), id);
        if (objects.n == 0)
            tell(check, "affected: an unfinished upload, by blob %s", id);
    }
    return true;
}

/* --- files that nobody owns --- */

static bool is_owned(Txn *txn, Arena *arena, const char *name, bool *ret_owned, GError **error)
{
    Blob *blob = NULL;
    BlobTrash *trash = NULL;
    if (blob_id_is_valid(name) && (!blob_get(txn, arena, name, &blob, error) ||
                                   !blob_trash_get(txn, arena, name, &trash, error)))
        return false;
    *ret_owned = blob || trash;
    return true;
}

static bool check_name(Check *check, Txn *txn, Arena *arena, unsigned shelf, const char *name,
                       GError **error)
{
    bool owned;
    if (!is_owned(txn, arena, name, &owned, error))
        return false;
    /* What left the trash since the names were read is not there any more. */
    if (owned || !blob_files_has(check->blobs->files, shelf, name))
        return true;
    check->found.orphans++;
    tell(check, "orphan: file %s belongs to no object", name);
    return !check->repair || blob_files_remove_from(check->blobs->files, shelf, name, error);
}

static bool check_names(Check *check, GError **error)
{
    for (unsigned shelf = 0; shelf <= BLOB_SHELF_NEW; shelf++) {
        g_autoptr(GPtrArray) names = NULL;
        g_autoptr(Txn) txn = NULL;
        g_autoptr(Arena) arena = arena_new();
        if (!blob_files_list(check->blobs->files, shelf, &names, error) ||
            !txn_begin_read(check->blobs->store, &txn, error))
            return false;
        for (unsigned i = 0; i < names->len; i++) {
            if (!check_name(check, txn, arena, shelf, names->pdata[i], error))
                return false;
        }
    }
    return true;
}

/* --- records --- */

static bool begin(Check *check, Txn **ret_txn, GError **error)
{
    return check->repair ? txn_begin(check->blobs->store, ret_txn, error)
                         : txn_begin_read(check->blobs->store, ret_txn, error);
}

static bool check_count(Check *check, Txn *txn, const Blob *blob, GError **error)
{
    int64_t users;
    if (!record_count(txn, COUNT_BLOB_USERS, &users, error, blob->id, blob->id))
        return false;
    if (users == 0) {
        check->found.orphans++;
        tell(check, "orphan: blob %s belongs to no object", blob->id);
        return !check->repair ||
               (record_change(txn, CHANGE_SET_BLOB_REFS, NULL, error, "1", blob->id) &&
                blob_unref(check->blobs, txn, blob->id, error));
    }
    g_autofree char *text = g_strdup_printf("%" PRId64, users);
    check->found.miscounted++;
    tell(check, "miscounted: blob %s belongs to %s, not %" PRId64, blob->id, text, blob->refs);
    return !check->repair || record_change(txn, CHANGE_SET_BLOB_REFS, NULL, error, text, blob->id);
}

static bool check_references(Check *check, Txn *txn, Arena *arena, GError **error)
{
    List objects = {0}, parts = {0};
    if (!record_query(txn, arena, QUERY_OBJECTS_WITHOUT_BLOB, &objects, error) ||
        !record_query(txn, arena, QUERY_PARTS_WITHOUT_BLOB, &parts, error))
        return false;
    LIST_EACH (const Object *, object, &objects)
        tell(check, "missing: blob %s of %s", object->blob_id, object_name(arena, object));
    LIST_EACH (const Part *, part, &parts)
        tell(check, "missing: blob %s of part %s of upload %s", part->blob_id, part->number,
             part->upload_id);
    check->found.missing += objects.n + parts.n;
    return true;
}

/* They are whole only with all of their parts. */
static bool check_objects_of_parts(Check *check, Txn *txn, Arena *arena, GError **error)
{
    List objects = {0};
    if (!record_query(txn, arena, QUERY_OBJECTS_WITHOUT_PARTS, &objects, error))
        return false;
    LIST_EACH (const Object *, object, &objects)
        tell(check, "missing: parts of %s", object_name(arena, object));
    check->found.missing += objects.n;
    return true;
}

static bool check_completed_uploads(Check *check, Txn *txn, Arena *arena, GError **error)
{
    List uploads = {0};
    if (!record_query(txn, arena, QUERY_UPLOADS_WITHOUT_OBJECT, &uploads, error))
        return false;
    LIST_EACH (const Upload *, upload, &uploads) {
        check->found.orphans++;
        tell(check, "orphan: completed upload %s belongs to no object", upload->id);
        if (check->repair && !upload_drop(check->blobs, txn, upload->id, error))
            return false;
    }
    return true;
}

static bool check_part_orphans(Check *check, Txn *txn, GError **error)
{
    int64_t n;
    if (!record_count(txn, COUNT_PART_ORPHANS, &n, error))
        return false;
    if (n == 0)
        return true;
    check->found.orphans += (uint64_t)n;
    tell(check, "orphan: %" PRId64 " parts belong to no upload", n);
    if (!check->repair)
        return true;
    blob_sweeper_expect(check->blobs->sweeper);
    return record_change(txn, CHANGE_TRASH_PART_ORPHANS, NULL, error);
}

static bool check_data_orphans(Check *check, Txn *txn, GError **error)
{
    int64_t n;
    if (!record_count(txn, COUNT_BLOB_DATA_ORPHANS, &n, error))
        return false;
    if (n == 0)
        return true;
    check->found.orphans += (uint64_t)n;
    tell(check, "orphan: bytes of %" PRId64 " blobs in the database belong to no object", n);
    return !check->repair || record_change(txn, CHANGE_DELETE_BLOB_DATA_ORPHANS, NULL, error);
}

static bool check_records(Check *check, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    g_autoptr(Arena) arena = arena_new();
    List list = {0};
    if (!begin(check, &txn, error) ||
        !record_query(txn, arena, QUERY_BLOBS_MISCOUNTED, &list, error))
        return false;
    LIST_EACH (const Blob *, blob, &list) {
        if (!check_count(check, txn, blob, error))
            return false;
    }
    if (!check_objects_of_parts(check, txn, arena, error) ||
        !check_completed_uploads(check, txn, arena, error) ||
        !check_part_orphans(check, txn, error) || !check_data_orphans(check, txn, error) ||
        !check_references(check, txn, arena, error) || !txn_commit(&txn, error))
        return false;
    blobs_wake(check->blobs);
    return true;
}

/* What the sweeper would remove while it is looked at. */
static bool sweep_parts(Check *check, GError **error)
{
    return part_sweep_all(check->blobs, NULL, NULL, error);
}

bool blobs_check(Blobs *blobs, bool repair, void (*tell_line)(void *data, const char *line),
                 void *data, BlobCheck *ret_check, GError **error)
{
    g_autofree char *buffer = g_malloc(BUFFER_SIZE);
    g_autoptr(Arena) arena = arena_new();
    Check check = {.blobs = blobs,
                   .repair = repair,
                   .tell = tell_line,
                   .tell_data = data,
                   .buffer = buffer,
                   .arena = arena};
    if (!sweep_parts(&check, error) || !check_records(&check, error) ||
        !sweep_parts(&check, error) || !check_bytes(&check, error) || !tell_owners(&check, error) ||
        !check_names(&check, error))
        return false;
    *ret_check = check.found;
    return true;
}
