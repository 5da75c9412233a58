/* A process that outlives the daemon, and how the next daemon knows it again.
 *
 * A process id alone is not an identity: it is given to another process later. A survivor is
 * known by process id, start time and boot, kept in a file; before it is signalled it is held by
 * a pidfd and looked at again, so a stranger never gets our signal. Thread-safe. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

/* Writes path for the running process pid. */
bool survivor_record(const char *path, pid_t pid, GError **error);

/* The process that path names, or 0 when there is no such file or that process has ended. */
pid_t survivor_find(const char *path);

/* A process of our own user that runs the named program with exactly this argument, or 0: for
 * one whose starter was killed before it could record it. */
pid_t survivor_search(const char *program, const char *argument);

/* Ends the process that path names, and waits until it is gone (SIGTERM, after a second
 * SIGKILL); then removes path. Success when there was none. */
bool survivor_end(const char *path, GError **error);
/* The same for a process found by survivor_search. 0 is fine. */
bool survivor_end_pid(pid_t pid, GError **error);

/* A pidfd of the process that path names, for poll; -1 when it has ended. */
int survivor_watch(const char *path);

/* SIGHUP: read your files again. False when it has ended. */
bool survivor_hang_up(const char *path);
