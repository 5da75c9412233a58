/* What a subcommand of `cumulet` is: one row of data and one function.
 *
 * A command writes its answer to standard output and everything else (progress, hints) to standard
 * error. It reports failure through GError like all code here; main.c prints it and turns it into
 * the exit status:
 *
 *     0  done
 *     1  failed
 *     2  wrong usage (an error of GLib's G_OPTION_ERROR domain)
 *     3  no daemon serves this cloud (a trouble with code NO_DAEMON)
 *
 * `aws` and `ssh` become the program they run and end with its status. */
#pragma once

#include "base/arena.h"

#include <errno.h>
#include <glib.h>
#include <stdbool.h>

#define NO_DAEMON ESRCH

typedef struct Call Call;

typedef struct Command {
    const char *name;
    const char *arguments; /* "INSTANCE [SSH-OPTION…] [COMMAND…]"; "" when it takes none */
    const char *summary;   /* one line without a full stop */
    const char *help;      /* paragraphs, each line under 80 columns, ending in a newline */
    const GOptionEntry *options; /* ends with {NULL}; arg_data is NULL: call_parse fills it in */
    unsigned operands_min;
    unsigned operands_max;
    /* Most of its arguments are for another program: --help counts as first argument only. */
    bool passes_arguments;
    bool (*run)(Call *call, GError **error);
} Command;

/* One use of a command. */
struct Call {
    Arena *arena; /* lives as long as the process */
    const Command *command;
    const char *state_option; /* --state DIR, or NULL */
    int argc;                 /* arguments after the command's name; call_parse leaves operands */
    char **argv;              /* ends with NULL */
};

/* Reads the command's options out of argv. targets[i] receives what options[i] was given (bool
 * options are gboolean, texts are char *, NULL before and the arena's after); --state is understood
 * too. Fails
 * with G_OPTION_ERROR when an option is unknown or the number of operands is wrong. */
bool call_parse(Call *call, void *const targets[], GError **error);

/* Wrong usage. Returns false. */
bool usage_set(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Becomes the program argv[0] (looked up on PATH), with this process's environment. Returns only
 * when that fails, with false. */
bool become(const char *const argv[], GError **error);
