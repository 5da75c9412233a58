/* The arguments of `cumulet ssh`: ssh's own, with an instance's id in the place of the host. Pure.
 *
 *     [--wait SECONDS] [--state DIR] [SSH-OPTION…] [USER@]INSTANCE [SSH-OPTION…] [COMMAND…]
 */
#pragma once

#include "cli/instance.h"

typedef struct SshArguments {
    List own;             /* of char *: cumulet's options, which begin with two hyphens */
    List options;         /* of const char *: ssh's, from before and after the host */
    const char *user;     /* of USER@INSTANCE, or NULL */
    const char *instance; /* never NULL */
    List command;         /* of const char *: what is to run there */
    const char *port;     /* of -p, or NULL */
    bool has_identity;    /* -i is there */
} SshArguments;

/* Tells the parts from each other as ssh(1) itself does. A missing or odd id is wrong usage. */
bool ssh_arguments_parse(Arena *arena, int argc, char **argv, SshArguments *ret_arguments,
                         GError **error);

/* The command line to run, ending with NULL. The user's options come first and so win over ours,
 * since ssh keeps the first value it gets. identity (may be NULL) is a key file to offer. */
const char *const *ssh_command_line(Arena *arena, const SshArguments *arguments,
                                    const Instance *instance, const char *state_dir,
                                    const char *identity);
