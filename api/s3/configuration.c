/* Configurations of buckets. Invariant: what is kept was checked and is in the one form that
 * document_write() gives it, so that showing it is copying it; whoever reads it again need not
 * check. */
#include "api/s3/configuration.h"

#include "api/s3/access.h"
#include "api/s3/operations.h"
#include "base/fault.h"
#include <string.h>

typedef struct Configuration {
    const char *subresource; /* of the operations */
    DocumentKind kind;
    const char *schema;
    S3DocumentCheck check; /* NULL: the schema says all */
    const char *none;      /* shown when nothing was put; NULL: that is a fault … */
    Fault missing;
    const char *message;
    bool empty_is_none;  /* a root without elements takes the document away */
    unsigned put_status; /* 0: 200 */
} Configuration;

static bool accelerate_check(S3Call *call, Txn *txn, Bucket *bucket, XmlNode *root, GError **error);
static bool logging_check(S3Call *call, Txn *txn, Bucket *bucket, XmlNode *root, GError **error);

static const Configuration configurations[] = {
    {"accelerate", DOCUMENT_ACCELERATE, "AccelerateConfiguration", accelerate_check,
     "<AccelerateConfiguration/>"},
    {"cors", DOCUMENT_CORS, "CORSConfiguration", s3_cors_check, NULL, FAULT_NO_SUCH_CORS,
     "The CORS configuration does not exist"},
    {"encryption", DOCUMENT_ENCRYPTION, "ServerSideEncryptionConfiguration", s3_encryption_check,
     "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>"
     "<SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault>"
     "<BucketKeyEnabled>false</BucketKeyEnabled></Rule></ServerSideEncryptionConfiguration>"},
    {"lifecycle", DOCUMENT_LIFECYCLE, "LifecycleConfiguration", s3_lifecycle_check, NULL,
     FAULT_NO_SUCH_LIFECYCLE, "The lifecycle configuration does not exist"},
    {"logging", DOCUMENT_LOGGING, "BucketLoggingStatus", logging_check, "<BucketLoggingStatus/>",
     .empty_is_none = true},
    {"notification", DOCUMENT_NOTIFICATION, "NotificationConfiguration", s3_notification_check,
     "<NotificationConfiguration/>", .empty_is_none = true},
    {"object-lock", DOCUMENT_OBJECT_LOCK, "ObjectLockConfiguration", s3_object_lock_check, NULL,
     FAULT_NO_SUCH_OBJECT_LOCK, "Object Lock configuration does not exist for this bucket"},
    {"replication", DOCUMENT_REPLICATION, "ReplicationConfiguration", s3_replication_check, NULL,
     FAULT_NO_SUCH_REPLICATION, "The replication configuration was not found"},
    {"requestPayment", DOCUMENT_REQUEST_PAYMENT, "RequestPaymentConfiguration", NULL,
     "<RequestPaymentConfiguration><Payer>BucketOwner</Payer></RequestPaymentConfiguration>"},
    {"tagging", DOCUMENT_TAGGING, "Tagging", s3_tagging_check, NULL, FAULT_NO_SUCH_TAG_SET,
     "The TagSet does not exist", .put_status = 204},
    {"website", DOCUMENT_WEBSITE, "WebsiteConfiguration", s3_website_check, NULL,
     FAULT_NO_SUCH_WEBSITE, "The specified bucket does not have a website configuration"},
};

static const Configuration *configuration_of(const S3Call *call)
{
    const Configuration *configuration = configurations;
    while (strcmp(configuration->subresource, call->operation->subresource) != 0) {
        configuration++;
        g_assert(configuration < configurations + G_N_ELEMENTS(configurations));
    }
    return configuration;
}

bool s3_document_read(S3Call *call, const char *schema, XmlNode **ret_root, GError **error)
{
    XmlNode *root;
    if (call->document_size == 0)
        return fault_set(error, FAULT_MISSING_REQUEST_BODY, "Request Body is empty");
    if (!xml_parse(call->arena, call->document, call->document_size, &root, error) ||
        !document_check(root, schema, error))
        return false;
    *ret_root = root;
    return true;
}

bool s3_configuration_find(S3Call *call, Txn *txn, const Bucket *bucket, DocumentKind kind,
                           XmlNode **ret_root, GError **error)
{
    const char *body = NULL;
    *ret_root = NULL;
    if (!bucket_has_document(bucket, kind))
        return true;
    return bucket_document_find(txn, call->arena, bucket, kind, &body, error) &&
           (!body || xml_parse(call->arena, body, strlen(body), ret_root, error));
}

