/* `cumulet credentials`. */
#include "cli/client_files.h"
#include "cli/commands.h"
#include "cli/credentials_certificates.h"
#include "cli/environment.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* certificates: what the daemon says of them; NULL: no daemon runs. */
static void show_text(Arena *arena, const Target *target, const json_t *certificates)
{
    printf("file               %s\n"
           "access key id      %s\n"
           "secret access key  %s\n"
           "region             %s\n"
           "endpoint           %s\n",
           target->credentials, target->access_key_id, target->secret_access_key, target->region,
           target->endpoint);
    if (target->account_id)
        printf("account            %s\n", target->account_id);
    if (certificates)
        certificates_show(certificates);
}

static void show_env(Arena *arena, const Target *target, const json_t *certificates)
{
    List variables;
    environment_list(arena, target, (const char *const *)environ, &variables);
    LIST_EACH (const Variable *, variable, &variables)
        puts(environment_line(arena, variable, false));
}

static void show_ini(Arena *arena, const Target *target, const json_t *certificates)
{
    printf("[default]\n"
           "aws_access_key_id = %s\n"
           "aws_secret_access_key = %s\n"
           "region = %s\n"
           "endpoint_url = %s\n",
           target->access_key_id, target->secret_access_key, target->region, target->endpoint);
    if (target->account_id)
        printf("account_id = %s\n", target->account_id);
}

static void show_json(Arena *arena, const Target *target, const json_t *certificates)
{
    json_t *json =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s*}", "file", target->credentials, "access_key_id",
                  target->access_key_id, "secret_access_key", target->secret_access_key, "region",
                  target->region, "endpoint", target->endpoint, "account_id", target->account_id);
    if (certificates)
        json_object_update(json, (json_t *)certificates);
    char *text = json ? json_dumps(json, JSON_INDENT(2)) : NULL;
    json_decref(json);
    if (text)
        puts(text);
    free(text);
}

/* Keys and endpoint may have changed since they were written. */
static bool write_files(Arena *arena, const Target *target, GError **error)
{
    for (const ClientFile *file = client_files; file->name; file++) {
        const char *path;
        if (!client_file_write(arena, target, file, &path, error))
            return false;
        printf("%-17s  %s\n", file->use, path);
    }
    return true;
}

static const struct {
    const char *name;
    void (*show)(Arena *arena, const Target *target, const json_t *certificates);
} formats[] = {
    {"text", show_text},
    {"env", show_env},
    {"ini", show_ini},
    {"json", show_json},
};

static bool show(Call *call, size_t format, bool replace, GError **error)
{
    Target target;
    json_t *certificates = NULL;
    if (!target_open(call, &target, error) ||
        !certificates_ask(call->arena, &target, replace, &certificates, error))
        return false;
    formats[format].show(call->arena, &target, certificates);
    json_decref(certificates);
    return formats[format].show != show_text || write_files(call->arena, &target, error);
}

static bool credentials_run(Call *call, GError **error)
{
    gboolean json = FALSE, replace = FALSE;
    char *format = NULL;
    if (!call_parse(call, (void *const[]){&json, &format, &replace}, error))
        return false;
    if (json && format && strcmp(format, "json") != 0)
        return usage_set(error, "--json and --format %s exclude each other", format);
    const char *wanted = json ? "json" : format ? format : "text";
    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++) {
        if (strcmp(formats[i].name, wanted) == 0)
            return show(call, i, replace, error);
    }
    return usage_set(error, "there is no format '%s'; there are text, env, ini and json", wanted);
}

static const GOptionEntry options[] = {
    {"json", 0, 0, G_OPTION_ARG_NONE, NULL, "the same as --format json", NULL},
    {"format", 0, 0, G_OPTION_ARG_STRING, NULL, "text, env (as 'cumulet env'), ini or json",
     "FORMAT"},
    {"replace-certificate", 0, 0, G_OPTION_ARG_NONE, NULL,
     "first make another certificate in the place of the cloud's", NULL},
    {NULL},
};

const Command credentials_command = {
    .name = "credentials",
    .arguments = "",
    .summary = "the access key and certificate, and the files that hold them",
    .help = "Shows the access key of this cloud and the file it stands in, which has the form\n"
            "of AWS's credentials file:\n"
            "\n"
            "  AWS_SHARED_CREDENTIALS_FILE=STATE/credentials\n"
            "\n"
            "While the daemon runs, also the X.509 certificates of the account with which\n"
            "images are bundled, and their files in STATE/certificates: pk-ID.pem, cert-ID.pem\n"
            "and EC2's own, cert-ec2.pem. --replace-certificate makes another pair and\n"
            "registers it; the one before is forgotten, files included: images that were\n"
            "registered go on, but what was bundled with it can be unbundled no more.\n"
            "\n"
            "Also writes STATE/clients, configuration files for this cloud: s3cfg (s3cmd),\n"
            "rclone.conf (its remote is 'cumulet:'), boto.cfg (boto 2) and aws-config.\n",
    .options = options,
    .run = credentials_run,
};
