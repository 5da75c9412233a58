/* What the daemon answers to `cumulet status` and `cumulet reset`. */
#pragma once

#include "api/admin.h"
#include "cloud/certificate_login.h"
#include "cloud/cloud.h"
#include "imagestore/blobs.h"

typedef struct Admin {
    Cloud *cloud;
    Blobs *blobs;
    CertificateLogins *logins;
    const char *account_id, *endpoint, *region, *privileges;
    const char *dns_address; /* NULL: there is no DNS server */
    int dns_port;
    bool fake;       /* the back end */
    int64_t started; /* monotonic, µs */
} Admin;

/* Hooks over an Admin that outlives them. */
AdminHooks admin_hooks(Admin *admin, bool allow_reset);
