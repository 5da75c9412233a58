/* A tool at work. */
#pragma once

#include "cli/classic/form.h"

/* Runs the tool that `called` names, as if it had been called so, and returns its exit status. */
int session_run(const char *called, int argc, char **argv);
