/* See the header. */
#include "cloud/bundle_objects.h"

#include "base/fault.h"
#include <string.h>

#define SCHEME "s3://"
#define WHERE "http://s3.amazonaws.com/%s/%s"

bool bundle_location_read(Arena *arena, const char *text, BundleLocation *ret_location,
                          GError **error)
{
    const char *from = g_str_has_prefix(text, SCHEME) ? text + strlen(SCHEME)
                       : *text == '/'                 ? text + 1
                                                      : text;
    const char *slash = strchr(from, '/');
    if (!slash || slash == from || !slash[1])
        return fault_set(error, FAULT_INVALID_PARAMETER_VALUE,
                         "Value (%.200s) for parameter imageLocation is invalid. Expected: "
                         "'bucket/prefix.manifest.xml'",
                         text);
    ret_location->bucket = arena_strndup(arena, from, (size_t)(slash - from));
    ret_location->key = arena_strdup(arena, slash + 1);
    return true;
}

const char *bundle_part_key(Arena *arena, const BundleLocation *location, const char *filename)
{
    const char *slash = strrchr(location->key, '/');
    int folder = slash ? (int)(slash + 1 - location->key) : 0;
    return arena_printf(arena, "%.*s%s", folder, location->key, filename);
}

static bool is_forbidden(const BundleLocation *location, const char *key, GError **error)
{
    return fault_set(error, FAULT_INVALID_MANIFEST,
                     "HTTP 403 (Forbidden) response for URL " WHERE
                     ": check your S3 ACLs are correct.",
                     location->bucket, key);
}

static bool is_missing(const BundleLocation *location, const char *key, GError **error)
{
    return fault_set(error, FAULT_INVALID_MANIFEST,
                     "HTTP 404 (Not Found) response for URL " WHERE
                     ": check that it was uploaded and is spelled so.",
                     location->bucket, key);
}

static bool is_readable(const Object *object)
{
    return g_strcmp0(object->encryption, "customer") != 0;
}

bool bundle_find_object(Context *context, Txn *txn, const ObjectAccess *access,
                        const BundleLocation *location, const char *key, Object **ret_object,
                        GError **error)
{
    g_autoptr(GError) refusal = NULL;
    Bucket *bucket;
    Object *object = NULL;
    if (!bucket_get(txn, context->arena, location->bucket, &bucket, error))
        return false;
    if (!bucket)
        return is_missing(location, key, error);
    if (!object_find_current(txn, context->arena, bucket, key, &object, error))
        return false;
    if (!access->check(access, context, txn, "s3:GetObject", bucket->name, bucket, key, object,
                       &refusal)) {
        if (fault_is(refusal, FAULT_ACCESS_DENIED))
            return is_forbidden(location, key, error);
        g_propagate_error(error, g_steal_pointer(&refusal));
        return false;
    }
    if (!object)
        return is_missing(location, key, error);
    if (!is_readable(object))
        return fault_set(error, FAULT_INVALID_MANIFEST,
                         WHERE " is encrypted with a key of its owner's", location->bucket, key);
    *ret_object = object;
    return true;
}

static bool open_manifest(Context *context, const ObjectAccess *access,
                          const BundleLocation *location, ObjectReader **ret_reader,
                          size_t *ret_size, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Object *object;
    if (!txn_begin_read(cloud_store(context->cloud), &txn, error) ||
        !bundle_find_object(context, txn, access, location, location->key, &object, error))
        return false;
    if (object->size > BUNDLE_MAX_MANIFEST)
        return fault_set(error, FAULT_INVALID_MANIFEST,
                         "The manifest is larger than %d bytes: that is none", BUNDLE_MAX_MANIFEST);
    *ret_size = (size_t)object->size;
    return object_reader_open(cloud_blobs(context->cloud), txn, object, 0, (uint64_t)object->size,
                              NULL, ret_reader, error);
}

bool bundle_fetch_manifest(Context *context, const ObjectAccess *access,
                           const BundleLocation *location, const char **ret_text, size_t *ret_size,
                           GError **error)
{
    g_autoptr(ObjectReader) reader = NULL;
    size_t size, done = 0;
    if (!open_manifest(context, access, location, &reader, &size, error))
        return false;
    char *text = arena_alloc(context->arena, size + 1);
    while (done < size) {
        size_t more;
        if (!object_reader_read(reader, text + done, size - done, &more, error))
            return false;
        if (more == 0)
            break;
        done += more;
    }
    text[done] = '\0';
    *ret_text = text;
    *ret_size = done;
    return true;
}

/* ---- parts ---- */

static bool open_part(BundleReader *reader, GError **error)
{
    const BundlePart *part = list_at(&reader->manifest->parts, reader->part);
    const char *key = bundle_part_key(reader->arena, &reader->location, part->filename);
    g_autoptr(Txn) txn = NULL;
    Bucket *bucket;
    Object *object = NULL;
    if (!txn_begin_read(cloud_store(reader->cloud), &txn, error) ||
        !bucket_get(txn, reader->arena, reader->location.bucket, &bucket, error) ||
        (bucket && !object_find_current(txn, reader->arena, bucket, key, &object, error)))
        return false;
    if (!object || !is_readable(object))
        return bundle_error_set(error, BUNDLE_ERROR_PART_MISSING, "part %zu, %s, is not in %s",
                                reader->part, key, reader->location.bucket);
    return object_reader_open(cloud_blobs(reader->cloud), txn, object, 0, (uint64_t)object->size,
                              NULL, &reader->reader, error);
}

bool bundle_reader_read(BundleReader *reader, size_t part, void *buffer, size_t size,
                        size_t *ret_read, GError **error)
{
    if (reader->reader && reader->part != part)
        bundle_reader_clear(reader);
    reader->part = part;
    return (reader->reader || open_part(reader, error)) &&
           object_reader_read(reader->reader, buffer, size, ret_read, error);
}

void bundle_reader_clear(BundleReader *reader)
{
    object_reader_free(g_steal_pointer(&reader->reader));
}
