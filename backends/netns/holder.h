/* The namespace of one network, and the process that keeps it while no daemon runs.
 *
 * A namespace lives as long as something is in it. The holder is a process that does nothing else
 * (`sleep infinity`, without any capability): it is in the network namespace, and as an ordinary
 * user in the user namespace that owns it. The next daemon finds it by the file <run_dir>/holder
 * and goes in through /proc. Thread-safe. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

/* The holder of the network whose run directory is given, or 0. */
pid_t holder_find(const char *run_dir);

/* A descriptor of its "net" or "user" namespace. */
bool holder_open(pid_t holder, const char *kind, int *ret_fd, GError **error);

/* Puts the calling thread into the holder's network namespace, or, when there is no holder, into
 * a new one with a holder. *ret_new says which; *ret_fd is the namespace. */
bool holder_enter(const char *run_dir, int *ret_fd, bool *ret_new, GError **error);

/* Ends it: the namespace goes when the last thread has left it. */
bool holder_end(const char *run_dir, GError **error);
