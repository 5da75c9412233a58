/* The daemon as a process. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

#define DAEMON_NAME "cumuletd"

/* Whether process pid is a cumuletd by its executable's or its first argument's name (a process
 * that ended and waits for its parent is none). */
bool process_is_daemon(pid_t pid);

/* The process that STATE/run/cumuletd.pid names, when it lives and is a cumuletd. False with or
 * without error set: without, there is none. error may be NULL. */
bool daemon_find(const char *state_dir, pid_t *ret_pid, GError **error);
