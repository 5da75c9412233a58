/* Multipart uploads, until they are objects and as long as these need their parts.
 *
 * Invariants: an upload that is open belongs to no object, a completed one to exactly one; of that
 * one the placed parts' offsets follow from their sizes, and any other is in the trash. An object's
 * parts are numbered from 1 without gaps, in the order of their offsets, whatever their numbers
 * were in the upload. Sources: "Uploading and copying objects using multipart upload", "Checking
 * object integrity" (Amazon S3 User Guide). */
#include "imagestore/uploads.h"

#include "base/digest.h"
#include "imagestore/part_sweep.h"
#include <inttypes.h>
#include <string.h>

static bool no_such_upload(GError **error)
{
    return fault_set(error, FAULT_NO_SUCH_UPLOAD,
                     "The specified upload does not exist. The upload ID may be invalid, or the"
                     " upload may have been aborted or completed.");
}

/* Ids rise with time, so that the uploads of a key are listed the oldest first. */
static const char *new_upload_id(Arena *arena, int64_t now)
{
    uint8_t random[16];
    char hex[2 * sizeof(random) + 1];
    random_bytes(random, sizeof(random));
    hex_encode(random, sizeof(random), hex);
    return arena_printf(arena, "%016" PRIx64 "%s", (uint64_t)now, hex);
}

bool upload_create(Txn *txn, Arena *arena, Upload *upload, int64_t now, GError **error)
{
    upload->id = new_upload_id(arena, now);
    upload->created = now;
    upload->completed = false;
    return upload_insert(txn, upload, error);
}

bool upload_find(Txn *txn, Arena *arena, const Bucket *bucket, const char *key, const char *id,
                 Upload **ret_upload, GError **error)
{
    Upload *upload;
    if (!upload_get(txn, arena, id, &upload, error))
        return false;
    if (!upload || upload->completed || strcmp(upload->bucket, bucket->name) != 0 ||
        strcmp(upload->key, key) != 0)
        return no_such_upload(error);
    *ret_upload = upload;
    return true;
}

bool upload_check_open(Txn *txn, Arena *arena, const Upload *upload, GError **error)
{
    Upload *there;
    if (!upload_get(txn, arena, upload->id, &there, error))
        return false;
    return (there && !there->completed) || no_such_upload(error);
}

static const char *number_text(Arena *arena, unsigned number)
{
    return arena_printf(arena, "%05u", number);
}

static bool find_part(Txn *txn, Arena *arena, const char *upload_id, unsigned number,
                      Part **ret_part, GError **error)
{
    void *found;
    if (!record_query_one(txn, arena, QUERY_PART, &found, error, upload_id,
                          number_text(arena, number)))
        return false;
    *ret_part = found;
    return true;
}

bool upload_put_part(Blobs *blobs, Txn *txn, const Upload *upload, unsigned number, Part *part,
                     GError **error)
{
    g_assert(number >= 1 && number <= PART_NUMBER_MAX);
    g_autoptr(Arena) arena = arena_new();
    Part *old;
    if (!upload_check_open(txn, arena, upload, error) ||
        !find_part(txn, arena, upload->id, number, &old, error))
        return false;
    part->upload_id = upload->id;
    part->offset = PART_NOT_PLACED;
    Part row = *part;
    row.number = number_text(arena, number);
    return part_put(txn, &row, error) && (!old || blob_unref(blobs, txn, old->blob_id, error));
}

bool upload_list_parts(Txn *txn, Arena *arena, const Upload *upload, unsigned after, int64_t limit,
                       List *list, bool *ret_more, GError **error)
{
    if (limit <= 0) {
        *ret_more = false;
        return true;
    }
    size_t before = list->n;
    if (!record_query(txn, arena, QUERY_PARTS_AFTER, list, error, upload->id,
                      number_text(arena, MIN(after, 99999)),
                      arena_printf(arena, "%" PRId64, MIN(limit, PART_NUMBER_MAX) + 1)))
        return false;
    *ret_more = (int64_t)(list->n - before) > limit;
    if (*ret_more)
        list->n--;
    return true;
}

bool upload_drop(Blobs *blobs, Txn *txn, const char *id, GError **error)
{
    return upload_delete(txn, id, error) && part_trash_put(blobs, txn, id, error);
}

bool upload_abort(Blobs *blobs, Txn *txn, Arena *arena, const Upload *upload, GError **error)
{
    return upload_check_open(txn, arena, upload, error) &&
           upload_drop(blobs, txn, upload->id, error);
}

bool object_list_parts(Txn *txn, Arena *arena, const Object *object, unsigned after, int64_t limit,
                       List *list, bool *ret_more, GError **error)
{
    *ret_more = false;
    if (!object->upload_id || limit <= 0)
        return true;
    size_t before = list->n;
    if (!record_query(txn, arena, QUERY_PLACED_PARTS, list, error, object->upload_id,
                      object->upload_id, arena_printf(arena, "%u", after),
                      arena_printf(arena, "%" PRId64, MIN(limit, PART_NUMBER_MAX) + 1)))
        return false;
    *ret_more = (int64_t)(list->n - before) > limit;
    if (*ret_more)
        list->n--;
    for (size_t i = before; i < list->n; i++)
        ((Part *)list_at(list, i))->number = number_text(arena, ++after);
    return true;
}

bool object_find_part(Txn *txn, Arena *arena, const Object *object, unsigned number,
                      Part **ret_part, GError **error)
{
    List parts = {0};
    bool more;
    if (number >= 1 && number <= PART_NUMBER_MAX &&
        !object_list_parts(txn, arena, object, number - 1, 1, &parts, &more, error))
        return false;
    if (object->upload_id ? parts.n == 0 : number != 1)
        return fault_set(error, FAULT_INVALID_PART_NUMBER,
                         "The requested partnumber is not satisfiable");
    *ret_part = parts.n > 0 ? list_at(&parts, 0) : NULL;
    return true;
}
