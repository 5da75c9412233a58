/* Objects and their versions.
 *
 * Invariants: of each key that is there, exactly the version with the lowest rank is the latest; at
 * most one version of a key is the null version; a version's bytes go in the transaction that
 * removes it. Sources: "Retaining multiple versions of objects with S3 Versioning" and the pages
 * under it, "Locking objects with Object Lock" (Amazon S3 User Guide). */
#include "imagestore/objects.h"

#include "base/digest.h"
#include "imagestore/uploads.h"
#include <inttypes.h>
#include <string.h>

#define RANK_DIGITS 16
#define VERSION_ID_DIGITS (RANK_DIGITS + 16)
#define NULL_VERSION "null"
#define KEY_SIZE_MAX 1024

bool object_check_key(const char *key, GError **error)
{
    size_t size = strlen(key);
    if (size > KEY_SIZE_MAX)
        return fault_set(error, FAULT_KEY_TOO_LONG, "Your key is too long");
    if (size == 0 || !g_utf8_validate(key, (gssize)size, NULL))
        return fault_set(error, FAULT_INVALID_URI, "Couldn't parse the specified URI.");
    return true;
}

const char *object_header(Arena *arena, const char *headers, const char *name)
{
    size_t size = strlen(name);
    for (const char *line = headers; line && *line;) {
        const char *end = strchrnul(line, '\n');
        if (g_ascii_strncasecmp(line, name, size) == 0 && line[size] == ':') {
            const char *value = line + size + 1;
            while (value < end && *value == ' ')
                value++;
            return arena_strndup(arena, value, (size_t)(end - value));
        }
        line = *end ? end + 1 : end;
    }
    return NULL;
}

const char *object_headers_without(Arena *arena, const char *headers, const char *name)
{
    if (!object_header(arena, headers, name))
        return headers;
    size_t name_size = strlen(name);
    g_autoptr(GString) kept = g_string_new(NULL);
    for (const char *line = headers; *line;) {
        size_t size = strcspn(line, "\n");
        size += line[size] == '\n';
        if (g_ascii_strncasecmp(line, name, name_size) != 0 || line[name_size] != ':')
            g_string_append_len(kept, line, (gssize)size);
        line += size;
    }
    return kept->len ? arena_strdup(arena, kept->str) : NULL;
}

bool object_check_lock(const Object *object, bool bypass_governance, int64_t now, GError **error)
{
    bool retained = object->lock_mode && object->retain_until > now &&
                    !(bypass_governance && strcmp(object->lock_mode, "GOVERNANCE") == 0);
    if (!retained && !object->legal_hold)
        return true;
    return fault_set(error, FAULT_OBJECT_LOCKED,
                     "Access Denied because object protected by object lock.");
}

/* Finding. */

static bool find_latest(Txn *txn, Arena *arena, const char *bucket, const char *key,
                        Object **ret_object, GError **error)
{
    void *found;
    if (!record_query_one(txn, arena, QUERY_OBJECT_LATEST, &found, error, bucket, key))
        return false;
    *ret_object = found;
    return true;
}

static bool find_null_version(Txn *txn, Arena *arena, const char *bucket, const char *key,
                              Object **ret_object, GError **error)
{
    void *found;
    if (!record_query_one(txn, arena, QUERY_OBJECT_NULL_VERSION, &found, error, bucket, key))
        return false;
    *ret_object = found;
    return true;
}

bool object_rank_of_version(Arena *arena, const char *version_id, const char **ret_rank)
{
    size_t size = strlen(version_id);
    if (size != VERSION_ID_DIGITS || strspn(version_id, "0123456789abcdef") != size)
        return false;
    *ret_rank = arena_strndup(arena, version_id, RANK_DIGITS);
    return true;
}

