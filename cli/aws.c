/* `cumulet aws`: becomes the AWS CLI, pointed at this cloud.
 *
 * Invariant: the program gets --endpoint-url besides the environment, since the AWS CLI before 2.13
 * (Debian 12 has 2.9) does not read AWS_ENDPOINT_URL and would talk to the real AWS. */
#include "base/fault.h"
#include "base/process.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/environment.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROGRAM "aws"
#define ANSWER_TIMEOUT_MS 20000

/* The programs of that name on PATH, in its order, each once however many links lead to it. */
static void list_candidates(Arena *arena, const char *search_path, List *ret_paths)
{
    g_auto(GStrv) directories = g_strsplit(search_path ? search_path : "", ":", -1);
    List paths = {0}, seen = {0};
    for (char **directory = directories; *directory; directory++) {
        const char *path = arena_printf(arena, "%s/" PROGRAM, **directory ? *directory : ".");
        char real[PATH_MAX];
        if (!g_file_test(path, G_FILE_TEST_IS_REGULAR) || access(path, X_OK) < 0 ||
            !realpath(path, real) || list_has(&seen, real))
            continue;
        list_add(&seen, arena, arena_strdup(arena, real));
        list_add(&paths, arena, path);
    }
    *ret_paths = paths;
}

/* The first that answers: version managers put a stand-in of every name they ever knew in front,
 * and it fails when the chosen version lacks the program. A single one needs no asking. */
static bool find_program(Arena *arena, const char **ret_path, GError **error)
{
    List paths;
    list_candidates(arena, g_getenv("PATH"), &paths);
    for (size_t i = 0; i < paths.n; i++) {
        const char *path = list_at(&paths, i);
        const ProcessSpec spec = {.argv = (const char *const[]){path, "--version", NULL},
                                  .timeout_ms = ANSWER_TIMEOUT_MS};
        if (i + 1 == paths.n || process_run(&spec, NULL, NULL)) {
            *ret_path = path;
            return true;
        }
    }
    return trouble_set(error, "the AWS CLI ('aws') is not on PATH; install it, on Debian with: "
                              "apt-get install awscli");
}

static bool aws_run(Call *call, GError **error)
{
    Target target;
    const char *program = NULL;
    if (!target_open(call, &target, error) || !client_probe(call->arena, &target, error) ||
        !find_program(call->arena, &program, error))
        return false;

    List variables;
    environment_list(call->arena, &target, (const char *const *)environ, &variables);
    LIST_EACH (const Variable *, variable, &variables) {
        if (variable->value)
            g_setenv(variable->name, variable->value, TRUE);
        else
            g_unsetenv(variable->name);
    }
    g_setenv("AWS_PAGER", "", TRUE);

    g_autofree const char **argv = g_new0(const char *, (size_t)call->argc + 4);
    argv[0] = program;
    argv[1] = "--endpoint-url";
    argv[2] = target.endpoint;
    memcpy(argv + 3, call->argv, (size_t)call->argc * sizeof(char *));
    return become(argv, error);
}

const Command aws_command = {
    .name = "aws",
    .arguments = "[AWS-ARGUMENT…]",
    .summary = "the AWS CLI against this cloud",
    .help = "Runs the AWS CLI with this cloud's credentials, region and endpoint, and without\n"
            "a pager:\n"
            "\n"
            "  cumulet aws ec2 describe-instances\n"
            "  cumulet aws ec2 help\n"
            "\n"
            "The first 'aws' on PATH that works is taken. Ends with its exit code.\n",
    .passes_arguments = true,
    .run = aws_run,
};
