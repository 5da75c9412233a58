/* Configuration files of s3cmd, rclone, boto 2 and the AWS CLI.
 *
 * Invariant: each says all that its program needs, so that no setting of the user's own leads it
 * elsewhere. */
#include "cli/client_files.h"
#include "base/file.h"

#include <string.h>

/* "127.0.0.1:4566" */
static const char *host_of(const Target *target)
{
    const char *host = strstr(target->endpoint, "://");
    return host ? host + strlen("://") : target->endpoint;
}

static char *format_s3cfg(Arena *arena, const Target *target)
{
    const char *host = host_of(target);
    /* A host_bucket without the bucket in it: buckets are named in the path. */
    return arena_printf(arena,
                        "[default]\n"
                        "access_key = %s\n"
                        "secret_key = %s\n"
                        "host_base = %s\n"
                        "host_bucket = %s\n"
                        "bucket_location = %s\n"
                        "website_endpoint = http://%s/%%(bucket)s\n"
                        "use_https = False\n"
                        "signature_v2 = False\n"
                        "signurl_use_https = False\n"
                        "encrypt = False\n",
                        target->access_key_id, target->secret_access_key, host, host,
                        target->region, host);
}

static char *format_rclone(Arena *arena, const Target *target)
{
    return arena_printf(arena,
                        "[cumulet]\n"
                        "type = s3\n"
                        "provider = Other\n"
                        "env_auth = false\n"
                        "access_key_id = %s\n"
                        "secret_access_key = %s\n"
                        "region = %s\n"
                        "endpoint = %s\n"
                        "force_path_style = true\n"
                        "acl = private\n",
                        target->access_key_id, target->secret_access_key, target->region,
                        target->endpoint);
}

/* gsutil reads the host and port from [Credentials], boto the host from [s3]. */
static char *format_boto(Arena *arena, const Target *target)
{
    g_autoptr(GUri) uri = g_uri_parse(target->endpoint, G_URI_FLAGS_NONE, NULL);
    const char *host = uri ? g_uri_get_host(uri) : "127.0.0.1";
    int port = uri && g_uri_get_port(uri) > 0 ? g_uri_get_port(uri) : 80;
    return arena_printf(arena,
                        "[Credentials]\n"
                        "aws_access_key_id = %s\n"
                        "aws_secret_access_key = %s\n"
                        "s3_host = %s\n"
                        "s3_port = %d\n"
                        "[Boto]\n"
                        "is_secure = False\n"
                        "[s3]\n"
                        "host = %s\n"
                        "port = %d\n"
                        "calling_format = boto.s3.connection.OrdinaryCallingFormat\n",
                        target->access_key_id, target->secret_access_key, host, port, host, port);
}

static char *format_aws(Arena *arena, const Target *target)
{
    return arena_printf(arena,
                        "[default]\n"
                        "aws_access_key_id = %s\n"
                        "aws_secret_access_key = %s\n"
                        "region = %s\n"
                        "endpoint_url = %s\n"
                        "output = json\n"
                        "cli_pager =\n"
                        "s3 =\n"
                        "    addressing_style = path\n",
                        target->access_key_id, target->secret_access_key, target->region,
                        target->endpoint);
}

const ClientFile client_files[] = {
    {"s3cfg", "s3cmd -c", format_s3cfg},
    {"rclone.conf", "rclone --config", format_rclone},
    {"boto.cfg", "BOTO_CONFIG", format_boto},
    {"aws-config", "AWS_CONFIG_FILE", format_aws},
    {NULL},
};

const ClientFile *client_file_find(const char *name)
{
    for (const ClientFile *file = client_files; file->name; file++)
        if (strcmp(file->name, name) == 0)
            return file;
    return NULL;
}

bool client_file_write(Arena *arena, const Target *target, const ClientFile *file,
                       const char **ret_path, GError **error)
{
    const char *directory = arena_printf(arena, "%s/clients", target->state_dir);
    const char *path = arena_printf(arena, "%s/%s", directory, file->name);
    const char *text = file->format(arena, target);
    if (!file_make_directory(directory, error) ||
        !file_write(path, text, strlen(text), 0600, error))
        return false;
    *ret_path = path;
    return true;
}
