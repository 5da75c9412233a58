/* DeleteObjects.
 *
 * Invariants: a key that is refused changes nothing and keeps no other from being deleted; what the
 * reply calls deleted is committed; no other writer waits for more than a turn of a request, which
 * is a transaction of its own. Trouble in a later turn leaves the earlier ones done, as on AWS. */
#include "api/s3/access.h"
#include "api/s3/configuration.h"
#include "api/s3/operations.h"
#include "api/s3/put.h"
#include "base/fault.h"

#define TURN_MOST_US 5000

typedef struct Deletion {
    S3Call *call;
    Txn *txn; /* of the turn */
    Bucket *bucket;
    int64_t turn_since;
    Buffer *xml;
    bool quiet, bypass;
    int64_t now;
} Deletion;

typedef struct DeletedKey {
    const char *key, *version_id;
    Conditions conditions;
    bool only_directories; /* with conditions that only directory buckets know */
} DeletedKey;

/* Bodies that delete must prove that they came as they were meant. */
static bool has_digest(const S3Call *call, GError **error)
{
    return s3_header(call, "content-md5") || call->checksum.kind != CHECKSUM_NONE ||
           fault_set(error, FAULT_INVALID_REQUEST,
                     "Missing required header for this request: Content-MD5");
}

static bool asks_bypass(const S3Call *call)
{
    const char *text = s3_header(call, "x-amz-bypass-governance-retention");
    return text && g_ascii_strcasecmp(text, "true") == 0;
}

static bool may_delete(const Deletion *deletion, const DeletedKey *wanted, GError **error)
{
    const char *action = wanted->version_id ? "s3:DeleteObjectVersion" : "s3:DeleteObject";
    return s3_check_access_to(deletion->call, deletion->txn, action, deletion->bucket, wanted->key,
                              NULL, S3_ACL_BUCKET, ACL_WRITE, error) &&
           (!deletion->bypass ||
            s3_check_access_to(deletion->call, deletion->txn, "s3:BypassGovernanceRetention",
                               deletion->bucket, wanted->key, NULL, S3_ACL_NOBODY, 0, error));
}

static bool check_conditions(const Deletion *deletion, const DeletedKey *wanted, GError **error)
{
    if (wanted->only_directories)
        return s3_not_implemented(error);
    return s3_check_write_conditions(deletion->call, deletion->txn, deletion->bucket, wanted->key,
                                     &wanted->conditions, error);
}

static bool delete_key(const Deletion *deletion, const DeletedKey *wanted,
                       ObjectRemoval *ret_removal, GError **error)
{
    const S3Call *call = deletion->call;
    return object_check_key(wanted->key, error) && may_delete(deletion, wanted, error) &&
           check_conditions(deletion, wanted, error) &&
           object_remove(call->s3->blobs, deletion->txn, call->arena, deletion->bucket, wanted->key,
                         wanted->version_id, deletion->bypass, deletion->now, ret_removal, error);
}

static void show_deleted(const Deletion *deletion, const DeletedKey *wanted,
                         const ObjectRemoval *removal)
{
    Buffer *xml = deletion->xml;
    s3_xml_open(xml, "Deleted");
    s3_xml_text(xml, "Key", wanted->key);
    s3_xml_text(xml, "VersionId", wanted->version_id);
    if (removal->marker) {
        s3_xml_bool(xml, "DeleteMarker", true);
        s3_xml_text(xml, "DeleteMarkerVersionId", removal->version_id);
    }
    s3_xml_close(xml, "Deleted");
}

static void show_error(const Deletion *deletion, const DeletedKey *wanted, const GError *error)
{
    Buffer *xml = deletion->xml;
    s3_xml_open(xml, "Error");
    s3_xml_text(xml, "Key", wanted->key);
    s3_xml_text(xml, "VersionId", wanted->version_id);
    s3_xml_text(xml, "Code", fault_code((Fault)error->code));
    s3_xml_text(xml, "Message", error->message);
    s3_xml_close(xml, "Error");
}

static bool delete_and_show(Deletion *deletion, const XmlNode *node, GError **error)
{
    const DeletedKey wanted = {
        .key = xml_child_text(node, "Key"),
        .version_id = xml_child_text(node, "VersionId"),
        .conditions.if_match = s3_unquote(deletion->call->arena, xml_child_text(node, "ETag")),
        .only_directories =
            xml_child_text(node, "LastModifiedTime") || xml_child_text(node, "Size"),
    };
    ObjectRemoval removal;
    g_autoptr(GError) why = NULL;
    if (delete_key(deletion, &wanted, &removal, &why)) {
        if (!deletion->quiet)
            show_deleted(deletion, &wanted, &removal);
        return true;
    }
    if (why->domain == FAULT_DOMAIN) {
        show_error(deletion, &wanted, why);
        return true;
    }
    g_propagate_error(error, g_steal_pointer(&why));
    return false;
}

static bool begin_turn(Deletion *deletion, GError **error)
{
    if (!s3_begin_write(deletion->call, &deletion->txn, &deletion->bucket, error))
        return false;
    deletion->turn_since = g_get_monotonic_time();
    return true;
}

/* A turn ends with the key that it is at. */
static bool pass_turn(Deletion *deletion, GError **error)
{
    return g_get_monotonic_time() - deletion->turn_since < TURN_MOST_US ||
           (txn_commit(&deletion->txn, error) && begin_turn(deletion, error));
}

static bool delete_all(Deletion *deletion, const XmlNode *root, GError **error)
{
    if (!begin_turn(deletion, error))
        return false;
    XML_EACH (node, root, "Object") {
        if (!pass_turn(deletion, error) || !delete_and_show(deletion, node, error))
            return false;
    }
    return txn_commit(&deletion->txn, error);
}

bool s3_delete_objects(S3Call *call, GError **error)
{
    XmlNode *root;
    Deletion deletion = {.call = call, .bypass = asks_bypass(call), .now = s3_now(call)};
    if (!has_digest(call, error) || !s3_document_read(call, "Delete", &root, error))
        return false;
    deletion.quiet = xml_child_is_true(root, "Quiet");
    deletion.xml = s3_xml_begin(call, "DeleteResult");
    bool ok = delete_all(&deletion, root, error);
    txn_rollback(deletion.txn);
    blobs_wake(call->s3->blobs);
    if (ok)
        s3_xml_end(call, "DeleteResult");
    return ok;
}
