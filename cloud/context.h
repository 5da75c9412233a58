/* Who asks, and where the answer is made: what every verb of cloud/ that serves a request takes.
 * One thread at a time. */
#pragma once

#include "base/arena.h"
#include <string.h>

typedef struct Cloud Cloud;

typedef struct Caller {
    const char *account_id; /* 12 digits */
    const char *arn;        /* arn:aws:iam::123456789012:root, or :user/PATH/NAME */
    const char *user_id;
    const char *access_key_id;
} Caller;

/* The name of the user who calls; NULL: the account's root. Lives as long as the caller. */
static inline const char *caller_user_name(const Caller *caller)
{
    const char *user = caller->arn ? strstr(caller->arn, ":user/") : NULL;
    return user ? strrchr(user, '/') + 1 : NULL;
}

typedef struct Context {
    Cloud *cloud;
    Arena *arena; /* everything that a verb returns lives here */
    Caller caller;
    const char *region;
    const char *request_id;
} Context;
