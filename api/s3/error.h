/* S3's error document, and S3 Control's. Source: "Error responses" (Amazon S3 API Reference). */
#pragma once

#include "api/s3/s3.h"

/* Fills the reply with a refusal: code, message, call->details, resource, ids. Troubles are logged,
 * once, and are InternalError to the client, or ServiceUnavailable when the disk is full. */
void s3_answer_error(S3Call *call, const GError *error);
