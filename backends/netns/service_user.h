/* From root to the service user. Only for privileges.c. */
#pragma once

#include "backends/privileges.h"

/* Hands the state directory to the service user, gives it access to /dev/net/tun and /dev/kvm,
 * and becomes it. Single-threaded. */
bool service_user_become(const PrivilegesConfig *config, GError **error);
