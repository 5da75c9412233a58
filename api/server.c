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
    Entrance plain, secure;
    unsigned idle_seconds;
    GMutex lock;              /* guards what follows */
    GPtrArray *daemons;       /* of struct MHD_Daemon */
    struct MHD_Daemon *takes; /* one of them: of server_take; NULL: none, or not any more */
    bool stopped;
};

Server *server_new(const ServerConfig *config)
{
    Server *server = g_new0(Server, 1);
    server->idle_seconds = config->idle_seconds ? config->idle_seconds : SERVER_IDLE_SECONDS;
    server->daemons = g_ptr_array_new();
    server->traffic.routes = config->routes;
    server->plain = (Entrance){.traffic = &server->traffic};
    server->secure = (Entrance){.traffic = &server->traffic, .secure = true};
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

/* fd: -1 for a daemon without a socket of its own, of one thread. NULL: errno says why. */
static struct MHD_Daemon *start_daemon(Server *server, int fd, Entrance *entrance, unsigned threads,
                                       unsigned max_connections)
{
    unsigned mode = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME;
    const struct MHD_OptionItem socket_options[] = {
        {MHD_OPTION_LISTEN_SOCKET, fd, NULL},
        /* A pool of one thread is libmicrohttpd's plain internal thread. */
        {threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END, threads, NULL},
        {MHD_OPTION_END, 0, NULL},
    };
    const struct MHD_OptionItem none = {MHD_OPTION_END, 0, NULL};
    return MHD_start_daemon(
        fd < 0 ? mode | MHD_USE_NO_LISTEN_SOCKET : mode, 0, NULL, NULL, http_connection_go_on,
        entrance, MHD_OPTION_URI_LOG_CALLBACK, http_connection_open, entrance,
        MHD_OPTION_UNESCAPE_CALLBACK, http_connection_unescape, entrance,
        MHD_OPTION_NOTIFY_COMPLETED, http_connection_end, entrance, MHD_OPTION_CONNECTION_LIMIT,
        max_connections ? max_connections : SERVER_MAX_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
        server->idle_seconds, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)SERVER_HEADER_BYTES,
        MHD_OPTION_ARRAY, fd < 0 ? &none : socket_options, MHD_OPTION_END);
}

bool server_add_listener(Server *server, int fd, unsigned threads, unsigned max_connections,
                         GError **error)
{
    struct MHD_Daemon *daemon = start_daemon(server, fd, &server->plain,
                                             threads ? threads : SERVER_THREADS, max_connections);
    if (!daemon) {
        int errnum = errno;
        close(fd);
        return trouble_set_errno(error, errnum, "cannot start the HTTP server");
    }
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&server->lock);
    g_ptr_array_add(server->daemons, daemon);
    return true;
}

bool server_add_secure(Server *server, unsigned max_connections, GError **error)
{
    struct MHD_Daemon *daemon = start_daemon(server, -1, &server->secure, 1, max_connections);
    if (!daemon)
        return trouble_set_errno(error, errno, "cannot start the HTTPS server");
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&server->lock);
    g_ptr_array_add(server->daemons, daemon);
    server->takes = daemon;
    return true;
}

int server_take(Server *server, int fd, uint32_t client)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(client)};
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&server->lock);
    if (!server->takes) {
        close(fd);
        return -ECONNREFUSED;
    }
    errno = 0;
    if (MHD_add_connection(server->takes, fd, (struct sockaddr *)&address, sizeof(address)) ==
        MHD_YES)
        return 0;
    return errno ? -errno : -EAGAIN; /* it has closed the socket */
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
    g_mutex_lock(&server->lock);
    server->takes = NULL;
    g_mutex_unlock(&server->lock);
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
