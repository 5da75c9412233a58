/* Cross-origin requests: which rule of a bucket's configuration is for one, and what browsers are
 * told. Source: "How does Amazon S3 evaluate the CORS configuration on a bucket?" (S3 User Guide).
 */
#pragma once

#include "api/s3/document.h"
#include "api/s3/s3.h"

/* Preflight requests: the route takes this operation for every request with method OPTIONS, at
 * bucket and object level, whatever its parameters. Nobody signs them. */
extern const S3Operation s3_preflight_operation;

/* Adds the headers for a request with an Origin header, when a rule of its bucket's allows origin
 * and method; else none. Also for refusals, even those before the bucket was looked for. Not for
 * preflights. Never fails; call->txn NULL: begins one that reads. */
void s3_cors_decorate(S3Call *call);

/* What is asked: a preflight has headers ("a, b", NULL: none) too. */
typedef struct CorsRequest {
    const char *origin, *method, *headers;
} CorsRequest;

/* The first rule that allows it; NULL: none. Pure. */
const XmlNode *cors_find_rule(const XmlNode *configuration, const CorsRequest *request);
/* Whether a pattern with at most one '*' fits. Pure. */
bool cors_pattern_fits(const char *pattern, const char *text, bool ignore_case);
