/* Which bucket and key a request means: by its path ("/bucket/key") or by its Host
 * ("bucket.s3.…", "bucket.localhost"). Pure. Source: "Virtual hosting of buckets" (Amazon S3 User
 * Guide). */
#pragma once

#include "api/http.h"

typedef struct S3Address {
    const char *bucket; /* NULL: the service itself */
    const char *key;    /* decoded; NULL: the bucket itself */
    bool virtual_host;  /* the bucket was in the Host header */
    bool website;       /* the host is a website endpoint's */
} S3Address;

/* Fault InvalidURI: the path is not percent-encoded UTF-8, or has a NUL. */
bool s3_address_read(Arena *arena, const HttpRequest *request, S3Address *ret_address,
                     GError **error);

/* A piece of a path without its percent-encoding. Fault InvalidURI, as above. */
bool s3_path_decode(Arena *arena, const char *text, size_t size, const char **ret_text,
                    GError **error);

/* Whether a request is for S3 and not for a service of the Query protocol: by its signature's
 * scope, its host, its action, its path, in this order. */
bool s3_is_meant(const HttpRequest *request);
