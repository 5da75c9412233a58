/* The body of a request, as it comes: aws-chunked is decoded, bytes go to a blob or a document, and
 * all digests that the client gave (Content-MD5, x-amz-content-sha256, x-amz-checksum-*, in headers
 * or in a trailer) are verified at the end. Memory is bounded whatever the body's size. */
#pragma once

#include "api/s3/s3.h"

typedef struct Intake Intake;

/* Reads what the headers say about the body. Faults: MissingContentLength, EntityTooLarge,
 * InvalidDigest, InvalidRequest … */
bool intake_new(S3Call *call, Exchange *exchange, Intake **ret_intake, GError **error);
void intake_free(Intake *intake); /* NULL is fine; call->writer stays */
/* Event thread; may pause the exchange. */
bool intake_take(Intake *intake, const char *data, size_t size, GError **error);
/* The body is over; worker, or event thread for documents. Fills call->document or call->bytes, and
 * call->checksum. Faults: BadDigest, XAmzContentSHA256Mismatch, IncompleteBody … */
bool intake_finish(Intake *intake, GError **error);
