/* Access keys as they were last read: every request needs one, and a reader's first look at the
 * store after a commit costs more than the rest of the request. Derived data, which may be
 * forgotten at any time. Thread-safe. Private to cloud/. */
#pragma once

#include "store/record.h"

typedef struct KnownKeys KnownKeys;

KnownKeys *known_keys_new(Store *store);
void known_keys_free(KnownKeys *keys); /* NULL is fine */

/* As access_key_get of a transaction that begins now. */
bool known_keys_get(KnownKeys *keys, Arena *arena, const char *id, AccessKey **ret_key,
                    GError **error);
