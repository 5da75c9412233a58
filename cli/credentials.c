/* `cumulet credentials`. */
#include "cli/client_files.h"
#include "cli/commands.h"
#include "cli/environment.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void show_text(Arena *arena, const Target *target)
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
}

static void show_env(Arena *arena, const Target *target)
{
    List variables;
    environment_list(arena, target, (const char *const *)environ, &variables);
    LIST_EACH (const Variable *, variable, &variables)
        puts(environment_line(arena, variable, false));
}

static void show_ini(Arena *arena, const Target *target)
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

static void show_json(Arena *arena, const Target *target)
{
    json_t *json =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s*}", "file", target->credentials, "access_key_id",
                  target->access_key_id, "secret_access_key", target->secret_access_key, "region",
                  target->region, "endpoint", target->endpoint, "account_id", target->account_id);
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
    void (*show)(Arena *arena, const Target *target);
} formats[] = {
    {"text", show_text},
    {"env", show_env},
    {"ini", show_ini},
    {"json", show_json},
};

static bool credentials_run(Call *call, GError **error)
{
    gboolean json = FALSE;
    char *format = NULL;
    if (!call_parse(call, (void *const[]){&json, &format}, error))
        return false;
    if (json && format && strcmp(format, "json") != 0)
        return usage_set(error, "--json and --format %s exclude each other", format);
    const char *wanted = json ? "json" : format ? format : "text";
    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++) {
        if (strcmp(formats[i].name, wanted) != 0)
            continue;
        Target target;
        if (!target_open(call, &target, error))
            return false;
        formats[i].show(call->arena, &target);
        return formats[i].show != show_text || write_files(call->arena, &target, error);
    }
    return usage_set(error, "there is no format '%s'; there are text, env, ini and json", wanted);
}

static const GOptionEntry options[] = {
    {"json", 0, 0, G_OPTION_ARG_NONE, NULL, "the same as --format json", NULL},
    {"format", 0, 0, G_OPTION_ARG_STRING, NULL, "text, env (as 'cumulet env'), ini or json",
     "FORMAT"},
    {NULL},
};

const Command credentials_command = {
    .name = "credentials",
    .arguments = "",
    .summary = "the access key, and the file that holds it",
    .help = "Shows the access key of this cloud and the file it stands in, which has the form\n"
            "of AWS's credentials file:\n"
            "\n"
            "  AWS_SHARED_CREDENTIALS_FILE=STATE/credentials\n"
            "\n"
            "Also writes STATE/clients, configuration files for this cloud: s3cfg (s3cmd),\n"
            "rclone.conf (its remote is 'cumulet:'), boto.cfg (boto 2) and aws-config.\n",
    .options = options,
    .run = credentials_run,
};
