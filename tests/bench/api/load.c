/* Keeps one signed POST under way on each of many keep-alive connections for some seconds, and
 * prints how many replies came.
 *
 *     bench_api_load PORT CONNECTIONS SECONDS [ACTION] */
#include "api/signature/sigv4.h"

#include "base/clock.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEY "AKIDEXAMPLE"
#define SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define HOST "127.0.0.1:4566"
#define TYPE "application/x-www-form-urlencoded; charset=utf-8"

static char *signed_request(const char *action)
{
    g_autoptr(Arena) arena = arena_new();
    char time[CLOCK_TEXT_SIZE], hash[2 * SHA256_SIZE + 1];
    clock_format(g_get_real_time(), time);
    const char *stamp = arena_printf(arena, "%.4s%.2s%.5s%.2s%.2sZ", time, time + 5, time + 8,
                                     time + 14, time + 17);
    const char *body = arena_printf(
        arena, "Action=%s&Version=2016-11-15&InstanceId.1=i-0123456789abcdef0", action);
    const Header headers[] = {{"Host", HOST}, {"Content-Type", TYPE}, {"X-Amz-Date", stamp}};
    const HttpRequest http = {.method = "POST",
                              .path = "/",
                              .query = "",
                              .headers = headers,
                              .n_headers = G_N_ELEMENTS(headers)};
    const SignedRequest request = {.http = &http};
    const char *const names[] = {"content-type", "host", "x-amz-date", NULL};
    Claim claim = {.form = SIGNATURE_V4_HEADER,
                   .region = "us-east-1",
                   .service = "ec2",
                   .timestamp = stamp,
                   .signed_names = names,
                   .signed_headers = "content-type;host;x-amz-date"};
    claim.date = arena_strndup(arena, stamp, 8);
    claim.scope = arena_printf(arena, "%s/us-east-1/ec2/aws4_request", claim.date);

    uint8_t mac[SHA256_SIZE], key[SHA256_SIZE];
    g_auto(Buffer) canonical = {0}, text = {0};
    digest(DIGEST_SHA256, body, strlen(body), mac);
    hex_encode(mac, sizeof(mac), hash);
    sigv4_canonical_request(&canonical, arena, &request, &claim,
                            &(SigV4Reading){.host = HOST, .payload_hash = hash});
    sigv4_string_to_sign(&text, &claim, canonical.data, canonical.size);
    sigv4_derive_key(SECRET, &claim, key);
    digest_hmac(DIGEST_SHA256, key, sizeof(key), text.data, text.size, mac);
    hex_encode(mac, sizeof(mac), hash);
    return g_strdup_printf("POST / HTTP/1.1\r\nHost: " HOST "\r\nAccept-Encoding: identity\r\n"
                           "User-Agent: aws-cli/2.9 Python/3.11 Linux/6.1 botocore/2.4\r\n"
                           "Content-Type: " TYPE "\r\nX-Amz-Date: %s\r\n"
                           "Authorization: AWS4-HMAC-SHA256 Credential=" KEY
                           "/%s, SignedHeaders=%s, Signature=%s\r\nContent-Length: %zu\r\n\r\n%s",
                           stamp, claim.scope, claim.signed_headers, hash, strlen(body), body);
}

typedef struct Line {
    int fd;
    size_t wanted; /* bytes of the reply; 0: its head has not come */
    size_t size;
    char data[8192];
} Line;

static void must(bool ok, const char *what)
{
    if (!ok) {
        perror(what);
        exit(1);
    }
}

static void line_open(Line *line, int epoll, unsigned port)
{
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)port),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    line->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(connect(line->fd, (const struct sockaddr *)&address, sizeof(address)) == 0, "connect");
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = line};
    must(epoll_ctl(epoll, EPOLL_CTL_ADD, line->fd, &event) == 0, "epoll_ctl");
}

/* True when a whole reply is there. */
static bool line_receive(Line *line)
{
    ssize_t n = recv(line->fd, line->data + line->size, sizeof(line->data) - 1 - line->size, 0);
    must(n > 0, "recv");
    line->size += (size_t)n;
    line->data[line->size] = '\0';
    if (line->wanted == 0) {
        const char *end = strstr(line->data, "\r\n\r\n");
        const char *length = strcasestr(line->data, "Content-Length:");
        if (!end)
            return false;
        if (!length || !g_str_has_prefix(line->data, "HTTP/1.1 200")) {
            fprintf(stderr, "%s\n", line->data);
            exit(1);
        }
        line->wanted = (size_t)(end - line->data) + 4 + (size_t)atol(length + 15);
    }
    if (line->size < line->wanted)
        return false;
    line->size = line->wanted = 0;
    return true;
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    size_t n = (size_t)atol(argv[2]);
    int64_t end = g_get_monotonic_time() + (int64_t)(atof(argv[3]) * G_TIME_SPAN_SECOND);
    g_autofree char *request = signed_request(argc > 4 ? argv[4] : "DescribeInstances");
    size_t size = strlen(request);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    g_autofree Line *lines = g_new0(Line, n);
    for (size_t i = 0; i < n; i++) {
        line_open(&lines[i], epoll, (unsigned)atoi(argv[1]));
        must(send(lines[i].fd, request, size, MSG_NOSIGNAL) == (ssize_t)size, "send");
    }
    unsigned long replies = 0;
    while (g_get_monotonic_time() < end) {
        struct epoll_event events[64];
        int ready = epoll_wait(epoll, events, G_N_ELEMENTS(events), 100);
        for (int i = 0; i < ready; i++) {
            Line *line = events[i].data.ptr;
            if (!line_receive(line))
                continue;
            replies++;
            must(send(line->fd, request, size, MSG_NOSIGNAL) == (ssize_t)size, "send");
        }
    }
    printf("%lu\n", replies);
    fflush(stdout);
    /* The connections stay until whoever measures has looked at the server's threads. */
    while (getchar() != EOF)
        ;
    return 0;
}
