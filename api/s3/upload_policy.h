/* Upload policies that EC2 is given, so that it may put parts of a bundle: as a POST form's
 * (api/s3/post_policy.h), for the ACL "ec2-bundle-read" and keys that begin with a prefix. */
#pragma once

#include "api/action.h"

typedef struct UploadPolicy {
    const char *text;      /* base64 of JSON, as it is signed */
    const char *signature; /* base64 of HMAC-SHA1 of text */
    const char *access_key_id;
} UploadPolicy;

/* Whether it was signed with that key and lets its holder put objects with that prefix into that
 * bucket now. *ret_signer: who that is. Faults: AuthFailure, InvalidParameterValue. The calling
 * thread has no transaction. */
bool s3_check_upload_policy(const Call *call, const UploadPolicy *policy, const char *bucket,
                            const char *prefix, Caller *ret_signer, GError **error);
