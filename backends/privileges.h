/* What the process may do. Called once, first thing in main, before any thread exists.
 *
 * Started as root: becomes the service user, keeping NET_ADMIN, SYS_ADMIN, NET_BIND_SERVICE and
 * NET_RAW over the change, with no ambient capabilities, so that QEMU gets none; the state
 * directory is handed to that user first. Started as an ordinary user: enters a user namespace of
 * its own (the one an earlier daemon of the same state left running, when there is one) with its
 * own uid and gid mapped to themselves. Either way libvirt then sees an ordinary user. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct PrivilegesConfig {
    const char *state_dir;    /* exists or is made, mode 0700 */
    const char *run_dir;      /* <state>/run: where netns keeps the ids of what outlives us */
    const char *service_user; /* used when started as root: "cumulet", which is made when it is
                               * not there and useradd is, else "nobody" */
} PrivilegesConfig;

typedef enum PrivilegesKind {
    PRIVILEGES_SERVICE_USER,
    PRIVILEGES_USER_NAMESPACE,
} PrivilegesKind;

bool privileges_set_up(const PrivilegesConfig *config, PrivilegesKind *ret_kind, GError **error);
