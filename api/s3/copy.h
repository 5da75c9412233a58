/* Copying from an object: CopyObject and UploadPartCopy. */
#pragma once

#include "api/s3/put.h"

typedef struct CopySource {
    const Bucket *bucket;
    const Object *object;
    const uint8_t *customer_key; /* to read it with */
} CopySource;

/* The object that x-amz-copy-source names, if the caller may read it and its
 * x-amz-copy-source-if-* conditions hold. Faults: InvalidArgument (the header), NoSuchBucket,
 * NoSuchKey, NoSuchVersion, AccessDenied, PreconditionFailed. */
bool copy_source_find(S3Call *call, Txn *txn, CopySource *ret_source, GError **error);

/* Writes size bytes of the source from offset on into call->writer, as call->blob says, and fills
 * call->bytes. On a worker: waits. */
bool copy_source_bytes(S3Call *call, const CopySource *source, uint64_t offset, uint64_t size,
                       GError **error);
