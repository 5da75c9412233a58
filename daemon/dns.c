/* One thread, one poll loop.
 *
 * Invariants: nobody can make it wait: all sockets are non-blocking, a client that does not take
 * its answer at once is dropped (an answer has 514 bytes at most, a socket's buffer far more). It
 * has at most CONNECTIONS clients by TCP; another one takes the place of who was silent longest. */
#include "daemon/dns.h"

#include "base/fault.h"
#include "base/file.h"
#include "cloud/names.h"
#include "daemon/dns_packet.h"
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

enum {
    MESSAGE_SIZE = 4096, /* more by TCP ends the connection; by UDP the rest is not read */
    CONNECTIONS = 32,
    SILENT_SECONDS = 10,
    DATAGRAMS_A_TURN = 64,
    LISTEN_BACKLOG = 64,
    /* Names come and go at once, and to ask again costs nothing on the same computer. */
    REMEMBERED_SECONDS = 1,
    PAUSE_MS = 100, /* how long accepting stops when descriptors ran out */
};

enum { POLL_STOP, POLL_UDP, POLL_LISTENER, POLL_CONNECTIONS };

typedef struct Connection {
    int fd;         /* -1: free */
    int64_t active; /* monotonic, µs */
    size_t size;
    uint8_t data[2 + MESSAGE_SIZE];
} Connection;

struct DnsServer {
    Cloud *cloud;
    uint32_t endpoint;
    int stop, udp, listener;
    GThread *thread;
    Connection connections[CONNECTIONS];
};

/* ---- answers ---- */

static bool is_for_nobody(const DnsQuestion *question)
{
    return (question->class != DNS_CLASS_IN && question->class != DNS_CLASS_ANY) ||
           question->type == DNS_TYPE_AXFR || question->type == DNS_TYPE_IXFR;
}

static bool has_records(NameKind kind)
{
    return kind == NAME_ADDRESS || kind == NAME_ENDPOINT;
}

static DnsAnswer decide(const DnsServer *server, const DnsQuestion *question)
{
    g_autoptr(GError) error = NULL;
    NameAnswer found;
    if (question->code != DNS_OK)
        return (DnsAnswer){.code = question->code};
    if (is_for_nobody(question))
        return (DnsAnswer){.code = DNS_REFUSED};
    if (!name_resolve(server->cloud, question->name, &found, &error)) {
        g_warning("name %s: %s", question->name, error->message);
        return (DnsAnswer){.code = DNS_SERVER_FAILURE};
    }
    if (found.kind == NAME_FOREIGN)
        return (DnsAnswer){.code = DNS_REFUSED};
    bool any = question->type == DNS_TYPE_ANY;
    DnsAnswer answer = {
        .code = found.kind == NAME_UNKNOWN ? DNS_NO_SUCH_NAME : DNS_OK,
        .authoritative = true,
        .has_address = has_records(found.kind) && (any || question->type == DNS_TYPE_A),
        .address = found.kind == NAME_ENDPOINT ? server->endpoint : found.address,
        .seconds = REMEMBERED_SECONDS,
        .domain = found.domain,
        .is_domain = found.domain == 0 && (any || question->type == DNS_TYPE_SOA),
    };
    answer.has_domain = answer.is_domain || !answer.has_address;
    return answer;
}

/* 0: none is due. */
static size_t reply(const DnsServer *server, const uint8_t *message, size_t size,
                    uint8_t ret_message[DNS_ANSWER_SIZE])
{
    DnsQuestion question;
    if (!dns_read(message, size, &question))
        return 0;
    DnsAnswer answer = decide(server, &question);
    return dns_write(&question, &answer, ret_message);
}

/* ---- UDP ---- */

static void serve_datagrams(DnsServer *server)
{
    uint8_t message[MESSAGE_SIZE], answer[DNS_ANSWER_SIZE];
    for (int i = 0; i < DATAGRAMS_A_TURN; i++) {
        struct sockaddr_in client;
        socklen_t size = sizeof(client);
        ssize_t got = recvfrom(server->udp, message, sizeof(message), MSG_DONTWAIT,
                               (struct sockaddr *)&client, &size);
        if (got < 0)
            return;
        size_t n = reply(server, message, (size_t)got, answer);
        if (n > 0)
            sendto(server->udp, answer, n, MSG_DONTWAIT, (struct sockaddr *)&client, size);
    }
}

/* ---- TCP ---- */

static void hang_up(Connection *connection)
{
    autofd_clear(&connection->fd);
    connection->fd = -1;
}

static Connection *find_place(DnsServer *server)
{
    Connection *place = &server->connections[0];
    for (size_t i = 0; i < CONNECTIONS; i++) {
        Connection *connection = &server->connections[i];
        if (connection->fd < 0)
            return connection;
        if (connection->active < place->active)
            place = connection;
    }
    hang_up(place);
    return place;
}

