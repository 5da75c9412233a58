/* The files by which others find the daemon: STATE/run/cumuletd.pid, STATE/run/ready,
 * STATE/credentials. */
#pragma once

#include "cloud/accounts.h"

/* Makes the directories. */
bool state_prepare(const char *state_dir, GError **error);
/* Takes the lock of the state directory and writes the process id; fails when another daemon has
 * it. The descriptor is held until the process ends. */
bool state_lock(const char *state_dir, int *ret_fd, GError **error);
/* Writes <state>/credentials, in the form of AWS's credentials file, unless it says so already.
 * https_endpoint: NULL: there is none. */
bool state_write_credentials(const char *state_dir, const char *endpoint,
                             const char *https_endpoint, const char *region, const AccessKey *key,
                             GError **error);
/* The endpoint serves. */
bool state_write_ready(const char *state_dir, const char *endpoint, GError **error);
/* It does no longer. */
void state_remove_ready(const char *state_dir);
