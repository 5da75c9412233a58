/* Website endpoints. Invariant: whoever asks gets what an anonymous reader may have, and nothing
 * else. */
#include "api/s3/website.h"

#include "api/s3/access.h"
#include "api/s3/configuration.h"
#include "api/s3/error.h"
#include "api/s3/operations.h"
#include "base/fault.h"
#include <string.h>

#define RULES_MAX 50

/* ---- putting ---- */

static bool check_protocol(const XmlNode *redirect, GError **error)
{
    const char *protocol = xml_child_text(redirect, "Protocol");
    return !protocol || strcmp(protocol, "http") == 0 || strcmp(protocol, "https") == 0 ||
           fault_set(error, FAULT_INVALID_REQUEST,
                     "Invalid protocol, protocol can be http or https. If not defined the protocol "
                     "will be selected automatically.");
}

/* Three digits, the first of them one of those. */
static bool is_code(const char *text, const char *first)
{
    return strlen(text) == 3 && strchr(first, text[0]) && strspn(text, "0123456789") == 3;
}

static bool check_condition(const XmlNode *condition, GError **error)
{
    const char *code = xml_child_text(condition, "HttpErrorCodeReturnedEquals");
    if (condition && !condition->child)
        return fault_set(error, FAULT_INVALID_REQUEST,
                         "Condition cannot be empty. To redirect all requests without a condition, "
                         "the condition element shouldn't be present.");
    return !code || is_code(code, "45") ||
           fault_set(error, FAULT_INVALID_REQUEST,
                     "The provided HTTP error code (%s) is not valid. Valid codes are 4XX or 5XX.",
                     code);
}

static bool check_rule(const XmlNode *rule, GError **error)
{
    const XmlNode *redirect = xml_child(rule, "Redirect");
    const char *code = xml_child_text(redirect, "HttpRedirectCode");
    if (!redirect->child)
        return s3_malformed_xml(error);
    if (code && (!is_code(code, "3") || strcmp(code, "300") == 0))
        return fault_set(error, FAULT_INVALID_REQUEST,
                         "The provided HTTP redirect code (%s) is not valid. Valid codes are 3XX "
                         "except 300.",
                         code);
    if (xml_child(redirect, "ReplaceKeyWith") && xml_child(redirect, "ReplaceKeyPrefixWith"))
        return fault_set(error, FAULT_INVALID_REQUEST,
                         "You can only define ReplaceKeyPrefix or ReplaceKey but not both.");
    return check_protocol(redirect, error) && check_condition(xml_child(rule, "Condition"), error);
}

static bool check_rules(const XmlNode *rules, GError **error)
{
    unsigned n = 0;
    XML_EACH (rule, rules, "RoutingRule") {
        n++;
        if (!check_rule(rule, error))
            return false;
    }
    return n <= RULES_MAX ||
           fault_set(error, FAULT_INVALID_REQUEST,
                     "%u routing rules provided, the number of routing rules in a website "
                     "configuration is limited to %d.",
                     n, RULES_MAX);
}

bool website_check(const XmlNode *configuration, GError **error)
{
    const XmlNode *all = xml_child(configuration, "RedirectAllRequestsTo");
    const XmlNode *index = xml_child(configuration, "IndexDocument");
    const char *suffix = xml_child_text(index, "Suffix");
    if (all && configuration->child->next)
        return fault_set(error, FAULT_INVALID_ARGUMENT,
                         "RedirectAllRequestsTo cannot be provided in conjunction with other "
                         "Routing Rules.");
    if (all)
        return check_protocol(all, error);
    if (!index)
        return fault_set(error, FAULT_INVALID_ARGUMENT,
                         "A value for IndexDocument Suffix must be provided if "
                         "RedirectAllRequestsTo is empty");
    if (!*suffix || strchr(suffix, '/'))
        return fault_set(error, FAULT_INVALID_ARGUMENT,
                         "The IndexDocument Suffix is not well formed");
    return check_rules(xml_child(configuration, "RoutingRules"), error);
}

bool s3_website_check(S3Call *call, Txn *txn, Bucket *bucket, XmlNode *root, GError **error)
{
    return website_check(root, error);
}

