/* The load of the benchmark: load MODE PORT CONNECTIONS WARM_SECONDS SECONDS.
 *
 *   keep   requests of 1 KiB on connections that stay, one at a time each
 *   new    the same, a connection for each request
 *   bulk   one endless answer on each connection
 *   idle   opens connections, a request on each, and holds them until standard input ends
 *
 * Prints "start" when warm, then "end N ERRORS MEDIAN": requests, or bytes for bulk, since "start",
 * and the median time of a request in nanoseconds when there is one connection (else 0). Both lines
 * are written at once, so that the reader can look at the server's CPU time at that moment.
 * idle prints "start" when all are open. */
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
#include <time.h>
#include <unistd.h>

enum { BATCH = 256, BODY = 1024, SINK = 4 << 20, TIMES_MAX = 1 << 20 };

typedef enum Mode { KEEP, NEW, BULK, IDLE } Mode;

typedef struct Caller {
    int fd;
    bool sent;
    uint64_t got, size; /* bytes of this answer, and how many it will have */
    double sent_at;
} Caller;

typedef struct Load {
    Mode mode;
    int epoll_fd;
    struct sockaddr_in to;
    char request[128], *sink;
    size_t request_size;
    uint64_t done, errors;
    uint32_t *times; /* nanoseconds of each request; NULL: not looked at */
    size_t times_n;
} Load;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void caller_open(Load *load, Caller *caller)
{
    int one = 1;
    *caller = (Caller){.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)};
    setsockopt(caller->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(caller->fd, (struct sockaddr *)&load->to, sizeof load->to) < 0 &&
        errno != EINPROGRESS) {
        perror("load: connect");
        exit(1);
    }
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = caller};
    epoll_ctl(load->epoll_fd, EPOLL_CTL_ADD, caller->fd, &event);
}

static void caller_send(Load *load, Caller *caller)
{
    caller->sent_at = load->times ? now() : 0;
    caller->sent = send(caller->fd, load->request, load->request_size, MSG_NOSIGNAL) > 0;
}

static void caller_reopen(Load *load, Caller *caller)
{
    close(caller->fd);
    caller_open(load, caller);
}

static void note_time(Load *load, const Caller *caller)
{
    if (load->times && load->times_n < TIMES_MAX)
        load->times[load->times_n++] = (uint32_t)((now() - caller->sent_at) * 1e9);
}

static int compare_times(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static uint32_t median_time(Load *load)
{
    if (!load->times_n)
        return 0;
    qsort(load->times, load->times_n, sizeof *load->times, compare_times);
    return load->times[load->times_n / 2];
}

/* Bytes of the answer that begins in the sink; its head comes in one piece. */
static uint64_t answer_size(const Load *load, size_t n)
{
    const char *end = memmem(load->sink, n, "\r\n\r\n", 4);
    return end ? (uint64_t)(end + 4 - load->sink) + BODY : 0;
}

static void caller_read(Load *load, Caller *caller)
{
    for (;;) {
        /* MSG_TRUNC drops the bytes without copying them: the load should cost little. */
        ssize_t n = recv(caller->fd, load->sink, SINK, load->mode == BULK ? MSG_TRUNC : 0);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            load->errors++;
            caller_reopen(load, caller);
            return;
        }
        if (!caller->got && load->mode != BULK)
            caller->size = answer_size(load, (size_t)n);
        caller->got += (uint64_t)n;
        if (load->mode == BULK) {
            load->done += (uint64_t)n;
            if (n == SINK)
                continue;
            return;
        }
        if (caller->got < caller->size)
            return;
        load->done++;
        note_time(load, caller);
        caller->got = 0;
        if (load->mode == NEW)
            caller_reopen(load, caller);
        else if (load->mode == KEEP)
            caller_send(load, caller);
        return;
    }
}

static void run_until(Load *load, double end)
{
    struct epoll_event events[BATCH];
    double left;
    while ((left = end - now()) > 0) {
        int n = epoll_wait(load->epoll_fd, events, BATCH, (int)(left * 1000) + 1);
        for (int i = 0; i < n; i++) {
            Caller *caller = events[i].data.ptr;
            if (!caller->sent && events[i].events & EPOLLOUT)
                caller_send(load, caller);
            if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
                caller_read(load, caller);
        }
    }
}

static void say(const char *line)
{
    if (write(1, line, strlen(line)) < 0)
        exit(1);
}

int main(int argc, char **argv)
{
    static const char *const modes[] = {"keep", "new", "bulk", "idle"};
    Load load = {.epoll_fd = epoll_create1(0), .sink = malloc(SINK)};
    if (argc != 6)
        return 2;
    while (load.mode < IDLE && strcmp(modes[load.mode], argv[1]) != 0)
        load.mode++;
    int n = atoi(argv[3]);
    load.to = (struct sockaddr_in){.sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)atoi(argv[2])),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    unsigned long long body = load.mode == BULK ? UINT64_C(1) << 50 : BODY;
    load.request_size = (size_t)snprintf(load.request, sizeof load.request,
                                         "GET /%llu HTTP/1.1\r\nHost: bench\r\n%s\r\n", body,
                                         load.mode == NEW ? "Connection: close\r\n" : "");
    load.times = n == 1 ? calloc(TIMES_MAX, sizeof *load.times) : NULL;
    Caller *callers = calloc((size_t)n, sizeof *callers);
    for (int i = 0; i < n; i++) {
        caller_open(&load, &callers[i]);
        if (i % 64 == 63) /* not faster than a backlog drains */
            run_until(&load, now() + 0.002);
    }
    double began = now();
    if (load.mode == IDLE)
        while (load.done < (uint64_t)n && now() < began + 20)
            run_until(&load, now() + 0.01);
    run_until(&load, now() + atof(argv[4]));
    if (load.mode == IDLE) {
        say("start\n");
        char byte;
        return (int)read(0, &byte, 1);
    }
    load.done = load.errors = 0;
    load.times_n = 0;
    say("start\n");
    run_until(&load, now() + atof(argv[5]));
    char line[64];
    snprintf(line, sizeof line, "end %llu %llu %u\n", (unsigned long long)load.done,
             (unsigned long long)load.errors, median_time(&load));
    say(line);
    return 0;
}
