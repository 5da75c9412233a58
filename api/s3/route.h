/* The route of S3: streams bodies, sends files. */
#pragma once

#include "api/reply_cache.h"
#include "api/s3/s3.h"

typedef struct S3Route {
    Route route;
    S3Config config;
    ReplyCache *replies; /* api/s3/recall.h */
    uint64_t seed;       /* of request ids */
} S3Route;

/* What config points to must outlive it; the structure itself is copied. */
void s3_route_init(S3Route *route, const S3Config *config);
void s3_route_clear(S3Route *route); /* once no request is under way */