/* ---- redirects ---- */

static const char *location(Arena *arena, const XmlNode *redirect, const char *host,
                            const char *key)
{
    const char *protocol = xml_child_text(redirect, "Protocol");
    const char *name = xml_child_text(redirect, "HostName");
    g_autofree char *path = g_uri_escape_string(key, "/", FALSE);
    return arena_printf(arena, "%s://%s/%s", protocol ? protocol : "http", name ? name : host,
                        path);
}

static bool rule_fits(const XmlNode *rule, const char *key, unsigned status)
{
    const XmlNode *condition = xml_child(rule, "Condition");
    const char *prefix = xml_child_text(condition, "KeyPrefixEquals");
    const char *code = xml_child_text(condition, "HttpErrorCodeReturnedEquals");
    if (prefix && !g_str_has_prefix(key, prefix))
        return false;
    return code ? status && g_ascii_strtoull(code, NULL, 10) == status : !status;
}

static const char *new_key(Arena *arena, const XmlNode *rule, const char *key)
{
    const XmlNode *redirect = xml_child(rule, "Redirect");
    const char *whole = xml_child_text(redirect, "ReplaceKeyWith");
    const char *start = xml_child_text(redirect, "ReplaceKeyPrefixWith");
    const char *prefix = xml_child_text(xml_child(rule, "Condition"), "KeyPrefixEquals");
    if (whole)
        return whole;
    return start ? arena_printf(arena, "%s%s", start, key + (prefix ? strlen(prefix) : 0)) : key;
}

bool website_find_redirect(Arena *arena, const XmlNode *configuration, const char *host,
                           const char *key, unsigned status, WebsiteRedirect *ret_redirect)
{
    const XmlNode *all = xml_child(configuration, "RedirectAllRequestsTo");
    if (all) {
        *ret_redirect = (WebsiteRedirect){301, location(arena, all, host, key)};
        return true;
    }
    XML_EACH (rule, xml_child(configuration, "RoutingRules"), "RoutingRule") {
        if (!rule_fits(rule, key, status))
            continue;
        const XmlNode *redirect = xml_child(rule, "Redirect");
        const char *code = xml_child_text(redirect, "HttpRedirectCode");
        *ret_redirect = (WebsiteRedirect){
            code ? (unsigned)g_ascii_strtoull(code, NULL, 10) : 301,
            location(arena, redirect, host, new_key(arena, rule, key)),
        };
        return true;
    }
    return false;
}

const char *website_page_key(Arena *arena, const XmlNode *configuration, const char *key)
{
    const char *suffix = xml_child_text(xml_child(configuration, "IndexDocument"), "Suffix");
    bool folder = !*key || g_str_has_suffix(key, "/");
    return folder ? arena_printf(arena, "%s%s", key, suffix) : key;
}

static void reply_redirect(S3Call *call, unsigned status, const char *to)
{
    s3_reply_header(call, "Location", to);
    s3_reply_empty(call, status);
}

/* ---- errors ---- */

static void html_item(Buffer *html, const char *name, const char *value)
{
    buffer_add_text(html, "<li>");
    xml_text(html, name);
    buffer_add_text(html, ": ");
    xml_text(html, value);
    buffer_add_text(html, "</li>\n");
}

