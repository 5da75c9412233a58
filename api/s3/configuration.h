/* Configurations of buckets: each is put as a document, checked, kept, shown again and deleted; the
 * table in configuration.c says for each kind what is its own. */
#pragma once

#include "api/s3/document.h"
#include "api/s3/s3.h"

/* The body of an S3_DOCUMENT operation, checked against a schema. Faults MissingRequestBodyError,
 * MalformedXML. */
bool s3_document_read(S3Call *call, const char *schema, XmlNode **ret_root, GError **error);
/* A kept document as a tree, in the arena; *ret_root NULL: there is none. */
bool s3_configuration_find(S3Call *call, Txn *txn, const Bucket *bucket, DocumentKind kind,
                           XmlNode **ret_root, GError **error);
/* The reply is that document. */
void s3_document_reply(S3Call *call, const XmlNode *root);

/* What the schema cannot say about a document that is being put: it may complete the document, and
 * change the bucket's record, which is written with it. Faults as AWS has them. */
typedef bool (*S3DocumentCheck)(S3Call *call, Txn *txn, Bucket *bucket, XmlNode *root,
                                GError **error);

bool s3_cors_check(S3Call *call, Txn *txn, Bucket *bucket, XmlNode *root, GError **error);
bool s3_encryption_check(S3Call *call, Txn *txn, Bucket *bucket, XmlNode *root, GError **error);
bool s3_lifecycle_check(S3Call *call, Txn *txn, Bucket *bucket, XmlNode *root, GError **error);
bool s3_notification_check(S3Call *call, Txn *txn, Bucket *bucket, XmlNode *root, GError **error);
bool s3_object_lock_check(S3Call *call, Txn *txn, Bucket *bucket, XmlNode *root, GError **error);
bool s3_replication_check(S3Call *call, Txn *txn, Bucket *bucket, XmlNode *root, GError **error);
bool s3_tagging_check(S3Call *call, Txn *txn, Bucket *bucket, XmlNode *root, GError **error);
bool s3_website_check(S3Call *call, Txn *txn, Bucket *bucket, XmlNode *root, GError **error);

/* A change of a kept document in a transaction of its own: change gets it as a tree, NULL when
 * there is none, and says what it is to be instead, checked; NULL: none. */
typedef bool (*S3DocumentChange)(S3Call *call, const XmlNode *old, const void *data,
                                 XmlNode **ret_new, GError **error);
bool s3_configuration_change(S3Call *call, DocumentKind kind, S3DocumentChange change,
                             const void *data, GError **error);

/* Gives an id to each of root's children that has an element `with` and no id. */
void s3_name_rules(Arena *arena, XmlNode *root, const char *with, const char *id);

/* A change of call->key's version (call->version_id) in a transaction of its own. Faults as of
 * object_find; MethodNotAllowed for delete markers. */
typedef bool (*S3ObjectChange)(S3Call *call, Txn *txn, const Bucket *bucket, Object *object,
                               const void *data, GError **error);
bool s3_object_change(S3Call *call, S3ObjectChange change, const void *data, GError **error);
/* Makes call->object the version that a READ operation is about, and tells its id. Faults as of
 * object_find; a delete marker is MethodNotAllowed. */
bool s3_object_shown(S3Call *call, GError **error);
