/* Cross-origin requests. Invariant: the first rule that allows a request decides alone. */
#include "api/s3/cors.h"

#include "api/s3/configuration.h"
#include "base/fault.h"
#include <string.h>

#define ID_MAX 255
#define CONFIGURATION_MAX (64 * 1024) /* bytes of the document */

static bool same(const char *a, const char *b, size_t n, bool ignore_case)
{
    return ignore_case ? g_ascii_strncasecmp(a, b, n) == 0 : strncmp(a, b, n) == 0;
}

bool cors_pattern_fits(const char *pattern, const char *text, bool ignore_case)
{
    size_t size = strlen(text), before = strcspn(pattern, "*");
    if (!pattern[before])
        return size == before && same(pattern, text, size, ignore_case);
    size_t behind = strlen(pattern + before + 1);
    return size >= before + behind && same(pattern, text, before, ignore_case) &&
           same(pattern + before + 1, text + size - behind, behind, ignore_case);
}

static const XmlNode *find_fitting(const XmlNode *rule, const char *name, const char *text,
                                   bool ignore_case)
{
    XML_EACH (pattern, rule, name) {
        if (cors_pattern_fits(pattern->text, text, ignore_case))
            return pattern;
    }
    return NULL;
}

static bool allows_headers(const XmlNode *rule, const char *headers)
{
    if (!headers)
        return true;
    g_auto(GStrv) names = g_strsplit(headers, ",", -1);
    for (char **name = names; *name; name++) {
        if (*g_strstrip(*name) && !find_fitting(rule, "AllowedHeader", *name, true))
            return false;
    }
    return true;
}

const XmlNode *cors_find_rule(const XmlNode *configuration, const CorsRequest *request)
{
    XML_EACH (rule, configuration, "CORSRule") {
        if (find_fitting(rule, "AllowedOrigin", request->origin, false) &&
            find_fitting(rule, "AllowedMethod", request->method, false) &&
            allows_headers(rule, request->headers))
            return rule;
    }
    return NULL;
}

/* ---- putting ---- */

static bool check_wildcards(const XmlNode *rule, const char *name, GError **error)
{
    XML_EACH (pattern, rule, name) {
        const char *star = strchr(pattern->text, '*');
        if (star && strchr(star + 1, '*'))
            return fault_set(error, FAULT_INVALID_REQUEST,
                             "%s \"%s\" can not have more than one wildcard.", name, pattern->text);
    }
    return true;
}

static bool check_rule(const XmlNode *rule, GError **error)
{
    static const char *const methods[] = {"GET", "PUT", "HEAD", "POST", "DELETE", NULL};
    const char *id = xml_child_text(rule, "ID");
    if (id && strlen(id) > ID_MAX)
        return fault_set(error, FAULT_INVALID_REQUEST,
                         "The rule ID cannot be longer than %d characters.", ID_MAX);
    XML_EACH (method, rule, "AllowedMethod") {
        if (!g_strv_contains(methods, method->text))
            return fault_set(error, FAULT_INVALID_REQUEST,
                             "Found unsupported HTTP method in CORS config. Unsupported method is "
                             "%s",
                             method->text);
    }
    XML_EACH (header, rule, "ExposeHeader") {
        if (strchr(header->text, '*'))
            return fault_set(error, FAULT_INVALID_REQUEST,
                             "ExposeHeader \"%s\" contains wildcard. We currently do not support "
                             "wildcard for ExposeHeader.",
                             header->text);
    }
    return check_wildcards(rule, "AllowedOrigin", error) &&
           check_wildcards(rule, "AllowedHeader", error);
}

bool s3_cors_check(S3Call *call, Txn *txn, Bucket *bucket, XmlNode *root, GError **error)
{
    if (call->document_size > CONFIGURATION_MAX)
        return fault_set(error, FAULT_MAX_MESSAGE_LENGTH_EXCEEDED, "Your request was too big.");
    XML_EACH (rule, root, "CORSRule") {
        if (!check_rule(rule, error))
            return false;
    }
    return true;
}

/* ---- replying ---- */

/* NULL: there are none. */
static const char *joined(Arena *arena, const XmlNode *rule, const char *name)
{
    g_auto(Buffer) text = {0};
    XML_EACH (item, rule, name) {
        if (text.size > 0)
            buffer_add_text(&text, ", ");
        buffer_add_text(&text, item->text);
    }
    return text.size > 0 ? arena_strndup(arena, text.data, text.size) : NULL;
}

