/* Replies that only depend on the store, remembered while nothing is written: derived data, which
 * may be forgotten at any time.
 *
 * A reply belongs to a version of the store (store/store.h: store_version), taken before anything
 * was read for it; it is found only while the store has still that version. So what was
 * acknowledged before a request came is in its reply, remembered or not. Thread-safe. */
#pragma once

#include "api/http.h"
#include <stdint.h>

typedef struct ReplyCache ReplyCache;

/* least: bytes of a body; a shorter reply is not worth remembering, since it is made as fast as it
 * is found. with_ids: bodies show their request's id, once. */
ReplyCache *reply_cache_new(size_t least, bool with_ids);
void reply_cache_free(ReplyCache *cache); /* NULL is fine; replies given out stay good */

/* Memory for a reply's body that a forgotten one leaves, so that a large reply need not be given
 * fresh pages by the kernel each time. body must be empty. */
void reply_cache_lend(ReplyCache *cache, Buffer *body);
/* Takes back what a body did not need; before reply_cache_add. */
void reply_cache_fit(ReplyCache *cache, Buffer *body);

/* Fills in the reply's shared body and adds its headers, copied into the arena, when there is one
 * of that key and version; status and ids stay the caller's. */
bool reply_cache_find(ReplyCache *cache, Arena *arena, const char *key, uint64_t version,
                      HttpReply *reply);

/* Makes the reply's body a shared one and remembers it with its headers, if it is worth that: long
 * enough, and not so long that it would crowd out everything else. */
void reply_cache_add(ReplyCache *cache, const char *key, uint64_t version, HttpReply *reply);
