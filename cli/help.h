/* Help texts, made of the table of commands. */
#pragma once

#include "cli/command.h"

/* Prints the list of commands, the global options and the exit codes. */
void help_show_all(void);
/* Prints one command's usage, help and options. */
void help_show(const Command *command);
