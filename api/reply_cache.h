/* Rendered replies of READ actions, remembered while nothing is written: derived data, which may be
 * forgotten at any time.
 *
 * A reply belongs to a version of the store (store/store.h: store_version), taken before anything
 * was read for it; it is found only while the store has still that version. So what was
 * acknowledged before a request came is in its reply, remembered or not. Thread-safe. */
#pragma once

#include "api/http.h"
#include <stdint.h>

typedef struct ReplyCache ReplyCache;

ReplyCache *reply_cache_new(void);
void reply_cache_free(ReplyCache *cache); /* NULL is fine; replies given out stay good */

/* Fills in the reply's shared body when there is one of that key and version. */
bool reply_cache_find(ReplyCache *cache, const char *key, uint64_t version, HttpReply *reply);

/* Makes the reply's body a shared one and remembers it, if it is worth that: long enough, and not
 * so long that it would crowd out everything else. */
void reply_cache_add(ReplyCache *cache, const char *key, uint64_t version, HttpReply *reply);
