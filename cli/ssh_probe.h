/* Whether an SSH server answers. */
#pragma once

#include <stdbool.h>

/* Connects to the numeric address and waits for an SSH server's greeting ("SSH-…"), all within
 * timeout_ms. A connection alone proves nothing: a relay may accept it before the guest's server
 * runs. port NULL is 22. */
bool ssh_answers(const char *address, const char *port, unsigned timeout_ms);
