/* Lifecycle configurations: what they may say, the rules that they are, and what replies tell of
 * them. */
#pragma once

#include "api/s3/document.h"
#include "api/s3/s3.h"
#include "imagestore/lifecycle.h"

/* A LifecycleReader (imagestore/lifecycle.h). */
bool s3_lifecycle_read(Arena *arena, const char *body, List *rules, GError **error);
/* What the schema cannot say. Faults MalformedXML, InvalidArgument, InvalidRequest. Pure. */
bool lifecycle_document_check(const XmlNode *configuration, GError **error);

/* Adds x-amz-expiration to the reply that showed, or made, a current version. Never fails;
 * call->txn NULL: begins a transaction that reads, when there are rules at all. */
void s3_expiration_reply(S3Call *call, const Bucket *bucket, const Object *object);
/* The same of an upload: x-amz-abort-date and x-amz-abort-rule-id. */
void s3_abortion_reply(S3Call *call, const Bucket *bucket, const Upload *upload);
