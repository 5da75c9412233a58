/* Which replies may be remembered. Invariant: a key stands for everything but the store that
 * decides about the reply: who asks, for what, and no header or parameter that could change the
 * answer. */
#include "api/s3/recall.h"

#include "api/s3/operations.h"
#include "api/s3/restore.h"
#include <strings.h>

ReplyCache *recall_new(void)
{
    return reply_cache_new(0, false);
}

/* Parameters that only sign. */
static bool is_signing(const char *name)
{
    return g_str_has_prefix(name, "X-Amz-") || strcmp(name, "AWSAccessKeyId") == 0 ||
           strcmp(name, "Signature") == 0 || strcmp(name, "Expires") == 0 ||
           strcmp(name, "x-id") == 0;
}

/* Headers that no answer depends on once the signature is right, of those that clients send. */
static bool is_harmless(const char *name)
{
    static const char *const names[] = {"accept",
                                        "accept-encoding",
                                        "amz-sdk-invocation-id",
                                        "amz-sdk-request",
                                        "authorization",
                                        "cache-control",
                                        "connection",
                                        "content-length",
                                        "content-type",
                                        "date",
                                        "host",
                                        "user-agent",
                                        "x-amz-content-sha256",
                                        "x-amz-date",
                                        "x-amz-user-agent"};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        if (strcasecmp(name, names[i]) == 0)
            return true;
    }
    return false;
}

static bool is_plain(const S3Call *call)
{
    for (size_t i = 0; i < call->params.n; i++) {
        if (!is_signing(call->params.items[i].name))
            return false;
    }
    for (size_t i = 0; i < call->http->n_headers; i++) {
        if (!is_harmless(call->http->headers[i].name))
            return false;
    }
    return true;
}

const char *recall_key(const S3Call *call)
{
    if (call->operation->handle != s3_get_object || call->website || !is_plain(call))
        return NULL;
    const char *who = call->signature.anonymous ? "" : call->signature.caller.arn;
    size_t sizes[] = {strlen(who), strlen(call->bucket_name), strlen(call->key)};
    char *key = arena_alloc(call->arena, sizes[0] + sizes[1] + sizes[2] + 3), *to = key;
    const char *parts[] = {who, call->bucket_name, call->key};
    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
        to = mempcpy(to, parts[i], sizes[i]);
        *to++ = '\n';
    }
    to[-1] = '\0';
    return key;
}

bool recall_find(ReplyCache *replies, const char *key, uint64_t version, S3Call *call)
{
    if (!reply_cache_find(replies, call->arena, key, version, call->reply))
        return false;
    call->reply->status = 200;
    return true;
}

/* Policies look at more than who asks, and at the time; so do the caller's own. What was restored
 * is so for a time. */
static bool depends_on_more(const S3Call *call)
{
    return bucket_has_document(call->bucket, DOCUMENT_POLICY) ||
           (!call->signature.anonymous && caller_user_name(&call->signature.caller)) ||
           object_header(call->arena, call->object->headers, RESTORE_HEADER);
}

void recall_add(ReplyCache *replies, const char *key, uint64_t version, S3Call *call)
{
    const HttpReply *reply = call->reply;
    if (reply->status == 200 && reply->kind == BODY_BUFFER && reply->body.size <= BLOB_INLINE_MAX &&
        !depends_on_more(call))
        reply_cache_add(replies, key, version, call->reply);
}
