/* S3 Control: tags of buckets, named by their ARN. Newer clients use them instead of
 * PutBucketTagging and its like; both see the same tags. Its handlers are in api/s3/control.def. */
#pragma once

#include "api/s3/s3.h"

/* Whether the bucket is what the ARN and the account that the caller says mean. Faults
 * AccessDenied, NoSuchBucket. */
bool s3_control_check_bucket(const S3Call *call, GError **error);
