/* Bundles as they lie in buckets: manifests, and parts beside them. Private to cloud/. */
#pragma once

#include "cloud/object_access.h"
#include "imagestore/bundle.h"
#include "imagestore/reader.h"

/* The words before the sentence that says what is wrong with a bundle. */
#define BUNDLE_CODE "Client.InvalidManifest"

/* "bucket/prefix.manifest.xml" */
typedef struct BundleLocation {
    const char *bucket, *key; /* of the manifest */
} BundleLocation;

/* A slash or "s3://" before it is passed over. Fault InvalidParameterValue. */
bool bundle_location_read(Arena *arena, const char *text, BundleLocation *ret_location,
                          GError **error);
/* The key of a part: it lies beside the manifest. */
const char *bundle_part_key(Arena *arena, const BundleLocation *location, const char *filename);

/* An object that the caller may read, inside a transaction that reads. Fault InvalidManifest: he
 * may not, or it is not there, or it is encrypted with a key of his own. */
bool bundle_find_object(Context *context, Txn *txn, const ObjectAccess *access,
                        const BundleLocation *location, const char *key, Object **ret_object,
                        GError **error);
/* All of a manifest that may be read; in the arena, NUL-terminated. The same fault: it is too
 * large. The calling thread has no transaction. */
bool bundle_fetch_manifest(Context *context, const ObjectAccess *access,
                           const BundleLocation *location, const char **ret_text, size_t *ret_size,
                           GError **error);

/* Reads the parts one after the other, as a BundleSource wants them. Whether the caller may was
 * asked before. */
typedef struct BundleReader {
    Cloud *cloud;
    Arena *arena;
    const BundleManifest *manifest;
    BundleLocation location;
    size_t part;
    ObjectReader *reader; /* of that part; NULL: none is open */
} BundleReader;

bool bundle_reader_read(BundleReader *reader, size_t part, void *buffer, size_t size,
                        size_t *ret_read, GError **error);
void bundle_reader_clear(BundleReader *reader);
