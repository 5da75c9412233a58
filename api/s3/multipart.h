/* What the operations of multipart uploads share. */
#pragma once

#include "api/s3/s3.h"

/* The upload of ?uploadId in call->bucket_name and of call->key. Faults NoSuchBucket,
 * NoSuchUpload. */
bool s3_upload_find(S3Call *call, Txn *txn, Upload **ret_upload, GError **error);

/* <Initiator> of an upload. */
void s3_xml_initiator(Buffer *xml, const Upload *upload);
