/* PostObject: an object from a browser's form. */
#pragma once

#include "api/s3/s3.h"

/* The fields of the form are there and the file begins: believes the form's signature, checks its
 * policy and the caller's access, and reads what the fields say of the object as if they were
 * headers. Sets call->key, call->http, call->signature, call->state. Event thread. */
bool s3_post_begin(S3Call *call, const Params *fields, GError **error);
/* So many bytes of the file have come. Fault EntityTooLarge: more than the policy allows. */
bool s3_post_check_size(const S3Call *call, uint64_t size, GError **error);
