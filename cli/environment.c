/* Variables for AWS's tools.
 *
 * Invariant: after these, no setting of the user's shell (a profile, a session token, an endpoint
 * for one service, a proxy) leads a client to another place, or to the real AWS. */
#include "cli/environment.h"

#include <string.h>

#define SERVICE_ENDPOINT "AWS_ENDPOINT_URL_"

/* What would win over, or get in the way of, what is exported. */
static const char *const unwanted[] = {
    "AWS_PROFILE",           "AWS_DEFAULT_PROFILE",        "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",    "AWS_CREDENTIAL_FILE",        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT",
};

static void add(Arena *arena, List *variables, const char *name, const char *value)
{
    Variable *variable = arena_new_struct(arena, Variable);
    *variable = (Variable){.name = name, .value = value};
    list_add(variables, arena, variable);
}

static const char *find(const char *const *environment, const char *name)
{
    size_t length = strlen(name);
    for (; environment && *environment; environment++)
        if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=')
            return *environment + length + 1;
    return NULL;
}

/* AWS_ENDPOINT_URL_S3 and the like win over AWS_ENDPOINT_URL. Only names that a shell can unset. */
static void add_service_endpoints(Arena *arena, const char *const *current, List *variables)
{
    for (; current && *current; current++) {
        if (!g_str_has_prefix(*current, SERVICE_ENDPOINT))
            continue;
        size_t length =
            strspn(*current, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
        if ((*current)[length] == '=')
            add(arena, variables, arena_strndup(arena, *current, length), NULL);
    }
}

/* Clients would send requests for this computer to the proxy. */
static void add_proxy_exception(Arena *arena, const Target *target, const char *const *current,
                                List *variables)
{
    static const char *const proxies[] = {"http_proxy",  "HTTP_PROXY", "https_proxy",
                                          "HTTPS_PROXY", "all_proxy",  "ALL_PROXY"};
    bool proxied = false;
    for (size_t i = 0; i < G_N_ELEMENTS(proxies); i++)
        proxied = proxied || find(current, proxies[i]);
    g_autoptr(GUri) uri = g_uri_parse(target->endpoint, G_URI_FLAGS_NONE, NULL);
    if (!proxied || !uri)
        return;
    const char *host = g_uri_get_host(uri);
    static const char *const names[] = {"no_proxy", "NO_PROXY"};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        const char *old = find(current, names[i]);
        g_auto(GStrv) hosts = g_strsplit(old ? old : "", ",", -1);
        if (g_strv_contains((const char *const *)hosts, host))
            continue;
        add(arena, variables, names[i],
            arena_printf(arena, "%s%s%s", old ? old : "", old && *old ? "," : "", host));
    }
}

void environment_list(Arena *arena, const Target *target, const char *const *current,
                      List *ret_variables)
{
    List variables = {0};
    for (size_t i = 0; i < G_N_ELEMENTS(unwanted); i++)
        add(arena, &variables, unwanted[i], NULL);
    add_service_endpoints(arena, current, &variables);

    const Variable exported[] = {
        {"CUMULET_STATE", target->state_dir},
        /* AWS CLI and SDKs. */
        {"AWS_ACCESS_KEY_ID", target->access_key_id},
        {"AWS_SECRET_ACCESS_KEY", target->secret_access_key},
        {"AWS_DEFAULT_REGION", target->region},
        {"AWS_REGION", target->region},
        {"AWS_ENDPOINT_URL", target->endpoint},
        {"AWS_EC2_METADATA_DISABLED", "true"},
        {"AWS_CA_BUNDLE", target->authority}, /* for its https endpoint */
        /* The tools of 2009 to 2014: EC2 API tools, euca2ools, s3 and boto scripts. */
        {"AWS_ACCESS_KEY", target->access_key_id},
        {"AWS_SECRET_KEY", target->secret_access_key},
        {"EC2_ACCESS_KEY", target->access_key_id},
        {"EC2_SECRET_KEY", target->secret_access_key},
        {"EC2_REGION", target->region},
        {"EC2_URL", target->endpoint},
        {"S3_URL", target->endpoint},
        {"AWS_ELB_URL", target->endpoint},
        {"AWS_AUTO_SCALING_URL", target->endpoint},
        {"AWS_CLOUDWATCH_URL", target->endpoint},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(exported); i++)
        add(arena, &variables, exported[i].name, exported[i].value);
    add_proxy_exception(arena, target, current, &variables);
    *ret_variables = variables;
}

const char *environment_line(Arena *arena, const Variable *variable, bool unset)
{
    if (unset || !variable->value)
        return arena_printf(arena, "unset %s", variable->name);
    g_autofree char *quoted = g_shell_quote(variable->value);
    return arena_printf(arena, "export %s=%s", variable->name, quoted);
}
