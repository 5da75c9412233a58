/* The table of operations, and which of them a request means. */
#pragma once

#include "api/s3/s3.h"

#define OPERATION(Name, function, method, level, subresource, header, action, version_action,      \
                  acl_of, acl, body, kind, prepare)                                                \
    bool s3_##function(S3Call *call, GError **error);
#include "api/s3/operations.def"
#include "api/s3/control.def"
#undef OPERATION

/* Reads what the headers say of the object to be made into call->state (api/s3/put.h). */
bool s3_prepare_put(S3Call *call, GError **error);
/* The part that ?partNumber and ?uploadId are about; what its bytes are to be encrypted with and
 * summed up by, into call->blob. */
bool s3_prepare_part(S3Call *call, GError **error);
/* The object's checksum, which the headers of CompleteMultipartUpload tell. */
bool s3_prepare_complete(S3Call *call, GError **error);

/* The operation, or the fault MethodNotAllowed or NotImplemented. Pure. */
const S3Operation *s3_operation_find(const S3Call *call, GError **error);
/* Whether that query parameter selects an operation, rather than modifying one. */
bool s3_is_subresource(const char *name);
