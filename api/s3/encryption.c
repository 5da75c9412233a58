/* The default encryption of a bucket: what it may be, and what it is. */
#include "api/s3/encryption.h"

#include "api/s3/configuration.h"
#include "base/fault.h"
#include <string.h>

static bool is_kms(const char *algorithm)
{
    return g_str_has_prefix(algorithm, "aws:kms");
}

bool s3_encryption_check(S3Call *call, Txn *txn, Bucket *bucket, XmlNode *root, GError **error)
{
    const XmlNode *rule = xml_child(root, "Rule");
    const XmlNode *by_default = xml_child(rule, "ApplyServerSideEncryptionByDefault");
    const char *algorithm = xml_child_text(by_default, "SSEAlgorithm");
    if (!by_default)
        return xml_child(rule, "BlockedEncryptionTypes") || s3_malformed_xml(error);
    if (strcmp(algorithm, "AES256") != 0 && !is_kms(algorithm))
        return fault_set(error, FAULT_INVALID_REQUEST,
                         "The encryption method specified is not supported");
    if (xml_child(by_default, "KMSMasterKeyID") && !is_kms(algorithm))
        return fault_set(error, FAULT_INVALID_ARGUMENT,
                         "a KMSMasterKeyID is not applicable if the default sse algorithm is not "
                         "aws:kms or aws:kms:dsse");
    if (!xml_child(rule, "BucketKeyEnabled"))
        xml_add(call->arena, (XmlNode *)rule, "BucketKeyEnabled", "false");
    return true;
}

bool s3_encryption_check_key(S3Call *call, Txn *txn, const Bucket *bucket, const uint8_t *key,
                             GError **error)
{
    XmlNode *root;
    if (!key || !bucket_has_document(bucket, DOCUMENT_ENCRYPTION))
        return true;
    if (!s3_configuration_find(call, txn, bucket, DOCUMENT_ENCRYPTION, &root, error))
        return false;
    const XmlNode *blocked = xml_child(xml_child(root, "Rule"), "BlockedEncryptionTypes");
    XML_EACH (type, blocked, "EncryptionType") {
        if (strcmp(type->text, "SSE-C") == 0)
            return fault_set(error, FAULT_ACCESS_DENIED, "Access Denied");
    }
    return true;
}

bool s3_encryption_default(S3Call *call, Txn *txn, const Bucket *bucket, const char **ret_kind,
                           const char **ret_key, GError **error)
{
    XmlNode *root;
    if (!s3_configuration_find(call, txn, bucket, DOCUMENT_ENCRYPTION, &root, error))
        return false;
    const XmlNode *by_default =
        xml_child(xml_child(root, "Rule"), "ApplyServerSideEncryptionByDefault");
    *ret_kind = by_default ? xml_child_text(by_default, "SSEAlgorithm") : "AES256";
    *ret_key = xml_child_text(by_default, "KMSMasterKeyID");
    return true;
}
