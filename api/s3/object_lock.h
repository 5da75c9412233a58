/* Object lock: retention and legal hold of objects, by header, by document, by the bucket's
 * default. Source: "Locking objects with Object Lock" (Amazon S3 User Guide). */
#pragma once

#include "api/s3/s3.h"

/* Sets lock_mode, retain_until and legal_hold of an object to be made in call->bucket, from
 * x-amz-object-lock-* or the bucket's default retention. Faults InvalidRequest, InvalidArgument. */
bool s3_lock_from_headers(S3Call *call, Txn *txn, Object *object, GError **error);
/* Adds the x-amz-object-lock-* headers. */
void s3_lock_reply(S3Call *call, const Object *object);
/* Whether the request asks to bypass governance mode and its caller may do so. object: the version.
 * Faults as of s3_check_access_to. */
bool s3_lock_bypass(S3Call *call, Txn *txn, const Bucket *bucket, const Object *object,
                    bool *ret_bypass, GError **error);