static const char *title_of(unsigned status)
{
    static const struct {
        unsigned status;
        const char *title;
    } titles[] = {
        {400, "400 Bad Request"},         {403, "403 Forbidden"},
        {404, "404 Not Found"},           {405, "405 Method Not Allowed"},
        {412, "412 Precondition Failed"}, {416, "416 Requested Range Not Satisfiable"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(titles); i++) {
        if (titles[i].status == status)
            return titles[i].title;
    }
    return "Error";
}

/* Why the error document cannot be had either. */
typedef struct DocumentFailure {
    const char *code, *message, *key;
} DocumentFailure;

static void write_document_failure(Buffer *html, const DocumentFailure *failure)
{
    if (!failure)
        return;
    buffer_add_text(html, "<h3>An Error Occurred While Attempting to Retrieve a Custom Error "
                          "Document</h3>\n<ul>\n");
    html_item(html, "Code", failure->code);
    html_item(html, "Message", failure->message);
    html_item(html, "Key", failure->key);
    buffer_add_text(html, "</ul>\n");
}

static void write_page(S3Call *call, unsigned status, const char *code, const char *message)
{
    Buffer *html = &call->reply->body;
    const char *title = title_of(status);
    buffer_add_text(html, "<html>\n<head><title>");
    xml_text(html, title);
    buffer_add_text(html, "</title></head>\n<body>\n<h1>");
    xml_text(html, title);
    buffer_add_text(html, "</h1>\n<ul>\n");
    html_item(html, "Code", code);
    html_item(html, "Message", message);
    LIST_EACH (const S3Detail *, detail, &call->details) {
        if (detail->value)
            html_item(html, detail->name, detail->value);
    }
    html_item(html, "RequestId", call->request_id);
    html_item(html, "HostId", call->host_id);
    buffer_add_text(html, "</ul>\n");
    write_document_failure(html, call->state);
    buffer_add_text(html, "<hr/>\n</body>\n</html>\n");
}

static void reply_error_headers(S3Call *call, const char *code, const char *message)
{
    s3_reply_header(call, "x-amz-error-code", code);
    s3_reply_header(call, "x-amz-error-message", arena_strdup(call->arena, message));
}

void s3_website_answer_error(S3Call *call, const GError *error)
{
    if (error->domain != FAULT_DOMAIN || fault_status((Fault)error->code) == 304) {
        s3_answer_error(call, error);
        return;
    }
    const char *code = fault_code((Fault)error->code);
    unsigned status = fault_status((Fault)error->code);
    List headers = call->reply->headers;
    http_reply_clear(call->reply);
    *call->reply = (HttpReply){.status = status,
                               .request_id = call->request_id,
                               .headers = headers,
                               .content_type = "text/html; charset=utf-8"};
    reply_error_headers(call, code, error->message);
    if (strcmp(call->http->method, "HEAD") != 0)
        write_page(call, status, code, error->message);
}

/* ---- pages ---- */

static bool no_such_key(S3Call *call, const char *key, GError **error)
{
    s3_detail(call, "Key", key);
    return fault_set(error, FAULT_NO_SUCH_KEY, "The specified key does not exist.");
}

/* call->object becomes the key's current version. Unlike elsewhere, anybody is told that there is
 * none: "Setting permissions for website access". */
static bool find_page(S3Call *call, const char *key, GError **error)
{
    if (!object_find_current(call->txn, call->arena, call->bucket, key, &call->object, error))
        return false;
    call->key = key;
    if (!call->object)
        return no_such_key(call, key, error);
    return s3_check_access_to(call, call->txn, "s3:GetObject", call->bucket, key, call->object,
                              S3_ACL_OBJECT, ACL_READ, error);
}

static bool send_page(S3Call *call, GError **error)
{
    bool head = strcmp(call->http->method, "HEAD") == 0;
    return head ? s3_head_object(call, error) : s3_get_object(call, error);
}

static bool page_exists(S3Call *call, const char *key, bool *ret_exists, GError **error)
{
    Object *object;
    if (!object_find_current(call->txn, call->arena, call->bucket, key, &object, error))
        return false;
    *ret_exists = object != NULL;
    return true;
}

/* "docs" where there is "docs/index.html". */
static bool redirect_to_folder(S3Call *call, const XmlNode *configuration, const char *key,
                               bool *ret_done, GError **error)
{
    const char *folder = arena_printf(call->arena, "%s/", key);
    *ret_done = false;
    if (call->object || !*key || g_str_has_suffix(key, "/"))
        return true;
    if (!page_exists(call, website_page_key(call->arena, configuration, folder), ret_done, error))
        return false;
    if (*ret_done) {
        g_autofree char *path = g_uri_escape_string(folder, "/", FALSE);
        reply_redirect(call, 302, arena_printf(call->arena, "/%s", path));
    }
    return true;
}

static bool serve_page(S3Call *call, const XmlNode *configuration, const char *key, GError **error)
{
    g_autoptr(GError) missing = NULL;
    bool done = false;
    if (!find_page(call, website_page_key(call->arena, configuration, key), &missing)) {
        if (!redirect_to_folder(call, configuration, key, &done, error))
            return false;
        if (!done)
            g_propagate_error(error, g_steal_pointer(&missing));
        return done;
    }
    const char *to =
        object_header(call->arena, call->object->headers, "x-amz-website-redirect-location");
    if (to) {
        reply_redirect(call, 301, to);
        return true;
    }
    return send_page(call, error);
}

/* The whole of it, whatever of a page the request's headers would want. */
static bool send_whole_page(S3Call *call, const char *key, GError **error)
{
    const HttpRequest *asked = call->http;
    HttpRequest plain = *asked;
    plain.n_headers = 0;
    call->http = &plain;
    bool ok = find_page(call, key, error) && send_page(call, error);
    call->http = asked; /* what is added to the reply later hangs on it: CORS */
    return ok;
}

static bool send_error_document(S3Call *call, const char *key, const GError *why, GError **error)
{
    if (!send_whole_page(call, key, error))
        return false;
    call->reply->status = fault_status((Fault)why->code);
    reply_error_headers(call, fault_code((Fault)why->code), why->message);
    return true;
}

static void note_document_failure(S3Call *call, const char *key, const GError *error)
{
    if (error->domain != FAULT_DOMAIN)
        return;
    DocumentFailure *failure = arena_new_struct(call->arena, DocumentFailure);
    failure->code = fault_code((Fault)error->code);
    failure->message = arena_strdup(call->arena, error->message);
    failure->key = key;
    call->state = failure;
}

static bool answer_failure(S3Call *call, const XmlNode *configuration, const char *host,
                           const char *key, const GError *why, GError **error)
{
    unsigned status = fault_status((Fault)why->code);
    const char *document = xml_child_text(xml_child(configuration, "ErrorDocument"), "Key");
    WebsiteRedirect redirect;
    if (website_find_redirect(call->arena, configuration, host, key, status, &redirect)) {
        reply_redirect(call, redirect.status, redirect.location);
        return true;
    }
    List details = call->details;
    if (document && status >= 400) {
        g_autoptr(GError) failure = NULL;
        if (send_error_document(call, document, why, &failure))
            return true;
        note_document_failure(call, document, failure);
    }
    call->details = details;
    g_propagate_error(error, g_error_copy(why));
    return false;
}

static bool is_reading(const S3Call *call)
{
    return strcmp(call->http->method, "GET") == 0 || strcmp(call->http->method, "HEAD") == 0;
}

static bool answer(S3Call *call, GError **error)
{
    g_autoptr(GError) why = NULL;
    XmlNode *configuration;
    WebsiteRedirect redirect;
    const char *key = call->key ? call->key : "", *host = s3_header(call, "Host");
    if (!is_reading(call))
        return s3_method_not_allowed(error);
    if (!call->bucket) /* the endpoint itself */
        return fault_set(error, FAULT_NO_SUCH_BUCKET, "The specified bucket does not exist");
    if (!s3_configuration_find(call, call->txn, call->bucket, DOCUMENT_WEBSITE, &configuration,
                               error))
        return false;
    if (!configuration) {
        s3_detail(call, "BucketName", call->bucket_name);
        return fault_set(error, FAULT_NO_SUCH_WEBSITE,
                         "The specified bucket does not have a website configuration");
    }
    if (website_find_redirect(call->arena, configuration, host, key, 0, &redirect)) {
        reply_redirect(call, redirect.status, redirect.location);
        return true;
    }
    call->params = (Params){0}; /* they mean nothing here */
    call->version_id = NULL;
    if (serve_page(call, configuration, key, &why))
        return true;
    if (why->domain == FAULT_DOMAIN && fault_status((Fault)why->code) != 304)
        return answer_failure(call, configuration, host, key, why, error);
    g_propagate_error(error, g_steal_pointer(&why));
    return false;
}

const S3Operation s3_website_operation = {
    .name = "Website",
    .method = "GET",
    .level = S3_BUCKET,
    .acl_of = S3_ACL_NOBODY,
    .body = S3_NO_BODY,
    .kind = READ,
    .handle = answer,
};
