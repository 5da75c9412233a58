/* The server's life: listeners come, everything stops.
 *
 * Invariant: libmicrohttpd daemons are stopped only when no connection is suspended: stopping one
 * with suspended connections ends the process. */
#include "api/server.h"

#include "api/connection.h"
#include "base/fault.h"
#include "base/file.h"
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>

#define DRAIN_SECONDS 5

struct Server {
    Traffic traffic;
    unsigned idle_seconds;
    GMutex lock;
    GPtrArray *daemons; /* of struct MHD_Daemon; under lock */
    bool stopped;
};

Server *server_new(const ServerConfig *config)
{
    Server *server = g_new0(Server, 1);
    server->idle_seconds = config->idle_seconds ? config->idle_seconds : SERVER_IDLE_SECONDS;
    server->daemons = g_ptr_array_new();
    server->traffic.routes = config->routes;
    server->traffic.workers =
        jobs_new("api", config->workers ? config->workers : SERVER_WORKERS, NULL, NULL);
    jobs_set_limit(server->traffic.workers,
                   config->max_queued ? config->max_queued : SERVER_MAX_QUEUED);
    g_mutex_init(&server->traffic.lock);
    g_cond_init(&server->traffic.quieter);
    g_mutex_init(&server->lock);
    return server;
}

/* What is accepted inherits it. Clients are near, mostly on this host, where pacing (bbr) costs the
 * sender up to half as much CPU again. Not every kernel offers it; the default will do. */
static void set_congestion_control(int fd)
{
    static const char name[] = "reno";
    setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, sizeof(name) - 1);
}

static bool open_listening(const struct addrinfo *info, int *ret_fd)
{
    autofd fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int on = 1;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        bind(fd, info->ai_addr, info->ai_addrlen) < 0 || listen(fd, SOMAXCONN) < 0)
        return false;
    set_congestion_control(fd);
    *ret_fd = fd_steal(&fd);
    return true;
}

bool server_listen(const char *address, unsigned port, int *ret_fd, GError **error)
{
    char service[16];
    snprintf(service, sizeof(service), "%u", port);
    const struct addrinfo hints = {
        .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
        .ai_socktype = SOCK_STREAM,
    };
    struct addrinfo *info;
    int failure = getaddrinfo(address, service, &hints, &info);
    if (failure)
        return trouble_set(error, "cannot listen on %s: %s", address, gai_strerror(failure));
    bool ok = open_listening(info, ret_fd);
    int errnum = errno;
    freeaddrinfo(info);
    if (ok)
        return true;
    if (errnum == EADDRINUSE)
        return trouble_set(error,
                           "port %u of %s is taken: stop the program that listens there, or "
                           "choose another port with --port",
                           port, address);
    return trouble_set_errno(error, errnum, "cannot listen on port %u of %s", port, address);
}

bool server_add_listener(Server *server, int fd, unsigned threads, unsigned max_connections,
                         GError **error)
{
    unsigned pool = threads ? threads : SERVER_THREADS;
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
        http_connection_go_on, &server->traffic, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_URI_LOG_CALLBACK, http_connection_open, &server->traffic,
        MHD_OPTION_UNESCAPE_CALLBACK, http_connection_unescape, &server->traffic,
        MHD_OPTION_NOTIFY_COMPLETED, http_connection_end, &server->traffic,
        MHD_OPTION_CONNECTION_LIMIT, max_connections ? max_connections : SERVER_MAX_CONNECTIONS,
        MHD_OPTION_CONNECTION_TIMEOUT, server->idle_seconds, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)SERVER_HEADER_BYTES,
        /* A pool of one thread is libmicrohttpd's plain internal thread. */
        pool > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END, pool, MHD_OPTION_END);
    if (!daemon) {
        int errnum = errno;
        close(fd);
        return trouble_set_errno(error, errnum, "cannot start the HTTP server");
    }
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&server->lock);
    g_ptr_array_add(server->daemons, daemon);
    return true;
}

static void wait_for_work(Traffic *traffic) /* lock held */
{
    while (atomic_load(&traffic->working) > 0)
        g_cond_wait(&traffic->quieter, &traffic->lock);
}

/* Returns when no request is under way, or its client has not taken the reply in time. */
static void drain(Traffic *traffic)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&traffic->lock);
    atomic_store(&traffic->stopping, true);
    wait_for_work(traffic);
    int64_t deadline = g_get_monotonic_time() + DRAIN_SECONDS * G_TIME_SPAN_SECOND;
    while (atomic_load(&traffic->answering) > 0 &&
           g_cond_wait_until(&traffic->quieter, &traffic->lock, deadline))
        ;
    wait_for_work(traffic);
}

/* Without MHD_quiesce_daemon: in 0.9.75 it races with the event threads for taking the socket out
 * of their epoll sets, and who loses ends the process. So new connections are still accepted while
 * the last requests finish, and hear that the service is stopping. */
void server_stop(Server *server)
{
    if (server->stopped)
        return;
    server->stopped = true;
    drain(&server->traffic);
    for (unsigned i = 0; i < server->daemons->len; i++)
        MHD_stop_daemon(server->daemons->pdata[i]);
    g_ptr_array_set_size(server->daemons, 0);
}

void server_free(Server *server)
{
    if (!server)
        return;
    server_stop(server);
    jobs_free(server->traffic.workers);
    g_ptr_array_unref(server->daemons);
    g_mutex_clear(&server->lock);
    g_cond_clear(&server->traffic.quieter);
    g_mutex_clear(&server->traffic.lock);
    g_free(server);
}