/* NULL: there is no such version. Fault InvalidArgument. */
static bool find_version(Txn *txn, Arena *arena, const char *bucket, const char *key,
                         const char *version_id, Object **ret_object, GError **error)
{
    if (strcmp(version_id, NULL_VERSION) == 0)
        return find_null_version(txn, arena, bucket, key, ret_object, error);
    if (!*version_id)
        return fault_set(error, FAULT_INVALID_ARGUMENT, "Version id cannot be the empty string");
    const char *rank;
    if (!object_rank_of_version(arena, version_id, &rank))
        return fault_set(error, FAULT_INVALID_ARGUMENT, "Invalid version id specified");
    void *found;
    if (!record_query_one(txn, arena, QUERY_OBJECT_BY_RANK, &found, error, bucket, key, rank))
        return false;
    Object *object = found;
    *ret_object = object && strcmp(object->version_id, version_id) == 0 ? object : NULL;
    return true;
}

bool object_find(Txn *txn, Arena *arena, const Bucket *bucket, const char *key,
                 const char *version_id, Object **ret_object, GError **error)
{
    Object *object;
    if (!(version_id ? find_version(txn, arena, bucket->name, key, version_id, &object, error)
                     : find_latest(txn, arena, bucket->name, key, &object, error)))
        return false;
    if (!object && version_id)
        return fault_set(error, FAULT_NO_SUCH_S3_VERSION, "The specified version does not exist.");
    if (!object)
        return fault_set(error, FAULT_NO_SUCH_KEY, "The specified key does not exist.");
    *ret_object = object;
    return true;
}

bool object_find_current(Txn *txn, Arena *arena, const Bucket *bucket, const char *key,
                         Object **ret_object, GError **error)
{
    Object *object;
    if (!find_latest(txn, arena, bucket->name, key, &object, error))
        return false;
    *ret_object = object && !object->is_marker ? object : NULL;
    return true;
}

/* Writing. */

static bool drop_bytes(Blobs *blobs, Txn *txn, Arena *arena, const Object *object, GError **error)
{
    if (object->blob_id)
        return blob_unref(blobs, txn, object->blob_id, error);
    return !object->upload_id || upload_drop(blobs, txn, object->upload_id, error);
}

static bool drop_version(Blobs *blobs, Txn *txn, Arena *arena, const Object *object, GError **error)
{
    return record_change(txn, CHANGE_DELETE_OBJECT, NULL, error, object->bucket, object->key,
                         object->rank) &&
           drop_bytes(blobs, txn, arena, object, error);
}

/* Lower than that of all versions that are there, whatever the clock says. */
static const char *next_rank(Arena *arena, const Object *latest, int64_t now)
{
    uint64_t rank = UINT64_MAX - (uint64_t)now;
    if (latest)
        rank = MIN(rank, g_ascii_strtoull(latest->rank, NULL, 16) - 1);
    return arena_printf(arena, "%016" PRIx64, rank);
}

static const char *new_version_id(Arena *arena, const char *rank)
{
    uint8_t random[(VERSION_ID_DIGITS - RANK_DIGITS) / 2];
    char hex[2 * sizeof(random) + 1];
    random_bytes(random, sizeof(random));
    hex_encode(random, sizeof(random), hex);
    return arena_printf(arena, "%s%s", rank, hex);
}

/* A row more, the newest of its key. */
static bool add_version(Txn *txn, Arena *arena, const Object *latest, Object *object, int64_t now,
                        GError **error)
{
    object->rank = next_rank(arena, latest, now);
    if (!object->version_id)
        object->version_id = new_version_id(arena, object->rank);
    return (!latest || record_change(txn, CHANGE_OBJECT_NO_LONGER_LATEST, NULL, error,
                                     object->bucket, object->key, latest->rank)) &&
           object_insert(txn, object, error);
}

/* The object takes over the row of the null version, which is the latest: the indexes stay as they
 * are. */
static bool replace_latest(Blobs *blobs, Txn *txn, Arena *arena, const Object *latest,
                           Object *object, GError **error)
{
    object->rank = latest->rank;
    return object_put(txn, object, error) && drop_bytes(blobs, txn, arena, latest, error);
}

