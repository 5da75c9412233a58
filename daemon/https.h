/* The endpoint by HTTPS: certificates of the cloud's own authority, TLS taken off in lb/, requests
 * handed to the endpoint's server as having come by https from their client. */
#pragma once

#include "api/server.h"
#include "cloud/authority.h"

typedef struct Https Https;

typedef struct HttpsConfig {
    const Authority *authority; /* borrowed */
    Server *server;             /* borrowed; outlives it */
    const char *bind;           /* an address of this computer, or 0.0.0.0; borrowed */
} HttpsConfig;

/* Listens nowhere yet. From a thread outside of the guests' networks. */
bool https_open(const HttpsConfig *config, Https **ret_https, GError **error);
/* Listens in the calling thread's network; address is added to the certificate's names. Fails with
 * a line that says who to ask when the port is taken. */
bool https_listen(Https *https, const char *address, unsigned port, GError **error);
/* Ends every connection. After the server was stopped, which lets requests finish. NULL is fine. */
void https_close(Https *https);
