/* Bucket and key from host and path.
 *
 * Invariant: an address is found without asking the store, so that what a request means does not
 * depend on which buckets there are. */
#include "api/s3/address.h"

#include "base/fault.h"
#include <string.h>

/* Services whose names may stand where a bucket's might. */
static const char *const query_services[] = {
    "autoscaling", "cloudwatch", "ec2", "elasticloadbalancing", "iam", "monitoring", "sts", NULL};

/* ---- the host ---- */

static size_t label_size(const char *host)
{
    return strcspn(host, ".:");
}

static bool is_label(const char *label, const char *name)
{
    size_t size = strlen(name);
    return label_size(label) == size && g_ascii_strncasecmp(label, name, size) == 0;
}

static bool ends_with(const char *host, size_t size, const char *end)
{
    size_t end_size = strlen(end);
    return size > end_size && g_ascii_strncasecmp(host + size - end_size, end, end_size) == 0;
}

/* "us-east-1" */
static bool is_region(const char *label)
{
    size_t size = label_size(label);
    return size > 5 && label[2] == '-' && label[size - 2] == '-' &&
           g_ascii_isdigit(label[size - 1]);
}

/* Nothing of the host is behind the label but a region, maybe, and ".localhost". */
static bool is_before_localhost(const char *label)
{
    const char *next = label + label_size(label);
    if (*next == '.' && is_region(next + 1))
        next += 1 + label_size(next + 1);
    return *next == '.' && is_label(next + 1, "localhost");
}

typedef enum Domain { DOMAIN_AWS, DOMAIN_LOCALHOST, DOMAIN_OTHER } Domain;

static Domain domain_of(const char *host, size_t size)
{
    if (ends_with(host, size, ".localhost"))
        return DOMAIN_LOCALHOST;
    bool aws =
        ends_with(host, size, ".amazonaws.com") || ends_with(host, size, ".amazonaws.com.cn");
    return aws ? DOMAIN_AWS : DOMAIN_OTHER;
}

/* Whether S3 is named there. AWS's own hosts say more in that label: "s3-external-1",
 * "s3-eu-west-1", "s3-website-us-east-1"; elsewhere such a label is a bucket's. */
static bool is_s3_label(const char *label, Domain domain)
{
    if (domain == DOMAIN_AWS && g_ascii_strncasecmp(label, "s3-", strlen("s3-")) == 0)
        return true;
    return (is_label(label, "s3") || is_label(label, "s3-website")) &&
           (domain != DOMAIN_LOCALHOST || is_before_localhost(label));
}

/* The last one: what a bucket's name has of them comes before it. NULL: none. */
static const char *find_s3_label(const char *host, size_t size)
{
    Domain domain = domain_of(host, size);
    const char *found = NULL;
    for (const char *label = host; label < host + size; label += label_size(label) + 1) {
        if (is_s3_label(label, domain))
            found = label;
    }
    return found;
}

static bool is_website_label(const char *label)
{
    return g_ascii_strncasecmp(label, "s3-website", strlen("s3-website")) == 0;
}

static bool is_numeric(const char *host)
{
    return *host == '[' || strspn(host, "0123456789.") == strcspn(host, ":");
}

static bool names_query_service(const char *text, size_t size)
{
    for (const char *const *name = query_services; *name; name++) {
        if (strlen(*name) == size && g_ascii_strncasecmp(text, *name, size) == 0)
            return true;
    }
    return false;
}

/* How many bytes of the host are the bucket's name; 0: none. Says whether S3 is named at all. */
static size_t bucket_size(const char *host, bool *ret_s3, bool *ret_website)
{
    *ret_s3 = *ret_website = false;
    if (is_numeric(host))
        return 0;
    size_t end = strcspn(host, ":");
    const char *label = find_s3_label(host, end);
    if (label) {
        *ret_s3 = true;
        *ret_website = is_website_label(label);
        return label > host ? (size_t)(label - host) - 1 : 0;
    }
    static const char *const ends[] = {".website.localhost", ".localhost"};
    for (size_t i = 0; i < G_N_ELEMENTS(ends); i++) {
        size_t size = end - strlen(ends[i]);
        if (ends_with(host, end, ends[i]) && !names_query_service(host, size)) {
            *ret_s3 = true;
            *ret_website = i == 0;
            return size;
        }
    }
    return 0;
}

/* A host's letters have no case, a bucket's name has only small ones. */
static const char *lower_case(Arena *arena, const char *text, size_t size)
{
    char *lower = arena_strndup(arena, text, size);
    for (char *c = lower; *c; c++)
        *c = g_ascii_tolower(*c);
    return lower;
}

/* ---- the path ---- */

