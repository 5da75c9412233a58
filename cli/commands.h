/* The table of all commands. */
#pragma once

#include "cli/command.h"

extern const Command account_command, classic_command, clock_command, dns_command, hosts_command,
    s3cfg_command, status_command, env_command, credentials_command, aws_command, ssh_command,
    console_command, image_command, fsck_command, reset_command, stop_command, version_command,
    help_command;

/* In the order in which help shows them; ends with NULL. */
extern const Command *const commands[];

/* NULL when there is none of that name. */
const Command *command_find(const char *name);

/* Fails with a usage error that suggests the name most like it. */
bool command_require(const char *name, const Command **ret_command, GError **error);
