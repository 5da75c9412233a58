/* `cumulet account`. */
#include "base/fault.h"
#include "base/file.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/environment.h"
#include "cli/text.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Options {
    gboolean json;
    char *prefix, *certificates;
} Options;

static bool read_answer(const char *text, json_t **ret_answer, GError **error)
{
    json_t *answer = json_loads(text, 0, NULL);
    if (!json_is_object(answer)) {
        json_decref(answer);
        return trouble_set(error, "the daemon's answer is none of an account: %.200s", text);
    }
    *ret_answer = answer;
    return true;
}

static const char *member(Arena *arena, const json_t *object, const char *name)
{
    return text_printable(arena, json_string_value(json_object_get(object, name)));
}

/* ---- list ---- */

static bool run_list(Call *call, const Target *target, const Options *options, GError **error)
{
    g_autofree char *text = NULL;
    json_t *answer, *account;
    size_t i;
    if (!client_ask(call->arena, target, "GET", "/_cumulet/accounts", NULL, &text, error))
        return false;
    if (options->json) {
        fputs(text, stdout);
        return true;
    }
    if (!read_answer(text, &answer, error))
        return false;
    TextTable table = {.columns = 3};
    g_autoptr(GString) out = g_string_new(NULL);
    json_array_foreach(json_object_get(answer, "accounts"), i, account)
    {
        text_table_add(&table, call->arena, member(call->arena, account, "id"));
        text_table_add(&table, call->arena, member(call->arena, account, "name"));
        text_table_add(&table, call->arena, member(call->arena, account, "canonical_id"));
    }
    json_decref(answer);
    text_table_show(&table, out);
    fputs(out->str, stdout);
    return true;
}

/* ---- create ---- */

static void show_account(Arena *arena, const json_t *account)
{
    printf("account            %s\n"
           "name               %s\n"
           "canonical user id  %s\n"
           "access key id      %s\n"
           "secret access key  %s\n",
           member(arena, account, "id"), member(arena, account, "name"),
           member(arena, account, "canonical_id"), member(arena, account, "access_key_id"),
           member(arena, account, "secret_access_key"));
}