static bool bad_uri(GError **error)
{
    return fault_set(error, FAULT_INVALID_URI, "Couldn't parse the specified URI.");
}

bool s3_path_decode(Arena *arena, const char *text, size_t size, const char **ret_text,
                    GError **error)
{
    char *decoded = arena_alloc(arena, size + 1), *to = decoded;
    for (const char *at = text; at < text + size; at++) {
        if (*at != '%') {
            *to++ = *at;
            continue;
        }
        if (text + size - at < 3 || !g_ascii_isxdigit(at[1]) || !g_ascii_isxdigit(at[2]))
            return bad_uri(error);
        *to = (char)(g_ascii_xdigit_value(at[1]) << 4 | g_ascii_xdigit_value(at[2]));
        if (!*to++)
            return bad_uri(error);
        at += 2;
    }
    if (!g_utf8_validate(decoded, to - decoded, NULL))
        return bad_uri(error);
    *ret_text = decoded;
    return true;
}

bool s3_address_read(Arena *arena, const HttpRequest *request, S3Address *ret_address,
                     GError **error)
{
    S3Address address = {0};
    const char *host = http_header(request, "host");
    bool named;
    size_t size = host ? bucket_size(host, &named, &address.website) : 0;
    const char *path = request->path;
    path += *path == '/';
    if (size > 0) {
        address.virtual_host = true;
        address.bucket = lower_case(arena, host, size);
    } else if (*path) {
        size_t end = strcspn(path, "/");
        if (end == 0)
            return bad_uri(error);
        if (!s3_path_decode(arena, path, end, &address.bucket, error))
            return false;
        path += end + (path[end] == '/');
    }
    if (address.bucket && *path && !s3_path_decode(arena, path, strlen(path), &address.key, error))
        return false;
    *ret_address = address;
    return true;
}

/* ---- for S3 at all ---- */

typedef enum Hint { HINT_NONE, HINT_S3, HINT_OTHER } Hint;

/* The service in ".../DATE/REGION/SERVICE/aws4_request", whatever stands for the slashes. */
static Hint scope_hint(const char *credential, const char *slash)
{
    size_t slash_size = strlen(slash);
    const char *end = strstr(credential, "aws4_request");
    if (!end || (size_t)(end - credential) < slash_size ||
        g_ascii_strncasecmp(end - slash_size, slash, slash_size) != 0)
        return HINT_NONE;
    end -= slash_size;
    const char *start = end;
    while (start > credential && !((size_t)(start - credential) >= slash_size &&
                                   g_ascii_strncasecmp(start - slash_size, slash, slash_size) == 0))
        start--;
    size_t size = (size_t)(end - start);
    if (size == 2 && strncmp(start, "s3", 2) == 0)
        return HINT_S3;
    return names_query_service(start, size) ? HINT_OTHER : HINT_NONE;
}

static bool has_parameter(const char *query, const char *name)
{
    size_t size = strlen(name);
    for (const char *at = query; *at; at += strcspn(at, "&"), at += *at == '&') {
        if (strncmp(at, name, size) == 0 && (at[size] == '=' || at[size] == '&' || !at[size]))
            return true;
    }
    return false;
}

static Hint signature_hint(const HttpRequest *request)
{
    const char *authorization = http_header(request, "authorization");
    if (authorization && g_str_has_prefix(authorization, "AWS "))
        return HINT_S3;
    if (authorization)
        return scope_hint(authorization, "/");
    const char *credential = strstr(request->query, "X-Amz-Credential=");
    if (!credential)
        return HINT_NONE;
    Hint hint = scope_hint(credential, "%2F");
    return hint != HINT_NONE ? hint : scope_hint(credential, "/");
}

/* "/2012-06-01/", as old clients of Query services ask. */
static bool is_version_path(const char *path)
{
    static const char form[] = "/0000-00-00";
    for (size_t i = 0; form[i]; i++) {
        if (form[i] == '0' ? !g_ascii_isdigit(path[i]) : path[i] != form[i])
            return false;
    }
    const char *rest = path + strlen(form);
    return !*rest || strcmp(rest, "/") == 0;
}

bool s3_is_meant(const HttpRequest *request)
{
    Hint hint = signature_hint(request);
    if (hint != HINT_NONE)
        return hint == HINT_S3;
    bool named = false, website;
    const char *host = http_header(request, "host");
    if (host)
        bucket_size(host, &named, &website);
    if (named)
        return true;
    if (has_parameter(request->query, "Action") || http_header(request, "x-amz-target"))
        return false;
    if (strcmp(request->path, "/") != 0 && *request->path)
        return !is_version_path(request->path);
    return http_header(request, "authorization") && strcmp(request->method, "POST") != 0;
}
