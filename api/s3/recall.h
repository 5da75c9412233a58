/* Small objects that are asked for again and again: the replies to GetObject, remembered while
 * nothing is written (api/reply_cache.h). Reading the store costs several times what the rest of
 * such a request does. Derived data. */
#pragma once

#include "api/reply_cache.h"
#include "api/s3/s3.h"

ReplyCache *recall_new(void);

/* What the reply to a call depends on, beside the store; NULL: on too much to be worth it. */
const char *recall_key(const S3Call *call);
bool recall_find(ReplyCache *replies, const char *key, uint64_t version, S3Call *call);
/* version: of before anything was read for it. */
void recall_add(ReplyCache *replies, const char *key, uint64_t version, S3Call *call);
