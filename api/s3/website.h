/* Website endpoints: objects as pages, with index and error documents, redirects and errors in
 * HTML. Source: "Hosting a static website using Amazon S3" (Amazon S3 User Guide). */
#pragma once

#include "api/s3/document.h"
#include "api/s3/s3.h"

/* The route takes this operation for every request whose host is a website endpoint's, at bucket
 * and object level, whatever its method and parameters. Nobody signs them. */
extern const S3Operation s3_website_operation;
/* Refusals of such a request, in HTML: instead of s3_answer_error(). Troubles are left to that. */
void s3_website_answer_error(S3Call *call, const GError *error);

typedef struct WebsiteRedirect {
    unsigned status;
    const char *location;
} WebsiteRedirect;

/* Where a configuration sends a request for a key ("": the root) to host. status 0: before the
 * object is looked for; else the HTTP status of why it cannot be had. False: nowhere. Pure. */
bool website_find_redirect(Arena *arena, const XmlNode *configuration, const char *host,
                           const char *key, unsigned status, WebsiteRedirect *ret_redirect);
/* The key that stands for a page: with the index document's name behind a slash. Pure. */
const char *website_page_key(Arena *arena, const XmlNode *configuration, const char *key);
/* What the schema cannot say. Faults InvalidArgument, InvalidRequest. Pure. */
bool website_check(const XmlNode *configuration, GError **error);
