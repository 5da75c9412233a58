/* Helpers: PREFIX-version tells versions; PREFIX-cmd runs another tool of its family, or lists
 * them. */
#include "cli/classic/helpers.h"
#include "cli/classic/session.h"
#include "cli/classic/tool.h"
#include "cli/classic/usage.h"
#include "cli/suggest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const Family *const families[] = {&ec2_family, &elb_family, &as_family, &mon_family};

static int show_version(const Family *family, int argc, char **argv)
{
    if (family->plain)
        printf("%s %s\n", CUMULET_VERSION, family->version);
    else
        printf("Cumulet %s Command Line Interface version %s (API %s)\n", family->name,
               CUMULET_VERSION, family->version);
    return EXIT_SUCCESS;
}

static int run_other(const Family *family, int argc, char **argv)
{
    if (argc > 0 && *argv[0] != '-')
        return session_run(argv[0], argc - 1, argv + 1);
    usage_show_family(family, stdout);
    return EXIT_SUCCESS;
}

static const struct {
    const char *suffix;
    int (*run)(const Family *family, int argc, char **argv);
} helpers[] = {
    {"version", show_version},
    {"cmd", run_other},
};

static const char *name_of(Arena *arena, size_t family, size_t helper)
{
    return arena_printf(arena, "%s-%s", families[family]->prefix, helpers[helper].suffix);
}

void helper_names(Arena *arena, List *list)
{
    for (size_t i = 0; i < G_N_ELEMENTS(families); i++)
        for (size_t j = 0; j < G_N_ELEMENTS(helpers); j++)
            list_add(list, arena, name_of(arena, i, j));
}

static int refuse(Arena *arena, const char *called)
{
    List names = {0};
    tool_names(arena, &names);
    const char *like = suggest(called, (const char *const *)names.items);
    fprintf(stderr, "%s: there is no tool of that name", called);
    if (like)
        fprintf(stderr, "; did you mean '%s'?\n", like);
    else
        fputs("; 'cumulet classic list' shows them\n", stderr);
    return EXIT_FAILURE;
}

int helper_run(const char *called, int argc, char **argv)
{
    g_autoptr(Arena) arena = arena_new();
    for (size_t i = 0; i < G_N_ELEMENTS(families); i++)
        for (size_t j = 0; j < G_N_ELEMENTS(helpers); j++)
            if (strcmp(name_of(arena, i, j), called) == 0)
                return helpers[j].run(families[i], argc, argv);
    return refuse(arena, called);
}
