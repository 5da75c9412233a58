/* The default encryption of a bucket. */
#pragma once

#include "api/s3/s3.h"

/* How objects are encrypted whose makers do not say: as Object.encryption and encryption_key;
 * AES256 where nothing is configured. */
bool s3_encryption_default(S3Call *call, Txn *txn, const Bucket *bucket, const char **ret_kind,
                           const char **ret_key, GError **error);
/* Whether what is put into the bucket may be encrypted with the client's key. Fault AccessDenied:
 * the bucket blocks that. key NULL: there is none. */
bool s3_encryption_check_key(S3Call *call, Txn *txn, const Bucket *bucket, const uint8_t *key,
                             GError **error);
