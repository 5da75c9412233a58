/* `cumulet ssh`: waits until the instance's SSH server answers, then becomes ssh. */
#include "base/fault.h"
#include "base/process.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/ssh_arguments.h"
#include "cli/ssh_probe.h"

#include <poll.h>
#include <string.h>

#define WAIT_DEFAULT_S 180
#define WAIT_MAX_S 3600
#define PROBE_MS 3000
#define PAUSE_MS 500

static bool set_late(const Instance *instance, const SshArguments *arguments, GError **error)
{
    if (strcmp(instance->state, "running") != 0)
        return trouble_set(error, "%s is still %s; wait longer with --wait SECONDS", instance->id,
                           instance->state);
    const char *port = arguments->port ? arguments->port : "22";
    return trouble_set(error,
                       "no SSH server answers at %s port %s; either it still boots ('cumulet "
                       "console %s' shows how far it is), or no rule of its security group opens "
                       "the port: cumulet aws ec2 authorize-security-group-ingress --group-name "
                       "GROUP --protocol tcp --port %s --cidr 0.0.0.0/0",
                       instance->public_ip, port, instance->id, port);
}

/* Whether ssh can be started, or could be later. With error set: never. */
static bool is_ready(const Instance *instance, const SshArguments *arguments, bool probe,
                     Progress *progress, GError **error)
{
    if (strcmp(instance->state, "pending") == 0) {
        progress_show(progress, "%s is pending", instance->id);
        return false;
    }
    if (strcmp(instance->state, "running") != 0)
        return trouble_set(error, "%s is %s; %s", instance->id, instance->state,
                           strcmp(instance->state, "stopped") == 0
                               ? "start it with: cumulet aws ec2 start-instances --instance-ids ID"
                               : "there is nothing to log in to");
    if (!*instance->public_ip)
        return trouble_set(error, "%s has no public address", instance->id);
    if (!probe || ssh_answers(instance->public_ip, arguments->port, PROBE_MS))
        return true;
    progress_show(progress, "waiting for the SSH server of %s at %s", instance->id,
                  instance->public_ip);
    return false;
}

static bool wait_until_ready(Arena *arena, const Target *target, const SshArguments *arguments,
                             int wait_s, Instance *ret_instance, GError **error)
{
    g_auto(Progress) progress;
    progress_init(&progress);
    int64_t deadline = g_get_monotonic_time() + (int64_t)wait_s * G_USEC_PER_SEC;
    for (;;) {
        Instance instance;
        g_autoptr(GError) failure = NULL;
        if (!instance_fetch(arena, target, arguments->instance, &instance, error))
            return false;
        if (is_ready(&instance, arguments, wait_s > 0, &progress, &failure)) {
            *ret_instance = instance;
            return true;
        }
        if (failure) {
            g_propagate_error(error, g_steal_pointer(&failure));
            return false;
        }
        if (g_get_monotonic_time() >= deadline)
            return set_late(&instance, arguments, error);
        /* Nothing tells when a server in a guest begins to listen: ask again, not too often. */
        poll(NULL, 0, PAUSE_MS);
    }
}

/* The private key that create-key-pair's answer was probably saved in: KEY.pem here, or KEY.pem or
 * KEY in ~/.ssh. NULL when there is none. */
static const char *find_identity(Arena *arena, const char *key_name)
{
    if (!*key_name || *key_name == '.' || strchr(key_name, '/'))
        return NULL;
    const char *const paths[] = {
        arena_printf(arena, "./%s.pem", key_name),
        arena_printf(arena, "%s/.ssh/%s.pem", g_get_home_dir(), key_name),
        arena_printf(arena, "%s/.ssh/%s", g_get_home_dir(), key_name),
    };
    for (size_t i = 0; i < G_N_ELEMENTS(paths); i++)
        if (g_file_test(paths[i], G_FILE_TEST_IS_REGULAR))
            return paths[i];
    return NULL;
}

static bool ssh_run(Call *call, GError **error)
{
    int wait_s = WAIT_DEFAULT_S;
    SshArguments arguments;
    if (!ssh_arguments_parse(call->arena, call->argc, call->argv, &arguments, error))
        return false;
    call->argc = (int)arguments.own.n;
    call->argv = (char **)arguments.own.items;
    Target target;
    if (!call_parse(call, (void *const[]){&wait_s}, error))
        return false;
    if (wait_s < 0 || wait_s > WAIT_MAX_S)
        return usage_set(error, "--wait takes 0 to %d seconds", WAIT_MAX_S);
    g_autofree char *program = process_find("ssh");
    if (!program)
        return trouble_set(error, "ssh is not on PATH; install it, on Debian with: apt-get install "
                                  "openssh-client");

    Instance instance;
    if (!target_open(call, &target, error) ||
        !wait_until_ready(call->arena, &target, &arguments, wait_s, &instance, error))
        return false;
    const char *identity =
        arguments.has_identity ? NULL : find_identity(call->arena, instance.key_name);
    return become(ssh_command_line(call->arena, &arguments, &instance, target.state_dir, identity),
                  error);
}

static const GOptionEntry options[] = {
    {"wait", 0, 0, G_OPTION_ARG_INT, NULL, "how long to wait for its SSH server (180; 0: not)",
     "SECONDS"},
    {NULL},
};

const Command ssh_command = {
    .name = "ssh",
    .arguments = "[SSH-OPTION…] [USER@]INSTANCE [SSH-OPTION…] [COMMAND…]",
    .summary = "a shell, or a command, in an instance",
    .help = "Logs in to an instance, as root unless another user is named:\n"
            "\n"
            "  cumulet ssh -i k.pem i-0123456789abcdef0\n"
            "  cumulet ssh -i k.pem admin@i-0123456789abcdef0 uptime\n"
            "\n"
            "Options with one hyphen and the command are ssh's. Without -i, the instance's\n"
            "key is looked for as KEY.pem here and as KEY.pem or KEY in ~/.ssh. Host keys are\n"
            "kept under the instance's id in STATE/known_hosts, apart from yours.\n"
            "Waits until the instance's SSH server answers. Ends with ssh's exit code.\n",
    .options = options,
    .passes_arguments = true,
    .run = ssh_run,
};