static bool store_null_version(Blobs *blobs, Txn *txn, Arena *arena, const Bucket *bucket,
                               const Object *latest, Object *object, bool bypass_governance,
                               int64_t now, GError **error)
{
    object->version_id = NULL_VERSION;
    bool is_null = latest && strcmp(latest->version_id, NULL_VERSION) == 0;
    const Object *old = is_null ? latest : NULL;
    if (latest && !is_null) {
        Object *found;
        if (!find_null_version(txn, arena, bucket->name, object->key, &found, error))
            return false;
        old = found;
    }
    if (old && !object_check_lock(old, bypass_governance, now, error))
        return false;
    if (is_null)
        return replace_latest(blobs, txn, arena, latest, object, error);
    return (!old || drop_version(blobs, txn, arena, old, error)) &&
           add_version(txn, arena, latest, object, now, error);
}

static bool store_version_of(Blobs *blobs, Txn *txn, Arena *arena, const Bucket *bucket,
                             Object *object, bool bypass_governance, int64_t now, GError **error)
{
    Object *latest;
    if (!find_latest(txn, arena, bucket->name, object->key, &latest, error))
        return false;
    object->bucket = bucket->name;
    object->version_id = NULL;
    object->is_latest = true;
    object->modified = now;
    return bucket_keeps_versions(bucket)
               ? add_version(txn, arena, latest, object, now, error)
               : store_null_version(blobs, txn, arena, bucket, latest, object, bypass_governance,
                                    now, error);
}

bool object_store(Blobs *blobs, Txn *txn, Arena *arena, const Bucket *bucket, Object *object,
                  int64_t now, GError **error)
{
    return store_version_of(blobs, txn, arena, bucket, object, false, now, error);
}

/* Removing. */

/* After the newest version went. */
static bool promote_next(Txn *txn, Arena *arena, const char *bucket, const char *key,
                         GError **error)
{
    Object *next;
    return find_latest(txn, arena, bucket, key, &next, error) &&
           (!next ||
            record_change(txn, CHANGE_OBJECT_LATEST_AGAIN, NULL, error, bucket, key, next->rank));
}

static bool remove_version(Blobs *blobs, Txn *txn, Arena *arena, const Object *object,
                           bool bypass_governance, int64_t now, GError **error)
{
    return object_check_lock(object, bypass_governance, now, error) &&
           drop_version(blobs, txn, arena, object, error) &&
           (!object->is_latest || promote_next(txn, arena, object->bucket, object->key, error));
}

/* In a bucket that has never kept versions there is nothing but the null version. */
static bool remove_only_version(Blobs *blobs, Txn *txn, Arena *arena, const Bucket *bucket,
                                const char *key, bool bypass_governance, int64_t now,
                                ObjectRemoval *ret_removal, GError **error)
{
    Object *object;
    if (!find_latest(txn, arena, bucket->name, key, &object, error) ||
        (object && !remove_version(blobs, txn, arena, object, bypass_governance, now, error)))
        return false;
    *ret_removal = (ObjectRemoval){0};
    return true;
}

static bool add_marker(Blobs *blobs, Txn *txn, Arena *arena, const Bucket *bucket, const char *key,
                       bool bypass_governance, int64_t now, ObjectRemoval *ret_removal,
                       GError **error)
{
    Object marker = {.key = key, .is_marker = true, .account_id = bucket->account_id};
    if (!store_version_of(blobs, txn, arena, bucket, &marker, bypass_governance, now, error))
        return false;
    *ret_removal = (ObjectRemoval){.marker = true, .version_id = marker.version_id};
    return true;
}

bool object_remove(Blobs *blobs, Txn *txn, Arena *arena, const Bucket *bucket, const char *key,
                   const char *version_id, bool bypass_governance, int64_t now,
                   ObjectRemoval *ret_removal, GError **error)
{
    if (!version_id)
        return (bucket->versioning ? add_marker : remove_only_version)(
            blobs, txn, arena, bucket, key, bypass_governance, now, ret_removal, error);
    Object *object;
    if (!find_version(txn, arena, bucket->name, key, version_id, &object, error) ||
        (object && !remove_version(blobs, txn, arena, object, bypass_governance, now, error)))
        return false;
    *ret_removal = (ObjectRemoval){
        .marker = object && object->is_marker,
        .version_id = version_id,
    };
    return true;
}
