/* Multipart uploads. As imagestore/objects.h. */
#pragma once

#include "imagestore/objects.h"

#define PART_NUMBER_MAX 10000
#define PART_NOT_PLACED (-1) /* Part.offset: it is in no object */
/* Bytes: of all parts but the last at least; of a part, and of an object put whole, at most; of any
 * object at most. */
#define PART_SIZE_MIN (5 * 1024 * 1024)
#define PART_SIZE_MAX (INT64_C(5) * 1024 * 1024 * 1024)
#define OBJECT_SIZE_MAX (INT64_C(5) * 1024 * 1024 * 1024 * 1024)

/* Fills id and created; the other members say what is wanted. */
bool upload_create(Txn *txn, Arena *arena, Upload *upload, int64_t now, GError **error);
/* Fault NoSuchUpload: none of that id that is open, in that bucket and of that key. */
bool upload_find(Txn *txn, Arena *arena, const Bucket *bucket, const char *key, const char *id,
                 Upload **ret_upload, GError **error);
/* Fault NoSuchUpload: it was completed or aborted since it was found. */
bool upload_check_open(Txn *txn, Arena *arena, const Upload *upload, GError **error);
/* A part whose blob the transaction has just kept (one reference), in place of an earlier one of
 * that number. part's upload_id, blob_id, size, etag, checksum and modified are filled; number is
 * 1 to PART_NUMBER_MAX. Fault NoSuchUpload. */
bool upload_put_part(Blobs *blobs, Txn *txn, const Upload *upload, unsigned number, Part *part,
                     GError **error);
/* Parts numbered above `after`, in order, at most limit. */
bool upload_list_parts(Txn *txn, Arena *arena, const Upload *upload, unsigned after, int64_t limit,
                       List *list, bool *ret_more, GError **error);

/* What the client says a part is. */
typedef struct PartClaim {
    unsigned number;
    const char *etag;                      /* without quotes */
    const char *checksums[CHECKSUM_KINDS]; /* base64, NULL: not said */
} PartClaim;

static inline unsigned part_number(const Part *part)
{
    return (unsigned)g_ascii_strtoull(part->number, NULL, 10);
}

/* Sets the fault InvalidRequest; false. actual CHECKSUM_NONE: there is none. */
bool upload_kinds_differ(ChecksumKind expected, ChecksumKind actual, GError **error);

/* For more than PARTS_SLICE claims: begins what upload_complete() ends, in transactions of its own,
 * of which none is long: gives parts their offsets. Does nothing where upload_complete() will have
 * something to say. Changes nothing that a client sees. */
bool upload_place_parts(Store *store, const Upload *upload, const List *claims, GError **error);
/* Makes the object: its parts placed, etag "…-N", checksum (composite or of the whole, as the
 * upload says, compared with `whole` if that is given), other parts dropped. *ret_object is ready
 * for object_store(). Faults MalformedXML (no parts), InvalidPartOrder, InvalidPart,
 * EntityTooSmall, EntityTooLarge, InvalidRequest (checksums of another kind, or missing),
 * BadDigest. The upload is then completed; completing it once more is NoSuchUpload. *ret_small is
 * set to the part for which EntityTooSmall is said; ret_small may be NULL. */
bool upload_complete(Blobs *blobs, Txn *txn, Arena *arena, Upload *upload, const List *claims,
                     const ChecksumClaim *whole, Object **ret_object, const Part **ret_small,
                     GError **error);
/* Drops it: the parts are as if they were gone, and soon are. */
bool upload_abort(Blobs *blobs, Txn *txn, Arena *arena, const Upload *upload, GError **error);

/* Drops an upload in whatever state. Its parts and their bytes go later (imagestore/part_sweep.h).
 * Objects' are dropped by imagestore/objects.c when they go. */
bool upload_drop(Blobs *blobs, Txn *txn, const char *id, GError **error);

/* Of a completed object the parts behind the one numbered `after`, at most limit; none of one that
 * is not made of parts. */
bool object_list_parts(Txn *txn, Arena *arena, const Object *object, unsigned after, int64_t limit,
                       List *list, bool *ret_more, GError **error);
/* The part of a completed object: faults InvalidPartNumber (416). Object not made of parts: part 1
 * is all of it, NULL in *ret_part. */
bool object_find_part(Txn *txn, Arena *arena, const Object *object, unsigned number,
                      Part **ret_part, GError **error);
