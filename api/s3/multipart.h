/* What the operations of multipart uploads share. */
#pragma once

#include "api/s3/s3.h"

/* The upload of ?uploadId, in that bucket and of call->key. Faults NoSuchUpload; AccessDenied: it
 * is neither of the caller's account nor is the bucket. */
bool s3_upload_find(S3Call *call, Txn *txn, const Bucket *bucket, Upload **ret_upload,
                    GError **error);
