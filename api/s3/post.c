/* PostObject.
 *
 * Invariant: a form's fields are believed only after its signature was right, and do nothing that
 * the same headers of a PUT could not. */
#include "api/s3/post.h"

#include "api/s3/access.h"
#include "api/s3/operations.h"
#include "api/s3/post_policy.h"
#include "api/s3/put.h"
#include "api/s3/tagging.h"
#include "api/signature/canonical.h"
#include "base/fault.h"
#include <string.h>

typedef struct Post {
    S3Put *put;
    const Params *fields;
    PostPolicySize size;
} Post;

/* Fields whose header has another name. */
static const char *header_of(const char *field)
{
    return strcmp(field, "acl") == 0 ? "x-amz-acl" : field;
}

/* The field holds a document; *ret_tags: the same as the header has it, NULL without. */
static bool read_tags(S3Call *call, const Params *fields, const char **ret_tags, GError **error)
{
    const char *text = params_get(fields, "tagging");
    XmlNode *root;
    *ret_tags = NULL;
    return !text || (xml_parse(call->arena, text, strlen(text), &root, error) &&
                     document_check(root, "Tagging", error) &&
                     s3_tags_from_document(call->arena, xml_child(root, "TagSet"), OBJECT_TAGS_MAX,
                                           ret_tags, error));
}

/* The request as a PUT would have said it: only what describes an object. */
static bool as_put(S3Call *call, const Params *fields, const HttpRequest **ret_http, GError **error)
{
    static const char *const kept[] = {"host", "user-agent", "referer", "origin"};
    const char *tags;
    if (!read_tags(call, fields, &tags, error))
        return false;
    HttpRequest *http = arena_memdup(call->arena, call->http, sizeof(*http));
    Header *headers =
        arena_alloc(call->arena, (fields->n + G_N_ELEMENTS(kept) + 1) * sizeof(*headers));
    size_t n = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(kept); i++) {
        const char *value = s3_header(call, kept[i]);
        if (value)
            headers[n++] = (Header){kept[i], value};
    }
    if (tags)
        headers[n++] = (Header){"x-amz-tagging", tags};
    for (size_t i = 0; i < fields->n; i++)
        headers[n++] = (Header){header_of(fields->items[i].name), fields->items[i].value};
    http->headers = headers;
    http->n_headers = n;
    *ret_http = http;
    return true;
}

static bool check_policy(S3Call *call, const Params *fields, Post *post, GError **error)
{
    const char *policy;
    post->size = (PostPolicySize){0, INT64_MAX};
    if (!verifier_check_form(call->s3->verifier, call->arena, fields, &call->signature, &policy,
                             error))
        return false;
    return !policy || post_policy_check(call->arena, policy, fields, call->bucket_name,
                                        s3_now(call), &post->size, error);
}

/* Whoever signed the request itself has not signed the form. */
static bool find_caller(S3Call *call, GError **error)
{
    call->caller_id = call->caller_name = NULL;
    return call->signature.anonymous ||
           s3_account_identity(call, call->txn, call->signature.caller.account_id, &call->caller_id,
                               &call->caller_name, error);
}

static bool begin(S3Call *call, const Params *fields, Post *post, GError **error)
{
    const char *key = params_get(fields, "key");
    if (!key || !*key) {
        s3_detail(call, "ArgumentName", "key");
        return fault_set(
            error, FAULT_INVALID_ARGUMENT,
            "Bucket POST must contain a field named 'key'.  If it is specified, please "
            "check the order of the fields.");
    }
    call->key = key;
    return object_check_key(key, error) && check_policy(call, fields, post, error) &&
           as_put(call, fields, &call->http, error) && find_caller(call, error) &&
           s3_check_access(call, call->txn, error) && s3_put_read(call, &post->put, error);
}

bool s3_post_begin(S3Call *call, const Params *fields, GError **error)
{
    Post *post = arena_new_struct(call->arena, Post);
    post->fields = fields;
    g_autoptr(Txn) txn = NULL;
    if (!txn_begin_read(cloud_store(call->s3->cloud), &txn, error))
        return false;
    call->txn = txn;
    bool ok = begin(call, fields, post, error);
    call->txn = NULL;
    call->state = post;
    return ok;
}

bool s3_post_check_size(const S3Call *call, uint64_t size, GError **error)
{
    const Post *post = call->state;
    return post_policy_check_most(&post->size, (int64_t)size, error);
}

/* ---- the reply ---- */

static char *encoded(Arena *arena, const char *text, bool keep_slashes)
{
    g_auto(Buffer) out = {0};
    canonical_encode(&out, text, strlen(text), keep_slashes);
    return arena_strdup(arena, buffer_text(&out));
}

static const char *location_of(S3Call *call)
{
    const char *host = s3_header(call, "host");
    const char *key = encoded(call->arena, call->key, false), *scheme = http_scheme(call->http);
    return call->virtual_host ? arena_printf(call->arena, "%s://%s/%s", scheme, host, key)
                              : arena_printf(call->arena, "%s://%s/%s/%s", scheme,
                                             host ? host : "localhost", call->bucket_name, key);
}

/* NULL: it asks for no redirect, or for one that goes nowhere. */
static const char *redirect_of(S3Call *call, const Post *post, const char *etag)
{
    const char *to = params_get(post->fields, "success_action_redirect");
    if (!to)
        to = params_get(post->fields, "redirect");
    if (!to || (!g_str_has_prefix(to, "http://") && !g_str_has_prefix(to, "https://")))
        return NULL;
    return arena_printf(call->arena, "%s%sbucket=%s&key=%s&etag=%%22%s%%22", to,
                        strchr(to, '?') ? "&" : "?", call->bucket_name,
                        encoded(call->arena, call->key, false), etag);
}

static void show_created(S3Call *call, const char *location, const char *etag)
{
    Buffer *xml = &call->reply->body;
    buffer_add_text(xml, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<PostResponse>");
    s3_xml_text(xml, "Location", location);
    s3_xml_text(xml, "Bucket", call->bucket_name);
    s3_xml_text(xml, "Key", call->key);
    s3_xml_etag(xml, "ETag", etag);
    s3_xml_close(xml, "PostResponse");
    call->reply->content_type = "application/xml";
}

static void reply(S3Call *call, const Post *post)
{
    const char *etag = post->put->object.etag;
    const char *redirect = redirect_of(call, post, etag);
    const char *status = params_get(post->fields, "success_action_status");
    const char *location = location_of(call);
    if (redirect) {
        s3_reply_header(call, "Location", redirect);
        s3_reply_empty(call, 303);
        return;
    }
    s3_reply_header(call, "Location", location);
    bool created = g_strcmp0(status, "201") == 0;
    if (created)
        show_created(call, location, etag);
    s3_reply_empty(call, created ? 201 : g_strcmp0(status, "200") == 0 ? 200 : 204);
}

bool s3_post_object(S3Call *call, GError **error)
{
    const Post *post = call->state;
    if (!post_policy_check_most(&post->size, (int64_t)call->bytes->size, error) ||
        !post_policy_check_least(&post->size, (int64_t)call->bytes->size, error) ||
        !s3_put_bytes(call, post->put, error))
        return false;
    reply(call, post);
    return true;
}