/* False: the process has no descriptors left, so that asking again at once is of no use. */
static bool admit(DnsServer *server)
{
    int fd = accept4(server->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return errno != EMFILE && errno != ENFILE;
    Connection *connection = find_place(server);
    connection->fd = fd;
    connection->size = 0;
    connection->active = g_get_monotonic_time();
    return true;
}

/* False: it is over. */
static bool answer_message(const DnsServer *server, const Connection *connection, size_t size)
{
    uint8_t answer[2 + DNS_ANSWER_SIZE];
    size_t n = reply(server, connection->data + 2, size, answer + 2);
    if (n == 0)
        return false;
    answer[0] = (uint8_t)(n >> 8);
    answer[1] = (uint8_t)n;
    return send(connection->fd, answer, n + 2, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)n + 2;
}

/* Takes whole messages off the front of what has come. False: it is over. */
static bool answer_messages(const DnsServer *server, Connection *connection)
{
    while (connection->size >= 2) {
        size_t n = (size_t)connection->data[0] << 8 | connection->data[1];
        if (n > MESSAGE_SIZE)
            return false;
        if (connection->size < 2 + n)
            return true;
        if (!answer_message(server, connection, n))
            return false;
        connection->size -= 2 + n;
        memmove(connection->data, connection->data + 2 + n, connection->size);
    }
    return true;
}

static void serve_connection(const DnsServer *server, Connection *connection)
{
    ssize_t got = recv(connection->fd, connection->data + connection->size,
                       sizeof(connection->data) - connection->size, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    connection->active = g_get_monotonic_time();
    connection->size += got > 0 ? (size_t)got : 0;
    if (got <= 0 || !answer_messages(server, connection))
        hang_up(connection);
}

/* ---- the loop ---- */

/* Returns for how many milliseconds to wait. */
static int drop_silent(DnsServer *server)
{
    int64_t now = g_get_monotonic_time(), wait = -1;
    for (size_t i = 0; i < CONNECTIONS; i++) {
        Connection *connection = &server->connections[i];
        if (connection->fd < 0)
            continue;
        int64_t left = connection->active + SILENT_SECONDS * G_USEC_PER_SEC - now;
        if (left <= 0)
            hang_up(connection);
        else if (wait < 0 || left < wait)
            wait = left;
    }
    return wait < 0 ? -1 : (int)(wait / 1000) + 1;
}

static void *serve(void *data)
{
    DnsServer *server = data;
    struct pollfd polled[POLL_CONNECTIONS + CONNECTIONS] = {
        [POLL_STOP] = {.fd = server->stop, .events = POLLIN},
        [POLL_UDP] = {.fd = server->udp, .events = POLLIN},
        [POLL_LISTENER] = {.events = POLLIN},
    };
    bool paused = false;
    for (;;) {
        int wait = drop_silent(server);
        polled[POLL_LISTENER].fd = paused ? -1 : server->listener;
        if (paused && (wait < 0 || wait > PAUSE_MS))
            wait = PAUSE_MS;
        paused = false;
        for (size_t i = 0; i < CONNECTIONS; i++)
            polled[POLL_CONNECTIONS + i] =
                (struct pollfd){.fd = server->connections[i].fd, .events = POLLIN};
        if (poll(polled, G_N_ELEMENTS(polled), wait) < 0)
            continue;
        if (polled[POLL_STOP].revents)
            return NULL;
        if (polled[POLL_UDP].revents)
            serve_datagrams(server);
        for (size_t i = 0; i < CONNECTIONS; i++) {
            if (polled[POLL_CONNECTIONS + i].revents)
                serve_connection(server, &server->connections[i]);
        }
        /* Last: who comes may get the place of one that was served just now. */
        if (polled[POLL_LISTENER].revents)
            paused = !admit(server);
    }
}

/* ---- opening ---- */

static int open_socket(int type, const struct sockaddr_in *address)
{
    autofd fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (type == SOCK_STREAM)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ||
        (type == SOCK_STREAM && listen(fd, LISTEN_BACKLOG) < 0))
        return -1;
    return fd_steal(&fd);
}

static bool open_sockets(DnsServer *server, const DnsServerConfig *config, GError **error)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)config->port)};
    if (inet_pton(AF_INET, config->address, &address.sin_addr) != 1)
        return trouble_set(error, "%s is no address", config->address);
    server->udp = open_socket(SOCK_DGRAM, &address);
    server->listener = server->udp < 0 ? -1 : open_socket(SOCK_STREAM, &address);
    if (server->listener >= 0)
        return true;
    if (errno == EADDRINUSE)
        return trouble_set(error,
                           "port %u of %s is taken: choose another port with --dns-port, or 0 for "
                           "none",
                           config->port, config->address);
    return trouble_set_errno(error, errno, "cannot listen on port %u of %s", config->port,
                             config->address);
}

bool dns_server_open(const DnsServerConfig *config, DnsServer **ret_server, GError **error)
{
    struct in_addr endpoint;
    DnsServer *server = g_new0(DnsServer, 1);
    server->cloud = config->cloud;
    server->udp = server->listener = -1;
    server->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    for (size_t i = 0; i < CONNECTIONS; i++)
        server->connections[i].fd = -1;
    bool ok = inet_pton(AF_INET, config->endpoint, &endpoint) == 1 ||
              trouble_set(error, "%s is no address", config->endpoint);
    if (ok && server->stop < 0)
        ok = trouble_set_errno(error, errno, "cannot start the DNS server");
    if (!ok || !open_sockets(server, config, error)) {
        dns_server_close(server);
        return false;
    }
    server->endpoint = ntohl(endpoint.s_addr);
    server->thread = g_thread_new("dns", serve, server);
    *ret_server = server;
    return true;
}

void dns_server_close(DnsServer *server)
{
    if (!server)
        return;
    if (server->thread) {
        eventfd_write(server->stop, 1);
        g_thread_join(server->thread);
    }
    for (size_t i = 0; i < CONNECTIONS; i++)
        hang_up(&server->connections[i]);
    autofd_clear(&server->stop);
    autofd_clear(&server->udp);
    autofd_clear(&server->listener);
    g_free(server);
}