static void reply_text(S3Call *call, const char *text)
{
    buffer_add_text(&call->reply->body, text);
    call->reply->status = 200;
    call->reply->content_type = "application/xml";
}

void s3_document_reply(S3Call *call, const XmlNode *root)
{
    document_write(&call->reply->body, root);
    reply_text(call, "");
}

static const char *written(Arena *arena, const XmlNode *root)
{
    g_auto(Buffer) text = {0};
    document_write(&text, root);
    return arena_strndup(arena, text.data, text.size);
}

void s3_name_rules(Arena *arena, XmlNode *root, const char *with, const char *id)
{
    for (XmlNode *rule = root->child; rule; rule = rule->next) {
        if (!xml_child(rule, with) || xml_child(rule, id))
            continue;
        g_autofree char *name = g_uuid_string_random();
        xml_add(arena, rule, id, arena_strdup(arena, name));
    }
}

/* ---- get, put, delete ---- */

bool s3_get_configuration(S3Call *call, GError **error)
{
    const Configuration *configuration = configuration_of(call);
    const char *body = NULL;
    XmlNode *root;
    if (bucket_has_document(call->bucket, configuration->kind) &&
        !bucket_document_find(call->txn, call->arena, call->bucket, configuration->kind, &body,
                              error))
        return false;
    if (body) {
        reply_text(call, body);
        return true;
    }
    if (!configuration->none) {
        s3_detail(call, "BucketName", call->bucket_name);
        return fault_set(error, configuration->missing, "%s", configuration->message);
    }
    if (!xml_parse(call->arena, configuration->none, strlen(configuration->none), &root, error))
        return false;
    s3_document_reply(call, root);
    return true;
}

bool s3_put_configuration(S3Call *call, GError **error)
{
    const Configuration *configuration = configuration_of(call);
    g_autoptr(Txn) txn = NULL;
    Bucket *bucket;
    XmlNode *root;
    if (!s3_document_read(call, configuration->schema, &root, error) ||
        !s3_begin_write(call, &txn, &bucket, error) ||
        (configuration->check && !configuration->check(call, txn, bucket, root, error)))
        return false;
    bool none = configuration->empty_is_none && !root->child;
    if (!bucket_document_set(txn, bucket, configuration->kind,
                             none ? NULL : written(call->arena, root), error) ||
        !txn_commit(&txn, error))
        return false;
    s3_reply_empty(call, configuration->put_status ? configuration->put_status : 200);
    return true;
}

bool s3_configuration_change(S3Call *call, DocumentKind kind, S3DocumentChange change,
                             const void *data, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Bucket *bucket;
    XmlNode *old, *new;
    return s3_begin_write(call, &txn, &bucket, error) &&
           s3_configuration_find(call, txn, bucket, kind, &old, error) &&
           change(call, old, data, &new, error) &&
           bucket_document_set(txn, bucket, kind, new ? written(call->arena, new) : NULL, error) &&
           txn_commit(&txn, error);
}

static bool take_away(S3Call *call, DocumentKind kind, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Bucket *bucket;
    if (!s3_begin_write(call, &txn, &bucket, error))
        return false;
    if (kind == DOCUMENT_OWNERSHIP)
        bucket->ownership = NULL;
    if (kind == DOCUMENT_PUBLIC_ACCESS_BLOCK)
        bucket->public_access_block = 0;
    if (!bucket_document_set(txn, bucket, kind, NULL, error) || !txn_commit(&txn, error))
        return false;
    s3_reply_empty(call, 204);
    return true;
}

bool s3_delete_configuration(S3Call *call, GError **error)
{
    return take_away(call, configuration_of(call)->kind, error);
}

/* ---- what two of them are checked for ---- */

static bool accelerate_check(S3Call *call, Txn *txn, Bucket *bucket, XmlNode *root, GError **error)
{
    if (!xml_child(root, "Status"))
        return s3_malformed_xml(error);
    return !strchr(bucket->name, '.') ||
           fault_set(error, FAULT_INVALID_REQUEST,
                     "S3 Transfer Acceleration is not supported for buckets with periods (.) in "
                     "their names");
}

static bool logging_check(S3Call *call, Txn *txn, Bucket *bucket, XmlNode *root, GError **error)
{
    const char *name = xml_child_text(xml_child(root, "LoggingEnabled"), "TargetBucket");
    Bucket *target;
    if (!name)
        return true;
    if (!bucket_get(txn, call->arena, name, &target, error))
        return false;
    if (!target)
        return fault_set(error, FAULT_INVALID_TARGET_BUCKET,
                         "The target bucket for logging does not exist");
    if (strcmp(target->account_id, bucket->account_id) != 0)
        return fault_set(error, FAULT_INVALID_TARGET_BUCKET,
                         "The owner for the bucket to be logged and the target bucket must be the "
                         "same.");
    return strcmp(target->region, bucket->region) == 0 ||
           fault_set(error, FAULT_INVALID_TARGET_BUCKET,
                     "The target bucket for logging must be in the same location as the source "
                     "bucket");
}

