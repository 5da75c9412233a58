/* The instance metadata service.
 *
 * Invariant: an address that no live instance holds gets nothing, and nobody gets anything that is
 * not his own. */
#include "api/imds/imds.h"

#include "api/imds/tree.h"
#include "base/fault.h"
#include "cloud/certificates.h"
#include <string.h>

#define TOKEN_SECONDS_MAX 21600
#define TOKEN_PATH "/latest/api/token"
#define TOKEN_HEADER "X-aws-ec2-metadata-token"
#define TTL_HEADER "X-aws-ec2-metadata-token-ttl-seconds"

struct Imds {
    Cloud *cloud;
    const Identity *identity;
    const char *authority; /* PEM; NULL: none is shown */
    char *vpc_id;
};

/* "Instance metadata categories": the versions that AWS lists. */
static const char *const versions[] = {
    "1.0",        "2007-01-19", "2007-03-01", "2007-08-29", "2007-10-10", "2007-12-15",
    "2008-02-01", "2008-09-01", "2009-04-04", "2011-01-01", "2011-05-01", "2012-01-12",
    "2014-02-25", "2014-11-05", "2015-10-20", "2016-04-19", "2016-06-30", "2016-09-02",
    "2018-03-28", "2018-08-17", "2018-09-24", "2019-10-01", "2020-10-27", "2021-01-03",
    "2021-03-23", "2021-07-15", "2022-09-24", "latest",
};

Imds *imds_new(Cloud *cloud, const Identity *identity, const char *vpc_id)
{
    Imds *imds = g_new0(Imds, 1);
    imds->cloud = cloud;
    imds->identity = identity;
    imds->vpc_id = g_strdup(vpc_id);
    return imds;
}

void imds_set_authority(Imds *imds, const char *certificate)
{
    imds->authority = certificate;
}

void imds_free(Imds *imds)
{
    if (!imds)
        return;
    g_free(imds->vpc_id);
    g_free(imds);
}

static void refuse(HttpReply *reply, unsigned status, const char *title)
{
    reply->status = status;
    reply->content_type = "text/html";
    g_autofree char *text = g_strdup_printf(
        "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>\n"
        "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Transitional//EN\"\n"
        "\t\"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd\">\n"
        "<html xmlns=\"http://www.w3.org/1999/xhtml\" xml:lang=\"en\" lang=\"en\">\n"
        " <head>\n  <title>%u - %s</title>\n </head>\n <body>\n  <h1>%u - %s</h1>\n </body>\n"
        "</html>\n",
        status, title, status, title);
    buffer_add_text(&reply->body, text);
}

static void show_text(HttpReply *reply, const char *text)
{
    reply->status = 200;
    reply->content_type = "text/plain";
    buffer_add_text(&reply->body, text);
}

static void answer_token(Imds *imds, Arena *arena, const HttpRequest *request,
                         const Metadata *metadata, HttpReply *reply)
{
    const char *text = http_header(request, TTL_HEADER);
    guint64 seconds;
    /* A proxy on the way would hand the token to others. */
    if (http_header(request, "X-Forwarded-For")) {
        refuse(reply, 403, "Forbidden");
        return;
    }
    if (!text || !g_ascii_string_to_unsigned(text, 10, 1, TOKEN_SECONDS_MAX, &seconds, NULL)) {
        refuse(reply, 400, "Bad Request");
        return;
    }
    const Instance *instance = metadata->view->instance;
    int64_t expiry = cloud_now(imds->cloud) + (int64_t)seconds * CLOCK_SECOND;
    show_text(reply, imds_token_make(arena, identity_secret(imds->identity), instance->id, expiry));
    http_reply_header(reply, arena, TTL_HEADER, arena_printf(arena, "%u", (unsigned)seconds));
    reply->hop_limit = (unsigned)instance->http_hop_limit;
}

static bool add_identity(Imds *imds, Arena *arena, const Metadata *metadata, List *leaves,
                         GError **error)
{
    const char *document = identity_document(arena, metadata), *pkcs7, *signature;
    if (!identity_pkcs7(imds->identity, arena, document, &pkcs7, error) ||
        !identity_sign(imds->identity, arena, document, &signature, error))
        return false;
    const Leaf made[] = {
        /* Not of AWS, whose authorities every image knows: who vouches for this cloud's https. */
        {"dynamic/cumulet/authority.pem", imds->authority, NULL},
        /* Not of AWS, whose image bundles it: with what certificate EC2's share of a bundle is
         * encrypted, which the AMI tools ask for. */
        {"dynamic/cumulet/cert-ec2.pem", certificates_ec2_public(imds->cloud), NULL},
        {"dynamic/fws/instance-monitoring",
         metadata->view->instance->monitoring ? "enabled" : "disabled", NULL},
        {"dynamic/instance-identity/document", document, NULL},
        {"dynamic/instance-identity/pkcs7", pkcs7, NULL},
        {"dynamic/instance-identity/rsa2048", pkcs7, NULL},
        {"dynamic/instance-identity/signature", signature, NULL},
    };
    List all = {0};
    for (size_t i = 0; i < G_N_ELEMENTS(made); i++)
        if (made[i].value)
            list_add(&all, arena, arena_memdup(arena, &made[i], sizeof(made[i])));
    LIST_EACH (const Leaf *, leaf, leaves)
        list_add(&all, arena, leaf);
    *leaves = all;
    return true;
}

