/* Server-side encryption as requests ask for it and replies tell it. Keys of the client's really
 * encrypt (imagestore/blobs.h); S3's own and KMS keys are answered consistently: what is stored
 * lies in a directory that only the daemon can read. Source: "Protecting data with server-side
 * encryption" (Amazon S3 User Guide). */
#pragma once

#include "api/s3/s3.h"

typedef struct S3Encryption {
    const char *kind;            /* as Object.encryption; NULL: nothing was asked for */
    const char *key;             /* as Object.encryption_key */
    const uint8_t *customer_key; /* BLOB_CUSTOMER_KEY_SIZE bytes; NULL: none */
} S3Encryption;

/* What the x-amz-server-side-encryption* headers say. Faults InvalidArgument,
 * InvalidEncryptionAlgorithmError, InvalidRequest. */
bool s3_encryption_read(S3Call *call, S3Encryption *ret_encryption, GError **error);
/* The key with which an object is to be read: of the x-amz-server-side-encryption-customer-*
 * headers, or of the x-amz-copy-source-* ones. *ret_key NULL: it needs none. Faults InvalidRequest
 * (missing, or not applicable), AccessDenied (another key). */
bool s3_encryption_key(S3Call *call, const char *kind, const char *key_md5, bool copy_source,
                       const uint8_t **ret_key, GError **error);
/* Adds the reply's headers. */
void s3_encryption_reply(S3Call *call, const char *kind, const char *key);
