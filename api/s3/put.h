/* What a request that makes an object says of it in its headers: shared by PutObject, CopyObject,
 * CreateMultipartUpload and POST. */
#pragma once

#include "api/s3/sse.h"

#define S3_REDIRECT_HEADER "x-amz-website-redirect-location"

typedef struct S3Put {
    /* headers, tags, storage class, lock, encryption are filled. */
    Object object;
    S3Encryption encryption; /* as asked for; the object's may be the bucket's default */
    Conditions conditions;   /* If-Match, If-None-Match: of what it replaces */
} S3Put;

/* Also sets call->blob.customer_key. Faults: InvalidStorageClass, MetadataTooLarge, InvalidTag,
 * InvalidRequest (no object lock on the bucket), AccessDenied (the bucket wants no keys of
 * clients), InvalidArgument … In call->txn. */
bool s3_put_read(S3Call *call, S3Put **ret_put, GError **error);

/* The account that an object which this request makes belongs to. */
const char *s3_put_owner(const S3Call *call, const Bucket *bucket);
/* In the transaction that writes: owner and ACL of the object, then conditions, then object_store.
 * bucket is the record of that transaction. */
bool s3_put_store(S3Call *call, Txn *txn, const Bucket *bucket, S3Put *put, GError **error);

/* Bytes that are to be locked must prove that they came as they were meant. what: "Object" or
 * "Part", whose these are; fault InvalidRequest. */
bool s3_put_check_digest(const S3Call *call, const char *what, GError **error);
/* Sets call->checksum to what S3 adds to bytes that came without one, which is S3_DEFAULT_CHECKSUM
 * of call->bytes. */
#define S3_DEFAULT_CHECKSUM CHECKSUM_CRC64NVME
void s3_checksum_add_default(S3Call *call);

/* x-amz-checksum-algorithm; CHECKSUM_NONE: it is not there. Fault InvalidRequest. */
bool s3_checksum_asked(const S3Call *call, ChecksumKind *ret_kind, GError **error);

/* If-Match and If-None-Match, of what a request replaces. */
Conditions s3_write_conditions(const S3Call *call);
/* Whether they hold for what has the key now, in the transaction that writes. Faults
 * PreconditionFailed, NoSuchKey, AccessDenied (If-Match tells something of the object: it must be
 * the caller's to read). */
bool s3_check_write_conditions(S3Call *call, Txn *txn, const Bucket *bucket, const char *key,
                               const Conditions *conditions, GError **error);

/* The whole of it for a body in call->bytes: one transaction, and the reply's headers. */
bool s3_put_bytes(S3Call *call, S3Put *put, GError **error);

/* Headers of a reply that made or showed an object: version id, encryption, expiration. */
void s3_put_reply(S3Call *call, const Bucket *bucket, const Object *object);
/* x-amz-checksum-*: and its type. */
void s3_checksum_reply(S3Call *call, const char *checksum);

/* The same as elements: <ChecksumCRC32>… and <ChecksumType>. */
void s3_checksum_xml(S3Call *call, Buffer *xml, const char *checksum);
/* Without the type, which parts do not have. */
void s3_xml_checksum_value(S3Call *call, Buffer *xml, const char *checksum);
/* The entity tag of bytes that were put whole: their MD5; where they are encrypted with the
 * client's key, that of the bytes stored, which tells nothing about the others. */
const char *s3_etag_of(Arena *arena, const BlobResult *bytes, bool encrypted);

/* The standard and user headers of the request as Object.headers keeps them. */
bool s3_headers_read(S3Call *call, const char **ret_headers, GError **error);

/* A header's value, entity tag or list of them, without quotes. */
const char *s3_unquote(Arena *arena, const char *etag);
