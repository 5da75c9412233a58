/* What the daemon answers to `cumulet status` and `cumulet reset`. */
#pragma once

#include "api/admin.h"
#include "cloud/cloud.h"
#include "imagestore/blobs.h"

typedef struct Admin {
    Cloud *cloud;
    Blobs *blobs;
    const char *account_id, *endpoint, *region, *privileges;
    bool fake;       /* the back end */
    int64_t started; /* monotonic, µs */
} Admin;

/* Hooks over an Admin that outlives them. */
AdminHooks admin_hooks(Admin *admin, bool allow_reset);
