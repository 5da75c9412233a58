/* Requester Pays. Source: "Using Requester Pays general purpose buckets for storage transfers and
 * usage" (Amazon S3 User Guide). */
#pragma once

#include "api/s3/s3.h"

/* Whoever asks for something in another account's bucket must say that he pays, if the bucket wants
 * it so; anonymous callers cannot. Fault AccessDenied. Sets call->charged. In a transaction that
 * reads. */
bool s3_requester_check(S3Call *call, Txn *txn, const Bucket *bucket, GError **error);
