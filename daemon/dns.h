/* The DNS server for the host: answers the names of cloud/names.h by UDP and TCP, one thread, and
 * refuses all others, so that a resolver may be told to ask it for these domains only. */
#pragma once

#include "cloud/cloud.h"

typedef struct DnsServer DnsServer;

typedef struct DnsServerConfig {
    Cloud *cloud;
    const char *address; /* of this computer's loopback */
    unsigned port;
    const char *endpoint; /* address that the endpoint's names mean; borrowed, like cloud */
} DnsServerConfig;

/* Serves from then on. Fails with a line that says what to do when the port is taken. */
bool dns_server_open(const DnsServerConfig *config, DnsServer **ret_server, GError **error);
void dns_server_close(DnsServer *server); /* NULL is fine */
