/* What a replication configuration may say. It is kept and shown; nothing is replicated. */
#include "api/s3/configuration.h"

#include "base/fault.h"
#include <string.h>

#define ID_MAX 255
#define BUCKET_ARN "arn:aws:s3:::"

static bool check_destination(S3Call *call, Txn *txn, const XmlNode *destination, GError **error)
{
    const char *arn = xml_child_text(destination, "Bucket");
    Bucket *bucket;
    if (!g_str_has_prefix(arn, BUCKET_ARN))
        return fault_set(error, FAULT_INVALID_ARGUMENT, "Invalid bucket ARN.");
    if (!bucket_get(txn, call->arena, arn + strlen(BUCKET_ARN), &bucket, error))
        return false;
    if (!bucket)
        return fault_set(error, FAULT_INVALID_REQUEST, "Destination bucket must exist.");
    return bucket_keeps_versions(bucket) ||
           fault_set(error, FAULT_INVALID_REQUEST,
                     "Destination bucket must have versioning enabled.");
}

static bool check_form(const XmlNode *rule, GError **error)
{
    const XmlNode *filter = xml_child(rule, "Filter");
    if (filter && xml_child(rule, "Prefix"))
        return s3_malformed_xml(error);
    if (!filter)
        return true;
    if (filter->child && filter->child->next) /* more than one goes into And */
        return s3_malformed_xml(error);
    if (!xml_child(rule, "Priority"))
        return fault_set(error, FAULT_INVALID_REQUEST,
                         "Priority must be specified for this version of Cross Region Replication "
                         "configuration schema. Please refer to S3 Developer Guide for more "
                         "information");
    return xml_child(rule, "DeleteMarkerReplication") ||
           fault_set(error, FAULT_INVALID_REQUEST,
                     "DeleteMarkerReplication must be specified for this version of Cross Region "
                     "Replication configuration schema. Please refer to S3 Developer Guide for "
                     "more information");
}

/* ids and priorities: of the rules before. */
static bool check_unique(const XmlNode *rule, GHashTable *ids, GHashTable *priorities,
                         GError **error)
{
    const char *id = xml_child_text(rule, "ID"), *priority = xml_child_text(rule, "Priority");
    if (id && strlen(id) > ID_MAX)
        return fault_set(error, FAULT_INVALID_ARGUMENT,
                         "ID length should not exceed allowed limit of %d", ID_MAX);
    if (id && !g_hash_table_add(ids, (char *)id))
        return fault_set(error, FAULT_INVALID_ARGUMENT,
                         "Rule Id must be unique. Found same ID for more than one rule");
    return !priority || g_hash_table_add(priorities, (char *)priority) ||
           fault_set(error, FAULT_INVALID_REQUEST, "Found duplicate priority %s", priority);
}

bool s3_replication_check(S3Call *call, Txn *txn, Bucket *bucket, XmlNode *root, GError **error)
{
    if (!bucket_keeps_versions(bucket))
        return fault_set(error, FAULT_INVALID_REQUEST,
                         "Versioning must be 'Enabled' on the bucket to apply a replication "
                         "configuration");
    g_autoptr(GHashTable) ids = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GHashTable) priorities = g_hash_table_new(g_str_hash, g_str_equal);
    XML_EACH (rule, root, "Rule") {
        if (!check_form(rule, error) || !check_unique(rule, ids, priorities, error) ||
            !check_destination(call, txn, xml_child(rule, "Destination"), error))
            return false;
    }
    s3_name_rules(call->arena, root, "Destination", "ID");
    return true;
}
