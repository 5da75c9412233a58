/* Signing keys of Version 4, by access key, date, region and service: deriving one costs four
 * HMACs, more than the rest of a verification. Derived data: it can be dropped at any time.
 * Thread-safe, bounded. */
#pragma once

#include "api/signature/signature.h"

typedef struct KeyCache KeyCache;

KeyCache *key_cache_new(void);
void key_cache_free(KeyCache *cache); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KeyCache, key_cache_free)

/* The key that secret gives for the claim's scope, from the cache or derived. True when it came
 * from the cache. */
bool key_cache_get(KeyCache *cache, Arena *arena, const Claim *claim, const char *secret,
                   uint8_t ret_key[SHA256_SIZE]);
/* Keeps a key whose signature was right: strangers cannot fill the cache. */
void key_cache_put(KeyCache *cache, Arena *arena, const Claim *claim, const char *secret,
                   const uint8_t key[SHA256_SIZE]);
