/* S3's Signature Version 2. Invariant: pure; only the URL's parameters and the headers are looked
 * at. */
#include "api/signature/s3_v2.h"

#include "api/signature/canonical.h"
#include "api/signature/verifier.h"
#include <stdlib.h>
#include <string.h>

/* Query parameters that are signed; sorted. Later ones than Version 2 itself are those that
 * botocore 1.29 and earlier sign. In a URL everything else that selects an operation is signed as
 * well: who got one that reads an object must not make it read something else. */
static const char *const signed_parameters[] = {
    "accelerate",
    "acl",
    "analytics",
    "cors",
    "defaultObjectAcl",
    "delete",
    "inventory",
    "lifecycle",
    "location",
    "logging",
    "metrics",
    "notification",
    "object-lock",
    "partNumber",
    "policy",
    "replication",
    "requestPayment",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "restore",
    "select",
    "select-type",
    "storageClass",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versionId",
    "versioning",
    "versions",
    "website",
};

/* A header or parameter to be signed. */
typedef struct Item {
    const char *name, *value; /* value NULL: the name only */
    size_t order;             /* as sent, among those of the same name */
} Item;

static int compare_items(const void *one, const void *other)
{
    const Item *a = one, *b = other;
    int order = strcmp(a->name, b->name);
    return order ? order : (a->order > b->order) - (a->order < b->order);
}

static int compare_names(const void *name, const void *entry)
{
    return strcmp(name, *(const char *const *)entry);
}

static bool is_signed_parameter(const char *name)
{
    return bsearch(name, signed_parameters, G_N_ELEMENTS(signed_parameters),
                   sizeof(*signed_parameters), compare_names);
}

static bool is_amz(const char *name)
{
    return g_ascii_strncasecmp(name, "x-amz-", strlen("x-amz-")) == 0;
}

static Item amz_item(Arena *arena, const char *name, const char *value, size_t order)
{
    char *lower = arena_strdup(arena, name);
    for (char *c = lower; *c; c++)
        *c = g_ascii_tolower(*c);
    return (Item){lower, value, order};
}

/* The x-amz- headers; presigned URLs have some of them among their parameters, which whoever uses
 * the URL may send as headers too. */
static void add_amz_headers(Buffer *out, Arena *arena, const SignedRequest *request)
{
    const HttpRequest *http = request->http;
    Item *items = arena_alloc(arena, (http->n_headers + request->n_query + 1) * sizeof(Item));
    size_t n = 0;
    for (size_t i = 0; i < http->n_headers; i++) {
        if (is_amz(http->headers[i].name)) {
            items[n] = amz_item(arena, http->headers[i].name, http->headers[i].value, n);
            n++;
        }
    }
    for (size_t i = 0; i < request->n_query; i++) {
        const Param *param = &request->params.items[i];
        if (is_amz(param->name) && !http_header(http, param->name)) {
            items[n] = amz_item(arena, param->name, param->value, n);
            n++;
        }
    }
    qsort(items, n, sizeof(*items), compare_items);
    for (size_t i = 0; i < n; i++) {
        bool again = i > 0 && strcmp(items[i].name, items[i - 1].name) == 0;
        if (!again)
            buffer_add_text(out, items[i].name);
        buffer_add_char(out, again ? ',' : ':');
        canonical_header_value(out, items[i].value, false);
        if (i + 1 == n || strcmp(items[i].name, items[i + 1].name) != 0)
            buffer_add_char(out, '\n');
    }
}

/* Whether the query's nth pair was sent with "=". The decoded parameters do not say. */
static bool has_equals(const char *query, size_t n)
{
    for (;;) {
        size_t size = strcspn(query, "&");
        if (size > 0 && n-- == 0)
            return memchr(query, '=', size);
        query += size;
        if (!*query++)
            return false;
    }
}

static bool must_be_signed(const char *name, const Claim *claim, const S3Target *target)
{
    return is_signed_parameter(name) || (claim->expires && target->selects_operation(name));
}

static void add_parameters(Buffer *out, Arena *arena, const SignedRequest *request,
                           const Claim *claim, const S3Target *target, bool bare_flags)
{
    Item *items = arena_alloc(arena, (request->n_query + 1) * sizeof(Item));
    size_t n = 0;
    for (size_t i = 0; i < request->n_query; i++) {
        const Param *param = &request->params.items[i];
        if (!must_be_signed(param->name, claim, target))
            continue;
        bool valued = *param->value || (!bare_flags && has_equals(request->http->query, i));
        items[n] = (Item){param->name, valued ? param->value : NULL, n};
        n++;
    }
    qsort(items, n, sizeof(*items), compare_items);
    for (size_t i = 0; i < n; i++) {
        buffer_add_char(out, i == 0 ? '?' : '&');
        buffer_add_text(out, items[i].name);
        if (items[i].value) {
            buffer_add_char(out, '=');
            buffer_add_text(out, items[i].value);
        }
    }
}

static void add_header_line(Buffer *out, const HttpRequest *http, const char *name)
{
    const char *value = http_header(http, name);
    if (value)
        canonical_header_value(out, value, false);
    buffer_add_char(out, '\n');
}

void s3_v2_string_to_sign(Buffer *out, Arena *arena, const SignedRequest *request,
                          const Claim *claim, const S3Target *target, const S3V2Reading *reading)
{
    const HttpRequest *http = request->http;
    buffer_add_text(out, http->method);
    buffer_add_char(out, '\n');
    add_header_line(out, http, "content-md5");
    add_header_line(out, http, "content-type");
    if (claim->expires) {
        buffer_add_text(out, claim->expires);
        buffer_add_char(out, '\n');
    } else if (http_header(http, "x-amz-date")) {
        buffer_add_char(out, '\n'); /* it is among the headers below */
    } else {
        add_header_line(out, http, "date");
    }
    add_amz_headers(out, arena, request);
    if (target->virtual_bucket) {
        buffer_add_char(out, '/');
        buffer_add_text(out, target->virtual_bucket);
    }
    buffer_add_text(out, reading->path);
    add_parameters(out, arena, request, claim, target, reading->bare_flags);
}

static bool reading_is_right(Arena *arena, const SignedRequest *request, const Claim *claim,
                             const S3Target *target, const S3V2Reading *reading, const char *secret)
{
    g_auto(Buffer) text = {0};
    s3_v2_string_to_sign(&text, arena, request, claim, target, reading);
    return signature_is_mac(claim, secret, text.data, text.size);
}

bool s3_v2_is_right(Arena *arena, const SignedRequest *request, const Claim *claim,
                    const S3Target *target, const char *secret)
{
    const char *sent = *request->http->path ? request->http->path : "/";
    g_autofree char *decoded = g_uri_unescape_string(sent, NULL);
    g_auto(Buffer) encoded = {0};
    bool whole = canonical_s3_path(&encoded, sent, false);
    /* botocore signs "/bucket/" where it sends "/bucket". */
    bool is_bucket = !target->virtual_bucket && !strchr(sent + 1, '/');
    const char *paths[] = {sent, is_bucket ? arena_printf(arena, "%s/", sent) : NULL,
                           whole ? buffer_text(&encoded) : NULL, decoded};
    for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
        if (!paths[i] || (i > 0 && strcmp(paths[i], sent) == 0))
            continue;
        S3V2Reading reading = {.path = paths[i]};
        if (reading_is_right(arena, request, claim, target, &reading, secret))
            return true;
        reading.bare_flags = true;
        if (reading_is_right(arena, request, claim, target, &reading, secret))
            return true;
    }
    return false;
}
