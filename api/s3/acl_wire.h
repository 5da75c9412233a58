/* ACLs as replies show them. Requests': s3_acl_from_headers, s3_acl_from_document (access.h). */
#pragma once

#include "api/s3/s3.h"

/* The reply is the <AccessControlPolicy> of something that the account owns. acl as records keep
 * it. */
bool s3_acl_reply(S3Call *call, Txn *txn, const char *owner_account_id, const char *acl,
                  GError **error);
