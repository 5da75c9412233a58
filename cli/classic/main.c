/* cumulet-classic: the tools of old. Which of them it is, its own name says. */
#include "cli/classic/session.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>

#define OWN_NAME "cumulet-classic"

int main(int argc, char **argv)
{
    g_autofree char *called = g_path_get_basename(argc > 0 ? argv[0] : OWN_NAME);
    if (strcmp(called, OWN_NAME) != 0)
        return session_run(called, argc - 1, argv + 1);
    if (argc > 1)
        return session_run(argv[1], argc - 2, argv + 2);
    fputs("Usage: cumulet-classic TOOL [ARGUMENT...]\n"
          "or by a link of the tool's name: 'cumulet classic install DIR' makes them\n",
          stderr);
    return 1;
}