static void allow(S3Call *call, const XmlNode *rule, const CorsRequest *request)
{
    const XmlNode *origin = find_fitting(rule, "AllowedOrigin", request->origin, false);
    bool any = strcmp(origin->text, "*") == 0;
    s3_reply_header(call, "Access-Control-Allow-Origin", any ? "*" : request->origin);
    s3_reply_header(call, "Access-Control-Allow-Methods",
                    joined(call->arena, rule, "AllowedMethod"));
    if (request->headers)
        s3_reply_header(call, "Access-Control-Allow-Headers", request->headers);
    s3_reply_header(call, "Access-Control-Expose-Headers",
                    joined(call->arena, rule, "ExposeHeader"));
    s3_reply_header(call, "Access-Control-Max-Age", xml_child_text(rule, "MaxAgeSeconds"));
    if (!any)
        s3_reply_header(call, "Access-Control-Allow-Credentials", "true");
    s3_reply_header(call, "Vary",
                    "Origin, Access-Control-Request-Headers, Access-Control-Request-Method");
}

static bool forbidden(S3Call *call, const CorsRequest *request, const char *message, GError **error)
{
    s3_detail(call, "Method", request->method);
    s3_detail(call, "ResourceType", call->key ? "OBJECT" : "BUCKET");
    return fault_set(error, FAULT_CORS_FORBIDDEN, "CORSResponse: %s", message);
}

static bool answer_preflight(S3Call *call, GError **error)
{
    const CorsRequest request = {
        .origin = s3_header(call, "Origin"),
        .method = s3_header(call, "Access-Control-Request-Method"),
        .headers = s3_header(call, "Access-Control-Request-Headers"),
    };
    XmlNode *configuration;
    g_assert(call->bucket);
    if (!request.origin || !*request.origin)
        return fault_set(error, FAULT_BAD_REQUEST,
                         "Insufficient information. Origin request header needed.");
    if (!request.method)
        return fault_set(error, FAULT_BAD_REQUEST, "Invalid Access-Control-Request-Method: null");
    if (!s3_configuration_find(call, call->txn, call->bucket, DOCUMENT_CORS, &configuration, error))
        return false;
    if (!configuration)
        return forbidden(call, &request, "CORS is not enabled for this bucket.", error);
    const XmlNode *rule = cors_find_rule(configuration, &request);
    if (!rule)
        return forbidden(call, &request,
                         "This CORS request is not allowed. This is usually because the evalution "
                         "of Origin, request method / Access-Control-Request-Method or "
                         "Access-Control-Request-Headers are not whitelisted by the resource's "
                         "CORS spec.",
                         error);
    allow(call, rule, &request);
    s3_reply_empty(call, 200);
    return true;
}

const S3Operation s3_preflight_operation = {
    .name = "Preflight",
    .method = "OPTIONS",
    .level = S3_BUCKET,
    .acl_of = S3_ACL_NOBODY,
    .body = S3_NO_BODY,
    .kind = READ,
    .handle = answer_preflight,
};

/* A request may be refused before its bucket was looked for. */
static bool decorate(S3Call *call, Txn *txn, const CorsRequest *request, GError **error)
{
    XmlNode *configuration;
    if (!call->bucket && !bucket_get(txn, call->arena, call->bucket_name, &call->bucket, error))
        return false;
    if (!call->bucket)
        return true;
    if (!s3_configuration_find(call, txn, call->bucket, DOCUMENT_CORS, &configuration, error))
        return false;
    const XmlNode *rule = configuration ? cors_find_rule(configuration, request) : NULL;
    if (rule)
        allow(call, rule, request);
    return true;
}

void s3_cors_decorate(S3Call *call)
{
    const CorsRequest request = {.origin = s3_header(call, "Origin"), .method = call->http->method};
    if (!request.origin || !call->bucket_name ||
        (call->bucket && !bucket_has_document(call->bucket, DOCUMENT_CORS)))
        return;
    g_autoptr(GError) error = NULL;
    g_autoptr(Txn) txn = NULL;
    bool ok = (call->txn || txn_begin_read(cloud_store(call->s3->cloud), &txn, &error)) &&
              decorate(call, call->txn ? call->txn : txn, &request, &error);
    if (!ok)
        g_warning("CORS of bucket %s: %s", call->bucket_name, error->message);
}
