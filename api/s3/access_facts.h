/* What policies can ask about a request to S3. */
#pragma once

#include "api/s3/s3.h"
#include "cloud/policy.h"

/* What a request wants to be so, in words of headers: of an operation that takes it from its body,
 * what the document said. NULL: nothing of it. */
struct S3Said {
    const char *tags; /* as in x-amz-tagging */
    const char *lock_mode, *retain_until, *legal_hold;
    const char *location; /* where a bucket is to be */
};

/* Whether conditions may ask for what the body of this operation says. */
bool s3_body_says(const S3Operation *operation);
/* Makes call->said of call->document; of one that is wrong, which is its handler's to refuse,
 * nothing. */
void s3_body_read_said(S3Call *call);

/* Adds the facts: who asks, from where, how it was signed, what its headers and parameters say,
 * what the bucket and the object (NULL: none) are. Source: "Actions, resources, and condition keys
 * for Amazon S3" (Service Authorization Reference). */
void s3_access_facts(const S3Call *call, const Bucket *bucket, const Object *object,
                     PolicyRequest *request);
