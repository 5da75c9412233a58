/* What the holder of an X.509 key signs to learn the access key of the certificate's user. The
 * command line signs it, the daemon verifies it (cloud/certificate_login.h). */
#pragma once

#include "base/arena.h"

#include <stdint.h>

/* Of the certificate as it is sent (PEM), a time in seconds since the epoch, and a word that is
 * used once. In the arena. Pure. */
const char *login_text(Arena *arena, const char *certificate, int64_t time, const char *nonce);
