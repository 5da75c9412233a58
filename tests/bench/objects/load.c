/* Keeps one request under way on each of many keep-alive connections for some seconds, or until
 * there was a reply for each, and prints how many came, how many bytes of bodies went either way,
 * and how many microseconds the slowest reply took.
 *
 *     bench_objects_load PORT CONNECTIONS SECONDS METHOD SIZE [PAUSE] < TARGETS
 *
 * TARGETS are lines of what stands behind the method: a path with its query, signed in the URL
 * where that is needed. Connection number i uses line i, and every CONNECTIONS'th one behind it, in
 * turns. SIZE is that of the bodies sent by PUT. After each reply all rest for PAUSE microseconds.
 * Any status but 200, 201, 204 ends the program. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BLOCK (256 * 1024)
#define MOST_SECONDS 60 /* for the first reply on each connection */

typedef struct Load {
    const char *method;
    GPtrArray *targets;
    unsigned connections;
    size_t body_size;
    char block[BLOCK]; /* of every body */
    uint64_t replies, bytes;
    int64_t slowest; /* microseconds */
    unsigned long pause;
    unsigned served; /* connections that had a reply */
} Load;

typedef struct Connection {
    int fd;
    unsigned next; /* target */
    GString *head; /* of the request, while it is sent; of the reply, while it is read */
    size_t sent;   /* of head and body */
    size_t rest;   /* of the reply's body */
    int64_t since; /* when the request was begun, g_get_monotonic_time() */
    bool sending, in_body, served;
} Connection;

static void die(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void start(Load *load, Connection *connection)
{
    const char *target = load->targets->pdata[connection->next];
    connection->next += load->connections;
    if (connection->next >= load->targets->len)
        connection->next %= load->connections;
    g_string_printf(connection->head, "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\n", load->method,
                    target);
    if (strcmp(load->method, "PUT") == 0)
        g_string_append_printf(connection->head, "Content-Length: %zu\r\n", load->body_size);
    g_string_append(connection->head, "\r\n");
    connection->sent = 0;
    connection->sending = true;
    connection->since = g_get_monotonic_time();
}

/* False: the socket is full. */
static bool send_some(Load *load, Connection *connection)
{
    size_t body = strcmp(load->method, "PUT") == 0 ? load->body_size : 0;
    while (connection->sent < connection->head->len + body) {
        const char *from = load->block;
        size_t size;
        if (connection->sent < connection->head->len) {
            from = connection->head->str + connection->sent;
            size = connection->head->len - connection->sent;
        } else {
            size = MIN(BLOCK, connection->head->len + body - connection->sent);
        }
        ssize_t n = send(connection->fd, from, size, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN)
            return false;
        if (n < 0)
            die("send");
        connection->sent += (size_t)n;
    }
    load->bytes += body;
    connection->sending = false;
    connection->in_body = false;
    g_string_truncate(connection->head, 0);
    return true;
}

static void read_head(const Load *load, Connection *connection)
{
    char *end = strstr(connection->head->str, "\r\n\r\n");
    if (!end)
        return;
    unsigned status = (unsigned)atoi(connection->head->str + strlen("HTTP/1.1 "));
    if (status != 200 && status != 201 && status != 204) {
        fprintf(stderr, "load: %s\n", connection->head->str);
        exit(1);
    }
    char *length = strcasestr(connection->head->str, "\r\ncontent-length:");
    bool has_body = length && length < end && strcmp(load->method, "HEAD") != 0;
    size_t size = has_body ? strtoull(length + 17, NULL, 10) : 0;
    size_t have = connection->head->len - (size_t)(end + 4 - connection->head->str);
    connection->in_body = true;
    connection->rest = size - MIN(have, size);
}

/* True when the reply is whole; false: no more for now. */
static bool receive_some(Load *load, Connection *connection)
{
    static char buffer[BLOCK + 1];
    while (!connection->in_body || connection->rest > 0) {
        ssize_t n = recv(connection->fd, buffer, BLOCK, 0);
        if (n < 0 && errno == EAGAIN)
            return false;
        if (n <= 0)
            die("the server closed the connection");
        load->bytes += (uint64_t)n;
        if (connection->in_body) {
            connection->rest -= MIN((size_t)n, connection->rest);
        } else {
            g_string_append_len(connection->head, buffer, n);
            read_head(load, connection);
        }
    }
    load->replies++;
    load->slowest = MAX(load->slowest, g_get_monotonic_time() - connection->since);
    load->served += !connection->served;
    connection->served = true;
    return true;
}

static void go_on(Load *load, Connection *connection)
{
    for (;;) {
        if (connection->sending && !send_some(load, connection))
            return;
        if (!receive_some(load, connection))
            return;
        if (load->pause > 0)
            g_usleep(load->pause);
        start(load, connection);
    }
}

static int open_connection(unsigned port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        die("connect");
    fcntl(fd, F_SETFL, O_NONBLOCK);
    int on = 1; /* or a body waits until the kernel of the server's side acknowledges the head */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

static GPtrArray *read_targets(void)
{
    GPtrArray *targets = g_ptr_array_new();
    char *line = NULL;
    size_t capacity = 0;
    ssize_t size;
    while ((size = getline(&line, &capacity, stdin)) > 0)
        g_ptr_array_add(targets, g_strchomp(g_strdup(line)));
    free(line);
    return targets;
}

int main(int argc, char **argv)
{
    static Load load;
    if (argc != 6 && argc != 7)
        return 2;
    unsigned port = (unsigned)atoi(argv[1]);
    load.connections = (unsigned)atoi(argv[2]);
    int64_t time = (int64_t)(atof(argv[3]) * 1e6);
    load.method = argv[4];
    load.body_size = strtoull(argv[5], NULL, 10);
    load.pause = argc == 7 ? strtoul(argv[6], NULL, 10) : 0;
    load.targets = read_targets();
    if (load.targets->len < load.connections)
        return 2;

    int epoll = epoll_create1(EPOLL_CLOEXEC);
    Connection *connections = g_new0(Connection, load.connections);
    for (unsigned i = 0; i < load.connections; i++) {
        Connection *connection = &connections[i];
        connection->fd = open_connection(port);
        connection->next = i;
        connection->head = g_string_new(NULL);
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = connection};
        start(&load, connection);
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, connection->fd, &event) < 0)
            die("epoll_ctl");
    }
    int64_t end = g_get_monotonic_time() + time;
    int64_t last = end + MOST_SECONDS * G_USEC_PER_SEC;
    while (g_get_monotonic_time() < end ||
           (load.served < load.connections && g_get_monotonic_time() < last)) {
        struct epoll_event events[64];
        int n = epoll_wait(epoll, events, G_N_ELEMENTS(events), 100);
        for (int i = 0; i < n; i++)
            go_on(&load, events[i].data.ptr);
    }
    printf("%lu %lu %ld\n", (unsigned long)load.replies, (unsigned long)load.bytes,
           (long)load.slowest);
    return 0;
}
