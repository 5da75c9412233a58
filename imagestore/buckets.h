/* Buckets and what is configured for them. Verbs work in the caller's transaction; what they
 * return lives in the arena. Names are global, as on AWS. Who may do what is decided above
 * (api/s3/access.h). */
#pragma once

#include "base/fault.h"
#include "imagestore/blobs.h"

/* Configurations that are kept as documents: what GET ?kind shows. */
typedef enum DocumentKind {
    DOCUMENT_ACCELERATE,
    DOCUMENT_CORS,
    DOCUMENT_ENCRYPTION,
    DOCUMENT_LIFECYCLE,
    DOCUMENT_LOGGING,
    DOCUMENT_NOTIFICATION,
    DOCUMENT_OBJECT_LOCK,
    DOCUMENT_OWNERSHIP,
    DOCUMENT_POLICY,
    DOCUMENT_PUBLIC_ACCESS_BLOCK,
    DOCUMENT_REPLICATION,
    DOCUMENT_REQUEST_PAYMENT,
    DOCUMENT_TAGGING,
    DOCUMENT_WEBSITE,
    DOCUMENT_LIFECYCLE_SIZE, /* a word: what smallest size the lifecycle's transitions have */
    DOCUMENT_KINDS,          /* Bucket.documents has bits of these numbers: new ones come last */
} DocumentKind;
/* The name in the table: "cors". */
const char *document_name(DocumentKind kind);

/* Bits of Bucket.public_access_block. */
#define PUBLIC_ACCESS_BLOCK_ACLS 1
#define PUBLIC_ACCESS_IGNORE_ACLS 2
#define PUBLIC_ACCESS_BLOCK_POLICY 4
#define PUBLIC_ACCESS_RESTRICT_BUCKETS 8

#define BUCKETS_MAX 1000 /* an account */

/* 3 to 63 characters of [a-z0-9.-], and the rest of "Bucket naming rules" (S3 User Guide). Pure. */
bool bucket_name_is_valid(const char *name);

/* Faults: InvalidBucketName, BucketAlreadyExists (somebody else's), BucketAlreadyOwnedByYou,
 * TooManyBuckets. bucket's name, account_id, region, created, object_lock, acl and ownership say
 * what is wanted; object lock turns versioning on. */
bool bucket_create(Txn *txn, const Bucket *bucket, GError **error);
/* Sets the fault NoSuchBucket; false. */
bool bucket_none(GError **error);
/* Fault NoSuchBucket. */
bool bucket_find(Txn *txn, Arena *arena, const char *name, Bucket **ret_bucket, GError **error);
/* Fault BucketNotEmpty: a version or a delete marker is in it. Unfinished uploads go with it. */
bool bucket_remove(Blobs *blobs, Txn *txn, const Bucket *bucket, GError **error);

/* *ret_body NULL: there is none; not an error. */
bool bucket_document_find(Txn *txn, Arena *arena, const Bucket *bucket, DocumentKind kind,
                          const char **ret_body, GError **error);
/* Also updates bucket->documents, here and in the store. body NULL: takes it away. The caller has
 * checked it. */
bool bucket_document_set(Txn *txn, Bucket *bucket, DocumentKind kind, const char *body,
                         GError **error);
static inline bool bucket_has_document(const Bucket *bucket, DocumentKind kind)
{
    return (bucket->documents >> kind & 1) != 0;
}

/* bucket_put() (store/record.h) changes its other members. */
static inline bool bucket_keeps_versions(const Bucket *bucket)
{
    return bucket->versioning && bucket->versioning[0] == 'E';
}
