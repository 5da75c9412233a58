/* Objects: versions, delete markers, conditions, locks. Verbs work in the caller's transaction;
 * what they return lives in the arena. */
#pragma once

#include "imagestore/buckets.h"
#include "store/object_list.h"

/* What a request asks of the object that is there. Dates in µs, 0: not asked; entity tags without
 * quotes, "*" any; NULL: not asked. Several tags are separated by commas. */
typedef struct Conditions {
    const char *if_match, *if_none_match;
    int64_t if_modified_since, if_unmodified_since;
} Conditions;

/* As HTTP reads them together (RFC 9110, 13.2.2) and S3 does. Faults PreconditionFailed,
 * NotModified. Pure. */
bool conditions_check_read(const Conditions *conditions, const Object *object, GError **error);
/* For a write over `object`, the current one; NULL: there is none, or a delete marker. Faults
 * PreconditionFailed, NoSuchKey (if_match, and nothing there). Pure. */
bool conditions_check_write(const Conditions *conditions, const Object *object, GError **error);

/* The version, or the newest for NULL. Faults: NoSuchKey, NoSuchVersion, InvalidArgument (a
 * version id that cannot be one). A delete marker is returned like any version: is_marker. */
bool object_find(Txn *txn, Arena *arena, const Bucket *bucket, const char *key,
                 const char *version_id, Object **ret_object, GError **error);
/* The rank that is in a version's id, whether or not that version is there; false when it cannot be
 * an id, or is "null". Pure. */
bool object_rank_of_version(Arena *arena, const char *version_id, const char **ret_rank);
/* The newest version if it is no marker; else NULL. */
bool object_find_current(Txn *txn, Arena *arena, const Bucket *bucket, const char *key,
                         Object **ret_object, GError **error);

/* Makes object the newest version of its key: fills bucket, rank, version_id, is_latest, modified.
 * Where the bucket keeps no versions it takes the place of the null version, whose bytes go (and
 * which a lock may hold: then the fault AccessDenied). now: µs. */
bool object_store(Blobs *blobs, Txn *txn, Arena *arena, const Bucket *bucket, Object *object,
                  int64_t now, GError **error);

typedef struct ObjectRemoval {
    bool marker;            /* what was removed, or made, is a delete marker */
    const char *version_id; /* of what was removed or made; NULL: none to tell */
} ObjectRemoval;

/* Without a version: a delete marker where versions are kept; else the object goes. With one: that
 * very version goes, and the next older becomes the newest. Fault AccessDenied: it is locked;
 * bypass_governance: a retention in governance mode does not count. */
bool object_remove(Blobs *blobs, Txn *txn, Arena *arena, const Bucket *bucket, const char *key,
                   const char *version_id, bool bypass_governance, int64_t now,
                   ObjectRemoval *ret_removal, GError **error);

/* Fault AccessDenied when a lock holds the version. Pure. */
bool object_check_lock(const Object *object, bool bypass_governance, int64_t now, GError **error);

/* "x-amz-meta-a: b\n…" (Object.headers): the value of a header in any case, NULL without. */
const char *object_header(Arena *arena, const char *headers, const char *name);

/* As clients know it: none that is kept is STANDARD. */
static inline const char *storage_class_name(const char *kept)
{
    return kept ? kept : "STANDARD";
}

/* The same lines without that header; NULL: none is left. */
const char *object_headers_without(Arena *arena, const char *headers, const char *name);

/* Keys: 1 to 1,024 bytes of UTF-8 without NUL. Faults KeyTooLongError, InvalidURI. Pure. */
bool object_check_key(const char *key, GError **error);
