/* Addresses and access keys, by the rules of the tools of old. */
#include "cli/classic/who.h"
#include "base/fault.h"
#include "base/file.h"
#include "cli/target.h"

#include <string.h>

#define CREDENTIAL_FILE_MAX ((size_t)64 * 1024)
#define REGION "us-east-1"

/* A variable's value; NULL when it is empty, too. */
static const char *variable(const char *name)
{
    const char *value = g_getenv(name);
    return value && *value ? value : NULL;
}

/* The cloud of the state directory, read when something is missing. */
typedef struct Local {
    bool tried;
    bool there;
    Target target;
    GError *error; /* why there is none */
} Local;

static void local_clear(Local *local)
{
    g_clear_error(&local->error);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Local, local_clear)

static const Target *local_target(const Form *form, Local *local)
{
    if (!local->tried) {
        const Call call = {.arena = form->arena};
        local->there = target_open(&call, &local->target, &local->error);
        local->tried = true;
    }
    return local->there ? &local->target : NULL;
}

static bool refuse_local(Local *local, const char *what, GError **error)
{
    g_propagate_prefixed_error(error, g_steal_pointer(&local->error), "no %s is given, and ", what);
    return false;
}

/* ---- the address ---- */

static const char *given_url(const Form *form)
{
    const char *url = form->common.url;
    if (!url)
        url = variable(form->family->url_variable);
    if (!url)
        url = variable("AWS_ENDPOINT_URL");
    return url ? url : variable("EC2_URL");
}

static bool find_url(const Form *form, Local *local, Who *who, GError **error)
{
    who->url = given_url(form);
    if (!who->url) {
        const Target *target = local_target(form, local);
        if (!target)
            return refuse_local(local, "service URL", error);
        who->url = target->endpoint;
    }
    if (!g_str_has_prefix(who->url, "http://") && !g_str_has_prefix(who->url, "https://"))
        return trouble_set(error,
                           "Malformed service URL: '%s' begins with neither http:// nor "
                           "https://",
                           who->url);
    who->authority = variable("AWS_CA_BUNDLE");
    if (!who->authority && g_str_has_prefix(who->url, "https://") && local_target(form, local))
        who->authority = local->target.authority;
    return true;
}

static void find_region(const Form *form, Local *local, Who *who)
{
    static const char *const names[] = {"EC2_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"};
    who->region = form->common.region;
    for (size_t i = 0; !who->region && i < G_N_ELEMENTS(names); i++)
        who->region = variable(names[i]);
    if (!who->region)
        who->region = local_target(form, local) ? local->target.region : REGION;
}

/* ---- the key ---- */

/* AWSAccessKeyId=…, AWSSecretKey=…, a line each. */
static bool read_credential_file(Arena *arena, const char *path, Who *who, GError **error)
{
    g_autofree char *text = NULL;
    if (!file_read(path, CREDENTIAL_FILE_MAX, &text, NULL, error))
        return false;
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (size_t i = 0; lines[i]; i++) {
        char *value = strchr(lines[i], '=');
        if (!value || *g_strchug(lines[i]) == '#')
            continue;
        value = strchr(lines[i], '=');
        *value++ = '\0';
        g_strstrip(lines[i]);
        if (strcmp(lines[i], "AWSAccessKeyId") == 0)
            who->access_key = arena_strdup(arena, g_strstrip(value));
        else if (strcmp(lines[i], "AWSSecretKey") == 0)
            who->secret_key = arena_strdup(arena, g_strstrip(value));
    }
    return (who->access_key && who->secret_key) ||
           trouble_set(error, "%s has no line AWSAccessKeyId=… or no line AWSSecretKey=…", path);
}

static bool use_pair(const char *first, const char *second, const char *first_name,
                     const char *second_name, bool *ret_use, GError **error)
{
    *ret_use = first && second;
    return (!first == !second) ||
           trouble_set(error, "%s needs %s, too", first ? first_name : second_name,
                       first ? second_name : first_name);
}

typedef struct Source {
    const char *access_key, *secret_key, *private_key, *certificate, *file;
} Source;

/* *ret_found: the source had one. */
static bool try_source(const Form *form, const Source *source, Who *who, bool *ret_found,
                       GError **error)
{
    bool plain, signing;
    if (!use_pair(source->access_key, source->secret_key, "an access key id", "a secret access key",
                  &plain, error) ||
        !use_pair(source->private_key, source->certificate, "a private key's file",
                  "a certificate's file", &signing, error))
        return false;
    *ret_found = plain || source->file || signing;
    if (plain) {
        who->access_key = source->access_key;
        who->secret_key = source->secret_key;
        return true;
    }
    if (source->file)
        return read_credential_file(form->arena, source->file, who, error);
    return !signing ||
           who_by_certificate(form->arena, source->private_key, source->certificate, who, error);
}

static bool find_key(const Form *form, Local *local, Who *who, GError **error)
{
    const Common *common = &form->common;
    const Source sources[] = {
        {common->access_key, common->secret_key, common->private_key, common->certificate,
         common->credential_file},
        {variable("AWS_ACCESS_KEY"), variable("AWS_SECRET_KEY"), NULL, NULL,
         variable("AWS_CREDENTIAL_FILE")},
        {NULL, NULL, variable("EC2_PRIVATE_KEY"), variable("EC2_CERT"), NULL},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(sources); i++) {
        bool found;
        if (!try_source(form, &sources[i], who, &found, error))
            return false;
        if (found)
            return true;
    }
    const Target *target = local_target(form, local);
    if (!target)
        return refuse_local(local, "access key", error);
    who->access_key = target->access_key_id;
    who->secret_key = target->secret_access_key;
    return true;
}

bool who_find(const Form *form, Who *ret_who, GError **error)
{
    g_auto(Local) local = {0};
    Who who = {.security_token = form->common.security_token};
    if (!find_url(form, &local, &who, error))
        return false;
    find_region(form, &local, &who);
    if (!find_key(form, &local, &who, error))
        return false;
    *ret_who = who;
    return true;
}
