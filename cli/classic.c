/* `cumulet classic`: the tools of old, as links to one program. */
#include "base/fault.h"
#include "cli/classic/tool.h"
#include "cli/commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PROGRAM "cumulet-classic"

/* It lies beside this one. */
static bool find_program(Arena *arena, const char **ret_path, GError **error)
{
    g_autofree char *own = g_file_read_link("/proc/self/exe", error);
    if (!own)
        return false;
    g_autofree char *directory = g_path_get_dirname(own);
    *ret_path = arena_printf(arena, "%s/" PROGRAM, directory);
    return access(*ret_path, X_OK) == 0 ||
           trouble_set_errno(error, errno, "cannot run %s", *ret_path);
}

/* A link of ours that is there already is made again; anything else is not ours to replace. */
static bool make_link(Arena *arena, const char *directory, const char *name, const char *program,
                      GError **error)
{
    const char *path = arena_printf(arena, "%s/%s", directory, name);
    g_autofree char *old = g_file_read_link(path, NULL);
    g_autofree char *to = old ? g_path_get_basename(old) : NULL;
    if (to && strcmp(to, PROGRAM) == 0)
        unlink(path);
    return symlink(program, path) == 0 ||
           trouble_set_errno(error, errno, "cannot make the link %s", path);
}

static bool install(Call *call, const char *directory, GError **error)
{
    const char *program;
    List names = {0};
    tool_names(call->arena, &names);
    if (!find_program(call->arena, &program, error))
        return false;
    if (g_mkdir_with_parents(directory, 0755) != 0)
        return trouble_set_errno(error, errno, "cannot make %s", directory);
    size_t n = 0;
    for (; list_at(&names, n); n++)
        if (!make_link(call->arena, directory, list_at(&names, n), program, error))
            return false;
    printf("%zu tools in %s; to use them: export PATH=\"%s:$PATH\"\n", n, directory, directory);
    return true;
}

static bool list(Call *call, GError **error)
{
    for (const ToolTable *table = tool_tables; table->family; table++)
        for (const Tool *tool = table->tools; tool->names; tool++)
            printf("%-46s  %s\n", tool_name(call->arena, tool), tool->summary);
    return true;
}

static bool classic_run(Call *call, GError **error)
{
    if (!call_parse(call, NULL, error))
        return false;
    if (strcmp(call->argv[0], "list") == 0 && call->argc == 1)
        return list(call, error);
    if (strcmp(call->argv[0], "install") == 0 && call->argc == 2) {
        g_autofree char *directory = g_canonicalize_filename(call->argv[1], NULL);
        return install(call, directory, error);
    }
    return usage_set(error, "there are 'classic install DIR' and 'classic list'");
}

const Command classic_command = {
    .name = "classic",
    .arguments = "install DIR | list",
    .summary = "the tools of old: ec2-…, elb-…, as-… and mon-…",
    .help = "install makes a link in DIR for each tool of the Amazon EC2 API tools and of the\n"
            "Elastic Load Balancing, Auto Scaling and CloudWatch tools: ec2-run-instances,\n"
            "ec2run, elb-create-lb, as-create-or-update-trigger, mon-get-stats and so on. They\n"
            "find this cloud by EC2_URL, EC2_PRIVATE_KEY, EC2_CERT, AWS_CREDENTIAL_FILE and the\n"
            "other variables of that time, or without any in the state directory. Each tells\n"
            "its options with --help. list shows all of them.\n",
    .operands_min = 1,
    .operands_max = 2,
    .run = classic_run,
};
