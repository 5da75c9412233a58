/* Configuration files of other programs, which point them at this cloud: STATE/clients/NAME. */
#pragma once

#include "cli/target.h"

typedef struct ClientFile {
    const char *name; /* "rclone.conf" */
    const char *use;  /* how it is used: "rclone --config" */
    char *(*format)(Arena *arena, const Target *target);
} ClientFile;

/* Ends with one without a name. */
extern const ClientFile client_files[];

/* Writes one of them, for its owner only, and returns its path. */
bool client_file_write(Arena *arena, const Target *target, const ClientFile *file,
                       const char **ret_path, GError **error);
/* NULL when there is none of that name. */
const ClientFile *client_file_find(const char *name);