/* An object lock without a default retention is no document: it is the bucket's own. */
bool s3_get_object_lock_configuration(S3Call *call, GError **error)
{
    if (!call->bucket->object_lock || bucket_has_document(call->bucket, DOCUMENT_OBJECT_LOCK))
        return s3_get_configuration(call, error);
    Buffer *xml = s3_xml_begin(call, "ObjectLockConfiguration");
    s3_xml_text(xml, "ObjectLockEnabled", "Enabled");
    s3_xml_end(call, "ObjectLockConfiguration");
    return true;
}

/* ---- versioning: a member of the bucket's record ---- */

bool s3_get_bucket_versioning(S3Call *call, GError **error)
{
    Buffer *xml = s3_xml_begin(call, "VersioningConfiguration");
    s3_xml_text(xml, "Status", call->bucket->versioning);
    s3_xml_end(call, "VersioningConfiguration");
    return true;
}

static bool check_versioning(const Bucket *bucket, const XmlNode *root, GError **error)
{
    const char *status = xml_child_text(root, "Status");
    const char *mfa_delete = xml_child_text(root, "MfaDelete");
    if (!status)
        return fault_set(error, FAULT_ILLEGAL_VERSIONING_CONFIGURATION,
                         "The Versioning element must be specified");
    if (mfa_delete && strcmp(mfa_delete, "Enabled") == 0)
        return s3_not_implemented(error);
    if (strcmp(status, "Enabled") == 0)
        return true;
    if (bucket->object_lock)
        return fault_set(error, FAULT_INVALID_BUCKET_STATE,
                         "An Object Lock configuration is present on this bucket, so the "
                         "versioning state cannot be changed.");
    return !bucket_has_document(bucket, DOCUMENT_REPLICATION) ||
           fault_set(error, FAULT_INVALID_BUCKET_STATE,
                     "A replication configuration is present on this bucket, so you cannot change "
                     "the versioning state. To change the versioning state, first delete the "
                     "replication configuration.");
}

bool s3_put_bucket_versioning(S3Call *call, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Bucket *bucket;
    XmlNode *root;
    if (!s3_document_read(call, "VersioningConfiguration", &root, error) ||
        !s3_begin_write(call, &txn, &bucket, error) || !check_versioning(bucket, root, error))
        return false;
    bucket->versioning = xml_child_text(root, "Status");
    if (!bucket_put(txn, bucket, error) || !txn_commit(&txn, error))
        return false;
    s3_reply_empty(call, 200);
    return true;
}

/* ---- object ownership: the same ---- */

bool s3_get_bucket_ownership_controls(S3Call *call, GError **error)
{
    if (!call->bucket->ownership) {
        s3_detail(call, "BucketName", call->bucket_name);
        return fault_set(error, FAULT_NO_SUCH_OWNERSHIP,
                         "The bucket ownership controls were not found");
    }
    Buffer *xml = s3_xml_begin(call, "OwnershipControls");
    s3_xml_open(xml, "Rule");
    s3_xml_text(xml, "ObjectOwnership", call->bucket->ownership);
    s3_xml_close(xml, "Rule");
    s3_xml_end(call, "OwnershipControls");
    return true;
}

/* The bucket's ACL gives something to somebody else than its owner. */
static bool gives_away(S3Call *call, Txn *txn, const Bucket *bucket, bool *ret_gives,
                       GError **error)
{
    const char *owner, *name;
    if (!s3_account_identity(call, txn, bucket->account_id, &owner, &name, error))
        return false;
    const Acl *acl = acl_read(call->arena, bucket->acl, owner);
    *ret_gives = false;
    LIST_EACH (const AclGrant *, grant, &acl->grants)
        *ret_gives |= grant->group != ACL_NO_GROUP || g_strcmp0(grant->id, owner) != 0;
    return true;
}