/* The part of the path behind its version; NULL when it begins with none. */
static const char *below_version(const char *path)
{
    path += strspn(path, "/");
    for (size_t i = 0; i < G_N_ELEMENTS(versions); i++) {
        size_t n = strlen(versions[i]);
        if (strncmp(path, versions[i], n) == 0 && (path[n] == '/' || path[n] == '\0'))
            return path + n + strspn(path + n, "/");
    }
    return NULL;
}

static const char *list_versions(Arena *arena)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(versions); i++)
        g_string_append_printf(text, "%s%s", i ? "\n" : "", versions[i]);
    return arena_strdup(arena, text->str);
}

static void show_user_data(const Instance *instance, HttpReply *reply)
{
    if (!instance->user_data) {
        refuse(reply, 404, "Not Found");
        return;
    }
    size_t size;
    g_autofree uint8_t *data = g_base64_decode(instance->user_data, &size);
    reply->status = 200;
    reply->content_type = "application/octet-stream";
    buffer_add(&reply->body, (const char *)data, size);
}

static bool answer_get(Imds *imds, Arena *arena, const HttpRequest *request,
                       const Metadata *metadata, HttpReply *reply, GError **error)
{
    if (request->path[strspn(request->path, "/")] == '\0') {
        show_text(reply, list_versions(arena));
        return true;
    }
    g_autofree char *decoded = g_uri_unescape_string(request->path, NULL);
    const char *path = decoded ? below_version(decoded) : NULL;
    if (!path) {
        refuse(reply, 404, "Not Found");
        return true;
    }
    if (strcmp(path, "user-data") == 0) {
        show_user_data(metadata->view->instance, reply);
        return true;
    }
    List leaves = imds_leaves(arena, metadata, cloud_dns_suffix(imds->cloud));
    /* Signing costs a millisecond: only for who asks. */
    if ((*path == '\0' || g_str_has_prefix(path, "dynamic")) &&
        !add_identity(imds, arena, metadata, &leaves, error))
        return false;
    const char *text = imds_show(arena, &leaves, path);
    if (text)
        show_text(reply, text);
    else
        refuse(reply, 404, "Not Found");
    return true;
}

static void answer_instance(Imds *imds, Arena *arena, const HttpRequest *request,
                            const Metadata *metadata, HttpReply *reply, GError **error)
{
    const Instance *instance = metadata->view->instance;
    bool put = strcmp(request->method, "PUT") == 0;
    bool get = strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;
    const char *token = http_header(request, TOKEN_HEADER);

    if (g_strcmp0(instance->http_endpoint, "disabled") == 0) {
        refuse(reply, 403, "Forbidden");
    } else if (put && strcmp(request->path, TOKEN_PATH) == 0) {
        answer_token(imds, arena, request, metadata, reply);
    } else if (!get) {
        refuse(reply, 405, "Method Not Allowed");
        reply->allow = "OPTIONS, GET, HEAD";
    } else if (token ? !imds_token_check(arena, identity_secret(imds->identity), instance->id,
                                         token, cloud_now(imds->cloud))
                     : g_strcmp0(instance->http_tokens, "required") == 0) {
        refuse(reply, 401, "Unauthorized");
    } else if (!answer_get(imds, arena, request, metadata, reply, error)) {
        refuse(reply, 500, "Internal Server Error");
    }
}

void imds_answer(Imds *imds, Arena *arena, const HttpRequest *request, HttpReply *reply)
{
    g_autoptr(GError) error = NULL;
    Metadata *metadata;
    if (!metadata_find(imds->cloud, arena, imds->vpc_id, request->source_ip, &metadata, &error))
        refuse(reply, 500, "Internal Server Error");
    else if (!metadata)
        refuse(reply, 404, "Not Found");
    else
        answer_instance(imds, arena, request, metadata, reply, &error);
    if (error)
        g_warning("metadata for %s: %s", request->source_ip, error->message);
}
