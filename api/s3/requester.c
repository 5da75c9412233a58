/* Requester Pays. Nobody is charged, but who would be must agree. */
#include "api/s3/requester.h"

#include "api/s3/configuration.h"
#include "base/fault.h"
#include <string.h>

#define PAYER "x-amz-request-payer"

static bool is_owner(const S3Call *call, const Bucket *bucket)
{
    return !call->signature.anonymous &&
           strcmp(call->signature.caller.account_id, bucket->account_id) == 0;
}

/* Signatures of version 2 leave it in the query. */
static bool agrees(const S3Call *call)
{
    const char *payer = s3_header(call, PAYER);
    if (!payer)
        payer = s3_param(call, PAYER);
    return !call->signature.anonymous && g_strcmp0(payer, "requester") == 0;
}

bool s3_requester_check(S3Call *call, Txn *txn, const Bucket *bucket, GError **error)
{
    XmlNode *root;
    if (!bucket || !bucket_has_document(bucket, DOCUMENT_REQUEST_PAYMENT) || is_owner(call, bucket))
        return true;
    if (!s3_configuration_find(call, txn, bucket, DOCUMENT_REQUEST_PAYMENT, &root, error))
        return false;
    if (g_strcmp0(xml_child_text(root, "Payer"), "Requester") != 0)
        return true;
    if (!agrees(call))
        return fault_set(error, FAULT_ACCESS_DENIED, "Access Denied");
    call->charged = true;
    return true;
}