static void show_variables(Arena *arena, const json_t *account, const char *prefix)
{
    static const struct {
        const char *suffix, *member;
    } variables[] = {
        {"KEY", "access_key_id"},
        {"SECRET", "secret_access_key"},
        {"ID", "canonical_id"},
        {"ACCOUNT", "id"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(variables); i++) {
        const Variable variable = {
            .name = arena_printf(arena, "%s_%s", prefix, variables[i].suffix),
            .value = member(arena, account, variables[i].member),
        };
        puts(environment_line(arena, &variable, false));
    }
}

/* ---- certificates ---- */

/* pk-ID.pem and cert-ID.pem, named like those of the first account, and EC2's. */
static const char *certificate_path(Arena *arena, const char *directory, const json_t *account,
                                    const char *kind)
{
    const char *id = member(arena, account, "certificate_id");
    return arena_printf(arena, "%s/%s-%s.pem", directory, kind, id);
}

static bool write_member(const char *path, const json_t *account, const char *name, unsigned mode,
                         GError **error)
{
    const char *text = json_string_value(json_object_get(account, name));
    if (!text)
        return trouble_set(error, "the daemon's answer has no %s", name);
    return file_write(path, text, strlen(text), mode, error);
}

static bool write_certificates(Arena *arena, const char *directory, const json_t *account,
                               GError **error)
{
    return write_member(certificate_path(arena, directory, account, "pk"), account, "private_key",
                        0600, error) &&
           write_member(certificate_path(arena, directory, account, "cert"), account, "certificate",
                        0644, error) &&
           write_member(arena_printf(arena, "%s/cert-ec2.pem", directory), account,
                        "ec2_certificate", 0644, error);
}

static void show_certificates(Arena *arena, const char *directory, const json_t *account,
                              const char *prefix)
{
    const char *key = certificate_path(arena, directory, account, "pk");
    const char *certificate = certificate_path(arena, directory, account, "cert");
    if (!prefix) {
        printf("private key        %s\ncertificate        %s\n", key, certificate);
        return;
    }
    const Variable variables[] = {
        {.name = arena_printf(arena, "%s_PRIVATE_KEY", prefix), .value = key},
        {.name = arena_printf(arena, "%s_CERT", prefix), .value = certificate},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(variables); i++)
        puts(environment_line(arena, &variables[i], false));
}

static bool is_shell_name(const char *name)
{
    for (const char *c = name; *c; c++)
        if (!g_ascii_isalpha(*c) && *c != '_' && (c == name || !g_ascii_isdigit(*c)))
            return false;
    return *name != '\0';
}

static bool run_create(Call *call, const Target *target, const Options *options, GError **error)
{
    json_t *account, *request = json_pack("{s:s, s:b}", "name", call->argv[1], "certificate",
                                          options->certificates ? 1 : 0);
    char *body = request ? json_dumps(request, JSON_COMPACT) : NULL;
    json_decref(request);
    if (!body)
        return usage_set(error, "an account's name is text");
    /* Before there is an account whose key could not be written. */
    if (options->certificates && !file_make_directory(options->certificates, error)) {
        free(body);
        return false;
    }
    g_autofree char *text = NULL;
    bool ok = client_ask(call->arena, target, "POST", "/_cumulet/account", body, &text, error);
    free(body);
    if (!ok)
        return false;
    if (options->json) {
        fputs(text, stdout);
        return true;
    }
    if (!read_answer(text, &account, error))
        return false;
    if (options->prefix)
        show_variables(call->arena, account, options->prefix);
    else
        show_account(call->arena, account);
    if (options->certificates) {
        ok = write_certificates(call->arena, options->certificates, account, error);
        show_certificates(call->arena, options->certificates, account, options->prefix);
    }
    json_decref(account);
    return ok;
}

/* ---- the command ---- */

static bool check_usage(const Call *call, const Options *options, GError **error)
{
    bool create = strcmp(call->argv[0], "create") == 0;
    if (!create && strcmp(call->argv[0], "list") != 0)
        return usage_set(error, "account knows create and list, not '%s'", call->argv[0]);
    if (create != (call->argc == 2))
        return usage_set(error,
                         create ? "account create needs a name" : "account list takes no argument");
    if (options->prefix && !create)
        return usage_set(error, "--env is for account create");
    if (options->certificates && (!create || options->json))
        return usage_set(error, "--certificates is for account create, without --json");
    if (options->prefix && options->json)
        return usage_set(error, "--json and --env exclude each other");
    if (options->prefix && !is_shell_name(options->prefix))
        return usage_set(error, "'%s' cannot begin a variable's name", options->prefix);
    return true;
}

static bool account_run(Call *call, GError **error)
{
    Options options = {0};
    Target target;
    if (!call_parse(call, (void *const[]){&options.json, &options.prefix, &options.certificates},
                    error) ||
        !check_usage(call, &options, error) || !target_open(call, &target, error))
        return false;
    return strcmp(call->argv[0], "create") == 0 ? run_create(call, &target, &options, error)
                                                : run_list(call, &target, &options, error);
}

static const GOptionEntry options[] = {
    {"json", 0, 0, G_OPTION_ARG_NONE, NULL, "what the daemon says, for programs", NULL},
    {"env", 0, 0, G_OPTION_ARG_STRING, NULL, "create: lines for the shell, PREFIX_KEY and so on",
     "PREFIX"},
    {"certificates", 0, 0, G_OPTION_ARG_FILENAME, NULL, "create: make an X.509 certificate as well",
     "DIR"},
    {NULL},
};

const Command account_command = {
    .name = "account",
    .arguments = "create NAME | list",
    .summary = "more AWS accounts in this cloud",
    .help = "An account has keys, a network, instances and buckets of its own, as on AWS.\n"
            "'create' makes one and shows the key of its root, which is told only now; with\n"
            "--env as lines for the shell:\n"
            "\n"
            "  eval \"$(cumulet account create alt --env S3_ALT)\"\n"
            "  echo $S3_ALT_KEY $S3_ALT_SECRET $S3_ALT_ID $S3_ALT_ACCOUNT\n"
            "\n"
            "S3_ALT_ID is the canonical user id, by which S3 knows the account. For bundles and\n"
            "SOAP, --certificates makes pk-ID.pem, cert-ID.pem and EC2's cert-ec2.pem in a\n"
            "directory (and S3_ALT_PRIVATE_KEY and S3_ALT_CERT name the first two). 'list' shows\n"
            "account ids, names and canonical user ids.\n",
    .options = options,
    .operands_min = 1,
    .operands_max = 2,
    .run = account_run,
};
