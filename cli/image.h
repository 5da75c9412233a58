/* The subcommands of `cumulet image`. */
#pragma once

#include "cli/command.h"

/* What was given; NULL: not. */
typedef struct ImageOptions {
    gboolean force;
    char *mirror;
    char *name, *description, *architecture;
} ImageOptions;

/* argv[0] is the subcommand. */
bool image_run_build(Call *call, const ImageOptions *options, GError **error);
bool image_run_import(Call *call, const ImageOptions *options, GError **error);
