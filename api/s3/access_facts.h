/* What policies can ask about a request to S3. */
#pragma once

#include "api/s3/s3.h"
#include "cloud/policy.h"

/* Adds the facts: who asks, from where, how it was signed, what its headers and parameters say,
 * what the bucket and the object (NULL: none) are. Source: "Actions, resources, and condition keys
 * for Amazon S3" (Service Authorization Reference). */
void s3_access_facts(const S3Call *call, const Bucket *bucket, const Object *object,
                     PolicyRequest *request);
