/* The HTTP server: any number of listeners (the host's loopback, the guests' network) over one
 * table of routes and one pool of workers. Event threads answer what only reads; what waits runs
 * on a worker meanwhile (api/route.h). Plain HTTP: TLS is terminated in lb/, which hands over what
 * it has decrypted (server_take).
 *
 * Thread-safe but for server_stop and server_free, which its owner calls once. */
#pragma once

#include "api/route.h"

#define SERVER_THREADS 2
#define SERVER_WORKERS 16
#define SERVER_MAX_CONNECTIONS 4096
#define SERVER_MAX_QUEUED 10000 /* exchanges that wait for a worker */
#define SERVER_IDLE_SECONDS 60
/* Of one request's line and headers, with libmicrohttpd's table of them. It is zeroed for every
 * request: twice as much costs a tenth more CPU. */
#define SERVER_HEADER_BYTES (20 * 1024)

typedef struct ServerConfig {
    const Route *const *routes; /* NULL-terminated; the last matches everything; borrowed */
    unsigned workers;           /* 0: SERVER_WORKERS */
    unsigned max_queued;        /* 0: SERVER_MAX_QUEUED */
    unsigned idle_seconds;      /* 0: SERVER_IDLE_SECONDS */
} ServerConfig;

typedef struct Server Server;

Server *server_new(const ServerConfig *config);

/* A listening socket in the calling thread's network namespace; port 0: any free one. Address is
 * numeric. Fails with a line that says who to ask when the port is taken. */
bool server_listen(const char *address, unsigned port, int *ret_fd, GError **error);

/* Serves a listening socket, which becomes the server's even on failure, with as many event
 * threads and at most so many connections (0: the defaults). */
bool server_add_listener(Server *server, int fd, unsigned threads, unsigned max_connections,
                         GError **error);

/* Makes server_take possible, with at most so many connections (0: the default). */
bool server_add_secure(Server *server, unsigned max_connections, GError **error);
/* Serves one connection, whose other end somebody who terminates TLS relays: its requests count as
 * having come by https from client (IPv4, host byte order). fd, a connected non-blocking stream
 * socket of any kind, becomes the server's even on failure. Any thread, never waits. 0, or -errno:
 * the server is stopping or has too many. */
int server_take(Server *server, int fd, uint32_t client);

/* Refuses new requests, finishes those that run, waits up to five seconds until their replies are
 * sent, then closes everything. */
void server_stop(Server *server);
void server_free(Server *server); /* stops first; NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Server, server_free)