bool s3_put_bucket_ownership_controls(S3Call *call, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Bucket *bucket;
    XmlNode *root;
    bool gives;
    if (!s3_document_read(call, "OwnershipControls", &root, error) ||
        !s3_begin_write(call, &txn, &bucket, error) ||
        !gives_away(call, txn, bucket, &gives, error))
        return false;
    bucket->ownership = xml_child_text(xml_child(root, "Rule"), "ObjectOwnership");
    if (gives && strcmp(bucket->ownership, "BucketOwnerEnforced") == 0)
        return fault_set(error, FAULT_INVALID_BUCKET_ACL_WITH_OWNERSHIP,
                         "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced "
                         "setting");
    if (!bucket_put(txn, bucket, error) || !txn_commit(&txn, error))
        return false;
    s3_reply_empty(call, 200);
    return true;
}

bool s3_delete_bucket_ownership_controls(S3Call *call, GError **error)
{
    return take_away(call, DOCUMENT_OWNERSHIP, error);
}

/* ---- public access block: bits, and a document that says that they were put ---- */

static const struct {
    const char *name;
    int64_t bit;
} blocks[] = {
    {"BlockPublicAcls", PUBLIC_ACCESS_BLOCK_ACLS},
    {"IgnorePublicAcls", PUBLIC_ACCESS_IGNORE_ACLS},
    {"BlockPublicPolicy", PUBLIC_ACCESS_BLOCK_POLICY},
    {"RestrictPublicBuckets", PUBLIC_ACCESS_RESTRICT_BUCKETS},
};

bool s3_get_public_access_block(S3Call *call, GError **error)
{
    const Bucket *bucket = call->bucket;
    if (!bucket->public_access_block &&
        !bucket_has_document(bucket, DOCUMENT_PUBLIC_ACCESS_BLOCK)) {
        s3_detail(call, "BucketName", call->bucket_name);
        return fault_set(error, FAULT_NO_SUCH_PUBLIC_ACCESS_BLOCK,
                         "The public access block configuration was not found");
    }
    Buffer *xml = s3_xml_begin(call, "PublicAccessBlockConfiguration");
    for (size_t i = 0; i < G_N_ELEMENTS(blocks); i++)
        s3_xml_bool(xml, blocks[i].name, bucket->public_access_block & blocks[i].bit);
    s3_xml_end(call, "PublicAccessBlockConfiguration");
    return true;
}

bool s3_put_public_access_block(S3Call *call, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    Bucket *bucket;
    XmlNode *root;
    if (!s3_document_read(call, "PublicAccessBlockConfiguration", &root, error) ||
        !s3_begin_write(call, &txn, &bucket, error))
        return false;
    bucket->public_access_block = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(blocks); i++)
        bucket->public_access_block |= xml_child_is_true(root, blocks[i].name) ? blocks[i].bit : 0;
    if (!bucket_document_set(txn, bucket, DOCUMENT_PUBLIC_ACCESS_BLOCK, written(call->arena, root),
                             error) ||
        !txn_commit(&txn, error))
        return false;
    s3_reply_empty(call, 200);
    return true;
}

bool s3_delete_public_access_block(S3Call *call, GError **error)
{
    return take_away(call, DOCUMENT_PUBLIC_ACCESS_BLOCK, error);
}

/* ---- of objects ---- */

bool s3_object_shown(S3Call *call, GError **error)
{
    if (!call->object && !object_find(call->txn, call->arena, call->bucket, call->key,
                                      call->version_id, &call->object, error)) {
        s3_detail(call, "Key", call->key);
        s3_detail(call, "VersionId", call->version_id);
        return false;
    }
    if (call->bucket->versioning)
        s3_reply_header(call, "x-amz-version-id", call->object->version_id);
    if (!call->object->is_marker)
        return true;
    s3_reply_header(call, "x-amz-delete-marker", "true");
    return s3_method_not_allowed(error);
}

/* Access was checked for what was there when the request came: now for what is to be changed. */
static bool find_for_change(S3Call *call, Txn *txn, GError **error)
{
    return object_find(txn, call->arena, call->bucket, call->key, call->version_id, &call->object,
                       error) &&
           s3_check_access(call, txn, error) &&
           (!call->undecided || s3_check_access_of_body(call, txn, error));
}

bool s3_object_change(S3Call *call, S3ObjectChange change, const void *data, GError **error)
{
    g_autoptr(Txn) txn = NULL;
    if (!s3_begin_write(call, &txn, &call->bucket, error) || !find_for_change(call, txn, error))
        return false;
    const Bucket *bucket = call->bucket;
    Object *object = call->object;
    if (object->is_marker)
        return s3_method_not_allowed(error);
    if (!change(call, txn, bucket, object, data, error) || !object_put(txn, object, error) ||
        !txn_commit(&txn, error))
        return false;
    if (bucket->versioning)
        s3_reply_header(call, "x-amz-version-id", object->version_id);
    return true;
}
