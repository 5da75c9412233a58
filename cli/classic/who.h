/* Where a tool's request goes and who signs it. */
#pragma once

#include "cli/classic/form.h"

typedef struct Who {
    const char *url;
    const char *region;
    const char *access_key, *secret_key;
    const char *security_token; /* NULL: none */
    const char *authority;      /* certificate file for https; NULL: the system's */
} Who;

/* By the options, else the environment of that time, else the cloud that runs here:
 *
 *     address  --url; EC2_URL, AWS_ELB_URL …; AWS_ENDPOINT_URL or EC2_URL; the state directory
 *     key      the options' key, or X.509 pair; AWS_ACCESS_KEY and AWS_SECRET_KEY;
 *              AWS_CREDENTIAL_FILE; EC2_PRIVATE_KEY and EC2_CERT; the state directory
 *
 * With an X.509 pair the daemon at the address tells the access key. */
bool who_find(const Form *form, Who *ret_who, GError **error);

/* Asks the daemon at who->url for the access key of the certificate's user; fills the key's
 * members. */
bool who_by_certificate(Arena *arena, const char *private_key_file, const char *certificate_file,
                        Who *who, GError **error);
