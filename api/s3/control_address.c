/* Addresses of S3 Control. */
#include "api/s3/control_address.h"

#include "api/s3/address.h"
#include "base/fault.h"
#include <string.h>

#define PATH "/v20180820/"
#define TAGS "tags/"
#define ACCOUNT_HEADER "x-amz-account-id"

/* "s3-control.us-east-1.amazonaws.com", or with the account before it. */
static bool is_control_host(const char *host)
{
    static const char label[] = "s3-control.";
    const char *dot = strchr(host, '.');
    return g_ascii_strncasecmp(host, label, strlen(label)) == 0 ||
           (dot && g_ascii_strncasecmp(dot + 1, label, strlen(label)) == 0);
}

bool s3_control_is_meant(const HttpRequest *request)
{
    if (!g_str_has_prefix(request->path, PATH))
        return false;
    const char *host = http_header(request, "host");
    return http_header(request, ACCOUNT_HEADER) || (host && is_control_host(host));
}

static bool read_account(const HttpRequest *request, const char **ret_account, GError **error)
{
    const char *account = http_header(request, ACCOUNT_HEADER);
    if (!account)
        return fault_set(error, FAULT_INVALID_REQUEST,
                         "Missing required header for this request: " ACCOUNT_HEADER);
    if (strlen(account) != strlen("123456789012") ||
        strspn(account, "0123456789") != strlen(account))
        return fault_set(error, FAULT_INVALID_REQUEST, "The account id %.64s is not valid.",
                         account);
    *ret_account = account;
    return true;
}

static bool invalid_arn(const char *arn, GError **error)
{
    return fault_set(error, FAULT_INVALID_REQUEST, "The resource ARN %.200s is not valid.", arn);
}

/* The resource's part of an ARN, behind region and account. */
static bool read_resource(const char *arn, const char *resource, S3ControlAddress *address,
                          GError **error)
{
    static const char kind[] = "bucket/";
    if (*address->region || *address->account_id) {
        if (!g_str_has_prefix(resource, kind))
            return fault_set(error, FAULT_NOT_IMPLEMENTED,
                             "Tags of %.200s are not implemented: only buckets have some.", arn);
        resource += strlen(kind);
    }
    if (!*resource || strpbrk(resource, "/:"))
        return invalid_arn(arn, error);
    address->bucket = resource;
    return true;
}

static bool read_arn(Arena *arena, const char *arn, S3ControlAddress *address, GError **error)
{
    enum { ARN, PARTITION, SERVICE, REGION, ACCOUNT, RESOURCE, N_PARTS };
    g_auto(GStrv) parts = g_strsplit(arn, ":", N_PARTS);
    if (g_strv_length(parts) != N_PARTS || strcmp(parts[ARN], "arn") != 0 || !*parts[PARTITION])
        return invalid_arn(arn, error);
    if (strcmp(parts[SERVICE], "s3") != 0)
        return fault_set(error, FAULT_NOT_IMPLEMENTED,
                         "Tags of %.200s are not implemented: only buckets have some.", arn);
    address->region = arena_strdup(arena, parts[REGION]);
    address->account_id = arena_strdup(arena, parts[ACCOUNT]);
    return read_resource(arn, arena_strdup(arena, parts[RESOURCE]), address, error);
}

bool s3_control_address_read(Arena *arena, const HttpRequest *request,
                             S3ControlAddress *ret_address, GError **error)
{
    S3ControlAddress address = {0};
    const char *path = request->path + strlen(PATH), *arn;
    if (!read_account(request, &address.caller_says, error))
        return false;
    if (g_str_has_prefix(path, TAGS)) {
        path += strlen(TAGS);
        if (!s3_path_decode(arena, path, strlen(path), &arn, error) ||
            !read_arn(arena, arn, &address, error))
            return false;
    }
    *ret_address = address;
    return true;
}
