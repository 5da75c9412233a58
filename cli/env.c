/* `cumulet env`. */
#include "cli/commands.h"
#include "cli/environment.h"
#include "base/fault.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool env_run(Call *call, GError **error)
{
    gboolean unset = FALSE, https = FALSE;
    Target target;
    if (!call_parse(call, (void *const[]){&unset, &https}, error) ||
        !target_open(call, &target, error))
        return false;
    if (https && !target.https_endpoint)
        return trouble_set(error, "this cloud has no https endpoint; start its daemon with "
                                  "--https-port N");
    if (https)
        target.endpoint = target.https_endpoint;
    if (!target.ready && !unset)
        fprintf(stderr, "cumulet: no daemon runs for %s yet; start it with: %s\n", target.state_dir,
                target_start_command(call->arena, target.state_dir));

    List variables;
    environment_list(call->arena, &target, (const char *const *)environ, &variables);
    LIST_EACH (const Variable *, variable, &variables) {
        /* What the user had in no_proxy before stays his. */
        if (unset && g_ascii_strcasecmp(variable->name, "no_proxy") == 0)
            continue;
        puts(environment_line(call->arena, variable, unset));
    }
    if (!unset && isatty(STDOUT_FILENO))
        fputs("# to use it: eval \"$(cumulet env)\"\n", stdout);
    return true;
}

static const GOptionEntry options[] = {
    {"unset", 0, 0, G_OPTION_ARG_NONE, NULL, "lines that take the variables away again", NULL},
    {"https", 0, 0, G_OPTION_ARG_NONE, NULL, "the endpoint by https", NULL},
    {NULL},
};

const Command env_command = {
    .name = "env",
    .arguments = "",
    .summary = "shell lines that point AWS's tools at this cloud",
    .help = "Prints lines for the shell:\n"
            "\n"
            "  eval \"$(cumulet env)\"           # from now on, in this shell\n"
            "  eval \"$(cumulet env --unset)\"   # no longer\n"
            "\n"
            "They set the credentials, region and endpoint for the AWS CLI (2.13 and newer\n"
            "read AWS_ENDPOINT_URL; for older ones use 'cumulet aws'), the SDKs and the\n"
            "classic tools, and unset what would lead them elsewhere: profiles, session\n"
            "tokens, endpoints of single services. With --https they name the endpoint that\n"
            "is reached by TLS; its certificate is vouched for by the cloud's own authority,\n"
            "STATE/certificates/authority.pem, which AWS_CA_BUNDLE names in any case.\n",
    .options = options,
    .run = env_run,
};
