/* The server behind the proxies of the benchmark: backend PORT, on 127.0.0.1, until standard input
 * ends. "GET /N" gets N bytes; "Connection: close" is honoured. One thread, no other features. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REQUEST_MAX = 512, BLOCK = 1 << 20, BATCH = 128, HEAD_MAX = 128 };

typedef struct Client {
    int fd;
    bool waiting; /* for EPOLLOUT */
    bool close_after;
    uint64_t left; /* of the body */
    size_t n;      /* of the request so far */
    char request[REQUEST_MAX];
} Client;

/* The block that bodies are cut from follows room for a head, so that a short answer is one send.
 */
static char *block_new(void)
{
    return calloc(1, HEAD_MAX + BLOCK);
}

static void client_end(Client *client)
{
    close(client->fd);
    free(client);
}

static void client_watch(int epoll_fd, Client *client, bool out)
{
    if (client->waiting == out)
        return;
    client->waiting = out;
    struct epoll_event event = {.events = out ? EPOLLOUT : EPOLLIN, .data.ptr = client};
    epoll_ctl(epoll_fd, EPOLL_CTL_MOD, client->fd, &event);
}

/* False when the client is gone. One block a call, so that streams take turns. */
static bool write_body(int epoll_fd, Client *client, const char *block)
{
    if (client->left) {
        size_t want = client->left < BLOCK ? (size_t)client->left : BLOCK;
        ssize_t n = send(client->fd, block + HEAD_MAX, want, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN)
            return false;
        client->left -= n > 0 ? (uint64_t)n : 0;
    }
    client_watch(epoll_fd, client, client->left > 0);
    return client->left || !client->close_after;
}

static bool answer(int epoll_fd, Client *client, char *block)
{
    client->left = strtoull(client->request + strlen("GET /"), NULL, 10);
    client->close_after = strstr(client->request, "Connection: close") != NULL;
    client->n = 0;
    char head[HEAD_MAX];
    int size = snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %llu\r\n\r\n",
                        (unsigned long long)client->left);
    size_t body = client->left < BLOCK ? (size_t)client->left : BLOCK;
    char *start = block + HEAD_MAX - size;
    memcpy(start, head, (size_t)size);
    ssize_t n = send(client->fd, start, (size_t)size + body, MSG_NOSIGNAL);
    if (n < size)
        return false;
    client->left -= (uint64_t)(n - size);
    client_watch(epoll_fd, client, client->left > 0);
    return client->left || !client->close_after;
}

static bool client_ready(int epoll_fd, Client *client, char *block)
{
    if (client->waiting)
        return write_body(epoll_fd, client, block);
    ssize_t n = recv(client->fd, client->request + client->n, REQUEST_MAX - 1 - client->n, 0);
    if (n <= 0)
        return n < 0 && errno == EAGAIN;
    client->n += (size_t)n;
    client->request[client->n] = 0;
    return strstr(client->request, "\r\n\r\n") ? answer(epoll_fd, client, block)
                                               : client->n < REQUEST_MAX - 1;
}

static void accept_client(int epoll_fd, int server)
{
    int fd = accept4(server, NULL, NULL, SOCK_NONBLOCK);
    if (fd < 0)
        return;
    Client *client = calloc(1, sizeof *client);
    client->fd = fd;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

int main(int argc, char **argv)
{
    int one = 1, server = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in where = {.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)atoi(argc > 1 ? argv[1] : "0")),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (bind(server, (struct sockaddr *)&where, sizeof where) < 0 || listen(server, 4096) < 0) {
        perror("backend");
        return 1;
    }
    int epoll_fd = epoll_create1(0);
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, server, &(struct epoll_event){.events = EPOLLIN});
    struct epoll_event input = {.events = EPOLLIN, .data.ptr = &input};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, 0, &input);
    char *block = block_new();
    for (;;) {
        struct epoll_event events[BATCH];
        int n = epoll_wait(epoll_fd, events, BATCH, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr == &input)
                return 0;
            Client *client = events[i].data.ptr;
            if (!client)
                accept_client(epoll_fd, server);
            else if (!client_ready(epoll_fd, client, block))
                client_end(client);
        }
    }
}
