/* The tools that ask nothing of a service: ec2-version, elb-cmd and the like. */
#pragma once

#include "base/arena.h"

/* Runs the helper of that name, or says that there is none, with the nearest name. Returns the
 * exit status. */
int helper_run(const char *called, int argc, char **argv);
/* Their names: const char *, added to list. */
void helper_names(Arena *arena, List *list);
