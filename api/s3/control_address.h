/* S3 Control: which bucket the path "/v20180820/tags/ARN" is about. Pure. Source:
 * ListTagsForResource (Amazon S3 API Reference), "Amazon S3 resources" (Service Authorization
 * Reference). */
#pragma once

#include "api/http.h"

/* "arn:aws:s3:::bucket", or "arn:aws:s3:REGION:ACCOUNT:bucket/NAME". */
typedef struct S3ControlAddress {
    const char *bucket;      /* NULL: something else than the tags of a resource is asked for */
    const char *region;      /* "": the ARN does not say */
    const char *account_id;  /* "": likewise */
    const char *caller_says; /* x-amz-account-id: whom the caller means as the bucket's owner */
} S3ControlAddress;

/* Whether a request for S3 is for S3 Control. A bucket may be named like its path begins, or like
 * the account in its host ("123456789012.localhost"): the header x-amz-account-id, which S3 does
 * not have, or the host s3-control.… makes the difference. */
bool s3_control_is_meant(const HttpRequest *request);

/* Faults InvalidURI, InvalidRequest (no ARN, no account), NotImplemented (another kind of
 * resource). */
bool s3_control_address_read(Arena *arena, const HttpRequest *request,
                             S3ControlAddress *ret_address, GError **error);
